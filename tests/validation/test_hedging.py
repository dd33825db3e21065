"""Our extensive form and Benders against mpi-sppy's."""

from __future__ import annotations

import numpy as np
import pytest

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.result import Status
from pygridjl.grid import load_feeder
from pygridjl.scenarios.generate import generate_scenarios
from pygridjl.siting.check import check_units
from pygridjl.siting.methods.benders import benders
from pygridjl.siting.methods.extensive import extensive
from pygridjl.siting.methods.hedging import extensive_peer, hedging
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.registry import BendersOptions, ExtensiveOptions, HedgingOptions
from pygridjl.siting.second_stage import build_second_stage


def ieee13(**options):
    feeder = load_feeder("ieee13")
    wide = feeder.replace(branches=feeder.branches.replace(rating=2 * feeder.branches.rating))
    problem = PlanningProblem(wide, v_source=0.97, max_sites=3, **options)
    scenarios = generate_scenarios(feeder.n_bus, 24).take([0, 9, 12, 15, 19])
    return problem, scenarios, build_second_stage(problem, scenarios, "condensed")


@pytest.mark.validation
def test_extensive_form_of_mpisppy_has_our_optimum():
    pytest.importorskip("mpisppy")
    problem, scenarios, stage = ieee13()
    value, units = extensive_peer(problem, scenarios)
    assert not check_units(problem, units)
    ours = extensive(problem, scenarios, stage, ExtensiveOptions(gap=1e-6))
    parts = benders(problem, scenarios, stage, BendersOptions(gap=1e-6))
    assert ours.objective == pytest.approx(value, rel=2e-6)
    assert parts.objective == pytest.approx(value, rel=2e-6)
    at_theirs = float(scenarios.probability @ stage.evaluate(units).value)
    assert at_theirs == pytest.approx(value, rel=1e-6)


@pytest.mark.validation
def test_progressive_hedging_answers_between_its_bound_and_no_units():
    pytest.importorskip("mpisppy")
    problem, scenarios, stage = ieee13()
    optimum = benders(problem, scenarios, stage, BendersOptions(gap=1e-6))
    result = hedging(problem, scenarios, stage, HedgingOptions(max_iterations=5))
    assert result.status is Status.FEASIBLE
    assert not check_units(problem, result.units)
    assert result.bound <= optimum.objective * (1 + 1e-9)
    assert optimum.bound * (1 - 1e-9) <= result.objective < result.no_dg
    assert result.units.any()
    assert np.isfinite(result.gap)


def test_the_loss_and_bad_options_are_refused():
    problem, scenarios, stage = ieee13(measure="loss")
    with pytest.raises(InvalidOptionError, match="quadratic"):
        hedging(problem, scenarios, stage)
    problem, scenarios, stage = ieee13()
    with pytest.raises(InvalidOptionError, match="rho"):
        hedging(problem, scenarios, stage, HedgingOptions(rho=-1.0))
    with pytest.raises(InvalidOptionError, match="iterations"):
        hedging(problem, scenarios, stage, HedgingOptions(max_iterations=0))


@pytest.mark.validation
def test_hedging_in_no_time_still_has_its_bound():
    pytest.importorskip("mpisppy")
    problem, scenarios, stage = ieee13()
    result = hedging(problem, scenarios, stage, time_limit=1e-3)
    assert result.status is Status.TIME_LIMIT
    assert not check_units(problem, result.units)
    assert result.bound <= benders(
        problem, scenarios, stage, BendersOptions(gap=1e-6)
    ).objective * (1 + 1e-9)
