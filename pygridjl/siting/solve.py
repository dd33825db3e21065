"""One door to siting: problem and scenarios from plain arguments, then any method."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Literal

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.jit import working_time
from pygridjl.core.methods import Backend
from pygridjl.core.options import NoOptions
from pygridjl.grid.feeder import Feeder
from pygridjl.grid.feeder_checks import assert_valid_feeder
from pygridjl.scenarios.generate import generate_scenarios
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.check import assert_valid_planning, assert_valid_scenarios_for
from pygridjl.siting.defaults import with_default_limits
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.registry import METHODS
from pygridjl.siting.regulators import with_neutral_regulators
from pygridjl.siting.result import SitingResult
from pygridjl.siting.second_stage import default_engine
from pygridjl.siting.second_stage.protocol import SecondStage

__all__ = ["build_engine", "site"]


def build_engine(
    problem: PlanningProblem, scenarios: ScenarioSet, engine: str = "condensed"
) -> SecondStage:
    """Build a second stage; a picklable door to the engines.

    Parameters
    ----------
    problem : PlanningProblem
        The problem.
    scenarios : ScenarioSet
        The scenarios.
    engine : str
        ``"condensed"``, ``"full"`` or ``"julia"``.

    Returns
    -------
    SecondStage
        Built for both.
    """
    # Imported by name at the call: an engine loads its solver, importing this module does not.
    module = import_module("pygridjl.siting.second_stage")
    built: SecondStage = module.build_second_stage(problem, scenarios, engine)
    return built


def site(
    feeder: Feeder | PlanningProblem,
    scenarios: int | ScenarioSet = 96,
    measure: str | None = None,
    method: str = "spar",
    *,
    seed: int | None = None,
    scenario_seed: int | None = None,
    regulators: Literal["neutral", "fixed"] | None = None,
    backend: Backend = "python",
    engine: Literal["condensed", "full"] | None = None,
    time_limit: float | None = None,
    gap: float | None = None,
    options: Mapping[str, Any] | None = None,
    on_progress: Callable[[str], None] | None = None,
    **planning: Any,
) -> SitingResult:
    """Decide where to put how many PV units on a feeder under uncertain load and sun.

    Where neither problem nor feeder has a voltage band or an ampacity, usual ones are assumed and
    the notes of the answer say so (see :mod:`pygridjl.siting.defaults`).

    Parameters
    ----------
    feeder : Feeder or PlanningProblem
        The feeder; or a whole problem, which then takes no further arguments of its own.
    scenarios : int or ScenarioSet
        How many scenarios to make of the bundled year (96 and 1200 in the paper), or a set.
    measure : str, optional
        What counts, by its expectation: ``"voltage"`` (the default), ``"loss"``, ``"import"``,
        ``"energy-cost"``, ``"unbalance"``, or a sum such as ``"loss=1,voltage=0.2"``; see
        :class:`~pygridjl.siting.problem.PlanningProblem`.
    method : str
        A key of :data:`~pygridjl.siting.registry.METHODS`: ``"spar"``, ``"benders"``,
        ``"extensive"``, ``"hedging"``, ``"greedy"``, ``"random"`` or ``"none"``.
    seed : int, optional
        Seed of the method, 0 unless given; refused where nothing is random.
    scenario_seed : int, optional
        Seed of the deviations between buses when scenarios are made, 0 unless given.
    regulators : {"neutral", "fixed"}, optional
        Whether regulators stand at the neutral tap (the default), as in the paper's voltage
        equation (see :func:`~pygridjl.siting.regulators.with_neutral_regulators`), or at the ratios
        of the feeder. A planning problem keeps its feeder as it is.
    backend : {"python", "julia"}
        Where the second stage is solved; ``"julia"`` starts Julia on first use.
    engine : {"condensed", "full"}, optional
        Engine of the Python second stage; ``"condensed"`` unless given, ``"full"`` for what that
        does not know: a price of slack, unbalance, and sums without losses. Sites of storage have
        an engine of their own, ``"daily"``, which is taken unless another is asked for.
    time_limit : float, optional
        Seconds for all of the call but importing and compiling, 60 unless given; infinity for no
        limit.
    gap : float, optional
        Relative gap at which a method with a bound may stop; its own default unless given.
    options : mapping, optional
        Further options of the method, such as the fields of
        :class:`~pygridjl.siting.registry.SparOptions`.
    on_progress : callable, optional
        Called with lines of text.
    **planning
        Attributes of :class:`~pygridjl.siting.problem.PlanningProblem`, such as ``budget``,
        ``unit_kw``, ``max_sites``, ``v_source``.

    Returns
    -------
    SitingResult
        Decision, value on all scenarios, bound and status.

    Raises
    ------
    InvalidOptionError
        If an option is unknown or cannot be used.
    InvalidNetworkError, InvalidPlanningError, InvalidScenariosError
        If the input is unsound; every fault is listed.
    SolverError
        If a solver fails in a way that leaves no value to state.
    pygridjl.bridge.JuliaNotFoundError, JuliaPackageError, JuliaSolveError
        If Julia cannot be used or fails.

    Examples
    --------
    >>> import pygridjl
    >>> feeder = pygridjl.load_feeder("ieee13")
    >>> result = pygridjl.site(feeder, 24, method="greedy", budget=900.0, max_sites=3)
    >>> result.bound <= result.objective <= result.no_dg
    True
    >>> result.cost <= 900.0
    True
    """
    begun = working_time()
    chain = METHODS.parse(method, backend)
    asked = {**(options or {}), **({} if gap is None else {"gap": gap})}
    own = METHODS.options_of(chain, asked)[0]
    seed, seconds = METHODS.common_of(chain, seed=seed, time_limit=time_limit)
    problem = _problem(feeder, measure, regulators, planning)
    assert_valid_planning(problem)
    stage = _engine(backend, engine, problem)
    if isinstance(scenarios, ScenarioSet):
        if scenario_seed is not None:
            raise InvalidOptionError("scenario_seed: has no effect on a set of scenarios")
    else:
        scenarios = generate_scenarios(problem.feeder.n_bus, scenarios, seed=scenario_seed or 0)
    assert_valid_scenarios_for(problem, scenarios)
    reading = working_time()
    problem, notes = with_default_limits(problem, scenarios)
    # The answer is read as the base state is: once through every scenario.
    reading = working_time() - reading
    prepared = working_time() - begun
    second_stage = build_engine(problem, scenarios, stage)
    if stage != "julia":
        # Julia's start is no work.
        prepared = working_time() - begun
    chosen = chain.methods[0]
    arguments: dict[str, Any] = {}
    if chosen.options is not NoOptions:
        arguments["options"] = own
    if chosen.seeded:
        arguments["seed"] = seed
    if chosen.timed:
        left = None if seconds is None else max(seconds - prepared - reading, 0.0)
        arguments |= {"time_limit": left, "on_progress": on_progress}
    answer: SitingResult = chosen.load()(problem, scenarios, second_stage, **arguments)
    return dataclasses.replace(answer, notes=(*answer.notes, *notes))


def _engine(backend: str, engine: str | None, problem: PlanningProblem) -> str:
    if backend == "python":
        if engine not in (None, "condensed", "full"):
            raise InvalidOptionError(f"engine: {engine!r} is neither 'condensed' nor 'full'")
        return engine or default_engine(problem)
    if engine is not None:
        raise InvalidOptionError(f"engine: {engine!r} belongs to backend 'python'")
    return "julia"


def _problem(
    feeder: Feeder | PlanningProblem,
    measure: str | None,
    regulators: str | None,
    planning: Mapping[str, Any],
) -> PlanningProblem:
    if regulators not in (None, "neutral", "fixed"):
        raise InvalidOptionError(f"regulators: {regulators!r} is neither 'neutral' nor 'fixed'")
    if isinstance(feeder, PlanningProblem):
        named = {"measure": measure, "regulators": regulators}
        given = [*planning, *(name for name, value in named.items() if value is not None)]
        if given:
            raise InvalidOptionError(f"a planning problem has its own {', '.join(given)}")
        return feeder
    assert_valid_feeder(feeder)
    known = {field.name for field in dataclasses.fields(PlanningProblem)} - {"feeder", "measure"}
    for name in planning:
        if name not in known:
            raise InvalidOptionError(f"{name!r} is no attribute of a planning problem")
    if regulators != "fixed":
        feeder = with_neutral_regulators(feeder)
    return PlanningProblem(feeder, measure=measure or "voltage", **planning)
