from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings, strategies as st
from scipy.optimize import linprog

from pygridjl.solvers.compiled.dense_qp import minimise_quadratic
from pygridjl.solvers.compiled.piecewise import Kinks, independent_rows, minimise_polyhedral

seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=60, deadline=None)
@given(seeds, st.integers(1, 25), st.integers(0, 80), st.booleans(), st.booleans())
# Here a descent ends or goes on by the order in which its weights are summed.
@example(seed=1765937, m=5, n=76, ties=True, warm=True)
@example(seed=2699223512, m=13, n=64, ties=True, warm=False)
def test_piecewise_linear_minimum_is_that_of_a_linear_program(seed, m, n, ties, warm):
    rng = np.random.default_rng(seed)
    a, b, g = rng.normal(size=(n, m)), rng.normal(size=n), rng.normal(size=m)
    if ties:
        a, b, g = np.round(a), np.round(b), np.round(g)
    # 0 ≤ x ≤ 1 as kinks too steep to pass.
    rows = np.vstack([np.eye(m), np.eye(m), a])
    shift = np.concatenate([np.zeros(m), -np.ones(m), b])
    up = np.concatenate([np.zeros(m), np.full(m, 1e4), np.ones(n)])
    down = np.concatenate([np.full(m, 1e4), np.zeros(m), np.ones(n)])
    wanted = rng.permutation(rows.shape[0])[: m if warm else 0]
    basis = np.empty(m, dtype=np.int64)
    independent_rows(rows, wanted, basis)
    assert np.linalg.matrix_rank(rows[basis]) == m
    multiplier, x = np.empty(rows.shape[0]), np.empty(m)
    kinks = Kinks(rows, shift, up, down, g)
    steps = minimise_polyhedral(kinks, basis, 1e-10, 10_000, multiplier, x)
    assert steps >= 0
    assert (multiplier >= -down).all()
    assert (multiplier <= up).all()
    np.testing.assert_allclose(g + multiplier @ rows, 0, atol=1e-8)
    answer = linprog(
        np.concatenate([g, np.ones(n)]),
        np.block([[a, -np.eye(n)], [-a, -np.eye(n)]]) if n else None,
        np.concatenate([-b, b]) if n else None,
        bounds=[(0, 1)] * m + [(None, None)] * n,
    )
    assert g @ x + np.abs(a @ x + b).sum() == pytest.approx(answer.fun, rel=1e-8, abs=1e-8)


@settings(max_examples=60, deadline=None)
@given(seeds, st.integers(1, 20), st.integers(1, 8), st.integers(0, 20))
# Here steps without regard for the centre jump between two corners forever.
@example(seed=1, m=1, k=1, rank=18)
@example(seed=3868025899, m=8, k=1, rank=9)
def test_quadratic_minimum_satisfies_the_optimality_conditions(seed, m, k, rank):
    rng = np.random.default_rng(seed)
    half = rng.normal(size=(rank, m))
    hessian, linear = half.T @ half / max(rank, 1), rng.normal(size=m)
    rows, bound = rng.uniform(0, 1, (k, m)) + 0.05, rng.uniform(0.2, 1.0, k)
    x, price = np.full(m, 0.1), np.empty(k)
    minimise_quadratic(hessian, linear, rows, bound, x, price, 1e-11, 80)
    slope = hessian @ x + linear + price @ rows
    assert (x >= 0).all()
    assert (rows @ x <= bound + 1e-8).all()
    assert (price >= 0).all()
    assert (slope >= -1e-8).all()
    assert abs(slope @ x) + abs(price @ (bound - rows @ x)) <= 1e-7
