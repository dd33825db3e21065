"""Problems of the siting benchmark: feeders, regimes and scenarios, and what was done to them."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal, get_args

import numpy as np

from pygridjl.core.types import FloatArray
from pygridjl.grid import Feeder, load_feeder
from pygridjl.scenarios.generate import generate_scenarios
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.measures import Measure
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.regulators import with_neutral_regulators
from pygridjl.siting.second_stage import build_second_stage
from pygridjl.siting.second_stage.operation import LIMIT_KINDS, Operation

__all__ = [
    "FULL_SHARE",
    "OBJECTIVES",
    "RAISED_BY",
    "REGIMES",
    "Regime",
    "benchmark_problem",
    "feeder_row",
    "raised_branches",
    "scenario_set",
]

Row = dict[str, Any]
Regime = Literal["easy", "kinked"]

OBJECTIVES: tuple[Measure, ...] = ("voltage", "loss")
REGIMES: tuple[Regime, ...] = get_args(Regime)

# Hours of the year come near the feeder's full load, and single buses exceed it. A branch that
# full load fills beyond FULL_SHARE of its rating would leave such hours without operating point
# whatever is sited, at night at least; its rating is raised to that of an emergency.
FULL_SHARE, RAISED_BY = 0.9, 1.5
# Buses above which a feeder counts as large.
LARGE = 1000


def _full_load(feeder: Feeder) -> FloatArray:
    """Share of its rating that full load without units takes of each branch, shape (n_branch,)."""
    one = np.ones((1, feeder.n_bus))
    operation = Operation(PlanningProblem(feeder), ScenarioSet(np.ones(1), one, 0 * one))
    p, q = operation.model.flows(*operation.demand(np.array([0])))
    # The hexagon's rows alone; the rest of the table is the voltage band.
    load = LIMIT_KINDS[:6, :1] * p + LIMIT_KINDS[:6, 1:2] * q
    share = (load / operation.limit[:, :6].T).max(axis=0)
    fed = np.flatnonzero(operation.model.branch >= 0)
    by_branch = np.zeros(len(feeder.branches))
    np.maximum.at(by_branch, operation.model.branch[fed], share[fed])
    return by_branch


@cache
def _neutral(name: str) -> Feeder:
    return with_neutral_regulators(load_feeder(name))


@cache
def raised_branches(feeder: str) -> dict[str, float]:
    """Return the branches whose rating is raised and the share of it that full load takes.

    Parameters
    ----------
    feeder : str
        Name of a bundled feeder.

    Returns
    -------
    dict
        From the id of the branch.
    """
    neutral = _neutral(feeder)
    share = _full_load(neutral)
    ids = neutral.branches.id.tolist()
    return {ids[k]: float(share[k]) for k in np.flatnonzero(share > FULL_SHARE)}


@cache
def _feeder(name: str) -> Feeder:
    neutral = _neutral(name)
    branch = neutral.branches
    raised = np.isin(branch.id, list(raised_branches(name)))
    factor = np.where(raised, RAISED_BY, 1.0)[:, None]
    return neutral.replace(branches=branch.replace(rating=factor * branch.rating))


@cache
def scenario_set(feeder: str, n_scenario: int) -> ScenarioSet:
    """Return scenarios of the bundled year by Algorithm 2."""
    return generate_scenarios(_neutral(feeder).n_bus, n_scenario)


@cache
def benchmark_problem(feeder: str, objective: Measure, regime: Regime) -> PlanningProblem:
    """Return a problem of the benchmark: line limits on, 166 units at 10 sites (20 if large).

    Parameters
    ----------
    feeder : str
        Name of a bundled feeder. Its regulators are neutral; branches that full load fills
        beyond :data:`FULL_SHARE` of their rating have it raised by :data:`RAISED_BY`.
    objective : {"voltage", "loss"}
        The objective.
    regime : {"easy", "kinked"}
        Source at 1.0 p.u. and units of 6 kW; or at 1.03 p.u. and units of 12 kW (24 kW above
        1000 buses), where many voltages cross the reference.

    Returns
    -------
    PlanningProblem
        The budget buys 166 units of any rating.
    """
    data = _feeder(feeder)
    large = data.n_bus > LARGE
    unit_kw = 6.0 if regime == "easy" else 24.0 if large else 12.0
    return PlanningProblem(
        data,
        measure=objective,
        unit_kw=unit_kw,
        unit_cost=1500.0 * 6.0 / unit_kw,
        max_sites=20 if large else 10,
        v_source=1.0 if regime == "easy" else 1.03,
    )


def feeder_row(feeder: str, n_scenario: int) -> Row:
    """Say what a feeder of the benchmark is and what its changes are needed for.

    Parameters
    ----------
    feeder : str
        Name of a bundled feeder.
    n_scenario : int
        Scenarios looked at.

    Returns
    -------
    dict
        ``buses, nodes, sites, regulators``; ``raised`` branches with the share of their stated
        rating that full load takes; scenarios without operating point without units, at stated
        and at raised ratings (``infeasible_stated, infeasible``); shares of hours and nodes above
        the reference without units and with the source at 1 p.u., regulators at the feeder's
        ratios and neutral (``above_fixed, above_neutral``).
    """
    problem, scenarios = (
        benchmark_problem(feeder, "voltage", "easy"),
        scenario_set(feeder, n_scenario),
    )
    stated = PlanningProblem(_neutral(feeder), v_source=problem.v_source)
    fixed = PlanningProblem(load_feeder(feeder), v_source=problem.v_source)
    return {
        "buses": problem.feeder.n_bus,
        "nodes": problem.feeder.n_node,
        "sites": problem.n_site,
        "regulators": int((problem.feeder.branches.kind == "regulator").sum()),
        "raised": raised_branches(feeder),
        "infeasible_stated": _infeasible(stated, scenarios),
        "infeasible": _infeasible(problem, scenarios),
        "above_fixed": _above_reference(fixed, scenarios),
        "above_neutral": _above_reference(problem, scenarios),
    }


def _infeasible(problem: PlanningProblem, scenarios: ScenarioSet) -> int:
    stage = build_second_stage(problem, scenarios)
    return int((~stage.evaluate(np.zeros(problem.n_site)).optimal).sum())


def _above_reference(problem: PlanningProblem, scenarios: ScenarioSet) -> float:
    operation = Operation(problem, scenarios)
    flows = operation.model.flows(*operation.demand(np.arange(len(scenarios))))
    fed = operation.model.branch >= 0
    squared = operation.model.voltages_of_flows(*flows)[:, fed]
    return float(scenarios.probability @ (squared > operation.u_ref).mean(axis=1))
