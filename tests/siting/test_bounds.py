from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
from siting_toys import QuadraticStage, all_decisions, best_value, toy_problem, toy_scenarios

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.result import Stopwatch
from pygridjl.scenarios.model import validate_scenarios
from pygridjl.siting.conclude import siting_result
from pygridjl.siting.methods.baselines import random_siting
from pygridjl.siting.methods.spar import SparOptions, spar
from pygridjl.siting.sample_bounds import (
    confidence_interval,
    sample_scenarios,
    statistical_bounds,
)


class ByScenario(QuadraticStage):
    """A quadratic stage whose demand is read off the scenario, so that samples make sense."""

    def __init__(self, problem, scenarios):
        super().__init__(problem, scenarios)
        self.demand = 1.0 + 5.0 * scenarios.load[:, problem.sites]


def enumerate_all(problem, scenarios, second_stage):
    """Solve a small problem by trying every decision: its value is its own proven bound."""
    watch = Stopwatch()
    p = scenarios.probability
    best = min(all_decisions(problem), key=lambda n: float(p @ second_stage.evaluate(n).value))
    bound = float(p @ second_stage.evaluate(best).value)
    return siting_result(
        problem, second_stage, best, method="all", watch=watch, bound=bound, bound_method="all"
    )


# ------------------------------------------------------------------------------------ intervals
def test_interval_by_hand():
    found = confidence_interval([1.0, 2.0, 3.0], 0.95, "t")
    # Student's quantile with 2 degrees of freedom at 97.5 %, from tables.
    half = 4.302653 * math.sqrt(1.0 / 3.0)
    assert (found.mean, found.n) == (2.0, 3)
    assert found.high - found.mean == pytest.approx(half, rel=1e-6)
    normal = confidence_interval([1.0, 2.0, 3.0], 0.95, "normal")
    assert normal.mean - normal.low == pytest.approx(1.959964 * math.sqrt(1 / 3), rel=1e-6)
    assert confidence_interval([1.0, 2.0, 3.0]) == found


def test_intervals_cover_the_mean_as_often_as_they_say():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(2000):
        found = confidence_interval(rng.normal(5.0, 2.0, 8), 0.9)
        hits += found.low <= 5.0 <= found.high
    assert hits / 2000 == pytest.approx(0.9, abs=0.02)


def test_interval_options_are_checked():
    for arguments in (([1.0],), ([1.0, 2.0], 1.0), ([1.0, 2.0], 0.9, "cauchy")):
        with pytest.raises(InvalidOptionError):
            confidence_interval(*arguments)


# --------------------------------------------------------------------------------------- bounds
def test_samples_are_unbiased_and_sound():
    scenarios = toy_scenarios(10, 3)
    sample = sample_scenarios(scenarios, 40000, 1)
    assert validate_scenarios(sample) == ()
    np.testing.assert_allclose(
        sample.load.mean(axis=0), scenarios.probability @ scenarios.load, atol=0.01
    )


@pytest.fixture
def setting():
    problem = toy_problem(3, max_units=3)
    return problem, toy_scenarios(30, problem.feeder.n_bus)


def test_honest_bounds_enclose_the_optimum(setting):
    problem, scenarios = setting
    best = best_value(ByScenario(problem, scenarios))
    found = statistical_bounds(
        problem,
        scenarios,
        build=ByScenario,
        solve=partial(spar, options=SparOptions(max_iterations=30)),
        prove=enumerate_all,
        batch_size=10,
        n_batch=25,
        seed=0,
    )
    assert found.best_value >= best - 1e-9
    assert found.lower.low <= best
    assert found.upper.high >= best
    for batch in found.batches:
        # What the paper calls the lower bound is above the sample's true one.
        assert batch.sample_bound <= batch.sample_value + 1e-9
        assert batch.full_value >= best - 1e-9
    assert found.printed_lower.mean >= found.lower.mean
    assert found.printed_gap == found.upper.high - found.printed_lower.low
    assert found.gap == found.best_value - found.lower.low


def test_two_processes_give_the_same_batches_as_one(setting):
    problem, scenarios = setting
    ask = partial(
        statistical_bounds,
        problem,
        scenarios,
        build=ByScenario,
        solve=random_siting,
        batch_size=4,
        n_batch=4,
    )
    parallel = ask(n_jobs=2)
    alone = ask(n_jobs=1)
    strip = [(b.seed, b.sample_value, b.full_value, b.units) for b in alone.batches]
    assert strip == [(b.seed, b.sample_value, b.full_value, b.units) for b in parallel.batches]
    assert alone.lower is None
    assert alone.gap is None


@dataclass
class NeedsMore:
    """Builds stages in which one scenario of the full set needs a unit at the last site."""

    def __call__(self, problem, scenarios):
        from siting_toys import DemandingStage

        return DemandingStage(problem, scenarios, np.where(scenarios.id == "0", 99, 0))


def test_decisions_that_fail_on_the_full_set_are_counted(setting):
    problem, scenarios = setting
    with pytest.raises(InvalidOptionError, match="0 of 3 samples"):
        statistical_bounds(
            problem, scenarios, build=NeedsMore(), solve=random_siting, batch_size=1, n_batch=3
        )


def test_bounds_options_are_checked(setting):
    problem, scenarios = setting
    for bad in ({"batch_size": 0}, {"n_batch": 1}):
        with pytest.raises(InvalidOptionError):
            statistical_bounds(problem, scenarios, build=ByScenario, solve=random_siting, **bad)
