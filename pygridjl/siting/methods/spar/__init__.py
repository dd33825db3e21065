"""Siting by learned separable approximations of the expected second stage (SPAR)."""

from pygridjl.siting.methods.spar.driver import SparOptions, SparResult, spar

__all__ = ["SparOptions", "SparResult", "spar"]
