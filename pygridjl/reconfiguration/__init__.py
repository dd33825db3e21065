"""Radial reconfiguration: the problem, its methods and its certificates."""
