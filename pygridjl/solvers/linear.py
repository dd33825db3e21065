"""Linear, mixed-integer linear and convex quadratic programs as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array, eye_array, hstack

from pygridjl.core.errors import InvalidOptionError, SolverError
from pygridjl.core.types import BoolArray, FloatArray
from pygridjl.solvers.status import assert_finite, assert_number

__all__ = ["LinearModel", "assert_bounds", "assert_model", "elastic_model"]


@dataclass(frozen=True, eq=False)
class LinearModel:
    """Minimise ½ xᵀHx + cᵀx + offset subject to row_lower ≤ Ax ≤ row_upper and column bounds.

    Attributes
    ----------
    cost : ndarray, shape (n,)
        c.
    matrix : csr_array, shape (m, n)
        A.
    row_lower, row_upper : ndarray, shape (m,)
        Row bounds; ±infinity for none.
    col_lower, col_upper : ndarray, shape (n,)
        Column bounds; ±infinity for none.
    integer : ndarray of bool, shape (n,), optional
        Integer columns. Their bounds are rounded inward, because HiGHS can cut off the optimum
        when an integer column has a fractional upper bound.
    hessian : csr_array, shape (n, n), optional
        H, symmetric positive semidefinite. HiGHS solves no mixed-integer quadratic programs.
    offset : float
        Constant of the objective.
    """

    cost: FloatArray
    matrix: csr_array
    row_lower: FloatArray
    row_upper: FloatArray
    col_lower: FloatArray
    col_upper: FloatArray
    integer: BoolArray | None = None
    hessian: csr_array | None = None
    offset: float = 0.0


def elastic_model(
    matrix: csr_array,
    row_lower: FloatArray,
    row_upper: FloatArray,
    col_lower: FloatArray,
    col_upper: FloatArray,
) -> LinearModel:
    """Return the program that lets every row give way at a price of one for each unit.

    It is feasible whenever the bounds of the columns are; its optimum is positive exactly if the
    rows cannot all be kept, and its duals then prove that.

    Parameters
    ----------
    matrix : csr_array, shape (m, n)
        Rows.
    row_lower, row_upper, col_lower, col_upper : ndarray
        Bounds of the rows and columns.

    Returns
    -------
    LinearModel
        Columns: those given, then what each row gives way up and down.
    """
    m, n = matrix.shape
    one = eye_array(m)
    return LinearModel(
        cost=np.concatenate([np.zeros(n), np.ones(2 * m)]),
        matrix=csr_array(hstack([matrix, one, -one])),
        row_lower=row_lower,
        row_upper=row_upper,
        col_lower=np.concatenate([col_lower, np.zeros(2 * m)]),
        col_upper=np.concatenate([col_upper, np.full(2 * m, np.inf)]),
    )


def assert_bounds(kind: str, lower: FloatArray, upper: FloatArray) -> None:
    """Raise if bounds hold NaN, or infinity on the wrong side.

    Raises
    ------
    SolverError
        Naming the first such bound.
    """
    assert_number("HiGHS", f"{kind}_lower", lower)
    assert_number("HiGHS", f"{kind}_upper", upper)
    for name, values, wrong in (("lower", lower, np.inf), ("upper", upper, -np.inf)):
        bad = np.flatnonzero(values == wrong)
        if bad.size:
            raise SolverError(f"HiGHS: {kind}_{name}[{int(bad[0])}] is {wrong}")


def assert_model(model: LinearModel) -> None:
    """Raise if arrays of a model do not fit together or hold what HiGHS would take silently.

    Raises
    ------
    SolverError
        If an array holds NaN, or infinity where a number is needed.
    InvalidOptionError
        If shapes do not match, or the model is quadratic and integer.
    """
    n, m = model.cost.size, model.row_lower.size
    if model.matrix.shape != (m, n):
        raise InvalidOptionError(f"matrix: shape is {model.matrix.shape}, expected {(m, n)}")
    sized = (
        ("row_upper", model.row_upper, m),
        ("col_lower", model.col_lower, n),
        ("col_upper", model.col_upper, n),
        ("integer", model.integer, n),
    )
    for name, values, size in sized:
        if values is not None and values.shape != (size,):
            raise InvalidOptionError(f"{name}: shape is {values.shape}, expected {(size,)}")
    assert_finite("HiGHS", "cost", model.cost)
    assert_finite("HiGHS", "matrix", model.matrix)
    assert_finite("HiGHS", "offset", np.array([model.offset]))
    assert_bounds("row", model.row_lower, model.row_upper)
    assert_bounds("col", model.col_lower, model.col_upper)
    if model.hessian is not None:
        assert_finite("HiGHS", "hessian", model.hessian)
        if model.hessian.shape != (n, n):
            raise InvalidOptionError(f"hessian: shape is {model.hessian.shape}, expected {(n, n)}")
        if model.integer is not None and model.integer.any():
            raise InvalidOptionError("hessian: HiGHS solves no mixed-integer quadratic programs")
