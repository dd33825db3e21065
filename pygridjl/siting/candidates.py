"""Buses that may hold units."""

from __future__ import annotations

import numpy as np

from pygridjl.core.types import IntArray
from pygridjl.grid.feeder import Feeder

__all__ = ["candidate_sites"]


def candidate_sites(feeder: Feeder) -> IntArray:
    """Return the buses that may hold generation unless told otherwise: all but the source.

    Parameters
    ----------
    feeder : Feeder
        The feeder.

    Returns
    -------
    ndarray of int, shape (n_site,)
        Positions of buses with at least one phase, in feeder order.
    """
    there = np.array(feeder.buses.phases.any(axis=1))
    there[feeder.source_bus] = False
    return np.flatnonzero(there)
