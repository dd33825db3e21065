from __future__ import annotations

import pickle

import numpy as np
import pytest
from siting_toys import QuadraticStage, toy_feeder, toy_problem, toy_scenarios

from pygridjl.core.errors import InvalidPlanningError, InvalidScenariosError, SolverError
from pygridjl.core.result import Status, Stopwatch
from pygridjl.siting.candidates import candidate_sites
from pygridjl.siting.check import (
    assert_valid_planning,
    assert_valid_scenarios_for,
    check_units,
    validate_planning,
)
from pygridjl.siting.conclude import siting_result
from pygridjl.siting.first_stage.random import random_units
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.result import improvement_captured
from pygridjl.siting.second_stage.protocol import ScenarioStatus, SecondStageBatch, expected_value


def fields(findings):
    return {(f.component, f.ids, f.field) for f in findings}


def test_defaults_reproduce_the_published_sizes():
    problem = PlanningProblem(toy_feeder(4))
    # 1500 k$ in units of 6 kW at 1500 $/kW: the 166 units the paper's model sizes contain.
    assert problem.max_units == 166
    assert problem.budget_units == 166
    assert problem.unit_prices == pytest.approx(9.0)
    assert problem.site_ids == ("b1", "b2", "b3")
    assert problem.site_letters == ("abc",) * 3
    assert validate_planning(problem) == ()


def test_candidates_are_all_buses_but_the_source():
    np.testing.assert_array_equal(candidate_sites(toy_feeder(4)), [1, 2, 3])


def test_a_budget_of_exactly_k_units_buys_k_units():
    for k in (1, 3, 7, 49):
        problem = PlanningProblem(toy_feeder(), unit_kw=0.1, unit_cost=1000.0, budget=0.1 * k)
        assert problem.budget_units == k


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"budget": 8.9}, "budget"),
        ({"budget": float("nan")}, "budget"),
        ({"unit_kw": 0.0}, "unit_kw"),
        ({"unit_kw": 1e-320}, "unit_kw"),
        ({"unit_cost": -1.0}, "unit_cost"),
        ({"max_units": 0}, "max_units"),
        ({"min_units": 5}, "min_units"),
        ({"min_sites": 3}, "min_sites"),
        ({"min_sites": 9, "max_sites": None}, "min_sites"),
        ({"min_sites": 2, "min_units": 4}, "min_sites"),
        ({"v_source": float("inf")}, "v_source"),
        ({"v_ref": 0.0}, "v_ref"),
        ({"power_factor_angle": 1.6}, "power_factor_angle"),
        ({"measure": "cost"}, "measure"),
    ],
)
def test_every_bad_field_is_named(options, field):
    findings = validate_planning(toy_problem(**options))
    assert field in {f.field for f in findings}


def test_voltage_bands_that_cannot_hold_name_the_buses():
    problem = toy_problem(v_min=1.05, v_max=0.95)
    assert fields(validate_planning(problem)) == {
        ("bus", tuple(f"b{k}" for k in range(5)), "v_min")
    }
    problem = toy_problem(v_source=1.2, v_max=1.1)
    assert fields(validate_planning(problem)) == {("bus", ("b0",), "v_source")}


def test_a_site_on_a_missing_phase_is_named():
    phases = np.ones((4, 3), dtype=bool)
    phases[3] = [True, False, True]
    feeder = toy_feeder(4, phases)
    problem = PlanningProblem.on_buses(feeder, ["b2", "b3"], phases=["ab", "ab"])
    findings = validate_planning(problem)
    assert [str(f) for f in findings] == ["site b3 phases: the bus has no phase b"]
    with pytest.raises(InvalidPlanningError, match="b3 phases") as caught:
        assert_valid_planning(problem)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert str(copy) == str(caught.value)
    assert copy.findings == findings


def test_sites_must_exist_and_be_named_once():
    feeder = toy_feeder(4)
    with pytest.raises(InvalidPlanningError, match="b9"):
        PlanningProblem.on_buses(feeder, ["b1", "b9"])
    with pytest.raises(InvalidPlanningError, match="letters"):
        PlanningProblem.on_buses(feeder, ["b1"], phases=["x"])
    with pytest.raises(InvalidPlanningError, match="position"):
        PlanningProblem(feeder, [7])
    repeated = PlanningProblem.on_buses(feeder, ["b1", "b1"])
    assert fields(validate_planning(repeated)) == {("site", ("b1",), "bus")}
    assert fields(validate_planning(PlanningProblem(feeder, []))) == {("planning", (), "sites")}


@pytest.mark.parametrize(
    ("units", "broken"),
    [
        ([1, 0, 0, 2], set()),
        ([1, 1, 1, 0], {"max_sites"}),
        ([4, 2, 0, 0], {"budget"}),
        ([5, 0, 0, 0], {"units"}),
        ([-1, 0, 0, 0], {"units"}),
        ([0.5, 0, 0, 0], {"units"}),
        ([0, 0, 0], {"units"}),
    ],
)
def test_the_checker_finds_broken_constraints(units, broken):
    assert {f.field for f in check_units(toy_problem(), units)} == broken


def test_random_decisions_keep_the_first_stage_and_spend_the_budget():
    rng = np.random.default_rng(0)
    problem = toy_problem(min_units=2, min_sites=1)
    totals = set()
    for _ in range(50):
        units = random_units(problem, rng)
        assert check_units(problem, units) == ()
        totals.add(int(units.sum()))
    assert totals == {4, 5}


def test_scenarios_for_another_feeder_are_refused():
    problem = toy_problem()
    with pytest.raises(InvalidScenariosError, match="for 4 buses, the feeder has 5"):
        assert_valid_scenarios_for(problem, toy_scenarios(3, 4))


def test_expected_value_separates_infeasible_from_failed():
    scenarios = toy_scenarios(3, 5)
    value = np.array([1.0, np.nan, 3.0])
    gradient = np.array([[-1.0], [np.nan], [-3.0]])
    status = np.array([0, ScenarioStatus.INFEASIBLE, 0])
    batch = SecondStageBatch(np.arange(3), value, gradient, status)
    found = expected_value(scenarios, batch)
    assert found.value == np.inf
    assert found.infeasible == ("1",)
    part = SecondStageBatch(np.array([0, 2]), value[[0, 2]], gradient[[0, 2]], status[[0, 2]])
    p = scenarios.probability[[0, 2]]
    assert expected_value(scenarios, part).value == pytest.approx((p @ [1, 3]) / p.sum())
    failed = SecondStageBatch(
        np.arange(3), value, gradient, 2 * (status > 0), messages={"1": "out of memory"}
    )
    with pytest.raises(SolverError, match="1: out of memory"):
        expected_value(scenarios, failed)


def test_a_claimed_answer_that_breaks_a_constraint_is_not_an_answer():
    problem = toy_problem()
    stage = QuadraticStage(problem, toy_scenarios(3, 5))
    result = siting_result(
        problem, stage, [4, 4, 0, 0], method="wild", watch=Stopwatch(), status=Status.OPTIMAL
    )
    assert result.status is Status.NOT_FOUND
    assert "budget" in result.reason


def test_improvement_captured_counts_from_no_units_to_the_bound():
    assert improvement_captured(10.0, 8.0, 6.0) == pytest.approx(0.5)
    assert improvement_captured(10.0, 8.0, None) is None
    assert improvement_captured(10.0, 10.0, 10.0) is None
