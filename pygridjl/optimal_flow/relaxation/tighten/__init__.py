"""Optimisation-based bound tightening with safe bounds."""
