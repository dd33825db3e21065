"""The second stage in Julia against the full engine in Python, which shares only the rows."""

from __future__ import annotations

import numpy as np
import pytest

import pygridjl
from pygridjl.core.result import Status
from pygridjl.grid.load import load_feeder
from pygridjl.scenarios.generate import generate_scenarios
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.second_stage import build_second_stage
from pygridjl.siting.second_stage.protocol import ScenarioStatus

pytestmark = pytest.mark.julia


@pytest.mark.parametrize("objective", ["voltage", "loss"])
def test_both_languages_agree_on_value_and_slope(objective):
    feeder = load_feeder("ieee13")
    problem = PlanningProblem(feeder, measure=objective)
    scenarios = generate_scenarios(feeder.n_bus, 24, seed=1)
    julia = build_second_stage(problem, scenarios, "julia")
    python = build_second_stage(problem, scenarios, "full")
    units = np.zeros(problem.n_site)
    units[::3] = 2.0
    ours, theirs = python.evaluate(units), julia.evaluate(units)
    assert ours.optimal.sum() >= 20
    np.testing.assert_array_equal(theirs.status, ours.status)
    np.testing.assert_allclose(theirs.value, ours.value, rtol=1e-6, atol=1e-7)
    condensed = build_second_stage(problem, scenarios, "condensed").evaluate(units)
    np.testing.assert_allclose(theirs.value, condensed.value, rtol=1e-6, atol=1e-7)
    # Slopes of a degenerate optimum may differ, but each supports the value everywhere.
    for other in (np.zeros(problem.n_site), 2 * units, np.ones(problem.n_site)):
        there = python.evaluate(other)
        both = ours.optimal & there.optimal
        assert both.sum() >= 20
        support = theirs.value + theirs.gradient @ (other - units)
        assert (support <= there.value + 1e-5 * (1 + abs(there.value)))[both].all()
    some = julia.evaluate_scenarios(units, [5, 2, 5])
    np.testing.assert_allclose(some.value, ours.value[[5, 2, 5]], rtol=1e-6, atol=1e-7)


def test_the_slope_of_the_loss_is_its_derivative():
    """More PV than any hour has load: the capacities bind in some scenarios and not in others."""
    feeder = load_feeder("ieee34")
    problem = PlanningProblem(feeder, measure="loss")
    scenarios = generate_scenarios(feeder.n_bus, 24, seed=3)
    stage = build_second_stage(problem, scenarios, "julia")
    units = np.full(problem.n_site, 3.0)
    here = stage.evaluate(units)
    assert here.optimal.all()
    assert (here.gradient <= 0).all()
    step = 1e-3
    for site in (0, problem.n_site // 2, problem.n_site - 1):
        up, down = units.copy(), units.copy()
        up[site] += step
        down[site] -= step
        slope = (stage.evaluate(up).value - stage.evaluate(down).value) / (2 * step)
        np.testing.assert_allclose(here.gradient[:, site], slope, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("objective", ["voltage", "loss"])
def test_infeasible_scenarios_leave_cuts_that_prove_it(objective):
    feeder = load_feeder("ieee13")
    # Nothing fits into a band this narrow without units.
    problem = PlanningProblem(feeder, measure=objective, v_min=0.999, v_max=1.001)
    scenarios = generate_scenarios(feeder.n_bus, 24, seed=1)
    julia = build_second_stage(problem, scenarios, "julia")
    python = build_second_stage(problem, scenarios, "full")
    units = np.zeros(problem.n_site)
    ours, theirs = python.evaluate(units), julia.evaluate(units)
    assert (ours.status == ScenarioStatus.INFEASIBLE).any()
    np.testing.assert_array_equal(theirs.status, ours.status)
    assert len(theirs.cuts) == len(ours.cuts)
    for cut in theirs.cuts:
        assert cut.coefficient @ units + cut.constant > 0
        assert (cut.coefficient <= 1e-9).all()


@pytest.mark.parametrize("objective", ["voltage", "loss"])
def test_siting_comes_to_the_same_decision(objective):
    feeder = load_feeder("ieee123")
    ours, theirs = (
        pygridjl.site(
            feeder,
            24,
            objective,
            "benders",
            backend=backend,
            gap=0.01,
            v_source=1.0,
            max_sites=4,
            time_limit=300.0,
        )
        for backend in ("python", "julia")
    )
    assert theirs.engine == "julia"
    assert theirs.status is Status.OPTIMAL
    # Each proves its own answer within the gap, so neither can be better than the other's bound.
    assert theirs.objective >= ours.bound * (1 - 1e-9)
    assert ours.objective >= theirs.bound * (1 - 1e-9)
    assert theirs.no_dg == pytest.approx(ours.no_dg, rel=1e-6)


def test_power_factors_of_sites_reach_julia():
    feeder = load_feeder("ieee13")
    angles = np.resize([-0.4, 0.5, np.nan], len(PlanningProblem(feeder).sites))
    problem = PlanningProblem(
        feeder,
        measure="voltage",
        site_angle=angles,
        power_factor_angle=0.2,
        site_reactive=np.resize(["free", "fixed"], angles.size),
    )
    scenarios = generate_scenarios(feeder.n_bus, 24, seed=1)
    stages = [build_second_stage(problem, scenarios, e) for e in ("julia", "condensed")]
    units = np.resize([2.0, 0.0, 5.0, 1.0], problem.n_site)
    julia, python = (stage.evaluate(units) for stage in stages)
    assert python.optimal.sum() >= 20
    np.testing.assert_allclose(julia.value, python.value, rtol=1e-6, atol=1e-7)
