"""When the best balance is no balance: what the triangle inequality says, and its bound."""

from __future__ import annotations

import numpy as np

from pygridjl.balancing.check import check_assignment
from pygridjl.balancing.losses import draw_risk, norms
from pygridjl.balancing.problem import BalancingProblem
from pygridjl.balancing.run import Run
from pygridjl.core.types import IntArray

__all__ = ["all_on_one", "degeneracy", "degenerate_assignment", "triangle_bound"]


def triangle_bound(problem: BalancingProblem) -> float:
    """Bound the objective by Σ_i ‖Δ_i‖ ≥ ‖Σ_i Δ_i‖ = ‖Σ_j δ_j‖, which no assignment changes.

    Where the weights depend on the circuit, the smallest of each time step stand in for them.
    """
    total = problem.deviations.sum(axis=1)
    losses = norms(total, problem.weights.min(axis=0), problem.risk)
    return float(draw_risk(problem, losses))


def degenerate_assignment(problem: BalancingProblem) -> IntArray | None:
    """Return every service point on one circuit if that is allowed and therefore optimal."""
    if not problem.weights_alike or problem.move_cost.any() or problem.m == 1:
        return None
    for i in range(problem.m):
        assignment = np.full(problem.n, i, dtype=np.int64)
        if problem.cardinality[i] >= problem.n and not check_assignment(problem, assignment):
            return assignment
    return None


def degeneracy(problem: BalancingProblem) -> str:
    """Explain why the problem is degenerate; an empty text if it is not."""
    assignment = degenerate_assignment(problem)
    if assignment is None:
        return ""
    line = problem.circuits[int(assignment[0])]
    return (
        f"nothing keeps all {problem.n} service points off one circuit ({line}), and by the "
        "triangle inequality no assignment has less risk than that: the optimum is no balance "
        "at all, and a linear program may answer with any point between such optima. Give "
        "cardinality, capacity, max_moves or move_cost for a balance an operator means"
    )


def all_on_one(run: Run) -> bool:
    """Answer a degenerate problem at once; False, and nothing done, for any other."""
    found = degenerate_assignment(run.problem)
    if found is None:
        return False
    run.offer(found)
    run.prove(triangle_bound(run.problem), "triangle inequality")
    return True
