"""Siting with proven bounds, by Benders decomposition."""

from pygridjl.stochastic.benders.driver import benders

__all__ = ["benders"]
