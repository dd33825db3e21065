"""A first answer to a fault, found by trying: the program then begins from it.

Branch exchange from a tree that supplies everything may end within the limits. Where it does not,
what is supplied after the fault sheds load until it keeps them, and grows again, one tie and at
most one opened branch at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np

from pygridjl.core.errors import InfeasibleConfigurationError
from pygridjl.core.jit import working_time
from pygridjl.core.stopping import is_over, seconds_left
from pygridjl.core.types import BoolArray
from pygridjl.graphs.forest import rooted_forest
from pygridjl.grid.network import Network
from pygridjl.reconfiguration.ac.descent import ac_descent
from pygridjl.reconfiguration.ac.evaluate import AcEvaluator
from pygridjl.reconfiguration.build import build_problem
from pygridjl.reconfiguration.heuristics.trees import kruskal_tree
from pygridjl.reconfiguration.problem import Limit
from pygridjl.reconfiguration.restoration.judge import Judge

__all__ = ["first_answer"]

# Share of the time for branch exchange, which may end without an answer.
EXCHANGED = 0.4


def first_answer(
    network: Network,
    fault: int,
    limits: Collection[Limit],
    usable: BoolArray,
    judge: Judge,
    deadline: float,
) -> BoolArray | None:
    """Find switch states that keep the limits in AC.

    Parameters
    ----------
    network : Network
        The network.
    fault : int
        Id of the branch that is out.
    limits : collection of str
        Limits to keep in AC.
    usable : ndarray of bool, shape (n_branch,)
        Branches that may be closed.
    judge : Judge
        What is supplied within the limits.
    deadline : float
        Value of ``working_time()`` at which to stop.

    Returns
    -------
    ndarray of bool, shape (n_branch,), or None
        None if time ends, or no single opening lowers what is broken.
    """
    until = working_time() + EXCHANGED * seconds_left(deadline)
    everything = _everything(network, fault, limits, until)
    if everything is not None:
        return everything
    left = _shed(network.branches.closed & usable, judge, deadline)
    return None if left is None else _grown(left, usable, judge, deadline)


def _everything(
    network: Network, fault: int, limits: Collection[Limit], deadline: float
) -> BoolArray | None:
    """Supply all buses within the limits by branch exchange, if that gets there."""
    try:
        whole = build_problem(network, limits=limits, keep_open=(fault,))
    except InfeasibleConfigurationError:
        return None
    today = whole.edge_states(network.branches.closed)
    tree = kruskal_tree(whole, np.where(today, -1.0, whole.weight))
    evaluator = AcEvaluator(whole)
    found = ac_descent(whole, tree, evaluator, deadline=deadline)
    return whole.branch_states(found) if evaluator.rank(found)[0] == 0.0 else None


def _shed(states: BoolArray, judge: Judge, deadline: float) -> BoolArray | None:
    """Open branches until what is supplied keeps the limits, the least load for most relief."""
    branch = judge.evaluator.problem.network.branches
    live = judge.look(states)
    while live.excess > 0.0:
        best, relief = None, 0.0
        inside = states & live.reached[branch.from_bus] & live.reached[branch.to_bus]
        for edge in np.flatnonzero(inside & branch.switchable):
            if is_over(deadline):
                return None
            trial = states.copy()
            trial[edge] = False
            found = judge.look(trial)
            # A power flow where there was none is worth any load; no load lost is worth most.
            gain = min(live.excess, 1e6) - min(found.excess, 1e6)
            worth = gain / max(live.load - found.load, 1e-9)
            if worth > relief:
                best, relief = trial, worth
        if best is None:
            return None
        states, live = best, judge.look(best)
    return states


def _grown(states: BoolArray, usable: BoolArray, judge: Judge, deadline: float) -> BoolArray:
    """Close ties into the dark while that adds load within the limits, most load first."""
    live = judge.look(states)
    while True:
        best: BoolArray | None = None
        load = live.load
        for trial in _growths(judge, states, live.reached, usable):
            if is_over(deadline):
                return states
            found = judge.look(trial)
            if found.excess == 0.0 and found.load > load:
                best, load = trial, found.load
        if best is None:
            return states
        states, live = best, judge.look(best)


def _growths(
    judge: Judge, states: BoolArray, reached: BoolArray, usable: BoolArray
) -> Iterator[BoolArray]:
    """States with one tie into the dark closed, and with one branch behind it opened as well."""
    branch = judge.evaluator.problem.network.branches
    across = reached[branch.from_bus] != reached[branch.to_bus]
    for tie in np.flatnonzero(usable & ~states & across & branch.switchable):
        closed = states.copy()
        closed[tie] = True
        yield closed
        entry = branch.to_bus[tie] if reached[branch.from_bus[tie]] else branch.from_bus[tie]
        behind = rooted_forest(judge.evaluator.graph, states, np.array([entry]))
        for edge in behind.edge[behind.order[1:]]:
            if branch.switchable[edge]:
                trial = closed.copy()
                trial[edge] = False
                yield trial
