"""Options of ``expand`` and ``hosting`` beside those of ``site``, on one feeder and one year."""

from __future__ import annotations

import json

import numpy as np
import pytest
from cli_calls import called
from siting_toys import toy_feeder

from pygridjl.grid import save_feeder
from pygridjl.grid.feeder_tables import FeederGenerators
from pygridjl.scenarios.files import save_scenarios
from pygridjl.scenarios.generate import generate_scenarios
from pygridjl.scenarios.profile import read_profile


@pytest.fixture
def folder(tmp_path):
    """Two days with wind and a price, a table of sites, a mill that is there."""
    hours = np.arange(48)
    load = 0.6 + 0.3 * np.sin(hours / 7.0)
    pv, wind = np.clip(np.sin((hours % 24 - 6) / 12 * np.pi), 0, 1), 0.2 + 0.7 * (hours % 5 == 0)
    spot = 40.0 + hours
    rows = [",".join(f"{v:.6f}" for v in row) for row in zip(load, pv, wind, spot, strict=True)]
    (tmp_path / "year.csv").write_text("load,pv,wind,spot\n" + "\n".join(rows) + "\n")
    (tmp_path / "sites.csv").write_text("bus,cost,power_factor,profile\nb1,900,-0.9,wind\nb2,,,\n")
    (tmp_path / "stages.csv").write_text(
        "name,parent,load,budget,probability,years\nnow,,1,90,,1\n"
    )
    mill = FeederGenerators(id=["mill"], bus=[3], p=[[0.01] * 3])
    save_feeder(toy_feeder(4).replace(generators=mill), tmp_path / "toy")
    return tmp_path


YEAR = ["--profile", "year.csv", "--sites", "sites.csv", "--existing", "mill=wind"]
COMMON = ["--scenarios", "24", "--unit-kw", "20", "--max-units", "3", "--json"]


def answer(words, folder):
    code, out, err, _ = called(words, folder)
    assert code == 0, err
    return json.loads(out)


@pytest.mark.parametrize(
    "measure",
    [
        ["--measure", "loss"],
        ["--measure", "energy-cost", "--import-price", "spot", "--export-price", "10"],
    ],
)
@pytest.mark.parametrize("seed", ["0", "7"])
def test_one_stage_is_siting_in_the_same_year(folder, measure, seed):
    words = [*YEAR, *COMMON, *measure, "--deviation", "0.2", "--scenario-seed", seed]
    plan = answer(["expand", "toy", "stages.csv", "--gap", "1e-6", *words], folder)
    method = ["--method", "benders", "--gap", "1e-6", "--budget", "90"]
    sited = answer(["site", "toy", *method, *words], folder)
    assert plan["objective"] == pytest.approx(sited["objective"], rel=3e-6)
    assert plan["no_dg"] == pytest.approx(sited["no_dg"])
    # Another year has another answer: the options are not only taken.
    bundled = ["--sites", "b1,b2", *COMMON, "--measure", "loss"]
    other = answer(["expand", "toy", "stages.csv", *bundled], folder)
    assert other["no_dg"] != pytest.approx(plan["no_dg"], rel=1e-3)


def test_a_folder_of_scenarios_is_read(folder):
    year = read_profile(folder / "year.csv", others=["wind"])
    drawn = generate_scenarios(4, 24, profile=year, seed=3)
    save_scenarios(drawn, folder / "set", [f"b{k}" for k in range(4)])
    read = ["--scenarios", "set"]
    made = ["--scenarios", "24", "--profile", "year.csv", "--scenario-seed", "3"]
    own = ["--existing", "mill=wind", "--unit-kw", "20", "--json"]
    for words in (
        ["expand", "toy", "stages.csv", "--sites", "sites.csv"],
        ["hosting", "toy", "--sites", "b1,b2"],
    ):
        one, other = (answer([*words, *own, *of], folder) for of in (read, made))
        assert one["objective"] == pytest.approx(other["objective"], rel=1e-9)
    code, _, err, _ = called(
        ["expand", "toy", "stages.csv", "--scenarios", "set", "--deviation", "0.1"], folder
    )
    assert code == 2
    assert "--deviation has no effect on scenarios read from a folder" in err


def test_hosting_follows_profiles_and_existing_units(folder):
    """Wind that never exceeds 0.9 hosts more than sun that reaches 1 where the band decides."""
    base = ["hosting", "toy", "--scenarios", "24", "--profile", "year.csv", "--deviation", "0"]
    base += ["--v-max", "1.01", "--json"]
    (folder / "wind.csv").write_text("bus,profile\nb2,wind\n")
    sunny = answer([*base, "--sites", "b2"], folder)
    windy = answer([*base, "--sites", "wind.csv"], folder)
    assert windy["objective"] != sunny["objective"]
    removed = answer([*base, "--sites", "b2", "--existing", "mill=removed"], folder)
    assert removed["objective"] >= sunny["objective"]
    (folder / "wind.csv").write_text("bus,max_units\nb2,3\n")
    code, _, err, _ = called([*base, "--sites", "wind.csv"], folder)
    assert code == 2
    assert "site_max: has no effect" in err


@pytest.mark.parametrize("command", [["expand", "toy", "stages.csv"], ["hosting", "toy"]])
@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--nsrdb", "sun.csv"], "--nsrdb and --ercot belong together"),
        (["--existing", "mill"], "'mill' is not of the form unit=profile"),
        (["--existing", "mill=tide"], "'tide' is no column of a --profile and no --array"),
        (["--scenarios", "25"], "24"),
        (["--profile", "gone.csv"], "gone.csv"),
    ],
)
def test_what_cannot_be_is_refused(folder, command, words, text):
    code, _, err, _ = called([*command, *words], folder)
    assert code == 2
    assert text in err
