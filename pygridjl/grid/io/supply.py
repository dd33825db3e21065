"""Buses that no source can reach: what a reader does with them."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pygridjl.grid.network import Network

__all__ = ["leave_out_unsupplied"]

_NAMED = 10


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
    named = ", ".join(lost[:_NAMED]) + (", …" if lost.size > _NAMED else "")
    load = float(network.loads.p[~fed[network.loads.bus]].sum()) * network.base_mva
    place = np.cumsum(fed) - 1
    kept = branch.take(fed[branch.from_bus] & fed[branch.to_bus])
    units = gen.take(fed[gen.bus])
    loads = network.loads.take(fed[network.loads.bus])
    return network.replace(
        buses=network.buses.take(fed),
        branches=kept.replace(from_bus=place[kept.from_bus], to_bus=place[kept.to_bus]),
        generators=units.replace(bus=place[units.bus]),
        loads=loads.replace(bus=place[loads.bus]),
        notes=(
            *network.notes,
            f"{lost.size} buses that no source can reach left out ({load:.6g} MW of load): {named}",
        ),
    )
