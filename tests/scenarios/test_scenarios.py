from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from pygridjl.core.errors import InvalidOptionError, InvalidScenariosError, NetworkFormatError
from pygridjl.scenarios.files import read_scenarios, save_scenarios
from pygridjl.scenarios.generate import generate_scenarios
from pygridjl.scenarios.model import (
    ScenarioSet,
    assert_valid_scenarios,
    validate_scenarios,
)
from pygridjl.scenarios.profile import (
    HourlyProfile,
    bundled_year,
    read_profile,
    save_profile,
    whole_year,
)


def small_set(**changes):
    values = {
        "probability": [0.25, 0.5, 0.25],
        "load": np.ones((3, 2)),
        "pv": np.full((3, 2), 0.5),
        "id": ["x", "y", "z"],
        **changes,
    }
    return ScenarioSet(**{k: np.array(v) for k, v in values.items()})


def test_a_sound_set_has_no_findings_and_cannot_be_written():
    scenarios = small_set()
    assert validate_scenarios(scenarios) == ()
    with pytest.raises(ValueError, match="read-only"):
        scenarios.load[0, 0] = 2.0


@pytest.mark.parametrize(
    ("changes", "field", "ids"),
    [
        ({"probability": [0.25, 0.25, 0.25]}, "probability", ()),
        ({"probability": [1.5, -0.5, 0.0]}, "probability", ("y",)),
        ({"probability": [np.nan, 0.5, 0.5]}, "probability", ("x",)),
        ({"load": [[1, 1], [1, np.nan], [np.nan, 1]]}, "load", ("y", "z")),
        ({"pv": [[1, -0.1], [1, 1], [1, 1]]}, "pv", ("x",)),
        ({"pv": [[1, np.inf], [1, 1], [1, 1]]}, "pv", ("x",)),
        ({"id": ["x", "x", "z"]}, "id", ("x",)),
    ],
)
def test_every_fault_names_field_and_scenarios(changes, field, ids):
    scenarios = small_set(**changes)
    assert (field, ids) in {(f.field, f.ids) for f in validate_scenarios(scenarios)}
    with pytest.raises(InvalidScenariosError):
        assert_valid_scenarios(scenarios)


def test_an_empty_set_is_a_finding():
    empty = ScenarioSet(np.zeros(0), np.zeros((0, 2)), np.zeros((0, 2)))
    assert [f.message for f in validate_scenarios(empty)] == ["there are none"]


def test_taking_scenarios_rescales_and_renames_repeats():
    part = small_set().take([0, 1, 1])
    np.testing.assert_allclose(part.probability, [0.2, 0.4, 0.4])
    assert part.id.tolist() == ["x", "y", "y#2"]
    assert validate_scenarios(part) == ()


# ---------------------------------------------------------------------------------- Algorithm 2
def ramp_profile(n_day=10):
    hours = np.arange(24 * n_day, dtype=float)
    sun = np.tile(np.maximum(0.0, np.sin((np.arange(24) - 6) * np.pi / 12)), n_day)
    return HourlyProfile(1.0 + hours, sun)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12))
def test_means_by_stratum_and_hour_as_written_out(n_day, strata):
    strata = min(strata, n_day)
    profile = ramp_profile(n_day)
    scenarios = generate_scenarios(2, 24 * strata, profile=profile, deviation=0.0)
    width, row = n_day // strata, 0
    for s in range(strata):
        days = range(s * width, n_day if s == strata - 1 else (s + 1) * width)
        for hour in range(24):
            mean = np.mean([profile.load[24 * d + hour] for d in days])
            np.testing.assert_allclose(scenarios.load[row], mean)
            np.testing.assert_allclose(scenarios.pv[row], profile.pv[hour], atol=1e-12)
            assert scenarios.probability[row] == pytest.approx(len(days) / n_day / 24)
            assert scenarios.id[row] == f"s{s}h{hour}"
            row += 1
    assert validate_scenarios(scenarios) == ()
    # Weights by days keep the mean of the year.
    assert scenarios.probability @ scenarios.load[:, 0] == pytest.approx(profile.load.mean())


@pytest.mark.parametrize("n_scenario", [96, 1200, 8760])
def test_the_published_sizes_can_be_had(n_scenario):
    scenarios = generate_scenarios(3, n_scenario)
    assert len(scenarios) == n_scenario
    assert validate_scenarios(scenarios) == ()


def test_deviations_have_the_asked_spread_and_differ_between_load_and_sun():
    profile = HourlyProfile(np.full(24, 2.0), np.full(24, 0.5))
    scenarios = generate_scenarios(4000, 24, profile=profile, seed=1)
    load, pv = scenarios.load / 2.0 - 1, scenarios.pv / 0.5 - 1
    assert load.std() == pytest.approx(0.1, rel=0.02)
    assert pv.std() == pytest.approx(0.1, rel=0.02)
    assert abs(np.corrcoef(load.ravel(), pv.ravel())[0, 1]) < 0.01
    added = generate_scenarios(4000, 24, profile=profile, mode="additive", seed=1)
    np.testing.assert_allclose(added.load - 2.0, load, atol=1e-12)


def test_night_stays_dark_and_nothing_turns_negative():
    profile = ramp_profile(4)
    for mode in ("multiplicative", "additive"):
        scenarios = generate_scenarios(50, 24, profile=profile, mode=mode, deviation=3.0, seed=2)
        assert validate_scenarios(scenarios) == ()
        assert (scenarios.pv[profile.pv[:24] == 0] == 0).all()
        assert (scenarios.pv[12] > 0).any()


def test_same_seed_same_bytes():
    one, two, other = (generate_scenarios(5, 96, seed=s) for s in (3, 3, 4))
    assert one.load.tobytes() == two.load.tobytes()
    assert one.load.tobytes() != other.load.tobytes()
    assert one.seed == 3


def test_uniform_weights():
    scenarios = generate_scenarios(1, 1200, weights="uniform")
    np.testing.assert_allclose(scenarios.probability, 1 / 1200)


@pytest.mark.parametrize(
    "options",
    [
        {"n_scenario": 100},
        {"n_scenario": 0},
        {"n_scenario": 8784},
        {"deviation": -0.1},
        {"deviation": float("nan")},
        {"mode": "both"},
        {"weights": "all"},
        {"n_bus": 0},
    ],
)
def test_options_that_cannot_be_used(options):
    with pytest.raises(InvalidOptionError):
        generate_scenarios(**{"n_bus": 2, **options})


def test_a_profile_with_holes_names_the_hours():
    load = np.ones(48)
    load[[5, 30]] = np.nan
    with pytest.raises(InvalidScenariosError, match="hour 5, 30 load"):
        generate_scenarios(2, 24, profile=HourlyProfile(load, np.zeros(48)))
    with pytest.raises(InvalidScenariosError, match="25 hours"):
        generate_scenarios(2, 24, profile=HourlyProfile(np.ones(25), np.ones(25)))


# ---------------------------------------------------------------------------------------- files
def test_scenarios_survive_the_disk(tmp_path):
    scenarios = generate_scenarios(3, 48, seed=5)
    buses = ["a", "7", "c,d"]
    save_scenarios(scenarios, tmp_path / "s", buses)
    back = read_scenarios(tmp_path / "s", buses)
    for field in dataclasses.fields(scenarios):
        one, two = getattr(scenarios, field.name), getattr(back, field.name)
        if isinstance(one, np.ndarray):
            assert one.tobytes() == two.tobytes()
        else:
            assert one == two
    turned = read_scenarios(tmp_path / "s", buses[::-1])
    np.testing.assert_array_equal(turned.load, scenarios.load[:, ::-1])


def test_files_that_cannot_be_read_name_the_place(tmp_path):
    save_scenarios(small_set(), tmp_path / "s", ["a", "b"])
    with pytest.raises(NetworkFormatError, match="column 'q' is missing"):
        read_scenarios(tmp_path / "s", ["a", "q"])
    load = tmp_path / "s" / "load.csv"
    good = load.read_text()
    load.write_text(good.replace("1.0", "much", 1))
    with pytest.raises(NetworkFormatError, match="row 2: column 'a': 'much'"):
        read_scenarios(tmp_path / "s", ["a", "b"])
    load.write_text(good.replace("x,", "w,", 1))
    with pytest.raises(NetworkFormatError, match="scenario: differs"):
        read_scenarios(tmp_path / "s", ["a", "b"])
    with pytest.raises(NetworkFormatError, match="is missing"):
        read_scenarios(tmp_path / "nowhere", ["a"])
    load.write_text(good.replace("1.0", "", 1))
    assert validate_scenarios(read_scenarios(tmp_path / "s", ["a", "b"]))[0].ids == ("x",)


def test_profiles_survive_the_disk(tmp_path):
    year = bundled_year()
    back = read_profile(save_profile(year, tmp_path / "year.csv"))
    assert back.load.tobytes() == year.load.tobytes()
    assert back.pv.tobytes() == year.pv.tobytes()
    (tmp_path / "bad.csv").write_text("load\n1\n")
    with pytest.raises(NetworkFormatError, match="'pv' is missing"):
        read_profile(tmp_path / "bad.csv")


def test_whole_year_averages_repeats_fills_gaps_and_drops_the_leap_day():
    month = np.array([1, 1, 1, 2, 3])
    day = np.array([1, 1, 1, 29, 1])
    hour = np.array([0, 0, 2, 5, 0])
    year = whole_year("readings", [1.0, 3.0, 6.0, 99.0, 6.0], month, day, hour, "interpolate")
    assert year.size == 8760
    np.testing.assert_allclose(year[:3], [2.0, 4.0, 6.0])
    assert (year[3:] == 6.0).all()
