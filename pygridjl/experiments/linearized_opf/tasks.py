"""Warm solves of the linearised model, warm solves of the AC model, the same loads."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from pygridjl.experiments.linearization.printed import CASES
from pygridjl.experiments.linearization.tasks import paper_network
from pygridjl.experiments.linearized_opf import Options
from pygridjl.optimal_flow.linearisation.problem import PROXIMAL, linearisation_problem
from pygridjl.optimal_flow.linearisation.solve import linearize_problem
from pygridjl.scenarios import two_factor_loads
from pygridjl.study.task import Plan, Row, Task

__all__ = ["plan"]

# AC solves take tens of milliseconds: fewer of them are enough for a mean.
_AC_SHARE = 5


def plan(options: Options) -> Plan:
    """One row a case: the linearised and the AC optimal power flow for the same loads."""
    asked = {"draws": options.draws, "seed": options.seed}
    return Plan({"solves": [Task({"case": case, **asked}, _row) for case in CASES]})


def _row(asked: Mapping[str, Any]) -> Row:
    network = paper_network(asked["case"])
    problem = linearisation_problem(
        network,
        two_factor_loads(network),
        samples=2 * asked["draws"],
        seed=asked["seed"],
        proximal=PROXIMAL,
    )
    found = linearize_problem(problem, "ac-mean", None)
    assert found.model is not None
    # The first half brings in what binds; for the second half, other loads, the model is warm.
    first, demand = np.split(problem.draws.demand, 2)
    found.model.solve_many(first)
    linear, batch = [], []
    for row in demand:
        begin = time.process_time()
        batch.append(found.model.solve(row))
        linear.append(time.process_time() - begin)
    ac = []
    for row in demand[: max(1, asked["draws"] // _AC_SHARE)]:
        begin = time.process_time()
        problem.ac_point(row)
        ac.append(time.process_time() - begin)
    error = found.model.mismatch(
        demand,
        np.array([point.voltage for point in batch]),
        np.array([point.power for point in batch]),
    )
    solved = np.array([np.isfinite(point.objective) for point in batch])
    return {
        "buses": network.n_bus,
        "linear_ms": 1e3 * float(np.median(linear)),
        "ac_ms": 1e3 * float(np.median(ac)),
        "unsolved": int((~solved).sum()),
        "mean_p": float(abs(error.real).sum(axis=1)[solved].mean()),
        "mean_q": float(abs(error.imag).sum(axis=1)[solved].mean()),
    }
