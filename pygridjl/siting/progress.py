"""What a siting method knows before its answer has been judged."""

from __future__ import annotations

from pygridjl.core.stopping import TimeIsUp, hold, is_over, requested, within
from pygridjl.core.types import IntArray
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.second_stage.protocol import SecondStage, SecondStageBatch

__all__ = ["evaluated_by", "hold_decision"]


def hold_decision(problem: PlanningProblem, units: IntArray, value: float | None = None) -> None:
    """Keep a decision for the case that the run is broken off.

    Parameters
    ----------
    problem : PlanningProblem
        The problem.
    units : ndarray of int, shape (n_site,)
        Units at each site.
    value : float, optional
        Its objective on all scenarios, if that is known.
    """
    placements = [
        {"bus": bus, "phases": letters, "units": int(n), "kw": float(n * problem.unit_kw)}
        for bus, letters, n in zip(
            problem.site_ids, problem.site_letters, units.tolist(), strict=True
        )
        if n != 0
    ]
    hold(objective=value, placements=placements)


def evaluated_by(
    second_stage: SecondStage, units: IntArray, deadline: float
) -> SecondStageBatch | None:
    """Evaluate a decision in every scenario for the answer, in one call.

    Parameters
    ----------
    second_stage : SecondStage
        Engine of the second stage.
    units : ndarray of int, shape (n_site,)
        Units at each site.
    deadline : float
        Value of ``working_time()``.

    Returns
    -------
    SecondStageBatch or None
        None if the deadline passed before the last scenario. Who stops the run has what it can do
        in the seconds until the process ends.
    """
    if not requested():
        if is_over(deadline):
            return None
        try:
            with within(deadline):
                return second_stage.evaluate(units)
        except TimeIsUp:
            if not requested():
                return None
    return second_stage.evaluate(units)
