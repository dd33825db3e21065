"""Bundled cases as plain tables, and the one door to any network: :func:`load_network`."""

from pygridjl.grid.cases.catalogue import CaseInfo, describe, get_case, list_cases, load_network
from pygridjl.grid.cases.generators import feeder_like, watts_strogatz

__all__ = [
    "CaseInfo",
    "describe",
    "feeder_like",
    "get_case",
    "list_cases",
    "load_network",
    "watts_strogatz",
]
