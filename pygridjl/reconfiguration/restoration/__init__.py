"""Restoration: what can be supplied after a fault, within limits, with the fewest operations."""
