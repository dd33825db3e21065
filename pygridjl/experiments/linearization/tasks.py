"""What is run: relaxations dense and sparse, points judged on fresh draws."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from pygridjl.core.errors import SolverError
from pygridjl.experiments.linearization import Options
from pygridjl.experiments.linearization.printed import CASES
from pygridjl.grid.cases import get_case
from pygridjl.grid.network import Network
from pygridjl.optimal_flow.linearisation.methods import POINTS
from pygridjl.optimal_flow.linearisation.problem import (
    PROXIMAL,
    LinearisationProblem,
    linearisation_problem,
    with_ratings,
)
from pygridjl.optimal_flow.linearisation.relaxation import relax_moments
from pygridjl.optimal_flow.linearisation.solve import linearize_problem
from pygridjl.scenarios import two_factor_loads
from pygridjl.study.task import Plan, Row, Task

__all__ = ["QUANTILES", "paper_network", "plan"]

QUANTILES = (0.01, 0.25, 0.5, 0.75, 0.99)
# Buses up to which the order-2 point belongs to the quick run.
_ORDER2_BUSES = 30
_SECONDS = 1200.0


@cache
def paper_network(case: str) -> Network:
    """Return a case of the paper with its line limit; the slack has 1 p.u. as the paper writes."""
    found = CASES[case]
    network = get_case(found.network)
    if found.mva is not None:
        network = with_ratings(network, found.mva)
    low, high = network.buses.v_min.copy(), network.buses.v_max.copy()
    low[network.slack_buses] = high[network.slack_buses] = 1.0
    return network.replace(buses=network.buses.replace(v_min=low, v_max=high))


@cache
def _problem(case: str, samples: int, seed: int, proximal: float) -> LinearisationProblem:
    network = paper_network(case)
    return linearisation_problem(
        network, two_factor_loads(network), samples=samples, seed=seed, proximal=proximal
    )


def plan(options: Options) -> Plan:
    """List the rows of the two tables."""
    common = {"samples": options.samples, "seed": options.seed}
    relaxations: list[Task] = []
    points: list[Task] = []
    for case in CASES:
        buses = paper_network(case).n_bus
        second = options.full or buses <= _ORDER2_BUSES
        asked: list[tuple[str, int]] = [("network", 1)]
        if buses < 10:
            asked += [("dense", 1), ("constraints", 2)]
        elif options.full and buses < 30:
            asked.append(("constraints", 2))
        if second:
            asked.append(("network", 2))
        relaxations += [
            Task({"case": case, "grouping": grouping, "order": order, **common}, _relaxation)
            for grouping, order in asked
        ]
        for proximal in (0.0, PROXIMAL):
            points += [
                Task({"case": case, "point": name, "proximal": proximal, **common}, _point)
                for name in POINTS
                if name != "order2" or second
            ]
    return Plan({"relaxations": relaxations, "points": points})


def _relaxation(asked: Mapping[str, Any]) -> Row:
    problem = _problem(asked["case"], asked["samples"], asked["seed"], 0.0)
    begin = time.process_time()
    found = relax_moments(
        problem.network,
        problem.draws,
        asked["order"],
        grouping=asked["grouping"],
        time_limit=_SECONDS,
    )
    return {
        "engine": found.engine,
        "status": found.status.value,
        "outcome": found.outcome,
        "bound": found.bound if np.isfinite(found.bound) else None,
        "eigenvalue_ratio": found.eigenvalue_ratio if found.usable else None,
        "residual": found.residual if np.isfinite(found.residual) else None,
        "moments": found.moments,
        "largest_block": found.largest_block,
        "seconds": sum(found.seconds.values()),
        "own_cpu_seconds": time.process_time() - begin,
    }


def _point(asked: Mapping[str, Any]) -> Row:
    problem = _problem(asked["case"], asked["samples"], asked["seed"], asked["proximal"])
    name = asked["point"]
    found = linearize_problem(problem, name, POINTS[name].options())
    row: Row = {
        "status": found.status.value,
        "bound": found.bound,
        "notes": list(found.notes),
        "point_seconds": found.seconds["point"],
    }
    try:
        judged = found.evaluate(
            asked["samples"], seed=asked["seed"] + 1, ac_samples=min(asked["samples"], 50)
        )
    except SolverError:
        return {**row, "infeasible": asked["samples"]}
    solved = judged.samples - judged.infeasible - judged.failed
    row |= {
        "infeasible": judged.infeasible,
        "failed": judged.failed,
        "milliseconds": judged.milliseconds,
        "ac_objective": judged.ac_objective,
        "objective_there": judged.objective_there,
    }
    if not solved:
        return row
    return {
        **row,
        "mean_p": judged.mean_p,
        "deviation_p": judged.deviation_p,
        "mean_q": judged.mean_q,
        "deviation_q": judged.deviation_q,
        "objective": judged.objective,
        "quantiles_p": np.quantile(judged.error_p, QUANTILES).tolist(),
        "quantiles_q": np.quantile(judged.error_q, QUANTILES).tolist(),
    }
