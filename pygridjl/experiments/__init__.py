"""Benchmarks and the papers' experiments, one room a subject."""
