"""The HiGHS wrapper: known traps of the solver, duals, rays, warm changes."""

import re
import time

import highspy
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.optimize import linprog
from scipy.sparse import csr_array

from pygridjl.core import stopping
from pygridjl.core.errors import InvalidOptionError, SolverError
from pygridjl.core.jit import working_time
from pygridjl.solvers.farkas import farkas_margin
from pygridjl.solvers.highs import HighsModel
from pygridjl.solvers.linear import LinearModel, elastic_model
from pygridjl.solvers.status import SolverStatus

INF = np.inf


def linear(cost, rows, lower, upper, col_lower, col_upper, **more):
    arrays = [np.asarray(a, dtype=float) for a in (lower, upper, col_lower, col_upper)]
    matrix = csr_array(np.asarray(rows, dtype=float).reshape(len(arrays[0]), len(cost)))
    return LinearModel(np.asarray(cost, dtype=float), matrix, *arrays, **more)


def fractional_bound(upper=3.5):
    """Max x + 2y, x + y ≤ 5, 0 ≤ x ≤ 3.5 integer, 0 ≤ y ≤ 2: 7 at (3, 2)."""
    return linear(
        [-1, -2], [[1, 1]], [-INF], [5], [0, 0], [upper, 2], integer=np.array([True, False])
    )


def test_fractional_bound_of_an_integer_column():
    answer = HighsModel(fractional_bound()).solve()
    assert answer.status is SolverStatus.OPTIMAL
    assert answer.objective == pytest.approx(-7)
    assert answer.bound == pytest.approx(-7)
    assert answer.x == pytest.approx([3, 2])


def test_fractional_bound_set_later():
    model = HighsModel(fractional_bound(9.0))
    model.set_col_bounds(np.array([0]), np.array([0.5]), np.array([3.5]))
    assert model.solve().objective == pytest.approx(-7)
    model.set_col_bounds(np.array([0]), np.array([0.2]), np.array([0.8]))
    assert model.solve().status is SolverStatus.INFEASIBLE


@pytest.mark.parametrize(
    ("field", "where"),
    [("cost", "cost[1]"), ("row_upper", "row_upper[0]"), ("col_lower", "col_lower[1]")],
)
def test_nan_is_refused_by_name(field, where):
    model = fractional_bound()
    getattr(model, field)[-1] = np.nan
    with pytest.raises(SolverError, match=re.escape(where) + " is NaN"):
        HighsModel(model)


def test_nan_in_the_matrix_is_refused_by_row_and_column():
    model = linear([1, 1], [[1, 0], [2, np.nan]], [0, 0], [1, 1], [0, 0], [1, 1])
    with pytest.raises(SolverError, match=r"matrix\[1, 1\] is NaN"):
        HighsModel(model)


def test_nan_in_later_changes_is_refused():
    model = HighsModel(linear([1], [[1]], [0], [1], [0], [1]))
    first = np.array([0])
    with pytest.raises(SolverError, match=r"row_lower\[0\] is NaN"):
        model.set_row_bounds(first, np.array([np.nan]), np.array([1.0]))
    with pytest.raises(SolverError, match=r"cost\[0\]"):
        model.set_cost(first, np.array([np.nan]))
    with pytest.raises(SolverError, match=r"start\[0\]"):
        model.set_start(np.array([np.nan]))


def test_infinite_bounds_on_the_wrong_side_are_refused():
    with pytest.raises(SolverError, match=r"col_lower\[0\] is inf"):
        HighsModel(linear([1], [[1]], [0], [1], [INF], [INF]))


def test_mixed_integer_quadratic_is_refused():
    model = linear(
        [1], [[1]], [0], [1], [0], [1], integer=np.array([True]), hessian=csr_array([[1.0]])
    )
    with pytest.raises(InvalidOptionError, match="mixed-integer quadratic"):
        HighsModel(model)


def test_shapes_are_checked():
    with pytest.raises(InvalidOptionError, match="col_upper"):
        HighsModel(linear([1, 1], [[1, 1]], [0], [1], [0, 0], [1]))


def test_ray_proves_infeasibility():
    # x + y ≥ 3 and x ≤ 1, y ≤ 1.
    model = linear([1, 1], [[1, 1], [1, -1]], [3, -INF], [INF, 9], [0, 0], [1, 1])
    answer = HighsModel(model).solve()
    assert answer.status is SolverStatus.INFEASIBLE
    assert answer.bound == INF
    y = answer.ray
    side = np.where(y > 0, model.row_lower, model.row_upper)
    slope = model.matrix.T @ y
    reach = np.where(slope > 0, model.col_upper, model.col_lower) @ slope
    assert (side[y != 0] @ y[y != 0]) > reach


def test_ray_follows_changed_right_hand_sides():
    model = HighsModel(linear([1, 1], [[1, 1], [1, -1]], [1, -INF], [INF, 9], [0, 0], [1, 1]))
    assert model.solve().objective == pytest.approx(1)
    model.set_row_bounds(np.array([0]), np.array([3.0]), np.array([INF]))
    assert model.solve().ray is not None
    model.set_row_bounds(np.array([0]), np.array([1.5]), np.array([INF]))
    again = model.solve()
    assert again.status is SolverStatus.OPTIMAL
    assert again.objective == pytest.approx(1.5)


def test_presolve_that_finds_it_infeasible_is_not_asked_for_a_ray(monkeypatch):
    """HiGHS would solve the whole program again for it, without a look at the clock."""
    monkeypatch.delattr(highspy.Highs.__base__, "getDualRay")
    model = HighsModel(linear([1, 1], [[1, 1]], [3], [INF], [0, 0], [1, 1]))
    answer = model.solve()
    assert answer.status is SolverStatus.INFEASIBLE
    assert (
        farkas_margin(answer.ray, model._matrix, *map(np.array, ([3], [INF], [0, 0], [1, 1]))) > 0
    )


def test_a_deadline_from_outside_ends_what_has_no_limit_of_its_own():
    rng = np.random.default_rng(0)
    m, n = 400, 800
    rows = rng.normal(size=(m, n)) * (rng.random((m, n)) < 0.1)
    lower = rows @ rng.random(n) - 1
    feasible = linear(rng.normal(size=n), rows, lower, [INF] * m, np.zeros(n), np.full(n, 2.0))
    infeasible = linear([1, 1], [[1, 1]], [3], [INF], [0, 0], [1, 1])
    for program, status in (
        (feasible, SolverStatus.OPTIMAL),
        (infeasible, SolverStatus.INFEASIBLE),
    ):
        model = HighsModel(program)
        with stopping.within(working_time()):
            with pytest.raises(stopping.TimeIsUp):
                model.solve()
            # A limit of its own counts, even a longer one.
            assert HighsModel(program).solve(time_limit=60).status is status
        with stopping.within(np.inf):
            assert model.solve().status is status


def test_unbounded():
    answer = HighsModel(linear([-1], [[1]], [0], [INF], [0], [INF])).solve()
    assert answer.status is SolverStatus.UNBOUNDED
    assert answer.bound == -INF


def test_convex_quadratic_program():
    # min (x − 1)² + (y − 2)² on x + y ≤ 2: the projection (0.5, 1.5).
    model = linear(
        [-2, -4],
        [[1, 1]],
        [-INF],
        [2],
        [-INF] * 2,
        [INF] * 2,
        offset=5.0,
        hessian=csr_array(2 * np.eye(2)),
    )
    answer = HighsModel(model).solve()
    assert answer.x == pytest.approx([0.5, 1.5], abs=1e-6)
    assert answer.objective == pytest.approx(0.5, abs=1e-6)


def test_added_rows_and_changed_costs():
    model = HighsModel(linear([-1, -1], [[1, 2]], [-INF], [4], [0, 0], [INF, INF]))
    assert model.solve().objective == pytest.approx(-4)
    model.add_rows(csr_array([[2.0, 1.0]]), np.array([-INF]), np.array([4.0]))
    assert model.solve().objective == pytest.approx(-8 / 3)
    model.set_cost(np.array([0]), np.array([0.0]))
    assert model.solve().objective == pytest.approx(-2)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_linear_programs_satisfy_duality(seed, warm):
    rng = np.random.default_rng(seed)
    n, m = 5, 4
    rows, inside = rng.normal(size=(m, n)), rng.random(n)
    lower = rows @ inside - rng.random(m)
    cost = rng.normal(size=n)
    model = linear(cost, rows, lower, np.full(m, INF), np.zeros(n), np.full(n, 2.0))
    highs = HighsModel(model)
    if warm:
        highs.set_row_bounds(np.arange(m), lower - 1, np.full(m, INF))
        highs.solve()
        highs.set_row_bounds(np.arange(m), lower, np.full(m, INF))
    answer = highs.solve()
    reference = linprog(cost, A_ub=-rows, b_ub=-lower, bounds=(0, 2), method="highs-ipm")
    assert answer.objective == pytest.approx(reference.fun, abs=1e-7)
    # Strong duality with the signs of the convention.
    assert answer.row_dual.min() >= -1e-9
    assert answer.col_dual == pytest.approx(cost - rows.T @ answer.row_dual, abs=1e-7)
    dual = answer.row_dual @ lower + 2.0 * np.minimum(answer.col_dual, 0).sum()
    assert dual == pytest.approx(answer.objective, abs=1e-7)


def knapsack(seed=3, n=150, m=20):
    rng = np.random.default_rng(seed)
    rows = rng.integers(10, 100, (m, n)).astype(float)
    cost = -rng.integers(10, 100, n).astype(float)
    return linear(
        cost,
        rows,
        [-INF] * m,
        0.5 * rows.sum(axis=1),
        np.zeros(n),
        np.ones(n),
        integer=np.ones(n, dtype=bool),
    )


def test_time_limit_keeps_a_valid_bound_and_applies_to_each_run():
    model = HighsModel(knapsack())
    for _ in range(3):
        start = time.perf_counter()
        answer = model.solve(time_limit=0.3)
        assert time.perf_counter() - start < 5
        assert answer.status is SolverStatus.TIME_LIMIT
        assert answer.bound <= answer.objective
        assert answer.x is not None


def test_start_is_used():
    data = knapsack()
    first = HighsModel(data).solve(time_limit=1.0)
    model = HighsModel(data)
    model.set_start(first.x)
    assert model.solve(time_limit=0.05).objective <= first.objective


def test_time_limit_of_a_linear_program_counts_from_its_own_run():
    rng = np.random.default_rng(0)
    m, n = 400, 800
    rows = rng.normal(size=(m, n)) * (rng.random((m, n)) < 0.1)
    lower = rows @ rng.random(n) - 1
    model = HighsModel(
        linear(rng.normal(size=n), rows, lower, [INF] * m, np.zeros(n), np.full(n, 2.0))
    )
    start = time.perf_counter()
    first = model.solve()
    needed = time.perf_counter() - start
    assert first.status is SolverStatus.OPTIMAL
    # Its clock has run on, but a limit as long as the first run needed still suffices.
    model.set_cost(np.array([0]), np.array([5.0]))
    assert model.solve(time_limit=needed).status is SolverStatus.OPTIMAL


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_elastic_program_tells_feasible_from_infeasible(seed):
    rng = np.random.default_rng(seed)
    m, n = 6, 4
    matrix = csr_array(np.round(rng.normal(size=(m, n))))
    centre = np.round(rng.normal(size=m))
    low, high = centre - rng.integers(0, 3, m), centre + rng.integers(0, 3, m)
    col = np.full(n, float(rng.integers(1, 4)))
    elastic = HighsModel(elastic_model(matrix, low, high, -col, col)).solve()
    a_ub = np.vstack([matrix.toarray(), -matrix.toarray()])
    answer = linprog(
        np.zeros(n), a_ub, np.concatenate([high, -low]), bounds=[(-col[0], col[0])] * n
    )
    assert elastic.status is SolverStatus.OPTIMAL
    assert (elastic.objective <= 1e-9) == (answer.status == 0)
    if answer.status == 2:
        # Strong duality: the duals of the rows prove by how much they cannot be kept.
        y = elastic.row_dual
        least = np.where(y > 0, low, high) @ y
        largest = np.abs(matrix.T @ y) @ col
        assert least - largest == pytest.approx(elastic.objective, rel=1e-7)
