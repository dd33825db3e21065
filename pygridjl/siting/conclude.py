"""The way every method answers: a decision judged on all scenarios by code no method shares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from pygridjl.core.jit import working_time
from pygridjl.core.result import Status, Stopwatch, engine_versions, relative_gap
from pygridjl.core.stopping import is_over, requested
from pygridjl.core.types import IntArray
from pygridjl.siting.check import check_units
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.progress import evaluated_by
from pygridjl.siting.second_stage.protocol import ExpectedValue, SecondStage, expected_value

if TYPE_CHECKING:
    from pygridjl.siting.dispatch import OperatingStage
    from pygridjl.siting.operating import OperatingReport

from pygridjl.siting.result import Placement, SitingResult, improvement_captured

__all__ = ["siting_result"]

INTEGER_TOLERANCE = 1e-5
# Nodes times scenarios without operating point that are explained at most, and scenarios at least.
MOST_EXPLAINED, FEWEST_EXPLAINED = 50_000, 3


def _operation(
    problem: PlanningProblem,
    stage: OperatingStage,
    decision: IntArray,
    value: float | None,
    infeasible: tuple[str, ...],
    watch: Stopwatch,
) -> tuple[OperatingReport | None, tuple[str, ...]]:
    """Say what the decision does, and what stops it where it fails."""
    from pygridjl.siting.operating import operate
    from pygridjl.siting.violations import describe_violations

    scenarios = stage.scenarios
    with watch.phase("operate"):
        if infeasible:
            failing = np.flatnonzero(np.isin(scenarios.id, infeasible))
            failing = failing[: max(MOST_EXPLAINED // problem.feeder.n_node, FEWEST_EXPLAINED)]
            broken = operate(problem, scenarios, decision, indices=failing, stage=stage)
            return None, tuple(describe_violations(broken.violations))
        if value is None:
            return None, ()
        return operate(problem, scenarios, decision, stage=stage), ()


def siting_result(
    problem: PlanningProblem,
    second_stage: SecondStage,
    units: ArrayLike | None,
    *,
    method: str,
    watch: Stopwatch,
    status: Status = Status.FEASIBLE,
    bound: float | None = None,
    bound_method: str = "",
    reason: str = "",
    infeasible: tuple[str, ...] = (),
    iterations: int | None = None,
    seed: int | None = None,
    packages: tuple[str, ...] = (),
    full: ExpectedValue | None = None,
    reference: ExpectedValue | None = None,
    deadline: float = np.inf,
    extra: Mapping[str, Any] | None = None,
    kind: type[SitingResult] = SitingResult,
) -> SitingResult:
    """Judge a decision on the full scenario set and say so: the way every method answers.

    The decision is checked against the first stage by code no method shares, then evaluated in
    every scenario. Whatever the method hoped for, the status becomes ``not_found`` if the check
    or a scenario fails.

    Parameters
    ----------
    problem : PlanningProblem
        The problem.
    second_stage : SecondStage
        Engine of the second stage.
    units : array of int, shape (n_site,), or None
        The decision; None if the method found none.
    method : str
        Name of the method.
    watch : Stopwatch
        Times so far; the evaluation is added as phase ``"evaluate"``.
    status : Status
        What the method claims. ``optimal`` is its own claim to its own tolerance.
    bound : float, optional
        Proven lower bound.
    bound_method : str
        What proved it.
    reason : str
        Why there is no answer.
    infeasible : tuple of str
        Ids of the scenarios that leave no decision, if the method proved that.
    iterations, seed
        For the record.
    packages : tuple of str
        Distributions whose versions matter.
    full : ExpectedValue, optional
        The evaluation of ``units`` on the full set if the method has just done it with this
        second stage; computed otherwise.
    reference : ExpectedValue, optional
        The same without any unit.
    deadline : float
        Value of ``working_time()``: what is not known by then is left out.
    extra : mapping, optional
        Fields of ``kind`` beyond those of :class:`SitingResult`.
    kind : type
        :class:`SitingResult` or a subclass.

    Returns
    -------
    SitingResult
        Of the asked kind.

    Raises
    ------
    SolverError
        If the second stage fails in a scenario, so that no value can be stated.
    """
    scenarios = second_stage.scenarios
    nothing = np.zeros(problem.n_site, dtype=np.int64)
    given = nothing if units is None else np.asarray(units, dtype=np.float64)
    decision = np.rint(given).astype(np.int64)
    value: float | None = None
    from pygridjl.siting.idle import told_stage, without_idle_units

    def valued(units: IntArray) -> ExpectedValue | None:
        batch = evaluated_by(second_stage, units, deadline)
        return None if batch is None else expected_value(scenarios, batch, problem.risk)

    began = working_time()
    with watch.phase("evaluate"):
        if reference is None:
            reference = valued(nothing)
        once = working_time() - began
        if units is not None and full is None:
            full = valued(decision) if decision.any() else reference
        if units is not None and full is None:
            status, reason = Status.NOT_FOUND, "time ended before the value of the decision"
        elif units is not None:
            assert full is not None
            # Solvers answer integers to a tolerance; what is further off is a fraction.
            near = np.abs(given - decision) <= INTEGER_TOLERANCE
            broken = check_units(problem, np.where(near, decision, given))
            infeasible = full.infeasible
            if broken or infeasible:
                status = Status.NOT_FOUND
                reason = "; ".join(str(f) for f in broken) or "scenarios without operating point"
            if not infeasible:
                value = full.value
    value_without = np.inf if reference is None else reference.value
    stage = told_stage(problem, second_stage)
    # Who has been stopped wants the answer now; the dispatch takes as long as a value.
    hurried = requested() or is_over(deadline - once)
    kept = problem.limit_share == 1 and not hurried
    if full is not None and value is not None and decision.any() and kept:
        with watch.phase("evaluate"):
            decision, full = without_idle_units(second_stage, stage, decision, full, value_without)
        value = full.value
    operation: OperatingReport | None = None
    overloads: tuple[str, ...] = ()
    if not hurried:
        operation, overloads = _operation(problem, stage, decision, value, infeasible, watch)
    no_dg = value_without if np.isfinite(value_without) else None
    bound = None if bound is None or not np.isfinite(bound) else float(bound)
    captured = improvement_captured(no_dg, value, bound)
    told = () if problem.risk is None else (f"objective: {problem.risk}",)
    if hurried:
        why = "stopped" if requested() else "out of time"
        told = (*told, f"{why}: voltages and flows of the decision were not looked at")
    placements = tuple(
        Placement(bus, letters, int(n), float(n * problem.unit_kw), profile)
        for bus, letters, n, profile in zip(
            problem.site_ids,
            problem.site_letters,
            decision.tolist(),
            problem.profiles,
            strict=True,
        )
        if n != 0
    )
    return kind(
        feeder=problem.feeder.name,
        scenarios=scenarios.name,
        n_scenario=len(scenarios),
        measure=problem.measure,
        method=method,
        engine=second_stage.engine,
        status=status,
        placements=placements,
        units=decision,
        cost=float(decision @ problem.unit_prices),
        objective=value,
        no_dg=no_dg,
        bound=bound,
        bound_method=bound_method if bound is not None else "",
        gap=relative_gap(value, bound),
        improvement_gap=None if captured is None else 1 - captured,
        improvement_captured=captured,
        infeasible=infeasible,
        reason=reason,
        operation=operation,
        overloads=overloads,
        notes=told,
        iterations=iterations,
        seconds=dict(watch.seconds),
        seed=seed,
        versions=engine_versions("numpy", "scipy", *packages),
        **(extra or {}),
    )
