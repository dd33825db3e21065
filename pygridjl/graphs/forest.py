"""Graph kernels shared by power flow and reconfiguration: adjacency, rooted forests, cycles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pygridjl.core.jit import kernel
from pygridjl.core.types import BoolArray, FloatArray, IntArray

__all__ = [
    "Adjacency",
    "RootedForest",
    "adjacency",
    "breadth_first",
    "find_root",
    "path_sums",
    "rooted_forest",
    "spanning_forest",
    "subtree_sums",
]


@dataclass(frozen=True, eq=False)
class Adjacency:
    """Compressed adjacency of an undirected multigraph.

    Attributes
    ----------
    start : ndarray of int, shape (n + 1,)
        Node ``i`` owns the slots ``start[i]:start[i + 1]``.
    node, edge : ndarray of int, shape (2 m,)
        Neighbour and edge of each slot.
    """

    start: IntArray
    node: IntArray
    edge: IntArray


@dataclass(frozen=True, eq=False)
class RootedForest:
    """A forest seen from its roots.

    Attributes
    ----------
    order : ndarray of int, shape (k,)
        Nodes reached, parents before children (breadth first); ``k < n`` if some are cut off.
    parent, edge : ndarray of int, shape (n,)
        Parent node and the edge to it; −1 for roots and for nodes that were not reached.
    """

    order: IntArray
    parent: IntArray
    edge: IntArray


def adjacency(n: int, tail: IntArray, head: IntArray) -> Adjacency:
    """Build the compressed adjacency of ``n`` nodes and the edges ``tail[e] – head[e]``.

    Parameters
    ----------
    n : int
        Number of nodes.
    tail, head : ndarray of int, shape (m,)
        Ends of the edges.

    Returns
    -------
    Adjacency
        Slots sorted by node, then by edge. O(n + m).
    """
    m = tail.shape[0]
    ends = np.concatenate([tail, head])
    slots = np.argsort(ends, kind="stable")
    start = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.bincount(ends, minlength=n), out=start[1:])
    edges = np.concatenate([np.arange(m), np.arange(m)]).astype(np.int64)
    return Adjacency(start, np.concatenate([head, tail])[slots], edges[slots])


@kernel
def breadth_first(
    start: IntArray, node: IntArray, edge: IntArray, closed: BoolArray, roots: IntArray
) -> tuple[IntArray, IntArray, IntArray, int]:
    """Walk the closed edges from the roots (compiled part of :func:`rooted_forest`).

    Returns ``order`` (its first ``count`` entries), ``parent``, ``edge`` and ``count``.
    """
    n = start.shape[0] - 1
    parent = np.full(n, -1, dtype=np.int64)
    via = np.full(n, -1, dtype=np.int64)
    seen = np.zeros(n, dtype=np.bool_)
    order = np.empty(n, dtype=np.int64)
    count = 0
    for root in roots:
        if not seen[root]:
            seen[root] = True
            order[count] = root
            count += 1
    done = 0
    while done < count:
        u = order[done]
        done += 1
        for slot in range(start[u], start[u + 1]):
            v = node[slot]
            if closed[edge[slot]] and not seen[v]:
                seen[v] = True
                parent[v] = u
                via[v] = edge[slot]
                order[count] = v
                count += 1
    return order, parent, via, count


def rooted_forest(graph: Adjacency, closed: BoolArray, roots: IntArray) -> RootedForest:
    """Walk the closed edges from the roots, breadth first.

    Parameters
    ----------
    graph : Adjacency
        The whole graph.
    closed : ndarray of bool, shape (m,)
        Edges that may be walked. If they hold a cycle, the forest leaves its closing edge out.
    roots : ndarray of int
        Where to start.

    Returns
    -------
    RootedForest
        O(n + m).
    """
    order, parent, via, count = breadth_first(graph.start, graph.node, graph.edge, closed, roots)
    return RootedForest(order[:count], parent, via)


@kernel
def _accumulate(order: IntArray, parent: IntArray, value: FloatArray) -> FloatArray:
    total = value.copy()
    for k in range(order.shape[0] - 1, -1, -1):
        u = order[k]
        if parent[u] >= 0:
            total[parent[u]] += total[u]
    return total


def subtree_sums(forest: RootedForest, value: FloatArray) -> FloatArray:
    """Sum of ``value`` over the subtree below each node, itself included. O(n).

    Parameters
    ----------
    forest : RootedForest
        The forest.
    value : ndarray, shape (n,) or (n, k)
        One number or one row a node.

    Returns
    -------
    ndarray of the shape of ``value``
        For a non-root, the negative of the flow towards it when ``value`` is the injection.
    """
    return _accumulate(forest.order, forest.parent, value)


@kernel
def _pass_down(order: IntArray, parent: IntArray, value: FloatArray) -> FloatArray:
    total = value.copy()
    for u in order:
        if parent[u] >= 0:
            total[u] += total[parent[u]]
    return total


def path_sums(forest: RootedForest, value: FloatArray) -> FloatArray:
    """Sum of ``value`` over the path from the root to each node, both included. O(n).

    Parameters
    ----------
    forest : RootedForest
        The forest.
    value : ndarray, shape (n,)
        One number a node; for a non-root usually that of the edge to its parent.

    Returns
    -------
    ndarray, shape (n,)
        Such as the voltage drop, when ``value`` is that of the edges.
    """
    return _pass_down(forest.order, forest.parent, value)


@kernel
def find_root(above: IntArray, u: int) -> int:
    """Return the root of a node in a forest of unions, and shorten the way there (compiled).

    Parameters
    ----------
    above : ndarray of int, shape (n,)
        A node above each, roots themselves; shortened in place.
    u : int
        The node.

    Returns
    -------
    int
        The root; a union is ``above[root] = other_root``.
    """
    while above[u] != u:
        above[u] = above[above[u]]
        u = above[u]
    return u


@kernel
def spanning_forest(
    n: int, tail: IntArray, head: IntArray, order: IntArray, closed: BoolArray
) -> BoolArray:
    """Complete a forest to one that connects all it can, by Kruskal's rule (compiled).

    Parameters
    ----------
    n : int
        Number of nodes.
    tail, head : ndarray of int, shape (m,)
        Ends of the edges; parallel ones are edges like any other.
    order : ndarray of int
        Edges in the order in which they are tried.
    closed : ndarray of bool, shape (m,)
        A forest to start from.

    Returns
    -------
    ndarray of bool, shape (m,)
        The forest and the edges added. O(m α(n)).
    """
    above = np.arange(n)
    kept = closed.copy()
    for sweep in range(2):
        for e in order:
            # The first sweep only takes over the forest that is already there.
            if (sweep == 0) != closed[e]:
                continue
            u, v = find_root(above, tail[e]), find_root(above, head[e])
            if u != v:
                above[u] = v
                kept[e] = True
    return kept
