"""What the units inject in each scenario, by whichever program finds it."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from pygridjl.core.errors import SolverError
from pygridjl.core.types import BoolArray, FloatArray, IntArray
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.chance import ChanceStage, without_limits
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.second_stage import build_second_stage, default_engine
from pygridjl.siting.second_stage.condensed import CondensedSecondStage
from pygridjl.siting.second_stage.daily import DailySecondStage
from pygridjl.siting.second_stage.program import OperationProgram
from pygridjl.siting.second_stage.quadratic import LossProgram
from pygridjl.solvers.highs import HighsModel
from pygridjl.solvers.status import SolverStatus

__all__ = ["Dispatch", "OperatingStage", "operating_stage"]

# What an injected p.u. is worth where nothing else decides, above the tolerance of HiGHS.
GENEROUS = 1e-5


OperatingStage = CondensedSecondStage | DailySecondStage
"""Engines that tell the dispatch."""


def operating_stage(problem: PlanningProblem, scenarios: ScenarioSet) -> OperatingStage:
    """Build the engine that tells the dispatch of a problem.

    Parameters
    ----------
    problem : PlanningProblem
        The problem, valid.
    scenarios : ScenarioSet
        The scenarios, valid for it.
    """
    kind = DailySecondStage if problem.stores.any() else CondensedSecondStage
    return kind(problem, scenarios)


class Dispatch:
    """Best operation of a decision; where several are equally good, that with most sun.

    Parameters
    ----------
    stage : CondensedSecondStage or DailySecondStage
        The engine that knows most of it; what it cannot certify is solved on all nodes.
    """

    def __init__(self, stage: OperatingStage) -> None:
        self._stage, self._operation = stage, stage.operation
        self._given_up: dict[bytes, BoolArray] = {}

    @cached_property
    def _program(self) -> OperationProgram:
        return OperationProgram(self._operation, slack=self._operation.problem.slack_price)

    @cached_property
    def _loss(self) -> LossProgram | None:
        if not self._operation.objective.curvature:
            return None
        return LossProgram(self._operation, self._program)

    @cached_property
    def _linear(self) -> HighsModel:
        return HighsModel(self._program.linear_model())

    @property
    def _columns(self) -> IntArray:
        """Columns of the injections."""
        return 3 * self._operation.n_node + np.arange(self._operation.n_col)

    @cached_property
    def _chance(self) -> ChanceStage:
        problem, stage = self._stage.problem, self._stage
        if self._operation.objective.condensed:
            return ChanceStage(stage)
        return ChanceStage(build_second_stage(problem, stage.scenarios, default_engine(problem)))

    @cached_property
    def _free(self) -> Dispatch:
        """The dispatch without limits."""
        free = without_limits(self._stage.problem)
        return Dispatch(CondensedSecondStage(free, self._stage.scenarios))

    def given_up(self, n: FloatArray) -> BoolArray:
        """Return the scenarios whose limits do not hold, shape (S,).

        Parameters
        ----------
        n : ndarray, shape (n_site,)
            Units at each site.
        """
        if self._stage.problem.limit_share == 1:
            return np.zeros(len(self._stage.scenarios), dtype=np.bool_)
        key = n.tobytes()
        if key not in self._given_up:
            self._given_up[key] = self._chance.evaluate(n)[1]
        return self._given_up[key]

    def of(
        self, index: IntArray, n: FloatArray, *, least: bool = False
    ) -> tuple[FloatArray, BoolArray]:
        """Return what is injected, and where there is an operating point at all.

        Parameters
        ----------
        index : ndarray of int, shape (B,)
            Scenarios.
        n : ndarray, shape (n_site,)
            Units at each site.
        least : bool
            Take that with least sun instead; where losses count there is but one.

        Returns
        -------
        injected : ndarray, shape (B, n_col)
            Active power of every column, p.u.
        feasible : ndarray of bool, shape (B,)
            False where the limits cannot be kept; nothing is injected there.

        Raises
        ------
        SolverError
            If a solver fails.
        """
        injected, known = self._stage.dispatch(n, index, least=least)
        if isinstance(self._stage, DailySecondStage):
            return injected, known
        feasible = known.copy()
        if not known.all() and self._loss is None:
            worth = self._program.cost[self._columns] + (GENEROUS if least else -GENEROUS)
            self._linear.set_cost(self._columns, worth)
        free = self.given_up(n)[index]
        if free.any():
            injected[free], feasible[free] = self._free.of(index[free], n, least=least)
        for row in np.flatnonzero(~known & ~free).tolist():
            x = self._on_all_nodes(int(index[row]), n)
            feasible[row] = x is not None
            injected[row] = 0.0 if x is None else x
        return injected, feasible

    def right_hand_sides(self, scenario: int, n: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return those of the balances and of the capacities in one scenario, p.u."""
        p, q = self._operation.demand(np.array([scenario]))
        return np.concatenate([-p[0], -q[0]]), self._operation.per_unit[scenario] * n

    def _on_all_nodes(self, scenario: int, n: FloatArray) -> FloatArray | None:
        right, sun = self.right_hand_sides(scenario, n)
        x = None if self._loss is None else self._loss.columns(scenario, right, sun)
        if x is None:
            lower = np.concatenate([right, np.full(n.size, -np.inf)])
            upper = np.concatenate([right, sun])
            self._linear.set_row_bounds(self._program.changing, lower, upper)
            if self._program.hourly:
                self._linear.set_cost(self._program.priced, self._program.prices(scenario))
            answer = self._linear.solve()
            if answer.status is SolverStatus.INFEASIBLE:
                return None
            if answer.x is None:
                raise SolverError(f"HiGHS: ended with status {answer.status.value!r}")
            x = answer.x
        return np.asarray(x[self._columns])
