from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner
from siting_toys import QuadraticStage, toy_feeder

from pygridjl.cli.site import command
from pygridjl.core.errors import PyGridJLError
from pygridjl.grid import save_feeder
from pygridjl.grid.feeder_tables import FeederGenerators
from pygridjl.scenarios.files import save_scenarios
from pygridjl.scenarios.generate import generate_scenarios
from pygridjl.scenarios.profile import bundled_year, save_profile


@pytest.fixture
def feeder(tmp_path, monkeypatch):
    """A toy feeder on disk and a toy engine in the place of the real ones."""
    monkeypatch.setattr(
        "pygridjl.siting.second_stage.build_second_stage",
        lambda problem, scenarios, engine: QuadraticStage(problem, scenarios),
    )
    return str(save_feeder(toy_feeder(), tmp_path / "toy"))


def run(*arguments):
    return CliRunner().invoke(command, [*map(str, arguments)], catch_exceptions=True)


def test_a_decision_table_and_its_value(feeder):
    out = run(feeder, "--scenarios", 24, "--max-iterations", 10, "--max-sites", 2, "--max-units", 3)
    assert out.exit_code == 0, out.output
    for text in ("status", "feasible", "without units", "bus", "units", "kw"):
        assert text in out.output


def test_json_is_one_object(feeder):
    out = run(feeder, "--scenarios", 24, "--method", "greedy", "--json", "--sites", "b1, b3")
    plain = json.loads(out.output)
    assert plain["method"] == "greedy"
    assert {p["bus"] for p in plain["placements"]} <= {"b1", "b3"}
    assert plain["bound"] <= plain["objective"]
    assert plain["improvement_captured"] > 0


def test_own_profile_own_scenarios_and_a_state(feeder, tmp_path):
    year = save_profile(bundled_year(), tmp_path / "my.csv")
    first = run(feeder, "--scenarios", 48, "--profile", year, "--method", "none", "--json")
    folder = tmp_path / "set"
    save_scenarios(generate_scenarios(5, 48), folder, [f"b{k}" for k in range(5)])
    second = run(feeder, "--scenarios", folder, "--method", "none", "--json")
    assert json.loads(first.output)["objective"] == json.loads(second.output)["objective"]
    state = tmp_path / "run.npz"
    once = run(feeder, "--max-iterations", 5, "--state", state, "--json")
    assert state.exists()
    again = run(feeder, "--max-iterations", 5, "--state", state, "--json")
    one, two = json.loads(once.output), json.loads(again.output)
    assert one["objective"] == two["objective"]


@pytest.mark.parametrize("method", ["spar", "none"])
def test_a_drawing(feeder, tmp_path, method):
    target = tmp_path / "units.png"
    out = run(feeder, "--method", method, "--scenarios", 24, "--plot", target)
    assert out.exit_code == 0, out.output
    assert target.read_bytes().startswith(b"\x89PNG")


def test_drawings_of_a_run(feeder, tmp_path):
    names = ("scenarios", "functions", "iterations")
    options = [x for name in names for x in (f"--plot-{name}", tmp_path / f"{name}.png")]
    out = run(feeder, "--scenarios", 24, "--max-iterations", 5, *options)
    assert out.exit_code == 0, out.output
    for name in names:
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert f"{name}.png" in out.output


@pytest.mark.parametrize("name", ["functions", "iterations"])
def test_drawings_of_learning_need_a_method_that_learns(feeder, tmp_path, name):
    out = run(feeder, "--method", "greedy", f"--plot-{name}", tmp_path / "x.png")
    assert out.exit_code == 2
    assert "needs --method spar" in out.output


@pytest.mark.parametrize(
    "arguments",
    [
        ("--budget", 3),
        ("--scenarios", 25),
        ("--scenarios", "nowhere"),
        ("--sites", "b1,moon"),
        ("--profile", "none.csv"),
        ("--v-min", 1.1, "--v-max", 0.9),
        ("--method", "greedy", "--gap", 1e-9),
        ("--method", "benders", "--batch", 2),
        ("--method", "none", "--time-limit", 5),
        ("--method", "benders", "--seed", 5),
        ("--method", "greedy", "--batch", 4),
        ("--plot", "nowhere/units.xyz"),
    ],
)
def test_bad_input_is_an_error_raised_on_purpose(feeder, arguments):
    out = run(feeder, "--scenarios", 24, *arguments)
    assert isinstance(out.exception, PyGridJLError), out.output


def test_a_value_that_is_none_is_refused_by_the_command(feeder):
    out = run(feeder, "--step-rule", 7)
    assert out.exit_code == 2
    assert "'7' is not one of '1', '2', '3'" in out.output


def test_the_program_says_it_in_one_line_and_exits_with_2(tmp_path):
    code = (
        "import sys; from pygridjl.cli import _COMMANDS, main;"
        "_COMMANDS['site'] = ('pygridjl.cli.site', '');"
        "sys.argv = ['pygridjl', 'site', 'ieee13', '--budget', '3']; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "budget: 3 k$ is below one unit" in done.stderr
    assert "Traceback" not in done.stderr


def test_weather_and_load_belong_together(feeder):
    out = run(feeder, "--nsrdb", "sun.csv")
    assert out.exit_code == 2
    assert "belong together" in out.output
    out = run(feeder, "--zone", "COAST")
    assert out.exit_code == 2
    assert "--zone needs --ercot" in out.output
    out = run(feeder, "--scenarios", "folder", "--deviation", 0.2)
    assert "has no effect on scenarios read from a folder" in out.output
    out = run(feeder, "--array", "west=20:270")
    assert "--array needs --nsrdb and --ercot" in out.output
    for wrong in (
        "west",
        "west=20",
        "west=20:x",
        "=20:270",
        "pv=20:270",
        "w=95:270",
        "w=nan:1",
        "w=9:9",
    ):
        out = run(feeder, "--nsrdb", "sun.csv", "--ercot", "load.csv", "--array", wrong)
        assert out.exit_code == 2
        assert "--array" in out.output
    out = run(feeder, "--nsrdb", "sun.csv", "--ercot", "load.csv")
    assert isinstance(out.exception, PyGridJLError)


def test_sites_with_costs_and_profiles_and_existing_units(tmp_path):
    year = tmp_path / "year.csv"
    hours = [f"{0.5 + h % 2 / 4},{int(8 < h < 16)},{int(h < 8)}" for h in range(24)]
    year.write_text("load,pv,wind\n" + "\n".join(hours) + "\n", encoding="utf-8")
    table = tmp_path / "sites.csv"
    table.write_text("bus,cost,profile\nb1,500,wind\nb2,,\n", encoding="utf-8")
    feeder = toy_feeder(4)
    mill = FeederGenerators(id=["mill"], bus=[3], p=[[0.01] * 3])
    tables = str(save_feeder(feeder.replace(generators=mill), tmp_path / "toy"))
    scenarios = ("--scenarios", 24, "--method", "benders", "--json", "--sites", table)
    given = ("--profile", year, "--existing", "mill=wind")
    out = run(tables, *scenarios, *given, "--max-units", 2)
    assert out.exit_code == 0, out.output
    answer = json.loads(out.output)
    price = {"b1": 500.0, "b2": 1500.0}
    cost = sum(price[p["bus"]] * p["kw"] / 1e3 for p in answer["placements"])
    assert answer["cost"] == pytest.approx(cost)
    assert cost > 0
    for wrong, text in (
        (scenarios, "'wind' is no column of a --profile and no --array"),
        ((*scenarios, *given, "--existing", "mill"), "'mill' is not of the form unit=profile"),
        ((*scenarios, *given, "--existing", "mill=tide"), "column 'tide' is missing"),
        ((*scenarios, *given, "--existing", "dam=wind"), "unit dam id: is none of the feeder"),
    ):
        refused = run(tables, *wrong)
        assert refused.exit_code != 0
        assert text in (refused.output or "") + str(refused.exception)
