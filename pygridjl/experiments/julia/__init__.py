"""Benchmark of the Julia half."""
