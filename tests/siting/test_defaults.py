from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from siting_toys import toy_feeder

from pygridjl.core.errors import InvalidPlanningError, InvalidScenariosError
from pygridjl.core.result import Status
from pygridjl.grid import load_feeder
from pygridjl.scenarios.generate import generate_scenarios
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.defaults import outside_band, with_default_limits
from pygridjl.siting.operating import operate
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.solve import site


def two_bus(load=1.0):
    """One line of 0.01 + 0.02j per phase, no mutual part, 0.05 + 0.02j p.u. at its end."""
    feeder = toy_feeder(2)
    loads = feeder.loads.replace(p=load * feeder.loads.p, q=load * feeder.loads.q)
    return feeder.replace(loads=loads)


def hours(*loads):
    n = len(loads)
    return ScenarioSet(np.full(n, 1 / n), np.repeat(np.array(loads)[:, None], 2, axis=1),
                       np.ones((n, 2)))  # fmt: skip


def test_a_base_state_outside_the_band_is_told_with_buses_and_hours():
    # U = 1 − 2 (0.01 · 0.05 + 0.02 · 0.02) k = 1 − 0.0018 k; below 0.9025 from k = 54.2 on.
    scenarios = hours(50.0, 60.0, 70.0, 1.0)
    problem, notes = with_default_limits(PlanningProblem(two_bus()), scenarios)
    low, high = problem.band
    assert low[1] == pytest.approx(np.sqrt(1 - 0.0018 * 70), abs=2e-6)
    assert low[0] == 0.95
    assert high.tolist() == [1.05, 1.05]
    table = outside_band(PlanningProblem(two_bus(), v_min=0.95), scenarios)
    assert table["bus"].tolist() == ["b1"] * 3
    assert table["phase"].tolist() == ["a", "b", "c"]
    assert table["hours"].tolist() == [4380.0] * 3
    assert table["worst"].to_numpy() == pytest.approx(np.sqrt(1 - 0.0018 * 70))
    assert "band 0.95…1.05 p.u. assumed at 2 buses" in notes[0]
    assert "1 buses are outside their voltage band: b1 (phase a) 0.935 p.u., 4380 h" in notes[1]


def test_stated_bands_stay_and_none_can_be_asked_for():
    feeder, scenarios = two_bus().with_band(0.9, 1.1), hours(1.0)
    problem = PlanningProblem(feeder)
    assert with_default_limits(problem, scenarios) == (problem, ())
    free = PlanningProblem(two_bus(), v_min=0.0, v_max=np.inf)
    low, high = with_default_limits(free, scenarios)[0].band
    assert (low.tolist(), high.tolist()) == ([0.0, 0.0], [np.inf, np.inf])
    mixed, _ = with_default_limits(PlanningProblem(two_bus(), v_min=0.97), scenarios)
    assert [b.tolist() for b in mixed.band] == [[0.97, 0.97], [1.05, 1.05]]
    with pytest.raises(InvalidPlanningError, match="v_min"):
        site(two_bus(), hours(1.0), v_min=np.inf)


@pytest.mark.parametrize("name", ["ieee13", "ieee34", "ieee37", "ieee123"])
def test_what_is_assumed_never_makes_a_feeder_infeasible(name):
    feeder = load_feeder(name)
    # The transformer of ieee37 states its rating, and full load passes it.
    stated = {"line_limits": False} if name == "ieee37" else {}
    result = site(feeder, generate_scenarios(feeder.n_bus, 24), method="none", **stated)
    assert result.status is Status.FEASIBLE
    assert any("assumed" in note for note in result.notes)


def test_an_assumed_ampacity_binds():
    feeder = two_bus()
    # 0.0576 ohm on 3.98 ohm/mile: ACSR #6, 100 A, 0.24 p.u. on 2.4 kV and 1 MVA a phase.
    length = np.array([0.01 * 5.76 / 3.98 * 1.609344])
    feeder = feeder.replace(branches=feeder.branches.replace(length_km=length))
    settings = {"v_ref": 1.05, "v_min": 0.0, "v_max": np.inf}
    problem = PlanningProblem.on_buses(feeder, ["b1"], **settings)
    report = operate(problem, hours(1.0), [166])
    # Of the hexagon √3 |P| + |Q| ≤ √3 · 0.24 with Q = 0.02 the export is 0.228453 p.u. a phase.
    export = 0.24 - 0.02 / np.sqrt(3)
    assert report.sites["produced_mwh"].sum() == pytest.approx(3 * (0.05 + export) * 8760, rel=1e-6)
    assert report.binding["id"].tolist() == ["l0"] * 3
    bare = PlanningProblem.on_buses(feeder, ["b1"], standard_ratings=False, **settings)
    assert with_default_limits(bare, hours(1.0))[0] is bare
    assert operate(bare, hours(1.0), [166]).binding.empty


def test_load_that_no_voltage_carries_is_infeasible_and_explained():
    """Squared voltages fall below zero, and with them the limits that are assumed."""
    feeder = load_feeder("ieee13")
    year = generate_scenarios(feeder.n_bus, 24)
    watts = dataclasses.replace(year, load=1000.0 * year.load)
    problem, _ = with_default_limits(PlanningProblem(feeder), watts)
    assert (problem.v_min >= 0).all()
    answer = site(feeder, watts, time_limit=20)
    assert not answer.has_answer
    assert answer.overloads
    huge = dataclasses.replace(year, load=1e300 * year.load)
    with pytest.raises(InvalidScenariosError, match="load: is above 1e\\+06 at some bus"):
        site(feeder, huge, time_limit=20)
