"""What storage holds from hour to hour: rows that tie the operation of the hours of a day."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import block_array, coo_array, csr_array, eye_array, hstack, kron

from pygridjl.core.types import FloatArray, IntArray
from pygridjl.siting.problem import HOURS_A_DAY
from pygridjl.siting.second_stage.operation import Operation
from pygridjl.siting.second_stage.program import OperationProgram
from pygridjl.solvers.linear import LinearModel

__all__ = ["DayProgram", "StorageRows", "stored"]


@dataclass(frozen=True, eq=False)
class StorageRows:
    """Rows ``in_x x + in_e e = 0`` on the columns x of hours and e ≥ 0 of what is stored.

    What a site holds at the end of hour h is what it held an hour before, less what it gave, more
    what it took; each way loses the root of the efficiency, and the last hour of a day comes before
    its first.

    Attributes
    ----------
    in_x : csr_array, shape (S m, S width)
        Coefficients of the columns of the operation of S hours, day after day.
    in_e : csr_array, shape (S m, S m)
        Coefficients of what the m sites of storage hold, hour by hour, p.u. times hours.
    site : ndarray of int, shape (S m,)
        Site of each e.
    energy : float
        What a unit holds, p.u. times hours.
    """

    in_x: csr_array
    in_e: csr_array
    site: IntArray
    energy: float

    @classmethod
    def of(cls, operation: Operation, program: OperationProgram, n_hour: int) -> StorageRows:
        """Build the rows of some whole days.

        Parameters
        ----------
        operation : Operation
            The problem.
        program : OperationProgram
            The columns of an hour.
        n_hour : int
            How many hours, a multiple of 24.
        """
        sites = np.flatnonzero(operation.problem.stores)
        m, width = sites.size, program.cost.size
        flow = storage_flow(operation)
        column = np.flatnonzero(flow)
        hour = np.repeat(np.arange(n_hour), column.size)
        row = hour * m + np.tile(np.searchsorted(sites, operation.col_site[column]), n_hour)
        at = hour * width + np.tile(program.injection[column], n_hour)
        in_x = coo_array(
            (np.tile(-flow[column], n_hour), (row, at)), shape=(n_hour * m, n_hour * width)
        )
        every = np.arange(n_hour * m)
        day, first = HOURS_A_DAY * m, every % (HOURS_A_DAY * m) < m
        before = np.where(first, every + day - m, every - m)
        in_e = coo_array(
            (np.repeat([1.0, -1.0], every.size), (np.tile(every, 2), np.append(every, before))),
            shape=(every.size, every.size),
        )
        energy = operation.problem.storage_hours * operation.problem.unit_power
        return cls(csr_array(in_x), csr_array(in_e), np.tile(sites, n_hour), energy)

    def tie(self, model: LinearModel) -> LinearModel:
        """Add the columns e, these rows, and rows that hold e below the energy of the units.

        Parameters
        ----------
        model : LinearModel
            A program whose last columns are x. Columns before them begin with the units of the
            sites; without any the energies are right-hand sides, left at zero.
        """
        size, width = self.in_x.shape
        ahead = model.cost.size - width
        before = csr_array((size, ahead))
        least = before
        if ahead:
            entries = (np.full(size, -self.energy), (np.arange(size), self.site))
            least = coo_array(entries, shape=(size, ahead))
        held, below = hstack([before, self.in_x]), hstack([least, csr_array((size, width))])
        zero, free = np.zeros(size), np.full(size, np.inf)
        return replace(
            model,
            cost=np.append(model.cost, zero),
            matrix=csr_array(
                block_array([[model.matrix, None], [held, self.in_e], [below, eye_array(size)]])
            ),
            row_lower=np.concatenate([model.row_lower, zero, -free]),
            row_upper=np.concatenate([model.row_upper, zero, zero]),
            col_lower=np.append(model.col_lower, zero),
            col_upper=np.append(model.col_upper, free),
            integer=None if model.integer is None else np.append(model.integer, zero > 0),
        )


def storage_flow(operation: Operation) -> FloatArray:
    """Return what a p.u. of each column puts into storage in an hour, shape (n_col,)."""
    loss = np.sqrt(operation.problem.storage_efficiency)
    there = operation.problem.stores[operation.col_site]
    return np.where(there, np.where(operation.gain < 0, loss, -1.0 / loss), 0.0)


def stored(operation: Operation, injected: FloatArray) -> FloatArray:
    """Return what sites hold at the end of each hour, p.u. times hours, shape (S, n_site).

    Only differences are decided; the least level of a day is taken to be empty.

    Parameters
    ----------
    operation : Operation
        The problem.
    injected : ndarray, shape (S, n_col)
        Whole days.
    """
    put = np.add.reduceat(storage_flow(operation) * injected, operation.first_col[:-1], axis=1)
    level = np.cumsum(put.reshape(-1, HOURS_A_DAY, put.shape[1]), axis=1)
    level -= level.min(axis=1, keepdims=True)
    return np.asarray(level.reshape(put.shape))


class DayProgram:
    """The operation of a day: 24 hours side by side, and what storage holds between them.

    Parameters
    ----------
    operation : Operation
        The problem.

    Attributes
    ----------
    hour : OperationProgram
        Rows and columns of an hour.
    model : LinearModel
        All of them; the rows that change still hold zeros.
    balance : ndarray of int, shape (24, 2 n_node)
        Rows of the balances.
    capacity : ndarray of int, shape (24, n_site)
        Rows (44).
    energy : ndarray of int, shape (24, m)
        Rows that hold what is stored below the energy of the units.
    injection : ndarray of int, shape (24, n_col)
        Columns of the injections.
    storage : StorageRows
        What ties the hours.
    """

    def __init__(self, operation: Operation) -> None:
        self.hour = hour = OperationProgram(operation, slack=operation.problem.slack_price)
        self.storage = storage = StorageRows.of(operation, hour, HOURS_A_DAY)
        n_row, width = hour.matrix.shape
        every = np.arange(HOURS_A_DAY)[:, None]
        self.balance = every * n_row + hour.balance
        self.capacity = every * n_row + hour.capacity
        self.injection = every * width + hour.injection
        n_e = storage.site.size
        self.energy = (HOURS_A_DAY * n_row + n_e + np.arange(n_e)).reshape(HOURS_A_DAY, -1)
        hours = LinearModel(
            cost=np.tile(hour.cost, HOURS_A_DAY),
            matrix=csr_array(kron(coo_array(np.eye(HOURS_A_DAY)), hour.matrix, format="csr")),
            row_lower=np.tile(hour.row_lower, HOURS_A_DAY),
            row_upper=np.tile(hour.row_upper, HOURS_A_DAY),
            col_lower=np.tile(hour.col_lower, HOURS_A_DAY),
            col_upper=np.tile(hour.col_upper, HOURS_A_DAY),
        )
        self.model = storage.tie(hours)
