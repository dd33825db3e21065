"""What the paper claims: what holds to machine precision, and what does not hold."""

from __future__ import annotations

import numpy as np
import pytest
from balancing_toys import brute_force, risk

from pygridjl.balancing import balance, build_problem, fit_deviations, random_model
from pygridjl.balancing.collapsed import collapsed_model, pathwise_model
from pygridjl.core.result import Status
from pygridjl.solvers.highs import HighsModel


def _rank_one(n, steps, sigma=0.5, seed=0):
    rng = np.random.default_rng(seed)
    factor = rng.lognormal(0.1, sigma, steps)
    return rng.normal(size=n)[:, None] * factor, factor


def test_rms_is_a_fixed_multiple_of_l1_under_a_global_factor():
    rng = np.random.default_rng(1)
    for seed in range(20):
        data, factor = _rank_one(12, 50, seed=seed)
        expected = np.sqrt((factor**2).mean()) / factor.mean()
        for _ in range(10):
            x = rng.integers(4, size=12)
            ratio = risk(data, x, 4, "rms") / risk(data, x, 4, "l1")
            assert abs(ratio / expected - 1) < 1e-12


def test_the_ratio_tends_to_that_of_a_lognormal():
    for sigma in (0.2, 0.5, 0.8):
        model = random_model(1, sigma=sigma, seed=3)
        factor = model.draw(400_000, seed=5)[0, 0]
        ratio = np.sqrt((factor**2).mean()) / abs(factor.mean())
        assert ratio == pytest.approx(np.exp(sigma**2 / 2), rel=0.02)


def test_the_collapse_gives_the_optimum_of_both_objectives():
    data, _ = _rank_one(8, 30, seed=7)
    for kind in ("rms", "l1"):
        best = brute_force(data, 3, kind, lambda x: np.bincount(x, minlength=3).max() <= 3)
        result = balance(data, circuits=3, cardinality=3, measure=kind, method="collapsed")
        assert result.status is Status.OPTIMAL
        assert result.objective == pytest.approx(best, rel=1e-6)


def test_the_collapse_bounds_any_data_from_below():
    rng = np.random.default_rng(2)
    for kind in ("rms", "l1"):
        for _ in range(5):
            data = rng.normal(size=(6, 8))
            best = brute_force(data, 2, kind, lambda x: x.sum() == 3)
            for relaxed in (False, True):
                result = balance(
                    data, circuits=2, cardinality=3, measure=kind, method="collapsed",
                    options={"relaxed": relaxed},
                )  # fmt: skip
                assert result.bound <= best * (1 + 1e-9)
                assert result.objective >= best * (1 - 1e-9)


def _lp(problem):
    return HighsModel(pathwise_model(problem, relaxed=True)).solve().objective


def test_with_equal_weights_the_linear_program_equals_the_trivial_bound():
    rng = np.random.default_rng(3)
    for _ in range(20):
        data = rng.normal(size=(4, 5))
        problem = build_problem(data, circuits=3, risk="l1")
        assert _lp(problem) == pytest.approx(np.abs(data.sum(axis=0)).mean(), rel=1e-9)
        assert _lp(problem) == pytest.approx(brute_force(data, 3, "l1"), rel=1e-9)


def test_with_weights_of_circuit_and_step_no_one_hot_optimum_need_exist():
    """§3.1 claims one always does: most random instances have a fractional optimum below."""
    rng = np.random.default_rng(4)
    below = 0
    for _ in range(30):
        data, weights = rng.normal(size=(4, 5)), rng.uniform(0, 1, (3, 5))
        problem = build_problem(data, circuits=3, risk="l1", weights=weights)
        best = brute_force(data, 3, "l1", weights=weights)
        value = _lp(problem)
        assert value <= best * (1 + 1e-9)
        below += value < best * (1 - 1e-6)
    assert below >= 15


def test_with_capacity_the_collapsed_program_is_fractional():
    problem = build_problem(
        np.array([[3.0], [-2.0], [-2.0]]), circuits=2, capacity=2.0, demand=[1.0, 1.0, 1.0]
    )
    amplitude = problem.deviations[:, :, 0]
    relaxed = HighsModel(collapsed_model(problem, amplitude, relaxed=True)).solve()
    exact = HighsModel(collapsed_model(problem, amplitude, relaxed=False)).solve()
    assert relaxed.objective == pytest.approx(1.0)
    # 3 − 2 on one circuit, −2 on the other; or 3 alone.
    assert exact.objective == pytest.approx(3.0)


def test_without_limits_the_problem_is_degenerate_and_says_so():
    data = np.random.default_rng(5).normal(size=(9, 20))
    for kind in ("rms", "l1"):
        result = balance(data, circuits=3, measure=kind)
        assert result.status is Status.OPTIMAL
        assert len(set(result.assignment.values())) == 1
        assert "triangle inequality" in result.degenerate
        assert "cardinality" in result.summary()
        total = data.sum(axis=0)
        expected = np.sqrt((total**2).mean()) if kind == "rms" else np.abs(total).mean()
        assert result.objective == pytest.approx(expected)
    assert balance(data, circuits=3, cardinality=8).degenerate == ""


def test_the_fit_recovers_factor_scales_and_cohorts():
    model = random_model(15, sigma=0.3, seed=8)
    data = model.draw(500, seed=9)[0]
    fit = fit_deviations(data, nominal=model.amplitude)
    assert fit.applies
    assert fit.explained == pytest.approx(1.0, abs=1e-12)
    assert fit.sigma == pytest.approx(0.3, rel=0.1)
    assert fit.normality > 1e-3
    # τ up to the sample mean of the factor, which the fit scales to one.
    scale = fit.tau / model.scale
    assert np.ptp(scale) < 1e-9
    assert scale.mean() == pytest.approx(1.0, abs=0.1)

    cohorts = random_model(24, sigma=0.05, cohorts=3, cohort_sigma=1.0, noise=0.05, seed=11)
    fit = fit_deviations(cohorts.draw(800, seed=12)[0], cohorts=3)
    assert not fit.applies
    assert "does not apply" in fit.verdict
    assert fit.cohort_explained > fit.explained + 0.02
    together = cohorts.cohort[:, None] == cohorts.cohort[None, :]
    found = fit.cohort[:, None] == fit.cohort[None, :]
    assert (together == found).mean() > 0.95
