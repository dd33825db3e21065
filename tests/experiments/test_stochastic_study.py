from __future__ import annotations

import numpy as np
import pytest

from pygridjl.experiments.siting import problems
from pygridjl.experiments.siting.summary import growth_curves, method_summary
from pygridjl.grid import load_feeder
from pygridjl.siting.first_stage.random import random_units
from pygridjl.siting.second_stage import build_second_stage
from pygridjl.study.memory import peak_memory, restart_peak_memory


@pytest.mark.parametrize("regime", problems.REGIMES)
@pytest.mark.parametrize("feeder", ["ieee13", "ieee123"])
def test_the_budget_buys_166_units_in_every_regime(feeder, regime):
    problem = problems.benchmark_problem(feeder, "voltage", regime)
    assert problem.budget_units == 166
    assert problem.line_limits


def test_ratings_are_raised_only_where_full_load_asks_for_it():
    stated = load_feeder("ieee13").branches
    here = problems.benchmark_problem("ieee13", "voltage", "easy").feeder.branches
    raised = problems.raised_branches("ieee13")
    assert raised
    assert all(share > problems.FULL_SHARE for share in raised.values())
    factor = np.where(np.isin(stated.id, list(raised)), problems.RAISED_BY, 1.0)[:, None]
    np.testing.assert_array_equal(here.rating, factor * stated.rating)


@pytest.mark.parametrize("feeder", ["ieee13", "ieee34"])
def test_without_raised_ratings_the_year_has_hours_without_operating_point(feeder):
    row = problems.feeder_row(feeder, 96)
    assert row["infeasible_stated"] > 0
    assert row["infeasible"] == 0
    # Regulators at the feeder's ratios hold most voltages above the reference.
    assert row["above_fixed"] > 0.5 > row["above_neutral"]


@pytest.mark.parametrize("objective", problems.OBJECTIVES)
def test_timed_values_are_those_of_an_engine_asked_at_once(objective):
    from pygridjl.experiments.siting.stage_timing import time_second_stage

    problem = problems.benchmark_problem("ieee13", objective, "kinked")
    scenarios = problems.scenario_set("ieee13", 24)
    lines = []
    row = time_second_stage(problem, scenarios, (3, 2, 1), 5, lines.append)
    assert row["solved"] == 6
    assert row["difference"] <= 1e-6
    assert lines[:2] == ["condensed", "full"]
    units = random_units(problem, np.random.default_rng(5))
    assert build_second_stage(problem, scenarios).evaluate(units).optimal.all()


def run_of(method, value, seed=None, bound=None, gap=None, **rest):
    return {
        "feeder": "f", "scenarios": 24, "objective": "loss", "regime": "easy", "method": method,
        "seed": seed, "wanted_gap": gap, "status": "feasible", "no_dg": 10.0, "value": value,
        "bound": bound, "gap": None, "cpu_seconds": 1.0, "wall_seconds": 1.0, "memory_mb": None,
        "error": "", **rest,
    }  # fmt: skip


def test_the_summary_measures_all_methods_by_the_best_bound():
    rows = [
        run_of("spar", 8.0, seed=0),
        run_of("spar", 7.0, seed=1),
        run_of("spar", 9.0, seed=2),
        run_of("benders", 6.5, bound=4.0, gap=1e-3),
        run_of("benders", 6.2, bound=6.0, gap=1e-4),
    ]
    spar, loose, tight = method_summary(rows)
    assert (spar["runs"], spar["value"], spar["best"], spar["worst"]) == (3, 8.0, 7.0, 9.0)
    assert spar["captured"] == pytest.approx(0.5)
    assert (loose["bound"], loose["best_bound"]) == (4.0, 6.0)
    assert loose["captured"] == pytest.approx(3.5 / 4)
    assert tight["captured"] == pytest.approx(3.8 / 4)


def test_a_failed_run_and_a_missing_bound_claim_nothing():
    asked = {k: v for k, v in run_of("benders", None).items() if k in (
        "feeder", "scenarios", "objective", "regime", "method", "seed", "wanted_gap")}  # fmt: skip
    spar, benders = method_summary(
        [run_of("spar", 8.0, seed=0), {**asked, "error": "SolverError: no"}]
    )
    assert spar["captured"] is None
    assert benders["error"] == "SolverError: no"
    assert benders["value"] is benders["best"] is benders["bound"] is None


def test_exponents_leave_out_what_the_clock_ended():
    def point(size, seconds, status="optimal"):
        return {
            "axis": "buses", "method": "benders", "size": size, "cpu_seconds": seconds,
            "status": status, "error": "",
        }  # fmt: skip

    rows = [point(n, 0.01 * n**1.5) for n in (10, 100, 1000)]
    failed = {"axis": "buses", "method": "benders", "size": 7, "error": "SolverError: no"}
    (curve,) = growth_curves([*rows, point(10_000, 20.0, "time_limit"), failed])
    assert curve["exponent"] == pytest.approx(1.5)
    assert (curve["points"], curve["stopped"]) == (3, 2)
    (short,) = growth_curves(rows[:2])
    assert short["exponent"] is None


def test_peak_memory_begins_anew():
    restart_peak_memory()
    before = peak_memory()
    if before is None:
        pytest.skip("this system does not keep the figure")
    block = np.ones(16 * 2**20)
    with_block = peak_memory()
    assert with_block >= before + 0.9 * block.nbytes / 2**20
    del block
    restart_peak_memory()
    assert peak_memory() <= with_block
