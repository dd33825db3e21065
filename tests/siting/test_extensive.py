from __future__ import annotations

import numpy as np
import pytest
from siting_toys import toy_feeder

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.result import Status
from pygridjl.grid import load_feeder
from pygridjl.scenarios.generate import generate_scenarios
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.methods.benders import benders
from pygridjl.siting.methods.extensive import extensive
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.registry import BendersOptions, ExtensiveOptions
from pygridjl.siting.second_stage import build_second_stage


@pytest.mark.parametrize("options", [{}, {"max_sites": 2}, {"min_units": 20, "max_sites": 4}])
def test_extensive_form_and_benders_prove_the_same_optimum(options):
    feeder = load_feeder("ieee13")
    wide = feeder.replace(branches=feeder.branches.replace(rating=2 * feeder.branches.rating))
    problem = PlanningProblem(wide, v_source=0.97, **options)
    scenarios = generate_scenarios(feeder.n_bus, 24)
    stage = build_second_stage(problem, scenarios, "condensed")
    lines = []
    whole = extensive(
        problem, scenarios, stage, ExtensiveOptions(gap=1e-6), on_progress=lines.append
    )
    parts = benders(problem, scenarios, stage, BendersOptions(gap=1e-6))
    assert whole.status is parts.status is Status.OPTIMAL
    assert whole.objective == pytest.approx(parts.objective, rel=2e-6)
    assert parts.bound <= whole.objective * (1 + 1e-8)
    assert whole.bound <= parts.objective * (1 + 1e-8)
    assert "rows" in lines[0]


def test_infeasible_and_loss_are_told():
    feeder = toy_feeder(3)
    tight = feeder.replace(branches=feeder.branches.replace(rating=[0.05, 0.05]))
    scenarios = ScenarioSet(np.ones(1), np.ones((1, 3)), np.zeros((1, 3)))
    problem = PlanningProblem(tight)
    stage = build_second_stage(problem, scenarios, "condensed")
    result = extensive(problem, scenarios, stage)
    assert result.status is Status.INFEASIBLE
    assert result.objective is None
    loss = PlanningProblem(feeder, measure="loss")
    with pytest.raises(InvalidOptionError, match="quadratic"):
        extensive(loss, scenarios, build_second_stage(loss, scenarios, "condensed"))


def test_a_program_that_time_is_too_short_for_is_not_begun(monkeypatch):
    feeder = load_feeder("ieee13")
    problem = PlanningProblem(feeder, v_source=0.97)
    scenarios = generate_scenarios(feeder.n_bus, 24)
    stage = build_second_stage(problem, scenarios, "condensed")
    monkeypatch.setattr("pygridjl.siting.methods.extensive.SECONDS_A_ROW", 1.0)
    result = extensive(problem, scenarios, stage, time_limit=30.0)
    assert result.status is Status.NOT_FOUND
    assert result.reason.startswith("not begun: ")
    assert result.bound is None
    assert extensive(problem, scenarios, stage).status is not Status.NOT_FOUND
