"""Siting by learned separable approximations of the expected second stage (SPAR)."""

from pygridjl.siting.methods.spar.driver import SparResult, spar
from pygridjl.siting.registry import SparOptions

__all__ = ["SparOptions", "SparResult", "spar"]
