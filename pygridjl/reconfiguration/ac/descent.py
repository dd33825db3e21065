"""Branch exchange judged in AC: repairs violated limits, then lowers the AC losses."""

from __future__ import annotations

import numpy as np

from pygridjl.core.stopping import is_over
from pygridjl.core.types import BoolArray
from pygridjl.graphs.forest import rooted_forest
from pygridjl.reconfiguration.ac.evaluate import AcEvaluator
from pygridjl.reconfiguration.problem import RadialProblem

__all__ = ["ac_descent"]

# Once all limits are kept, only exchanges whose linear loss rises by less than this fraction are
# tried in AC: the two models rank configurations alike up to a few tenths of a percent.
LINEAR_SLACK = 0.005


def ac_descent(
    problem: RadialProblem,
    closed: BoolArray,
    evaluator: AcEvaluator,
    *,
    deadline: float | None = None,
) -> BoolArray:
    """Exchange branches while that improves (excess over the limits, AC loss), in this order.

    Parameters
    ----------
    problem : RadialProblem
        The problem.
    closed : ndarray of bool, shape (m,)
        A spanning tree.
    evaluator : AcEvaluator
        Of the same problem.
    deadline : float, optional
        Value of ``working_time()`` at which to stop.

    Returns
    -------
    ndarray of bool, shape (m,)
        A spanning tree that is not worse.
    """
    best = closed.copy()
    rank = evaluator.rank(best)
    while True:
        exchange = _first_improvement(problem, best, rank, evaluator, deadline)
        if exchange is None:
            return best
        best, rank = exchange


def _first_improvement(
    problem: RadialProblem,
    closed: BoolArray,
    rank: tuple[float, float],
    evaluator: AcEvaluator,
    deadline: float | None,
) -> tuple[BoolArray, tuple[float, float]] | None:
    """Try exchanges by rising linear loss; return the first that improves in AC."""
    delta, tie, opened = _exchanges(problem, closed)
    order = np.argsort(delta, kind="stable")
    if rank[0] == 0.0:
        order = order[delta[order] <= LINEAR_SLACK * problem.objective(closed) / problem.kw]
    for k in order:
        if is_over(deadline):
            return None
        trial = closed.copy()
        trial[tie[k]], trial[opened[k]] = True, False
        found = evaluator.rank(trial)
        # Losses equal to rounding are ties: without a margin two of them could alternate.
        if found < (rank[0], rank[1] * (1 - 1e-10)):
            return trial, found
    return None


def _exchanges(
    problem: RadialProblem, closed: BoolArray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All exchanges (close ``tie``, open ``opened``) with their change of the linear loss, p.u.

    Closing tie e and opening branch u of its cycle moves the flow of u around the cycle; with A
    the resistance of the cycle and B the signed sum of resistance times flow, the loss changes by
    A t² + 2 B t for each of p and q.
    """
    forest = rooted_forest(problem.graph, closed, np.array([problem.root]))
    p, q = problem.flows(closed)
    depth = np.zeros(problem.n, dtype=np.int64)
    for u in forest.order[1:]:
        depth[u] = depth[forest.parent[u]] + 1
    deltas, ties, openings = [], [], []
    for e in np.flatnonzero(~closed):
        edges, signs = [int(e)], [1.0]
        a, b = int(problem.head[e]), int(problem.tail[e])
        # Walk the cycle tail → head by the tie, then from head back to tail through the tree.
        while a != b:
            if depth[a] >= depth[b]:
                edge = int(forest.edge[a])
                signs.append(1.0 if problem.tail[edge] == a else -1.0)
                a = int(forest.parent[a])
            else:
                edge = int(forest.edge[b])
                signs.append(1.0 if problem.head[edge] == b else -1.0)
                b = int(forest.parent[b])
            edges.append(edge)
        cycle, sign = np.array(edges), np.array(signs)
        r = problem.weight[cycle]
        change = np.zeros(cycle.size)
        for flow in (p[cycle] * sign, q[cycle] * sign):
            # Sending t = −flow(u) around the cycle empties u.
            change += r.sum() * flow**2 - 2 * (r @ flow) * flow
        may_open = ~problem.forced[cycle]
        may_open[0] = False
        deltas.append(change[may_open])
        openings.append(cycle[may_open])
        ties.append(np.full(int(may_open.sum()), e))
    if not deltas:
        empty = np.zeros(0, dtype=np.int64)
        return np.zeros(0), empty, empty
    return np.concatenate(deltas), np.concatenate(ties), np.concatenate(openings)
