"""Biconnected blocks and bridges of undirected multigraphs, by one low-link search."""

from __future__ import annotations

import numpy as np

from pygridjl.core.jit import kernel
from pygridjl.core.types import BoolArray, IntArray

__all__ = ["biconnected_blocks", "bridges"]


@kernel
def biconnected_blocks(
    start: IntArray, node: IntArray, edge: IntArray, usable: BoolArray
) -> tuple[IntArray, int]:
    """Find the blocks whose edges lie on common cycles (J. Hopcroft and R. E. Tarjan 1973).

    Parameters
    ----------
    start, node, edge : ndarray of int
        The fields of an :class:`~pygridjl.graphs.forest.Adjacency`.
    usable : ndarray of bool, shape (m,)
        Edges that take part.

    Returns
    -------
    block : ndarray of int, shape (m,)
        Block of each edge, −1 for those that take no part.
    count : int
        Number of blocks. O(n + m), without recursion.
    """
    n = start.shape[0] - 1
    block = np.full(usable.shape[0], -1, dtype=np.int64)
    found = np.full(n, -1, dtype=np.int64)
    low = np.zeros(n, dtype=np.int64)
    parent = np.full(n, -1, dtype=np.int64)
    via = np.full(n, -1, dtype=np.int64)
    slot = start[:n].copy()
    stack = np.empty(usable.shape[0], dtype=np.int64)
    height = 0
    clock = 0
    count = 0
    for root in range(n):
        if found[root] >= 0:
            continue
        found[root] = low[root] = clock
        clock += 1
        u = root
        while u >= 0:
            if slot[u] < start[u + 1]:
                v, e = node[slot[u]], edge[slot[u]]
                slot[u] += 1
                if not usable[e] or e == via[u]:
                    continue
                if found[v] < 0:
                    found[v] = low[v] = clock
                    clock += 1
                    parent[v] = u
                    via[v] = e
                    stack[height] = e
                    height += 1
                    u = v
                elif found[v] < found[u]:
                    stack[height] = e
                    height += 1
                    low[u] = min(low[u], found[v])
                continue
            w = parent[u]
            if w >= 0:
                low[w] = min(low[w], low[u])
                if low[u] >= found[w]:
                    while True:
                        height -= 1
                        block[stack[height]] = count
                        if stack[height] == via[u]:
                            break
                    count += 1
            u = w
    return block, count


@kernel
def bridges(start: IntArray, node: IntArray, edge: IntArray, usable: BoolArray) -> BoolArray:
    """Find the usable edges on no cycle of usable edges: the blocks of a single edge.

    Parameters
    ----------
    start, node, edge, usable
        See :func:`biconnected_blocks`.

    Returns
    -------
    ndarray of bool, shape (m,)
        O(n + m).
    """
    block, count = biconnected_blocks(start, node, edge, usable)
    size = np.zeros(count, dtype=np.int64)
    for b in block:
        if b >= 0:
            size[b] += 1
    alone = np.zeros(block.shape[0], dtype=np.bool_)
    for e in range(block.shape[0]):
        alone[e] = block[e] >= 0 and size[block[e]] == 1
    return alone
