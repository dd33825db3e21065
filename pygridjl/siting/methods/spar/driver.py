"""SPAR for siting and sizing: Algorithms 1 and 3."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pygridjl.core.arguments import generator
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.jit import working_time
from pygridjl.core.result import Status, Stopwatch
from pygridjl.core.stopping import is_over
from pygridjl.core.types import FloatArray, IntArray
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.check import (
    assert_expectation,
    assert_limits_kept,
    assert_valid_planning,
    assert_valid_scenarios_for,
)
from pygridjl.siting.conclude import siting_result
from pygridjl.siting.first_stage.random import random_units
from pygridjl.siting.methods.spar.masters import solve_master
from pygridjl.siting.methods.spar.slopes import coordinate_values, update_slopes
from pygridjl.siting.methods.spar.state import SparState, fingerprint, load_state, save_state
from pygridjl.siting.methods.spar.steps import step_size
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.progress import evaluated_by, hold_decision
from pygridjl.siting.registry import SparOptions
from pygridjl.siting.result import SitingResult
from pygridjl.siting.second_stage.protocol import (
    ExpectedValue,
    ScenarioStatus,
    SecondStage,
    assert_built_for,
    expected_value,
)
from pygridjl.siting.storage_checks import assert_no_storage

__all__ = ["SparHistory", "SparOptions", "SparResult", "spar"]

# Rounds of cuts from the full scenario set after the last iteration.
REPAIR_ROUNDS = 50
# Share of the time that is for iterations even where the scenarios of the answer need all of it.
LEARNING = 0.25
# Share of the time that an answer may take and still counts as taking none.
NEXT_TO_NOTHING = 0.03


def _no_rows() -> Any:
    return field(default_factory=lambda: np.zeros((0, 0)))


@dataclass(frozen=True, eq=False)
class SparHistory:
    """What happened in T iterations.

    Attributes
    ----------
    units : ndarray of int, shape (T, n_site)
        Decision of each iteration.
    approximate : ndarray, shape (T,)
        Learned approximation of the change against no units, at the decision.
    sampled : ndarray, shape (T,)
        Mean second-stage value of the scenarios drawn; NaN if one was infeasible.
    """

    units: IntArray
    approximate: FloatArray
    sampled: FloatArray


@dataclass(frozen=True)
class SparResult(SitingResult):
    """A SPAR answer with what was learned. None of it is a bound.

    Attributes
    ----------
    sites : tuple of str
        Bus ids of all candidate sites, the order of every array here.
    slopes : ndarray, shape (n_site, L + 1)
        Learned slopes v_i(k).
    snapshots : ndarray, shape (n_snapshot, n_site, L + 1)
        Slopes after each of the first iterations (Fig. 2).
    history : SparHistory
        Decisions and values of all iterations (Fig. 3).
    stopped : str
        ``"iterations"``, ``"moving average"``, ``"time limit"`` or ``"infeasible"``.
    n_cut : int
        Feasibility cuts in the last master.
    """

    sites: tuple[str, ...] = ()
    slopes: FloatArray = _no_rows()
    snapshots: FloatArray = _no_rows()
    history: SparHistory = field(
        default_factory=lambda: SparHistory(np.zeros((0, 0), dtype=np.int64), *2 * [np.zeros(0)])
    )
    stopped: str = ""
    n_cut: int = 0

    def coordinate_function(self, bus: str, snapshot: int | None = None) -> FloatArray:
        """Return the learned function V_i(k) of a site at k = 0 … L units.

        Parameters
        ----------
        bus : str
            Bus id of the site.
        snapshot : int, optional
            After which of the first iterations, from 0; by default after the last.

        Raises
        ------
        InvalidOptionError
            If there is no such site or snapshot.
        """
        if bus not in self.sites:
            raise InvalidOptionError(f"bus {bus!r} is no site of this run")
        if snapshot is not None and not 0 <= snapshot < len(self.snapshots):
            raise InvalidOptionError(
                f"snapshot {snapshot} was not kept, there are {len(self.snapshots)}"
            )
        table = self.slopes if snapshot is None else self.snapshots[snapshot]
        return coordinate_values(table[self.sites.index(bus)])

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain Python objects, without the arrays of the learning."""
        plain = super().to_dict()
        for name in ("sites", "slopes", "snapshots", "history"):
            del plain[name]
        return plain


def spar(
    problem: PlanningProblem,
    scenarios: ScenarioSet,
    second_stage: SecondStage,
    options: SparOptions | None = None,
    *,
    seed: int = 0,
    time_limit: float | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> SparResult:
    """Site units by learning a separable approximation of the expected second stage.

    Each iteration minimises the learned functions over the first stage, draws scenarios, solves
    their second stage and moves the slopes at the decision towards the subgradient found; an
    infeasible scenario adds a cut instead. The last decision is evaluated on the full scenario
    set; scenarios that are infeasible there add their cuts until none is.

    Where the expectation is separable in the sites the decisions converge to an optimum; in
    general, and on every feeder with shared lines, the method is a heuristic.

    Parameters
    ----------
    problem : PlanningProblem
        The problem.
    scenarios : ScenarioSet
        The scenarios.
    second_stage : SecondStage
        Engine built for both.
    options : SparOptions, optional
        How it learns.
    seed : int
        Seed of the scenarios drawn and of the exploration.
    time_limit : float, optional
        Seconds; what all scenarios take is kept of them.
    on_progress : callable, optional
        Called with one line of text an iteration.

    Returns
    -------
    SparResult
        Status ``feasible``; ``time_limit`` if the clock ended it; ``infeasible`` if cuts prove
        that no decision keeps every scenario feasible; ``not_found`` if repair did not end.

    Raises
    ------
    InvalidNetworkError, InvalidPlanningError, InvalidScenariosError, InvalidOptionError
        If the input is unsound or the state belongs to another run.
    SolverError
        If the second stage fails in a scenario, so that no value can be stated.
    """
    options = options or SparOptions()
    assert_built_for(problem, scenarios, second_stage)
    assert_valid_planning(problem)
    assert_limits_kept(problem, "spar")
    assert_no_storage(problem, "spar")
    assert_valid_scenarios_for(problem, scenarios)
    assert_expectation(problem, "spar")
    watch = Stopwatch()
    begun, limit = working_time(), np.inf if time_limit is None else time_limit
    path = None if options.state is None else Path(options.state)
    mark = "" if path is None else fingerprint(second_stage, options, seed)
    if path is not None and path.exists():
        run = load_state(path, mark)
    else:
        slopes = np.zeros((problem.n_site, problem.site_limit + 1))
        run = SparState(slopes, generator(seed))
    blocked, first, longest = False, len(run.units), 0.0
    while True:
        done = len(run.units)
        if done >= options.max_iterations:
            stopped = "iterations"
            break
        if _settled(run.approximate, options):
            stopped = "moving average"
            break
        if done % options.save_every == 0:
            second_stage.reset()
            if path is not None and done:
                save_state(path, run, mark)
        kept = _seconds_of_answer(second_stage, watch, done - first, options.batch)
        if is_over(begun + max(limit - kept - longest, LEARNING * limit)):
            stopped = "time limit"
            break
        began = working_time()
        if not _iterate(second_stage, run, options, watch):
            blocked, stopped = True, "infeasible"
            break
        longest = max(longest, working_time() - began)
        if on_progress is not None:
            value = run.approximate[-1]
            on_progress(f"iteration {done + 1} of {options.max_iterations}, learned {value:.5g}")
    if path is not None and stopped in ("iterations", "moving average"):
        save_state(path, run, mark)
    second_stage.reset()
    kept = _seconds_of_answer(second_stage, watch, len(run.units) - first, options.batch)
    # An answer that takes next to nothing is not lost to a machine that is busy for a moment.
    deadline = begun + limit if kept > NEXT_TO_NOTHING * limit else np.inf
    return _answer(second_stage, run, options, seed, watch, stopped, blocked, deadline)


def _seconds_of_answer(
    second_stage: SecondStage, watch: Stopwatch, iterations: int, batch: int
) -> float:
    """Seconds that all scenarios take with the decision and without, as long as those drawn."""
    if not iterations:
        return 0.0
    each = watch.seconds.get("second stage", 0.0) / (iterations * batch)
    return 2.0 * each * len(second_stage.scenarios)


def _iterate(
    second_stage: SecondStage, run: SparState, options: SparOptions, watch: Stopwatch
) -> bool:
    """Do one iteration; False if the cuts leave no decision."""
    problem, scenarios = second_stage.problem, second_stage.scenarios
    t = len(run.units) + 1
    with watch.phase("master"):
        if t <= options.exploration and not run.cuts:
            units: IntArray | None = random_units(problem, run.rng)
        else:
            units = solve_master(problem, run.slopes, run.cuts, options.master)
    if units is None:
        return False
    drawn = run.rng.choice(len(scenarios), size=options.batch, p=scenarios.probability)
    with watch.phase("second stage"):
        batch = second_stage.evaluate_scenarios(units, drawn)
    run.units.append(units)
    hold_decision(problem, units)
    values = coordinate_values(run.slopes)
    run.approximate.append(float(values[np.arange(units.size), units].sum()))
    infeasible = batch.status == ScenarioStatus.INFEASIBLE
    run.cuts.extend(batch.cuts)
    if infeasible.any() or not batch.optimal.any():
        run.sampled.append(float("nan"))
    else:
        run.sampled.append(float(batch.value[batch.optimal].mean()))
        gradient = batch.gradient[batch.optimal].mean(axis=0)
        with watch.phase("slopes"):
            step = step_size(options.step_rule, t)
            update_slopes(run.slopes, units, gradient, step, options.sides)
    if t <= options.snapshots:
        run.snapshots.append(run.slopes.copy())
    return True


def _settled(approximate: list[float], options: SparOptions) -> bool:
    """Whether the moving average of the approximate objective has come to rest."""
    w = options.window
    if options.tolerance == 0 or len(approximate) < options.exploration + w + 1:
        return False
    now, before = np.mean(approximate[-w:]), np.mean(approximate[-w - 1 : -1])
    return bool(abs(now - before) <= options.tolerance * abs(now))


def _answer(
    second_stage: SecondStage,
    run: SparState,
    options: SparOptions,
    seed: int,
    watch: Stopwatch,
    stopped: str,
    blocked: bool,
    deadline: float,
) -> SparResult:
    """Take the decision of the last approximation and repair it on the full scenario set."""
    problem, scenarios = second_stage.problem, second_stage.scenarios
    units: IntArray | None = None
    full: ExpectedValue | None = None
    for _ in range(REPAIR_ROUNDS):
        if blocked:
            break
        with watch.phase("master"):
            units = solve_master(problem, run.slopes, run.cuts, options.master)
        if units is None:
            blocked = True
            break
        hold_decision(problem, units)
        with watch.phase("evaluate"):
            batch = evaluated_by(second_stage, units, deadline)
            full = None if batch is None else expected_value(scenarios, batch)
        if batch is None or not batch.cuts:
            break
        run.cuts.extend(batch.cuts)
    status = Status.TIME_LIMIT if stopped == "time limit" else Status.FEASIBLE
    result = siting_result(
        problem,
        second_stage,
        None if blocked else units,
        method="spar",
        watch=watch,
        status=Status.INFEASIBLE if blocked else status,
        reason="no decision keeps these scenarios feasible" if blocked else "",
        infeasible=tuple(dict.fromkeys(c.scenario for c in run.cuts)) if blocked else (),
        iterations=len(run.units),
        seed=seed,
        packages=("highspy", "numba"),
        full=None if blocked else full,
        deadline=deadline,
        kind=SparResult,
        extra={
            "sites": problem.site_ids,
            "slopes": run.slopes,
            "snapshots": np.array(run.snapshots).reshape(-1, *run.slopes.shape),
            "history": SparHistory(
                np.array(run.units, dtype=np.int64).reshape(-1, problem.n_site),
                np.array(run.approximate),
                np.array(run.sampled),
            ),
            "stopped": stopped,
            "n_cut": len(run.cuts),
        },
    )
    assert isinstance(result, SparResult)
    return result
