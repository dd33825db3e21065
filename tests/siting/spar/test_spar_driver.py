from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from siting_toys import (
    DemandingStage,
    QuadraticStage,
    SeparableStage,
    best_value,
    toy_problem,
    toy_scenarios,
)

from pygridjl.core import stopping
from pygridjl.core.errors import InvalidOptionError, InvalidPlanningError
from pygridjl.core.result import Status, Stopwatch
from pygridjl.siting.check import check_units
from pygridjl.siting.methods.spar import SparOptions, driver, spar
from pygridjl.siting.methods.spar.quality import value_over_iterations
from pygridjl.siting.progress import evaluated_by


def built(stage=SeparableStage, n_scenario=8, **options):
    problem = toy_problem(**options)
    scenarios = toy_scenarios(n_scenario, problem.feeder.n_bus)
    return stage(problem, scenarios)


def run(stage, **arguments):
    return spar(stage.problem, stage.scenarios, stage, **arguments)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_separable_second_stage_is_solved_to_the_optimum(seed):
    stage = built(max_sites=None)
    result = run(stage, options=SparOptions(max_iterations=4000), seed=seed)
    assert result.status is Status.FEASIBLE
    assert result.bound is None
    assert result.objective == pytest.approx(best_value(stage))


def test_exploration_learns_the_true_slopes():
    stage = built(max_sites=None)
    options = SparOptions(max_iterations=4000, explore=4000, sides="right")
    result = run(stage, options=options, seed=1)
    k = np.arange(stage.problem.max_units)
    wanted = stage.target[:, :, None] > k
    true = -stage.price[:, None] * np.einsum("s,sik->ik", stage.scenarios.probability, wanted)
    # Steps end near 20 / 4000: noise of some 0.08, several times that after the rare visits.
    np.testing.assert_allclose(result.slopes[:, :-1], true, atol=0.25)
    assert np.abs(result.slopes[:, :-1] - true).mean() < 0.1
    assert result.objective == pytest.approx(best_value(stage), rel=0.01)


@pytest.mark.parametrize("rule", [1, 2, 3])
def test_nonseparable_second_stage_comes_close(rule):
    stage = built(QuadraticStage, n_scenario=12)
    result = run(stage, options=SparOptions(max_iterations=300, step_rule=rule), seed=2)
    best, nothing = best_value(stage), result.no_dg
    assert check_units(stage.problem, result.units) == ()
    assert result.objective >= best - 1e-9
    assert (nothing - result.objective) / (nothing - best) > 0.9


@pytest.mark.parametrize("master", ["auto", "epigraph", "lambda"])
def test_all_masters_drive_the_run(master):
    stage = built(QuadraticStage)
    result = run(stage, options=SparOptions(max_iterations=60, master=master), seed=0)
    assert (result.no_dg - result.objective) / (result.no_dg - best_value(stage)) > 0.9


def test_infeasible_scenarios_become_cuts():
    need = [0, 0, 3, 0, 4, 0, 1, 0]
    problem = toy_problem()
    scenarios = toy_scenarios(8, problem.feeder.n_bus)
    stage = DemandingStage(problem, scenarios, need)
    result = run(stage, options=SparOptions(max_iterations=80), seed=0)
    assert result.status is Status.FEASIBLE
    assert result.no_dg is None
    assert result.units[-2:].sum() >= 4
    assert result.n_cut > 0
    assert result.objective <= 1.1 * best_value(stage)


def test_cuts_that_leave_nothing_prove_infeasibility():
    problem = toy_problem()
    scenarios = toy_scenarios(3, problem.feeder.n_bus)
    stage = DemandingStage(problem, scenarios, [0, 99, 0])
    result = run(stage, options=SparOptions(max_iterations=40), seed=0)
    assert result.status is Status.INFEASIBLE
    assert result.infeasible == ("1",)
    assert result.objective is None
    assert result.placements == ()


class KilledError(Exception):
    pass


class WarmStage(QuadraticStage):
    """An engine whose subgradients depend on what it solved since its last reset."""

    calls = 0

    def evaluate_scenarios(self, units, indices):
        batch = super().evaluate_scenarios(units, indices)
        self.calls += 1
        batch.gradient[:] *= 1 + 0.01 * np.sin(self.calls)
        return batch

    def reset(self):
        self.calls = 0


@pytest.mark.parametrize("stage_type", [WarmStage, DemandingStage])
def test_a_killed_run_resumes_to_the_same_bytes(tmp_path, stage_type):
    problem = toy_problem()
    scenarios = toy_scenarios(8, problem.feeder.n_bus)
    extra = ([0, 0, 3, 0, 4, 0, 1, 0],) if stage_type is DemandingStage else ()
    stage = stage_type(problem, scenarios, *extra)
    options = SparOptions(max_iterations=50, save_every=7, explore=5)
    whole = run(stage, options=options, seed=4)

    calls = []

    def kill(_):
        calls.append(1)
        if len(calls) == 23:
            raise KilledError

    state = tmp_path / "run.npz"
    saved = replace(options, state=str(state))
    with pytest.raises(KilledError):
        run(stage, options=saved, seed=4, on_progress=kill)
    resumed = run(
        stage, options=replace(options, state=str(state)), seed=4, on_progress=calls.append
    )
    assert len(calls) - 23 == 50 - 21
    assert resumed.slopes.tobytes() == whole.slopes.tobytes()
    assert resumed.history.units.tobytes() == whole.history.units.tobytes()
    assert resumed.history.sampled.tobytes() == whole.history.sampled.tobytes()
    assert resumed.snapshots.tobytes() == whole.snapshots.tobytes()
    assert resumed.objective == whole.objective
    # A finished state answers at once, and the file itself is reproducible.
    first = state.read_bytes()
    again = run(
        stage, options=replace(options, state=str(state)), seed=4, on_progress=lambda _: 1 / 0
    )
    assert again.objective == whole.objective
    assert state.read_bytes() == first


def test_a_state_of_another_run_is_refused(tmp_path):
    stage = built(QuadraticStage)
    state = tmp_path / "run.npz"
    options = SparOptions(max_iterations=5)
    run(stage, options=replace(options, state=str(state)), seed=0)
    with pytest.raises(InvalidOptionError, match="another run"):
        run(stage, options=replace(options, state=str(state)), seed=1)
    state.write_bytes(b"nonsense")
    with pytest.raises(InvalidOptionError, match="not a saved run"):
        run(stage, options=replace(options, state=str(state)), seed=0)


def test_same_seed_same_answer_other_seed_other_samples():
    stage = built(QuadraticStage)
    first, second, third = (
        run(stage, options=SparOptions(max_iterations=30), seed=s) for s in (7, 7, 8)
    )
    assert first.slopes.tobytes() == second.slopes.tobytes()
    assert first.history.sampled.tobytes() != third.history.sampled.tobytes()


def test_moving_average_and_clock_end_a_run():
    stage = built(QuadraticStage)
    options = SparOptions(max_iterations=2000, tolerance=0.01, window=10)
    settled = run(stage, options=options)
    assert settled.stopped == "moving average"
    assert settled.iterations < 2000
    hurried = run(stage, options=SparOptions(max_iterations=10**6), time_limit=0.3)
    assert hurried.status is Status.TIME_LIMIT
    assert 0 < hurried.iterations < 10**6


def test_coordinate_functions_can_be_looked_at():
    stage = built(QuadraticStage)
    result = run(stage, options=SparOptions(max_iterations=10, snapshots=3))
    learned = result.coordinate_function("b2")
    assert learned.shape == (stage.problem.site_limit + 1,)
    assert learned[0] == 0.0
    assert (np.diff(learned, 2) >= -1e-12).all()
    assert result.coordinate_function("b2", 0).shape == learned.shape
    with pytest.raises(InvalidOptionError, match="b0"):
        result.coordinate_function("b0")
    with pytest.raises(InvalidOptionError, match="snapshot 3"):
        result.coordinate_function("b2", 3)


def test_json_holds_the_decision_and_not_the_tables():
    stage = built(QuadraticStage)
    plain = json.loads(run(stage, options=SparOptions(max_iterations=10)).to_json())
    assert {"placements", "objective", "no_dg", "status", "stopped"} <= set(plain)
    assert not {"slopes", "history", "units", "sites"} & set(plain)


def test_bad_input_is_refused_before_the_first_iteration():
    problem = toy_problem(budget=5.0)
    scenarios = toy_scenarios(2, problem.feeder.n_bus)
    with pytest.raises(InvalidPlanningError, match="budget: 5 k\\$ is below one unit"):
        spar(problem, scenarios, QuadraticStage(problem, scenarios))
    stage = built(QuadraticStage)
    with pytest.raises(InvalidOptionError, match="another problem"):
        spar(toy_problem(), stage.scenarios, stage)
    for bad in ({"batch": 0}, {"tolerance": float("nan")}, {"sides": "up"}, {"step_rule": 9}):
        with pytest.raises(InvalidOptionError):
            SparOptions(**bad)


def test_value_over_iterations_judges_every_decision():
    stage = built(QuadraticStage)
    result = run(stage, options=SparOptions(max_iterations=25, explore=0))
    values = value_over_iterations(result, stage)
    p = stage.scenarios.probability
    expected = [p @ stage.evaluate(n).value for n in result.history.units]
    np.testing.assert_allclose(values, expected)
    assert values[0] == result.no_dg
    other = built(QuadraticStage, n_site=3)
    with pytest.raises(InvalidOptionError, match="other sites"):
        value_over_iterations(result, other)


def test_time_is_kept_for_all_scenarios_of_the_answer(monkeypatch):
    """The clock goes on by a second a scenario: those of the answer must fit in."""
    clock = [0.0]
    for module in ("core.stopping", "core.result", "siting.conclude", "siting.methods.spar.driver"):
        monkeypatch.setattr(f"pygridjl.{module}.working_time", lambda: clock[0])

    class Slow(SeparableStage):
        def evaluate_scenarios(self, units, indices):
            clock[0] += len(indices)
            return super().evaluate_scenarios(units, indices)

        def evaluate(self, units):
            deadline = stopping.time_allowed()
            if deadline is not None and clock[0] + len(self.scenarios) > deadline:
                clock[0] = deadline
                raise stopping.TimeIsUp
            return super().evaluate(units)

    options = SparOptions(max_iterations=1000, batch=2)
    found = run(built(Slow, n_scenario=20), options=options, time_limit=100.0)
    assert found.status is Status.TIME_LIMIT
    assert found.has_answer
    assert found.no_dg is not None
    assert clock[0] <= 100.0
    clock[0] = 0.0
    lost = run(built(Slow, n_scenario=20), options=options, time_limit=15.0)
    assert lost.status is Status.NOT_FOUND
    assert lost.reason == "time ended before the value of the decision"
    assert lost.objective is None
    assert clock[0] <= 15.0


def test_what_the_answer_takes_is_foreseen_from_the_scenarios_drawn():
    stage = built(n_scenario=20)
    watch = Stopwatch()
    assert driver._seconds_of_answer(stage, watch, 0, 2) == 0.0
    watch.seconds["second stage"] = 6.0
    # Three iterations of two scenarios: one second each, with the decision and without.
    assert driver._seconds_of_answer(stage, watch, 3, 2) == pytest.approx(40.0)


def test_who_stops_a_run_gets_its_value_if_that_is_quick():
    stage = built()
    with stopping.answering():
        stopping.request()
        assert evaluated_by(stage, stage.problem.min_units, np.inf) is not None
    stopping.forget()
    assert evaluated_by(stage, stage.problem.min_units, -np.inf) is None
