"""Islander (FORWARD, Alg. 2): split the graph into parts whose configurations do not interact."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pygridjl.core.types import BoolArray, FloatArray, IntArray
from pygridjl.graphs.connectivity import biconnected_blocks
from pygridjl.graphs.forest import rooted_forest, subtree_sums
from pygridjl.reconfiguration.forward.flow_graph import FlowGraph

__all__ = ["Islands", "find_islands"]


@dataclass(frozen=True, eq=False)
class Islands:
    """The islands as one graph that falls apart into them.

    Attributes
    ----------
    graph : FlowGraph
        All islands side by side. A cut vertex stands in each of its islands, with the injection
        that island sees there; the injections of every island sum to zero.
    of_node : ndarray of int, shape (n',)
        Island of each node of ``graph``.
    of_edge : ndarray of int, shape (m,)
        Island of each edge of ``graph``.
    count : int
        Number of islands.
    """

    graph: FlowGraph
    of_node: IntArray
    of_edge: IntArray
    count: int

    def parts(self) -> list[FlowGraph]:
        """Return each island as a graph of its own; its ``edge`` refers to the original input."""
        whole = self.graph
        nodes = np.argsort(self.of_node, kind="stable")
        edges = np.argsort(self.of_edge, kind="stable")
        node_start = np.searchsorted(self.of_node[nodes], np.arange(self.count + 1))
        edge_start = np.searchsorted(self.of_edge[edges], np.arange(self.count + 1))
        number = np.empty(whole.n, dtype=np.int64)
        number[nodes] = np.arange(whole.n) - node_start[self.of_node[nodes]]
        parts = []
        for k in range(self.count):
            mine = nodes[node_start[k] : node_start[k + 1]]
            own = edges[edge_start[k] : edge_start[k + 1]]
            parts.append(
                FlowGraph(
                    p=whole.p[mine],
                    tail=number[whole.tail[own]],
                    head=number[whole.head[own]],
                    weight=whole.weight[own],
                    node=whole.node[mine],
                    edge=whole.edge[own],
                )
            )
        return parts


def _joined_at(
    graph: FlowGraph, block: IntArray, count: int, kept: BoolArray
) -> tuple[IntArray, int]:
    """Merge the blocks that share a node which may not be split."""
    tail_kept, head_kept = kept[graph.tail], kept[graph.head]
    blocks = np.concatenate([block[tail_kept], block[head_kept]])
    nodes = np.concatenate([graph.tail[tail_kept], graph.head[head_kept]])
    size = count + graph.n
    shared = coo_array((np.ones(blocks.size), (blocks, count + nodes)), shape=(size, size))
    _, label = connected_components(shared, directed=False)
    islands, island_of_block = np.unique(label[:count], return_inverse=True)
    return island_of_block.astype(np.int64)[block], int(islands.size)


def _island_injections(
    graph: FlowGraph, tail: IntArray, head: IntArray, node: IntArray, of_node: IntArray
) -> FloatArray:
    """Injection of each copy of each node: what any flow carries from it into that island.

    The flow through a cut vertex into an island is the same for every flow that balances the
    graph, so that of one spanning tree will do.
    """
    every_edge = np.ones(graph.m, dtype=bool)
    tree = rooted_forest(graph.adjacency, every_edge, np.array([0]))
    below = tree.order[1:]
    edge = tree.edge[below]
    flow = np.zeros(graph.m)
    flow[edge] = subtree_sums(tree, graph.p)[below] * np.where(graph.tail[edge] == below, 1.0, -1.0)
    leaving = np.bincount(tail, weights=flow, minlength=node.size)
    leaving -= np.bincount(head, weights=flow, minlength=node.size)
    leaving[np.abs(leaving) <= graph.tolerance] = 0.0
    cut = np.bincount(node, minlength=graph.n)[node] > 1
    p = np.where(cut, leaving, graph.p[node])
    # Rounding of the long sums goes to the largest cut vertex, so that each island sums to zero
    # as closely as its own numbers allow.
    rows = np.flatnonzero(cut)
    rows = rows[np.lexsort((np.abs(p[rows]), of_node[rows]))]
    largest = rows[np.append(np.diff(of_node[rows]) > 0, True)] if rows.size else rows
    p[largest] -= np.bincount(of_node, weights=p)[of_node[largest]]
    return p


def find_islands(graph: FlowGraph, *, at_sources_only: bool = False) -> Islands:
    """Split a graph at its cut vertices and balance each part. O(n + m), but for a sort.

    As printed, Alg. 2 splits at the articulation nodes that are *sources* and asserts (Lemma 2.1)
    that what results is biconnected. It is not: a 2-core can have cut vertices that are sinks or
    inject nothing, and bridges. The exact thing is to split at every cut vertex, into the
    biconnected blocks: a set of edges is a spanning tree of the graph exactly if its part in each
    block is a spanning tree of that block, and the flow into a block through a cut vertex is the
    same in all of them. Each cut vertex gets that flow as its injection in that block; it may be
    a source in one and a sink in another.

    The text has the parts "induced by removing" the articulation nodes. Each part keeps its copy
    of them, and they are split one after another: removing two at once would also take a cycle
    through both apart, and trees of its halves could then close a cycle.

    Parameters
    ----------
    graph : FlowGraph
        A connected graph, or one without nodes.
    at_sources_only : bool
        Split as printed, at articulation nodes with p > 0 only. Parts then share no source, but
        may be far from biconnected. By default at every cut vertex.

    Returns
    -------
    Islands
        The islands; none if the graph has no edge.
    """
    near = graph.adjacency
    every = np.ones(graph.m, dtype=bool)
    island, count = biconnected_blocks(near.start, near.node, near.edge, every)
    if at_sources_only and count > 1:
        island, count = _joined_at(graph, island, count, graph.p <= graph.tolerance)
    # One node a pair of island and node.
    pairs = np.concatenate([island * graph.n + graph.tail, island * graph.n + graph.head])
    copies, position = np.unique(pairs, return_inverse=True)
    tail, head = position[: graph.m].astype(np.int64), position[graph.m :].astype(np.int64)
    if graph.m == 0:
        return Islands(graph, np.zeros(0, dtype=np.int64), island, 0)
    of_node, node = copies // graph.n, copies % graph.n
    p = _island_injections(graph, tail, head, node, of_node)
    split = FlowGraph(p, tail, head, graph.weight, graph.node[node], graph.edge)
    return Islands(split, of_node, island, count)
