"""Operation of the feeder in each scenario, given the units installed: the engines."""

from __future__ import annotations

from pygridjl.core.errors import InvalidOptionError
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.second_stage.protocol import SecondStage

__all__ = ["ENGINES", "build_second_stage", "default_engine"]

ENGINES = ("condensed", "full", "daily", "julia")


def default_engine(problem: PlanningProblem) -> str:
    """Return the Python engine that suits a problem: ``"condensed"`` where that knows it all.

    Parameters
    ----------
    problem : PlanningProblem
        The problem.
    """
    if problem.stores.any():
        return "daily"
    known = _alone(problem) or _summed(problem)
    return "condensed" if known and problem.slack_price is None else "full"


def _alone(problem: PlanningProblem) -> bool:
    return problem.measure in ("voltage", "loss", "loss-printed")


def _summed(problem: PlanningProblem) -> bool:
    """Whether losses make a small quadratic program faster than a large linear one."""
    weights = problem.weights
    return bool({"loss", "loss-printed"} & set(weights)) and "unbalance" not in weights


def build_second_stage(
    problem: PlanningProblem, scenarios: ScenarioSet, engine: str = "condensed"
) -> SecondStage:
    """Build an engine.

    Parameters
    ----------
    problem : PlanningProblem
        The problem, valid.
    scenarios : ScenarioSet
        The scenarios, valid for it.
    engine : {"condensed", "full", "daily", "julia"}
        ``"full"`` keeps one program on all nodes alive (HiGHS, Clarabel) and changes right-hand
        sides. ``"condensed"`` solves in the columns of the sites in use and asks ``"full"`` only
        for what it cannot certify. ``"daily"`` is that of sites of storage, which tie the hours of
        a day; no other knows them. ``"julia"`` solves the programs of ``"full"`` in Julia, all
        scenarios in one call.

    Returns
    -------
    SecondStage
        Built for both.

    Raises
    ------
    InvalidOptionError
        If there is no such engine.
    pygridjl.bridge.JuliaNotFoundError, JuliaPackageError
        At the first call of engine ``"julia"``, if Julia cannot be used.
    """
    if (engine == "daily") != bool(problem.stores.any()):
        raise InvalidOptionError(
            f"engine {engine!r}: sites of storage tie the hours of a day, which engine 'daily' "
            "knows and no other; without any the others are faster"
        )
    if engine == "daily":
        from pygridjl.siting.second_stage.daily import DailySecondStage

        return DailySecondStage(problem, scenarios)
    if engine == "condensed" and problem.slack_price is not None:
        raise InvalidOptionError("engine 'condensed' keeps limits; slack_price needs 'full'")
    if engine == "condensed" and default_engine(problem) != engine:
        raise InvalidOptionError(
            "engine 'condensed' knows voltage alone, and losses without unbalance; measure "
            f"{problem.measure!r} needs 'full'"
        )
    if engine == "condensed" and not _alone(problem):
        from pygridjl.siting.second_stage.summed import SummedSecondStage

        return SummedSecondStage(problem, scenarios)
    if engine == "condensed":
        from pygridjl.siting.second_stage.condensed import CondensedSecondStage

        return CondensedSecondStage(problem, scenarios)
    if engine == "full":
        from pygridjl.siting.second_stage.full import FullSecondStage

        return FullSecondStage(problem, scenarios)
    if engine == "julia":
        if problem.price_columns:
            raise InvalidOptionError(
                f"backend 'julia' keeps one price of energy; {problem.price_columns[0]!r} depends "
                "on the scenario and needs backend 'python'"
            )
        from pygridjl.siting.second_stage.julia import JuliaStage

        return JuliaStage(problem, scenarios)
    raise InvalidOptionError(f"engine {engine!r} is none of {', '.join(ENGINES)}")
