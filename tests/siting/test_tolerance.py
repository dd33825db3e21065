from __future__ import annotations

import numpy as np
import pytest
from siting_toys import QuadraticStage, best_value, toy_problem, toy_scenarios

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.result import Status
from pygridjl.grid import load_feeder
from pygridjl.scenarios.generate import generate_scenarios
from pygridjl.siting.methods.benders import benders
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.registry import BendersOptions, ExtensiveOptions
from pygridjl.siting.solve import site
from pygridjl.siting.tolerance import Tolerance


class OnTopOfMuch(QuadraticStage):
    """A quadratic stage of which units can only change a small part."""

    much = 1e6

    def value_and_gradient(self, n, k):
        value, gradient = super().value_and_gradient(n, k)
        return value + self.much, gradient


def test_doing_nothing_is_not_optimal_where_little_of_the_value_can_change():
    problem = toy_problem(3)
    stage = OnTopOfMuch(problem, toy_scenarios(5, 4))
    best, no_dg = best_value(stage), stage.scenarios.probability @ stage.evaluate([0, 0, 0]).value
    assert (no_dg - best) / no_dg < 1e-4  # a relative gap of 0.1 % is reached by doing nothing
    result = benders(problem, stage.scenarios, stage)
    assert result.status is Status.OPTIMAL
    assert (result.objective - best) / (no_dg - best) <= 0.01
    assert result.improvement_gap <= 0.01
    assert result.improvement_gap == pytest.approx(1 - result.improvement_captured)
    assert "% open at most" in result.summary()


@pytest.mark.parametrize("share", [0.01, 0.2])
def test_both_proofs_stop_at_the_share_asked_for(share):
    feeder = load_feeder("ieee13")
    problem = PlanningProblem(feeder, max_sites=2, v_source=0.97, line_limits=False)
    scenarios = generate_scenarios(feeder.n_bus, 24)
    whole = site(problem, scenarios, method="benders", gap=1e-6)
    assert whole.status is Status.OPTIMAL
    for method in ("benders", "extensive"):
        found = site(problem, scenarios, method=method, options={"improvement_gap": share})
        assert found.status is Status.OPTIMAL
        assert found.bound <= whole.objective * (1 + 1e-9)
        reached = (found.objective - found.bound) / (found.no_dg - found.bound)
        assert reached <= share + 1e-6


def test_the_tolerance_is_the_bound_it_allows():
    # 100 without units, incumbent 60: a bound of 50 leaves 10 of 50 open.
    assert Tolerance(0.2, None).allowed(60.0, 100.0) == pytest.approx(10.0)
    assert Tolerance(None, 0.1).allowed(60.0, 100.0) == pytest.approx(6.0)
    assert Tolerance(0.2, 0.1).allowed(60.0, 100.0) == pytest.approx(6.0)
    # Without a value without units there is no improvement to count.
    assert Tolerance(0.2, None).allowed(60.0, np.inf) == pytest.approx(0.06)
    assert Tolerance(0.2, None).allowed(np.inf, 100.0) == 0.0


def test_gaps_are_the_default_only_where_none_is_given():
    assert BendersOptions().tolerance == Tolerance(0.01, None)
    assert BendersOptions(gap=0.1).tolerance == Tolerance(None, 0.1)
    assert BendersOptions(gap=0.1, improvement_gap=0.3).tolerance == Tolerance(0.3, 0.1)
    for wrong in (0.0, 0.6, -0.1):
        with pytest.raises(InvalidOptionError, match="improvement_gap"):
            BendersOptions(improvement_gap=wrong)
    with pytest.raises(InvalidOptionError, match="not by both"):
        site(toy_problem(), 24, method="extensive", gap=0.1, options={"improvement_gap": 0.1})
    assert ExtensiveOptions().tolerance.improvement_gap == 0.01
