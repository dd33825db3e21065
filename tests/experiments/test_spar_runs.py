from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from pygridjl.experiments.spar.bounds import batch_tasks, bounds_results, reference_tasks
from pygridjl.experiments.spar.masters import KINDS, master_tasks, stage_tasks
from pygridjl.experiments.spar.printed import TABLES
from pygridjl.experiments.spar.problems import OBJECTIVES, QUICK, siting_task
from pygridjl.experiments.spar.tasks import (
    as_values,
    comparison_summary,
    comparison_tasks,
    learning_summary,
)
from pygridjl.siting.result import improvement_captured
from pygridjl.siting.sample_bounds import confidence_interval
from pygridjl.study.runner import run_here
from pygridjl.study.store import Store
from pygridjl.study.task import Plan


def solved(method, value, bound=None, **rest):
    return {
        "objective": "loss",
        "method": method,
        "status": "feasible",
        "value": value,
        "bound": bound,
        "no_dg": 10.0,
        "seconds": 1.0,
        "error": "",
        **rest,
    }


def failed(method):
    return {"objective": "loss", "method": method, "error": "SolverError: no"}


def test_summary_takes_means_and_the_greatest_bound():
    rows = [
        solved("spar", 6.0),
        solved("spar", 7.0, seconds=3.0),
        solved("greedy", 8.0, 3.0),
        solved("benders", 5.5, 5.0),
        failed("hedging"),
    ]
    found = {r["method"]: r for r in comparison_summary(rows)}
    spar = found["spar"]
    assert (spar["value"], spar["least"], spar["most"], spar["seconds"]) == (6.5, 6.0, 7.0, 2.0)
    assert spar["bound"] == found["greedy"]["bound"] == 5.0
    assert spar["excess"] == pytest.approx(0.3)
    assert spar["captured"] == pytest.approx(3.5 / 5.0)
    assert found["hedging"]["error"] == "SolverError: no"
    assert "value" not in found["hedging"]


def test_summary_without_a_bound_claims_nothing():
    (line,) = comparison_summary([solved("spar", 6.0)])
    assert line["excess"] is None
    assert line["captured"] is None


def sample(seed, size, **rest):
    return {
        "table": "II",
        "size": size,
        "seed": seed,
        "sample_value": 1.0 + seed,
        "sample_bound": 0.5 + seed,
        "full_value": 2.0 + seed,
        "units": [1, 0],
        "seconds": 0.1,
        "error": "",
        **rest,
    }


def test_samples_become_intervals_by_table_and_size():
    rows = [sample(k, size) for size in (5, 10) for k in range(3)]
    found = bounds_results([*rows, {"table": "II", "size": 10, "error": "SolverError: no"}])
    assert [r.batch_size for r in found["II"]] == [5, 10]
    for result in found["II"]:
        assert result.upper == confidence_interval([2.0, 3.0, 4.0])
        assert result.printed_lower == confidence_interval([1.0, 2.0, 3.0])
        assert result.lower == confidence_interval([0.5, 1.5, 2.5])
        assert result.best_units == (1, 0)


def test_one_sample_is_no_interval():
    assert bounds_results([sample(0, 5)]) == {}


def test_last_decision_is_judged_by_the_bound():
    rows = [
        {"objective": "loss", "step_rule": 1, "values": [10.0, None, 6.0], "error": ""},
        {"objective": "loss", "step_rule": 2, "values": [10.0, None], "error": ""},
        {"objective": "loss", "step_rule": 3, "error": "SolverError: no"},
    ]
    good, none = learning_summary(rows, comparison_summary([solved("benders", 6.0, 5.0)]))
    assert good["quality"] == pytest.approx(5 / 6)
    assert good["captured"] == improvement_captured(10.0, 6.0, 5.0)
    assert none["quality"] is None
    np.testing.assert_array_equal(as_values(rows[0]), [10.0, np.inf, 6.0])


# ------------------------------------------------------------------------- a small run of it all
def rows_of(store, tasks):
    return run_here(store, Plan({"": tasks}))[""]


TINY = dataclasses.replace(
    QUICK,
    seeds=2,
    rivals=("greedy", "benders"),
    rival_seconds=3.0,
    proof_seconds=2.0,
    reference_seconds=3.0,
    sizes=(6,),
    scenarios={"II": 24},
)


def test_a_method_that_watches_no_clock_runs_beside_those_that_do(tmp_path):
    store = Store(tmp_path / "finished.sqlite", "s")
    (row,) = rows_of(store, [siting_task("ieee123", 24, "voltage", "greedy", limit=3.0)])
    assert row["error"] == ""
    assert row["bound"] <= row["value"] <= row["no_dg"]


@pytest.mark.slow
def test_bounds_and_decisions_keep_their_order_and_a_second_run_reads_the_store(tmp_path):
    store = Store(tmp_path / "finished.sqlite", "s")
    rows = rows_of(store, comparison_tasks(TINY))
    assert [r["error"] for r in rows] == [""] * len(rows)
    for line in comparison_summary(rows):
        assert line["bound"] <= line["least"] <= line["most"] <= line["no_dg"]
    (reference,) = rows_of(store, reference_tasks(TINY))
    assert reference["bound"] <= reference["value"] <= reference["no_dg"]
    samples = rows_of(store, batch_tasks(TINY))
    for row in samples:
        assert row["sample_bound"] <= row["sample_value"]
        assert reference["bound"] <= row["full_value"] + 1e-9
    again = Store(tmp_path / "finished.sqlite", "s")
    assert rows_of(again, batch_tasks(TINY)) == samples
    assert rows_of(again, comparison_tasks(TINY)) == rows


@pytest.mark.slow
def test_masters_have_the_sizes_of_their_formulas(tmp_path):
    """4 N + 4 rows and (L + 3) N columns; N = 131 sites and two rows less or more are ours."""
    plan = dataclasses.replace(TINY, rival_seconds=0.1)
    store = Store(tmp_path / "finished.sqlite", "s")
    rows = rows_of(store, master_tasks(plan))
    assert [(r["objective"], r["kind"]) for r in rows] == [
        (o, k) for o in OBJECTIVES for k in KINDS
    ]
    for row in rows:
        if row["kind"] == "lambda":
            # Equality rows 2 N, bounds of each site 2 N, budget, number of sites.
            assert row["rows"] == 4 * 131 + 2
            assert row["columns"] == 169 * 131
        elif row["kind"] == "epigraph":
            assert row["columns"] == 3 * 131
            assert row["rows"] >= 131 + 2 * 131 + 2


def test_a_second_stage_has_the_phases_that_exist():
    (task,) = stage_tasks(QUICK)
    row = task.compute(task.asked)
    assert (row["buses"], row["nodes"]) == (132, 278)
    # P, Q, U, two deviations a node; one injection a phase of a site, all buses but the source.
    assert row["columns"] == 5 * 278 + 275


def test_plans_name_tables_of_the_paper():
    for table, n_scenario in QUICK.scenarios.items():
        assert TABLES[table].feeder == "ieee123"
        assert n_scenario == 96
