"""Full restoration with one or three operations, by trying all of them in AC.

A fault in a radial network cuts one part off. To supply all of it, one branch more must be closed
than is opened: the number of operations is odd, and after all single ones and all threes nothing
below five is left.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from pygridjl.core.errors import InfeasibleConfigurationError
from pygridjl.core.stopping import is_over
from pygridjl.core.types import BoolArray
from pygridjl.grid.network import Network
from pygridjl.reconfiguration.ac.descent import all_exchanges
from pygridjl.reconfiguration.ac.evaluate import AcEvaluator
from pygridjl.reconfiguration.build import build_problem
from pygridjl.reconfiguration.problem import Limit, RadialProblem

__all__ = ["FullSupply", "full_supply"]


class FullSupply(NamedTuple):
    """States of all branches that supply everything, and how many operations they need."""

    states: BoolArray
    operations: int


def full_supply(
    network: Network, fault: int, limits: Collection[Limit], deadline: float
) -> FullSupply | None:
    """Find the fewest operations, at most three, that supply every bus within the limits.

    Parameters
    ----------
    network : Network
        The network, radial today.
    fault : int
        Id of the branch that is out.
    limits : collection of str
        Limits to keep in AC.
    deadline : float
        Value of ``working_time()`` at which to stop.

    Returns
    -------
    FullSupply or None
        Of equally many operations those of least AC losses; None if there are none so few, or
        not all of them could be tried.
    """
    try:
        problem = build_problem(network, limits=limits, keep_open=(fault,))
    except InfeasibleConfigurationError:
        return None
    today = problem.edge_states(network.branches.closed)
    if int(today.sum()) != problem.n - 2:
        return None
    judge = AcEvaluator(problem)
    singles = []
    for edge in np.flatnonzero(~today):
        closed = today.copy()
        closed[edge] = True
        if problem.is_spanning_tree(closed):
            singles.append(closed)
    best = _best(problem, judge, singles, deadline)
    if best is not None:
        return FullSupply(problem.branch_states(best), 1)
    threes: dict[bytes, BoolArray] = {}
    for single in singles:
        _, tie, opened = all_exchanges(problem, single)
        for k in np.flatnonzero(today[opened]):
            closed = single.copy()
            closed[tie[k]], closed[opened[k]] = True, False
            threes[closed.tobytes()] = closed
    best = _best(problem, judge, list(threes.values()), deadline)
    return None if best is None else FullSupply(problem.branch_states(best), 3)


def _best(
    problem: RadialProblem, judge: AcEvaluator, trees: list[BoolArray], deadline: float
) -> BoolArray | None:
    """Tree of least AC loss that keeps the limits; None if not all could be looked at."""
    best, least = None, np.inf
    for closed in trees:
        if is_over(deadline):
            return None
        excess, loss = judge.rank(closed)
        if excess == 0.0 and loss < least and not (problem.forced & ~closed).any():
            best, least = closed, loss
    return best
