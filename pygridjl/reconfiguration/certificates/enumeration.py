"""All trees of the linear model below a loss: what the search meets when it takes no incumbent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.stopping import is_over
from pygridjl.core.types import BoolArray
from pygridjl.reconfiguration.certificates.cycles import MOST_CYCLES, CycleSearch
from pygridjl.reconfiguration.heuristics.trees import minimum_spanning_tree
from pygridjl.reconfiguration.problem import RadialProblem

__all__ = ["Trees", "trees_below"]

# Trees whose loss is this close to the limit count as below it.
ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Trees:
    """Some trees, and how far they are all there are.

    Attributes
    ----------
    closed : ndarray of bool, shape (k, m)
        Closed edges of each tree.
    complete_to : float
        Every tree that is not among them loses at least this much, kW.
    """

    closed: BoolArray
    complete_to: float


def trees_below(problem: RadialProblem, limit: float, *, most: int, deadline: float) -> Trees:
    """Find the trees whose linear loss is not above a limit.

    Parameters
    ----------
    problem : RadialProblem
        The problem, without rules of switching.
    limit : float
        Loss, kW.
    most : int
        Trees to find at most; the search then ends early.
    deadline : float
        Reading of ``core.jit.working_time`` at which to end.

    Returns
    -------
    Trees
        In no order.

    Raises
    ------
    InvalidOptionError
        If the network has more than 600 independent cycles.
    SolverError
        If the energies of the search do not agree with a fresh computation.
    """
    if problem.m - problem.n + 1 > MOST_CYCLES:
        raise InvalidOptionError(
            f"network {problem.network.name!r} has {problem.m - problem.n + 1} independent cycles; "
            f"its configurations are enumerated up to {MOST_CYCLES}"
        )
    found: list[BoolArray] = []

    def collect(closed: BoolArray) -> bool:
        found.append(closed.copy())
        return False

    search = CycleSearch(problem, minimum_spanning_tree(problem), None, collect)
    ceiling = limit + ROUNDING * abs(limit)
    if not search.blocks:
        # No cycle: there is one tree.
        tree = search.base
        return Trees(tree[None, :], np.inf)
    (block,) = search.blocks
    block.cutoff = ceiling / problem.kw - search.fixed
    while not block.done and len(found) < most and not is_over(deadline):
        if block.run():
            search.take_leaf(block)
    # No flow exceeds half of what is injected and consumed.
    half = 0.5 * np.abs(problem.injection).sum(axis=0)
    everything = block.done and limit >= float(problem.weight.sum() * (half @ half)) * problem.kw
    closed = np.array(found, dtype=bool).reshape(len(found), problem.m)
    return Trees(closed, np.inf if everything else search.bound)
