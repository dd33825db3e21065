from __future__ import annotations

import numpy as np
import pytest
from siting_toys import QuadraticStage, best_value, toy_problem, toy_scenarios

from pygridjl.core.result import Status
from pygridjl.siting.methods.benders import benders
from pygridjl.siting.methods.benders.sample import SampledStage
from pygridjl.siting.registry import BendersOptions
from pygridjl.siting.second_stage.protocol import expected_value


def test_a_sample_says_what_its_scenarios_say():
    problem = toy_problem(3)
    scenarios = toy_scenarios(30, 4).take(np.arange(30), np.r_[np.zeros(10), np.full(20, 0.05)])
    stage = QuadraticStage(problem, scenarios)
    sample = SampledStage(stage, 12)
    ids = sample.scenarios.id.tolist()
    assert len(set(ids)) == 12
    assert not set(ids) & set(scenarios.id[:10].tolist())
    assert sample.scenarios.probability.sum() == pytest.approx(1)
    where = [scenarios.id.tolist().index(name) for name in ids]
    whole = stage.evaluate([1, 2, 0])
    batch = sample.evaluate([1, 2, 0])
    np.testing.assert_array_equal(batch.value, whole.value[where])
    mean = expected_value(sample.scenarios, batch).value
    assert mean == pytest.approx(whole.value[where].mean())
    two = sample.evaluate_scenarios([1, 2, 0], [7, 3])
    np.testing.assert_array_equal(two.index, [7, 3])
    np.testing.assert_array_equal(two.value, batch.value[[7, 3]])
    assert len(SampledStage(stage, 96).scenarios) == 20


@pytest.mark.parametrize("seed", range(4))
def test_many_scenarios_are_solved_by_way_of_a_sample(seed):
    problem = toy_problem(3, max_sites=2)
    stage = QuadraticStage(problem, toy_scenarios(400, 4, seed), seed)
    lines = []
    result = benders(
        problem, stage.scenarios, stage, BendersOptions(gap=1e-6), on_progress=lines.append
    )
    assert result.status is Status.OPTIMAL
    assert result.objective == pytest.approx(best_value(stage), rel=1.1e-6)
    assert any(line.startswith("sample of 96 scenarios, ") for line in lines)
    again = benders(problem, stage.scenarios, stage, BendersOptions(gap=1e-6))
    assert again.units.tobytes() == result.units.tobytes()
    assert again.bound == result.bound
