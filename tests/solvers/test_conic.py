"""The Clarabel wrapper on problems with answers in closed form."""

import numpy as np
import pytest
from scipy.sparse import csc_array

from pygridjl.core.errors import InvalidOptionError, SolverError
from pygridjl.solvers.conic import Cone, ConicModel, ConicSolver, solve_conic
from pygridjl.solvers.status import SolverStatus


def ball(cost, radius=2.0):
    """Min cost·x on ‖x‖ ≤ radius: −radius ‖cost‖."""
    n = len(cost)
    matrix = np.vstack([np.zeros((1, n)), -np.eye(n)])
    rhs = np.concatenate([[radius], np.zeros(n)])
    return ConicModel(np.array(cost, float), csc_array(matrix), rhs, [Cone("second_order", n + 1)])


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e7])
def test_second_order_cone_at_any_scale(size):
    answer = solve_conic(ball([3 * size, 4 * size]))
    assert answer.status is SolverStatus.OPTIMAL
    assert answer.objective == pytest.approx(-10 * size, rel=1e-6)
    assert answer.dual_objective == pytest.approx(-10 * size, rel=1e-6)
    assert answer.x == pytest.approx([-1.2, -1.6], rel=1e-4)
    assert max(answer.primal_residual, answer.dual_residual) < 1e-6


def test_quadratic_with_equality():
    # min x² + 2 y² on x + y = 3: x = 2, y = 1.
    model = ConicModel(
        np.zeros(2),
        csc_array([[1.0, 1.0]]),
        np.array([3.0]),
        [Cone("zero", 1)],
        csc_array(np.diag([2.0, 4.0])),
    )
    answer = solve_conic(model)
    assert answer.x == pytest.approx([2, 1], abs=1e-6)
    assert answer.objective == pytest.approx(6, abs=1e-6)
    assert answer.dual_objective == pytest.approx(6, abs=1e-6)
    assert answer.z == pytest.approx([-4], abs=1e-5)


def test_semidefinite_smallest_eigenvalue():
    # max t with M − t I ⪰ 0.
    rng = np.random.default_rng(0)
    m = rng.normal(size=(4, 4))
    m = m + m.T
    rows, columns = np.triu_indices(4)
    order = np.lexsort((rows, columns))
    rows, columns = rows[order], columns[order]
    factor = np.where(rows == columns, 1.0, np.sqrt(2))
    model = ConicModel(
        np.array([-1.0]),
        csc_array((rows == columns).astype(float)[:, None]),
        m[rows, columns] * factor,
        [Cone("psd_triangle", 4)],
    )
    answer = solve_conic(model)
    assert -answer.objective == pytest.approx(np.linalg.eigvalsh(m)[0], abs=1e-6)


def test_infeasible_and_unbounded():
    bounds = csc_array([[-1.0], [1.0]])
    infeasible = ConicModel(np.ones(1), bounds, np.array([-2.0, 1.0]), [Cone("nonnegative", 2)])
    answer = solve_conic(infeasible)
    assert answer.status is SolverStatus.INFEASIBLE
    # Its dual is a proof: z ≥ 0, Aᵀz = 0, bᵀz < 0.
    assert abs(bounds.T @ answer.z).max() < 1e-6 * abs(answer.z).max()
    assert infeasible.rhs @ answer.z < 0
    free = ConicModel(-np.ones(1), csc_array([[-1.0]]), np.zeros(1), [Cone("nonnegative", 1)])
    assert solve_conic(free).status is SolverStatus.UNBOUNDED


def test_nan_is_refused_by_name():
    model = ball([1.0, 1.0])
    model.cost[1] = np.nan
    with pytest.raises(SolverError, match=r"cost\[1\] is NaN"):
        solve_conic(model)


def test_shapes_and_cones_are_checked():
    model = ball([1.0, 1.0])
    with pytest.raises(InvalidOptionError, match="matrix"):
        solve_conic(ConicModel(model.cost, model.matrix, model.rhs, [Cone("zero", 2)]))
    with pytest.raises(InvalidOptionError, match="cones"):
        solve_conic(ConicModel(model.cost, model.matrix, model.rhs, [Cone("cube", 3)]))


def test_a_living_model_changes_costs_rows_and_right_hand_sides():
    model = ball([3.0, 4.0])
    solver = ConicSolver(model)
    assert solver.solve().objective == pytest.approx(-10, rel=1e-6)
    solver.set_cost(np.array([0.0, 1e4]))
    assert solver.solve().objective == pytest.approx(-2e4, rel=1e-6)
    solver.set_rhs(np.array([5.0, 0.0, 0.0]))
    assert solver.solve().objective == pytest.approx(-5e4, rel=1e-6)
    matrix = csc_array(model.matrix)
    matrix.sort_indices()
    solver.set_matrix(2 * matrix.data)
    answer = solver.solve()
    assert answer.objective == pytest.approx(-2.5e4, rel=1e-6)
    assert answer.dual_residual < 1e-6
