"""Clarabel in direct conic form: quadratic objective, zero, nonnegative, Lorentz and PSD cones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from scipy.sparse import csc_array, csr_array, triu

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.stopping import cancelling, is_answering, signals_deferred
from pygridjl.core.types import FloatArray
from pygridjl.solvers.clock import IterationClock
from pygridjl.solvers.status import SolverStatus, assert_finite

__all__ = [
    "Cone",
    "ConeKind",
    "ConicModel",
    "ConicSolution",
    "ConicSolver",
    "assert_conic",
    "joined",
    "solve_conic",
]

ConeKind: TypeAlias = Literal["zero", "nonnegative", "second_order", "psd_triangle"]

_STATUS = {
    "Solved": SolverStatus.OPTIMAL,
    "AlmostSolved": SolverStatus.INACCURATE,
    "PrimalInfeasible": SolverStatus.INFEASIBLE,
    "DualInfeasible": SolverStatus.UNBOUNDED,
    "CallbackTerminated": SolverStatus.TIME_LIMIT,
    "MaxIterations": SolverStatus.ITERATION_LIMIT,
    # Neither certificate nor optimum to any accuracy; the last iterate is left.
    "AlmostPrimalInfeasible": SolverStatus.FAILED,
    "AlmostDualInfeasible": SolverStatus.FAILED,
    "NumericalError": SolverStatus.FAILED,
    "InsufficientProgress": SolverStatus.FAILED,
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

    @property
    def linear(self) -> bool:
        """Whether its rows stand for themselves: equations or inequalities."""
        return self.kind in ("zero", "nonnegative")


def joined(cones: Iterable[Cone]) -> list[Cone]:
    """Return the same cones with linear ones of a kind that follow each other as one.

    Parameters
    ----------
    cones : iterable of Cone
        In the order of their rows.

    Returns
    -------
    list of Cone
        As many rows in the same order.
    """
    found: list[Cone] = []
    for cone in cones:
        if cone.linear and found and found[-1].kind == cone.kind:
            found[-1] = Cone(cone.kind, found[-1].size + cone.size)
        else:
            found.append(cone)
    return found


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


class ConicSolver:
    """A model that stays alive: change numbers, never the pattern, and solve again.

    Setting up costs a symbolic factorisation; changing costs, right-hand sides or the data of the
    matrix reuses it. Clarabel starts every run cold.

    Parameters
    ----------
    model : ConicModel
        The model; its arrays are copied.
    tolerance : float
        Relative gap and feasibility.
    scale : float, optional
        The objective is divided by this; by default by its largest coefficient.
    regularisation : float, optional
        What is added to the diagonal of the equations for a step, and taken off again by refining
        their solution; by default Clarabel's 1e-8. Programs with a thin feasible set need more.

    Raises
    ------
    InvalidOptionError
        If shapes do not match or a cone is unknown.
    SolverError
        If an array holds NaN or infinity.
    """

    def __init__(
        self,
        model: ConicModel,
        *,
        tolerance: float = 1e-8,
        scale: float | None = None,
        regularisation: float | None = None,
    ) -> None:
        import clarabel

        assert_conic("Clarabel", model)
        n = model.cost.size
        self._quadratic = (
            csc_array((n, n)) if model.quadratic is None else csc_array(model.quadratic)
        )
        self._cost, self._rhs = model.cost.astype(np.float64), model.rhs.astype(np.float64)
        self._matrix = csc_array(model.matrix, dtype=np.float64)
        self._matrix.sort_indices()
        self._transposed = csr_array(self._matrix.T)
        self._scale = self._natural_scale() if scale is None else scale
        settings = clarabel.DefaultSettings()
        settings.verbose = False
        settings.max_threads = 1
        # Both would change the pattern, and cliques are given explicitly where there are any.
        settings.presolve_enable = False
        settings.chordal_decomposition_enable = False
        settings.tol_gap_rel = settings.tol_gap_abs = settings.tol_feas = tolerance
        if tolerance >= 1e-8 and all(cone.kind != "psd_triangle" for cone in model.cones):
            # Without matrices the steps are good enough: refining them further costs a tenth.
            settings.iterative_refinement_reltol = settings.iterative_refinement_abstol = 1e-9
        if regularisation is not None:
            settings.static_regularization_constant = regularisation
            # Refining removes the more the larger it is, in smaller steps.
            settings.iterative_refinement_max_iter = 50
            settings.iterative_refinement_stop_ratio = 2.0
        clock = self._clock = IterationClock()
        self._solver = clarabel.DefaultSolver(
            csc_array(triu(self._quadratic, format="csc") / self._scale),
            self._cost / self._scale,
            self._matrix,
            self._rhs,
            [_cone(clarabel, cone) for cone in model.cones],
            settings,
        )
        self._solver.set_termination_callback(lambda _info: clock.over())

    def set_cost(self, cost: FloatArray, *, scale: float | None = None) -> None:
        """Change q; the scale is chosen anew unless given or the objective is quadratic."""
        assert_finite("Clarabel", "cost", cost)
        self._cost = cost.astype(np.float64)
        if not self._quadratic.nnz:
            self._scale = self._natural_scale() if scale is None else scale
        self._solver.update(q=self._cost / self._scale)

    def set_rhs(self, rhs: FloatArray) -> None:
        """Change b."""
        assert_finite("Clarabel", "rhs", rhs)
        self._rhs = rhs.astype(np.float64)
        self._solver.update(b=self._rhs)

    def set_matrix(self, data: FloatArray) -> None:
        """Change the entries of A, in the order of its sorted columns."""
        assert_finite("Clarabel", "matrix", data)
        self._matrix = csc_array(
            (data, self._matrix.indices, self._matrix.indptr), shape=self._matrix.shape
        )
        self._transposed = csr_array(self._matrix.T)
        self._solver.update(A=data)

    def solve(self, *, time_limit: float = np.inf) -> ConicSolution:
        """Solve with the present numbers.

        Parameters
        ----------
        time_limit : float
            Seconds; an iteration that would pass it is not begun.

        Returns
        -------
        ConicSolution
            The answer, in the units of the model.
        """
        self._clock.start(time_limit)
        # What a handler raises inside the callback is printed and forgotten. A run that heeds
        # requests hears of them by its own road.
        with signals_deferred((lambda: None) if is_answering() else self.cancel):
            answer = self._solver.solve()
        x, s = np.array(answer.x), np.array(answer.s)
        z = self._scale * np.array(answer.z)
        curved = self._quadratic @ x
        half = 0.5 * float(x @ curved)
        primal = abs(self._matrix @ x + s - self._rhs).max(initial=0.0)
        dual = abs(curved + self._cost + self._transposed @ z).max(initial=0.0)
        return ConicSolution(
            status=_STATUS.get(str(answer.status), SolverStatus.FAILED),
            x=x,
            s=s,
            z=z,
            objective=half + float(self._cost @ x),
            dual_objective=-half - float(self._rhs @ z),
            primal_residual=float(primal / max(1.0, abs(self._rhs).max(initial=0.0))),
            dual_residual=float(dual / self._natural_scale()),
            iterations=int(answer.iterations),
        )

    def cancel(self) -> None:
        """End this run, or the next one, after its present iteration; from any thread."""
        self._clock.cancelled = True

    def _natural_scale(self) -> float:
        largest = max(abs(self._cost).max(initial=0.0), abs(self._quadratic.data).max(initial=0.0))
        return float(largest) or 1.0


def solve_conic(
    model: ConicModel,
    *,
    time_limit: float = np.inf,
    tolerance: float = 1e-8,
    scale: float | None = None,
    regularisation: float | None = None,
) -> ConicSolution:
    """Solve a conic program once.

    Parameters
    ----------
    model : ConicModel
        The model.
    time_limit : float
        Seconds.
    tolerance : float
        Relative gap and feasibility.
    scale, regularisation : float, optional
        As for :class:`ConicSolver`; by default the largest coefficient of the objective becomes 1.

    Returns
    -------
    ConicSolution
        The answer, in the units of the model.

    Raises
    ------
    InvalidOptionError
        If shapes do not match or a cone is unknown.
    SolverError
        If an array holds NaN or infinity.
    """
    solver = ConicSolver(model, tolerance=tolerance, scale=scale, regularisation=regularisation)
    with cancelling(solver.cancel):
        return solver.solve(time_limit=time_limit)


def _cone(clarabel: Any, cone: Cone) -> object:
    kinds = {
        "zero": clarabel.ZeroConeT,
        "nonnegative": clarabel.NonnegativeConeT,
        "second_order": clarabel.SecondOrderConeT,
        "psd_triangle": clarabel.PSDTriangleConeT,
    }
    return kinds[cone.kind](cone.size)


def assert_conic(solver: str, model: ConicModel) -> None:
    """Raise unless the arrays of a program fit together and are finite.

    Parameters
    ----------
    solver : str
        Who is to solve it, for the message.
    model : ConicModel
        The program.

    Raises
    ------
    InvalidOptionError
        If shapes do not match or a cone is unknown.
    SolverError
        If an array holds NaN or infinity.
    """
    for cone in model.cones:
        if cone.kind not in get_args(ConeKind) or cone.size < 1:
            raise InvalidOptionError(f"cones: {cone} is not a cone")
    m, n = sum(cone.rows for cone in model.cones), model.cost.size
    if model.matrix.shape != (m, n):
        raise InvalidOptionError(f"matrix: shape is {model.matrix.shape}, expected {(m, n)}")
    if model.rhs.shape != (m,):
        raise InvalidOptionError(f"rhs: shape is {model.rhs.shape}, expected {(m,)}")
    assert_finite(solver, "cost", model.cost)
    assert_finite(solver, "matrix", csr_array(model.matrix))
    assert_finite(solver, "rhs", model.rhs)
    if model.quadratic is not None:
        if model.quadratic.shape != (n, n):
            raise InvalidOptionError(
                f"quadratic: shape is {model.quadratic.shape}, expected {(n, n)}"
            )
        assert_finite(solver, "quadratic", csr_array(model.quadratic))
