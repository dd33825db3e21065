"""Sequential opening: from the meshed network, open the branch of least current, again and again.

A. Merlin and H. Back (PSCC 1975) with the electrical flow of the linear model in place of an AC
power flow, one branch at a time as in D. Shirmohammadi and H. W. Hong (IEEE Trans. Power Delivery
1989).
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.jit import kernel
from pygridjl.core.types import BoolArray, FloatArray
from pygridjl.graphs.connectivity import bridges
from pygridjl.graphs.cycles import fundamental_cycle_matrix
from pygridjl.graphs.forest import rooted_forest
from pygridjl.reconfiguration.electrical import electrical_flow
from pygridjl.reconfiguration.heuristics.trees import minimum_spanning_tree
from pygridjl.reconfiguration.problem import RadialProblem

__all__ = ["sequential_opening"]

# The dense matrix of k independent cycles takes 8 k² bytes and is updated k times.
MAX_CYCLES = 3000


def sequential_opening(problem: RadialProblem) -> BoolArray:
    """Open the non-bridge of least electrical flow until a tree is left.

    Works in the space of the k = m − n + 1 independent cycles: opening edge e with loop row c
    is the constraint c·t = −x_e, a rank-1 downdate of the inverse loop resistance. Cost O(k³) for
    the whole run plus O(m) an opening, so a long feeder with few ties is cheap; 1000 cycles take
    seconds, and more than 3000 are refused.

    Parameters
    ----------
    problem : RadialProblem
        The problem.

    Returns
    -------
    ndarray of bool, shape (m,)
        A spanning tree that holds all forced edges.

    Raises
    ------
    InvalidOptionError
        If the network has more than 3000 independent cycles.
    """
    cycles = problem.m - problem.n + 1
    if cycles > MAX_CYCLES:
        raise InvalidOptionError(
            f"method: sequential opening is limited to {MAX_CYCLES} independent cycles, network "
            f"{problem.network.name!r} has {cycles}; use the max-flow tree"
        )
    closed = np.ones(problem.m, dtype=bool)
    if cycles == 0:
        return closed
    graph, flow = problem.graph, electrical_flow(problem).flow
    loops = _loop_matrix(problem)
    inverse = np.linalg.inv((loops.T @ (loops * problem.weight[:, None])).toarray())
    for _ in range(cycles):
        bridge = bridges(graph.start, graph.node, graph.edge, closed)
        candidates = np.flatnonzero(closed & ~bridge & ~problem.forced)
        opened = candidates[np.argmin((flow[candidates] ** 2).sum(axis=1))]
        closed[opened] = False
        members = loops.indices[loops.indptr[opened] : loops.indptr[opened + 1]]
        signs = loops.data[loops.indptr[opened] : loops.indptr[opened + 1]]
        column = signs @ inverse[members]
        # Positive, because an edge that is no bridge still has a cycle to shift its flow to.
        share = float(signs @ column[members])
        _downdate(inverse, column, share)
        shift = loops @ (column / share)
        flow = flow - shift[:, None] * flow[opened]
    return closed


def _loop_matrix(problem: RadialProblem) -> csr_array:
    """Fundamental cycles of the minimum spanning tree, shape (m, k), entries ±1 along the tie."""
    spanning = minimum_spanning_tree(problem)
    forest = rooted_forest(problem.graph, spanning, np.array([problem.root]))
    ties = np.flatnonzero(~spanning)
    return csr_array(fundamental_cycle_matrix(problem.tail, problem.head, forest, ties).T)


@kernel
def _downdate(inverse: FloatArray, column: FloatArray, share: float) -> None:
    # Cycles in other blocks of the network have zeros here and cost nothing.
    for i in range(column.shape[0]):
        if column[i] != 0.0:
            factor = column[i] / share
            for j in range(column.shape[0]):
                inverse[i, j] -= factor * column[j]
