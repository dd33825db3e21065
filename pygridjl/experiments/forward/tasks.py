"""What of the FORWARD paper can be reproduced, measured: its lemma, its costs, its data."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pygridjl.bridge.setup import status
from pygridjl.core.errors import UnservedNodesError
from pygridjl.experiments.forward import Options
from pygridjl.experiments.forward.printed import FORWARD_TABLE_I
from pygridjl.experiments.minlp import Options as MinlpOptions, tasks as minlp
from pygridjl.experiments.reconfiguration.tasks import (
    TABLE_METHODS,
    compile_kernels,
    random_tasks,
    table_parts,
)
from pygridjl.grid.cases import get_case
from pygridjl.grid.network import Branches, Buses, Generators, Loads, Network
from pygridjl.reconfiguration import reconfigure
from pygridjl.study.task import Plan, Row, Task

__all__ = [
    "MINLP",
    "RANDOM_SIZES",
    "cost_comparison",
    "counterexample_network",
    "data_notes",
    "plan",
    "random_summary",
]

# Buses and sources of the random Watts–Strogatz instances; the last three are those of Table I.
RANDOM_SIZES = ((40, 4), (120, 10), (240, 10), (400, 20))
INSTANCES = 10
# What the names of the parts of ``benchmark minlp`` begin with here.
MINLP = "minlp: "


def plan(options: Options) -> Plan:
    """List the benchmark's tables, the random instances, the counterexample, and the MINLP.

    The last needs Julia and is left out where there is none.
    """
    parts = table_parts(seed=options.seed)
    parts["random instances"] = random_tasks(
        seed=options.seed, sizes=RANDOM_SIZES, instances=INSTANCES
    )
    parts["counterexample"] = [Task({"table": "counterexample"}, _counterexample)]
    if status().usable:
        made = minlp.plan(MinlpOptions(time_limit=options.time_limit)).parts
        parts |= {f"{MINLP}{name}": list(tasks) for name, tasks in made.items()}
    return Plan(parts, compile_kernels)


def counterexample_network() -> Network:
    """Return the cycle 0–1–2–3 with injections +5, +2, −5, −2 and unit resistances.

    Deleting every edge with both ends in already sampled trees, as Alg. 4 prints, deletes the
    edges that would join two trees; Lemma 3.3 of FORWARD then does not hold.
    """
    place = np.arange(4)
    return Network(
        "counterexample",
        1.0,
        Buses(id=place.astype(np.str_)),
        Branches(id=place + 1, from_bus=place, to_bus=(place + 1) % 4, r=np.ones(4)),
        Generators(id=np.array(["0", "1"]), bus=place[:2], p=np.array([5.0, 2.0])),
        Loads(id=np.array(["2", "3"]), bus=place[2:], p=np.array([5.0, 2.0])),
    )


def _counterexample(_: Mapping[str, Any]) -> Row:
    """Run both modes; ``literal_error`` is empty if the literal mode does not fail."""
    network = counterexample_network()
    try:
        reconfigure(network, "forward-literal", problem="balanced")
        error = ""
    except UnservedNodesError as failure:
        error = str(failure)
    faithful = reconfigure(network, "forward-faithful", problem="balanced")
    exact = reconfigure(network, "exact", problem="balanced")
    return {
        "literal_error": error,
        "faithful_open": list(faithful.open_branches),
        "faithful_kw": faithful.objective,
        "optimum_kw": exact.bound,
    }


def random_summary(rows: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Feasibility rate and median cost over the best cost seen, by size and method.

    Parameters
    ----------
    rows : sequence of mapping
        Rows of :func:`pygridjl.experiments.reconfiguration.tasks.random_tasks`.

    Returns
    -------
    list of dict
        ``buses, sources, instances`` and per method ``rate:…`` (a fraction) and ``ratio:…``.
    """
    summary = []
    for buses, sources in dict.fromkeys((r["buses"], r["sources"]) for r in rows):
        ours = [r for r in rows if r["buses"] == buses]
        instances = sorted({r["instance"] for r in ours})
        best = {
            k: min(r["objective_kw"] for r in ours if r["instance"] == k and not r["error"])
            for k in instances
        }
        line: Row = {"buses": buses, "sources": sources, "instances": len(instances)}
        for method in TABLE_METHODS:
            solved = [r for r in ours if r["method"] == method and not r["error"]]
            line[f"rate:{method}"] = len(solved) / len(instances)
            ratios = [r["objective_kw"] / best[r["instance"]] for r in solved]
            line[f"ratio:{method}"] = statistics.median(ratios) if ratios else None
        summary.append(line)
    return summary


def cost_comparison(table: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Compare the printed costs with what the published data give.

    Parameters
    ----------
    table : sequence of mapping
        Table I, from :func:`pygridjl.experiments.reconfiguration.tasks.join_table`.

    Returns
    -------
    list of dict
        ``instance, paper_cost_gw, best_gw, factor``: a unit error would give one factor for all.
    """
    rows = []
    for instance, paper in FORWARD_TABLE_I.items():
        costs = [r["objective_kw"] for r in table if r["instance"] == instance and r["feasible"]]
        best_gw = min(costs) * 1e-6
        rows.append(
            {
                "instance": instance,
                "paper_cost_gw": paper.forward_cost,
                "best_gw": best_gw,
                "factor": best_gw / paper.forward_cost,
            }
        )
    return rows


def data_notes() -> list[Row]:
    """Return what had to be changed in the published instances, as their notes say it."""
    return [{"instance": name, "notes": get_case(name).notes} for name in FORWARD_TABLE_I]
