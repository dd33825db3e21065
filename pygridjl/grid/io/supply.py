"""Buses that no source can reach: what a reader does with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pygridjl.core.types import BoolArray
from pygridjl.grid.network import Network

__all__ = ["leave_out_unsupplied", "named", "without_buses"]

_NAMED = 10


def named(ids: Sequence[object] | NDArray[Any]) -> str:
    """Return the first ids as a note shows them."""
    return ", ".join(map(str, ids[:_NAMED])) + (", …" if len(ids) > _NAMED else "")


def leave_out_unsupplied(network: Network) -> Network:
    """Return the network without the buses that no source reaches even with every branch closed.

    Parameters
    ----------
    network : Network
        As read.

    Returns
    -------
    Network
        Itself if every bus is supplied or there is no source at all (which validation reports);
        else a copy without those buses and all connected to them, which a note names.
    """
    gen, branch = network.generators, network.branches
    usable = branch.closed | branch.switchable
    ends = (branch.from_bus[usable], branch.to_bus[usable])
    graph = coo_array((np.ones(ends[0].size), ends), shape=(network.n_bus, network.n_bus))
    _, island = connected_components(graph, directed=False)
    sources = gen.slack & gen.in_service
    if not sources.any():
        sources = gen.in_service
    fed = np.isin(island, island[gen.bus[sources]])
    if fed.all() or not fed.any():
        return network
    lost = network.buses.id[~fed]
    load = float(network.loads.p[~fed[network.loads.bus]].sum()) * network.base_mva
    what = f"{lost.size} buses that no source can reach left out ({load:.6g} MW of load)"
    note = f"{what}: {named(lost)}"
    return without_buses(network, ~fed, note)


def without_buses(network: Network, gone: BoolArray, note: str) -> Network:
    """Return the network without some buses and all that is connected to them.

    Parameters
    ----------
    network : Network
        The network.
    gone : ndarray of bool, shape (n_bus,)
        The buses.
    note : str
        What the network's notes say of it.
    """
    kept, place = ~gone, np.cumsum(~gone) - 1
    branch = network.branches
    branch = branch.take(kept[branch.from_bus] & kept[branch.to_bus])
    units = network.generators.take(kept[network.generators.bus])
    loads = network.loads.take(kept[network.loads.bus])
    return network.replace(
        buses=network.buses.take(kept),
        branches=branch.replace(from_bus=place[branch.from_bus], to_bus=place[branch.to_bus]),
        generators=units.replace(bus=place[units.bus]),
        loads=loads.replace(bus=place[loads.bus]),
        notes=(*network.notes, note),
    )
