"""Chordal extension of a graph and its maximal cliques."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pygridjl.core.types import IntArray

__all__ = ["ChordalExtension", "chordal_extension"]


@dataclass(frozen=True, eq=False)
class ChordalExtension:
    """A chordal graph that holds a given one.

    Attributes
    ----------
    cliques : tuple of tuple of int
        Its maximal cliques, each sorted.
    fill : ndarray of int, shape (k, 2)
        Edges that were added, smaller end first, sorted.
    """

    cliques: tuple[tuple[int, ...], ...]
    fill: IntArray


def chordal_extension(n: int, tail: IntArray, head: IntArray) -> ChordalExtension:
    """Eliminate nodes of least degree first; what that joins makes the graph chordal.

    Parameters
    ----------
    n : int
        Number of nodes.
    tail, head : ndarray of int, shape (m,)
        Ends of the edges; parallel edges and loops do no harm.

    Returns
    -------
    ChordalExtension
        Cliques and added edges. O(n + edges of the extension times its clique size).
    """
    near: list[set[int]] = [set() for _ in range(n)]
    for u, v in zip(tail.tolist(), head.tolist(), strict=True):
        if u != v:
            near[u].add(v)
            near[v].add(u)
    given = [set(neighbours) for neighbours in near]
    # Buckets of nodes by degree: a node is looked at where it last moved to.
    buckets: list[set[int]] = [set() for _ in range(n + 1)]
    for node in range(n):
        buckets[len(near[node])].add(node)
    cliques: list[set[int]] = []
    fill: list[tuple[int, int]] = []
    least = 0
    for _ in range(n):
        while not buckets[least]:
            least += 1
        node = min(buckets[least])
        buckets[least].remove(node)
        around = near[node]
        # The clique of a later node is inside one of an earlier one exactly if it is a subset.
        clique = around | {node}
        if not any(clique <= other for other in cliques if node in other):
            cliques.append(clique)
        members = sorted(around)
        for u in members:
            buckets[len(near[u])].discard(u)
            near[u].discard(node)
        for k, u in enumerate(members):
            for v in members[k + 1 :]:
                if v not in near[u]:
                    near[u].add(v)
                    near[v].add(u)
                    if v not in given[u]:
                        fill.append((u, v))
        for u in members:
            buckets[len(near[u])].add(u)
            least = min(least, len(near[u]))
    pairs = np.array(sorted(fill), dtype=np.int64).reshape(-1, 2)
    return ChordalExtension(tuple(tuple(sorted(c)) for c in cliques), pairs)
