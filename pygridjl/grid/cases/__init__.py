"""Bundled cases and feeders as plain tables, and generators of random ones."""

from pygridjl.grid.cases.catalogue import (
    CaseInfo,
    FeederInfo,
    describe,
    describe_feeder,
    get_case,
    list_cases,
    list_feeders,
)
from pygridjl.grid.cases.generators import feeder_like, watts_strogatz

__all__ = [
    "CaseInfo",
    "FeederInfo",
    "describe",
    "describe_feeder",
    "feeder_like",
    "get_case",
    "list_cases",
    "list_feeders",
    "watts_strogatz",
]
