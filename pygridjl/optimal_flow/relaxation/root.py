"""Solving a relaxation once, on a ladder of objective scalings; the best safe bound counts."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from pygridjl.core.types import FloatArray
from pygridjl.optimal_flow.relaxation.box import Box
from pygridjl.optimal_flow.relaxation.program import Compiled
from pygridjl.optimal_flow.relaxation.safe_bound import BoundEvaluator
from pygridjl.solvers.conic import ConicSolver
from pygridjl.solvers.status import SolverStatus

__all__ = ["RootAnswer", "solve_root"]

# Multiples of the natural objective scale that are tried until primal and safe bound agree.
LADDER = (1.0, 100.0, 0.01)
# Relative distance of primal value and safe bound at which no other scaling is tried.
AGREED = 2e-5


@dataclass(frozen=True, eq=False)
class RootAnswer:
    """Answer of one relaxation.

    Attributes
    ----------
    status : SolverStatus
        How the run with the best bound ended.
    x : ndarray, shape (n,)
        Its primal point.
    z : ndarray
        Its multipliers.
    objective : float
        Value of the primal point.
    bound : float
        Safe lower bound; +∞ if the relaxation was proven infeasible, −∞ if nothing was proven.
    residual : float
        Relative primal residual.
    runs : int
        Scalings tried.
    """

    status: SolverStatus
    x: FloatArray
    z: FloatArray
    objective: float
    bound: float
    residual: float
    runs: int

    @property
    def agreed(self) -> bool:
        """Whether primal value and safe bound agree."""
        return abs(self.objective - self.bound) <= AGREED * max(1.0, abs(self.objective))


def solve_root(
    compiled: Compiled, box: Box, *, deadline: float = np.inf, tolerance: float = 1e-8
) -> RootAnswer:
    """Solve a relaxation and bound it safely.

    Parameters
    ----------
    compiled : Compiled
        The program.
    box : Box
        Its bounds.
    deadline : float
        ``time.perf_counter()`` at which no further run begins.
    tolerance : float
        Relative gap and feasibility for the solver.

    Returns
    -------
    RootAnswer
        Numerical trouble is a status, not an exception.
    """
    numbers = compiled.numbers(box)
    program = compiled.program
    evaluate = BoundEvaluator(compiled, numbers)
    model = compiled.model(numbers)
    curvature = program.curvature
    natural = float(max(abs(model.cost).max(initial=0.0), curvature.max(initial=0.0))) or 1.0
    best: RootAnswer | None = None
    for run, factor in enumerate(LADDER, start=1):
        solver = ConicSolver(model, tolerance=tolerance, scale=natural / factor)
        answer = solver.solve(time_limit=deadline - time.perf_counter())
        if answer.status is SolverStatus.INFEASIBLE:
            # The certificate counts if it separates with room to spare.
            size = float(abs(answer.z[: compiled.n_row]).max(initial=0.0)) or 1.0
            if evaluate(np.zeros(model.cost.size), answer.z / size) > 0:
                infinite = (np.inf, np.inf, answer.primal_residual, run)
                return RootAnswer(answer.status, answer.x, answer.z, *infinite)
        bound = evaluate(model.cost, answer.z, curvature) + program.constant
        if answer.status is SolverStatus.INFEASIBLE:
            bound = -np.inf
        value = answer.objective + program.constant
        found = RootAnswer(
            answer.status, answer.x, answer.z, value, bound, answer.primal_residual, run
        )
        if best is None or bound > best.bound:
            best = found
        if best.agreed or time.perf_counter() > deadline:
            break
    assert best is not None
    return best
