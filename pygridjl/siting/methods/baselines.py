"""What any method must beat: no units, random siting, one look at the gradient."""

from __future__ import annotations

import numpy as np

from pygridjl.core.arguments import generator
from pygridjl.core.result import Status, Stopwatch
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.check import (
    assert_limits_kept,
    assert_valid_planning,
    assert_valid_scenarios_for,
)
from pygridjl.siting.conclude import siting_result
from pygridjl.siting.first_stage.allocation import allocate
from pygridjl.siting.first_stage.random import random_units
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.result import SitingResult
from pygridjl.siting.second_stage.protocol import SecondStage, assert_built_for, expected_value

__all__ = ["greedy", "no_dg", "random_siting"]


def _check(
    problem: PlanningProblem, scenarios: ScenarioSet, second_stage: SecondStage, method: str
) -> None:
    assert_built_for(problem, scenarios, second_stage)
    assert_valid_planning(problem)
    assert_limits_kept(problem, method)
    assert_valid_scenarios_for(problem, scenarios)
    second_stage.reset()


def no_dg(
    problem: PlanningProblem, scenarios: ScenarioSet, second_stage: SecondStage
) -> SitingResult:
    """Evaluate the feeder as it is; the reference of the improvement.

    Parameters
    ----------
    problem, scenarios, second_stage
        The problem, its scenarios and an engine built for both.

    Returns
    -------
    SitingResult
        Without placements; ``not_found`` if some scenario or ``min_sites`` needs units.
    """
    _check(problem, scenarios, second_stage, "none")
    nothing = np.zeros(problem.n_site, dtype=np.int64)
    return siting_result(problem, second_stage, nothing, method="none", watch=Stopwatch())


def random_siting(
    problem: PlanningProblem,
    scenarios: ScenarioSet,
    second_stage: SecondStage,
    *,
    seed: int = 0,
) -> SitingResult:
    """Evaluate one random decision that spends the budget.

    Parameters
    ----------
    problem, scenarios, second_stage
        The problem, its scenarios and an engine built for both.
    seed : int
        Seed of the decision.

    Returns
    -------
    SitingResult
        Without bound.
    """
    _check(problem, scenarios, second_stage, "random")
    units = random_units(problem, generator(seed))
    return siting_result(
        problem, second_stage, units, method="random", watch=Stopwatch(), seed=seed
    )


def greedy(
    problem: PlanningProblem, scenarios: ScenarioSet, second_stage: SecondStage
) -> SitingResult:
    """Spend the budget by the mean subgradient without units.

    Convexity puts the expectation above its linearisation everywhere, so the least value of the
    linearisation over the first stage is a proven, if weak, lower bound.

    Parameters
    ----------
    problem, scenarios, second_stage
        The problem, its scenarios and an engine built for both.

    Returns
    -------
    SitingResult
        ``not_found`` if some scenario has no operating point without units: then there is no
        gradient.
    """
    _check(problem, scenarios, second_stage, "greedy")
    watch = Stopwatch()
    nothing = np.zeros(problem.n_site, dtype=np.int64)
    with watch.phase("second stage"):
        found = expected_value(scenarios, second_stage.evaluate(nothing), problem.risk)
    if found.infeasible:
        return siting_result(
            problem,
            second_stage,
            None,
            method="greedy",
            watch=watch,
            status=Status.NOT_FOUND,
            reason="no gradient: scenarios without operating point without units",
            infeasible=found.infeasible,
            reference=found,
        )
    with watch.phase("master"):
        units = allocate(problem, np.repeat(found.gradient[:, None], problem.site_limit, axis=1))
    return siting_result(
        problem,
        second_stage,
        units,
        method="greedy",
        watch=watch,
        bound=found.value + float(found.gradient @ units),
        bound_method="linearisation without units",
        reference=found,
    )
