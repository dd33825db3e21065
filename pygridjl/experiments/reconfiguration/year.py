"""A year of load states: one proven configuration beside those of the mean and of the peak."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pygridjl.core.jit import working_time
from pygridjl.grid.cases import get_case
from pygridjl.grid.network import Network
from pygridjl.reconfiguration import build_problem, reconfigure
from pygridjl.reconfiguration.result import ReconfigurationResult
from pygridjl.reconfiguration.states.moments import problem_of_states
from pygridjl.report.tables import Column, number
from pygridjl.scenarios.generate import generate_scenarios
from pygridjl.scenarios.load_states import LoadStates, load_states
from pygridjl.study.task import Row, Task

__all__ = ["year_columns", "year_tasks"]

CASES = ("case33bw", "case118zh", "case136ma")
HOURS = 8760
# Every so many buses a photovoltaic unit of this share of the bus's own load.
EVERY, SHARE = 5, 1.5


def year_tasks(*, seed: int, cases: Sequence[str] = CASES, hours: int = HOURS) -> list[Task]:
    """List the cases.

    Parameters
    ----------
    seed : int
        Seed of the year.
    cases : sequence of str
        Bundled networks.
    hours : int
        Load states.

    Returns
    -------
    list of Task
        Rows ``objective_kw, bound_kw, status, open_branches`` of the year, ``mean_kw`` and
        ``peak_kw``, the year's losses in the optimum of the mean and of the peak state, ``base_kw``
        in today's; ``seconds`` of the year's proof and ``one_seconds``, the longer of the others.
    """
    return [
        Task({"table": "year", "case": case, "hours": hours, "seed": seed}, _year) for case in cases
    ]


def _timed(network: Network, **options: Any) -> tuple[ReconfigurationResult, float]:
    """Proof in the linear model and its seconds, compiling left out."""
    start = working_time()
    result = reconfigure(network, "exact", limits=(), **options)
    return result, working_time() - start


def _states(network: Network, hours: int, seed: int) -> LoadStates:
    """Make loads that deviate bus by bus, with sun on every fifth bus."""
    kw = network.load_p * network.base_mva * 1e3
    some = network.buses.id[::EVERY].tolist()
    pv = {bus: SHARE * float(p) for bus, p in zip(some, kw[::EVERY], strict=True) if p > 0}
    return load_states(network, generate_scenarios(network.n_bus, hours, seed=seed), pv=pv)


def _year(asked: Mapping[str, Any]) -> Row:
    network = get_case(asked["case"])
    year = _states(network, asked["hours"], asked["seed"])
    problem = build_problem(network, limits=())
    expected = problem_of_states(problem, year)

    def of_year(opened: Sequence[int]) -> float:
        ids = problem.network.branches.id[problem.branch]
        return expected.objective(~np.isin(ids, opened))

    result, seconds = _timed(network, states=year)
    row: Row = {"one_seconds": 0.0}
    for name, demand in (("mean", year.mean()), ("peak", year.peak())):
        alone, taken = _timed(year.network_of(network, demand))
        row["one_seconds"] = max(row["one_seconds"], taken)
        row[f"{name}_kw"] = of_year(alone.open_branches)
    return {
        **row,
        "states": len(year),
        "objective_kw": result.objective,
        "bound_kw": result.bound,
        "status": result.status.value,
        "open_branches": list(result.open_branches),
        "base_kw": of_year(network.open_branches),
        "seconds": seconds,
    }


def year_columns() -> list[Column]:
    """Columns of the table."""
    return [
        Column("case", lambda row: str(row["case"])),
        Column("states", number("states", ",d")),
        Column("today kW", number("base_kw", ".4f")),
        Column("peak's optimum kW", number("peak_kw", ".4f")),
        Column("mean's optimum kW", number("mean_kw", ".4f")),
        Column("year's optimum kW", number("objective_kw", ".4f")),
        Column("bound kW", number("bound_kw", ".4f")),
        Column("status", lambda row: str(row["status"])),
        Column("one state s", number("one_seconds")),
        Column("year s", number("seconds")),
    ]
