"""Sampler (FORWARD, Alg. 4): choose the next edge of the polyforest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pygridjl.core.types import BoolArray, IntArray
from pygridjl.reconfiguration.forward.flow_graph import FlowGraph
from pygridjl.reconfiguration.forward.forest import Forest
from pygridjl.reconfiguration.forward.net_concad import CondensedGraph
from pygridjl.reconfiguration.forward.weights import WeightRule

__all__ = ["SampledEdge", "sample"]


@dataclass(frozen=True)
class SampledEdge:
    """The edge e* that Alg. 4 returns.

    Attributes
    ----------
    edge : int
        Position in the island.
    start, end : int
        Its ends; power flows start → end.
    cost : float
        Its step cost under the weight rule.
    """

    edge: int
    start: int
    end: int
    cost: float


def sample(
    island: FlowGraph,
    condensed: CondensedGraph,
    forest: Forest,
    rule: WeightRule,
    *,
    literal: bool = False,
) -> SampledEdge | None:
    """Order the candidates i → j and take the first. O(m log m).

    The queue is sorted by weight, then the candidates whose tree can serve j (p_i + p_j ≥ 0) move
    to its top, then those of pendant super sources, each time keeping their order (lines 3, 5, 6).
    Readings:

    * p_j is the balance of node j, or of the tree it belongs to; not that of the super sink, since
      the weights speak of node j too.
    * |N(i)| = 1 counts the super sinks next to the super source of i in Ḡ, after edge-delete.
      (Pushed to the top last, these come first.)
    * Line 4 deletes the edges with both ends in V(S). The text says "in one of the existing
      trees", which is what prevents cycles and nothing more. By default the same-tree reading
      holds; no candidate joins nodes of one tree, for its ends have balances of different sign.
    * Line 3 sorts "in increasing order" and line 7 pops, which takes the least probable edge; the
      text wants the most probable one, as by default here.

    Parameters
    ----------
    island : FlowGraph
        One island.
    condensed : CondensedGraph
        Its condensed graph, for the same ``forest``.
    forest : Forest
        What was sampled in it.
    rule : WeightRule
        The weights.
    literal : bool
        Follow lines 3 and 4 as printed.

    Returns
    -------
    SampledEdge or None
        None if the queue is empty. Ties go to the lowest edge.
    """
    edge, start, end = condensed.edge, condensed.start, condensed.end
    if literal:
        sampled = _sampled_nodes(island, forest)
        left = ~(sampled[start] & sampled[end])
        edge, start, end = edge[left], start[left], end[left]
    if edge.size == 0:
        return None
    supply = forest.balance[start]
    demand = np.maximum(-forest.balance[end], 0.0)
    cost = rule.step_cost(island.weight[edge], demand)
    weight = rule.weight(supply, cost, forest.accumulated[start])
    served = supply - demand >= -island.tolerance
    pendant = _neighbours(condensed, start, end)[condensed.super_node[start]] == 1
    queue = np.lexsort((weight if literal else -weight, ~served, ~pendant))
    first = int(queue[0])
    return SampledEdge(int(edge[first]), int(start[first]), int(end[first]), float(cost[first]))


def _sampled_nodes(island: FlowGraph, forest: Forest) -> BoolArray:
    """V(S): the nodes that a sampled edge touches."""
    sampled = np.zeros(island.n, dtype=bool)
    sampled[island.tail[forest.closed]] = True
    sampled[island.head[forest.closed]] = True
    return sampled


def _neighbours(condensed: CondensedGraph, start: IntArray, end: IntArray) -> IntArray:
    """Count the super sinks next to each super source."""
    size = int(condensed.super_node.max()) + 1
    pairs = np.unique(condensed.super_node[start] * size + condensed.super_node[end])
    return np.bincount(pairs // size, minlength=size)
