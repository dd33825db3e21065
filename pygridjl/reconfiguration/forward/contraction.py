"""Contraction of the edges that must be closed, so that no mode of FORWARD can open them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pygridjl.core.types import BoolArray, FloatArray, IntArray
from pygridjl.reconfiguration.problem import RadialProblem

__all__ = ["Contraction", "contract_forced"]


@dataclass(frozen=True, eq=False)
class Contraction:
    """A problem without forced edges, and the way back.

    Attributes
    ----------
    problem : RadialProblem
        The smaller problem; its ``node_of_bus`` leads from the buses to the merged nodes.
    edge : ndarray of int, shape (m',)
        Edge of the larger problem that each edge of the smaller one is.
    forced : ndarray of bool, shape (m,)
        Forced edges of the larger problem.
    """

    problem: RadialProblem
    edge: IntArray
    forced: BoolArray

    def expand(self, closed: BoolArray) -> BoolArray:
        """Turn a configuration of the smaller problem into one of the larger.

        Parameters
        ----------
        closed : ndarray of bool, shape (m',)
            A spanning tree of the smaller problem.

        Returns
        -------
        ndarray of bool, shape (m,)
            A spanning tree of the larger problem that holds all forced edges.
        """
        states = self.forced.copy()
        states[self.edge] = closed
        return states


def contract_forced(problem: RadialProblem) -> Contraction:
    """Merge the ends of all forced edges; edges inside a merged node fall away. O(n + m).

    Parameters
    ----------
    problem : RadialProblem
        The forced edges hold no cycle (``build_problem`` checks it).

    Returns
    -------
    Contraction
        Spanning trees of the smaller problem and those of the larger one with all forced edges
        correspond one to one.
    """
    if not problem.forced.any():
        return Contraction(problem, np.arange(problem.m, dtype=np.int64), problem.forced)
    ends = problem.tail[problem.forced], problem.head[problem.forced]
    links = coo_array((np.ones(ends[0].size), ends), shape=(problem.n, problem.n))
    count, label = connected_components(links, directed=False)
    node = label.astype(np.int64)
    tail, head = node[problem.tail], node[problem.head]
    edge = np.flatnonzero(tail != head).astype(np.int64)
    smaller = dataclasses.replace(
        problem,
        n=int(count),
        node_of_bus=node[problem.node_of_bus],
        root=int(node[problem.root]),
        branch=problem.branch[edge],
        tail=tail[edge],
        head=head[edge],
        weight=problem.weight[edge],
        p=_summed(problem.p, node, int(count)),
        q=_summed(problem.q, node, int(count)),
        forced=np.zeros(edge.size, dtype=bool),
    )
    return Contraction(smaller, edge, problem.forced)


def _summed(value: FloatArray, node: IntArray, count: int) -> FloatArray:
    total = np.zeros(count)
    np.add.at(total, node, value)
    return total
