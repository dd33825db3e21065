"""Seeded random networks of any size."""

from pygridjl.grid.cases.generators.feeder_like import feeder_like
from pygridjl.grid.cases.generators.small_world import watts_strogatz

__all__ = ["feeder_like", "watts_strogatz"]
