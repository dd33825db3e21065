"""Tables and graphs say what the arrays say."""

import networkx as nx
import numpy as np

from pygridjl import get_case
from pygridjl.grid.views import to_frames, to_networkx


def test_frames_hold_every_column_by_bus_id():
    network = get_case("case14")
    frames = to_frames(network)
    assert frames["branches"].loc[1, ["from_bus", "to_bus"]].tolist() == ["1", "2"]
    assert frames["generators"]["cost_2"].tolist() == network.generators.cost[:, 0].tolist()
    assert np.isclose(frames["loads"]["p"].sum() * network.base_mva, 259.0)


def test_graph_keeps_switch_states_and_parallel_branches():
    network = get_case("case33bw")
    graph = to_networkx(network)
    assert [n for n, d in graph.nodes(data=True) if d["substation"]] == ["1"]
    closed = nx.MultiGraph(
        (u, v, k) for u, v, k, d in graph.edges(keys=True, data=True) if d["closed"]
    )
    assert nx.is_tree(closed)
    assert sorted(k for _, _, k, d in graph.edges(keys=True, data=True) if not d["closed"]) == [
        33, 34, 35, 36, 37,
    ]  # fmt: skip
    twice = network.replace(branches=network.branches.take([0, 0]).replace(id=[1, 2]))
    assert to_networkx(twice).number_of_edges("1", "2") == 2
