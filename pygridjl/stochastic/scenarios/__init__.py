"""Scenarios of load and sun: the set itself, how it is made, read and written."""
