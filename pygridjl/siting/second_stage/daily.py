"""The second stage with storage: a linear program a day, since hours are coupled."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from pygridjl.core.errors import SolverError
from pygridjl.core.types import BoolArray, FloatArray, IntArray
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.problem import HOURS_A_DAY, PlanningProblem
from pygridjl.siting.second_stage.batch import BatchWriter
from pygridjl.siting.second_stage.day_program import DayProgram
from pygridjl.siting.second_stage.operation import Operation
from pygridjl.siting.second_stage.protocol import FeasibilityCut, ScenarioStatus, SecondStageBatch
from pygridjl.solvers.farkas import farkas_margin
from pygridjl.solvers.highs import HighsModel, HighsSolution
from pygridjl.solvers.status import SolverStatus

__all__ = ["DailySecondStage"]

# What an injected p.u. of the sun is worth where nothing else decides, and what one of storage
# costs then: both above the tolerance of HiGHS.
GENEROUS, IDLE = 1e-5, 1e-6


class DailySecondStage:
    """Second stage of whole days on all nodes, by HiGHS.

    Scenarios are hours: 24 in order are a day, whose value is the sum of its hours'. Values and
    subgradients of an hour are its part of the day's optimum: they only add up to planes over whole
    days. Charging and discharging at once, which the linear program allows, loses energy; it can
    pay only where a bus is better off with less power than it may curtail.

    Parameters
    ----------
    problem : PlanningProblem
        The problem, valid.
    scenarios : ScenarioSet
        Whole days, valid for it.
    """

    engine = "daily"

    def __init__(self, problem: PlanningProblem, scenarios: ScenarioSet) -> None:
        self.problem, self.scenarios = problem, scenarios
        self.operation = Operation(problem, scenarios)
        self._known: dict[int, HighsSolution] = {}
        self._units: FloatArray | None = None

    def reset(self) -> None:
        """Forget bases: the programs are built anew at the next call."""
        for name in ("_model", "_tied"):
            self.__dict__.pop(name, None)
        self._known.clear()

    @cached_property
    def _program(self) -> DayProgram:
        return DayProgram(self.operation)

    @cached_property
    def _model(self) -> HighsModel:
        return HighsModel(self._program.model)

    @cached_property
    def _tied(self) -> HighsModel:
        """The same program for the dispatch, in which ties are decided."""
        return HighsModel(self._program.model)

    def evaluate(self, units: ArrayLike) -> SecondStageBatch:
        """Solve every scenario; see :class:`~pygridjl.siting.second_stage.protocol.SecondStage`."""
        return self.evaluate_scenarios(units, np.arange(len(self.scenarios)))

    def evaluate_scenarios(self, units: ArrayLike, indices: ArrayLike) -> SecondStageBatch:
        """Solve the days of some scenarios.

        See :class:`~pygridjl.siting.second_stage.protocol.SecondStage`.
        """
        n, index = self.operation.check_units(units), self.operation.check_indices(indices)
        if self._units is None or not np.array_equal(n, self._units):
            self._known.clear()
            self._units = n
        distinct, back = np.unique(index, return_inverse=True)
        writer = BatchWriter(self.scenarios, distinct, self.problem.n_site)
        for day in np.unique(distinct // HOURS_A_DAY).tolist():
            rows = np.flatnonzero(distinct // HOURS_A_DAY == day)
            try:
                if day not in self._known:
                    self._known[day] = self._solve(self._model, day, n, 0.0)
                self._enter(writer, rows, distinct[rows] % HOURS_A_DAY, day)
            except SolverError as error:
                writer.fail(int(rows[0]), str(error))
        self.operation.priced(writer.value, writer.gradient, distinct, n)
        return writer.batch(back)

    def dispatch(
        self, units: ArrayLike, indices: ArrayLike, *, least: bool = False
    ) -> tuple[FloatArray, BoolArray]:
        """Return what is injected; of equally good dispatches that with most of the sun.

        Parameters
        ----------
        units : array, shape (n_site,)
            Units at each site.
        indices : array of int, shape (B,)
            Distinct positions in the scenario set.
        least : bool
            Take that with least of it instead.

        Returns
        -------
        injected : ndarray, shape (B, n_col)
            Active power of every column, p.u.
        feasible : ndarray of bool, shape (B,)
            Where there is an operating point of the whole day.

        Raises
        ------
        SolverError
            If HiGHS fails.
        """
        n, index = self.operation.check_units(units), self.operation.check_indices(indices)
        injected = np.zeros((index.size, self.operation.n_col))
        feasible = np.zeros(index.size, dtype=np.bool_)
        for day in np.unique(index // HOURS_A_DAY).tolist():
            rows = np.flatnonzero(index // HOURS_A_DAY == day)
            answer = self._solve(self._tied, day, n, -GENEROUS if least else GENEROUS)
            if answer.status is SolverStatus.INFEASIBLE:
                continue
            if answer.x is None:
                raise SolverError(f"HiGHS: ended with status {answer.status.value!r}")
            injected[rows] = answer.x[self._program.injection[index[rows] % HOURS_A_DAY]]
            feasible[rows] = True
        return injected, feasible

    def _hours(self, day: int) -> IntArray:
        return np.arange(day * HOURS_A_DAY, (day + 1) * HOURS_A_DAY)

    def _bounds(self, day: int, n: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return right-hand sides of balances, capacities and energies of a day."""
        hours, storage = self._hours(day), self._program.storage
        p, q = self.operation.demand(hours)
        return (
            -np.hstack([p, q]),
            self.operation.per_unit[hours] * n,
            (storage.energy * n[storage.site]).reshape(HOURS_A_DAY, -1),
        )

    def _solve(self, model: HighsModel, day: int, n: FloatArray, worth: float) -> HighsSolution:
        program, hour = self._program, self._program.hour
        balance, capacity, energy = self._bounds(day, n)
        held = np.concatenate([program.capacity.ravel(), program.energy.ravel()])
        upper = np.concatenate([capacity.ravel(), energy.ravel()])
        model.set_row_bounds(program.balance.ravel(), balance.ravel(), balance.ravel())
        model.set_row_bounds(held, np.full(held.size, -np.inf), upper)
        if hour.hourly:
            width = hour.cost.size
            for k, scenario in enumerate(self._hours(day).tolist()):
                model.set_cost(k * width + hour.priced, hour.prices(scenario))
        if worth:
            stores = self.problem.stores[self.operation.col_site]
            cost = hour.cost[hour.injection] + np.where(stores, IDLE, -worth)
            model.set_cost(program.injection.ravel(), np.tile(cost, HOURS_A_DAY))
        return model.solve()

    def _enter(self, writer: BatchWriter, rows: IntArray, hour: IntArray, day: int) -> None:
        """Enter the hours of a day that were asked for."""
        program, answer = self._program, self._known[day]
        hours = self._hours(day)
        per_unit = self.operation.per_unit[hours]
        if answer.status is SolverStatus.INFEASIBLE:
            if answer.ray is None:
                raise SolverError("HiGHS: infeasible, but it left no ray")
            writer.infeasible(int(rows[0]), self._cut(answer.ray, day, per_unit))
            writer.status[rows] = ScenarioStatus.INFEASIBLE
            return
        if answer.x is None or answer.row_dual is None:
            raise SolverError(f"HiGHS: ended with status {answer.status.value!r}")
        width = program.hour.cost.size
        x = answer.x[: HOURS_A_DAY * width].reshape(HOURS_A_DAY, width)
        costs = np.array([program.hour.costs(k) for k in hours.tolist()])
        capacity, energy = self._multipliers(answer.row_dual, costs)
        slope = self._by_units(per_unit, capacity, energy)
        for row, k in zip(rows.tolist(), hour.tolist(), strict=True):
            writer.optimal(row, float(costs[k] @ x[k]), slope[k])

    def _multipliers(self, y: FloatArray, costs: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Multipliers of capacities and energies from those of the other rows.

        Where units are none their own may be anything below; these are the largest that stay dual
        feasible, and so the steepest valid plane there.
        """
        program, model = self._program, self._program.model
        others = y.copy()
        others[program.capacity] = others[program.energy] = 0.0
        cost = np.append(costs, np.zeros(program.storage.site.size))
        left = cost - model.matrix.T @ others
        energy = np.minimum(left[costs.size :], 0.0).reshape(HOURS_A_DAY, -1)
        return self.operation.multiplier(left[program.injection]), energy

    def _by_units(
        self, per_unit: FloatArray, capacity: FloatArray, energy: FloatArray
    ) -> FloatArray:
        """Return derivatives by the units of each hour, (24, n_site), from the multipliers."""
        slope = per_unit * capacity
        slope[:, self.problem.stores] += self._program.storage.energy * energy
        return slope

    def _cut(self, ray: FloatArray, day: int, per_unit: FloatArray) -> FeasibilityCut:
        """Turn a Farkas ray into the row (18): what it proves, as a function of the units."""
        program, model, y = self._program, self._program.model, ray.copy()
        costs = np.zeros((HOURS_A_DAY, program.hour.cost.size))
        capacity, energy = self._multipliers(y, costs)
        y[program.capacity], y[program.energy] = capacity, energy
        lower, upper = model.row_lower.copy(), model.row_upper.copy()
        balance = self._bounds(day, np.zeros(self.problem.n_site))[0]
        lower[program.balance] = upper[program.balance] = balance
        constant = farkas_margin(y, model.matrix, lower, upper, model.col_lower, model.col_upper)
        coefficient = self._by_units(per_unit, capacity, energy).sum(axis=0)
        first = self.scenarios.id[self._hours(day)[0]]
        return FeasibilityCut(str(first), coefficient, constant)
