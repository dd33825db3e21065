"""Conic programs by Julia's optimizers against Clarabel called from here."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csc_array

from pygridjl import get_case, linearize
from pygridjl.bridge.errors import JuliaSolverMissingError
from pygridjl.bridge.problems.asking import JuliaOptions
from pygridjl.bridge.problems.conic import julia_conic
from pygridjl.core.errors import SolverError
from pygridjl.optimal_flow.linearisation.problem import with_ratings
from pygridjl.optimal_flow.linearisation.relaxation import relax_moments
from pygridjl.scenarios import two_factor_loads
from pygridjl.solvers.conic import Cone, ConicModel, solve_conic
from pygridjl.solvers.status import SolverStatus

pytestmark = pytest.mark.julia


def every_cone(quadratic: csc_array | None = None) -> ConicModel:
    """Minimise t + z with (t, 3, 4) in a cone, y ≥ 3, [[1, y], [y, z]] ⪰ 0 and w = 2."""
    matrix = np.zeros((8, 4))
    matrix[[0, 1, 2, 6, 7], [3, 1, 0, 1, 2]] = [1.0, -1.0, -1.0, -np.sqrt(2.0), -1.0]
    rhs = np.array([2.0, -3.0, 0.0, 3.0, 4.0, 1.0, 0.0, 0.0])
    cones = [Cone("zero", 1), Cone("nonnegative", 1), Cone("second_order", 3)]
    cones.append(Cone("psd_triangle", 2))
    cost = np.array([1.0, 0.0, 1.0, 0.0])
    return ConicModel(cost, csc_array(matrix), rhs, cones, quadratic)


@pytest.mark.parametrize("curved", [False, True])
def test_every_kind_of_cone(curved: bool) -> None:
    quadratic = csc_array(np.diag([0.5, 0.2, 0.0, 0.1])) if curved else None
    ours, theirs = solve_conic(every_cone(quadratic)), julia_conic(every_cone(quadratic))
    assert theirs.status is SolverStatus.OPTIMAL
    assert theirs.x == pytest.approx(ours.x, abs=1e-5)
    assert theirs.z == pytest.approx(ours.z, abs=1e-4)
    assert theirs.dual_objective == pytest.approx(ours.objective, rel=1e-5)
    assert max(theirs.primal_residual, theirs.dual_residual) < 1e-6


@pytest.mark.parametrize("order", [1, 2])
def test_moments_have_the_same_bound_by_julia(order: int) -> None:
    network = with_ratings(get_case("case9"), 120.0)
    draws = two_factor_loads(network).draw(50, 0)
    ours = relax_moments(network, draws, order, engine="clarabel")
    theirs = relax_moments(network, draws, order, engine="julia")
    assert theirs.engine == "julia (Clarabel)"
    # The same optimum; the bound of each is safe whatever its engine's accuracy.
    assert theirs.bound == pytest.approx(ours.bound, rel=1e-3)
    assert theirs.bound <= ours.value * (1 + 1e-4)


def test_the_door_takes_a_julia_optimizer() -> None:
    options = {"engine": "julia", "optimizer": "Clarabel"}
    found = linearize(get_case("case9"), point="order1", samples=20, options=options)
    assert found.relaxation["engine"] == "julia (Clarabel)"
    assert found.bound is not None


def test_a_missing_optimizer_is_named() -> None:
    with pytest.raises(JuliaSolverMissingError, match="NoSuchOptimizer"):
        julia_conic(every_cone(), JuliaOptions(solver="NoSuchOptimizer"))


def test_nan_is_refused_by_name() -> None:
    model = every_cone()
    model.cost[0] = np.nan
    with pytest.raises(SolverError, match="Julia: cost"):
        julia_conic(model)


def test_an_infeasible_program_is_told() -> None:
    matrix = csc_array(np.array([[1.0], [-1.0]]))
    model = ConicModel(np.ones(1), matrix, np.array([0.0, -1.0]), [Cone("nonnegative", 2)])
    assert julia_conic(model).status is SolverStatus.INFEASIBLE
