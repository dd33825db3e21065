"""Assignments that keep the rules: a quick one to begin with, the nearest to a fractional one."""

from __future__ import annotations

import dataclasses

import numpy as np

from pygridjl.balancing.assignment import assignment_of, assignment_rows
from pygridjl.balancing.check import check_assignment
from pygridjl.balancing.problem import BalancingProblem
from pygridjl.balancing.run import Run
from pygridjl.core.types import FloatArray, IntArray
from pygridjl.solvers.linear import LinearModel
from pygridjl.solvers.status import SolverStatus

__all__ = ["begin", "first_assignment", "loose_assignment", "nearest_assignment"]


def begin(run: Run) -> IntArray | None:
    """Return an assignment that keeps the rules; says so to the run if there is none."""
    if run.best is not None:
        return run.best
    with run.watch.phase("start"):
        found = first_assignment(run.problem)
        if found is None and run.problem.coupling is None:
            found, proven = _by_program(run.problem, None, run.remaining)
            if proven:
                run.prove(np.inf, "feasibility milp")
    if found is not None:
        run.offer(found)
    return found


def first_assignment(problem: BalancingProblem) -> IntArray | None:
    """Return the circuits of today, or fill circuits with the largest service points first.

    Returns
    -------
    ndarray of int or None
        None if this simple filling breaks a rule; others may exist.
    """
    if problem.start is not None and not check_assignment(problem, problem.start):
        return problem.start.copy()
    left = problem.capacity * (1 + 1e-12)
    room = problem.cardinality.astype(np.float64)
    assignment = np.full(problem.n, -1, dtype=np.int64)
    finite = np.isfinite(problem.capacity)
    left = np.where(finite, left, 1e300)
    per_demand = np.where(finite & (problem.capacity > 0), 1.0 / np.maximum(left, 1e-300), 0.0)
    per_point = 1.0 / np.maximum(problem.cardinality, 1)
    # Those with the fewest circuits first, then the largest.
    order = np.lexsort((-problem.demand, problem.allowed.sum(axis=1)))
    for j in order:
        fits = problem.allowed[j] & (room >= 1) & (left >= problem.demand[j])
        if not fits.any():
            return None
        free = np.where(fits, left * per_demand + room * per_point, -np.inf)
        i = int(np.argmax(free))
        if problem.start is not None and fits[problem.start[j]]:
            i = int(problem.start[j])
        assignment[j] = i
        room[i] -= 1
        left[i] -= problem.demand[j]
    return assignment if not check_assignment(problem, assignment) else None


def loose_assignment(problem: BalancingProblem, *, time_limit: float) -> IntArray | None:
    """Return an assignment that keeps every rule but the limits of the grid."""
    loose = dataclasses.replace(problem, coupling=None)
    found = first_assignment(loose)
    return _by_program(loose, None, time_limit)[0] if found is None else found


def nearest_assignment(
    problem: BalancingProblem, shares: FloatArray, *, time_limit: float
) -> IntArray | None:
    """Return the assignment with the largest total share, shape (n, m), that keeps the rules."""
    found, _ = _by_program(problem, shares, time_limit)
    return found


def _by_program(
    problem: BalancingProblem, shares: FloatArray | None, time_limit: float
) -> tuple[IntArray | None, bool]:
    """Solve for an assignment; also whether none was proven to exist."""
    from pygridjl.solvers.highs import HighsModel

    rules = assignment_rows(problem, symmetric=shares is not None)
    size = rules.cost.size
    model = LinearModel(
        cost=np.zeros(size) if shares is None else -shares.ravel(),
        matrix=rules.matrix,
        row_lower=rules.lower,
        row_upper=rules.upper,
        col_lower=np.zeros(size),
        col_upper=rules.top,
        integer=np.ones(size, dtype=np.bool_),
    )
    answer = HighsModel(model).solve(time_limit=time_limit)
    if answer.x is None:
        return None, answer.status is SolverStatus.INFEASIBLE
    found = assignment_of(answer.x, problem)
    return (None if check_assignment(problem, found) else found), False
