"""One door to siting: problem and scenarios from plain arguments, then any method."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Literal

from pygridjl.core.arguments import check_time_limit
from pygridjl.core.errors import InvalidOptionError
from pygridjl.grid.feeder import Feeder
from pygridjl.grid.feeder_checks import assert_valid_feeder
from pygridjl.scenarios.generate import generate_scenarios
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.check import assert_valid_planning, assert_valid_scenarios_for
from pygridjl.siting.problem import Objective, PlanningProblem, with_neutral_regulators
from pygridjl.siting.result import SitingResult
from pygridjl.siting.second_stage.protocol import SecondStage

__all__ = ["METHODS", "build_engine", "method_function", "site"]

METHODS: Mapping[str, tuple[str, str, str]] = {
    "spar": (
        "pygridjl.siting.methods.spar.driver",
        "spar",
        "learned separable approximation: fast, without bound",
    ),
    "benders": (
        "pygridjl.siting.methods.benders",
        "benders",
        "cuts from every scenario: proves its bound",
    ),
    "extensive": (
        "pygridjl.siting.methods.extensive",
        "extensive",
        "all scenarios in one mixed-integer program",
    ),
    "hedging": (
        "pygridjl.siting.methods.hedging",
        "hedging",
        "progressive hedging by mpi-sppy, scenario by scenario",
    ),
    "greedy": (
        "pygridjl.siting.methods.baselines",
        "greedy",
        "one look at the mean gradient without units",
    ),
    "random": ("pygridjl.siting.methods.baselines", "random_siting", "one random decision"),
    "none": ("pygridjl.siting.methods.baselines", "no_dg", "the feeder as it is"),
}
"""Method to its module, its function and one line about it."""


def method_function(method: str) -> Callable[..., SitingResult]:
    """Return the function of a method, importing its module.

    Parameters
    ----------
    method : str
        A key of :data:`METHODS`.

    Returns
    -------
    callable
        ``function(problem, scenarios, second_stage, …) -> SitingResult``.

    Raises
    ------
    InvalidOptionError
        If there is no such method.
    """
    if method not in METHODS:
        raise InvalidOptionError(f"method {method!r} is none of {', '.join(METHODS)}")
    module, name, _ = METHODS[method]
    function: Callable[..., SitingResult] = getattr(import_module(module), name)
    return function


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
    objective: Objective | None = None,
    method: str = "spar",
    *,
    seed: int = 0,
    scenario_seed: int = 0,
    regulators: Literal["neutral", "fixed"] = "neutral",
    backend: Literal["python", "julia"] = "python",
    engine: str | None = None,
    time_limit: float | None = None,
    gap: float | None = None,
    options: Mapping[str, Any] | None = None,
    on_progress: Callable[[str], None] | None = None,
    **planning: Any,
) -> SitingResult:
    """Decide where to put how many PV units on a feeder under uncertain load and sun.

    Parameters
    ----------
    feeder : Feeder or PlanningProblem
        The feeder; or a whole problem, which then takes no further arguments of its own.
    scenarios : int or ScenarioSet
        How many scenarios to make of the bundled year (96 and 1200 in the paper), or a set.
    objective : {"voltage", "loss"}, optional
        Expected voltage deviation (the default) or expected loss.
    method : str
        A key of :data:`METHODS`.
    seed : int
        Seed of the method.
    scenario_seed : int
        Seed of the deviations between buses when scenarios are made.
    regulators : {"neutral", "fixed"}
        Whether regulators stand at the neutral tap, as in the paper's voltage equation (see
        :func:`~pygridjl.siting.problem.with_neutral_regulators`), or at the ratios of the
        feeder. A planning problem keeps its feeder as it is.
    backend : {"python", "julia"}
        Where the second stage is solved; ``"julia"`` starts Julia on first use.
    engine : {"condensed", "full"}, optional
        Engine of the Python second stage; ``"condensed"`` unless given.
    time_limit : float, optional
        Seconds for the method.
    gap : float, optional
        Relative gap at which a method with a bound may stop; its own default unless given.
    options : mapping, optional
        Further options of the method: the fields of
        :class:`~pygridjl.siting.methods.spar.options.SparOptions`, or arguments of the function.
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
    """
    check_time_limit(time_limit)
    engine = _engine(backend, engine)
    function = method_function(method)
    problem = _problem(feeder, objective, regulators, planning)
    assert_valid_planning(problem)
    if not isinstance(scenarios, ScenarioSet):
        scenarios = generate_scenarios(problem.feeder.n_bus, scenarios, seed=scenario_seed)
    assert_valid_scenarios_for(problem, scenarios)
    arguments = _arguments(
        method,
        function,
        {"seed": seed, "time_limit": time_limit, "gap": gap, "on_progress": on_progress},
        options or {},
    )
    return function(problem, scenarios, build_engine(problem, scenarios, engine), **arguments)


def _engine(backend: str, engine: str | None) -> str:
    if backend == "python":
        if engine not in (None, "condensed", "full"):
            raise InvalidOptionError(f"engine: {engine!r} is neither 'condensed' nor 'full'")
        return engine or "condensed"
    if backend != "julia":
        raise InvalidOptionError(f"backend: {backend!r} is neither 'python' nor 'julia'")
    if engine is not None:
        raise InvalidOptionError(f"engine: {engine!r} belongs to backend 'python'")
    return "julia"


def _problem(
    feeder: Feeder | PlanningProblem,
    objective: Objective | None,
    regulators: str,
    planning: Mapping[str, Any],
) -> PlanningProblem:
    if regulators not in ("neutral", "fixed"):
        raise InvalidOptionError(f"regulators must be 'neutral' or 'fixed', not {regulators!r}")
    if isinstance(feeder, PlanningProblem):
        if planning or objective is not None:
            given = ", ".join([*planning, *(["objective"] if objective is not None else [])])
            raise InvalidOptionError(f"a planning problem has its own {given}")
        return feeder
    assert_valid_feeder(feeder)
    known = inspect.signature(PlanningProblem).parameters
    for name in planning:
        if name not in known or name == "feeder":
            raise InvalidOptionError(f"{name!r} is no attribute of a planning problem")
    if regulators == "neutral":
        feeder = with_neutral_regulators(feeder)
    return PlanningProblem(feeder, objective=objective or "voltage", **planning)


def _arguments(
    method: str,
    function: Callable[..., SitingResult],
    common: Mapping[str, Any],
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """Arguments for a method: the common ones it takes, and its own options."""
    known = inspect.signature(function).parameters
    arguments = {k: v for k, v in common.items() if k in known and v is not None}
    if method == "spar":
        from pygridjl.siting.methods.spar.options import SparOptions

        own = inspect.signature(SparOptions).parameters
        chosen = {k: v for k, v in options.items() if k in own}
        options = {k: v for k, v in options.items() if k not in own}
        arguments["options"] = SparOptions(**chosen)
    for name, value in options.items():
        if name not in known or name in ("problem", "scenarios", "second_stage", *common):
            raise InvalidOptionError(f"method {method!r} has no option {name!r}")
        arguments[name] = value
    return arguments
