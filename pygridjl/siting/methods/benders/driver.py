"""Benders decomposition: supporting planes from every scenario, and the bound they prove."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.jit import working_time
from pygridjl.core.result import Status
from pygridjl.core.stopping import seconds_left
from pygridjl.core.types import FloatArray
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.check import (
    assert_limits_kept,
    assert_valid_planning,
    assert_valid_scenarios_for,
)
from pygridjl.siting.methods.benders.master import Master
from pygridjl.siting.methods.benders.sample import SampledStage
from pygridjl.siting.methods.benders.search import BendersSearch
from pygridjl.siting.problem import HOURS_A_DAY, PlanningProblem
from pygridjl.siting.registry import BendersOptions
from pygridjl.siting.result import SitingResult
from pygridjl.siting.second_stage.protocol import (
    SecondStage,
    assert_built_for,
)

__all__ = ["benders"]

# The relaxation may take this share of a time limit, so that a decision is found in time.
RELAXED_TIME = 0.4
# Where there are LARGE times as many scenarios, so many of them are solved first, to these gaps
# (of the value, of the possible improvement) and within this share of a time limit.
SAMPLE, LARGE, SAMPLE_GAP, SAMPLE_SHARE, SAMPLE_TIME = 96, 4, 2e-3, 0.02, 0.2
# Share of a sample's time that is left for the way from its relaxation to whole units.
SETTLING_TIME = 0.5


def benders(
    problem: PlanningProblem,
    scenarios: ScenarioSet,
    second_stage: SecondStage,
    options: BendersOptions | None = None,
    *,
    time_limit: float | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> SitingResult:
    """Site units with a proven bound.

    The expectation of the second stage is convex in the units. At each decision all scenarios
    are solved; their subgradients give a plane below the expectation, infeasible scenarios give
    rows (18). Planes are first gathered on the relaxation with fractions of units, where the
    master is a linear program; then HiGHS searches for whole units the planes allow to be better
    than the incumbent by more than the gap. Each new one is evaluated and so are those of its
    neighbours that the planes allow to be better still; that there is none at all is the proof.
    Large scenario sets begin with the decision that a sample of them leads to.

    Parameters
    ----------
    problem : PlanningProblem
        The problem.
    scenarios : ScenarioSet
        The scenarios.
    second_stage : SecondStage
        Engine built for both.
    options : BendersOptions, optional
        Gap, iterations, kind of the planes.
    time_limit : float, optional
        Seconds; the evaluation under way is finished.
    on_progress : callable, optional
        Called with one line of text an iteration.

    Returns
    -------
    SitingResult
        ``optimal`` if the gap was reached, ``time_limit`` or ``feasible`` with the gap left
        otherwise, ``infeasible`` if no decision keeps every scenario feasible.

    Raises
    ------
    InvalidNetworkError, InvalidPlanningError, InvalidScenariosError, InvalidOptionError
        If the input is unsound.
    SolverError
        If a scenario or the master fails.
    """
    options = options or BendersOptions()
    tolerance = options.tolerance
    assert_built_for(problem, scenarios, second_stage)
    assert_valid_planning(problem)
    assert_limits_kept(problem, "benders")
    assert_valid_scenarios_for(problem, scenarios)
    if options.multi_cut and problem.risk is not None:
        raise InvalidOptionError("multi_cut: planes of single scenarios do not add up to a CVaR")
    n_scenario = len(scenarios)
    daily = bool(problem.stores.any())
    groups = np.arange(n_scenario) if options.multi_cut else np.zeros(n_scenario, dtype=np.int64)
    if daily:
        # What an hour is worth is only a part of its day's plane.
        groups //= HOURS_A_DAY
    run = BendersSearch(second_stage, Master(problem, scenarios, groups), tolerance)
    limit = np.inf if time_limit is None else time_limit
    deadline = working_time() + limit
    run.deadline = deadline
    guess: list[FloatArray] = []
    if n_scenario >= LARGE * SAMPLE and not daily:
        with run.watch.phase("sample"):
            guess = _guess(second_stage, options, SAMPLE_TIME * limit, on_progress)
    second_stage.reset()
    status, iterations = run.start(guess), 0
    while status is None and iterations < options.max_iterations:
        remaining = seconds_left(deadline)
        if remaining <= 0:
            status = Status.TIME_LIMIT
            break
        status = run.iterate(remaining, late=remaining < (1 - RELAXED_TIME) * limit)
        iterations += 1
        if on_progress is not None:
            on_progress(f"iteration {iterations}: {run}")
    return run.answer(status or Status.FEASIBLE, iterations)


def _guess(
    second_stage: SecondStage,
    options: BendersOptions,
    time_limit: float,
    on_progress: Callable[[str], None] | None,
) -> list[FloatArray]:
    """Return what a sample of the scenarios leads to, at a fraction of the cost.

    The best fractions of units, and whole units at few sites, as far as the time allows them.
    """
    sample = SampledStage(second_stage, SAMPLE)
    one = np.zeros(len(sample.scenarios), dtype=np.int64)
    master = Master(sample.problem, sample.scenarios, one)
    run = BendersSearch(sample, master, _coarse(options).tolerance)
    run.deadline = working_time() + time_limit
    status = run.start([])
    while status is None and not run.settled and seconds_left(run.deadline) > 0:
        left = max(seconds_left(run.deadline), 1e-3)
        status = run.iterate(left, late=left < SETTLING_TIME * time_limit)
        if on_progress is not None:
            on_progress(f"sample of {SAMPLE} scenarios, {run}")
    return [point for point in (run.centre, run.units) if point is not None]


def _coarse(options: BendersOptions) -> BendersOptions:
    """Return what a sample is solved to."""
    wanted = options.tolerance
    share = wanted.improvement_gap
    return BendersOptions(
        improvement_gap=None if share is None else max(share, SAMPLE_SHARE),
        gap=None if wanted.gap is None else max(wanted.gap, SAMPLE_GAP),
    )
