"""The redistribution paper's claims as rows, and the benchmark of balancing, at small sizes."""

from __future__ import annotations

import numpy as np
import pytest

from pygridjl.balancing import balance, evaluate
from pygridjl.core.errors import InvalidOptionError
from pygridjl.experiments.balance import Options as BenchmarkOptions, tasks as benchmark
from pygridjl.experiments.balance.page import page as benchmark_page
from pygridjl.experiments.redistribution import Options, tasks
from pygridjl.experiments.redistribution.page import page


def _rows(plan, choose):
    return {
        part: [
            {**task.asked, **task.compute(task.asked), "error": ""}
            for task in found
            if choose(part, task.asked)
        ]
        for part, found in plan.parts.items()
    }


def test_claims_and_where_they_break(tmp_path, monkeypatch):
    for name, value in (("INSTANCES", 12), ("REPEATS", 1), ("DRAWS", 10), ("STEPS", (168, 2000))):
        monkeypatch.setattr(tasks, name, value)
    some = ("global factor", "all of them")
    rows = _rows(tasks.plan(Options()), lambda part, asked: asked.get("structure", some[0]) in some)
    assert max(r["stray"] for r in rows["theorem"]) < 1e-12
    equal, by_step, capped = rows["integrality"]
    assert equal["below"] == 0
    assert by_step["below"] >= 6
    assert capped["below"] > 0
    factor, everything = rows["structures"]
    assert factor["applies"]
    assert factor["regret_in"] == pytest.approx(0.0, abs=1e-6)
    assert not everything["applies"]
    assert everything["regret_in"] >= -1e-9
    today, l1, rms = rows["demo"]
    assert rms["rms"] <= l1["rms"] < today["rms"]
    assert l1["l1"] <= rms["l1"] < today["l1"]
    shown = page(rows, Options(), tmp_path)
    assert {path.name for path in shown.figures} == {"breaks.png", "demo.png", "demo.html"}
    assert "all of them" in shown.text


def test_benchmark_of_methods(tmp_path):
    plan = benchmark.plan(BenchmarkOptions(time_limit=4.0))
    rows = _rows(
        plan,
        lambda part, asked: (
            (part == "agreement" and asked["points"] == 8)
            or (part == "local" and asked["points"] == 20)
            or (part == "growth" and asked["points"] == 100)
        ),
    )
    for kind in ("rms", "l1"):
        found = [r for r in rows["agreement"] if r["kind"] == kind]
        assert {r["status"] for r in found} == {"optimal"}
        values = [r["objective"] for r in found]
        assert max(values) / min(values) - 1 <= 1e-6
    assert rows["local"][0]["above"] <= 0.01
    assert all(r["objective"] < r["before"] for r in rows["growth"])
    text = benchmark_page(rows, BenchmarkOptions(), tmp_path).text
    assert "20 SPs x 4 circuits" in text


def test_evaluation_over_draws_is_that_of_the_objective():
    rng = np.random.default_rng(3)
    draws = rng.normal(size=(40, 6, 12))
    place = np.array([0, 1, 0, 1, 1, 0])
    worth = evaluate(draws, place, tail=0.9)
    by_hand = [
        sum(np.sqrt((d[place == i].sum(axis=0) ** 2).mean()) for i in range(2)) for d in draws
    ]
    assert worth.rms == pytest.approx(by_hand)
    # A tenth of forty draws: the mean of the worst four.
    assert worth.rms_cvar == pytest.approx(np.sort(by_hand)[-4:].mean())
    assert worth.rms_quantiles[1] == pytest.approx(np.median(by_hand))
    fixed = {f"SP{j + 1}": f"C{i + 1}" for j, i in enumerate(place)}
    result = balance(draws, circuits=2, fixed=fixed, tail_weight=1.0, tail=0.9, method="local")
    assert result.objective == pytest.approx(worth.rms.mean() + worth.rms_cvar)
    with pytest.raises(InvalidOptionError, match="assignment: has the shape"):
        evaluate(draws, place[:3])
