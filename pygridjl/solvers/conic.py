"""Clarabel in direct conic form: quadratic objective, zero, nonnegative, Lorentz and PSD cones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import clarabel
import numpy as np
from scipy.sparse import csc_array, csr_array, triu

from pygridjl.core.errors import InvalidOptionError, SolverError
from pygridjl.core.types import FloatArray
from pygridjl.solvers.status import SolverStatus, assert_finite

__all__ = ["Cone", "ConeKind", "ConicModel", "ConicSolution", "solve_conic"]

ConeKind: TypeAlias = Literal["zero", "nonnegative", "second_order", "psd_triangle"]

_STATUS = {
    "Solved": SolverStatus.OPTIMAL,
    "AlmostSolved": SolverStatus.INACCURATE,
    "PrimalInfeasible": SolverStatus.INFEASIBLE,
    "DualInfeasible": SolverStatus.UNBOUNDED,
    "MaxTime": SolverStatus.TIME_LIMIT,
    "MaxIterations": SolverStatus.ITERATION_LIMIT,
}


@dataclass(frozen=True)
class Cone:
    """One cone of the product K.

    Attributes
    ----------
    kind : {"zero", "nonnegative", "second_order", "psd_triangle"}
        ``second_order`` is (t, x) with t ≥ ‖x‖; ``psd_triangle`` holds the columns of the upper
        triangle of a symmetric matrix one after the other, off-diagonals times √2.
    size : int
        Number of rows; for ``psd_triangle`` the order of the matrix, n (n + 1) / 2 rows.
    """

    kind: ConeKind
    size: int

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.size * (self.size + 1) // 2 if self.kind == "psd_triangle" else self.size


@dataclass(frozen=True, eq=False)
class ConicModel:
    """Minimise ½ xᵀPx + qᵀx subject to Ax + s = b, s ∈ K.

    Attributes
    ----------
    cost : ndarray, shape (n,)
        q.
    matrix : csc_array, shape (m, n)
        A.
    rhs : ndarray, shape (m,)
        b.
    cones : sequence of Cone
        K, in the order of the rows.
    quadratic : csc_array, shape (n, n), optional
        P, symmetric positive semidefinite.
    """

    cost: FloatArray
    matrix: csc_array
    rhs: FloatArray
    cones: Sequence[Cone]
    quadratic: csc_array | None = None


@dataclass(frozen=True, eq=False)
class ConicSolution:
    """Answer of one run.

    Attributes
    ----------
    status : SolverStatus
        How the run ended; the arrays of an infeasible or unbounded model are its certificate.
    x, s, z : ndarray
        Primal solution, slack, dual (z in the dual cone, Px + q + Aᵀz = 0).
    objective, dual_objective : float
        ½ xᵀPx + qᵀx and −½ xᵀPx − bᵀz. The second bounds the optimum from below as far as
        ``dual_residual`` is zero.
    primal_residual, dual_residual : float
        Largest entry of Ax + s − b and of Px + q + Aᵀz, relative to the largest entry of the
        terms (at least 1 for the primal, the largest cost for the dual).
    iterations : int
        Interior-point iterations.
    """

    status: SolverStatus
    x: FloatArray
    s: FloatArray
    z: FloatArray
    objective: float
    dual_objective: float
    primal_residual: float
    dual_residual: float
    iterations: int


def solve_conic(
    model: ConicModel, *, time_limit: float = np.inf, tolerance: float = 1e-8
) -> ConicSolution:
    """Solve a conic program; the objective is scaled so that its largest coefficient is 1.

    Parameters
    ----------
    model : ConicModel
        The model.
    time_limit : float
        Seconds.
    tolerance : float
        Relative gap and feasibility.

    Returns
    -------
    ConicSolution
        The answer, in the units of the model.

    Raises
    ------
    InvalidOptionError
        If shapes do not match or a cone is unknown.
    SolverError
        If an array holds NaN or infinity, or Clarabel ends without an answer to be trusted.
    """
    _assert_model(model)
    n = model.cost.size
    quadratic = csc_array((n, n)) if model.quadratic is None else csc_array(model.quadratic)
    scale = max(abs(model.cost).max(initial=0.0), abs(quadratic.data).max(initial=0.0)) or 1.0
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.time_limit = time_limit
    settings.tol_gap_rel = settings.tol_gap_abs = settings.tol_feas = tolerance
    answer = clarabel.DefaultSolver(
        csc_array(triu(quadratic, format="csc") / scale),
        model.cost / scale,
        csc_array(model.matrix),
        model.rhs,
        [_cone(cone) for cone in model.cones],
        settings,
    ).solve()
    name = str(answer.status)
    if name not in _STATUS:
        raise SolverError(f"Clarabel: ended with status {name!r}")
    x, s = np.array(answer.x), np.array(answer.s)
    z = scale * np.array(answer.z)
    curved = quadratic @ x
    half = 0.5 * float(x @ curved)
    primal = abs(model.matrix @ x + s - model.rhs).max(initial=0.0)
    dual = abs(curved + model.cost + model.matrix.T @ z).max(initial=0.0)
    return ConicSolution(
        status=_STATUS[name],
        x=x,
        s=s,
        z=z,
        objective=half + float(model.cost @ x),
        dual_objective=-half - float(model.rhs @ z),
        primal_residual=float(primal / max(1.0, abs(model.rhs).max(initial=0.0))),
        dual_residual=float(dual / scale),
        iterations=int(answer.iterations),
    )


def _cone(cone: Cone) -> object:
    kinds = {
        "zero": clarabel.ZeroConeT,
        "nonnegative": clarabel.NonnegativeConeT,
        "second_order": clarabel.SecondOrderConeT,
        "psd_triangle": clarabel.PSDTriangleConeT,
    }
    return kinds[cone.kind](cone.size)


def _assert_model(model: ConicModel) -> None:
    for cone in model.cones:
        if cone.kind not in get_args(ConeKind) or cone.size < 1:
            raise InvalidOptionError(f"cones: {cone} is not a cone")
    m, n = sum(cone.rows for cone in model.cones), model.cost.size
    if model.matrix.shape != (m, n):
        raise InvalidOptionError(f"matrix: shape is {model.matrix.shape}, expected {(m, n)}")
    if model.rhs.shape != (m,):
        raise InvalidOptionError(f"rhs: shape is {model.rhs.shape}, expected {(m,)}")
    assert_finite("Clarabel", "cost", model.cost)
    assert_finite("Clarabel", "matrix", csr_array(model.matrix))
    assert_finite("Clarabel", "rhs", model.rhs)
    if model.quadratic is not None:
        if model.quadratic.shape != (n, n):
            raise InvalidOptionError(
                f"quadratic: shape is {model.quadratic.shape}, expected {(n, n)}"
            )
        assert_finite("Clarabel", "quadratic", csr_array(model.quadratic))
