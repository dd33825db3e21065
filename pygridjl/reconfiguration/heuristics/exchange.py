"""Branch exchange: close a tie, open the best branch of its cycle, until no exchange gains."""

from __future__ import annotations

import numpy as np

from pygridjl.core.jit import kernel
from pygridjl.core.stopping import is_over
from pygridjl.core.types import BoolArray, IntArray
from pygridjl.reconfiguration.heuristics.local import (
    GAIN_TOLERANCE,
    Tree,
    close_tie,
    exchange,
    loss_of,
    price,
    tree_of,
)
from pygridjl.reconfiguration.problem import RadialProblem

__all__ = ["branch_exchange"]

# Edges visited between two looks at the clock: some hundredths of a second.
WORK_PER_LOOK = 2_000_000


@kernel
def _descend(
    tree: Tree, ties: IntArray, place: int, idle: int, threshold: float, work: int
) -> tuple[int, int]:
    """Go round the ties until each was idle once in a row or ``work`` edges were visited."""
    visited = 0
    while idle < ties.shape[0] and visited < work:
        visited += close_tie(tree, ties[place])
        change, side, at = price(tree)
        if change < -threshold:
            ties[place], _ = exchange(tree, side, at)
            idle = 0
        else:
            idle += 1
        place = place + 1 if place + 1 < ties.shape[0] else 0
    return place, idle


def branch_exchange(
    problem: RadialProblem, closed: BoolArray, *, deadline: float | None = None
) -> BoolArray:
    """Descend to a configuration that no exchange of one branch improves.

    The ties are visited in turn; each takes the best branch of its cycle at once if that gains
    (S. Civanlar et al., IEEE Trans. Power Delivery 1988; M. E. Baran and F. F. Wu, 1989, with the
    exact change of the linear model instead of an estimate).

    Parameters
    ----------
    problem : RadialProblem
        The problem.
    closed : ndarray of bool, shape (m,)
        A spanning tree; unchanged.
    deadline : float, optional
        Value of ``working_time()`` at which to stop with what has been reached.

    Returns
    -------
    ndarray of bool, shape (m,)
        A spanning tree with at most the objective of ``closed``. Forced edges that were closed
        stay closed.

    Raises
    ------
    ValueError
        If ``closed`` is not a spanning tree.
    """
    tree = tree_of(problem, closed)
    ties = np.flatnonzero(~closed).astype(np.int64)
    threshold = GAIN_TOLERANCE * loss_of(tree)
    place = idle = 0
    while idle < ties.size and not is_over(deadline):
        place, idle = _descend(tree, ties, place, idle, threshold, WORK_PER_LOOK)
    improved = np.ones(problem.m, dtype=bool)
    improved[ties] = False
    return improved
