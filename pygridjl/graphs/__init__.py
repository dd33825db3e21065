"""Algorithms on graphs given as arrays of edge ends."""
