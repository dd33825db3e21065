"""The siting benchmark end to end on IEEE 13 and 24 scenarios."""

from __future__ import annotations

import json
from functools import wraps

import pandas as pd
import pytest
from click.testing import CliRunner

from pygridjl.cli.benchmark import command
from pygridjl.experiments.siting import tasks as study

TINY = study.Extent(
    stage_feeders=("ieee13",),
    timed=(4, 2, 2),
    sets=(("ieee13", 24, 1e-3, 2),),
    sizes=(24, 48, 72),
    feeders=("ieee13", "ieee34"),
    feeder_scenarios=24,
    time_limit=1.0,
)
TOLERANCE = 1e-7


def run(folder, *options, code=0):
    result = CliRunner().invoke(
        command, ["stochastic", "--out", str(folder), *options], catch_exceptions=False
    )
    assert result.exit_code == code, result.output
    return result


@pytest.fixture(scope="module")
def benchmark(tmp_path_factory):
    folder = tmp_path_factory.mktemp("benchmark")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "DEFAULT", TINY)
        return folder, json.loads(run(folder, "--json").stdout)


def test_no_value_lies_below_the_bound_proven_for_its_problem(benchmark):
    _, found = benchmark
    assert {row["method"] for row in found["runs"]} == set(study.METHODS)
    best = {}
    for row in found["runs"]:
        assert row["error"] == ""
        assert (row["bound"] is None) == (row["method"] != "benders")
        problem = row["objective"], row["regime"]
        if row["bound"] is not None:
            best[problem] = max(row["bound"], best.get(problem, 0.0))
    assert len(best) == 4
    for row in found["runs"]:
        bound = best[row["objective"], row["regime"]]
        assert row["value"] >= bound * (1 - TOLERANCE)
        assert row["value"] <= row["no_dg"] * (1 + TOLERANCE)
        if row["status"] == "optimal":
            assert row["value"] - row["bound"] <= row["wanted_gap"] * row["value"] * (1 + 1e-6)


def test_improvement_is_measured_against_the_best_bound(benchmark):
    _, found = benchmark
    for row in found["methods"]:
        share = (row["no_dg"] - row["value"]) / (row["no_dg"] - row["best_bound"])
        assert row["captured"] == pytest.approx(share, abs=1e-9)
        assert row["best"] <= row["value"] <= row["worst"]
        assert row["runs"] == (2 if study.METHODS[row["method"]].seeded else 1)
        if row["method"] == "none":
            assert row["captured"] == 0.0


def test_engines_and_pyomo_agree(benchmark):
    _, found = benchmark
    rows = found["second_stage"]
    assert len(rows) == 4
    for row in rows:
        assert row["error"] == ""
        assert row["difference"] <= 1e-6
        assert row["solved"] == 8
        if row["objective"] == "voltage":
            assert row["pyomo_difference"] <= 1e-6
            assert row["rebuilt"] == 2
            assert row["ratio"] == pytest.approx(row["pyomo_ms"] / row["condensed_ms"])
        else:
            assert row["ratio"] is None


def test_growth_has_every_size_and_all_feeders_are_feasible_without_units(benchmark):
    _, found = benchmark
    sizes = {(row["axis"], row["size"]) for row in found["growth"]}
    assert {size for axis, size in sizes if axis == "scenarios"} == set(TINY.sizes)
    assert {size for axis, size in sizes if axis == "buses"} == {16, 37}
    curves = {(c["axis"], c["method"]): c for c in found["exponents"]}
    # Two feeders are too few for an exponent.
    assert curves["buses", "spar"]["exponent"] is None
    assert curves["scenarios", "spar"]["exponent"] is not None
    assert {row["feeder"] for row in found["feeders"]} == {"ieee13", "ieee34", "ieee123"}
    assert all(row["infeasible"] == 0 for row in found["feeders"])


def test_tables_and_pictures_are_written(benchmark):
    folder, found = benchmark
    for name in ("feeders", "second-stage", "methods", "runs", "growth", "exponents"):
        table = pd.read_csv(folder / f"{name}.csv")
        assert len(table) == len(found[name.replace("-", "_")])
    for name in ("methods", "growth"):
        assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_a_resumed_run_returns_the_same_rows_and_computes_none(benchmark, monkeypatch):
    folder, found = benchmark

    def never(real):
        @wraps(real)
        def stand_in(*_):
            raise AssertionError("computed again")

        return stand_in

    monkeypatch.setattr(study, "DEFAULT", TINY)
    monkeypatch.setattr(study, "compile_kernels", lambda: 0.0)
    for name in ("feeder_row", "time_second_stage", "_solve", "_solve_often"):
        monkeypatch.setattr(study, name, never(getattr(study, name)))
    assert json.loads(run(folder, "--resume", "--json").stdout) == found
    text = run(folder, "--resume").stdout
    for title in ("(a) Second stage", "(b) Methods", "(c) Growth", "(d) Feeders"):
        assert title in text
    assert "raised in ieee13: " in text


def test_an_interrupted_run_keeps_what_is_finished(tmp_path, monkeypatch):
    tiny = study.Extent(
        stage_feeders=(),
        timed=(1, 1, 1),
        sets=(("ieee13", 24, 1e-3, 1),),
        sizes=(),
        feeders=(),
        feeder_scenarios=24,
        time_limit=1.0,
    )
    monkeypatch.setattr(study, "DEFAULT", tiny)
    monkeypatch.setattr(study, "compile_kernels", lambda: 0.0)
    real, calls = study._solve, []

    @wraps(real)
    def until_interrupted(asked):
        calls.append(asked["method"])
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(asked)

    monkeypatch.setattr(study, "_solve", until_interrupted)
    stopped = run(tmp_path, code=1)
    assert f"finished rows are kept in {tmp_path}: the same command goes on" in stopped.stderr
    assert not (tmp_path / "runs.csv").exists()
    found = json.loads(run(tmp_path, "--resume", "--json").stdout)
    # The three finished ones are not asked for again.
    assert len(calls) == 4 + len(found["runs"]) - 3


@pytest.mark.parametrize("limit", ["0", "nan", "inf", "-1"])
def test_a_time_limit_that_is_none_is_refused(tmp_path, limit):
    refused = run(tmp_path, "--time-limit", limit, code=2)
    assert "time-limit" in refused.stderr
