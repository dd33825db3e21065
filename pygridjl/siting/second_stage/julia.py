"""The second stage on all nodes, kept alive by JuMP in Julia and solved in batches."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from pygridjl.bridge.problems.scenarios import JuliaSecondStage
from pygridjl.core.errors import SolverError
from pygridjl.core.result import Status
from pygridjl.core.types import FloatArray
from pygridjl.siting.second_stage.batch import BatchWriter
from pygridjl.siting.second_stage.full import FullSecondStage
from pygridjl.siting.second_stage.protocol import SecondStageBatch
from pygridjl.siting.second_stage.quadratic import loss_hessian
from pygridjl.solvers.farkas import without_rounding

__all__ = ["JuliaStage"]


class JuliaStage(FullSecondStage):
    """Second stage on all nodes in Julia: one call for all scenarios, on Julia's threads.

    By HiGHS, or by Clarabel where losses count. Its programs are those of the full engine in
    Python, which is asked for what Julia cannot certify.

    Parameters
    ----------
    problem : PlanningProblem
        The problem, valid.
    scenarios : ScenarioSet
        The scenarios, valid for it.
    operation : Operation, optional
        If it exists already.
    """

    engine = "julia"

    def reset(self) -> None:
        """Forget bases: the programs are built anew at the next call."""
        super().reset()
        self.__dict__.pop("_stage", None)

    @cached_property
    def _stage(self) -> JuliaSecondStage:
        program = self._program
        return JuliaSecondStage(
            program.matrix,
            program.cost,
            program.col_lower,
            program.col_upper,
            program.row_lower,
            program.row_upper,
            program.changing,
            loss_hessian(self.operation, program) if self._quadratic else None,
        )

    def evaluate_scenarios(self, units: ArrayLike, indices: ArrayLike) -> SecondStageBatch:
        """Solve some scenarios; see :class:`~pygridjl.siting.second_stage.protocol.SecondStage`."""
        n, index = self.operation.check_units(units), self.operation.check_indices(indices)
        distinct, back = np.unique(index, return_inverse=True)
        writer = BatchWriter(self.scenarios, distinct, self.problem.n_site)
        p, q = self.operation.demand(distinct)
        right = np.hstack([-p, -q])
        per_unit = np.asarray(self.operation.per_unit[distinct])
        capacity = per_unit * n
        answer = self._stage.solve(
            np.hstack([right, np.full(capacity.shape, -np.inf)]), np.hstack([right, capacity])
        )
        balances = self._program.balance.size
        for row, status in enumerate(answer.status):
            scenario = int(distinct[row])
            if status is Status.OPTIMAL:
                price = answer.dual[row, :balances]
                slope = per_unit[row] * self._multiplier(price, self.operation.reward)
                writer.optimal(row, float(answer.objective[row]), slope)
                continue
            cut = None
            if row in answer.ray:
                cut = self._cut(
                    without_rounding(answer.ray[row]), scenario, right[row], per_unit[row]
                )
            if cut is not None and cut.coefficient @ n + cut.constant > 0:
                writer.infeasible(row, cut)
            else:
                self._ask_python(writer, row, scenario, n)
        self.operation.priced(writer.value, writer.gradient, distinct, n)
        return writer.batch(back)

    def _ask_python(self, writer: BatchWriter, row: int, scenario: int, n: FloatArray) -> None:
        try:
            self._solve(writer, row, scenario, n)
        except SolverError as error:
            writer.fail(row, str(error))
