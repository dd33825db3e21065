"""Cycle bases of undirected graphs given as arrays of edge ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from pygridjl.core.jit import kernel
from pygridjl.core.types import IntArray
from pygridjl.graphs.forest import RootedForest, adjacency, rooted_forest

__all__ = [
    "Cycle",
    "component_roots",
    "fundamental_cycle_matrix",
    "fundamental_cycles",
    "minimum_cycle_basis",
]


@dataclass(frozen=True)
class Cycle:
    """A simple cycle.

    Attributes
    ----------
    nodes : tuple of int
        In order; the last is joined to the first.
    """

    nodes: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.nodes)

    def steps(self) -> Iterator[tuple[int, int]]:
        """Yield its edges in the sense of the order, ``(from, to)``."""
        yield from zip(self.nodes, (*self.nodes[1:], self.nodes[0]), strict=True)


def _simple(n: int, tail: IntArray, head: IntArray) -> tuple[IntArray, IntArray]:
    """Return the ends of the edges without parallel ones and loops, smaller end first."""
    low, high = np.minimum(tail, head), np.maximum(tail, head)
    codes = np.unique((low * n + high)[low != high])
    return codes // n, codes % n


def component_roots(
    n: int, tail: IntArray, head: IntArray, first: IntArray | None = None
) -> IntArray:
    """Return one node of each component.

    Parameters
    ----------
    n : int
        Number of nodes.
    tail, head : ndarray of int, shape (m,)
        Ends of the edges.
    first : ndarray of int, optional
        Nodes that are preferred.

    Returns
    -------
    ndarray of int
        The first preferred node of each component, else its smallest.
    """
    graph = coo_array((np.ones(tail.size), (tail, head)), shape=(n, n))
    _, component = connected_components(graph, directed=False)
    order = np.arange(n) if first is None else np.concatenate([first, np.arange(n)])
    _, position = np.unique(component[order], return_index=True)
    return np.asarray(order[position], dtype=np.int64)


def fundamental_cycles(n: int, tail: IntArray, head: IntArray) -> list[Cycle]:
    """Return the cycles that the edges outside a breadth-first forest close.

    Parameters
    ----------
    n : int
        Number of nodes.
    tail, head : ndarray of int, shape (m,)
        Ends of the edges; parallel edges count once.

    Returns
    -------
    list of Cycle
        m − n + components of the simple graph. O(m n) at worst.
    """
    tail, head = _simple(n, tail, head)
    graph = adjacency(n, tail, head)
    closed = np.ones(tail.size, dtype=np.bool_)
    forest = rooted_forest(graph, closed, component_roots(n, tail, head))
    closed[forest.edge[forest.edge >= 0]] = False
    matrix = fundamental_cycle_matrix(tail, head, forest, np.flatnonzero(closed))
    # Row by row the edges follow each other; a sign tells which end comes first.
    first = np.where(matrix.data > 0, tail[matrix.indices], head[matrix.indices])
    rows = np.split(first, matrix.indptr[1:-1]) if matrix.shape[0] else []
    return [Cycle((int(row[0]), *reversed(row[1:].tolist()))) for row in rows]


def fundamental_cycle_matrix(
    tail: IntArray, head: IntArray, forest: RootedForest, chords: IntArray
) -> csr_array:
    """Return the cycles that chords close in a forest, by their edges.

    Parameters
    ----------
    tail, head : ndarray of int, shape (m,)
        Ends of the edges.
    forest : RootedForest
        A spanning forest of the graph.
    chords : ndarray of int, shape (k,)
        Edges outside it whose ends it joins.

    Returns
    -------
    csr_array of int8, shape (k, m)
        1 where the cycle of a chord, followed from the chord's tail to its head and back through
        the forest, runs along an edge, −1 where it runs against it; the entries of a row stand in
        that order. O(nodes + entries).
    """
    start, edge, sign = _walks(forest.order, forest.parent, forest.edge, tail, head, chords)
    return csr_array((sign, edge, start), shape=(chords.size, tail.size))


@kernel
def _walks(
    order: IntArray,
    parent: IntArray,
    via: IntArray,
    tail: IntArray,
    head: IntArray,
    chord: IntArray,
) -> tuple[IntArray, IntArray, np.ndarray[tuple[int, ...], np.dtype[np.int8]]]:
    """Walk the cycle of each chord; return where each begins, its edges and their signs."""
    depth = np.zeros(parent.shape[0], dtype=np.int64)
    for u in order:
        if parent[u] >= 0:
            depth[u] = depth[parent[u]] + 1
    start = np.zeros(chord.shape[0] + 1, dtype=np.int64)
    for j in range(chord.shape[0]):
        # Up from the head of the chord, down to its tail; first only the length.
        up, down = head[chord[j]], tail[chord[j]]
        start[j + 1] = start[j] + 1
        while up != down:
            start[j + 1] += 1
            if depth[up] >= depth[down]:
                up = parent[up]
            else:
                down = parent[down]
    edge = np.empty(start[-1], dtype=np.int64)
    sign = np.empty(start[-1], dtype=np.int8)
    for j in range(chord.shape[0]):
        first, last = start[j], start[j + 1]
        edge[first], sign[first] = chord[j], 1
        up, down = head[chord[j]], tail[chord[j]]
        while up != down:
            if depth[up] >= depth[down]:
                first += 1
                e = via[up]
                edge[first], sign[first] = e, 1 if tail[e] == up else -1
                up = parent[up]
            else:
                last -= 1
                e = via[down]
                edge[last], sign[last] = e, 1 if head[e] == down else -1
                down = parent[down]
    return start, edge, sign


def minimum_cycle_basis(n: int, tail: IntArray, head: IntArray) -> list[Cycle]:
    """Return a cycle basis with the fewest edges in all (Horton 1987).

    Parameters
    ----------
    n : int
        Number of nodes.
    tail, head : ndarray of int, shape (m,)
        Ends of the edges; parallel edges count once.

    Returns
    -------
    list of Cycle
        Shortest first. Candidates are the shortest cycles through an edge and a node of a set
        that every cycle meets (Mehlhorn and Michail 2006), taken by length as long as they are
        independent; O(m) of them for each node of the set.
    """
    tail, head = _simple(n, tail, head)
    m = tail.size
    graph = adjacency(n, tail, head)
    closed = np.ones(m, dtype=np.bool_)
    wanted = m - n + component_roots(n, tail, head).size
    if not wanted:
        return []
    parents: dict[int, IntArray] = {}
    edges: dict[int, IntArray] = {}
    lengths, roots, closers = [], [], []
    for root in _feedback_nodes(n, tail, head):
        forest = rooted_forest(graph, closed, np.array([root]))
        parents[root], edges[root] = forest.parent, forest.edge
        depth, first = np.full(n, -1), np.full(n, -1)
        depth[root] = 0
        for u in forest.order[1:].tolist():
            above = forest.parent[u]
            depth[u] = depth[above] + 1
            first[u] = u if above == root else first[above]
        through = (depth[tail] >= 0) & (first[tail] != first[head])
        through &= (edges[root][tail] != np.arange(m)) & (edges[root][head] != np.arange(m))
        found = np.flatnonzero(through)
        lengths.append(depth[tail[found]] + depth[head[found]] + 1)
        roots.append(np.full(found.size, root))
        closers.append(found)
    length, start, closer = (np.concatenate(part) for part in (lengths, roots, closers))
    pivots: dict[int, int] = {}
    seen: set[int] = set()
    basis: list[Cycle] = []
    for at in np.argsort(length, kind="stable").tolist():
        root, edge = int(start[at]), int(closer[at])
        up = _path(parents[root], int(tail[edge]))
        down = _path(parents[root], int(head[edge]))
        vector = 1 << edge
        for node in (*up[:-1], *down[:-1]):
            vector ^= 1 << int(edges[root][node])
        if vector in seen:
            continue
        seen.add(vector)
        while vector:
            top = vector.bit_length() - 1
            if top not in pivots:
                pivots[top] = vector
                basis.append(Cycle((*up, *reversed(down[:-1]))))
                break
            vector ^= pivots[top]
        if len(basis) == wanted:
            break
    return basis


def _feedback_nodes(n: int, tail: IntArray, head: IntArray) -> list[int]:
    """Return nodes that every cycle meets: always the one with most neighbours in cycles."""
    near: list[set[int]] = [set() for _ in range(n)]
    for i, j in zip(tail.tolist(), head.tolist(), strict=True):
        near[i].add(j)
        near[j].add(i)
    taken: list[int] = []
    ends = [node for node in range(n) if len(near[node]) <= 1]
    while True:
        while ends:
            node = ends.pop()
            for other in near[node]:
                near[other].discard(node)
                if len(near[other]) <= 1:
                    ends.append(other)
            near[node] = set()
        top = max(range(n), key=lambda node: len(near[node]))
        if not near[top]:
            return taken
        taken.append(top)
        ends.append(top)


def _path(parent: IntArray, node: int) -> list[int]:
    """Nodes from a node up to the root of its tree."""
    path = [node]
    while parent[path[-1]] >= 0:
        path.append(int(parent[path[-1]]))
    return path
