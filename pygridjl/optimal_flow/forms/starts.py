"""Where a search for an AC operating point begins."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array, csc_array
from scipy.sparse.linalg import spsolve

from pygridjl.core.types import FloatArray
from pygridjl.grid.network import Network

__all__ = ["dc_angles", "inside"]


def inside(start: FloatArray, lower: FloatArray, upper: FloatArray) -> FloatArray:
    """Move a start value to the middle of its bounds, where both are finite."""
    bounded = np.isfinite(lower) & np.isfinite(upper)
    middle = np.where(bounded, (np.where(bounded, lower, 0) + np.where(bounded, upper, 0)) / 2, 0)
    return np.where(bounded, middle, np.clip(start, lower, upper))


def dc_angles(network: Network, load_p: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Angles of a DC power flow in which every unit takes the same share of its range.

    Parameters
    ----------
    network : Network
        The network in its base state.
    load_p : ndarray, shape (n_bus,)
        Active demand, p.u.

    Returns
    -------
    va : ndarray, shape (n_bus,)
        Angles, rad; as given at the slack buses.
    p : ndarray
        Injections of the units in service, p.u.
    """
    unit = network.generators.take(network.generators.in_service)
    low = np.where(np.isfinite(unit.p_min), unit.p_min, 0.0)
    high = np.where(np.isfinite(unit.p_max), unit.p_max, np.maximum(low, load_p.sum()))
    span = float((high - low).sum())
    share = np.clip((load_p.sum() - low.sum()) / span, 0.0, 1.0) if span > 0 else 0.0
    p = low + share * (high - low)
    injection = np.bincount(unit.bus, p, network.n_bus) - load_p
    branch = network.branches.take(network.branches.closed)
    # A series of resistance alone has no susceptance; its impedance stands in for it.
    weight = 1.0 / (np.where(branch.x != 0, branch.x, np.abs(branch.r)) * branch.tap)
    injection += np.bincount(branch.from_bus, weight * branch.shift, network.n_bus)
    injection -= np.bincount(branch.to_bus, weight * branch.shift, network.n_bus)
    f, t, n = branch.from_bus, branch.to_bus, network.n_bus
    values = np.concatenate([weight, weight, -weight, -weight])
    ends = (np.concatenate([f, t, f, t]), np.concatenate([f, t, t, f]))
    matrix = csc_array(coo_array((values, ends), shape=(n, n)))
    free = np.setdiff1d(np.arange(n), network.slack_buses)
    va = np.zeros(n)
    va[network.slack_buses] = network.slack_angles
    injection -= matrix @ va
    if free.size:
        solved = spsolve(matrix[free][:, free], injection[free])
        va[free] = np.nan_to_num(np.atleast_1d(solved), posinf=0.0, neginf=0.0)
    return va, p
