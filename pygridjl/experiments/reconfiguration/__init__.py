"""Benchmark of reconfiguration methods."""
