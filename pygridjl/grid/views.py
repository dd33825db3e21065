"""A network as what pandas and networkx users expect. Copies: changing them changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pygridjl.grid.network import Network

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["to_frames", "to_networkx"]


def to_frames(network: Network) -> dict[str, pd.DataFrame]:
    """Return the four tables, with bus ids where the arrays hold positions.

    Parameters
    ----------
    network : Network
        The network.

    Returns
    -------
    dict of DataFrame
        ``buses``, ``branches``, ``generators`` and ``loads``, indexed by id; p.u. as in the model.
        The cost of generators is split into ``cost_2``, ``cost_1`` and ``cost_0``; piecewise-linear
        costs are lists of points.

    Examples
    --------
    >>> from pygridjl import load_network, to_frames
    >>> sorted(to_frames(load_network("case33bw")))
    ['branches', 'buses', 'generators', 'loads']
    """
    frames = {}
    for name in ("buses", "branches", "generators", "loads"):
        columns: dict[str, Any] = {}
        for column, values in getattr(network, name).columns():
            if column in ("bus", "from_bus", "to_bus"):
                columns[column] = network.buses.id[values]
            elif column == "cost_points":
                columns[column] = [points[~np.isnan(points[:, 0])].tolist() for points in values]
            elif values.ndim == 2:
                for k, power in enumerate(range(values.shape[1] - 1, -1, -1)):
                    columns[f"{column}_{power}"] = values[:, k]
            else:
                columns[column] = values
        frames[name] = pd.DataFrame(columns).set_index("id")
    return frames


def to_networkx(network: Network) -> nx.MultiGraph[str]:
    """Return the graph of buses and branches.

    Parameters
    ----------
    network : Network
        The network.

    Returns
    -------
    networkx.MultiGraph
        Nodes are bus ids with ``load_p``, ``load_q`` (p.u.) and ``substation``; edges have the
        branch id as key and the columns of the branch table as attributes.

    Examples
    --------
    >>> from pygridjl import load_network, to_networkx
    >>> to_networkx(load_network("case33bw")).number_of_nodes()
    33
    """
    import networkx as nx

    frames = to_frames(network)
    graph: nx.MultiGraph[str] = nx.MultiGraph(name=network.name)
    substation = np.zeros(network.n_bus, dtype=bool)
    substation[network.slack_buses] = True
    for k, (bus, columns) in enumerate(frames["buses"].iterrows()):
        graph.add_node(
            str(bus),
            **{str(k): v for k, v in columns.items()},
            load_p=float(network.load_p[k]),
            load_q=float(network.load_q[k]),
            substation=bool(substation[k]),
        )
    for branch, columns in frames["branches"].iterrows():
        attributes = {str(k): v for k, v in columns.items()}
        ends = attributes.pop("from_bus"), attributes.pop("to_bus")
        graph.add_edge(*ends, key=branch, **attributes)
    return graph
