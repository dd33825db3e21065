"""Thin typed wrappers of the solvers: input checks, statuses, bounds. Import the one you need."""
