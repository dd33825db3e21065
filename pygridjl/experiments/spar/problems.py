"""The problems of the SPAR-OPF paper, how much of it is run, and the task of solving one."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pygridjl.core.errors import InvalidOptionError
from pygridjl.experiments.spar import Options
from pygridjl.grid import Feeder, load_feeder
from pygridjl.scenarios.generate import generate_scenarios
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.measures import Measure
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.registry import METHODS
from pygridjl.siting.regulators import with_neutral_regulators
from pygridjl.siting.solve import site
from pygridjl.study.task import Row, Task

__all__ = [
    "FULL",
    "OBJECTIVES",
    "QUICK",
    "Extent",
    "extent",
    "planning_problem",
    "scenario_set",
    "siting_task",
]

OBJECTIVES: tuple[Measure, ...] = ("voltage", "loss")


@dataclass(frozen=True)
class Extent:
    """How much is run.

    Attributes
    ----------
    seeds : int
        Seeds of SPAR in Table I and samples of each size in Tables II–V.
    rivals : tuple of str
        Methods beside SPAR in Table I.
    rival_seconds, proof_seconds : float
        Time limit of each of them, and of each proof of a sample problem.
    reference_seconds : float
        Time limit of the proof on a full scenario set.
    sizes : tuple of int
        Scenarios of a sample.
    scenarios : mapping of str to int
        From those of Tables II–V that are run to the size of their full scenario set.
    masters : tuple of str
        Feeders of Table VI.
    """

    seeds: int
    rivals: tuple[str, ...]
    rival_seconds: float
    proof_seconds: float
    reference_seconds: float
    sizes: tuple[int, ...]
    scenarios: Mapping[str, int]
    masters: tuple[str, ...]


QUICK = Extent(
    seeds=5,
    rivals=("greedy", "benders", "extensive"),
    rival_seconds=45.0,
    proof_seconds=3.0,
    reference_seconds=45.0,
    sizes=(50, 100),
    scenarios={"II": 96, "III": 96},
    masters=("ieee123",),
)
FULL = Extent(
    seeds=25,
    rivals=("greedy", "benders", "extensive", "hedging"),
    rival_seconds=3600.0,
    proof_seconds=60.0,
    reference_seconds=1800.0,
    sizes=(50, 100, 150, 200),
    scenarios={"II": 1200, "III": 1200, "IV": 1200, "V": 1200},
    masters=("ieee123", "ieee9500"),
)


def extent(options: Options) -> Extent:
    """Return how much the options ask for."""
    return FULL if options.full else QUICK


@cache
def _feeder(name: str) -> Feeder:
    return with_neutral_regulators(load_feeder(name))


def planning_problem(feeder: str, objective: Measure) -> PlanningProblem:
    """Return the problem of the paper as far as its parameters are known.

    The source stands at 1 p.u.: at the 1.05 p.u. of the 9500-node script all voltages lie above
    the reference, where units can only raise them further.
    """
    # The paper's loss leaves mutual resistances out.
    measure: Measure = "loss-printed" if objective == "loss" else objective
    return PlanningProblem(_feeder(feeder), measure=measure, v_source=1.0)


@cache
def scenario_set(feeder: str, n_scenario: int) -> ScenarioSet:
    """Return scenarios of the bundled year by Algorithm 2."""
    return generate_scenarios(_feeder(feeder).n_bus, n_scenario)


def siting_task(
    feeder: str,
    n_scenario: int,
    objective: Measure,
    method: str,
    *,
    seed: int = 0,
    limit: float | None = None,
) -> Task:
    """Make the task of a siting problem, from the data to the judged decision.

    Parameters
    ----------
    feeder, n_scenario, objective
        The problem.
    method : str
        The method.
    seed : int
        Its seed.
    limit : float, optional
        Its time limit, s.

    Returns
    -------
    Task
        Its row has ``feeder, scenarios, objective, method, seed, limit, status, value, bound,
        no_dg, units, sites, seconds, error``. Seconds count the building of the engine.
    """
    return Task(
        {
            "feeder": feeder,
            "scenarios": n_scenario,
            "objective": objective,
            "method": method,
            "seed": seed,
            "limit": limit,
        },
        _solve,
    )


def _solve(asked: Mapping[str, Any]) -> Row:
    problem = planning_problem(asked["feeder"], asked["objective"])
    scenarios = scenario_set(asked["feeder"], asked["scenarios"])
    method = METHODS[asked["method"]]
    limit = math.inf if asked["limit"] is None else asked["limit"]
    began = time.perf_counter()
    try:
        result = site(
            problem,
            scenarios,
            method=method.name,
            seed=asked["seed"] if method.seeded else None,
            time_limit=limit if method.timed else None,
        )
    except ModuleNotFoundError as error:
        raise InvalidOptionError(f"method {method.name!r} needs {error.name!r}") from error
    return {
        "status": result.status.value,
        "value": result.objective,
        "bound": result.bound,
        "no_dg": result.no_dg,
        "units": int(result.units.sum()),
        "sites": len(result.placements),
        "seconds": time.perf_counter() - began,
    }
