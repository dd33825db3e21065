"""The second stage in Julia against highspy and against theorems of duality."""

from __future__ import annotations

import highspy
import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.sparse import diags_array, random_array

from pygridjl.bridge.problems.scenarios import JuliaSecondStage
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.result import Status

pytestmark = pytest.mark.julia


@pytest.fixture(scope="module")
def program():
    rng = np.random.default_rng(7)
    matrix = random_array((20, 35), density=0.4, rng=rng, data_sampler=rng.random)
    return matrix.tocsr(), 1 + rng.random(35), np.full(35, 5.0)


def _stage(program, quadratic=None) -> JuliaSecondStage:
    matrix, cost, upper = program
    m, n = matrix.shape
    sides = (np.zeros(m), np.full(m, np.inf))
    return JuliaSecondStage(matrix, cost, np.zeros(n), upper, *sides, np.arange(m), quadratic)


def test_scenarios_agree_with_scipy(program) -> None:
    matrix, cost, upper = program
    demand = 4 * np.random.default_rng(1).random((30, 20))
    answer = _stage(program).solve(demand, np.full_like(demand, np.inf))
    for s in range(30):
        other = linprog(cost, A_ub=-matrix, b_ub=-demand[s], bounds=np.stack([0 * upper, upper], 1))
        assert (answer.status[s] is Status.OPTIMAL) == (other.status == 0)
        if other.status == 0:
            assert answer.objective[s] == pytest.approx(other.fun, rel=1e-8)
            assert answer.z[s] @ cost == pytest.approx(other.fun, rel=1e-8)
            # Strong duality with the reduced costs of the boxed variables.
            reduced = np.minimum(cost - answer.dual[s] @ matrix, 0)
            assert answer.dual[s] @ demand[s] + reduced @ upper == pytest.approx(other.fun)


def test_infeasible_scenarios_carry_a_farkas_certificate(program) -> None:
    matrix, _, upper = program
    demand = np.vstack([np.full(20, 100.0), np.full(20, 0.5)])
    answer = _stage(program).solve(demand, np.full_like(demand, np.inf))
    assert answer.status == (Status.INFEASIBLE, Status.OPTIMAL)
    y = answer.ray[0]
    assert (y >= -1e-9).all()
    assert y @ demand[0] > np.maximum(y @ matrix, 0) @ upper


def test_a_quadratic_cost_agrees_with_highspy(program) -> None:
    matrix, cost, upper = program
    weights = 0.1 + np.random.default_rng(3).random(35)
    demand = np.full((1, 20), 1.0)
    answer = _stage(program, diags_array(weights)).solve(demand, np.full((1, 20), np.inf))
    model = highspy.Highs()
    model.setOptionValue("output_flag", False)
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = 35, 20
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = cost, np.zeros(35), upper
    lp.row_lower_, lp.row_upper_ = demand[0], np.full(20, highspy.kHighsInf)
    columns = matrix.tocsc()
    lp.a_matrix_.start_, lp.a_matrix_.index_ = columns.indptr, columns.indices
    lp.a_matrix_.value_ = columns.data
    model.passModel(lp)
    hessian = highspy.HighsHessian()
    hessian.dim_, hessian.start_ = 35, np.arange(36)
    hessian.index_, hessian.value_ = np.arange(35), weights
    model.passHessian(hessian)
    model.run()
    assert model.getModelStatus() == highspy.HighsModelStatus.kOptimal
    assert answer.objective[0] == pytest.approx(model.getObjectiveValue(), rel=1e-6)


def test_bad_input_is_named() -> None:
    matrix = random_array((2, 2), density=1.0, rng=np.random.default_rng(0)).tocsr()
    zero, one = np.zeros(2), np.ones(2)
    with pytest.raises(InvalidOptionError, match="cost: holds NaN"):
        JuliaSecondStage(matrix, [np.nan, 1], zero, one, zero, one, [0])
    with pytest.raises(InvalidOptionError, match="link"):
        JuliaSecondStage(matrix, one, zero, one, zero, one, [2])
    stage = JuliaSecondStage(matrix, one, zero, one, zero, one, [0])
    with pytest.raises(InvalidOptionError, match="upper: shape"):
        stage.solve(np.zeros((3, 1)), np.zeros((2, 1)))


def test_a_refusal_in_julia_is_an_invalid_option() -> None:
    from pygridjl.bridge import runtime

    with pytest.raises(InvalidOptionError, match="package Nowhere is not in the active project"):
        runtime.call("load_package", "Nowhere")
