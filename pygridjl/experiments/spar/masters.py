"""Table VI of the SPAR-OPF paper, run here: the masters, and the size of a second stage."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np

from pygridjl.experiments.spar.problems import (
    OBJECTIVES,
    Extent,
    planning_problem,
    scenario_set,
)
from pygridjl.siting.first_stage.allocation import allocate
from pygridjl.siting.measures import Measure
from pygridjl.siting.methods.spar.driver import SparResult
from pygridjl.siting.methods.spar.masters import epigraph_master, lambda_master
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.solve import site
from pygridjl.solvers.highs import HighsModel
from pygridjl.study.task import Row, Task

__all__ = ["KINDS", "master_tasks", "stage_tasks"]

KINDS = ("lambda", "epigraph", "allocation")


def master_tasks(size: Extent, *, seed: int = 0) -> list[Task]:
    """List the masters on the functions that SPAR learned.

    Parameters
    ----------
    size, seed
        As for :func:`pygridjl.experiments.spar.tasks.comparison_tasks`.

    Returns
    -------
    list of Task
        Their rows have ``feeder, objective, kind, status, rows, columns, binary, master_seconds,
        stage_seconds``: one solution of the master (up to the time limit of a rival), and the
        mean second stage of an iteration. ``kind`` ``"allocation"`` is the exact shortcut
        without a solver; it has no size.
    """
    return [
        Task(
            {
                "table": "VI",
                "feeder": feeder,
                "objective": objective,
                "seed": seed,
                "kind": kind,
                "limit": size.rival_seconds,
            },
            _master,
        )
        for feeder, objective, kind in product(size.masters, OBJECTIVES, KINDS)
    ]


@lru_cache(maxsize=1)
def _learned(feeder: str, objective: Measure, seed: int) -> tuple[PlanningProblem, SparResult]:
    problem = planning_problem(feeder, objective)
    result = site(problem, scenario_set(feeder, 96), seed=seed, time_limit=math.inf)
    assert isinstance(result, SparResult)
    return problem, result


def _master(asked: Mapping[str, Any]) -> Row:
    problem, result = _learned(asked["feeder"], asked["objective"], asked["seed"])
    kind = asked["kind"]
    assert result.iterations is not None
    stage = result.seconds["second stage"] / result.iterations
    sizes: Row = {"status": "optimal", "rows": None, "columns": None, "binary": None}
    began = time.perf_counter()
    if kind == "allocation":
        allocate(problem, result.slopes)
    else:
        build = lambda_master if kind == "lambda" else epigraph_master
        model, _ = build(problem, result.slopes)
        answer = HighsModel(model).solve(time_limit=asked["limit"])
        rows, columns = model.matrix.shape
        whole = np.asarray(model.integer, dtype=np.bool_)
        sizes = {
            "status": answer.status.value,
            "rows": int(rows),
            "columns": int(columns),
            "binary": int((whole & (np.asarray(model.col_upper) == 1)).sum()),
        }
    return {**sizes, "master_seconds": time.perf_counter() - began, "stage_seconds": stage}


def stage_tasks(size: Extent) -> list[Task]:
    """List the feeders whose second stage is built, for the voltage deviation.

    Parameters
    ----------
    size : Extent
        Its feeders.

    Returns
    -------
    list of Task
        Their rows have ``feeder, buses, nodes, rows, columns``, on the phases that exist.
    """
    return [Task({"table": "sizes", "feeder": feeder}, _stage) for feeder in size.masters]


def _stage(asked: Mapping[str, Any]) -> Row:
    from pygridjl.siting.second_stage.operation import Operation
    from pygridjl.siting.second_stage.program import OperationProgram

    feeder = asked["feeder"]
    problem = planning_problem(feeder, "voltage")
    operation = Operation(problem, scenario_set(feeder, 24))
    rows, columns = OperationProgram(operation).matrix.shape
    return {
        "buses": problem.feeder.n_bus,
        "nodes": problem.feeder.n_node,
        "rows": int(rows),
        "columns": int(columns),
    }
