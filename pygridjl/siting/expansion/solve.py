"""Expansion over stages of growth, by Benders' decomposition on the scenario tree."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from pygridjl.core.arguments import seconds_allowed
from pygridjl.core.errors import InvalidOptionError, SolverError
from pygridjl.core.jit import working_time
from pygridjl.core.result import Status, Stopwatch, engine_versions, relative_gap
from pygridjl.core.stopping import hold, seconds_left
from pygridjl.core.types import FloatArray, IntArray
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.check import (
    assert_limits_kept,
    assert_valid_planning,
    assert_valid_scenarios_for,
    check_units,
)
from pygridjl.siting.defaults import with_default_limits
from pygridjl.siting.expansion.program import ExpansionProgram, node_problem
from pygridjl.siting.expansion.result import ExpansionResult
from pygridjl.siting.expansion.tree import Stage, StageTree
from pygridjl.siting.least import least_objective
from pygridjl.siting.methods.benders.clock import evaluate_within
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.result import improvement_captured
from pygridjl.siting.second_stage.protocol import SecondStage, expected_value
from pygridjl.siting.tolerance import Tolerance
from pygridjl.solvers.status import SolverStatus

__all__ = ["expansion_plan"]

# The relaxation ends when this part of the allowed gap is left, or after so many rounds.
RELAXED_SHARE, RELAXED_ROUNDS = 0.25, 60
# Part of the allowed gap that the search for whole units may leave.
SEARCH_SHARE = 0.25


def expansion_plan(
    problem: PlanningProblem,
    scenarios: ScenarioSet,
    stages: Sequence[Stage],
    *,
    gap: float | None = None,
    time_limit: float | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> ExpansionResult:
    """Decide what to build now and what later, while load grows on one or several paths.

    A multistage program on a scenario tree: each node has units that stand there, never fewer
    than at the node before it, paid from the money that came in on the way. What a node is worth
    is convex in its units, so that planes from its scenarios bound it from below (Birge 1985);
    all nodes share one master. A share of CVaR counts the worst hours of each stage.

    Parameters
    ----------
    problem : PlanningProblem
        Sites, costs and limits; its budget is not used. ``max_sites``, ``max_units`` and
        ``min_units`` hold for what stands at each stage.
    scenarios : ScenarioSet
        Load and output of a year; every stage has them with its own level of load.
    stages : sequence of Stage
        The tree, the first stage first.
    gap : float, optional
        Relative gap to stop at; unless given the search stops when 1 % of the possible
        improvement is open.
    time_limit : float, optional
        Seconds (60).
    on_progress : callable, optional
        Called with one line of text an iteration.

    Returns
    -------
    ExpansionResult
        The plan and its proven bound.

    Raises
    ------
    InvalidNetworkError, InvalidPlanningError, InvalidScenariosError, InvalidOptionError
        If the input is unsound.
    SolverError
        If a solver fails.

    Examples
    --------
    >>> from pygridjl import generate_scenarios, load_feeder
    >>> from pygridjl.siting import PlanningProblem, Stage, expansion_plan
    >>> problem = PlanningProblem.on_buses(
    ...     load_feeder("ieee13"), ["675", "634"], unit_kw=60.0, v_source=1.03, v_min=0.0
    ... )
    >>> stages = [Stage("now", 0.6, 300), Stage("later", 0.8, 300, parent="now", years=5)]
    >>> plan = expansion_plan(problem, generate_scenarios(16, 24), stages)
    >>> bool((plan.units[1] >= plan.units[0]).all())
    True
    """
    tree = StageTree(stages)
    if gap is not None and not 1e-6 <= gap < np.inf:
        raise InvalidOptionError(f"gap: must be at least 1e-06, is {gap}")
    if problem.min_sites:
        raise InvalidOptionError("min_sites: has no meaning where money comes in stages")
    assert_limits_kept(problem, "expansion_plan")
    # The stage with most money has to be able to buy a unit at all.
    assert_valid_planning(node_problem(problem, float(tree.money.max())))
    assert_valid_scenarios_for(problem, scenarios)
    deadline = working_time() + seconds_allowed(time_limit)
    # What is assumed must not forbid what a later load does without units.
    most = max(stage.load for stage in tree.stages)
    heaviest = dataclasses.replace(scenarios, load=most * scenarios.load)
    problem, notes = with_default_limits(problem, heaviest)
    if notes:
        notes = (f"limits were assumed at the largest load, {most:g} times the scenarios'", *notes)
    if problem.risk is not None:
        notes = (f"value of each stage: {problem.risk}", *notes)
    run = _Run(problem, scenarios, tree, Tolerance(None if gap else 0.01, gap))
    status = run.go(deadline, on_progress)
    return dataclasses.replace(run.answer(status), notes=notes)


class _Run:
    def __init__(
        self, problem: PlanningProblem, scenarios: ScenarioSet, tree: StageTree, stop: Tolerance
    ) -> None:
        from pygridjl.siting.second_stage import build_second_stage, default_engine

        self.problem, self.scenarios, self.tree, self.stop = problem, scenarios, tree, stop
        self.watch = Stopwatch()
        engine = default_engine(problem)
        self.engines: list[SecondStage] = []
        for stage in tree.stages:
            grown = dataclasses.replace(scenarios, load=stage.load * scenarios.load)
            self.engines.append(build_second_stage(problem, grown, engine))
        floor = [least_objective(problem, engine.scenarios)[0] for engine in self.engines]
        self.program = ExpansionProgram(problem, tree, np.array(floor))
        self.best: tuple[float, IntArray, FloatArray] | None = None
        self.bound, self.no_dg, self.rounds = float(tree.weight @ floor), np.inf, 0
        # Scenarios lost at the last look, by stage.
        self.lost: dict[str, tuple[str, ...]] = {}

    def go(self, deadline: float, on_progress: Callable[[str], None] | None) -> Status:
        self.no_dg = self._evaluate(np.zeros((len(self.tree), self.problem.n_site)), deadline)
        relaxing = True
        tried: set[bytes] = set()
        while True:
            allowed = self.stop.allowed(self._value, self.no_dg)
            if self._closed():
                return Status.OPTIMAL
            left = seconds_left(deadline)
            if left <= 0:
                return Status.TIME_LIMIT
            with self.watch.phase("master"):
                program = self.program
                relaxing = relaxing and self.rounds < RELAXED_ROUNDS
                found = (
                    program.relax(left)
                    if relaxing
                    else program.solve(max(SEARCH_SHARE * allowed, 0.0), left)
                )
            if found.status is SolverStatus.INFEASIBLE:
                return Status.INFEASIBLE
            self.bound = max(self.bound, program.bound(found))
            hold(bound=float(self.bound))
            if found.x is None:
                if found.status is SolverStatus.TIME_LIMIT:
                    return Status.TIME_LIMIT
                raise SolverError(f"HiGHS: master ended with status {found.status.value!r}")
            units = program.units(found.x)
            if not relaxing:
                units = np.rint(units)
                if units.tobytes() in tried:
                    # All that there is to know of it is known.
                    return Status.OPTIMAL if self._closed() else Status.FEASIBLE
                tried.add(units.tobytes())
            value = self._evaluate(units, deadline)
            wanted = self.stop.allowed(min(value, self.no_dg), self.no_dg)
            if relaxing and value - self.bound <= RELAXED_SHARE * wanted:
                relaxing = False
            if on_progress is not None:
                best = "no plan yet" if self.best is None else f"value {self.best[0]:.6g}"
                on_progress(f"iteration {self.rounds}: {best}, bound {self.bound:.6g}")

    @property
    def _value(self) -> float:
        return np.inf if self.best is None else self.best[0]

    def _closed(self) -> bool:
        return self._value - self.bound <= self.stop.allowed(self._value, self.no_dg)

    def _evaluate(self, units: FloatArray, deadline: float) -> float:
        """Solve all scenarios of all nodes, add what they say, keep the best plan.

        Infinity if a stage loses a scenario or time ends before the last one.
        """
        self.rounds += 1
        values = np.full(len(self.tree), np.inf)
        self.lost = {}
        for node, engine in enumerate(self.engines):
            with self.watch.phase("second stage"):
                batch = evaluate_within(engine, units[node], deadline)
            if batch is None:
                return np.inf
            found = expected_value(engine.scenarios, batch, self.problem.risk)
            with self.watch.phase("master"):
                if found.infeasible:
                    self.lost[self.tree.stages[node].name] = found.infeasible
                    for cut in batch.cuts:
                        self.program.add_cut(node, cut)
                    continue
                values[node] = found.value
                self.program.add_plane(node, units[node], found)
        total = float(self.tree.weight @ values)
        if total < self._value and self._keeps(units):
            self.best = total, units.astype(np.int64), values
            kw = (units.sum(axis=1) * self.problem.unit_kw).tolist()
            names = [stage.name for stage in self.tree.stages]
            hold(objective=total, kw=dict(zip(names, kw, strict=True)))
        return total

    def _keeps(self, units: FloatArray) -> bool:
        for node, money in enumerate(self.tree.money.tolist()):
            if check_units(node_problem(self.problem, money), units[node]):
                return False
            before = self.tree.parent[node]
            if before >= 0 and (units[node] < units[before]).any():
                return False
        return True

    def answer(self, status: Status) -> ExpansionResult:
        value, units, values = (
            (None, np.zeros((len(self.tree), self.problem.n_site), np.int64), None)
            if self.best is None or status is Status.INFEASIBLE
            else self.best
        )
        timed_out = value is None and status is Status.TIME_LIMIT and not self.lost
        if value is None and status is not Status.INFEASIBLE:
            status = Status.NOT_FOUND
        no_dg = float(self.no_dg) if np.isfinite(self.no_dg) else None
        bound = None if status is Status.INFEASIBLE else float(self.bound)
        captured = improvement_captured(no_dg, value, bound)
        reasons = {
            Status.INFEASIBLE: "no plan keeps the limits in every scenario of every stage",
            Status.NOT_FOUND: "time ended before all scenarios of the first plan"
            if timed_out
            else "no plan tried kept the limits in every scenario of every stage",
        }
        stages, additions = self._tables(units, values)
        return ExpansionResult(
            feeder=self.problem.feeder.name,
            scenarios=self.scenarios.name,
            measure=self.problem.measure,
            status=status,
            stages=stages,
            additions=additions,
            units=units,
            objective=value,
            bound=bound,
            no_dg=no_dg,
            gap=relative_gap(value, bound),
            improvement_gap=None if captured is None else 1 - captured,
            reason=f"{reasons[status]}{self._lost_text()}" if status in reasons else "",
            iterations=self.rounds,
            seconds=dict(self.watch.seconds),
            versions=engine_versions("numpy", "scipy", "highspy"),
        )

    def _lost_text(self) -> str:
        if not self.lost:
            return ""
        told = (f"stage {name}: {len(ids)}, {ids[0]} first" for name, ids in self.lost.items())
        return f" (without a state at the last look: {'; '.join(told)}); a slack_price lets them be"

    def _tables(
        self, units: IntArray, values: FloatArray | None
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        problem, tree = self.problem, self.tree
        before = np.array([units[p] if p >= 0 else 0 * units[0] for p in tree.parent])
        new = units - before
        stages = pd.DataFrame(
            {
                "stage": [stage.name for stage in tree.stages],
                "parent": [stage.parent for stage in tree.stages],
                "load": [stage.load for stage in tree.stages],
                "years": [stage.years for stage in tree.stages],
                "chance": [stage.probability for stage in tree.stages],
                "new_kw": new.sum(axis=1) * problem.unit_kw,
                "kw": units.sum(axis=1) * problem.unit_kw,
                "spent": units @ problem.unit_prices,
                "value": np.nan if values is None else values,
            }
        )
        node, site = np.nonzero(new)
        names, letters = np.array(problem.site_ids), np.array(problem.site_letters)
        additions = pd.DataFrame(
            {
                "stage": stages["stage"].to_numpy()[node],
                "bus": names[site],
                "phases": letters[site],
                "units": new[node, site],
                "kw": new[node, site] * problem.unit_kw,
            }
        )
        return stages, additions
