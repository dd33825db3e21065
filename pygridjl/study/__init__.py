"""Grids of runs: what is computed, how it is stored, how it is laid out as tables."""
