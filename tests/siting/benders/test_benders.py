from __future__ import annotations

import numpy as np
import pytest
from hypothesis import Phase, given, settings, strategies as st
from siting_toys import (
    DemandingStage,
    QuadraticStage,
    SeparableStage,
    best_value,
    toy_problem,
    toy_scenarios,
)

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.jit import kernels_run
from pygridjl.core.result import Status
from pygridjl.grid import load_feeder
from pygridjl.scenarios.generate import generate_scenarios
from pygridjl.siting.check import check_units
from pygridjl.siting.first_stage.random import random_units
from pygridjl.siting.methods.benders import benders
from pygridjl.siting.methods.benders.master import Master
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.registry import BendersOptions
from pygridjl.siting.second_stage import build_second_stage
from pygridjl.siting.second_stage.protocol import expected_value
from pygridjl.siting.solve import site

# A failing run is slow to shrink and says enough as it is.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)

first_stages = st.fixed_dictionaries(
    {
        "max_sites": st.sampled_from([None, 1, 2, 3]),
        "min_sites": st.sampled_from([0, 1]),
        "min_units": st.sampled_from([1, 2]),
        "budget": st.sampled_from([18.0, 45.0, 100.0]),
    }
)


@settings(max_examples=30, deadline=None, phases=PHASES)
@given(
    st.integers(0, 10**6), st.sampled_from([QuadraticStage, SeparableStage]), first_stages,
    st.booleans(),
)  # fmt: skip
def test_proves_the_best_of_all_decisions(seed, kind, first_stage, multi_cut):
    problem = toy_problem(3, **first_stage)
    stage = kind(problem, toy_scenarios(4, 4, seed), seed)
    result = benders(problem, stage.scenarios, stage, BendersOptions(multi_cut=multi_cut, gap=1e-6))
    best = best_value(stage)
    assert result.status is Status.OPTIMAL
    assert result.objective == pytest.approx(best, rel=1.1e-6, abs=1e-6)
    assert result.bound <= best * (1 + 1e-9) + 1e-7
    assert not check_units(problem, result.units)


@settings(max_examples=15, deadline=None, phases=PHASES)
@given(st.integers(0, 10**6), st.lists(st.integers(0, 5), min_size=4, max_size=4), st.booleans())
def test_scenarios_that_need_units_get_them_or_a_proof(seed, need, multi_cut):
    problem = toy_problem(3, max_sites=2)
    stage = DemandingStage(problem, toy_scenarios(4, 4, seed), need, seed)
    result = benders(problem, stage.scenarios, stage, BendersOptions(multi_cut=multi_cut, gap=1e-6))
    best = best_value(stage)
    assert np.isfinite(best)
    assert result.status is Status.OPTIMAL
    assert result.objective == pytest.approx(best, rel=1.1e-6, abs=1e-6)


def test_no_decision_at_all_is_proven():
    problem = toy_problem(3, max_sites=2)
    stage = DemandingStage(problem, toy_scenarios(4, 4), [0, 9, 0, 0])
    result = benders(problem, stage.scenarios, stage)
    assert result.status is Status.INFEASIBLE
    assert result.infeasible == ("1",)
    assert result.objective is None
    assert result.bound is None


def test_planes_stay_below_the_expectation():
    problem = toy_problem(3)
    stage = QuadraticStage(problem, toy_scenarios(6, 4))
    rng = np.random.default_rng(0)
    for groups in (np.zeros(6, dtype=int), np.arange(6), np.arange(6) // 2):
        master = Master(problem, stage.scenarios, groups)
        for _ in range(5):
            units = random_units(problem, rng).astype(float)
            batch = stage.evaluate(units)
            master.add_planes(units, batch)
            value = expected_value(stage.scenarios, batch).value
            assert master.below(units) == pytest.approx(value)
            other = rng.uniform(0, 4, 3)
            above = expected_value(stage.scenarios, stage.evaluate(other)).value
            assert master.below(other) <= above + 1e-9


def ieee123_problem(**options):
    feeder = load_feeder("ieee123")
    branch = feeder.branches
    neutral = branch.replace(ratio=np.ones_like(branch.ratio), rating=1.5 * branch.rating)
    settings = {"v_source": 1.0, "max_sites": 5, **options}
    return PlanningProblem(feeder.replace(branches=neutral), **settings)


@pytest.mark.parametrize(
    ("objective", "gap"), [("voltage", 1e-3), ("loss", 1e-2)], ids=["voltage", "loss"]
)
def test_bound_and_value_on_the_123_bus_feeder(objective, gap):
    problem = ieee123_problem(measure=objective, max_sites=10)
    scenarios = generate_scenarios(problem.feeder.n_bus, 24)
    lines = []
    stage = build_second_stage(problem, scenarios, "condensed")
    result = benders(problem, scenarios, stage, BendersOptions(gap=gap), on_progress=lines.append)
    assert result.status is Status.OPTIMAL
    assert 0 <= result.gap <= gap
    assert result.improvement_captured > 0.9
    assert len(lines) == result.iterations
    # The other engine, which shares no solver with this one, sees the same value ...
    full = expected_value(
        scenarios, build_second_stage(problem, scenarios, "full").evaluate(result.units)
    )
    assert full.value == pytest.approx(result.objective, rel=1e-6)
    # ... and no decision we can think of beats the bound.
    rng = np.random.default_rng(0)
    for _ in range(20):
        other = expected_value(scenarios, stage.evaluate(random_units(problem, rng)))
        assert other.value >= result.bound


def test_same_call_same_bytes():
    problem = ieee123_problem()
    scenarios = generate_scenarios(problem.feeder.n_bus, 24)
    stage = build_second_stage(problem, scenarios, "condensed")
    tight = BendersOptions(gap=1e-3)
    # Which form a kernel runs in depends on the clock; the last digit depends on the form.
    with kernels_run("compiled"):
        first, second = (benders(problem, scenarios, stage, tight) for _ in range(2))
    assert first.units.tobytes() == second.units.tobytes()
    assert first.bound == second.bound
    assert first.objective == second.objective


def test_the_clock_leaves_a_valid_bound():
    problem = ieee123_problem(measure="loss", unit_kw=12.0)
    scenarios = generate_scenarios(problem.feeder.n_bus, 24)
    result = site(problem, scenarios, method="benders", gap=1e-6, time_limit=1.5)
    assert result.status is Status.TIME_LIMIT
    assert result.bound <= result.objective


def test_a_bad_gap_is_refused():
    problem = toy_problem(3)
    stage = QuadraticStage(problem, toy_scenarios(4, 4))
    for gap in (0.0, 1e-7, -1.0, float("nan")):
        with pytest.raises(InvalidOptionError, match="gap"):
            benders(problem, stage.scenarios, stage, BendersOptions(gap=gap))
