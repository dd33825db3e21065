"""The second stage as one sparse program per problem, of which only right-hand sides change."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from pygridjl.core.errors import SolverError
from pygridjl.core.stopping import TimeIsUp, is_over, time_allowed
from pygridjl.core.types import FloatArray
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.second_stage.batch import BatchWriter
from pygridjl.siting.second_stage.operation import Operation
from pygridjl.siting.second_stage.program import OperationProgram
from pygridjl.siting.second_stage.protocol import FeasibilityCut, SecondStageBatch
from pygridjl.siting.second_stage.quadratic import LossProgram
from pygridjl.solvers.farkas import farkas_margin
from pygridjl.solvers.highs import HighsModel
from pygridjl.solvers.status import SolverStatus

__all__ = ["FullSecondStage"]


class FullSecondStage:
    """Second stage on all nodes: HiGHS (warm dual simplex), or Clarabel where losses count.

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

    @property
    def _quadratic(self) -> bool:
        return self.operation.objective.curvature > 0

    @cached_property
    def _program(self) -> OperationProgram:
        return OperationProgram(self.operation, slack=self.problem.slack_price)

    @cached_property
    def _linear(self) -> HighsModel:
        """All but the losses; with these the constraints tell why a scenario is infeasible."""
        return HighsModel(self._program.linear_model())

    @cached_property
    def _loss(self) -> LossProgram:
        return LossProgram(self.operation, self._program)

    def evaluate(self, units: ArrayLike) -> SecondStageBatch:
        """Solve every scenario; see :class:`~pygridjl.siting.second_stage.protocol.SecondStage`."""
        return self.evaluate_scenarios(units, np.arange(len(self.scenarios)))

    def evaluate_scenarios(self, units: ArrayLike, indices: ArrayLike) -> SecondStageBatch:
        """Solve some scenarios; see :class:`~pygridjl.siting.second_stage.protocol.SecondStage`."""
        n, index = self.operation.check_units(units), self.operation.check_indices(indices)
        distinct, back = np.unique(index, return_inverse=True)
        writer = BatchWriter(self.scenarios, distinct, self.problem.n_site)
        for row, scenario in enumerate(distinct.tolist()):
            if (deadline := time_allowed()) is not None and is_over(deadline):
                raise TimeIsUp
            try:
                self._solve(writer, row, scenario, n)
            except SolverError as error:
                writer.fail(row, str(error))
        self.operation.priced(writer.value, writer.gradient, distinct, n)
        return writer.batch(back)

    def _solve(self, writer: BatchWriter, row: int, scenario: int, n: FloatArray) -> None:
        p, q = self.operation.demand(np.array([scenario]))
        per_unit = self.operation.per_unit[scenario]
        right = np.concatenate([-p[0], -q[0]])
        if self._quadratic:
            found = self._loss.solve(scenario, right, per_unit * n)
            if found is not None:
                value, price = found
                slope = per_unit * self._multiplier(price, self.operation.reward)
                writer.optimal(row, value, slope)
                return
        program = self._program
        rows = program.changing
        lower = np.concatenate([right, np.full(n.size, -np.inf)])
        upper = np.concatenate([right, per_unit * n])
        self._linear.set_row_bounds(rows, lower, upper)
        if program.hourly:
            self._linear.set_cost(program.priced, program.prices(scenario))
        answer = self._linear.solve()
        if answer.status is SolverStatus.INFEASIBLE:
            if answer.ray is None:
                raise SolverError("HiGHS: infeasible, but it left no ray")
            writer.infeasible(row, self._cut(answer.ray, scenario, right, per_unit))
        elif answer.objective is None or answer.row_dual is None:
            writer.fail(row, f"HiGHS: ended with status {answer.status.value!r}")
        elif self._quadratic:
            writer.fail(row, "Clarabel: found no optimum of a feasible program")
        else:
            price = answer.row_dual[program.balance]
            slope = per_unit * self._multiplier(price, self.operation.reward)
            writer.optimal(row, answer.objective, slope)

    def _multiplier(self, price: FloatArray, reward: float = 0.0) -> FloatArray:
        """Multipliers of (44) from those of the balances.

        Where a capacity is 0 its own multiplier may be anything below; this is the largest that
        stays dual feasible, and so the steepest valid cut there.
        """
        operation = self.operation
        by_p, by_q = price.reshape(2, 1, -1)
        return np.asarray(operation.multiplier(-operation.by_column(by_p, by_q) - reward)[0])

    def _cut(
        self, ray: FloatArray, scenario: int, right: FloatArray, per_unit: FloatArray
    ) -> FeasibilityCut:
        """Turn a Farkas ray into the row (18): what it proves, as a function of the units."""
        program, y = self._program, ray.copy()
        y[program.capacity] = self._multiplier(y[program.balance])
        lower, upper = program.row_lower.copy(), program.row_upper.copy()
        lower[program.balance] = upper[program.balance] = right
        lower[program.capacity] = upper[program.capacity] = 0.0
        constant = farkas_margin(
            y, program.matrix, lower, upper, program.col_lower, program.col_upper
        )
        return FeasibilityCut(
            str(self.scenarios.id[scenario]), y[program.capacity] * per_unit, constant
        )
