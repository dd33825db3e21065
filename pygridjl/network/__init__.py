"""Data models of grids, their validation, readers and writers."""

from pygridjl.network.model import Branches, Buses, Generators, Loads, Network
from pygridjl.network.validation import Finding, assert_valid, validate

__all__ = [
    "Branches",
    "Buses",
    "Finding",
    "Generators",
    "Loads",
    "Network",
    "assert_valid",
    "validate",
]
