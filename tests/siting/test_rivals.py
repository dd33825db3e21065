from __future__ import annotations

import numpy as np
import pytest
from siting_toys import (
    DemandingStage,
    QuadraticStage,
    best_value,
    toy_problem,
    toy_scenarios,
)

from pygridjl.core.result import Status
from pygridjl.siting.check import check_units
from pygridjl.siting.methods.baselines import greedy, no_dg, random_siting


@pytest.fixture
def stage():
    problem = toy_problem()
    return QuadraticStage(problem, toy_scenarios(6, problem.feeder.n_bus))


def answers(function, stage, **options):
    return function(stage.problem, stage.scenarios, stage, **options)


def test_no_units_is_the_reference(stage):
    result = answers(no_dg, stage)
    expected = stage.scenarios.probability @ (0.5 * (stage.demand**2).sum(axis=1))
    assert result.objective == result.no_dg == pytest.approx(expected)
    assert result.placements == ()


def test_random_siting_keeps_the_first_stage(stage):
    values = set()
    for seed in range(5):
        result = answers(random_siting, stage, seed=seed)
        assert check_units(stage.problem, result.units) == ()
        assert best_value(stage) - 1e-9 <= result.objective <= result.no_dg
        values.add(result.objective)
    assert len(values) > 1


def test_greedy_minimises_the_linearisation_and_its_bound_holds(stage):
    result = answers(greedy, stage)
    best = best_value(stage)
    assert result.bound <= best + 1e-9 <= result.objective + 2e-9
    assert result.status is Status.FEASIBLE
    # The steepest site takes all it can, the next one the rest.
    mean = stage.scenarios.probability @ stage.evaluate(np.zeros(4)).gradient
    first, second = np.argsort(mean)[:2]
    assert result.units[first] == 4
    assert result.units[second] == 1


@pytest.mark.parametrize("function", [no_dg, greedy])
def test_a_feeder_that_needs_units_has_no_reference(function):
    problem = toy_problem()
    stage = DemandingStage(problem, toy_scenarios(3, 5), [0, 2, 0])
    result = answers(function, stage)
    assert result.status is Status.NOT_FOUND
    assert result.infeasible == ("1",)
    assert result.objective is None
    assert result.no_dg is None
