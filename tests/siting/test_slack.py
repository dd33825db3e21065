"""Limits that cannot be kept: named with amount and hours, or passed at a price, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from siting_toys import toy_feeder

from pygridjl.core.errors import InvalidOptionError, InvalidPlanningError
from pygridjl.core.result import Status
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.solve import site

# 0.01 p.u. of resistance a phase, without mutual part, and 0.3 p.u. of load at its end.
RATING, LOAD = 0.24, 0.3
LOSS = 3 * 0.01 * LOAD**2 * 1000


def overloaded(rating=RATING, **options):
    feeder = toy_feeder(2)
    loads = feeder.loads.replace(p=np.full((1, 3), LOAD), q=np.zeros((1, 3)))
    branches = feeder.branches.replace(rating=np.full((1, 3), rating))
    settings = {"measure": "loss", "v_min": 0.0, "v_max": np.inf, "max_units": 10, **options}
    return PlanningProblem(feeder.replace(loads=loads, branches=branches), **settings)


def days(*sun):
    n = len(sun)
    pv = np.repeat(np.array(sun, dtype=float)[:, None], 2, axis=1)
    return ScenarioSet(np.full(n, 1 / n), np.ones((n, 2)), pv)


@pytest.mark.parametrize("method", ["benders", "none", "greedy"])
def test_what_cannot_be_kept_is_named_with_amount_and_hours(method):
    result = site(overloaded(), days(1.0, 0.0), method=method)
    assert result.status is (Status.INFEASIBLE if method == "benders" else Status.NOT_FOUND)
    assert result.objective is None
    # Units could help by day; what Benders proves is that nothing helps at night.
    hours = 4380 if method == "benders" else 8760
    assert result.overloads[0] == f"branch l0, phase a: loading 125 % in {hours} h a year"
    assert "slack_price" in result.summary()


@pytest.mark.parametrize("engine", ["full", None])
def test_a_price_lets_limits_be_passed(engine):
    # A quarter beyond the rating on three phases, two units of loss a percent.
    problem = overloaded(slack_price=2.0)
    night = site(problem, days(0.0), method="none", engine=engine)
    assert night.status is Status.FEASIBLE
    assert night.objective == pytest.approx(LOSS + 3 * 25 * 2.0, rel=1e-6)
    assert night.operation.violations["value"].to_numpy() == pytest.approx([1.25] * 3)
    assert night.engine == "full"
    # Ten units of 6 kW leave 0.28 p.u. a phase in the hours with sun.
    day = site(problem, days(1.0, 0.0), method="benders", gap=1e-6, engine=engine)
    sunny = 3 * 0.01 * 0.28**2 * 1000 + 3 * (0.28 / RATING - 1) * 100 * 2.0
    assert day.status is Status.OPTIMAL
    assert day.units.tolist() == [10]
    assert day.objective == pytest.approx((sunny + night.objective) / 2, rel=1e-6)
    assert day.operation.violations["hours"].tolist() == [4380.0] * 6


def test_a_voltage_may_leave_its_band_at_a_price():
    problem = overloaded(rating=np.inf, slack_price=2.0, v_min=0.999, standard_ratings=False)
    result = site(problem, days(0.0), method="none")
    # U = 1 − 2 · 0.01 · 0.3, which V² ≥ 0.999² leaves by 0.0020025 p.u. to first order.
    beyond = (0.999**2 - (1 - 0.02 * LOAD)) / (2 * 0.999)
    assert result.objective == pytest.approx(LOSS + 3 * beyond * 100 * 2.0, rel=1e-6)
    assert result.operation.violations["limit"].tolist() == ["v_min"] * 3


@pytest.mark.parametrize("measure", ["voltage", "loss"])
def test_a_high_price_is_as_good_as_a_limit(measure):
    hard = overloaded(rating=0.31, measure=measure, v_ref=1.02, max_units=166)
    soft = overloaded(rating=0.31, measure=measure, v_ref=1.02, max_units=166, slack_price=1e3)
    scenarios = days(1.0, 0.5, 0.0)
    kept, priced = (site(p, scenarios, method="benders", gap=1e-5) for p in (hard, soft))
    assert kept.status is priced.status is Status.OPTIMAL
    assert priced.objective == pytest.approx(kept.objective, rel=2e-5)


def test_slack_needs_the_full_engine_and_a_positive_price():
    with pytest.raises(InvalidOptionError, match="slack_price needs 'full'"):
        site(overloaded(slack_price=1.0), days(0.0), method="none", engine="condensed")
    with pytest.raises(InvalidPlanningError, match="slack_price"):
        site(overloaded(slack_price=-1.0), days(0.0), method="none")
