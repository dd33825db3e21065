"""What an optimal power flow asks of a network beyond sound data."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pygridjl.core.errors import InvalidNetworkError
from pygridjl.core.findings import Finding
from pygridjl.core.types import FloatArray, IntArray
from pygridjl.grid.network import Network
from pygridjl.grid.network_checks import validate

__all__ = ["assert_solvable", "cost_lines", "hold_sources"]


def hold_sources(network: Network) -> tuple[Network, tuple[str, ...]]:
    """Hold the voltages of sources at buses that have no highest one.

    Losses fall with the voltage: where nothing bounds it from above there is no best one, and an
    interior-point method drifts away.

    Parameters
    ----------
    network : Network
        The network.

    Returns
    -------
    network : Network
        The band of those buses is the set-point of their first slack, or unit that holds its
        voltage.
    notes : tuple of str
        Which they are; empty if there are none.
    """
    unit, bus = network.generators, network.buses
    holding = np.flatnonzero((unit.slack | unit.holds_v) & unit.in_service)
    holding = holding[~np.isfinite(bus.v_max[unit.bus[holding]])]
    if not holding.size:
        return network, ()
    holding = holding[np.argsort(~unit.slack[holding], kind="stable")]
    at, first = np.unique(unit.bus[holding], return_index=True)
    low, high = bus.v_min.copy(), bus.v_max.copy()
    low[at] = high[at] = unit.v_set[holding[first]]
    names = ", ".join(bus.id[at[:5]].tolist()) + (", …" if at.size > 5 else "")
    note = f"v_max is missing at buses with sources, which keep their set-points v_set: {names}"
    return network.replace(buses=bus.replace(v_min=low, v_max=high)), (note,)


def assert_solvable(network: Network) -> None:
    """Raise one error that lists everything that is wrong, before any solver starts.

    Beyond :func:`pygridjl.validate`: a reference bus there must be, and with the branches of the
    base state every bus with demand must reach a unit in service.

    Parameters
    ----------
    network : Network
        The network.

    Raises
    ------
    InvalidNetworkError
        If anything is found.
    """
    findings = list(validate(network, "opf"))
    unit = network.generators
    if not network.slack_buses.size:
        findings.append(
            Finding("network", (), "slack", "no unit in service stands at a reference bus")
        )
    if not findings:
        branch = network.branches.take(network.branches.closed)
        ends = (branch.from_bus, branch.to_bus)
        graph = coo_array((np.ones(len(branch)), ends), shape=(network.n_bus, network.n_bus))
        _, island = connected_components(graph, directed=False)
        fed = np.isin(island, island[unit.bus[unit.in_service]])
        cut = ~fed & ((network.load_p != 0) | (network.load_q != 0))
        if cut.any():
            names = tuple(network.buses.id[cut].tolist())
            text = "has demand but no unit in service, as the branches are"
            findings.append(Finding("bus", names, "island", text))
    if findings:
        raise InvalidNetworkError(network.name, tuple(findings))


def cost_lines(network: Network) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return the lines whose upper envelope is the piecewise-linear part of the costs.

    Parameters
    ----------
    network : Network
        The network.

    Returns
    -------
    unit : ndarray of int, shape (k,)
        Position of the unit of each line, sorted; only units in service.
    slope, intercept : ndarray, shape (k,)
        Cost per hour and p.u., cost per hour.
    """
    points = network.generators.cost_points
    width, rise = np.diff(points, axis=1).transpose(2, 0, 1)
    there = np.isfinite(width) & network.generators.in_service[:, None]
    unit, piece = np.nonzero(there)
    slope = rise[unit, piece] / width[unit, piece]
    intercept = points[unit, piece, 1] - slope * points[unit, piece, 0]
    return unit.astype(np.int64), slope, intercept
