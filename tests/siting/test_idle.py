from __future__ import annotations

import numpy as np
import pytest

from pygridjl.core.errors import InvalidPlanningError
from pygridjl.core.result import Status
from pygridjl.grid import load_feeder
from pygridjl.scenarios.generate import generate_scenarios
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.check import check_units
from pygridjl.siting.idle import without_idle_units
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.second_stage.condensed import CondensedSecondStage
from pygridjl.siting.second_stage.protocol import expected_value
from pygridjl.siting.solve import site


@pytest.mark.parametrize("measure", ["voltage", "loss"])
def test_units_that_no_hour_needs_are_left_out(measure):
    feeder = load_feeder("ieee13")
    year = generate_scenarios(feeder.n_bus, 24)
    # Without dawn, which could use any number of units.
    scenarios = ScenarioSet(year.probability, year.load, np.where(year.pv > 0, 0.6, 0.0))
    problem = PlanningProblem.on_buses(
        feeder, ["675"], measure=measure, v_source=1.0, unit_kw=30.0, budget=7500.0
    )
    stage = CondensedSecondStage(problem, scenarios)
    values = [expected_value(scenarios, stage.evaluate([n])).value for n in range(167)]
    best = min(values)
    # Fewest units of the least value, by trying every number of them.
    fewest = next(n for n, v in enumerate(values) if v <= best * (1 + 1e-8))
    full = expected_value(scenarios, stage.evaluate([166]))
    units, found = without_idle_units(stage, stage, np.array([166]), full)
    assert units.tolist() == [fewest]
    assert found.value == pytest.approx(best, rel=1e-8)
    assert fewest < 166


def test_a_tie_with_doing_nothing_is_nothing():
    # Source above the reference and no load low enough: no injection can bring voltages nearer.
    feeder = load_feeder("ieee13")
    problem = PlanningProblem(feeder, max_sites=2, v_source=1.0, line_limits=False)
    result = site(problem, generate_scenarios(feeder.n_bus, 24), method="extensive")
    assert result.status is Status.OPTIMAL
    assert result.objective == pytest.approx(result.no_dg)
    assert result.placements == ()


def test_a_price_of_units_leaves_out_what_is_hardly_used():
    """A known plan of 996 kW on one phase of ieee123, source at 1.03: hardly any of it is used."""
    feeder = load_feeder("ieee123")
    scenarios = generate_scenarios(feeder.n_bus, 24)
    settings = {"method": "benders", "v_source": 1.03, "max_sites": 3}
    free = site(feeder, scenarios, **settings)
    shares = free.operation.sites
    wasted = shares["curtailed_mwh"].sum()
    assert wasted > 0.7 * shares["available_mwh"].sum()
    price = 1e-4
    priced = site(feeder, scenarios, **settings, curtailment_price=price)
    assert priced.operation.sites["curtailed_mwh"].sum() < 0.5 * wasted
    assert priced.units.sum() < free.units.sum()
    # What the price adds is that of the curtailed energy, and the plan without it is no better.
    assert priced.objective <= free.objective + price * 1e3 * wasted / 8760 + 1e-9
    assert priced.bound <= priced.objective


def test_every_method_counts_the_prices_alike():
    feeder = load_feeder("ieee13")
    scenarios = generate_scenarios(feeder.n_bus, 24)
    prices = {"curtailment_price": 1e-4, "unit_penalty": 2e-5}
    problem = PlanningProblem(
        feeder, v_source=0.97, max_sites=2, line_limits=False, v_min=0.0, v_max=np.inf, **prices
    )
    proofs = [
        site(problem, scenarios, method=m, options={"improvement_gap": 1e-3})
        for m in ("benders", "extensive")
    ]
    assert all(r.status is Status.OPTIMAL and not check_units(problem, r.units) for r in proofs)
    assert max(r.bound for r in proofs) <= min(r.objective for r in proofs) * (1 + 1e-9)
    spar = site(problem, scenarios, method="spar", options={"max_iterations": 40})
    assert spar.objective >= max(r.bound for r in proofs)
    with pytest.raises(InvalidPlanningError, match="curtailment_price"):
        site(feeder, scenarios, curtailment_price=-1.0)
