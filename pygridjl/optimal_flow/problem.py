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

__all__ = ["assert_solvable", "cost_lines"]


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
