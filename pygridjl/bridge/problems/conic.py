"""A conic program solved by any optimizer of Julia that has its cones."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array, csc_array, tril

from pygridjl.bridge import runtime
from pygridjl.bridge.answer import floats
from pygridjl.bridge.problems.asking import JuliaOptions
from pygridjl.core.types import FloatArray
from pygridjl.solvers.conic import ConicModel, ConicSolution, assert_conic
from pygridjl.solvers.dual_cone import outside
from pygridjl.solvers.status import SolverStatus

__all__ = ["julia_conic"]

_KINDS = ("zero", "nonnegative", "second_order", "psd_triangle")
# MathOptInterface's names of how a solver ended.
_STATUS = {
    "OPTIMAL": SolverStatus.OPTIMAL,
    "ALMOST_OPTIMAL": SolverStatus.INACCURATE,
    "INFEASIBLE": SolverStatus.INFEASIBLE,
    "DUAL_INFEASIBLE": SolverStatus.UNBOUNDED,
    "TIME_LIMIT": SolverStatus.TIME_LIMIT,
    "ITERATION_LIMIT": SolverStatus.ITERATION_LIMIT,
}


def julia_conic(
    model: ConicModel, how: JuliaOptions | None = None, *, default: str = "Clarabel"
) -> ConicSolution:
    """Solve a conic program by a Julia package that has an ``Optimizer``.

    The arrays go to MathOptInterface as they are, which translates cones that the optimizer lacks.
    The objective is scaled so that its largest coefficient is 1.

    Parameters
    ----------
    model : ConicModel
        The program.
    how : JuliaOptions, optional
        Solver, its options and limits.
    default : str
        The package unless ``how`` names one.

    Returns
    -------
    ConicSolution
        As by Clarabel in Python, in the units of the model; NaN where the optimizer left nothing.
        The iterations are not told.

    Raises
    ------
    InvalidOptionError
        If the model does not fit together, or the optimizer cannot take it.
    SolverError
        If an array holds NaN or infinity.
    JuliaNotFoundError, JuliaPackageError, JuliaSolveError
        If Julia or the package cannot be used, or it fails.
    """
    assert_conic("Julia", model)
    how = how or JuliaOptions()
    runtime.start()
    solver = how.solver_in_julia(how.solver or default)
    scale = _scale(model)
    n = model.cost.size
    quadratic = csc_array((n, n)) if model.quadratic is None else csc_array(model.quadratic)
    rows, half = coo_array(model.matrix), coo_array(tril(quadratic))
    answer = runtime.call(
        "conic_solve",
        model.cost / scale,
        rows.row.astype(np.int64) + 1,
        rows.col.astype(np.int64) + 1,
        rows.data.astype(np.float64),
        np.asarray(model.rhs, dtype=np.float64),
        np.array([_KINDS.index(cone.kind) + 1 for cone in model.cones], dtype=np.int64),
        np.array([cone.size for cone in model.cones], dtype=np.int64),
        half.row.astype(np.int64) + 1,
        half.col.astype(np.int64) + 1,
        half.data / scale,
        solver,
        how.limit,
    )
    x, z = _filled(floats(answer.x), n), scale * _filled(floats(answer.z), model.rhs.size)
    s = model.rhs - model.matrix @ x
    curved = quadratic @ x
    half_curved = 0.5 * float(x @ curved)
    away = abs(curved + model.cost + model.matrix.T @ z).max(initial=0.0)
    return ConicSolution(
        status=_STATUS.get(str(answer.raw), SolverStatus.FAILED),
        x=x,
        s=s,
        z=z,
        objective=half_curved + float(model.cost @ x),
        dual_objective=-half_curved - float(model.rhs @ z),
        primal_residual=_finite(outside(model.cones, s)) / max(1.0, abs(model.rhs).max(initial=0)),
        dual_residual=_finite(float(away)) / scale,
        iterations=0,
    )


def _scale(model: ConicModel) -> float:
    largest = abs(model.cost).max(initial=0.0)
    if model.quadratic is not None:
        largest = max(largest, abs(model.quadratic.data).max(initial=0.0))
    return float(largest) or 1.0


def _filled(values: FloatArray, size: int) -> FloatArray:
    return values if values.size == size else np.full(size, np.nan)


def _finite(residual: float) -> float:
    """Infinity for what is not known."""
    return residual if np.isfinite(residual) else np.inf
