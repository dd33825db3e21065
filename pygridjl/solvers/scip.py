"""SCIP by pyscipopt: rows from arrays, limits, statuses and bounds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from pygridjl.core.errors import SolverError
from pygridjl.core.jit import working_time
from pygridjl.core.stopping import cancelling, is_answering, requested
from pygridjl.core.types import BoolArray, FloatArray
from pygridjl.solvers.status import SolverStatus, assert_finite, assert_number

__all__ = ["ScipModel", "ScipOutcome"]

# Seconds that setting up a search can take.
LONGEST_SET_UP = 60.0

_STATUS = {
    "optimal": SolverStatus.OPTIMAL,
    "gaplimit": SolverStatus.OPTIMAL,
    "infeasible": SolverStatus.INFEASIBLE,
    "unbounded": SolverStatus.UNBOUNDED,
    "timelimit": SolverStatus.TIME_LIMIT,
    "userinterrupt": SolverStatus.TIME_LIMIT,
}


@dataclass(frozen=True, eq=False)
class ScipOutcome:
    """Answer of one run of a minimisation.

    Attributes
    ----------
    status : SolverStatus
        How the run ended; a run that reached its gap counts as optimal.
    x : ndarray, shape (n,), or None
        Values of the columns in the best solution.
    bound : float
        Dual bound; +∞ if infeasible, −∞ if nothing is known.
    nodes : int
        Nodes of the tree search.
    """

    status: SolverStatus
    x: FloatArray | None
    bound: float
    nodes: int


class ScipModel:
    """A minimisation model over numbered columns; quiet, one thread.

    Parameters
    ----------
    cost : ndarray, shape (n,)
        Linear costs.
    lower, upper : ndarray, shape (n,)
        Column bounds; ±infinity for none.
    binary : ndarray of bool, shape (n,)
        Columns that are 0 or 1.
    feasibility : float
        Largest violation of a constraint that SCIP takes for none.

    Raises
    ------
    SolverError
        If an array holds NaN, or infinity where a number is needed.
    """

    def __init__(
        self,
        cost: FloatArray,
        lower: FloatArray,
        upper: FloatArray,
        binary: BoolArray,
        feasibility: float = 1e-6,
    ) -> None:
        from pyscipopt import Model, quicksum

        assert_finite("SCIP", "cost", cost)
        assert_number("SCIP", "lower", lower)
        assert_number("SCIP", "upper", upper)
        self._begun, self._built = working_time(), 0.0
        self._sum = quicksum
        self.model: Any = Model()
        self.model.hideOutput()
        self.model.setParam("numerics/feastol", feasibility)
        self.columns: list[Any] = [
            self.model.addVar(
                vtype="B" if binary[j] else "C",
                lb=float(lower[j]) if np.isfinite(lower[j]) else None,
                ub=float(upper[j]) if np.isfinite(upper[j]) else None,
                obj=float(cost[j]),
            )
            for j in range(cost.size)
        ]

    def add_rows(self, matrix: csr_array, lower: FloatArray, upper: FloatArray) -> None:
        """Add rows lower ≤ matrix x ≤ upper."""
        assert_finite("SCIP", "matrix", matrix)
        assert_number("SCIP", "row_lower", lower)
        assert_number("SCIP", "row_upper", upper)
        for i in range(lower.size):
            span = slice(matrix.indptr[i], matrix.indptr[i + 1])
            row = self._sum(
                float(a) * self.columns[j]
                for j, a in zip(matrix.indices[span], matrix.data[span], strict=True)
            )
            if lower[i] == upper[i]:
                self.model.addCons(row == float(lower[i]))
                continue
            if np.isfinite(lower[i]):
                self.model.addCons(row >= float(lower[i]))
            if np.isfinite(upper[i]):
                self.model.addCons(row <= float(upper[i]))

    def add_cone(self, squares: Sequence[int], a: int, b: int, scale: float = 1.0) -> None:
        """Add the rotated cone Σ x_s² ≤ scale · x_a x_b, with x_a, x_b ≥ 0."""
        x = self.columns
        self.model.addCons(self._sum(x[s] * x[s] for s in squares) <= scale * x[a] * x[b])

    def add_ball(self, squares: Sequence[int], radius: float) -> None:
        """Add the constraint Σ x_s² ≤ radius²."""
        self.model.addCons(
            self._sum(self.columns[s] * self.columns[s] for s in squares) <= radius**2
        )

    def _interrupt(self) -> None:
        """End the run under way, from another thread.

        Raises
        ------
        SolverError
            If SCIP refuses for longer than setting up its search can take.
        """
        from pyscipopt.scip import PY_SCIP_STAGE

        end = time.monotonic() + LONGEST_SET_UP
        while time.monotonic() < end:
            # SCIP refuses, and the request would be lost, while it sets up its search.
            if self.model.getStage() != PY_SCIP_STAGE.INITSOLVE:
                try:
                    self.model.interruptSolve()
                except Exception:  # pyscipopt raises just that, here if the set-up has just begun
                    continue
                return
            time.sleep(0.005)
        raise SolverError("SCIP: cannot be interrupted")

    def set_start(self, x: FloatArray) -> None:
        """Offer a solution to start from; SCIP drops it if it is not feasible."""
        assert_finite("SCIP", "start", x)
        start = self.model.createSol()
        for column, value in zip(self.columns, x, strict=True):
            self.model.setSolVal(start, column, float(value))
        self.model.addSol(start)

    def solve(self, *, time_limit: float, gap: float) -> ScipOutcome:
        """Minimise.

        Parameters
        ----------
        time_limit : float
            Seconds. As many as it took to build the model are kept: for presolve's steps on all
            cones, between which SCIP does not look at its clock, and for freeing the model. Where
            none are left SCIP does not begin.
        gap : float
            Relative gap at which to stop.

        Returns
        -------
        ScipOutcome
            The answer.

        Raises
        ------
        SolverError
            If SCIP ends with a status that cannot be trusted.
        """
        if not self._built:
            self._built = working_time() - self._begun
        if np.isfinite(time_limit):
            if time_limit <= self._built:
                return ScipOutcome(SolverStatus.TIME_LIMIT, None, -np.inf, 0)
            self.model.setParam("limits/time", time_limit - self._built)
        self.model.setParam("limits/gap", gap)
        # Where nobody else watches for Ctrl-C, SCIP does.
        self.model.setParam("misc/catchctrlc", not is_answering())
        with cancelling(self._interrupt):
            self.model.optimizeNogil()
        status = self.model.getStatus()
        if status == "userinterrupt" and not requested():
            raise KeyboardInterrupt
        if status not in _STATUS:
            raise SolverError(f"SCIP: ended with status {status!r}")
        ended = _STATUS[status]
        x = None
        if self.model.getNSols() > 0:
            best = self.model.getBestSol()
            x = np.array([self.model.getSolVal(best, column) for column in self.columns])
        bound = float(self.model.getDualbound())
        if ended is SolverStatus.INFEASIBLE:
            bound = np.inf
        elif abs(bound) >= self.model.infinity():
            bound = -np.inf
        return ScipOutcome(ended, x, bound, int(self.model.getNTotalNodes()))
