"""Solving a relaxation once, on a ladder of objective scalings; the best safe bound counts."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from pygridjl.core.jit import working_time
from pygridjl.core.stopping import cancelling, seconds_left
from pygridjl.core.types import FloatArray
from pygridjl.optimal_flow.relaxation.box import Box
from pygridjl.optimal_flow.relaxation.program import Compiled
from pygridjl.optimal_flow.relaxation.safe_bound import bound_evaluator
from pygridjl.solvers.conic import ConicSolver
from pygridjl.solvers.status import SolverStatus

__all__ = ["RootAnswer", "solve_root"]

# Multiples of the natural objective scale that are tried until primal and safe bound agree.
LADDER = (1.0, 100.0, 0.01)
# Relative distance of primal value and safe bound at which no other scaling is tried.
AGREED = 2e-5
# Nor is one where all that it could gain is this share of the gap to the AC cost.
NEGLIGIBLE = 0.05


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
    factor : float
        Scaling of the best bound.
    seconds : float
        Spent on all scalings.
    """

    status: SolverStatus
    x: FloatArray
    z: FloatArray
    objective: float
    bound: float
    residual: float
    factor: float
    seconds: float

    @property
    def agreed(self) -> bool:
        """Whether primal value and safe bound agree."""
        return abs(self.objective - self.bound) <= AGREED * max(1.0, abs(self.objective))


def solve_root(
    compiled: Compiled,
    box: Box,
    *,
    deadline: float = np.inf,
    tolerance: float = 1e-8,
    target: float | None = None,
    first: float = LADDER[0],
) -> RootAnswer:
    """Solve a relaxation and bound it safely.

    Parameters
    ----------
    compiled : Compiled
        The program.
    box : Box
        Its bounds.
    deadline : float
        Value of ``working_time()`` at which no further run begins.
    tolerance : float
        Relative gap and feasibility for the solver.
    target : float, optional
        Cost of an AC operating point: a bound that all but reaches it, or the relaxation's own
        value, needs no other scaling.
    first : float
        The scaling to begin with.

    Returns
    -------
    RootAnswer
        Numerical trouble is a status, not an exception. An empty box is a proof in itself.
    """
    begun = working_time()
    if box.empty:
        nothing = np.full(compiled.program.n_col, np.nan)
        none = np.zeros(compiled.shape[0])
        status = SolverStatus.INFEASIBLE
        return RootAnswer(status, nothing, none, np.inf, np.inf, np.inf, first, 0.0)
    numbers = compiled.numbers(box)
    program = compiled.program
    evaluate = bound_evaluator(compiled, numbers)
    model = compiled.model(numbers)
    curvature = program.curvature
    natural = float(max(abs(model.cost).max(initial=0.0), curvature.max(initial=0.0))) or 1.0
    best: RootAnswer | None = None
    for factor in (first, *(rung for rung in LADDER if rung != first)):
        solver = ConicSolver(model, tolerance=tolerance, scale=natural / factor)
        started = working_time()
        with cancelling(solver.cancel):
            answer = solver.solve(time_limit=seconds_left(deadline))
        took = working_time() - started
        value, bound = answer.objective + program.constant, -np.inf
        if answer.status is not SolverStatus.INFEASIBLE:
            bound = evaluate(model.cost, answer.z, curvature) + program.constant
        elif evaluate.excludes(answer.z):
            value = bound = np.inf
        found = RootAnswer(
            answer.status,
            answer.x,
            answer.z,
            value,
            bound,
            answer.primal_residual,
            factor,
            working_time() - begun,
        )
        if best is None or bound > best.bound:
            best = found
        # Another scaling takes as long: a run that the clock ends proves nothing.
        late = seconds_left(deadline) <= took
        if bound == np.inf or best.agreed or late or _enough(best, target):
            break
    assert best is not None
    return dataclasses.replace(best, seconds=working_time() - begun)


def _enough(best: RootAnswer, target: float | None) -> bool:
    """Whether primal value and bound are as good as one beside the gap to a target."""
    if target is None or not np.isfinite(best.objective):
        return False
    return abs(best.objective - best.bound) <= NEGLIGIBLE * (target - best.bound)
