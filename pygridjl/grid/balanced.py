"""A single-phase network as a feeder of three balanced phases."""

from __future__ import annotations

import numpy as np

from pygridjl.core.errors import InvalidNetworkError
from pygridjl.core.findings import Finding
from pygridjl.core.types import FloatArray, IntArray
from pygridjl.grid.feeder import Feeder
from pygridjl.grid.feeder_tables import (
    Capacitors,
    FeederBranches,
    FeederBuses,
    FeederGenerators,
    FeederLoads,
)
from pygridjl.grid.network import Network

__all__ = ["balanced_feeder"]


def balanced_feeder(network: Network) -> Feeder:
    """Return a network as a three-phase feeder whose phases are all alike and not coupled.

    In per unit nothing changes: each phase is the network, on a third of its power base, so that
    voltages and currents are the same and the powers of all phases together are the network's. Its
    substations become one source; where there is none, the largest unit does. Switches keep their
    ids.

    Parameters
    ----------
    network : Network
        A network whose closed branches are a tree, or a forest with a substation in each tree,
        without phase shifts.

    Returns
    -------
    Feeder
        The feeder, not validated.

    Raises
    ------
    InvalidNetworkError
        If a branch shifts the phase, substations differ in voltage, or nothing is in service.

    Examples
    --------
    >>> import pygridjl
    >>> network = pygridjl.load_network("case33bw")
    >>> feeder = pygridjl.balanced_feeder(network)
    >>> feeder.n_node == 3 * network.n_bus
    True
    """
    branch, bus, gen = network.branches, network.buses, network.generators
    sources = _sources(network)
    root = int(sources[0])
    # Substations that are one source are one bus; the others keep their order.
    kept = np.setdiff1d(np.arange(network.n_bus), sources[1:])
    position = np.empty(network.n_bus, dtype=np.int64)
    position[kept] = np.arange(kept.size)
    position[sources] = position[root]
    ends = position[branch.from_bus], position[branch.to_bus]
    rows = np.flatnonzero(ends[0] != ends[1])
    one = np.eye(3)
    loaded = np.flatnonzero((network.load_p != 0) | (network.load_q != 0))
    shunted = np.flatnonzero((bus.gs != 0) | (bus.bs != 0))
    units = np.flatnonzero(gen.in_service & ~np.isin(gen.bus, sources))
    return Feeder(
        name=network.name,
        phase_mva=network.base_mva / 3.0,
        buses=FeederBuses(
            id=bus.id[kept],
            kv_ln=np.where(bus.base_kv > 0, bus.base_kv, 1.0)[kept] / np.sqrt(3.0),
            v_min=bus.v_min[kept],
            v_max=bus.v_max[kept],
            x=bus.x[kept],
            y=bus.y[kept],
        ),
        branches=FeederBranches(
            id=branch.id[rows].astype(np.str_),
            from_bus=ends[0][rows],
            to_bus=ends[1][rows],
            r=branch.r[rows, None, None] * one,
            x=branch.x[rows, None, None] * one,
            kind=np.where(branch.tap[rows] == 1.0, "line", "transformer"),
            ratio=1.0 / branch.tap[rows],
            b=branch.b[rows],
            rating=branch.rating[rows],
            closed=branch.closed[rows],
        ),
        loads=FeederLoads(
            id=bus.id[loaded],
            bus=position[loaded],
            p=network.load_p[loaded],
            q=network.load_q[loaded],
        ),
        capacitors=Capacitors(
            id=bus.id[shunted],
            bus=position[shunted],
            q=bus.bs[shunted],
            p=-bus.gs[shunted],
        ),
        generators=FeederGenerators(
            id=gen.id[units],
            bus=position[gen.bus[units]],
            p=gen.p[units],
            q=gen.q[units],
            s_max=np.full(units.size, np.inf),
        ),
        source_bus=int(position[root]),
        v_set=_voltage(network, sources),
        source=network.source,
        notes=(*network.notes, "three balanced phases, each a third of the network"),
    )


def _sources(network: Network) -> IntArray:
    """Return the substations, or the bus of the largest unit."""
    branch, gen = network.branches, network.generators
    if (branch.shift != 0).any():
        ids = tuple(str(i) for i in branch.id[branch.shift != 0])
        finding = Finding("branch", ids, "shift", "a feeder of balanced phases has no phase shifts")
        raise InvalidNetworkError(network.name, [finding])
    if network.slack_buses.size:
        return network.slack_buses
    units = np.flatnonzero(gen.in_service)
    if units.size == 0:
        finding = Finding("generator", (), "in_service", "no source is in service")
        raise InvalidNetworkError(network.name, [finding])
    return gen.bus[[units[np.argmax(gen.p[units])]]]


def _voltage(network: Network, sources: IntArray) -> FloatArray:
    """Return the voltage that all sources hold."""
    gen = network.generators
    held = np.unique(gen.v_set[gen.in_service & np.isin(gen.bus, sources)])
    if held.size > 1:
        finding = Finding("generator", (), "v_set", "substations that differ cannot be one source")
        raise InvalidNetworkError(network.name, [finding])
    return np.full(3, held[0])
