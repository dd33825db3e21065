"""Benchmark of siting methods."""
