"""``pygridjl linearize`` and the linearisation experiments."""

import json

import pytest
from click.testing import CliRunner

from pygridjl import get_case, read_point
from pygridjl.cli import cli
from pygridjl.core.errors import InvalidOptionError, NetworkFormatError


def run(*arguments):
    return CliRunner().invoke(cli, ["linearize", *map(str, arguments)])


def test_a_point_is_judged_saved_and_drawn(tmp_path):
    saved, drawn = tmp_path / "point.json", tmp_path / "errors.png"
    found = run(
        "case9", "--line-limit", 120, "--samples", 20, "--ac-samples", 3, "--json",
        "--save", saved, "--plot", drawn,
    )  # fmt: skip
    assert found.exit_code == 0, found.output
    answer = json.loads(found.output)
    assert answer["point"] == "ac-mean"
    judged = answer["evaluation"]
    assert judged["samples"] == 20
    assert judged["infeasible"] == 0
    assert judged["mean_p"] < 0.05
    assert judged["objective_there"] == pytest.approx(judged["ac_objective"], rel=0.01)
    assert drawn.stat().st_size > 1000
    assert read_point(saved, get_case("case9")).vm.tolist() == answer["vm"]


def test_loads_come_from_a_table_and_generation_is_taken_off(tmp_path):
    table = tmp_path / "loads.csv"
    table.write_text("p:5,p:7\n80,90\n90,100\n100,90\n70,80\n", encoding="utf-8")
    found = run(
        "case9", "--point", "flat", "--samples", 10, "--loads", table, "--renewable", "9=30"
    )
    assert found.exit_code == 0, found.output
    assert "loads of loads.csv" in found.output
    assert "0.3 p.u. of generation" in found.output


def test_options_of_a_point_reach_it():
    found = run("case9", "--point", "order1", "--engine", "clarabel", "--samples", 20)
    assert found.exit_code == 0, found.output
    assert "by clarabel" in found.output
    assert "proven bound" in found.output


def test_a_failed_relaxation_ends_with_1_and_advice(monkeypatch):
    from pygridjl.optimal_flow.linearisation import relaxation

    monkeypatch.setattr(relaxation, "_GOOD", 0.0)
    arguments = ("case9", "--point", "order1", "--engine", "clarabel", "--samples", 20)
    found = run(*arguments)
    assert found.exit_code == 1
    assert "failed numerically in clarabel" in found.output
    assert "try engine='sdpa'" in found.output
    plain = run(*arguments, "--json")
    assert plain.exit_code == 1
    assert json.loads(plain.output)["relaxation"]["outcome"] == "failed"


def test_an_infeasible_model_ends_with_1_and_advice():
    found = run("case9", "--point", "flat", "--samples", 3, "--mean", 9, "--clip", 9, 9)
    assert found.exit_code == 1
    assert "infeasible at the mean load: choose another point" in found.output


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["--point", "middle"], InvalidOptionError, "is none of"),
        (["--line-limit", "-5"], InvalidOptionError, "line limit"),
        (["--point", "flat", "--engine", "sdpa"], InvalidOptionError, "no option 'engine'"),
        (["--renewable", "x=3"], InvalidOptionError, "there is no bus 'x'"),
        (["--loads", "missing.csv"], NetworkFormatError, "is missing"),
    ],
)
def test_bad_input_is_one_error_of_ours(arguments, error, message):
    found = run("case9", "--samples", 3, *arguments)
    assert isinstance(found.exception, error)
    assert message in str(found.exception)


@pytest.mark.parametrize(
    "arguments", [["--renewable", "9"], ["--smooth"], ["--loads", "x.csv", "--mean", "1"]]
)
def test_bad_usage_is_refused(arguments):
    found = run("case9", *arguments)
    assert found.exit_code == 2
