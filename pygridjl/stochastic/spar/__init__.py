"""Siting by learned separable approximations of the expected second stage (SPAR)."""

from pygridjl.stochastic.spar.driver import SparOptions, SparResult, spar

__all__ = ["SparOptions", "SparResult", "spar"]
