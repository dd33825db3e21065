"""Hosting capacity: the most PV that keeps the limits."""
