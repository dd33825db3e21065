"""Plots, tables and pages. Everything here draws results; nothing computes them."""
