"""A scenario in Pyomo against both engines, and its first stage against the checker."""

from __future__ import annotations

import numpy as np
import pytest

from pygridjl.experiments.siting.stage_timing import rebuilt_value
from pygridjl.grid import load_feeder
from pygridjl.scenarios.generate import generate_scenarios
from pygridjl.siting.first_stage.random import random_units
from pygridjl.siting.methods.pyomo_model import scenario_model
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.second_stage import build_second_stage
from pygridjl.siting.second_stage.operation import Operation
from pygridjl.siting.second_stage.program import OperationProgram

NOON = 12


def ieee13(**options):
    feeder = load_feeder("ieee13")
    wide = feeder.replace(branches=feeder.branches.replace(rating=2 * feeder.branches.rating))
    problem = PlanningProblem(wide, unit_kw=12.0, unit_cost=750.0, **options)
    scenarios = generate_scenarios(feeder.n_bus, 24)
    operation = Operation(problem, scenarios)
    return problem, scenarios, operation, OperationProgram(operation)


@pytest.mark.parametrize("engine", ["condensed", "full"])
def test_fixed_units_give_the_value_of_the_engines(engine):
    problem, scenarios, operation, program = ieee13(v_source=1.01)
    stage = build_second_stage(problem, scenarios, engine)
    rng = np.random.default_rng(3)
    for scenario in (0, NOON, 18):
        units = random_units(problem, rng)
        expected = stage.evaluate_scenarios(units, [scenario]).value[0]
        assert rebuilt_value(operation, program, scenario, units) == pytest.approx(
            expected, rel=1e-6
        )


def test_free_units_keep_the_first_stage():
    import pyomo.environ as pyo

    problem, _, operation, program = ieee13(v_source=0.97, max_sites=2, min_units=30, budget=400.0)
    model = scenario_model(operation, program, NOON)
    pyo.SolverFactory("appsi_highs").solve(model)
    units = np.array([round(pyo.value(model.n[k])) for k in range(problem.n_site)])
    used = units[units > 0]
    assert 1 <= used.size <= 2
    assert used.min() >= 30
    assert units.sum() <= problem.budget_units
    # The only scenario decides for itself: no worse than the feeder as it is.
    without = rebuilt_value(operation, program, NOON, np.zeros(problem.n_site, dtype=np.int64))
    assert pyo.value(model.value) < without
