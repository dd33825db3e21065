"""What the benchmark of balancing runs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from pygridjl.balancing import balance, random_model
from pygridjl.core.types import FloatArray
from pygridjl.experiments.balance import Options
from pygridjl.study.memory import peak_memory, restart_peak_memory
from pygridjl.study.task import Plan, Row, Task, say

__all__ = ["HOURS", "plan", "reach"]

HOURS = 168
# Service points, circuits, cardinality.
SMALL = ((8, 3, 3), (9, 3, 3), (10, 3, 4))
PROVEN = ((20, 4, 5), (24, 6, 4), (30, 6, 5))
GROWTH = (100, 1_000, 10_000)
LARGE = 100_000
METHODS = {"rms": ("columns", "cuts", "scip"), "l1": ("columns", "cuts", "pathwise")}


def plan(options: Options) -> Plan:
    """List the agreement of exact methods, local search beside proofs, growth."""
    common = {"time_limit": options.time_limit, "seed": options.seed}
    proven = [(n, m, k, "all") for n, m, k in PROVEN]
    if options.full:
        proven += [(60, 6, 10, "neighbours"), (60, 6, 10, "all")]
    sizes = (*GROWTH, LARGE) if options.full else GROWTH
    return Plan(
        {
            "agreement": [
                Task(
                    {
                        "points": n,
                        "circuits": m,
                        "cap": k,
                        "kind": kind,
                        "method": name,
                        **common,
                    },
                    _agree,
                )
                for n, m, k in SMALL
                for kind, methods in METHODS.items()
                for name in methods
            ],
            "local": [
                Task({"points": n, "circuits": m, "cap": k, "reach": r, **common}, _local)
                for n, m, k, r in proven
            ],
            "growth": [
                Task({"points": n, "kind": kind, **common}, _grow)
                for kind in ("rms", "l1")
                for n in sizes
            ],
        }
    )


def paths(n: int, seed: int) -> FloatArray:
    """Deviations with every structure that breaks the collapse."""
    model = random_model(
        n, sigma=0.4, cohorts=3, cohort_sigma=0.15, noise=0.25, spike_rate=0.02, seed=seed + n
    )
    drawn: FloatArray = model.draw(HOURS, seed=seed)[0]
    return drawn


def reach(n: int, m: int) -> list[tuple[str, str]]:
    """Pairs that are not allowed where each service point reaches its circuit and a neighbour."""
    found = []
    for j in range(n):
        home, side = j % m, 1 if (j // m) % 2 else -1
        found += [
            (f"SP{j + 1}", f"C{i + 1}") for i in range(m) if i not in (home, (home + side) % m)
        ]
    return found


def _agree(asked: Mapping[str, Any]) -> Row:
    n, m = asked["points"], asked["circuits"]
    before = time.process_time()
    found = balance(
        paths(n, asked["seed"]),
        circuits=m,
        cardinality=asked["cap"],
        measure=asked["kind"],
        method=asked["method"],
        time_limit=asked["time_limit"],
    )
    return {
        "status": found.status.value,
        "objective": found.objective,
        "bound": found.bound,
        "gap": found.gap,
        "cpu": time.process_time() - before,
    }


def _local(asked: Mapping[str, Any]) -> Row:
    n, m = asked["points"], asked["circuits"]
    rules: dict[str, Any] = {
        "circuits": m,
        "cardinality": asked["cap"],
        "start": np.arange(n) % m,
        "time_limit": asked["time_limit"],
        "seed": asked["seed"],
    }
    if asked["reach"] == "neighbours":
        rules["forbidden"] = reach(n, m)
    data = paths(n, asked["seed"])
    row: Row = {}
    for method in ("local", "columns"):
        before = time.process_time()
        found = balance(data, method=method, on_progress=say, **rules)
        row |= {
            f"{method}": found.objective,
            f"{method}_cpu": time.process_time() - before,
            f"{method}_bound": found.bound,
        }
    row["status"], row["bound_method"] = found.status.value, found.bound_method
    row["above"] = row["local"] / row["columns_bound"] - 1
    row["triangle_gap"] = 1 - row["local_bound"] / row["columns"]
    return row


def _grow(asked: Mapping[str, Any]) -> Row:
    n = asked["points"]
    data = paths(n, asked["seed"])
    restart_peak_memory()
    before = time.process_time()
    found = balance(
        data,
        circuits=50,
        cardinality=n // 50,
        start=np.arange(n) % 50,
        measure=asked["kind"],
        method="local",
        time_limit=asked["time_limit"],
        on_progress=say,
    )
    start = found.rms_before if asked["kind"] == "rms" else found.l1_before
    assert found.objective is not None
    assert start is not None
    return {
        "status": found.status.value,
        "objective": found.objective,
        "before": start,
        "gap": found.gap,
        "finished": not any("clock" in note for note in found.notes),
        "cpu": time.process_time() - before,
        "memory_mb": peak_memory(),
    }
