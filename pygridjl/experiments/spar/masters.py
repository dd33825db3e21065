"""Table VI of the SPAR-OPF paper, run here: the masters, and the size of a second stage."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import numpy as np

from pygridjl.experiments.spar.tasks import OBJECTIVES, Plan, planning_problem, scenario_set
from pygridjl.siting.first_stage.allocation import allocate
from pygridjl.siting.methods.spar.driver import SparResult
from pygridjl.siting.methods.spar.masters import epigraph_master, lambda_master
from pygridjl.siting.problem import Objective, PlanningProblem
from pygridjl.siting.solve import site
from pygridjl.solvers.highs import HighsModel
from pygridjl.study.store import TaskStore

__all__ = ["KINDS", "master_rows", "stage_rows"]

Row = dict[str, Any]
KINDS = ("lambda", "epigraph", "allocation")
Learned = Callable[[], tuple[PlanningProblem, SparResult]]


def master_rows(store: TaskStore, plan: Plan, *, seed: int = 0) -> Iterator[Row]:
    """Yield size and time of the masters on the functions that SPAR learned.

    Parameters
    ----------
    store, plan, seed
        As for :func:`pygridjl.experiments.spar.tasks.comparison_rows`.

    Yields
    ------
    dict
        ``feeder, objective, kind, status, rows, columns, binary, master_seconds,
        stage_seconds``: one solution of the master (up to the time limit of a rival), and the
        mean second stage of an iteration. ``kind`` ``"allocation"`` is the exact shortcut
        without a solver; it has no size.
    """
    for feeder in plan.masters:
        for objective in OBJECTIVES:
            task = {"table": "VI", "feeder": feeder, "objective": objective, "seed": seed}
            learned = _learned(feeder, objective, seed)
            for kind in KINDS:
                limit = plan.rival_seconds
                yield store.run(
                    {**task, "kind": kind, "limit": limit}, partial(_master, learned, kind, limit)
                )


def _learned(feeder: str, objective: Objective, seed: int) -> Learned:
    """Return a call that gives problem and SPAR answer, made at the first row that needs them."""

    @cache
    def learned() -> tuple[PlanningProblem, SparResult]:
        problem = planning_problem(feeder, objective)
        result = site(problem, scenario_set(feeder, 96), seed=seed)
        assert isinstance(result, SparResult)
        return problem, result

    return learned


def _master(learned: Learned, kind: str, limit: float) -> Row:
    problem, result = learned()
    assert result.iterations is not None
    stage = result.seconds["second stage"] / result.iterations
    sizes: Row = {"status": "optimal", "rows": None, "columns": None, "binary": None}
    began = time.perf_counter()
    if kind == "allocation":
        allocate(problem, result.slopes)
    else:
        build = lambda_master if kind == "lambda" else epigraph_master
        model, _ = build(problem, result.slopes)
        answer = HighsModel(model).solve(time_limit=limit)
        rows, columns = model.matrix.shape
        whole = np.asarray(model.integer, dtype=np.bool_)
        sizes = {
            "status": answer.status.value,
            "rows": int(rows),
            "columns": int(columns),
            "binary": int((whole & (np.asarray(model.col_upper) == 1)).sum()),
        }
    return {**sizes, "master_seconds": time.perf_counter() - began, "stage_seconds": stage}


def stage_rows(plan: Plan) -> list[Row]:
    """Return the size of one second stage on the phases that exist, beside the paper's.

    Parameters
    ----------
    plan : Plan
        Its feeders.

    Returns
    -------
    list of dict
        ``feeder, buses, nodes, rows, columns``, for the voltage deviation.
    """
    from pygridjl.siting.second_stage.operation import Operation
    from pygridjl.siting.second_stage.program import OperationProgram

    found = []
    for feeder in plan.masters:
        problem = planning_problem(feeder, "voltage")
        operation = Operation(problem, scenario_set(feeder, 24))
        rows, columns = OperationProgram(operation, deviation=True).matrix.shape
        found.append(
            {
                "feeder": feeder,
                "buses": problem.feeder.n_bus,
                "nodes": problem.feeder.n_node,
                "rows": int(rows),
                "columns": int(columns),
            }
        )
    return found
