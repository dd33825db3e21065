"""Losses on all nodes: a sparse convex quadratic program kept alive in Clarabel."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array, csc_array, eye_array, vstack

from pygridjl.core.types import FloatArray
from pygridjl.siting.second_stage.operation import Operation
from pygridjl.siting.second_stage.program import OperationProgram
from pygridjl.solvers.conic import Cone, ConicModel, ConicSolution, ConicSolver
from pygridjl.solvers.status import SolverStatus

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
        scale = max(lost, least, 1e-12)
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
        n_equal = int(equal.sum())
        cones = [Cone("zero", n_equal), Cone("nonnegative", self._right.size - n_equal)]
        model = ConicModel(
            cost=program.cost,
            matrix=csc_array(vstack(parts)),
            rhs=self._right,
            cones=cones,
            quadratic=csc_array(loss_hessian(operation, program)),
        )
        self._solver = ConicSolver(model, tolerance=1e-10, scale=scale)

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
        return None if answer is None else (answer.objective, -answer.z[self._balance])

    def columns(self, balance: FloatArray, capacity: FloatArray) -> FloatArray | None:
        """Return the columns of the program at the optimum of :meth:`solve`, or None."""
        answer = self._answer(balance, capacity)
        return None if answer is None else answer.x

    def _answer(self, balance: FloatArray, capacity: FloatArray) -> ConicSolution | None:
        self._right[self._balance] = balance
        self._right[self._capacity] = capacity
        self._solver.set_rhs(self._right)
        answer = self._solver.solve()
        return answer if answer.status is SolverStatus.OPTIMAL else None
