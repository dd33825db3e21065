"""Siting with proven bounds, by Benders decomposition."""

from pygridjl.siting.methods.benders.driver import benders

__all__ = ["benders"]
