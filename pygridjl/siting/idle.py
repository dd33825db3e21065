"""Units that no scenario needs are not installed: ties go to fewer units."""

from __future__ import annotations

import numpy as np

from pygridjl.core.types import IntArray
from pygridjl.siting.check import check_units
from pygridjl.siting.dispatch import Dispatch, OperatingStage, operating_stage
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.second_stage.protocol import ExpectedValue, SecondStage, expected_value

__all__ = ["told_stage", "without_idle_units"]

# Shares of the larger of the values with and without units: what all units together change where
# one changes nothing, and by how much two decisions may differ that are equal.
IDLE, SAME = 1e-6, 1e-8
INTEGER_TOLERANCE = 1e-5


def told_stage(problem: PlanningProblem, second_stage: SecondStage) -> OperatingStage:
    """Return the engine that knows the dispatch: the one given if it does.

    Parameters
    ----------
    problem : PlanningProblem
        The problem.
    second_stage : SecondStage
        Any engine built for it.
    """
    if isinstance(second_stage, OperatingStage):
        return second_stage
    return operating_stage(problem, second_stage.scenarios)


def without_idle_units(
    second_stage: SecondStage,
    stage: OperatingStage,
    decision: IntArray,
    full: ExpectedValue,
    no_dg: float = 0.0,
) -> tuple[IntArray, ExpectedValue]:
    """Leave out units that no scenario needs: of equal decisions that with fewer units.

    Only sites whose subgradient vanishes can have any. What the dispatch with least sun injects
    fits into fewer units there, so that nothing is lost by them; the second stage confirms it.

    Parameters
    ----------
    second_stage : SecondStage
        What the decision is worth.
    stage : CondensedSecondStage or DailySecondStage
        The dispatch, for the same problem and scenarios.
    decision : ndarray of int, shape (n_site,)
        A decision that keeps every scenario feasible.
    full : ExpectedValue
        Its value.
    no_dg : float
        Value without units, which says what a small value is small against; it may be infinite.

    Returns
    -------
    decision, full
        Those given, or fewer units and their value.
    """
    problem = stage.problem
    used = decision > 0
    size = max(abs(full.value), abs(no_dg) if np.isfinite(no_dg) else 0.0)
    flat = used & (full.gradient > -IDLE * size / max(problem.budget_units, 1))
    if not flat.any():
        return decision, full
    everything = np.arange(len(stage.scenarios))
    injected, known = Dispatch(stage).of(everything, decision.astype(np.float64), least=True)
    counted = stage.scenarios.probability > 0
    if not known[counted].all():
        return decision, full
    site = np.add.reduceat(injected, stage.operation.first_col[:-1], axis=1)[counted]
    sun = stage.operation.per_unit[counted]
    needed = np.divide(site, sun, out=np.zeros_like(site), where=sun > 0).max(axis=0)
    fewer = np.ceil(needed - INTEGER_TOLERANCE).astype(np.int64)
    fewer = np.where(fewer > 0, np.maximum(fewer, problem.min_units), 0)
    fewer = np.where(flat, np.minimum(fewer, decision), decision)
    if np.array_equal(fewer, decision) or check_units(problem, fewer):
        return decision, full
    again = expected_value(stage.scenarios, second_stage.evaluate(fewer), problem.risk)
    same = not again.infeasible and again.value <= full.value + SAME * size
    return (fewer, again) if same else (decision, full)
