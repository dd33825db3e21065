"""Tables II–V of the SPAR-OPF paper, run here: bounds from samples of the scenarios."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from itertools import product
from typing import Any

from pygridjl.experiments.spar.printed import TABLES
from pygridjl.experiments.spar.problems import Extent, planning_problem, scenario_set, siting_task
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.measures import Measure
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.registry import METHODS, BendersOptions
from pygridjl.siting.sample_bounds import Batch, BoundsResult, bounds_of, solve_batch
from pygridjl.siting.second_stage.protocol import SecondStage
from pygridjl.siting.solve import build_engine
from pygridjl.study.task import Row, Task

__all__ = ["batch_tasks", "bounds_results", "reference_tasks"]

# Relative gap of every proof.
GAP = 1e-3


class _Builder:
    """Builds engines; that of the full scenario set only once."""

    def __init__(self, scenarios: ScenarioSet) -> None:
        self._full = scenarios
        self._engine: SecondStage | None = None

    def __call__(self, problem: PlanningProblem, scenarios: ScenarioSet) -> SecondStage:
        if scenarios is not self._full:
            return build_engine(problem, scenarios)
        if self._engine is None:
            self._engine = build_engine(problem, scenarios)
        # What was solved before must not show in what follows.
        self._engine.reset()
        return self._engine


def reference_tasks(size: Extent) -> list[Task]:
    """List the Benders runs on the full scenario set of each of Tables II–V.

    Parameters
    ----------
    size : Extent
        How much is run.

    Returns
    -------
    list of Task
        As :func:`~pygridjl.experiments.spar.tasks.siting_task` makes them, one a table of
        ``size.scenarios``.
    """
    return [
        siting_task(
            TABLES[table].feeder,
            n_scenario,
            TABLES[table].objective,
            "benders",
            limit=size.reference_seconds,
        )
        for table, n_scenario in size.scenarios.items()
    ]


def batch_tasks(size: Extent, *, seed: int = 0) -> list[Task]:
    """List the sample problems of Tables II–V.

    Parameters
    ----------
    size, seed
        As for :func:`pygridjl.experiments.spar.tasks.comparison_tasks`.

    Returns
    -------
    list of Task
        Their rows have ``table, feeder, scenarios, objective, size, seed`` and the fields of
        :class:`~pygridjl.siting.sample_bounds.Batch`.
    """
    return [
        Task(
            {
                "table": table,
                "feeder": TABLES[table].feeder,
                "scenarios": n_scenario,
                "objective": TABLES[table].objective,
                "size": sample,
                "seed": own,
                "limit": size.proof_seconds,
            },
            _batch,
        )
        for (table, n_scenario), sample, own in product(
            size.scenarios.items(), size.sizes, range(seed, seed + size.seeds)
        )
    ]


@lru_cache(maxsize=1)
def _problem_of(
    feeder: str, n_scenario: int, objective: Measure
) -> tuple[PlanningProblem, ScenarioSet, _Builder]:
    scenarios = scenario_set(feeder, n_scenario)
    return planning_problem(feeder, objective), scenarios, _Builder(scenarios)


def _batch(asked: Mapping[str, Any]) -> Row:
    problem, scenarios, build = _problem_of(asked["feeder"], asked["scenarios"], asked["objective"])
    solve = METHODS["spar"].load()
    gap = BendersOptions(gap=GAP)
    prove = partial(METHODS["benders"].load(), options=gap, time_limit=asked["limit"])
    batch = solve_batch(problem, scenarios, build, solve, prove, asked["size"], asked["seed"])
    return {**dataclasses.asdict(batch), "units": list(batch.units)}


def bounds_results(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[BoundsResult]]:
    """Turn the rows of :func:`batch_tasks` into bounds by table and sample size.

    Parameters
    ----------
    rows : sequence of mapping
        The rows; those that ended in an error are left out.

    Returns
    -------
    dict
        From the number of the table to its results, by growing sample size.
    """
    fields = [field.name for field in dataclasses.fields(Batch)]
    found: dict[str, list[BoundsResult]] = {}
    for table, size in dict.fromkeys((r["table"], r["size"]) for r in rows):
        batches = [
            Batch(**{**{name: r[name] for name in fields}, "units": tuple(r["units"])})
            for r in rows
            if (r["table"], r["size"]) == (table, size) and not r["error"]
        ]
        if len(batches) > 1:
            found.setdefault(table, []).append(bounds_of(batches, batch_size=size))
    return found
