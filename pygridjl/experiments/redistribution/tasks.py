"""What of the redistribution paper is run: theorems, integrality, where they break, the demo."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from pygridjl.balancing import (
    BalancingResult,
    balance,
    build_problem,
    evaluate,
    fit_deviations,
    load_paths,
    random_model,
)
from pygridjl.balancing.collapsed import pathwise_model
from pygridjl.experiments.redistribution import Options
from pygridjl.study.task import Plan, Row, Task

__all__ = ["STRUCTURES", "demo", "plan"]

SIGMAS = (0.2, 0.4, 0.8)
STEPS = (168, 2_000, 200_000)
# Instances of the paper's geometry: 4 service points, 5 steps, 3 circuits.
INSTANCES = 200
# From rank one to a multiplier of its own for each service point.
STRUCTURES: dict[str, dict[str, float]] = {
    "global factor": {},
    "noise 0.05": {"noise": 0.05},
    "noise 0.2": {"noise": 0.2},
    "noise 0.8": {"noise": 0.8},
    "3 cohorts, 0.1": {"cohorts": 3, "cohort_sigma": 0.1},
    "3 cohorts, 0.4": {"cohorts": 3, "cohort_sigma": 0.4},
    "spikes 2 %": {"spike_rate": 0.02},
    "all of them": {"cohorts": 3, "cohort_sigma": 0.2, "noise": 0.3, "spike_rate": 0.02},
}
REPEATS = 5
POINTS, CIRCUITS, CAP, HOURS, DRAWS = 15, 3, 5, 168, 200


def plan(options: Options) -> Plan:
    """List theorems, integrality, structures and the demo."""
    seed = options.seed
    parts = {
        "theorem": [
            Task({"table": "theorem", "sigma": s, "steps": t, "seed": seed}, _theorem)
            for s in SIGMAS
            for t in STEPS
        ],
        "integrality": [
            Task({"table": "integrality", "weights": w, "capacity": c, "seed": seed}, _integrality)
            for w, c in (("equal", False), ("by circuit and step", False), ("equal", True))
        ],
        "structures": [
            Task({"table": "structures", "structure": name, "repeat": k, "seed": seed}, _structure)
            for name in STRUCTURES
            for k in range(REPEATS)
        ],
        "demo": [
            Task({"table": "demo", "answer": answer, "seed": seed}, _demo)
            for answer in ("today", "l1", "rms")
        ],
    }
    return Plan(parts)


def _theorem(asked: Mapping[str, Any]) -> Row:
    """Measure how far J / J̃ strays from B/A over assignments, and B/A from its limit."""
    rng = np.random.default_rng([asked["seed"], asked["steps"], round(1e3 * asked["sigma"])])
    model = random_model(12, sigma=asked["sigma"], seed=rng)
    paths = model.draw(asked["steps"], seed=rng)[0]
    factor = paths[0] / (model.amplitude[0] * model.scale[0])
    ratio = float(np.sqrt((factor**2).mean()) / factor.mean())
    worst = 0.0
    for _ in range(20):
        found = evaluate(paths, rng.integers(4, size=12))
        worst = max(worst, abs(float(found.rms[0] / found.l1[0]) / ratio - 1))
    return {
        "stray": worst,
        "ratio": ratio,
        "limit": float(np.exp(asked["sigma"] ** 2 / 2)),
    }


def _integrality(asked: Mapping[str, Any]) -> Row:
    """Count the instances whose linear program lies strictly below every assignment."""
    from pygridjl.solvers.highs import HighsModel

    rng = np.random.default_rng([asked["seed"], 11])
    below, widest, fractional = 0, 0.0, 0
    for _ in range(INSTANCES):
        data = rng.normal(size=(4, 5))
        weights = rng.uniform(0, 1, (3, 5)) if asked["weights"] != "equal" else None
        rules = {"cardinality": 2} if asked["capacity"] else {}
        problem = build_problem(data, circuits=3, risk="l1", weights=weights, **rules)  # type: ignore[arg-type]
        relaxed = HighsModel(pathwise_model(problem, relaxed=True)).solve()
        exact = HighsModel(pathwise_model(problem, relaxed=False)).solve()
        assert relaxed.x is not None
        assert relaxed.objective is not None
        assert exact.objective is not None
        gap = 1 - relaxed.objective / exact.objective
        below += gap > 1e-6
        widest = max(widest, gap)
        shares = relaxed.x[:12]
        fractional += int((np.abs(shares - np.rint(shares)) > 1e-6).any())
    return {
        "instances": INSTANCES,
        "below": below,
        "widest": widest,
        "fractional": fractional,
    }


def _structure(asked: Mapping[str, Any]) -> Row:
    """Measure what the best assignment by J̃ costs in J, in and out of sample."""
    rng = np.random.default_rng([asked["seed"], 23, asked["repeat"]])
    model = random_model(
        POINTS,
        sigma=0.4,
        seed=rng,
        **STRUCTURES[asked["structure"]],  # type: ignore[arg-type]
    )
    history = model.draw(HOURS, seed=rng)[0]
    later = model.draw(HOURS, n_draw=DRAWS, seed=rng)
    fit = fit_deviations(history, circuits=CIRCUITS)
    row: Row = {"explained": fit.explained, "spread": fit.ratio_spread, "applies": fit.applies}
    for kind in ("rms", "l1"):
        found = balance(history, circuits=CIRCUITS, cardinality=CAP, measure=kind, method="columns")
        place = list(found.assignment.values())
        row[f"status_{kind}"] = found.status.value
        own, new = evaluate(history, place), evaluate(later, place)
        row[f"in_{kind}"] = float(own.rms[0])
        row[f"out_{kind}"] = float(new.rms.mean())
        row[f"cvar_{kind}"] = new.rms_cvar
    turns = evaluate(later, np.arange(POINTS) % CIRCUITS)
    row["out_turns"] = float(turns.rms.mean())
    for where in ("in", "out", "cvar"):
        row[f"regret_{where}"] = row[f"{where}_l1"] / row[f"{where}_rms"] - 1
    return row


@cache
def demo(kind: str) -> BalancingResult:
    """Solve the demo of §7 on the bundled data: at most five service points a circuit."""
    loads = load_paths("example")
    assert loads.circuits is not None
    return balance(
        loads.deviations,
        circuits=sorted(set(loads.circuits)),
        cardinality=5,
        start=loads.circuits,
        service_points=loads.service_points,
        name=loads.name,
        measure="l1" if kind == "l1" else "rms",
        method="columns",
    )


def _demo(asked: Mapping[str, Any]) -> Row:
    loads = load_paths("example")
    if asked["answer"] == "today":
        assert loads.circuits is not None
        place, row = list(loads.circuits), {"status": "", "moved": 0, "gap": None}
    else:
        found = demo(asked["answer"])
        place = list(found.assignment.values())
        row = {"status": found.status.value, "moved": found.moved, "gap": found.gap}
    worth = evaluate(loads.deviations, place)
    return {"rms": float(worth.rms[0]), "l1": float(worth.l1[0]), **row}
