"""Net-Concad (FORWARD, Alg. 3): condense an island into super sources and super sinks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pygridjl.core.types import BoolArray, IntArray
from pygridjl.reconfiguration.forward.flow_graph import FlowGraph
from pygridjl.reconfiguration.forward.forest import Forest

__all__ = ["CondensedGraph", "condense"]


@dataclass(frozen=True, eq=False)
class CondensedGraph:
    """The quasi-bipartite graph Ḡ of Definition 2.

    Attributes
    ----------
    super_node : ndarray of int, shape (n,)
        Super node of each node of the island.
    is_source : ndarray of bool, shape (n,)
        Whether the node is in a super source (p > 0).
    edge : ndarray of int, shape (c,)
        Edges of the island between a super source and a super sink, ascending.
    start, end : ndarray of int, shape (c,)
        Their ends in the island, from the super source to the super sink.
    """

    super_node: IntArray
    is_source: BoolArray
    edge: IntArray
    start: IntArray
    end: IntArray


def condense(
    island: FlowGraph, forest: Forest, *, merge_adjacent_sources: bool = False
) -> CondensedGraph:
    """Group the trees with power left and the connected rest. O(n + m).

    Super sinks are the connected components of the nodes whose balance is zero or negative; a
    tree that has spent its power is one of their members (a "pseudo" sink). Readings:

    * Line 4 of Alg. 3 takes E(V_g ∪ V_c), which is every edge, away; the edges *between* the two
      groups stay, so E(V_g) ∪ E(V_c) is meant. Hence no candidate joins two trees that both have
      power left.
    * As printed, the components of G(V_g) are the super sources, which condenses two adjacent
      trees into one although no edge between them was sampled; the text says that a super source
      is a tree.

    Parameters
    ----------
    island : FlowGraph
        One island.
    forest : Forest
        What was sampled in it.
    merge_adjacent_sources : bool
        Condense as printed. By default every tree with power left is its own super source.

    Returns
    -------
    CondensedGraph
        The candidates of the Sampler.
    """
    is_source = forest.balance > island.tolerance
    tail, head = island.tail, island.head
    both_sources = is_source[tail] & is_source[head]
    if not merge_adjacent_sources:
        both_sources &= forest.tree[tail] == forest.tree[head]
    inside = both_sources | ~(is_source[tail] | is_source[head])
    links = coo_array(
        (np.ones(int(inside.sum())), (tail[inside], head[inside])), shape=(island.n, island.n)
    )
    _, label = connected_components(links, directed=False)
    edge = np.flatnonzero(is_source[tail] != is_source[head]).astype(np.int64)
    forward = is_source[tail[edge]]
    return CondensedGraph(
        super_node=label.astype(np.int64),
        is_source=is_source,
        edge=edge,
        start=np.where(forward, tail[edge], head[edge]),
        end=np.where(forward, head[edge], tail[edge]),
    )
