"""Stages of growth: what to build now, and what later on each path of a scenario tree."""
