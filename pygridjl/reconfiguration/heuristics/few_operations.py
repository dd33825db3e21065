"""Steepest descent from today's switches within what switching costs and allows."""

from __future__ import annotations

import numpy as np

from pygridjl.core.stopping import is_over
from pygridjl.core.types import BoolArray
from pygridjl.reconfiguration.ac.descent import all_exchanges
from pygridjl.reconfiguration.problem import RadialProblem

__all__ = ["few_operations"]


def few_operations(problem: RadialProblem, *, deadline: float | None = None) -> BoolArray | None:
    """Exchange branches, the most rewarding first, as long as the loss saved pays the operations.

    Parameters
    ----------
    problem : RadialProblem
        A problem with rules for switching and one load state.
    deadline : float, optional
        Value of ``working_time()`` at which to stop.

    Returns
    -------
    ndarray of bool, shape (m,), or None
        A spanning tree within the limit; None if the switches as they stand are none.
    """
    rules = problem.switching
    assert rules is not None
    closed = rules.today | problem.forced
    if not problem.is_spanning_tree(closed) or not rules.allows(closed):
        return None
    while not is_over(deadline):
        delta, tie, opened = all_exchanges(problem, closed)
        # An edge that goes back to its state of today saves an operation.
        more = np.where(rules.today[tie], -1, 1) + np.where(rules.today[opened], 1, -1)
        gain = -delta * problem.kw - rules.cost * more
        if rules.most is not None:
            gain[rules.operations(closed) + more > rules.most] = -np.inf
        if not gain.size or gain.max() <= 1e-12 * abs(problem.objective(closed)):
            break
        best = int(np.argmax(gain))
        closed = closed.copy()
        closed[tie[best]], closed[opened[best]] = True, False
    return closed
