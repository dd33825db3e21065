from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from feeder_builders import GAINS, two_bus_feeder, with_services
from hypothesis import given, settings, strategies as st
from siting.second_stage.operation_models import Written, small_case

from pygridjl.core.errors import InvalidOptionError, SolverError
from pygridjl.grid import FeederGenerators, load_feeder
from pygridjl.grid.conductors import with_standard_ratings
from pygridjl.scenarios.generate import generate_scenarios
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.first_stage.random import random_units
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.regulators import with_neutral_regulators
from pygridjl.siting.second_stage import build_second_stage
from pygridjl.siting.second_stage.protocol import ScenarioStatus

seeds = st.integers(0, 2**32 - 1)
MEASURES = ["voltage", "loss", "loss-printed"]
ENGINES = ("full", "condensed")


@settings(max_examples=25, deadline=None)
@given(seeds, st.sampled_from(MEASURES), st.booleans(), st.booleans())
def test_both_engines_solve_the_model_as_written(seed, objective, tight, priced):
    rng = np.random.default_rng(seed)
    problem, scenarios = small_case(rng, objective, tight, priced)
    units = rng.integers(0, 4, problem.n_site) * (rng.random(problem.n_site) < 0.6)
    for engine in ENGINES:
        batch = build_second_stage(problem, scenarios, engine).evaluate(units)
        for k in range(len(scenarios)):
            written = Written(problem, scenarios, k, units)
            deviation = written.least_deviation()
            if deviation is None:
                assert batch.status[k] == ScenarioStatus.INFEASIBLE
                continue
            assert batch.status[k] == ScenarioStatus.OPTIMAL
            expected = deviation if objective == "voltage" else written.least_loss()
            assert batch.value[k] == pytest.approx(expected, rel=1e-6, abs=1e-7)


@settings(max_examples=40, deadline=None)
@given(
    seeds,
    st.sampled_from(MEASURES),
    st.booleans(),
    st.sampled_from(ENGINES),
)
def test_subgradients_and_cuts_hold_everywhere(seed, objective, tight, engine):
    rng = np.random.default_rng(seed)
    problem, scenarios = small_case(rng, objective, tight)
    stage = build_second_stage(problem, scenarios, engine)
    tried = rng.uniform(0, 4, problem.n_site) * (rng.random(problem.n_site) < 0.5)
    here = stage.evaluate(tried)
    cuts = {cut.scenario: cut for cut in here.cuts}
    assert (here.gradient[here.optimal] <= 0).all()
    for _ in range(5):
        other = rng.uniform(0, 6, problem.n_site) * (rng.random(problem.n_site) < 0.5)
        there = stage.evaluate(other)
        for k in range(len(scenarios)):
            if here.status[k] == ScenarioStatus.INFEASIBLE:
                cut = cuts[str(scenarios.id[k])]
                scale = np.abs(cut.coefficient).sum() + abs(cut.constant)
                assert (cut.coefficient <= 0).all()
                assert cut.coefficient @ tried + cut.constant > 0
                if there.optimal[k]:
                    assert cut.coefficient @ other + cut.constant <= 1e-6 * scale
            elif there.optimal[k]:
                plane = here.value[k] + here.gradient[k] @ (other - tried)
                assert there.value[k] >= plane - 1e-6 * max(1.0, abs(plane))


def feeder_123(rating=1.5, taps=False):
    feeder = load_feeder("ieee123")
    branch = feeder.branches
    ratio = branch.ratio if taps else np.ones_like(branch.ratio)
    return feeder.replace(branches=branch.replace(ratio=ratio, rating=rating * branch.rating))


@pytest.mark.parametrize("objective", MEASURES)
@pytest.mark.parametrize(
    ("v_source", "unit_kw", "taps"),
    [(1.0, 6.0, False), (1.03, 12.0, False), (1.01, 12.0, False), (0.95, 24.0, True)],
)
def test_engines_agree_on_the_123_bus_feeder(objective, v_source, unit_kw, taps):
    feeder = feeder_123(taps=taps)
    problem = PlanningProblem(
        feeder, measure=objective, v_source=v_source, unit_kw=unit_kw, unit_cost=9e3 / unit_kw
    )
    scenarios = generate_scenarios(feeder.n_bus, 24)
    full, condensed = (build_second_stage(problem, scenarios, e) for e in ENGINES)
    rng = np.random.default_rng(1)
    before = None
    for _ in range(4):
        units = random_units(problem, rng)
        a, b = full.evaluate(units), condensed.evaluate(units)
        assert a.optimal.all()
        assert b.optimal.all()
        np.testing.assert_allclose(a.value, b.value, rtol=1e-6)
        if before is not None:
            tried, batch = before
            plane = batch.value + batch.gradient @ (units - tried)
            assert (a.value >= plane - 1e-6 * abs(plane)).all()
        before = units, b


@pytest.mark.parametrize("angles", [(0.0, 0.0), (0.6, -0.6)])
@pytest.mark.parametrize("objective", MEASURES)
def test_line_limits_bind_and_both_engines_keep_them(objective, angles):
    feeder = with_standard_ratings(feeder_123(rating=1.0))
    rating = 0.6 * feeder.branches.rating
    far = PlanningProblem(
        feeder.replace(branches=feeder.branches.replace(rating=rating)),
        measure=objective,
        v_source=0.97,
        unit_kw=60.0,
        unit_cost=150.0,
        max_units=166,
    )
    # Laterals that cannot carry off what 10 MW of units could bring.
    used = [list(far.site_ids).index(name) for name in ("85", "114")]
    units, own = np.zeros(far.n_site), np.zeros(far.n_site)
    units[used], own[used] = 83, angles
    far = dataclasses.replace(far, site_angle=own)
    scenarios = generate_scenarios(feeder.n_bus, 24)
    full, condensed = (build_second_stage(far, scenarios, e).evaluate(units) for e in ENGINES)
    free = dataclasses.replace(far, line_limits=False)
    without = build_second_stage(free, scenarios, "condensed").evaluate(units)
    np.testing.assert_array_equal(full.status, condensed.status)
    kept = full.optimal
    assert 0 < kept.sum() < len(scenarios)
    np.testing.assert_allclose(full.value[kept], condensed.value[kept], rtol=1e-6)
    ratio = condensed.value[kept] / without.value[kept]
    assert ratio.min() >= 1 - 1e-7
    assert ratio.max() > 1.01


def overloaded(objective, engine):
    """Scenario 1 needs units to keep the line within its rating, 2 cannot be helped."""
    feeder = two_bus_feeder(rating=[[0.25, 1.0, 1.0]])
    scenarios = ScenarioSet(
        np.full(3, 1 / 3),
        load=np.array([[0.5, 0.5], [1.0, 1.0], [1.0, 1.0]]),
        pv=np.array([[1.0, 1.0], [0.5, 0.5], [0.0, 0.0]]),
        id=np.array(["easy", "helped", "night"]),
    )
    problem = PlanningProblem(feeder, measure=objective, unit_kw=10.0, max_units=50)
    return build_second_stage(problem, scenarios, engine)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("objective", MEASURES)
def test_an_infeasible_scenario_has_a_cut_and_loses_no_other(objective, engine):
    stage = overloaded(objective, engine)
    batch = stage.evaluate([0])
    infeasible = ScenarioStatus.INFEASIBLE
    np.testing.assert_array_equal(batch.status, [ScenarioStatus.OPTIMAL, infeasible, infeasible])
    cuts = {cut.scenario: cut for cut in batch.cuts}
    assert set(cuts) == {"helped", "night"}
    assert np.abs(cuts["night"].coefficient).max() <= 1e-9 * cuts["night"].constant
    # By hand, polygon (50): √3 (0.3 − p) + 0.1 ≤ √3 · 0.25, p = 0.005 n all in phase a.
    least = (0.3 + 0.1 / 3**0.5 - 0.25) / 0.005
    root = -cuts["helped"].constant / cuts["helped"].coefficient[0]
    assert root == pytest.approx(least, rel=1e-6)
    enough = stage.evaluate([int(np.ceil(least))])
    np.testing.assert_array_equal(enough.optimal, [True, True, False])


@pytest.mark.parametrize("engine", ENGINES)
def test_repeats_orders_and_reset(engine):
    feeder = load_feeder("ieee13")
    problem = PlanningProblem(feeder, v_source=1.0, line_limits=False)
    scenarios = generate_scenarios(feeder.n_bus, 24)
    stage = build_second_stage(problem, scenarios, engine)
    units = random_units(problem, np.random.default_rng(0))
    first = stage.evaluate(units)
    some = stage.evaluate_scenarios(units, [12, 3, 12])
    np.testing.assert_array_equal(some.index, [12, 3, 12])
    np.testing.assert_allclose(some.value, first.value[[12, 3, 12]], rtol=1e-9)
    stage.reset()
    again = stage.evaluate(units)
    assert again.value.tobytes() == first.value.tobytes()
    assert again.gradient.tobytes() == first.gradient.tobytes()


@pytest.mark.parametrize("engine", ENGINES)
def test_bad_arguments_are_refused(engine):
    stage = overloaded("voltage", engine)
    with pytest.raises(InvalidOptionError, match="shape"):
        stage.evaluate([0, 1])
    for wrong in (-1, np.nan):
        with pytest.raises(InvalidOptionError, match="units of site"):
            stage.evaluate([wrong])
    with pytest.raises(InvalidOptionError, match="scenario 3"):
        stage.evaluate_scenarios([0], [3])
    with pytest.raises(InvalidOptionError, match="engine"):
        build_second_stage(stage.problem, stage.scenarios, "magic")


def test_what_the_small_problem_cannot_certify_goes_to_the_full_one(monkeypatch):
    from pygridjl.siting.second_stage import condensed

    feeder = load_feeder("ieee13")
    problem = PlanningProblem(feeder, v_source=1.0, line_limits=False)
    scenarios = generate_scenarios(feeder.n_bus, 24)
    units = random_units(problem, np.random.default_rng(0))
    right = build_second_stage(problem, scenarios, "condensed").evaluate(units)

    def lost(*arguments):
        n = arguments[0].size
        return np.full(n, np.nan), np.full(n, np.nan), np.full(n, -1)

    monkeypatch.setattr(condensed, "voltage_loop", lost)
    batch = build_second_stage(problem, scenarios, "condensed").evaluate(units)
    np.testing.assert_allclose(batch.value, right.value, rtol=1e-6)


def test_one_failed_scenario_is_reported_and_loses_no_other(monkeypatch):
    stage = overloaded("voltage", "full")
    solve = stage._solve

    def sometimes(writer, row, scenario, n):
        if scenario == 1:
            raise SolverError("HiGHS: out of memory")
        solve(writer, row, scenario, n)

    monkeypatch.setattr(stage, "_solve", sometimes)
    batch = stage.evaluate([30])
    assert batch.status.tolist() == [ScenarioStatus.OPTIMAL, 2, ScenarioStatus.INFEASIBLE]
    assert batch.messages == {"helped": "HiGHS: out of memory"}


@pytest.mark.parametrize("engine", ENGINES)
def test_every_overloaded_hour_of_a_year_is_proven(engine):
    feeder = with_neutral_regulators(load_feeder("ieee37"))
    problem = PlanningProblem(feeder)
    scenarios = generate_scenarios(feeder.n_bus, 1200)
    heavy = np.argsort(-scenarios.load.sum(axis=1))[:240]
    batch = build_second_stage(problem, scenarios, engine).evaluate_scenarios(
        np.zeros(problem.n_site), heavy
    )
    assert not batch.messages
    lost = batch.status == ScenarioStatus.INFEASIBLE
    assert 0 < lost.sum() < heavy.size
    assert {cut.scenario for cut in batch.cuts} == set(scenarios.id[heavy[lost]].tolist())
    assert all(cut.constant > 0 for cut in batch.cuts)
    # The model as written, by another interface, at the lightest of the lost and the heaviest of
    # the others.
    for k in (np.flatnonzero(lost)[-1], np.flatnonzero(~lost)[0]):
        written = Written(problem, scenarios, int(heavy[k]), np.zeros(problem.n_site, dtype=int))
        assert (written.least_deviation() is None) == lost[k]


@pytest.mark.parametrize("band", [(0.99, 1.05), (0.999, 1.001)])
def test_a_band_that_nothing_keeps_is_proven_so_in_every_scenario(band):
    feeder = with_neutral_regulators(load_feeder("ieee123"))
    problem = PlanningProblem(feeder, v_source=1.0, v_min=band[0], v_max=band[1])
    scenarios = generate_scenarios(feeder.n_bus, 24)
    batch = build_second_stage(problem, scenarios, "condensed").evaluate(np.zeros(problem.n_site))
    assert not batch.messages
    assert (batch.status == ScenarioStatus.INFEASIBLE).all()
    for k in (0, 4, 15):
        written = Written(problem, scenarios, k, np.zeros(problem.n_site, dtype=int))
        assert written.least_deviation() is None


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("rating", [0.15, 0.25, np.inf])
@pytest.mark.parametrize("kinds", [["tapped", "pole"], list(GAINS)])
def test_both_engines_agree_behind_services(kinds, rating, measure):
    rng = np.random.default_rng(3)
    feeder = with_services(two_bus_feeder(), rng, kinds)
    feeder = feeder.replace(branches=feeder.branches.replace(rating=rating))
    high = np.abs(feeder.nominal).max(axis=1)  # a wild leg is above the others
    problem = PlanningProblem(
        feeder,
        measure=measure,
        unit_kw=60.0,
        max_units=6,
        v_source=1.0,
        v_min=0.0,
        v_max=1.02 * np.maximum(high, 1.0),
    )
    shape = (6, feeder.n_bus)
    scenarios = ScenarioSet(np.full(6, 1 / 6), rng.uniform(0.2, 1, shape), rng.uniform(0, 1, shape))
    units = np.full(problem.n_site, 2)
    stages = [build_second_stage(problem, scenarios, engine) for engine in ENGINES]
    full, condensed = (stage.evaluate(units) for stage in stages)
    np.testing.assert_array_equal(full.status, condensed.status)
    np.testing.assert_allclose(full.value, condensed.value, rtol=1e-6)
    if full.optimal.all():  # certified by itself, not asked of the other
        assert "_full" not in vars(stages[1])


def test_existing_pv_follows_the_sun():
    """Losses at noon are those of a load that is less by what the old PV gives."""
    feeder = two_bus_feeder()
    pv = FeederGenerators(id=["old"], bus=[1], p=[[0.2, 0.2, 0.2]], kind="pv")
    lit = feeder.replace(generators=pv)
    sun = np.array([0.0, 0.5, 1.0])
    scenarios = ScenarioSet(np.full(3, 1 / 3), np.ones((3, 2)), np.repeat(sun[:, None], 2, axis=1))
    steady = ScenarioSet(np.ones(1), np.ones((1, 2)), np.zeros((1, 2)))
    for engine in ENGINES:
        problem = PlanningProblem(lit, measure="loss")
        ours = build_second_stage(problem, scenarios, engine).evaluate([0.0]).value
        for share, value in zip(sun, ours, strict=True):
            less = feeder.replace(loads=feeder.loads.replace(p=feeder.loads.p - 0.2 * share))
            alone = build_second_stage(PlanningProblem(less, measure="loss"), steady, engine)
            assert value == pytest.approx(alone.evaluate([0.0]).value[0], rel=1e-7)
