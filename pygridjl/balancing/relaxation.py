"""The doubly nonnegative relaxation as a bound of its own, after any search."""

from __future__ import annotations

import numpy as np

from pygridjl.balancing.doubly_nonnegative import MOST_POINTS, lifted_products
from pygridjl.balancing.problem import BalancingProblem
from pygridjl.balancing.run import Run
from pygridjl.balancing.sets import sizes
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.options import NoOptions
from pygridjl.core.types import FloatArray

__all__ = ["prove_relaxation", "relaxation", "relaxes"]


def relaxes(problem: BalancingProblem) -> bool:
    """Whether the relaxation bounds a problem, and is small enough to be solved."""
    return (
        problem.risk == "rms"
        and problem.n_draw == 1
        and problem.tail_weight == 0
        and problem.weights_alike
        and problem.n <= MOST_POINTS
    )


def relaxation(run: Run, _options: NoOptions) -> None:
    """Bound the objective, unless it is proven already.

    Raises
    ------
    InvalidOptionError
        If the relaxation does not bound the problem.
    """
    if not relaxes(run.problem):
        raise InvalidOptionError(
            "relaxation: bounds the rms risk of one path, weights that are the same for all "
            f"circuits and at most {MOST_POINTS} service points"
        )
    if not run.proven and run.remaining > 0:
        prove_relaxation(run, share=1.0)


def prove_relaxation(run: Run, *, share: float) -> FloatArray | None:
    """Tell a run the bound; costs of moves and other rules only raise the objective.

    Parameters
    ----------
    run : Run
        Its problem is one that the relaxation bounds (:func:`relaxes`).
    share : float
        Part of the remaining time that it may take.

    Returns
    -------
    ndarray of shape (n, n) or None
        Inner products that bound those of all sets from below; None if they say no more than the
        triangle inequality or were not found in time.
    """
    problem = run.problem
    path = problem.deviations[0]
    ranges = [sizes(problem, i) for i in range(problem.m)]
    most = max(r.stop - 1 for r in ranges)
    run.packages.append("clarabel")
    with run.watch.phase("relaxation"):
        lifted = lifted_products(
            np.asarray((path * problem.weights[0]) @ path.T),
            most,
            exact=all(r == range(most, most + 1) for r in ranges),
            time_limit=share * run.remaining,
        )
    if lifted is not None:
        run.prove(float(np.sqrt(lifted.sum())), "doubly nonnegative relaxation")
        run.say(f"relaxation: bound {run.bound:.6g}")
    return lifted
