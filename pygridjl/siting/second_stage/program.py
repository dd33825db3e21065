"""Operation in one scenario as rows and columns of a sparse linear program."""

from __future__ import annotations

import numpy as np
from scipy.sparse import block_array, coo_array, csr_array, diags_array, eye_array, hstack, vstack

from pygridjl.core.types import FloatArray, IntArray
from pygridjl.siting.second_stage.operation import LIMIT_KINDS, Operation
from pygridjl.solvers.linear import LinearModel

__all__ = ["OperationProgram"]


class OperationProgram:
    """(42)–(52) as rows and columns, the same for all scenarios and decisions.

    Columns: P, Q into every node, U, the injections of the sites, and those of the measures, such
    as for F^vd the excess and the shortfall of U against v_ref² whose sum is its absolute
    deviation. Rows: balance of P and of Q, voltage drop, the capacity of each site (44), the
    polygons, the measures. The balances and capacities hold all that changes, but for prices of
    energy that depend on the scenario.

    Parameters
    ----------
    operation : Operation
        The problem.
    slack : float, optional
        Price of passing a limit by one percent (of the rating; 0.01 p.u. of voltage): one more
        column a branch phase and a node. Without it limits hold.
    measured : bool
        Whether to have the columns and rows of the measures, and injections that cost what they
        are worth beside them.

    Attributes
    ----------
    matrix : csr_array
        All rows.
    row_lower, row_upper : ndarray
        Bounds, zero in the rows that change.
    col_lower, col_upper : ndarray
        Bounds of the columns.
    cost : ndarray
        Of the measures that are linear in the columns, and what injections are worth beside them;
        where prices depend on the scenario see :meth:`costs`.
    priced : ndarray of int
        Columns whose cost depends on the scenario.
    balance : ndarray of int, shape (2 n_node,)
        Rows of the balances, P before Q.
    capacity : ndarray of int, shape (n_site,)
        Rows (44).
    p_col, q_col : ndarray of int, shape (n_node,)
        Columns of the flows.
    injection : ndarray of int, shape (n_col,)
        Columns of the injections.
    """

    def __init__(
        self,
        operation: Operation,
        *,
        slack: float | None = None,
        measured: bool = True,
    ) -> None:
        n, n_col, n_site = operation.n_node, operation.n_col, operation.problem.n_site
        model = operation.model.equations()
        cross, back = model.cross, None if model.cross is None else -model.cross
        one = eye_array(n)
        put = coo_array((np.ones(n_col), (operation.col_node, np.arange(n_col))), shape=(n, n_col))
        held = coo_array(
            (np.ones(n_col), (operation.col_site, np.arange(n_col))), shape=(n_site, n_col)
        )
        limit = operation.limit
        rows: list[list[object]] = [
            [model.balance, cross, None, put @ diags_array(operation.gain)],
            [back, model.balance, None, put @ diags_array(operation.tan)],
            [model.mp, model.mq, model.voltage, None],
            [None, None, None, held],
        ]
        zero, free = np.zeros(n), np.full(n, np.inf)
        lower = [zero, zero, model.u_source, np.full(n_site, -np.inf)]
        upper = [zero, zero, model.u_source, np.zeros(n_site)]
        reward = operation.reward if measured else 0.0
        worth = np.where(operation.problem.stores[operation.col_site], 0.0, reward)
        cost = [zero, zero, zero, -worth]
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
        objective = operation.objective
        width = sum(part.size for part in cost)
        self._tariff: FloatArray | None = None
        self.priced: IntArray = np.zeros(0, dtype=np.int64)
        matrix = csr_array(block_array(rows))
        if measured:
            own = objective.rows()
            beside = csr_array((own.lower.size, width - 3 * n))
            matrix = csr_array(
                vstack(
                    [
                        hstack([matrix, csr_array((matrix.shape[0], own.cost.size))]),
                        hstack([own.state, beside, own.own]),
                    ]
                )
            )
            lower.append(own.lower)
            upper.append(own.upper)
            col_lower.append(np.zeros(own.cost.size))
            col_upper.append(np.full(own.cost.size, np.inf))
            cost.append(own.cost)
            if own.bought >= 0:
                self._tariff = objective.tariff
                # Without a bound nothing holds it where it costs nothing.
                col_upper[-1][own.bought] = max(float(operation.supply[1].max()), 0.0) + 1.0
                self.priced = np.append(objective.source, width + own.bought)
        self.matrix = matrix
        self.row_lower, self.row_upper = np.concatenate(lower), np.concatenate(upper)
        self.col_lower, self.col_upper = np.concatenate(col_lower), np.concatenate(col_upper)
        self.cost = np.concatenate(cost)
        self.hourly = self._tariff is not None and objective.hourly
        if self._tariff is not None and not self.hourly:
            self.cost[self.priced] = self.prices(0)
        self.balance = np.arange(2 * n)
        self.capacity = 3 * n + np.arange(n_site)
        self.p_col, self.q_col = np.arange(n), n + np.arange(n)
        self.injection = 3 * n + np.arange(n_col)

    def prices(self, scenario: int) -> FloatArray:
        """Return the costs of the columns ``priced`` in one scenario."""
        assert self._tariff is not None
        sold, spread = self._tariff[scenario].tolist()
        return np.append(np.full(self.priced.size - 1, sold), spread)

    def costs(self, scenario: int) -> FloatArray:
        """Return the cost of every column in one scenario."""
        cost = self.cost.copy()
        if self.hourly:
            cost[self.priced] = self.prices(scenario)
        return cost

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
        if kind == 7:
            # A square below a lowest voltage of zero gives way as one below 1 p.u. does.
            per_slack = np.where(bound == 0, 2.0, per_slack)
        column = there if kind < 6 else n + there
        give = coo_array((-per_slack, (np.arange(there.size), column)), shape=(there.size, 2 * n))
        pick = one[there]
        state = [c * pick if c != 0 else None for c in (by_p, by_q, by_u)]
        rows.append([*state, None, give])
        bounds.append(bound)
    return rows, bounds
