"""Losses on all nodes: a sparse convex quadratic program kept alive in Clarabel."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import coo_array, csc_array, csc_matrix, eye_array, triu, vstack

from pygridjl.core.types import FloatArray
from pygridjl.siting.second_stage.operation import Operation
from pygridjl.siting.second_stage.program import OperationProgram

__all__ = ["LossProgram", "loss_hessian"]


def loss_hessian(operation: Operation, program: OperationProgram) -> coo_array:
    """Return the second derivatives of the loss, kW, by the program's columns."""
    own = coo_array(operation.loss.hessian())
    column = np.concatenate([program.p_col, program.q_col])
    n = program.cost.size
    return coo_array((operation.kw * own.data, (column[own.row], column[own.col])), shape=(n, n))


class LossProgram:
    """Minimise the losses over the rows of the operation; only the right-hand side changes.

    Parameters
    ----------
    operation : Operation
        The problem.
    program : OperationProgram
        Its rows and columns, without deviations.
    """

    def __init__(self, operation: Operation, program: OperationProgram) -> None:
        n_col = program.cost.size
        # The objective is brought to about one, so that the solver's tolerances mean the same on
        # every feeder.
        P, Q = operation.model.flows(*operation.feeder.injection())
        lost = operation.kw * float(operation.loss.value(P, Q))
        least = 1e-6 * operation.kw * float(operation.loss.even.trace())
        self._scale = max(lost, least, 1e-12)
        equal = program.row_lower == program.row_upper
        equal[program.capacity] = False
        above = np.isfinite(program.row_upper) & ~equal
        below = np.isfinite(program.row_lower) & ~equal
        high = np.isfinite(program.col_upper)
        low = np.isfinite(program.col_lower)
        one = eye_array(n_col, format="csr")
        parts = [
            program.matrix[equal],
            program.matrix[above],
            -program.matrix[below],
            one[high],
            -one[low],
        ]
        self._right = np.concatenate(
            [
                program.row_upper[equal],
                program.row_upper[above],
                -program.row_lower[below],
                program.col_upper[high],
                -program.col_lower[low],
            ]
        )
        place = np.full(program.row_upper.size, -1)
        place[equal] = np.arange(equal.sum())
        place[above] = equal.sum() + np.arange(above.sum())
        self._balance, self._capacity = place[program.balance], place[program.capacity]
        matrix = csc_matrix(csc_array(vstack(parts)))
        hessian = csc_matrix(csc_array(triu(loss_hessian(operation, program) / self._scale)))
        cost = program.cost / self._scale
        self._solver = self._build(hessian, cost, matrix, int(equal.sum()))

    def _build(self, hessian: Any, cost: FloatArray, matrix: Any, n_equal: int) -> Any:
        import clarabel

        settings = clarabel.DefaultSettings()
        settings.verbose = False
        settings.max_threads = 1
        # Presolve would drop rows whose right-hand side is to change.
        settings.presolve_enable = False
        settings.tol_gap_abs = 1e-12
        settings.tol_gap_rel = settings.tol_feas = 1e-10
        cones = [
            clarabel.ZeroConeT(n_equal),
            clarabel.NonnegativeConeT(self._right.size - n_equal),
        ]
        return clarabel.DefaultSolver(hessian, cost, matrix, self._right, cones, settings)

    def solve(self, balance: FloatArray, capacity: FloatArray) -> tuple[float, FloatArray] | None:
        """Solve one scenario.

        Parameters
        ----------
        balance : ndarray, shape (2 n_node,)
            Right-hand sides of the balances.
        capacity : ndarray, shape (n_site,)
            Capacities of the sites, p.u.

        Returns
        -------
        value : float
            Loss, kW.
        price : ndarray, shape (2 n_node,)
            Change of the loss by the right-hand sides of the balances, kW per p.u.

        None if there is no optimum to full accuracy.
        """
        answer = self._answer(balance, capacity)
        if answer is None:
            return None
        dual = np.asarray(answer.z)[self._balance]
        return float(answer.obj_val) * self._scale, -dual * self._scale

    def columns(self, balance: FloatArray, capacity: FloatArray) -> FloatArray | None:
        """Return the columns of the program at the optimum of :meth:`solve`, or None."""
        answer = self._answer(balance, capacity)
        return None if answer is None else np.array(answer.x)

    def _answer(self, balance: FloatArray, capacity: FloatArray) -> Any:
        import clarabel

        self._right[self._balance] = balance
        self._right[self._capacity] = capacity
        self._solver.update(b=self._right)
        answer = self._solver.solve()
        return answer if answer.status == clarabel.SolverStatus.Solved else None
