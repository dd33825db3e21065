"""Objectives beside voltage and loss: decisions against all of them tried, refusals, files."""

from __future__ import annotations

import dataclasses
import itertools
import json

import numpy as np
import pytest
from cli_calls import called
from siting_toys import all_decisions, toy_feeder, toy_scenarios

from pygridjl.core.errors import (
    InvalidOptionError,
    InvalidPlanningError,
    InvalidScenariosError,
    NetworkFormatError,
)
from pygridjl.core.result import Status
from pygridjl.grid import save_feeder
from pygridjl.scenarios.files import read_scenarios, save_scenarios
from pygridjl.scenarios.generate import generate_scenarios
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.scenarios.profile import HourlyProfile, read_profile, save_profile
from pygridjl.siting.check import assert_valid_scenarios_for, validate_planning
from pygridjl.siting.expansion.solve import expansion_plan
from pygridjl.siting.expansion.tree import Stage
from pygridjl.siting.measures import canonical, parse_measure
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.second_stage import build_second_stage
from pygridjl.siting.solve import site

# 0.3 p.u. a phase at the end of a line of 1 MW a phase.
LOAD = 0.3


def one_line(**options):
    """A load of 900 kW and units of 60 kW at the same bus; nothing limits them."""
    feeder = toy_feeder(2)
    loads = feeder.loads.replace(p=np.full((1, 3), LOAD), q=np.zeros((1, 3)))
    free = {"v_min": 0.0, "v_max": np.inf, "unit_kw": 60.0, "unit_cost": 100.0, "max_units": 30}
    return PlanningProblem(feeder.replace(loads=loads), **{**free, **options})


def hours(load, sun, **prices):
    both = [np.repeat(np.array(x, dtype=float)[:, None], 2, axis=1) for x in (load, sun)]
    n = len(load)
    prices = {name: np.array(values, dtype=float) for name, values in prices.items()}
    return ScenarioSet(np.full(n, 1 / n), *both, prices=prices)


def test_import_and_its_cost_by_hand():
    # Night, dull day, bright day: 900, 900 and 450 kW of load; 10 units make 0, 300, 600 kW.
    scenarios = hours([1.0, 1.0, 0.5], [0.0, 0.5, 1.0], spot=[50.0, 100.0, 80.0])
    options = {"max_units": 10, "min_sites": 1}
    imported = site(one_line(measure="import", **options), scenarios, method="benders", gap=1e-6)
    assert imported.no_dg == pytest.approx((900 + 900 + 450) / 3)
    assert imported.objective == pytest.approx((900 + 600 + 0) / 3)
    assert imported.units.tolist() == [10]
    assert "4380 MWh a year" in imported.summary()
    # Export earns 20 $/MWh: 150 kW of it.
    cost = one_line(measure="energy-cost", import_price="spot", export_price=20.0, **options)
    bought = site(cost, scenarios, method="benders", gap=1e-6)
    assert bought.no_dg == pytest.approx((45 + 90 + 36) / 3)
    assert bought.objective == pytest.approx((45 + 60 - 150 * 20 / 1e3) / 3)
    assert bought.bound <= bought.objective + 1e-9
    assert bought.operation.measures["energy-cost"] == pytest.approx(bought.objective)
    # A negative price of export is avoided by curtailment, and is no reason for fewer units.
    paid = dataclasses.replace(cost, export_price=-20.0)
    away = site(paid, scenarios, method="benders", gap=1e-6)
    assert away.objective == pytest.approx((45 + 60) / 3)
    assert away.operation.sites["curtailed_mwh"][0] == pytest.approx(150 * 8.76 / 3, rel=1e-5)


def test_units_that_only_feed_what_nobody_pays_are_left_out():
    # Eight units of 60 kW cover 450 kW at noon; what more of them make earns nothing.
    scenarios = hours([0.5], [1.0])
    result = site(one_line(measure="import"), scenarios, method="benders", gap=1e-6)
    assert result.objective == pytest.approx(0.0, abs=1e-6)
    assert result.units.tolist() == [8]


def three_sites(measure, seed, **options):
    problem = PlanningProblem(
        toy_feeder(4),
        measure=measure,
        unit_kw=40.0,
        unit_cost=100.0,
        budget=24.0,
        max_units=4,
        max_sites=2,
        site_phases=[[True, False, False], [False, True, True], [True, True, True]],
        v_min=0.0,
        v_max=np.inf,
        **options,
    )
    rng = np.random.default_rng(seed)
    sold = rng.uniform(-10.0, 40.0, 5)
    prices = {"sold": sold, "bought": sold + rng.uniform(0.0, 60.0, 5)}
    return problem, dataclasses.replace(toy_scenarios(5, 4, seed), prices=prices)


MEASURES = [
    ("import", {}),
    ("unbalance", {}),
    ("energy-cost", {"import_price": "bought", "export_price": "sold"}),
    # Exports earn more than imports cost: the objective is below zero.
    ("energy-cost", {"import_price": 90.0, "export_price": 90.0}),
    ("loss=1,voltage=0.2", {}),
    ("voltage=5,energy-cost=0.1,unbalance=2", {"import_price": "bought", "export_price": 0.0}),
]


def enumerated(problem, scenarios):
    """The best value over all decisions."""
    stage = build_second_stage(problem, scenarios, "full")
    return min(
        weighed(problem, scenarios, stage.evaluate(units).value) for units in all_decisions(problem)
    )


def weighed(problem, scenarios, value):
    """Expectation, and with a share of CVaR that as mean over the worst hours one by one."""
    p = scenarios.probability
    mean = float(p @ value)
    if not problem.cvar_share:
        return mean
    left, worst = 1 - problem.cvar_level, 0.0
    for k in np.argsort(-value):
        taken = min(left, p[k])
        worst, left = worst + taken * value[k], left - taken
    return mean + problem.cvar_share * (worst / (1 - problem.cvar_level) - mean)


@pytest.mark.parametrize(("measure", "prices"), MEASURES)
@pytest.mark.parametrize("risk", [{}, {"cvar_share": 0.5, "cvar_level": 0.6}])
def test_benders_finds_the_best_of_all_decisions(measure, prices, risk):
    for seed in range(3):
        problem, scenarios = three_sites(measure, seed, **prices, **risk)
        best = enumerated(problem, scenarios)
        answer = site(problem, scenarios, method="benders", gap=1e-6)
        assert answer.status is Status.OPTIMAL
        assert answer.objective == pytest.approx(best, rel=2e-6)
        assert answer.bound <= best + 1e-6 * abs(best)
        multi = not risk and site(
            problem, scenarios, method="benders", gap=1e-6, options={"multi_cut": True}
        )
        if multi:
            assert multi.objective == pytest.approx(best, rel=2e-6)
            assert multi.bound <= best + 1e-6 * abs(best)


@pytest.mark.parametrize(("measure", "prices"), MEASURES)
def test_other_methods_keep_their_promises(measure, prices):
    problem, scenarios = three_sites(measure, 1, **prices)
    best = enumerated(problem, scenarios)
    if "loss" in measure:
        with pytest.raises(InvalidOptionError, match="mixed-integer quadratic"):
            site(problem, scenarios, method="extensive")
    else:
        whole = site(problem, scenarios, method="extensive", gap=1e-6)
        assert whole.status is Status.OPTIMAL
        assert whole.objective == pytest.approx(best, rel=2e-6)
        assert whole.bound <= best + 1e-6 * abs(best)
    learned = site(problem, scenarios, method="spar", seed=0)
    assert learned.status is Status.FEASIBLE
    assert learned.objective >= best - 1e-6 * abs(best)
    # On three sites and four units SPAR comes near: nine tenths of what is possible.
    assert learned.no_dg - learned.objective >= 0.9 * (learned.no_dg - best)
    for method in ("greedy", "none", "random"):
        other = site(problem, scenarios, method=method)
        assert other.objective >= best - 1e-6 * abs(best)
        assert other.bound is None or other.bound <= best + 1e-6 * abs(best)


def test_the_peer_solves_the_same_extensive_form():
    pytest.importorskip("mpisppy")
    from pygridjl.siting.methods.hedging import extensive_peer

    problem, scenarios = three_sites(
        "voltage=5,energy-cost=0.1", 2, import_price="bought", export_price="sold"
    )
    value, _ = extensive_peer(problem, scenarios)
    assert value == pytest.approx(enumerated(problem, scenarios), rel=1e-5)


def test_unbalance_is_spread_over_the_phases():
    # A load on phase a alone: units there balance it, the same units on b and c do not.
    feeder = toy_feeder(2)
    loads = feeder.loads.replace(p=[[LOAD, 0.0, 0.0]], q=np.zeros((1, 3)))
    feeder = feeder.replace(loads=loads)
    free = {"v_min": 0.0, "v_max": np.inf, "unit_kw": 60.0, "unit_cost": 100.0}
    problem = PlanningProblem(feeder, measure="unbalance", **free)
    result = site(problem, hours([1.0], [1.0]), method="benders", gap=1e-6)
    # Without units U_a is 2 · 0.01 · 0.3 below the others: 2/3 of that below the mean.
    assert result.no_dg == pytest.approx(100 * 0.02 * LOAD * 2 / 3 / 2)
    assert result.objective == pytest.approx(0.0, abs=1e-8)
    assert result.operation.sites["produced_mwh"][0] == pytest.approx(300 * 8.76, rel=1e-4)


@pytest.mark.parametrize("measure", ["energy-cost", "import"])
@pytest.mark.parametrize("risk", [{}, {"cvar_share": 0.7, "cvar_level": 0.5}])
def test_a_plan_over_stages_is_the_best_of_all(measure, risk):
    prices = {"import_price": 80.0, "export_price": 70.0} if measure == "energy-cost" else {}
    problem = PlanningProblem(
        toy_feeder(3), measure=measure, unit_kw=80.0, unit_cost=1000.0, max_units=3,
        v_min=0.0, v_max=np.inf, **prices, **risk,
    )  # fmt: skip
    tree = (Stage("now", 0.3, 160.0), Stage("later", 0.6, 160.0, parent="now", years=3))
    scenarios = toy_scenarios(4, 3, 3)
    states = [np.array(n) for n in itertools.product(range(4), repeat=2)]
    worth = []
    for stage in tree:
        grown = dataclasses.replace(scenarios, load=stage.load * scenarios.load)
        engine = build_second_stage(problem, grown, "full")
        values = [engine.evaluate(n).value for n in states]
        worth.append([weighed(problem, scenarios, value) for value in values])
    best = min(
        0.25 * worth[0][a] + 0.75 * worth[1][b]
        for a, now in enumerate(states)
        for b, then in enumerate(states)
        if (then >= now).all() and 80 * now.sum() <= 160 and 80 * then.sum() <= 320
    )
    plan = expansion_plan(problem, scenarios, tree, gap=1e-6)
    assert plan.status is Status.OPTIMAL
    assert plan.objective == pytest.approx(best, rel=2e-6, abs=1e-8)
    assert plan.bound <= best + 1e-6 * abs(best)
    assert ("CVaR" in plan.summary()) == bool(risk)


def test_a_penalty_above_every_gain_leaves_a_valid_bound():
    problem, scenarios = three_sites("loss", 0, unit_penalty=10.0)
    best = enumerated(problem, scenarios)
    answer = site(problem, scenarios, method="benders", gap=1e-6)
    assert answer.units.sum() == 0
    assert answer.status is Status.OPTIMAL
    assert answer.bound <= best * (1 + 1e-9)


def test_a_sum_is_written_one_way_and_read_exactly():
    assert canonical(" loss = 1 , voltage=0.2") == "voltage=0.2,loss=1"
    assert canonical("import=1.0") == "import"
    weight = 0.1234567890123
    assert parse_measure(canonical(f"loss={weight},import=3")) == {"loss": weight, "import": 3.0}


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"measure": "cost"}, "'cost' is none of voltage, loss, loss-printed, import, energy-cost"),
        ({"measure": "loss=x"}, "weight 'x' of 'loss' is no number"),
        ({"measure": "loss=0,voltage=1"}, "weight of 'loss' must be a number above 0"),
        ({"measure": "loss=nan"}, "weight of 'loss' must be a number above 0"),
        ({"measure": "loss,loss=2"}, "'loss' stands twice"),
        ({"measure": "loss,loss-printed"}, "the same loss twice"),
        ({"measure": ""}, "'' is none of"),
        ({"measure": "energy-cost"}, "import_price: is needed by the measure 'energy-cost'"),
        ({"import_price": 3.0}, "import_price: has no effect unless the measure has 'energy-cost'"),
        ({"measure": "energy-cost", "import_price": np.nan}, "import_price: must be a number"),
        ({"measure": "energy-cost", "import_price": 1.0, "export_price": "inf"}, "export_price"),
    ],
)
def test_what_has_no_meaning_is_refused(options, text):
    problem = PlanningProblem(toy_feeder(3), **options)
    with pytest.raises(InvalidPlanningError, match=text):
        site(problem, toy_scenarios(3, 3), method="none")


def test_unbalance_needs_a_bus_with_three_phases():
    feeder = toy_feeder(3, phases=[[True] * 3, [True, True, False], [True, False, False]])
    findings = validate_planning(PlanningProblem(feeder, measure="unbalance"))
    assert [f.field for f in findings] == ["measure"]
    assert "no bus but the source has three phases" in findings[0].message


def test_prices_must_exist_and_forbid_buying_to_sell():
    scenarios = dataclasses.replace(
        toy_scenarios(3, 3), prices={"spot": np.array([10.0, 30.0, -5.0])}
    )
    known = PlanningProblem(toy_feeder(3), measure="energy-cost", import_price="spot")
    with pytest.raises(InvalidPlanningError, match=r"2 import_price: is -5 where .* earns 0 \$"):
        assert_valid_scenarios_for(known, scenarios)
    assert_valid_scenarios_for(dataclasses.replace(known, export_price="spot"), scenarios)
    with pytest.raises(InvalidPlanningError, match="'day' is no price of .* which have spot"):
        assert_valid_scenarios_for(dataclasses.replace(known, import_price="day"), scenarios)
    unknown = dataclasses.replace(scenarios, prices={"spot": np.array([10.0, np.nan, 1.0])})
    with pytest.raises(InvalidScenariosError, match="1 price spot: is not finite"):
        assert_valid_scenarios_for(known, unknown)
    with pytest.raises(ValueError, match=r"price 'spot' has shape \(2,\), expected \(3,\)"):
        dataclasses.replace(scenarios, prices={"spot": np.ones(2)})


def test_prices_go_through_files_and_scenarios(tmp_path):
    day = np.arange(48) % 24
    price = np.where(day < 12, -5.0, 40.0) + np.where(np.arange(48) < 24, 0.0, 10.0)
    profile = HourlyProfile(np.ones(48), (day > 6) * 0.5, prices={"spot": price})
    path = save_profile(profile, tmp_path / "year.csv")
    read = read_profile(path, prices=["spot"])
    np.testing.assert_array_equal(read.prices["spot"], price)
    with pytest.raises(NetworkFormatError, match="column 'tide' is missing"):
        read_profile(path, prices=["tide"])
    with pytest.raises(ValueError, match="'pv' cannot be a price and a profile too"):
        HourlyProfile(np.ones(24), np.ones(24), prices={"pv": np.ones(24)})
    made = generate_scenarios(3, 24, profile=read)
    # Two days make one stratum: their mean, the same at every bus.
    np.testing.assert_allclose(made.prices["spot"], np.where(np.arange(24) < 12, 0.0, 45.0))
    plain = generate_scenarios(3, 24, profile=read_profile(path))
    np.testing.assert_array_equal(made.pv, plain.pv)
    ids = ["a", "b", "c"]
    again = read_scenarios(save_scenarios(made, tmp_path / "set", ids), ids)
    np.testing.assert_array_equal(again.prices["spot"], made.prices["spot"])
    np.testing.assert_array_equal(made.take([3, 20]).prices["spot"], [0.0, 45.0])
    prices = tmp_path / "set" / "prices.csv"
    prices.write_text(prices.read_text().replace("s0h3", "s0h99"))
    with pytest.raises(NetworkFormatError, match=r"prices.csv.*scenario.*differs from load.csv"):
        read_scenarios(tmp_path / "set", ids)
    prices.unlink()
    with pytest.raises(NetworkFormatError, match=r"prices.csv.*is missing"):
        read_scenarios(tmp_path / "set", ids)


def test_the_command_takes_sums_and_prices(tmp_path):
    save_feeder(toy_feeder(3), tmp_path / "toy")
    day = np.arange(24)
    year = HourlyProfile(
        0.5 + 0.5 * (day > 17), np.sin(np.pi * day / 24), prices={"spot": 20.0 + day}
    )
    save_profile(year, tmp_path / "year.csv")
    common = ["site", "toy", "--scenarios", "24", "--unit-kw", "40", "--unit-cost", "200"]
    common += ["--profile", "year.csv", "--method", "benders"]
    priced = [*common, "--measure", "energy-cost", "--import-price", "spot", "--export-price", "5"]
    code, out, err, _ = called([*priced, "--json"], tmp_path)
    assert code == 0, err
    answer = json.loads(out)
    assert answer["status"] == "optimal"
    assert answer["measure"] == "energy-cost"
    assert answer["bound"] <= answer["objective"] + 1e-9
    assert answer["objective"] < answer["no_dg"]
    code, out, _, _ = called([*common, "--measure", "loss=1,voltage=0.2"], tmp_path)
    assert code == 0
    assert "expected sum voltage=0.2,loss=1" in out
    assert "voltage deviation" in out
    for words, text in (
        ([*common, "--measure", "energy-cost"], "import_price: is needed"),
        ([*common, "--import-price", "30"], "import_price: has no effect"),
        ([*common[:-4], "--measure", "energy-cost", "--import-price", "spot"], "no column of a"),
        ([*common, "--measure", "energy-cost", "--import-price", "pv"], "a price and a profile"),
        ([*common, "--measure", "losses"], "'losses' is none of"),
    ):
        code, _, err, _ = called(words, tmp_path)
        assert code == 2
        assert text in err
