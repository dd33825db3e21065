"""Units that follow other profiles than the sun, and what becomes of existing ones."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from siting_toys import all_decisions, toy_feeder

from pygridjl.core.errors import InvalidOptionError, InvalidPlanningError, NetworkFormatError
from pygridjl.grid.feeder_tables import FeederGenerators
from pygridjl.scenarios.files import read_scenarios, save_scenarios
from pygridjl.scenarios.generate import generate_scenarios
from pygridjl.scenarios.model import ScenarioSet, validate_scenarios
from pygridjl.scenarios.profile import HourlyProfile, read_profile, save_profile
from pygridjl.siting.existing import existing_from_text, with_existing
from pygridjl.siting.hosting.solve import hosting_capacity
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.second_stage import build_second_stage
from pygridjl.siting.second_stage.operation import Operation
from pygridjl.siting.site_files import problem_on_sites
from pygridjl.siting.solve import site


def windy_scenarios(n_scenario: int, n_bus: int, seed: int = 0) -> ScenarioSet:
    """Sun in the first half, wind in the second."""
    rng = np.random.default_rng(seed)
    shape = (n_scenario, n_bus)
    day = (np.arange(n_scenario) < n_scenario // 2)[:, None]
    return ScenarioSet(
        np.full(n_scenario, 1 / n_scenario),
        rng.uniform(0.5, 1, shape),
        rng.uniform(0.3, 1, shape) * day,
        others={"wind": rng.uniform(0.3, 1, shape) * ~day},
    )


def with_units(n_bus: int = 4):
    feeder = toy_feeder(n_bus)
    return feeder.replace(
        generators=FeederGenerators(
            id=["roof", "mill", "chp"],
            bus=[1, 2, 3],
            p=np.full((3, 3), 0.02),
            q=np.full((3, 3), 0.004),
            kind=["pv", "generator", "generator"],
        )
    )


@pytest.mark.parametrize("measure", ["voltage", "loss"])
@pytest.mark.parametrize("engine", ["condensed", "full"])
def test_a_site_with_wind_is_a_site_with_sun_on_swapped_scenarios(measure, engine):
    scenarios = windy_scenarios(6, 4)
    wind = scenarios.others["wind"]
    # One kind at all sites: what the units follow is the sun of a set that has it as sun.
    swapped = dataclasses.replace(scenarios, pv=wind, others={})
    options = {"measure": measure, "max_units": 3, "unit_kw": 60.0}
    windy = PlanningProblem(toy_feeder(4), site_profile=("wind",) * 3, **options)
    sunny = PlanningProblem(toy_feeder(4), **options)
    stages = [build_second_stage(p, s, engine) for p, s in ((windy, scenarios), (sunny, swapped))]
    for units in ([0, 0, 0], [1, 2, 0], [3, 1, 2]):
        one, other = (stage.evaluate(units) for stage in stages)
        np.testing.assert_allclose(one.value, other.value, rtol=1e-9)
        np.testing.assert_allclose(one.gradient, other.gradient, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("method", ["benders", "extensive"])
def test_sun_and_wind_are_sited_together(method):
    scenarios = windy_scenarios(6, 4, seed=3)
    problem = PlanningProblem(
        toy_feeder(4), site_profile=("pv", "wind", "pv"), max_units=3, unit_kw=60.0, budget=360.0
    )
    stage = build_second_stage(problem, scenarios)
    best = min(
        float(scenarios.probability @ stage.evaluate(units).value)
        for units in all_decisions(problem)
    )
    found = site(problem, scenarios, method=method, options={"gap": 1e-6})
    assert found.objective == pytest.approx(best, rel=2e-6)
    assert found.units[1] > 0  # the only one that gives anything in half of the scenarios


def test_existing_units_follow_what_they_are_told():
    scenarios = windy_scenarios(4, 4)
    feeder = with_existing(with_units(), existing_from_text("mill=wind, roof=constant, *=removed"))
    assert feeder.generators.id.tolist() == ["roof", "mill"]
    operation = Operation(PlanningProblem(feeder), scenarios)
    index = np.arange(4)
    p, q = operation.demand(index)
    bare, bare_q = Operation(PlanningProblem(toy_feeder(4)), scenarios).demand(index)
    wind = scenarios.others["wind"]
    for bus, factor in ((1, np.ones(4)), (2, wind[:, 2]), (3, np.zeros(4))):
        nodes = feeder.node_of[bus]
        added = np.outer(factor, np.ones(3))
        np.testing.assert_allclose((p - bare)[:, nodes], 0.02 * added, atol=1e-15)
        np.testing.assert_allclose((q - bare_q)[:, nodes], 0.004 * added, atol=1e-15)


def test_what_is_wrong_is_named(tmp_path):
    feeder, scenarios = with_units(), windy_scenarios(4, 4)
    with pytest.raises(InvalidPlanningError, match="mil.*none of the feeder, which has roof"):
        with_existing(feeder, {"mil": "wind"})
    with pytest.raises(InvalidPlanningError, match="which has none"):
        with_existing(toy_feeder(3), {"*": "wind"})
    for text in ("mill", "=wind", "mill=", "mill=wind,mill=pv"):
        with pytest.raises(ValueError, match="not of the form|named twice"):
            existing_from_text(text)
    tidal = with_existing(feeder, {"mill": "tide"})
    with pytest.raises(InvalidPlanningError, match="mill.*'tide' is no profile.*have pv, wind"):
        site(tidal, scenarios, method="none")
    tidal = PlanningProblem(feeder, site_profile=("pv", "tide", "pv"))
    with pytest.raises(InvalidPlanningError, match="b2.*'tide' is no profile.*have pv, wind"):
        site(tidal, scenarios, method="none")
    with pytest.raises(InvalidOptionError, match="site_profile: must be 3 names"):
        PlanningProblem(feeder, site_profile=("pv",))
    with pytest.raises(InvalidOptionError, match="site_cost"):
        hosting_capacity(PlanningProblem(feeder, site_cost=[1.0, 1.0, 1.0]), scenarios)
    below = dataclasses.replace(scenarios, others={"wind": -np.ones((4, 4))})
    assert validate_scenarios(below)[0].field == "wind"
    table = tmp_path / "sites.csv"
    table.write_text("bus,profile\nb1,wind\nb2,\n", encoding="utf-8")
    assert problem_on_sites(feeder, table).profiles == ("wind", "pv")


def test_profiles_go_through_files_and_scenarios(tmp_path):
    hours = np.arange(48)
    wind = 0.2 + 0.01 * hours
    profile = HourlyProfile(np.ones(48), hours % 2 / 2.0, others={"wind": wind})
    path = save_profile(profile, tmp_path / "year.csv")
    read = read_profile(path, others=["wind"])
    np.testing.assert_array_equal(read.others["wind"], wind)
    with pytest.raises(NetworkFormatError, match="'tide' is missing"):
        read_profile(path, others=["tide"])
    exact = generate_scenarios(2, 24, profile=read, deviation=0.0)
    # Two days make one stratum: each hour the mean of both.
    np.testing.assert_allclose(exact.others["wind"][:, 1], wind[:24] + 0.12)
    plain = generate_scenarios(2, 24, profile=read_profile(path))
    drawn = generate_scenarios(2, 24, profile=read)
    np.testing.assert_array_equal(drawn.pv, plain.pv)  # more profiles change no earlier draw
    folder = save_scenarios(drawn, tmp_path / "set", ["a", "b"])
    again = read_scenarios(folder, ["a", "b"])
    np.testing.assert_array_equal(again.others["wind"], drawn.others["wind"])
    np.testing.assert_array_equal(again.take([3]).others["wind"], drawn.others["wind"][[3]])
    marker = folder / "scenarios.json"
    marker.write_text(marker.read_text().replace('"wind"', '"../wind"'), encoding="utf-8")
    with pytest.raises(NetworkFormatError, match="others"):
        read_scenarios(folder, ["a", "b"])


def test_units_with_wind_run_in_opendss_as_with_sun_on_swapped_scenarios():
    pytest.importorskip("opendssdirect")
    from pygridjl.siting.validation import validate_in_opendss

    scenarios = windy_scenarios(4, 4)
    swapped = dataclasses.replace(scenarios, pv=scenarios.others["wind"], others={})
    windy = with_existing(with_units(), {"roof": "constant", "mill": "wind"})
    sunny = with_existing(with_units(), {"roof": "constant", "mill": "pv"})
    options = {"measure": "loss", "max_units": 3, "unit_kw": 60.0, "v_min": 0.0, "v_max": 2.0}
    reports = [
        validate_in_opendss(PlanningProblem(feeder, site_profile=profile, **options), s, [1, 2, 0])
        for feeder, profile, s in ((windy, ("wind",) * 3, scenarios), (sunny, None, swapped))
    ]
    one, other = (report.to_frame() for report in reports)
    assert len(one) > 0
    for column in one.select_dtypes("number"):
        np.testing.assert_allclose(one[column], other[column], rtol=1e-9, atol=1e-12)
