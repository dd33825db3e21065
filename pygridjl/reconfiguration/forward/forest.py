"""The polyforest that grows inside one island: its trees, their balances, their costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pygridjl.core.types import BoolArray, FloatArray, IntArray
from pygridjl.reconfiguration.forward.flow_graph import FlowGraph

__all__ = ["Forest", "empty_forest", "join"]


@dataclass(frozen=True, eq=False)
class Forest:
    """Trees sampled so far; a node that was not reached is a tree of its own.

    Attributes
    ----------
    tree : ndarray of int, shape (n,)
        Label of the tree of each node (one of its nodes).
    balance : ndarray, shape (n,)
        Power left (positive) or still missing (negative) in the tree of each node, p.u.
    accumulated : ndarray, shape (n,)
        h̃ of the tree of each node: sum of its step costs.
    closed : ndarray of bool, shape (m,)
        Edges sampled.
    """

    tree: IntArray
    balance: FloatArray
    accumulated: FloatArray
    closed: BoolArray


def empty_forest(island: FlowGraph) -> Forest:
    """Forest without edges: T_i = ({i}, ∅) (Alg. 5, line 6)."""
    return Forest(
        tree=np.arange(island.n, dtype=np.int64),
        balance=island.p.copy(),
        accumulated=np.zeros(island.n),
        closed=np.zeros(island.m, dtype=bool),
    )


def join(forest: Forest, start: int, end: int, edge: int, cost: float, tolerance: float) -> Forest:
    """Sample one edge (Alg. 5, lines 10 and 11). O(n).

    Parameters
    ----------
    forest : Forest
        The forest before.
    start, end : int
        Ends of the edge, in different trees.
    edge : int
        Its position.
    cost : float
        Its step cost.
    tolerance : float
        Balance that counts as zero, p.u.

    Returns
    -------
    Forest
        The forest after; the tree of ``end`` became part of that of ``start``.
    """
    merged = (forest.tree == forest.tree[start]) | (forest.tree == forest.tree[end])
    left = float(forest.balance[start] + forest.balance[end])
    spent = float(forest.accumulated[start] + forest.accumulated[end]) + cost
    closed = forest.closed.copy()
    closed[edge] = True
    return Forest(
        tree=np.where(merged, forest.tree[start], forest.tree),
        balance=np.where(merged, 0.0 if abs(left) <= tolerance else left, forest.balance),
        accumulated=np.where(merged, spent, forest.accumulated),
        closed=closed,
    )
