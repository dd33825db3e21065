"""Pre-processor (FORWARD, Alg. 1): sample what belongs to every radial configuration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pygridjl.core.jit import kernel
from pygridjl.core.types import FloatArray, IntArray
from pygridjl.reconfiguration.forward.flow_graph import FlowGraph

__all__ = ["Preprocessed", "preprocess"]


@dataclass(frozen=True, eq=False)
class Preprocessed:
    """What Alg. 1 returns.

    Attributes
    ----------
    edge : ndarray of int, shape (k,)
        The sampled edges S⁰ in the order they were taken, as the input's ``edge`` calls them.
    start, end : ndarray of int, shape (k,)
        Their orientation start → end (direction of flow), as the input's ``node`` calls them.
    graph : FlowGraph
        G_P without pendant nodes and with updated injections; no nodes at all if the input was a
        tree.
    """

    edge: IntArray
    start: IntArray
    end: IntArray
    graph: FlowGraph


@kernel
def _peel(
    start: IntArray, node: IntArray, edge: IntArray, injection: FloatArray
) -> tuple[IntArray, IntArray, IntArray, FloatArray, IntArray]:
    n = start.shape[0] - 1
    p = injection.copy()
    degree = np.empty(n, dtype=np.int64)
    pendant = np.empty(n, dtype=np.int64)
    waiting = 0
    for u in range(n):
        degree[u] = start[u + 1] - start[u]
        if degree[u] == 1:
            pendant[waiting] = u
            waiting += 1
    taken = np.empty(n, dtype=np.int64)
    source = np.empty(n, dtype=np.int64)
    target = np.empty(n, dtype=np.int64)
    count = 0
    done = 0
    while done < waiting:
        u = pendant[done]
        done += 1
        if degree[u] != 1:
            # The other end of its last edge was taken first: u is what remains of a tree.
            continue
        for slot in range(start[u], start[u + 1]):
            v = node[slot]
            # A peeled neighbour has degree 0; only one edge of u leads to a node still there.
            if degree[v] > 0:
                taken[count] = edge[slot]
                if p[u] >= 0:
                    source[count], target[count] = u, v
                else:
                    source[count], target[count] = v, u
                count += 1
                p[v] += p[u]
                degree[u] = 0
                degree[v] -= 1
                if degree[v] == 1:
                    pendant[waiting] = v
                    waiting += 1
                break
    return taken[:count], source[:count], target[:count], p, degree


def preprocess(graph: FlowGraph) -> Preprocessed:
    """Take every pendant edge and fold its node into the neighbour until none is left. O(n + m).

    Two slips of the paper, both without consequence here: Alg. 1 starts from an S it never names
    again, and the text calls what remains "at least 2-connected", while a graph without pendant
    nodes (a 2-core) can still have cut vertices and bridges; those are the Islander's work.

    Parameters
    ----------
    graph : FlowGraph
        A connected graph.

    Returns
    -------
    Preprocessed
        S⁰ with its orientation, the reduced graph and its injections.
    """
    near = graph.adjacency
    taken, start, end, p, degree = _peel(near.start, near.node, near.edge, graph.p)
    # A node that balances what was folded into it must read zero, not the rounding of the sum.
    p[np.abs(p) <= graph.tolerance] = 0.0
    kept = np.flatnonzero(degree > 0).astype(np.int64)
    number = np.full(graph.n, -1, dtype=np.int64)
    number[kept] = np.arange(kept.size)
    edges = np.flatnonzero((degree[graph.tail] > 0) & (degree[graph.head] > 0))
    reduced = FlowGraph(
        p=p[kept],
        tail=number[graph.tail[edges]],
        head=number[graph.head[edges]],
        weight=graph.weight[edges],
        node=graph.node[kept],
        edge=graph.edge[edges],
    )
    return Preprocessed(graph.edge[taken], graph.node[start], graph.node[end], reduced)
