"""Rows that follow the box: cuts and envelopes that get tighter with it."""
