"""Tables II–V of the SPAR-OPF paper, run here: bounds from samples of the scenarios."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from pygridjl.experiments.spar.printed import TABLES
from pygridjl.experiments.spar.tasks import Plan, planning_problem, scenario_set, solved_row
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.sample_bounds import Batch, BoundsResult, bounds_of, solve_batch
from pygridjl.siting.second_stage.protocol import SecondStage
from pygridjl.siting.solve import build_engine, method_function
from pygridjl.study.store import TaskStore

__all__ = ["batch_rows", "bounds_results", "reference_rows"]

Row = dict[str, Any]

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


def reference_rows(store: TaskStore, plan: Plan) -> Iterator[Row]:
    """Yield the Benders answer on the full scenario set of each of Tables II–V.

    Parameters
    ----------
    store, plan
        As for :func:`pygridjl.experiments.spar.tasks.comparison_rows`.

    Yields
    ------
    dict
        ``table`` and what :func:`~pygridjl.experiments.spar.tasks.solved_row` returns.
    """
    for table, n_scenario in plan.scenarios.items():
        paper = TABLES[table]
        row = solved_row(
            store,
            paper.feeder,
            n_scenario,
            paper.objective,
            "benders",
            limit=plan.reference_seconds,
        )
        yield {"table": table, **row}


def batch_rows(store: TaskStore, plan: Plan, *, seed: int = 0) -> Iterator[Row]:
    """Yield one row for each sample problem of Tables II–V.

    Parameters
    ----------
    store, plan, seed
        As for :func:`pygridjl.experiments.spar.tasks.comparison_rows`.

    Yields
    ------
    dict
        ``table, feeder, scenarios, objective, size, seed`` and the fields of
        :class:`~pygridjl.siting.sample_bounds.Batch`.
    """
    prove = partial(method_function("benders"), gap=GAP, time_limit=plan.proof_seconds)
    for table, n_scenario in plan.scenarios.items():
        paper = TABLES[table]
        problem = planning_problem(paper.feeder, paper.objective)
        scenarios = scenario_set(paper.feeder, n_scenario)
        build = _Builder(scenarios)
        for size in plan.sizes:
            for own in range(seed, seed + plan.seeds):
                task = {
                    "table": table,
                    "feeder": paper.feeder,
                    "scenarios": n_scenario,
                    "objective": paper.objective,
                    "size": size,
                    "seed": own,
                    "limit": plan.proof_seconds,
                }
                yield store.run(task, partial(_batch, problem, scenarios, build, prove, size, own))


def _batch(
    problem: PlanningProblem,
    scenarios: ScenarioSet,
    build: _Builder,
    prove: Any,
    size: int,
    seed: int,
) -> Row:
    solve = method_function("spar")
    batch = solve_batch(problem, scenarios, build, solve, prove, size, seed)
    return {**dataclasses.asdict(batch), "units": list(batch.units)}


def bounds_results(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[BoundsResult]]:
    """Turn the rows of :func:`batch_rows` into bounds by table and sample size.

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
