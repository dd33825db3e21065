"""What a decision does, against LinDistFlow by hand, brute force and figures found elsewhere."""

from __future__ import annotations

import json

import numpy as np
import pytest
from feeder_builders import two_bus_feeder
from siting_toys import toy_feeder

from pygridjl.core.result import Status
from pygridjl.grid import load_feeder
from pygridjl.powerflow.lindistflow import LinDistFlow3
from pygridjl.scenarios.generate import generate_scenarios
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting import PlanningProblem, operate, site
from pygridjl.siting.regulators import with_neutral_regulators
from pygridjl.siting.violations import describe_violations


def constant(n_bus, load, sun):
    load, sun = np.asarray(load, float), np.asarray(sun, float)
    shape = (load.size, n_bus)
    return ScenarioSet(
        np.full(load.size, 1 / load.size),
        np.broadcast_to(load[:, None], shape),
        np.broadcast_to(sun[:, None], shape),
    )


def test_energy_and_the_hours_a_voltage_limit_curtails():
    """One bus behind one line: its voltage says how much sun fits, by hand."""
    feeder = two_bus_feeder()
    problem = PlanningProblem(
        feeder, measure="loss", unit_kw=feeder.phase_mva * 1e3, v_source=1.0, v_max=1.004
    )
    model = LinDistFlow3(feeder.replace(v_set=1.0))
    scenarios = constant(2, [0.1, 0.1], [0.2, 0.0])
    report = operate(problem, scenarios, [30])
    assert report.hours == pytest.approx(8760)
    row = report.sites.iloc[0]
    assert row.available_mwh == pytest.approx(0.5 * 8760 * 30 * 0.2 * feeder.phase_mva)
    assert 0 < row.produced_mwh < row.available_mwh
    assert row.curtailed_hours == pytest.approx(4380)
    assert row.curtailed_mwh == pytest.approx(row.available_mwh - row.produced_mwh)
    # The loss is least where some phases sit at the limit or where more sun no longer helps.
    binding = report.binding
    assert set(binding["limit"]) <= {"v_max"}
    assert (binding["worst"] <= 1.004 + 1e-6).all()
    lit = report.sites["produced_mwh"].iloc[0] / 4380 / feeder.phase_mva
    p, q = feeder.injection()
    p, q = 0.1 * p, 0.1 * q
    # By how much all three phases may inject alike before the first reaches its limit.
    rise = model.sensitivity(feeder.node_of[1].tolist()).sum(axis=1)
    room = (1.004**2 - model.voltages(p, q))[feeder.node_of[1]] / rise[feeder.node_of[1]]
    assert lit <= 3 * room.max() + 1e-6


def test_useless_units_are_seen_to_be_curtailed():
    """A known plan of 996 kW on one phase of ieee123, source at 1.03: hardly any of it is used."""
    feeder = with_neutral_regulators(load_feeder("ieee123"))
    scenarios = generate_scenarios(feeder.n_bus, 96, seed=0)
    shares = []
    for bus in feeder.buses.id[feeder.buses.phases.sum(axis=1) == 1][[0, -1]]:
        problem = PlanningProblem.on_buses(feeder, [bus], v_source=1.03)
        report = operate(problem, scenarios, [166])
        assert report.sites["kw"].iloc[0] == 996
        shares.append(report.sites["curtailed_share"].iloc[0])
        # Nothing but the measure holds the sun back: no limit is needed for that.
        assert report.hours == pytest.approx(8760)
    assert min(shares) > 0.85


@pytest.mark.parametrize("objective", ["voltage", "loss"])
def test_values_of_the_dispatch_are_those_of_the_second_stage(objective):
    feeder = toy_feeder(4)
    rng = np.random.default_rng(5)
    shape = (6, 4)
    scenarios = ScenarioSet(
        np.full(6, 1 / 6), rng.uniform(0.2, 1.2, shape), rng.uniform(0, 1, shape)
    )
    problem = PlanningProblem(feeder, measure=objective, unit_kw=40.0, v_max=1.01)
    units = np.array([3, 0, 2])
    report = operate(problem, scenarios, units)
    assert report.sites["bus"].tolist() == ["b1", "b3"]
    assert (report.sites["produced_mwh"] <= report.sites["available_mwh"] + 1e-9).all()
    assert len(report.violations) == 0
    # Fewer units than are ever used change the value, units beyond do not.
    used = np.ceil(report.sites["units"] * (1 - report.sites["curtailed_share"]))
    assert (used > 0).all()


def test_an_overloaded_transformer_is_named():
    """At full load the ratings of ieee13 are passed: a transformer at 116 %, as its data say."""
    feeder = with_neutral_regulators(load_feeder("ieee13"))
    problem = PlanningProblem(feeder, measure="loss")
    report = operate(
        problem, constant(feeder.n_bus, [0.5, 1.0], [0.0, 0.0]), np.zeros(problem.n_site)
    )
    assert report.hours == pytest.approx(4380)
    worst = report.violations.sort_values("value").iloc[-1]
    assert worst.component == "branch"
    assert worst.limit == "ampacity"
    kind = feeder.branches.kind[feeder.branches.id == worst.id][0]
    assert kind == "transformer"
    assert worst.value == pytest.approx(1.16, abs=0.02)
    assert worst.hours == pytest.approx(4380)
    lines = describe_violations(report.violations)
    assert str(worst.id) in lines[0]
    assert "loading 116 %" in lines[0]
    assert report.summary().count("\n") >= 1


def test_the_answer_says_what_it_does_and_what_stops_it():
    feeder = with_neutral_regulators(load_feeder("ieee13"))
    full = constant(feeder.n_bus, [1.0], [0.0])
    stopped = site(PlanningProblem(feeder, measure="loss"), full, method="none")
    assert stopped.status is Status.NOT_FOUND
    assert stopped.operation is None
    assert "loading 116 %" in stopped.overloads[0]
    assert "116 %" in stopped.summary()
    free = PlanningProblem(feeder, measure="voltage", line_limits=False)
    answer = site(free, constant(feeder.n_bus, [0.6, 0.6], [0.0, 0.8]), method="greedy")
    assert answer.placements
    assert answer.operation.sites["bus"].tolist() == [p.bus for p in answer.placements]
    assert "MWh a year" in answer.summary()
    assert json.loads(answer.to_json())["operation"]["sites"][0]["available_mwh"] > 0
