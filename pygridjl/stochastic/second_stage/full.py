"""The second stage as one sparse program per problem, of which only right-hand sides change."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import block_array, coo_array, csr_array, eye_array

from pygridjl._types import FloatArray, IntArray
from pygridjl.errors import SolverError
from pygridjl.solvers.highs import HighsModel, LinearModel
from pygridjl.solvers.status import SolverStatus
from pygridjl.stochastic.planning import PlanningProblem
from pygridjl.stochastic.recourse import FeasibilityCut, SecondStageBatch
from pygridjl.stochastic.scenarios.model import ScenarioSet
from pygridjl.stochastic.second_stage.batch import BatchWriter
from pygridjl.stochastic.second_stage.operation import LIMIT_KINDS, Operation
from pygridjl.stochastic.second_stage.quadratic import LossProgram

__all__ = ["FullSecondStage", "OperationProgram"]


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

    Attributes
    ----------
    matrix : csr_array
        All rows.
    row_lower, row_upper : ndarray
        Bounds, zero in the rows that change.
    col_lower, col_upper : ndarray
        Bounds of the columns.
    cost : ndarray
        Of F^vd; zeros without deviations.
    balance : ndarray of int, shape (2 n_node,)
        Rows of the balances, P before Q.
    capacity : ndarray of int, shape (n_site,)
        Rows (44).
    p_col, q_col : ndarray of int, shape (n_node,)
        Columns of the flows.
    """

    def __init__(self, operation: Operation, *, deviation: bool) -> None:
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
        for k in (0, 2):
            there = np.flatnonzero(np.isfinite(limit[:, k]))
            pick = one.tocsr()[there]
            rows.append([LIMIT_KINDS[k, 0] * pick, LIMIT_KINDS[k, 1] * pick, None, None])
            lower.append(-limit[there, k])
            upper.append(limit[there, k])
        col_lower = [-free, -limit[:, 5], -limit[:, 7], np.zeros(n_col)]
        col_upper = [free, limit[:, 4], limit[:, 6], np.full(n_col, np.inf)]
        cost = [zero, zero, zero, np.zeros(n_col)]
        if deviation:
            rows = [[*row, None, None] for row in rows]
            rows.append([None, None, one, None, -one, one])
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


class FullSecondStage:
    """Second stage on all nodes: HiGHS for F^vd (warm dual simplex), Clarabel for F^pl.

    Parameters
    ----------
    problem : PlanningProblem
        The problem, valid.
    scenarios : ScenarioSet
        The scenarios, valid for it.
    operation : Operation, optional
        If it exists already.
    """

    engine = "full"

    def __init__(
        self,
        problem: PlanningProblem,
        scenarios: ScenarioSet,
        operation: Operation | None = None,
    ) -> None:
        self.problem, self.scenarios = problem, scenarios
        self.operation = operation or Operation(problem, scenarios)

    def reset(self) -> None:
        """Forget bases: the programs are built anew at the next call."""
        for name in ("_linear", "_loss"):
            self.__dict__.pop(name, None)

    @cached_property
    def _program(self) -> OperationProgram:
        return OperationProgram(self.operation, deviation=self.problem.objective == "voltage")

    @cached_property
    def _linear(self) -> HighsModel:
        """F^vd, or for F^pl the constraints alone, which tell why a scenario is infeasible."""
        return HighsModel(self._program.linear_model())

    @cached_property
    def _loss(self) -> LossProgram:
        return LossProgram(self.operation, self._program)

    def evaluate(self, units: ArrayLike) -> SecondStageBatch:
        """Solve every scenario; see :class:`~pygridjl.stochastic.recourse.SecondStage`."""
        return self.evaluate_scenarios(units, np.arange(len(self.scenarios)))

    def evaluate_scenarios(self, units: ArrayLike, indices: ArrayLike) -> SecondStageBatch:
        """Solve some scenarios; see :class:`~pygridjl.stochastic.recourse.SecondStage`."""
        n, index = self.operation.check_units(units), self.operation.check_indices(indices)
        distinct, back = np.unique(index, return_inverse=True)
        writer = BatchWriter(self.scenarios, distinct, self.problem.n_site)
        for row, scenario in enumerate(distinct.tolist()):
            try:
                self._solve(writer, row, scenario, n)
            except SolverError as error:
                writer.fail(row, str(error))
        return writer.batch(back)

    def _solve(self, writer: BatchWriter, row: int, scenario: int, n: FloatArray) -> None:
        p, q = self.operation.demand(np.array([scenario]))
        per_unit = self.operation.per_unit[scenario]
        right = np.concatenate([-p[0], -q[0]])
        if self.problem.objective == "loss":
            found = self._loss.solve(right, per_unit * n)
            if found is not None:
                value, price = found
                writer.optimal(row, value, per_unit * self._multiplier(price))
                return
        program = self._program
        rows = program.changing
        lower = np.concatenate([right, np.full(n.size, -np.inf)])
        upper = np.concatenate([right, per_unit * n])
        self._linear.set_row_bounds(rows, lower, upper)
        answer = self._linear.solve()
        if answer.status is SolverStatus.INFEASIBLE:
            if answer.ray is None:
                raise SolverError("HiGHS: infeasible, but it left no ray")
            writer.infeasible(row, self._cut(answer.ray, scenario, right, per_unit))
        elif answer.objective is None or answer.row_dual is None:
            writer.fail(row, f"HiGHS: ended with status {answer.status.value!r}")
        elif self.problem.objective == "loss":
            writer.fail(row, "Clarabel: found no optimum of a feasible program")
        else:
            price = answer.row_dual[program.balance]
            writer.optimal(row, answer.objective, per_unit * self._multiplier(price))

    def _multiplier(self, price: FloatArray) -> FloatArray:
        """Multipliers of (44) from those of the balances.

        Where a capacity is 0 its own multiplier may be anything below; this is the largest that
        stays dual feasible, and so the steepest valid cut there.
        """
        operation = self.operation
        by_p, by_q = price.reshape(2, -1)
        slope = -(by_p + operation.tan * by_q)[operation.col_node]
        return np.asarray(operation.multiplier(slope[None, :])[0])

    def _cut(
        self, ray: FloatArray, scenario: int, right: FloatArray, per_unit: FloatArray
    ) -> FeasibilityCut:
        """Turn a Farkas ray into the row (18): what it proves, as a function of the units."""
        program, y = self._program, ray.copy()
        y[program.capacity] = self._multiplier(y[program.balance])
        slope = program.matrix.T @ y
        slope[abs(slope) <= 1e-9 * (abs(program.matrix).T @ abs(y))] = 0.0
        lower, upper = program.row_lower.copy(), program.row_upper.copy()
        lower[program.balance] = upper[program.balance] = right
        lower[program.capacity] = upper[program.capacity] = 0.0
        constant = _extreme(y, lower, upper) - _extreme(slope, program.col_upper, program.col_lower)
        return FeasibilityCut(
            str(self.scenarios.id[scenario]), y[program.capacity] * per_unit, constant
        )


def _extreme(coefficient: FloatArray, positive: FloatArray, negative: FloatArray) -> float:
    """Σ coefficient × the bound its sign selects."""
    used = coefficient != 0
    bound = np.where(coefficient > 0, positive, negative)
    return float((coefficient[used] * bound[used]).sum())
