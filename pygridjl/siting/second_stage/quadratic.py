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
    """Return the second derivatives of the loss, kW times its weight, by the program's columns."""
    own = coo_array(operation.loss.hessian())
    scale = operation.objective.curvature * operation.kw
    column = np.concatenate([program.p_col, program.q_col])
    n = program.cost.size
    return coo_array((scale * own.data, (column[own.row], column[own.col])), shape=(n, n))


class LossProgram:
    """Minimise losses, and what is linear beside them, over the rows of the operation.

    Only the right-hand side changes, and prices of energy that depend on the scenario.

    Parameters
    ----------
    operation : Operation
        The problem.
    program : OperationProgram
        Its rows and columns.
    """

    def __init__(self, operation: Operation, program: OperationProgram) -> None:
        n_col = program.cost.size
        # The objective is brought to about one, so that the solver's tolerances mean the same on
        # every feeder.
        objective = operation.objective
        P, Q = operation.model.flows(*operation.feeder.injection())
        U = operation.model.voltages_of_flows(P, Q)
        state = objective.values(np.zeros(1, dtype=np.int64), P[None], Q[None], U[None])
        size = float(objective.total({k: np.abs(value) for k, value in state.items()})[0])
        bent = objective.curvature * operation.kw
        scale = max(size, 1e-6 * bent * float(operation.loss.even.trace()), 1e-12)
        self._program = program
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

    def solve(
        self, scenario: int, balance: FloatArray, capacity: FloatArray
    ) -> tuple[float, FloatArray] | None:
        """Solve one scenario.

        Parameters
        ----------
        scenario : int
            Position in the set, for its prices.
        balance : ndarray, shape (2 n_node,)
            Right-hand sides of the balances.
        capacity : ndarray, shape (n_site,)
            Capacities of the sites, p.u.

        Returns
        -------
        value : float
            The objective.
        price : ndarray, shape (2 n_node,)
            Its change by the right-hand sides of the balances, by p.u.

        None if there is no optimum to full accuracy.
        """
        answer = self._answer(scenario, balance, capacity)
        return None if answer is None else (answer.objective, -answer.z[self._balance])

    def columns(
        self, scenario: int, balance: FloatArray, capacity: FloatArray
    ) -> FloatArray | None:
        """Return the columns of the program at the optimum of :meth:`solve`, or None."""
        answer = self._answer(scenario, balance, capacity)
        return None if answer is None else answer.x

    def _answer(
        self, scenario: int, balance: FloatArray, capacity: FloatArray
    ) -> ConicSolution | None:
        if self._program.hourly:
            self._solver.set_cost(self._program.costs(scenario))
        self._right[self._balance] = balance
        self._right[self._capacity] = capacity
        self._solver.set_rhs(self._right)
        answer = self._solver.solve()
        return answer if answer.status is SolverStatus.OPTIMAL else None
