"""Operation in one scenario as rows and columns of a sparse linear program."""

from __future__ import annotations

import numpy as np
from scipy.sparse import block_array, coo_array, csr_array, eye_array

from pygridjl.core.types import FloatArray, IntArray
from pygridjl.siting.second_stage.operation import LIMIT_KINDS, Operation
from pygridjl.solvers.linear import LinearModel

__all__ = ["OperationProgram"]


class OperationProgram:
    """(42)–(52) as rows and columns, the same for all scenarios and decisions.

    Columns: P, Q into every node, U, the injections of the sites, and for F^vd the excess and
    the shortfall of U against v_ref² whose sum is its absolute deviation. Rows: balance of P and
    of Q, voltage drop, deviation (F^vd only), the capacity of each site (44), the polygons. The
    balances and capacities hold all that changes.

    Parameters
    ----------
    operation : Operation
        The problem.
    deviation : bool
        Whether to have the columns and rows of F^vd.
    slack : float, optional
        Price of passing a limit by one percent (of the rating; 0.01 p.u. of voltage): one more
        column a branch phase and a node. Without it limits hold.
    measured : bool
        Whether injections cost what they are worth beside the measure.

    Attributes
    ----------
    matrix : csr_array
        All rows.
    row_lower, row_upper : ndarray
        Bounds, zero in the rows that change.
    col_lower, col_upper : ndarray
        Bounds of the columns.
    cost : ndarray
        Of F^vd, and what injections are worth beside the measure.
    balance : ndarray of int, shape (2 n_node,)
        Rows of the balances, P before Q.
    capacity : ndarray of int, shape (n_site,)
        Rows (44).
    p_col, q_col : ndarray of int, shape (n_node,)
        Columns of the flows.
    """

    def __init__(
        self,
        operation: Operation,
        *,
        deviation: bool,
        slack: float | None = None,
        measured: bool = True,
    ) -> None:
        n, n_col, n_site = operation.n_node, operation.n_col, operation.problem.n_site
        model = operation.model.equations()
        one = eye_array(n)
        put = coo_array((np.ones(n_col), (operation.col_node, np.arange(n_col))), shape=(n, n_col))
        held = coo_array(
            (np.ones(n_col), (operation.col_site, np.arange(n_col))), shape=(n_site, n_col)
        )
        limit = operation.limit
        rows: list[list[object]] = [
            [model.balance, None, None, put],
            [None, model.balance, None, operation.tan * put],
            [model.mp, model.mq, model.voltage, None],
            [None, None, None, held],
        ]
        zero, ones, free = np.zeros(n), np.ones(n), np.full(n, np.inf)
        lower = [zero, zero, model.u_source, np.full(n_site, -np.inf)]
        upper = [zero, zero, model.u_source, np.zeros(n_site)]
        reward = operation.reward if measured else 0.0
        cost = [zero, zero, zero, np.full(n_col, -reward)]
        col_lower, col_upper = [-free, -free, -free], [free, free, free]
        if slack is None:
            for k in (0, 2):
                there = np.flatnonzero(np.isfinite(limit[:, k]))
                pick = one.tocsr()[there]
                rows.append([LIMIT_KINDS[k, 0] * pick, LIMIT_KINDS[k, 1] * pick, None, None])
                lower.append(-limit[there, k])
                upper.append(limit[there, k])
            col_lower[1:], col_upper[1:] = [-limit[:, 5], -limit[:, 7]], [limit[:, 4], limit[:, 6]]
        col_lower.append(np.zeros(n_col))
        col_upper.append(np.full(n_col, np.inf))
        if slack is not None:
            rows = [[*row, None] for row in rows]
            soft, bound = _soft_rows(limit)
            rows += soft
            lower += [np.full(b.size, -np.inf) for b in bound]
            upper += bound
            col_lower.append(np.zeros(2 * n))
            col_upper.append(np.full(2 * n, np.inf))
            cost.append(np.full(2 * n, 100.0 * slack))
        if deviation:
            rows = [[*row, None, None] for row in rows]
            between = [None] * (0 if slack is None else 1)
            rows.append([None, None, one, None, *between, -one, one])
            lower.append(np.full(n, operation.u_ref))
            upper.append(np.full(n, operation.u_ref))
            col_lower += [zero, zero]
            col_upper += [free, free]
            cost += [ones, ones]
        self.matrix = csr_array(block_array(rows))
        self.row_lower, self.row_upper = np.concatenate(lower), np.concatenate(upper)
        self.col_lower, self.col_upper = np.concatenate(col_lower), np.concatenate(col_upper)
        self.cost = np.concatenate(cost)
        self.balance = np.arange(2 * n)
        self.capacity = 3 * n + np.arange(n_site)
        self.p_col, self.q_col = np.arange(n), n + np.arange(n)

    @property
    def changing(self) -> IntArray:
        """Rows that change: balances, then capacities."""
        return np.concatenate([self.balance, self.capacity])

    def linear_model(self) -> LinearModel:
        """Return the linear program; its changing rows still hold zeros."""
        return LinearModel(
            cost=self.cost,
            matrix=self.matrix,
            row_lower=self.row_lower,
            row_upper=self.row_upper,
            col_lower=self.col_lower,
            col_upper=self.col_upper,
        )


def _soft_rows(limit: FloatArray) -> tuple[list[list[object]], list[FloatArray]]:
    """Rows and right-hand sides of limits that give way, by a share of the rating or by p.u.

    The columns of slack are those of the branches, then those of the voltages, by node.
    """
    n = limit.shape[0]
    one = eye_array(n, format="csr")
    rows: list[list[object]] = []
    bounds = []
    for kind, (by_p, by_q, by_u) in enumerate(LIMIT_KINDS):
        there = np.flatnonzero(np.isfinite(limit[:, kind]))
        bound = limit[there, kind]
        # A band gives way in V, to first order; a polygon in all its sides together.
        per_slack = bound if kind < 6 else 2.0 * np.sqrt(np.abs(bound))
        column = there if kind < 6 else n + there
        give = coo_array((-per_slack, (np.arange(there.size), column)), shape=(there.size, 2 * n))
        pick = one[there]
        state = [c * pick if c != 0 else None for c in (by_p, by_q, by_u)]
        rows.append([*state, None, give])
        bounds.append(bound)
    return rows, bounds
