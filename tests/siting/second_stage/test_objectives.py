"""Import, cost of energy, unbalance and sums against the model written a second time."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from siting.second_stage.operation_models import Written, small_case
from siting_toys import toy_feeder, toy_scenarios

from pygridjl.core.errors import InvalidOptionError
from pygridjl.grid import load_feeder
from pygridjl.scenarios.generate import generate_scenarios
from pygridjl.siting.operating import operate
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.regulators import with_neutral_regulators
from pygridjl.siting.second_stage import build_second_stage, default_engine
from pygridjl.siting.second_stage.operation import Operation
from pygridjl.siting.second_stage.protocol import ScenarioStatus

seeds = st.integers(0, 2**32 - 1)
SUMS = [
    "import",
    "energy-cost",
    "unbalance",
    "loss=0.5,voltage=20",
    "loss-printed=2,unbalance=3",
    "voltage=3,import=0.02",
    "import=1,loss=1",
    "voltage=4,loss=0.3,import=0.1,energy-cost=0.5,unbalance=2",
]
CONDENSED = [
    "loss=2",
    "loss=0.5,voltage=20",
    "loss-printed=2,voltage=10",
    "import=1,loss=1",
    "voltage=4,loss=0.3,import=0.1,energy-cost=0.5",
]
CASES = [*((measure, "full") for measure in SUMS), *((m, "condensed") for m in CONDENSED)]


def priced_case(rng, measure, tight, priced=False):
    problem, scenarios = small_case(rng, "voltage", tight, priced)
    # Money for any decision.
    settings = {"measure": measure, "budget": 1e9, "max_sites": None}
    if "energy-cost" in measure:
        settings |= {"import_price": "bought", "export_price": "sold"}
        sold = rng.uniform(-20.0, 60.0, len(scenarios))
        prices = {"sold": sold, "bought": sold + rng.uniform(0.0, 80.0, sold.size)}
        # One hour in which both are the same.
        prices["bought"][-1] = sold[-1]
        scenarios = dataclasses.replace(scenarios, prices=prices)
    return dataclasses.replace(problem, **settings), scenarios


@settings(max_examples=60, deadline=None)
@given(seeds, st.sampled_from(CASES), st.booleans(), st.booleans())
def test_the_engines_solve_the_model_as_written(seed, case, tight, priced):
    measure, engine = case
    rng = np.random.default_rng(seed)
    problem, scenarios = priced_case(rng, measure, tight, priced)
    sites = problem.sites != problem.feeder.source_bus
    assert sites.all()
    units = rng.integers(0, 4, problem.n_site) * (rng.random(problem.n_site) < 0.6)
    batch = build_second_stage(problem, scenarios, engine).evaluate(units)
    least = Operation(problem, scenarios).least
    for k in range(len(scenarios)):
        if Written(problem, scenarios, k, units).least_deviation() is None:
            assert batch.status[k] == ScenarioStatus.INFEASIBLE
            continue
        written = Written(problem, scenarios, k, units)
        prices = {name: values[k] for name, values in scenarios.prices.items()}
        expected = written.least_sum(problem, problem.weights, **prices)
        assert batch.status[k] == ScenarioStatus.OPTIMAL
        assert batch.value[k] == pytest.approx(expected, rel=2e-6, abs=1e-6)
        assert batch.value[k] >= least[k] - 1e-9 * max(1.0, abs(least[k]))


@settings(max_examples=60, deadline=None)
@given(seeds, st.sampled_from(CASES), st.booleans())
def test_subgradients_and_cuts_hold_everywhere(seed, case, tight):
    measure, engine = case
    rng = np.random.default_rng(seed)
    problem, scenarios = priced_case(rng, measure, tight)
    stage = build_second_stage(problem, scenarios, engine)
    tried = rng.uniform(0, 4, problem.n_site) * (rng.random(problem.n_site) < 0.5)
    here = stage.evaluate(tried)
    assert (here.gradient[here.optimal] <= 0).all()
    for _ in range(4):
        other = rng.uniform(0, 6, problem.n_site) * (rng.random(problem.n_site) < 0.5)
        there = stage.evaluate(other)
        both = here.optimal & there.optimal
        plane = here.value + here.gradient @ (other - tried)
        slack = 1e-6 * np.maximum(1.0, np.abs(plane[both]))
        assert (there.value[both] >= plane[both] - slack).all()


@pytest.mark.parametrize("measure", SUMS)
def test_what_the_report_measures_adds_up_to_the_objective(measure):
    rng = np.random.default_rng(5)
    problem, scenarios = priced_case(rng, measure, tight=False)
    units = rng.integers(0, 4, problem.n_site)
    value = build_second_stage(problem, scenarios, "full").evaluate(units).value
    report = operate(problem, scenarios, units)
    assert list(report.measures) == list(problem.weights)
    total = sum(weight * report.measures[name] for name, weight in problem.weights.items())
    # The report prefers sun where it costs next to nothing.
    assert total == pytest.approx(scenarios.probability @ value, rel=1e-5)


@pytest.mark.parametrize("engine", ["condensed", "full"])
def test_a_single_measure_of_weight_one_is_that_measure(engine):
    feeder, scenarios = toy_feeder(4), toy_scenarios(5, 4)
    alone, summed = (PlanningProblem(feeder, measure=m) for m in ("loss", "loss=1.0"))
    assert summed.measure == "loss"
    values = [build_second_stage(p, scenarios, engine).evaluate([1, 2, 0]).value
              for p in (alone, summed)]  # fmt: skip
    np.testing.assert_array_equal(*values)


@pytest.mark.parametrize("measure", CONDENSED)
def test_few_columns_answer_most_scenarios_by_themselves(measure):
    feeder = load_feeder("ieee13")
    prices = {"import_price": 60.0, "export_price": 20.0} if "energy" in measure else {}
    problem = PlanningProblem(
        with_neutral_regulators(feeder), measure=measure, unit_kw=60.0, v_source=1.02, **prices
    )
    scenarios = generate_scenarios(feeder.n_bus, 24)
    full, small = (build_second_stage(problem, scenarios, e) for e in ("full", "condensed"))
    rng = np.random.default_rng(3)
    asked = []
    small._full.evaluate_scenarios = lambda n, k: asked.append(k) or full.evaluate_scenarios(n, k)
    for _ in range(3):
        units = rng.integers(0, 6, problem.n_site) * (rng.random(problem.n_site) < 0.4)
        a, b = full.evaluate(units), small.evaluate(units)
        np.testing.assert_allclose(a.value, b.value, rtol=1e-6)
        # Within rounding of a kink subgradients differ; here none is that near.
        np.testing.assert_allclose(a.gradient, b.gradient, atol=1e-4 * np.abs(a.gradient).max())
        again = small.evaluate_scenarios(units, [5, 2, 5])
        np.testing.assert_array_equal(again.value[[0, 2]], again.value[0])
    assert len(asked) <= 8


def test_units_at_many_sites_go_to_the_program_on_all_nodes(monkeypatch):
    rng = np.random.default_rng(4)
    problem, scenarios = priced_case(rng, "voltage=3,loss=1", tight=False)
    few, many = (build_second_stage(problem, scenarios, "condensed") for _ in range(2))
    units = rng.integers(1, 4, problem.n_site)
    expected = few.evaluate(units)
    monkeypatch.setattr("pygridjl.siting.second_stage.summed.MOST_COLUMNS", 0)
    answer = many.evaluate(units)
    np.testing.assert_allclose(answer.value, expected.value, rtol=1e-6)
    assert "_full" in many.__dict__


def test_measures_choose_their_engine_and_others_refuse():
    feeder = toy_feeder(3)
    scenarios = toy_scenarios(3, 3)
    scenarios = dataclasses.replace(scenarios, prices={"spot": np.array([10.0, 20.0, 30.0])})
    for measure in ("loss=1,voltage=2", "loss=2"):
        assert default_engine(PlanningProblem(feeder, measure=measure)) == "condensed"
    for measure in ("import", "voltage=2", "loss=1,unbalance=1"):
        problem = PlanningProblem(feeder, measure=measure)
        assert default_engine(problem) == "full"
        with pytest.raises(
            InvalidOptionError, match="voltage alone, and losses without.*needs 'full'"
        ):
            build_second_stage(problem, scenarios, "condensed")
    hourly = PlanningProblem(feeder, measure="energy-cost", import_price="spot")
    with pytest.raises(InvalidOptionError, match="'julia' keeps one price.*'spot' depends"):
        build_second_stage(hourly, scenarios, "julia")
