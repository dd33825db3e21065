"""Sites from text and files, decisions for other tools."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from siting_toys import QuadraticStage, all_decisions, best_value, toy_feeder, toy_scenarios

from pygridjl.core.errors import CaseNotFoundError, InvalidOptionError, InvalidPlanningError
from pygridjl.grid import load_feeder
from pygridjl.grid.io.opendss.write import feeder_commands
from pygridjl.scenarios.generate import generate_scenarios
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.check import check_units, validate_planning
from pygridjl.siting.export import dispatch_table, export_decision
from pygridjl.siting.first_stage.allocation import allocate
from pygridjl.siting.first_stage.random import random_units
from pygridjl.siting.methods.benders import benders
from pygridjl.siting.page import duration_figure
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.registry import BendersOptions
from pygridjl.siting.second_stage import build_second_stage
from pygridjl.siting.site_files import problem_on_sites
from pygridjl.siting.solve import site


def test_sites_are_named_with_phases(tmp_path):
    feeder = load_feeder("ieee13")
    table = tmp_path / "sites.csv"
    table.write_text("bus, phases\n675, ac\n645,\n", encoding="utf-8")
    for sites in ("675:ac, 645", table):
        problem = problem_on_sites(feeder, sites, budget=900.0)
        assert problem.site_ids == ("675", "645")
        assert problem.site_letters == ("ac", "bc")  # 645 has two phases
        assert problem.budget == 900.0


def test_sites_have_limits_of_their_own(tmp_path):
    table = tmp_path / "sites.csv"
    table.write_text("bus,phases,max_units\nb1,,2\nb2,,\nb3,,0\n", encoding="utf-8")
    problem = problem_on_sites(toy_feeder(4), table, max_units=4, budget=63.0, max_sites=2)
    assert problem.site_limits.tolist() == [2, 4, 0]
    for seed in range(3):
        stage = QuadraticStage(problem, toy_scenarios(4, 4, seed), seed)
        found = benders(problem, stage.scenarios, stage, BendersOptions(gap=1e-6))
        assert found.objective == pytest.approx(best_value(stage), rel=1.1e-6)
        drawn = random_units(problem, np.random.default_rng(seed))
        assert not check_units(problem, drawn)
        slopes = np.sort(np.random.default_rng(seed).uniform(-3, 0.5, (3, 4)), axis=1)
        taken = allocate(problem, slopes)
        worth = [slopes[k, :n].sum() for k, n in enumerate(taken)]
        tried = [sum(slopes[k, :n].sum() for k, n in enumerate(u)) for u in all_decisions(problem)]
        assert sum(worth) == pytest.approx(min(tried))
    assert check_units(problem, [3, 0, 0])
    table.write_text("bus,max_units\nb1,few\n", encoding="utf-8")
    with pytest.raises(InvalidPlanningError, match="max_units: must be a whole number, is few"):
        problem_on_sites(toy_feeder(4), table)


def test_sites_that_do_not_exist_are_named(tmp_path):
    feeder = load_feeder("ieee13")
    with pytest.raises(InvalidPlanningError, match="67x"):
        problem_on_sites(feeder, "675,67x")
    with pytest.raises(InvalidPlanningError, match="letters a, b, c"):
        problem_on_sites(feeder, "675:ax")
    with pytest.raises(CaseNotFoundError, match=r"gone\.csv"):
        problem_on_sites(feeder, tmp_path / "gone.csv")
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("node,phases\n675,a\n", encoding="utf-8")
    with pytest.raises(InvalidPlanningError, match="columns bus, phases"):
        problem_on_sites(feeder, wrong)


@pytest.fixture(scope="module")
def decided():
    buses = toy_feeder(3).buses.replace(x=np.array([0.0, 1.0, np.nan]), y=np.zeros(3))
    feeder = toy_feeder(3).replace(buses=buses)
    problem = problem_on_sites(feeder, "b1,b2:ab", measure="loss", max_units=3)
    half = np.repeat(np.array([[1.0], [0.0]]), 3, axis=1)
    scenarios = ScenarioSet(np.array([0.75, 0.25]), np.ones((2, 3)), half)
    return site(problem, scenarios, method="benders"), problem, scenarios


def test_a_table_of_the_dispatch_adds_up_to_the_energy(decided, tmp_path):
    result, problem, scenarios = decided
    path = export_decision(result, problem, scenarios, tmp_path / "dispatch.csv")
    table = pd.read_csv(path)
    assert len(table) == 2 * len(result.placements)
    energy = (table["hours"] * table[["kw_a", "kw_b", "kw_c"]].sum(axis=1)).groupby(table["bus"])
    sites = result.operation.sites.set_index("bus")
    for bus, kwh in energy.sum().items():
        assert kwh / 1e3 == pytest.approx(sites.loc[bus, "produced_mwh"], rel=1e-6)
    assert table["available_kw"].sum() == pytest.approx(sum(p.kw for p in result.placements))
    assert dispatch_table(problem, scenarios, 0 * result.units).empty


def test_a_map_layer_has_a_point_where_there_are_coordinates(decided, tmp_path):
    layer = json.loads(export_decision(*decided, tmp_path / "sites.geojson").read_text())
    assert [f["properties"]["bus"] for f in layer["features"]] == ["b1", "b2"]
    assert layer["features"][0]["geometry"] == {"type": "Point", "coordinates": [1.0, 0.0]}
    assert layer["features"][1]["geometry"] is None


def test_generators_are_taken_by_the_engine(decided, tmp_path):
    dss = pytest.importorskip("opendssdirect").dss
    result, problem, _ = decided
    path = export_decision(*decided, tmp_path / "units.dss")
    engine = dss.NewContext()
    for command in [*feeder_commands(problem.feeder), *path.read_text().splitlines(), "solve"]:
        engine.Text.Command(command)
    total = 0.0
    found = engine.Generators.First()
    while found:
        total += engine.Generators.kW()
        found = engine.Generators.Next()
    assert total == pytest.approx(sum(p.kw for p in result.placements))
    assert -engine.Circuit.TotalPower()[0] == pytest.approx(
        1e3 * problem.feeder.load_p.sum() - total + engine.Circuit.Losses()[0] / 1e3, rel=1e-6
    )


def test_other_endings_are_refused(decided, tmp_path):
    with pytest.raises(InvalidOptionError, match=r"\.dss, \.geojson, \.csv, \.html"):
        export_decision(*decided, tmp_path / "units.xlsx")


def test_a_page_shows_energy_limits_and_curves(decided, tmp_path):
    result, problem, scenarios = decided
    text = export_decision(result, problem, scenarios, tmp_path / "plan.html").read_text("utf-8")
    assert text.count("<img") == 2
    for heading in ("Energy of the sites", "Limits that bind", "Hours of the year"):
        assert heading in text
    for placement in result.placements:
        assert f"<td>{placement.bus}</td>" in text
    # The curve falls from the hours with sun to those without.
    figure = duration_figure(dispatch_table(problem, scenarios, result.units))
    curve = figure.axes[0].patches[0].get_data()
    assert curve.edges.tolist() == [0.0, 6570.0, 8760.0]
    assert curve.values.tolist() == [sum(p.kw for p in result.placements), 0.0]


COSTS = [700.0, 1600.0, np.nan, 2300.0]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("limits", [{}, {"min_units": 2}, {"min_sites": 2, "max_sites": 3}])
def test_sites_have_costs_of_their_own(seed, limits):
    feeder = toy_feeder(5)
    problem = PlanningProblem(
        feeder, site_cost=COSTS, unit_cost=1200.0, max_units=4, budget=55.0, **limits
    )
    assert problem.unit_prices.tolist() == pytest.approx([4.2, 9.6, 7.2, 13.8])
    allowed = list(all_decisions(problem))
    # Told apart by hand: what the money pays for.
    assert all(u @ [4.2, 9.6, 7.2, 13.8] <= 55.0 + 1e-9 for u in allowed)
    stage = QuadraticStage(problem, toy_scenarios(3, 5, seed), seed)
    found = benders(problem, stage.scenarios, stage, BendersOptions(gap=1e-6))
    assert found.objective == pytest.approx(best_value(stage), rel=1.1e-6)
    assert found.bound <= best_value(stage) * (1 + 1e-9)
    assert found.cost == pytest.approx(float(found.units @ problem.unit_prices))
    rng = np.random.default_rng(seed)
    for _ in range(20):
        assert not check_units(problem, random_units(problem, rng))
    slopes = np.sort(rng.uniform(-3, 0.5, (4, 4)), axis=1)
    worth = [sum(slopes[k, :n].sum() for k, n in enumerate(u)) for u in allowed]
    taken = allocate(problem, slopes)
    assert not check_units(problem, taken)
    assert sum(slopes[k, :n].sum() for k, n in enumerate(taken)) == pytest.approx(min(worth))


def test_costs_change_the_decision_of_every_exact_method():
    feeder = load_feeder("ieee13")
    scenarios = generate_scenarios(feeder.n_bus, 24)
    buses, costs = ["675", "634", "680"], [4000.0, 900.0, 2500.0]
    problem = PlanningProblem.on_buses(
        feeder, buses, site_cost=costs, unit_kw=300.0, budget=3000.0, max_units=4
    )
    stage = build_second_stage(problem, scenarios)
    p = scenarios.probability
    best = min(float(p @ stage.evaluate(units).value) for units in all_decisions(problem))
    for method in ("benders", "extensive"):
        found = site(problem, scenarios, method=method, options={"gap": 1e-6})
        assert found.objective == pytest.approx(best, rel=2e-6)
        assert not check_units(problem, found.units)


def test_costs_are_read_from_the_table_and_refused_by_name(tmp_path):
    table = tmp_path / "sites.csv"
    table.write_text("bus,cost\nb1,900\nb2,\n", encoding="utf-8")
    problem = problem_on_sites(toy_feeder(4), table, unit_cost=1000.0)
    assert problem.unit_prices.tolist() == pytest.approx([5.4, 6.0])
    for text in ("dear", "-1", "inf", "nan"):
        table.write_text(f"bus,cost\nb1,{text}\n", encoding="utf-8")
        with pytest.raises(InvalidPlanningError, match=f"b1.*cost: must be a number.*is {text}"):
            problem_on_sites(toy_feeder(4), table)
    dear = PlanningProblem(toy_feeder(3), site_cost=[9e9, 8e9])
    assert "below one unit" in str(validate_planning(dear)[0])
    both = PlanningProblem(toy_feeder(3), site_cost=[1500.0, 9e5], min_sites=2)
    assert "2 sites of 1 units cost 5409 k$" in str(validate_planning(both)[0])
