"""Branch exchange judged in AC: repairs violated limits, then lowers the AC losses."""

from __future__ import annotations

import numpy as np

from pygridjl.core.stopping import is_over
from pygridjl.core.types import BoolArray
from pygridjl.graphs.forest import rooted_forest
from pygridjl.reconfiguration.ac.evaluate import AcEvaluator
from pygridjl.reconfiguration.ac.feeders import Feeders
from pygridjl.reconfiguration.problem import RadialProblem

__all__ = ["ac_descent", "all_exchanges"]

# Once all limits are kept, only exchanges whose linear loss rises by less than this fraction of
# that of the feeders they touch are tried in AC: the two models rank configurations alike up to a
# few tenths of a percent.
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
    if is_over(deadline):
        return closed
    feeders = Feeders(evaluator, closed)
    fresh: frozenset[int] | None = None
    while fresh is None or fresh:
        fresh = _one_pass(problem, feeders, fresh, deadline)
    return feeders.closed


def _one_pass(
    problem: RadialProblem,
    feeders: Feeders,
    fresh: frozenset[int] | None,
    deadline: float | None,
) -> frozenset[int]:
    """Try exchanges by rising linear loss; return the feeders that are new.

    What touches none of the ``fresh`` feeders (all, if None) was tried before. Once an exchange
    is made, those priced for the feeders that are gone wait for the next pass.
    """
    closed, rank = feeders.closed, feeders.rank
    delta, tie, opened = all_exchanges(problem, closed)
    tie, opened = problem.branch[tie], problem.branch[opened]
    touched = {int(t): feeders.touched(int(t)) for t in np.unique(tie)}
    slack = _slack(problem, feeders, closed)
    changed: set[int] = set()
    new: set[int] = set()
    for k in np.argsort(delta, kind="stable"):
        here = touched[int(tie[k])]
        if here & changed or not (fresh is None or here & fresh):
            continue
        if rank[0] == 0.0 and delta[k] > sum(slack.get(top, 0.0) for top in here):
            continue
        if is_over(deadline):
            return frozenset()
        found, trial = feeders.attempt(int(tie[k]), int(opened[k]))
        # Losses equal to rounding are ties: without a margin two of them could alternate.
        if found < (rank[0], rank[1] * (1 - 1e-10)):
            rank = found
            changed |= here
            new |= feeders.accept(trial)
    return frozenset(new)


def _slack(problem: RadialProblem, feeders: Feeders, closed: BoolArray) -> dict[int, float]:
    """Rise of the linear loss up to which exchanges are tried, p.u., by feeder."""
    loss = problem.losses(closed)
    network = problem.network
    # One end of a branch may be a slack bus, which is in no feeder.
    ends = network.branches.from_bus[problem.branch], network.branches.to_bus[problem.branch]
    top = np.maximum(feeders.top[ends[0]], feeders.top[ends[1]])
    total = np.bincount(top[closed], LINEAR_SLACK * loss[closed])
    return dict(enumerate(total.tolist()))


def all_exchanges(
    problem: RadialProblem, closed: BoolArray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return all exchanges as (change of the linear loss in p.u., edge to close, edge to open).

    Closing tie e and opening branch u of its cycle moves the flow of u around the cycle; with A
    the resistance of the cycle and B the signed sum of resistance times flow, the loss changes by
    A t² + 2 B t for each of p and q.
    """
    forest = rooted_forest(problem.graph, closed, np.array([problem.root]))
    flow = problem.flows(closed)
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
        for column in (flow[cycle] * sign[:, None]).T:
            # Sending t = −flow(u) around the cycle empties u.
            change += r.sum() * column**2 - 2 * (r @ column) * column
        may_open = ~problem.forced[cycle]
        may_open[0] = False
        deltas.append(change[may_open])
        openings.append(cycle[may_open])
        ties.append(np.full(int(may_open.sum()), e))
    if not deltas:
        empty = np.zeros(0, dtype=np.int64)
        return np.zeros(0), empty, empty
    return np.concatenate(deltas), np.concatenate(ties), np.concatenate(openings)
