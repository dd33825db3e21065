"""The linearised model, its points and the door."""

import dataclasses
import json

import numpy as np
import pytest

import pygridjl
from pygridjl import get_case
from pygridjl.core.errors import InvalidOptionError, NetworkFormatError, SolverError
from pygridjl.core.result import Status
from pygridjl.optimal_flow.forms.acp import AcOpf
from pygridjl.optimal_flow.linearisation import POINTS, LinearisedOpf
from pygridjl.optimal_flow.linearisation.descent import Violation
from pygridjl.optimal_flow.linearisation.problem import with_ratings
from pygridjl.powerflow.admittance import bus_admittance
from pygridjl.scenarios import two_factor_loads
from pygridjl.solvers.conic import solve_conic
from pygridjl.solvers.status import SolverStatus


@pytest.fixture(scope="module")
def case14():
    return with_ratings(get_case("case14"), 25.0)


@pytest.fixture(scope="module")
def optimum(case14):
    demand = 0.9 * (case14.load_p + 1j * case14.load_q)
    point = AcOpf(case14).solve((demand.real, demand.imag))
    return demand, point, point.vm * np.exp(1j * point.va)


def test_linearised_at_an_ac_optimum_the_optimum_comes_back(case14, optimum):
    """The KKT conditions of the two programs agree at the point itself."""
    demand, point, voltage = optimum
    answer = LinearisedOpf(case14, voltage).solve(demand)
    assert answer.status is Status.OPTIMAL
    assert answer.objective == pytest.approx(point.objective, rel=1e-6)
    assert answer.power.real == pytest.approx(point.pg, abs=1e-3)


def test_the_mismatch_is_the_second_order_remainder(case14, optimum):
    demand, _, voltage = optimum
    model = LinearisedOpf(case14, voltage)
    other = 1.05 * demand
    answer = model.solve(other)
    gap = answer.voltage - voltage
    remainder = -gap * np.conj(bus_admittance(case14) @ gap)
    error = model.mismatch(other, answer.voltage, answer.power)
    assert abs(error).max() > 1e-6
    assert error == pytest.approx(remainder, abs=1e-7)


def test_every_limit_of_the_linear_model_is_kept(case14, optimum):
    """Flows and squared voltages are linearised by finite differences here, not by the model."""
    demand, _, voltage = optimum
    answer = LinearisedOpf(case14, voltage).solve(1.03 * demand)
    unit, branch = case14.generators, case14.branches
    assert (answer.power.real <= unit.p_max + 1e-6).all()
    assert (answer.power.imag >= unit.q_min - 1e-6).all()

    def linear(function):
        step = 1e-6
        gap = answer.voltage - voltage
        slope = (function(voltage + step * gap) - function(voltage - step * gap)) / (2 * step)
        return function(voltage) + slope

    def flow(v):
        series = 1 / (branch.r + 1j * branch.x)
        at_from = v[branch.from_bus] / (branch.tap * np.exp(1j * branch.shift))
        current = series * (at_from - v[branch.to_bus]) + 0.5j * branch.b * at_from
        return at_from * np.conj(current)

    assert (abs(linear(flow)) <= branch.rating * (1 + 1e-5)).all()
    square = linear(lambda v: abs(v) ** 2)
    assert (square <= case14.buses.v_max**2 + 1e-6).all()
    assert (square >= case14.buses.v_min**2 - 1e-6).all()


def test_the_proximal_term_draws_to_the_point_and_costs_next_to_nothing(case14):
    flat = np.ones(case14.n_bus, dtype=complex)
    demand = 0.9 * (case14.load_p + 1j * case14.load_q)
    free = LinearisedOpf(case14, flat).solve(demand)
    drawn = LinearisedOpf(case14, flat, proximal=1e-2).solve(demand)
    assert np.linalg.norm(drawn.voltage - 1) <= np.linalg.norm(free.voltage - 1) + 1e-6
    assert free.objective - 1e-3 <= drawn.objective <= free.objective * 1.001


def test_a_warm_model_answers_as_a_fresh_one(case14, optimum):
    _, _, voltage = optimum
    demand = two_factor_loads(case14).draw(6, 0).demand
    warm = LinearisedOpf(case14, voltage).solve_many(demand)
    fresh = [LinearisedOpf(case14, voltage).solve(row).objective for row in demand]
    assert warm.objective == pytest.approx(fresh, rel=1e-6)


def test_two_processes_answer_as_one(case14, optimum):
    _, _, voltage = optimum
    demand = two_factor_loads(case14).draw(4, 0).demand
    model = LinearisedOpf(case14, voltage)
    two = model.solve_many(demand, jobs=2)
    assert two.objective == pytest.approx(model.solve_many(demand).objective, rel=1e-6)


def test_what_cannot_be_served_is_proven_infeasible(case14, optimum):
    demand, _, voltage = optimum
    answer = LinearisedOpf(case14, voltage).solve(20 * demand)
    assert answer.status is Status.INFEASIBLE
    assert np.isnan(answer.objective)


def test_infeasible_draws_are_counted_and_left_out_of_the_means(case14):
    model = two_factor_loads(case14, mean=2.0, deviation=1.5, low=0.8, high=4.0)
    found = pygridjl.linearize(case14, loads=two_factor_loads(case14), point="flat", samples=20)
    evaluation = found.evaluate(model.draw(20, 0))
    assert 0 < evaluation.infeasible < 20
    assert evaluation.error_p.shape == (20 - evaluation.infeasible - evaluation.failed, 14)
    assert np.isfinite(evaluation.mean_p)
    assert "lower the loads" in evaluation.summary()


def test_errors_of_no_draw_are_not_told(case14):
    found = pygridjl.linearize(case14, point="flat", samples=20)
    heavy = two_factor_loads(case14, mean=20.0, deviation=0.1, low=19.0, high=21.0)
    evaluation = found.evaluate(heavy.draw(5, 0))
    assert evaluation.infeasible + evaluation.failed == 5
    assert "nan" not in evaluation.summary()


def test_an_infeasible_model_says_what_to_do(case14):
    heavy = two_factor_loads(case14, mean=10.0, deviation=0.0, low=10.0, high=10.0)
    found = pygridjl.linearize(case14, loads=heavy, point="flat", samples=5)
    assert found.status is Status.INFEASIBLE
    assert "choose another point" in " ".join(found.notes)


def test_no_ac_optimum_leaves_no_point_but_advice(case14):
    heavy = two_factor_loads(case14, mean=10.0, deviation=0.0, low=10.0, high=10.0)
    found = pygridjl.linearize(case14, loads=heavy, point="ac-mean", samples=5)
    assert found.status is Status.NOT_FOUND
    with pytest.raises(SolverError, match="lower the load"):
        found.evaluate(5)


def test_the_no_load_point_has_no_current_at_load_buses(case14):
    found = pygridjl.linearize(case14, point="no-load", samples=5)
    current = bus_admittance(case14) @ found.voltage
    slack = case14.slack_buses
    assert abs(np.delete(current, slack)).max() < 1e-9
    assert found.voltage[slack] == pytest.approx([1.0])


@pytest.mark.parametrize("point", ["order1", "order2", "ac-mean", "monte-carlo"])
def test_points_beat_the_flat_one_ten_times(point):
    network = with_ratings(get_case("case9"), 120.0)
    options = {"optima": 10} if point == "monte-carlo" else None
    flat = pygridjl.linearize(network, point="flat", samples=100, proximal=0.0).evaluate(60)
    found = pygridjl.linearize(network, point=point, samples=100, proximal=0.0, options=options)
    assert found.status is Status.FEASIBLE
    assert 10 * found.evaluate(60).mean_p <= flat.mean_p


def test_the_fitted_point_is_no_worse_than_its_starts():
    network = with_ratings(get_case("case9"), 120.0)
    fitted = pygridjl.linearize(
        network, point="fitted", samples=60, options={"fit_draws": 25, "steps": 5}
    )
    assert "descent from" in " ".join(fitted.notes)
    draws = fitted.problem.draws
    for point in ("flat", "order1", "ac-mean"):
        other = pygridjl.linearize(network, point=point, samples=60)
        assert fitted.evaluate(draws).criterion <= other.evaluate(draws).criterion + 1e-7


def test_a_fit_to_few_draws_does_not_lose_to_a_start_on_the_sample():
    """A descent on five draws learns them, not the sample of a hundred."""
    network = get_case("case5pjm")
    options = {"fit_draws": 5, "steps": 50}
    fitted = pygridjl.linearize(network, point="fitted", samples=100, options=options)
    mean = pygridjl.linearize(network, point="ac-mean", samples=100)
    draws = fitted.problem.draws
    assert fitted.evaluate(draws).criterion <= mean.evaluate(draws).criterion + 1e-9


@pytest.mark.parametrize("case", ["case9", "case5pjm"])
def test_the_gradient_of_the_violation_is_that_of_its_differences(case):
    """Given voltages, bands, ratings and units that share a bus all move with the point."""
    network = get_case(case)
    network = with_ratings(network, 120.0) if case == "case9" else network
    low, high = network.buses.v_min.copy(), network.buses.v_max.copy()
    low[network.slack_buses] = high[network.slack_buses] = 1.0
    network = network.replace(buses=network.buses.replace(v_min=low, v_max=high))
    demand = two_factor_loads(network).draw(3, 0).demand
    optimum = AcOpf(network).solve((demand[0].real.copy(), demand[0].imag.copy()))
    rng = np.random.default_rng(1)
    point = optimum.vm * np.exp(1j * optimum.va) * (1 + 0.005 * rng.standard_normal(network.n_bus))
    violation = Violation(network, demand, 1e-3)
    gradient = violation.at(point).gradient
    for _ in range(4):
        move = rng.standard_normal(network.n_bus) + 1j * rng.standard_normal(network.n_bus)
        move[network.slack_buses] = move[network.slack_buses].real
        ends = [violation.at(point + side * 1e-6 * move).value for side in (1, -1)]
        slope = float((gradient.conj() * move).real.sum())
        assert (ends[0] - ends[1]) / 2e-6 == pytest.approx(slope, rel=1e-2, abs=1e-3)


def test_an_inexact_relaxation_is_reported():
    """Ratings of 118 buses leave Shor's relaxation a matrix far from rank 1."""
    network = with_ratings(get_case("case118"), 110.0)
    found = pygridjl.linearize(network, point="order1", samples=20)
    assert found.relaxation["outcome"] == "inexact"
    assert any("inexact" in note and "try the point 'ac-mean'" in note for note in found.notes)
    assert not any("failed" in note for note in found.notes)


def test_a_failed_relaxation_is_reported(monkeypatch):
    from pygridjl.optimal_flow.linearisation import relaxation

    monkeypatch.setattr(relaxation, "_USABLE", 0.0)
    monkeypatch.setattr(relaxation, "_GOOD", 0.0)
    found = pygridjl.linearize(
        get_case("case9"), point="order1", samples=20, options={"engine": "clarabel"}
    )
    assert found.status is Status.NOT_FOUND
    assert found.relaxation["outcome"] == "failed"
    assert any("failed numerically in clarabel" in n and "sdpa" in n for n in found.notes)
    assert "failed;" in found.summary()
    assert found.bound is not None


def test_a_failed_relaxation_that_leaves_a_point_is_not_called_inexact(monkeypatch):
    """Moments of an engine that stopped short say nothing about the relaxation."""
    from pygridjl.optimal_flow.linearisation import relaxation

    monkeypatch.setattr(relaxation, "_GOOD", 0.0)
    monkeypatch.setattr(relaxation, "_FLAT", 0.0)
    found = pygridjl.linearize(get_case("case9"), point="order1", samples=20)
    assert found.status is Status.FEASIBLE
    assert found.relaxation["outcome"] == "failed"
    (note,) = (note for note in found.notes if "relaxation" in note)
    assert "its point is approximate" in note
    assert "inexact" not in note


@pytest.mark.parametrize("point", ["order1", "order2"])
def test_loads_that_no_voltages_serve_leave_an_infeasible_relaxation(point):
    network = get_case("case9")
    heavy = two_factor_loads(network, mean=9.0, deviation=0.0, low=9.0, high=9.0)
    found = pygridjl.linearize(network, loads=heavy, point=point, samples=5)
    assert found.status is Status.NOT_FOUND
    assert found.bound is None
    assert found.relaxation["outcome"] == "infeasible"
    assert any("infeasible" in note and "lower the loads" in note for note in found.notes)


def test_an_engine_that_is_wrong_about_infeasibility_has_failed(monkeypatch):
    from pygridjl.optimal_flow.linearisation import relaxation

    def wrong(model, **options):
        return dataclasses.replace(solve_conic(model, **options), status=SolverStatus.INFEASIBLE)

    monkeypatch.setattr(relaxation, "solve_conic", wrong)
    found = pygridjl.linearize(
        get_case("case9"), point="order1", samples=20, options={"engine": "clarabel"}
    )
    assert found.relaxation["outcome"] == "failed"


def test_a_relaxation_without_time_says_how_to_give_it_more():
    found = pygridjl.linearize(
        get_case("case9"),
        point="order2",
        samples=20,
        options={"engine": "clarabel", "relax_seconds": 1e-6},
    )
    assert found.status is Status.NOT_FOUND
    assert any("ran out of time" in n and "relax_seconds" in n for n in found.notes)


def test_a_point_is_saved_and_read(tmp_path, case14):
    found = pygridjl.linearize(case14, point="ac-mean", samples=20)
    path = pygridjl.save_point(found, tmp_path / "point.json")
    again = pygridjl.read_point(path, case14)
    assert again.voltage == pytest.approx(found.voltage, abs=1e-15)
    draws = two_factor_loads(case14).draw(5, 0)
    assert again.evaluate(draws).mean_p == pytest.approx(found.evaluate(draws).mean_p, rel=1e-3)
    with pytest.raises(NetworkFormatError, match="other buses"):
        pygridjl.read_point(path, get_case("case9"))
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(NetworkFormatError, match="format"):
        pygridjl.read_point(path, case14)


def test_results_are_plain_json(case14):
    found = pygridjl.linearize(case14, point="flat", samples=5)
    plain = json.loads(found.to_json())
    assert plain["point"] == "flat"
    assert "model" not in plain
    assert len(plain["vm"]) == 14
    evaluation = json.loads(found.evaluate(5, ac_samples=2).to_json())
    assert evaluation["ac_samples"] == 2
    assert evaluation["ac_objective"] > 0
    assert found.to_frame().shape == (14, 2)
    assert "flat" in found.summary()


def test_the_errors_are_drawn(tmp_path, case14):
    found = pygridjl.linearize(case14, point="flat", samples=5)
    assert found.plot(tmp_path / "errors.png", samples=10).stat().st_size > 1000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"point": "middle"}, "none of"),
        ({"point": "flat", "options": {"engine": "sdpa"}}, "no option 'engine'"),
        ({"point": "order1", "options": {"engine": "mosek"}}, "engine"),
        ({"point": "order1", "options": {"optimizer": "SCS"}}, "needs engine='julia'"),
        ({"point": "flat", "proximal": -1.0}, "proximal"),
        ({"point": "flat", "samples": 0}, "samples"),
    ],
)
def test_options_are_refused_by_name(case14, options, message):
    with pytest.raises(InvalidOptionError, match=message):
        pygridjl.linearize(case14, **options)


def test_loads_of_another_network_are_refused(case14):
    with pytest.raises(InvalidOptionError, match="9 buses"):
        pygridjl.linearize(case14, loads=two_factor_loads(get_case("case9")))


def test_all_points_are_registered():
    names = ["flat", "no-load", "order1", "order2", "ac-mean", "monte-carlo", "fitted"]
    assert list(POINTS) == names


def test_an_engine_that_stopped_short_is_reported(monkeypatch):
    from pygridjl.optimal_flow.linearisation import relaxation

    def short(model, **options):
        return dataclasses.replace(solve_conic(model, **options), status=SolverStatus.FAILED)

    monkeypatch.setattr(relaxation, "solve_conic", short)
    found = pygridjl.linearize(
        get_case("case9"), point="order1", samples=20, options={"engine": "clarabel"}
    )
    assert found.status is Status.FEASIBLE
    assert any("failed numerically in clarabel" in note for note in found.notes)
