"""Limits that hold in a share of the hours: every decision and every choice of hours tried."""

from __future__ import annotations

import dataclasses
import itertools
import json

import numpy as np
import pytest
from cli_calls import called
from siting_toys import all_decisions, toy_feeder, toy_scenarios

from pygridjl.core.errors import InvalidOptionError, InvalidPlanningError
from pygridjl.core.result import Status
from pygridjl.grid import save_feeder
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.chance import without_limits
from pygridjl.siting.expansion.solve import expansion_plan
from pygridjl.siting.expansion.tree import Stage
from pygridjl.siting.hosting.solve import hosting_capacity
from pygridjl.siting.operating import operate
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.second_stage import build_second_stage
from pygridjl.siting.solve import site

RATING, LOAD = 0.24, 0.3


def overloaded(**options):
    """0.3 p.u. of load a phase behind a rating of 0.24, and units of 60 kW beside it."""
    feeder = toy_feeder(2)
    loads = feeder.loads.replace(p=np.full((1, 3), LOAD), q=np.zeros((1, 3)))
    branches = feeder.branches.replace(rating=np.full((1, 3), RATING))
    free = {"v_min": 0.0, "v_max": np.inf, "unit_kw": 60.0, "unit_cost": 100.0, "max_units": 20}
    settings = {"measure": "import", **free, **options}
    return PlanningProblem(feeder.replace(loads=loads, branches=branches), **settings)


def hours(*sun):
    n = len(sun)
    pv = np.repeat(np.array(sun, dtype=float)[:, None], 2, axis=1)
    return ScenarioSet(np.full(n, 1 / n), np.ones((n, 2)), pv)


def test_hours_that_nothing_helps_give_up_their_limits_by_hand():
    # A night that no unit helps, and two days.
    scenarios = hours(0.0, 1.0, 0.5)
    result = site(overloaded(limit_share=2 / 3), scenarios, method="extensive", gap=1e-6)
    assert result.status is Status.OPTIMAL
    # 20 units: 900 kW at night, none at noon, 300 kW in the third.
    assert result.objective == pytest.approx((900 + 0 + 300) / 3)
    # Without units all three hours are overloaded, one more than may be.
    assert result.no_dg is None
    assert result.operation.given_up_hours == pytest.approx(2920)
    passed = result.operation.violations
    assert passed["scenario"].unique().tolist() == ["0"]
    assert passed["value"].to_numpy() == pytest.approx([LOAD / RATING] * 3)
    assert "limits given up  in 2920 h a year" in result.summary()
    assert "branch l0, phase a: loading 125 % in 2920 h a year" in result.summary()
    # With no hour to spare nothing is feasible; with all but none the feeder runs as it is.
    for share, status in ((0.7, Status.INFEASIBLE), (1.0, Status.INFEASIBLE)):
        answer = site(overloaded(limit_share=share), scenarios, method="extensive")
        assert answer.status is status
    loose = site(overloaded(limit_share=1e-6), hours(0.0, 0.0), method="extensive")
    assert loose.status is Status.INFEASIBLE
    free = site(overloaded(limit_share=0.5), hours(0.0, 1.0), method="extensive", gap=1e-6)
    assert free.objective == pytest.approx(450)


def three_sites(seed, measure, **options):
    """Limits that units pass by day and loads by night; six hours of unequal weight."""
    feeder = toy_feeder(4)
    rating = np.array([0.11, 0.06, 0.035])[:, None] * np.ones(3)
    problem = PlanningProblem(
        feeder.replace(branches=feeder.branches.replace(rating=rating)),
        measure=measure,
        unit_kw=120.0,
        unit_cost=100.0,
        budget=60.0,
        max_units=3,
        max_sites=2,
        site_phases=[[True, False, False], [False, True, True], [True, True, True]],
        v_source=1.0,
        v_min=0.9965,
        v_max=1.0015,
        v_ref=1.003,
        **options,
    )
    return problem, toy_scenarios(6, 4, seed)


def enumerated(problem, scenarios):
    """The best over all decisions and all sets of hours that may give up their limits."""
    p, room = scenarios.probability, 1 - problem.limit_share + 1e-9
    kept = build_second_stage(problem, scenarios, "full")
    free = build_second_stage(without_limits(problem), scenarios, "full")
    sets = [np.array(chosen) for chosen in itertools.product([False, True], repeat=p.size)]
    sets = [chosen for chosen in sets if p[chosen].sum() <= room]
    best = np.inf
    for units in all_decisions(problem):
        hard = kept.evaluate(units)
        hard = np.where(hard.optimal, hard.value, np.inf)
        loose = free.evaluate(units).value
        assert (loose <= hard + 1e-9).all()
        best = min(best, *(float(p @ np.where(chosen, loose, hard)) for chosen in sets))
    return best


@pytest.mark.parametrize("measure", ["voltage", "import", "energy-cost", "voltage=50,unbalance=1"])
@pytest.mark.parametrize("share", [0.85, 0.6])
def test_the_answer_is_the_best_of_all_decisions_and_hours(measure, share):
    prices = {}
    if measure == "energy-cost":
        prices = {"import_price": 60.0, "export_price": 50.0}
    if measure == "import":
        prices = {"reactive": "free", "power_factor_angle": 0.5}
    told = set()
    for seed in range(6):
        problem, scenarios = three_sites(seed, measure, limit_share=share, **prices)
        best = enumerated(problem, scenarios)
        answer = site(problem, scenarios, method="extensive", gap=1e-6)
        if not np.isfinite(best):
            assert answer.status is Status.INFEASIBLE
            told.add("none")
            continue
        assert answer.status is Status.OPTIMAL
        assert answer.objective == pytest.approx(best, rel=2e-6, abs=1e-7)
        assert answer.bound <= best + 2e-6 * abs(best)
        lost = answer.operation.given_up_hours
        assert lost <= 8760 * (1 - share) + 1e-5
        told.add("given up" if lost else "kept")
        # Fewer hours with limits are never worse.
        strict = site(
            dataclasses.replace(problem, limit_share=1.0), scenarios, method="extensive", gap=1e-6
        )
        if strict.has_answer:
            assert answer.objective <= strict.objective + 2e-6 * abs(strict.objective)
    assert "given up" in told


def test_the_report_operates_a_decision_as_it_was_valued():
    problem, scenarios = three_sites(1, "voltage", limit_share=0.6)
    answer = site(problem, scenarios, method="extensive", gap=1e-6)
    report = operate(problem, scenarios, answer.units)
    assert report.measures["voltage"] == pytest.approx(answer.objective, rel=1e-5)
    p = dict(zip(scenarios.id.tolist(), scenarios.probability, strict=True))
    passed = report.violations["scenario"].unique().tolist()
    assert 0 < sum(p[name] for name in passed) <= 0.4 + 1e-9
    assert report.hours == pytest.approx(8760)


@pytest.mark.parametrize("method", ["spar", "benders", "hedging", "greedy", "random", "none"])
def test_methods_that_keep_limits_in_every_hour_refuse(method):
    problem = overloaded(limit_share=0.9)
    with pytest.raises(InvalidOptionError, match=f"limit_share: '{method}' keeps limits in every"):
        site(problem, hours(1.0), method=method)


def test_what_has_no_meaning_is_refused():
    for options, text in (
        ({"limit_share": 0.0}, "limit_share: must be above 0 and at most 1, is 0"),
        ({"limit_share": np.nan}, "limit_share: must be above 0"),
        ({"limit_share": 1.5}, "limit_share: must be above 0 and at most 1, is 1.5"),
        ({"limit_share": 0.9, "slack_price": 1.0}, "no meaning where slack_price lets limits be"),
    ):
        with pytest.raises(InvalidPlanningError, match=text):
            site(overloaded(**options), hours(1.0), method="extensive")
    problem, scenarios = overloaded(limit_share=0.9), hours(1.0)
    with pytest.raises(InvalidOptionError, match="has its own share"):
        hosting_capacity(problem, scenarios)
    with pytest.raises(InvalidOptionError, match="'expansion_plan' keeps limits"):
        expansion_plan(problem, scenarios, [Stage("now", budget=100.0)])
    with pytest.raises(InvalidOptionError, match="cvar_share"):
        site(dataclasses.replace(problem, cvar_share=0.5), scenarios, method="extensive")
    with pytest.raises(InvalidOptionError, match="quadratic"):
        site(dataclasses.replace(problem, measure="loss"), scenarios, method="extensive")


def test_the_command_gives_up_limits_where_asked(tmp_path):
    feeder = overloaded().feeder
    branches = feeder.branches.replace(rating=np.full((1, 3), RATING / 2))
    save_feeder(feeder.replace(branches=branches), tmp_path / "toy")
    common = ["site", "toy", "--scenarios", "24", "--measure", "import", "--unit-kw", "60"]
    common += ["--unit-cost", "100", "--v-min", "0", "--v-max", "inf", "--method", "extensive"]
    code, out, _, _ = called([*common, "--json"], tmp_path)
    assert code == 1
    assert json.loads(out)["status"] == "infeasible"
    code, out, err, _ = called([*common, "--limit-share", "0.1", "--json"], tmp_path)
    assert code == 0, err
    answer = json.loads(out)
    assert answer["status"] == "optimal"
    assert 0 < answer["operation"]["given_up_hours"] <= 0.9 * 8760
    code, _, err, _ = called([*common[:-1], "benders", "--limit-share", "0.1"], tmp_path)
    assert code == 2
    assert "use method 'extensive'" in err
