"""The runs of the SPAR-OPF paper: its Table I and figures, and a list of all."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, get_args

import numpy as np

from pygridjl.core.types import FloatArray
from pygridjl.experiments.spar import Options
from pygridjl.experiments.spar.bounds import batch_tasks, reference_tasks
from pygridjl.experiments.spar.masters import master_tasks, stage_tasks
from pygridjl.experiments.spar.problems import (
    OBJECTIVES,
    Extent,
    extent,
    planning_problem,
    scenario_set,
    siting_task,
)
from pygridjl.siting.measures import Measure
from pygridjl.siting.methods.spar.driver import SparResult
from pygridjl.siting.methods.spar.quality import value_over_iterations
from pygridjl.siting.registry import StepRule
from pygridjl.siting.result import improvement_captured
from pygridjl.siting.solve import build_engine, site
from pygridjl.study.task import Plan, Row, Task

__all__ = [
    "STEP_RULES",
    "as_values",
    "comparison_summary",
    "comparison_tasks",
    "learning_run",
    "learning_summary",
    "learning_tasks",
    "plan",
    "warm_up",
]

STEP_RULES: tuple[StepRule, ...] = get_args(StepRule)


def plan(options: Options) -> Plan:
    """List the runs of all tables and figures."""
    size, seed = extent(options), options.seed
    parts = {
        "Table I": comparison_tasks(size, seed=seed),
        "full sets": reference_tasks(size),
        "Tables II-V": batch_tasks(size, seed=seed),
        "Table VI": master_tasks(size, seed=seed),
        "second stages": stage_tasks(size),
        "Figure 3": learning_tasks(seed=seed),
    }
    return Plan(parts, warm_up)


def warm_up() -> float:
    """Call the methods once on few scenarios, so that no row pays for compilation.

    Returns
    -------
    float
        Seconds it took.
    """
    began = time.perf_counter()
    for objective in OBJECTIVES:
        problem, few = planning_problem("ieee123", objective), scenario_set("ieee123", 24)
        for method in ("spar", "benders"):
            site(problem, few, method=method, time_limit=2.0)
    return time.perf_counter() - began


def comparison_tasks(size: Extent, *, seed: int = 0) -> list[Task]:
    """List objectives, methods and seeds of Table I.

    Parameters
    ----------
    size : Extent
        How much is run.
    seed : int
        Seed of the first run of SPAR; the others follow.

    Returns
    -------
    list of Task
        As :func:`siting_task` makes them.
    """
    tasks = []
    for objective in OBJECTIVES:
        runs: list[tuple[str, int, float | None]] = [
            ("spar", seed + k, None) for k in range(size.seeds)
        ]
        runs += [(rival, seed, size.rival_seconds) for rival in size.rivals]
        tasks += [
            siting_task("ieee123", 96, objective, method, seed=own, limit=limit)
            for method, own, limit in runs
        ]
    return tasks


def comparison_summary(rows: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Reduce the rows of Table I to one for each objective and method.

    Parameters
    ----------
    rows : sequence of mapping
        Rows of :func:`comparison_tasks`.

    Returns
    -------
    list of dict
        ``objective, method, runs, status, value, least, most, seconds, no_dg, bound,
        excess, captured, error``: mean, least and greatest value, mean seconds; ``bound`` is the
        greatest any method proved; ``excess`` the mean value over it minus one; ``captured`` the
        share of the possible improvement.
    """
    found = []
    for objective in dict.fromkeys(r["objective"] for r in rows):
        ours = [r for r in rows if r["objective"] == objective]
        proven = [r["bound"] for r in ours if not r["error"] and r["bound"] is not None]
        bound = max(proven) if proven else None
        for method in dict.fromkeys(r["method"] for r in ours):
            tried = [r for r in ours if r["method"] == method]
            good = [r for r in tried if not r["error"] and r["value"] is not None]
            line: Row = {
                "objective": objective,
                "method": method,
                "runs": len(tried),
                "status": ", ".join(dict.fromkeys(r.get("status", "error") for r in tried)),
                "error": next((r["error"] for r in tried if r["error"]), ""),
                "bound": bound,
            }
            if good:
                values = [r["value"] for r in good]
                mean, no_dg = float(np.mean(values)), good[0]["no_dg"]
                line |= {
                    "value": mean,
                    "least": min(values),
                    "most": max(values),
                    "seconds": float(np.mean([r["seconds"] for r in good])),
                    "no_dg": no_dg,
                    "excess": None if bound is None else mean / bound - 1,
                    "captured": improvement_captured(no_dg, mean, bound),
                }
            found.append(line)
    return found


def learning_run(objective: Measure, *, seed: int = 0, step_rule: StepRule = 1) -> SparResult:
    """Run SPAR on IEEE 123 with 96 scenarios, keeping what it learned (Fig. 2)."""
    result = site(
        planning_problem("ieee123", objective),
        scenario_set("ieee123", 96),
        seed=seed,
        time_limit=math.inf,
        options={"step_rule": step_rule},
    )
    assert isinstance(result, SparResult)
    return result


def learning_tasks(*, seed: int = 0) -> list[Task]:
    """List the runs by objective and step rule whose every decision is judged (Fig. 3).

    Parameters
    ----------
    seed : int
        As for :func:`comparison_tasks`.

    Returns
    -------
    list of Task
        Their rows have ``objective, step_rule, values``; a value is None where a scenario is
        infeasible.
    """
    return [
        Task({"figure": 3, "objective": objective, "step_rule": rule, "seed": seed}, _learning)
        for objective, rule in product(OBJECTIVES, STEP_RULES)
    ]


def _learning(asked: Mapping[str, Any]) -> Row:
    objective = asked["objective"]
    result = learning_run(objective, seed=asked["seed"], step_rule=asked["step_rule"])
    problem, scenarios = planning_problem("ieee123", objective), scenario_set("ieee123", 96)
    values = value_over_iterations(result, build_engine(problem, scenarios))
    return {"values": [v if np.isfinite(v) else None for v in values.tolist()]}


def as_values(row: Mapping[str, Any]) -> FloatArray:
    """Return the values of a row of :func:`learning_tasks`, infinite where there is none."""
    return np.array([np.inf if v is None else v for v in row["values"]])


def learning_summary(
    rows: Sequence[Mapping[str, Any]], summary: Sequence[Mapping[str, Any]]
) -> list[Row]:
    """Judge the last decision of each run of :func:`learning_tasks`.

    Parameters
    ----------
    rows : sequence of mapping
        The rows.
    summary : sequence of mapping
        Of :func:`comparison_summary`: bound and value without units.

    Returns
    -------
    list of dict
        ``objective, step_rule, value, quality, captured``: ``quality`` is bound over value; None
        without a bound or a feasible decision.
    """
    found = []
    for row in rows:
        if row["error"]:
            continue
        known = next(
            (r for r in summary if r["objective"] == row["objective"] and "no_dg" in r), None
        )
        value = row["values"][-1]
        line: Row = {
            "objective": row["objective"],
            "step_rule": row["step_rule"],
            "value": value,
            "quality": None,
            "captured": None,
        }
        if known is not None and known["bound"] is not None and value is not None:
            bound, no_dg = known["bound"], known["no_dg"]
            line |= {
                "quality": bound / value,
                "captured": improvement_captured(no_dg, value, bound),
            }
        found.append(line)
    return found
