"""The second stage in the columns of the sites in use: exact, with duals for all sites.

Flows and squared voltages are affine in the injections, U = d(ξ) + S p. With units at few sites
only few columns can be positive, and what remains of a scenario is a small dense problem. Its
multipliers give the derivative of the Lagrangian by the state, and one adjoint sweep over the
tree turns that into the multipliers of (44) at *every* site. Every answer is certified: what the
multipliers prove must meet the value of a feasible point, or the full engine is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from pygridjl.core.types import BoolArray, FloatArray, IntArray
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.second_stage.batch import BatchWriter
from pygridjl.siting.second_stage.full import FullSecondStage
from pygridjl.siting.second_stage.limits import (
    MAX_LAZY,
    Column,
    Columns,
    Limits,
    State,
    first_violation,
    join_columns,
)
from pygridjl.siting.second_stage.loops import loss_loop, voltage_loop
from pygridjl.siting.second_stage.operation import LIMIT_KINDS, Operation
from pygridjl.siting.second_stage.protocol import FeasibilityCut, ScenarioStatus, SecondStageBatch

__all__ = ["CondensedSecondStage"]

# Largest gap between a value and what its multipliers prove, relative to the value.
GAP = 1e-8
# What an injected p.u. is worth where nothing else decides.
GENEROUS = 1e-7
# Numbers in one block of scenarios × nodes.
BLOCK = 2_000_000


@dataclass(frozen=True, eq=False)
class _Active:
    """The sites with units, their columns and the loss's Hessian by them and all columns."""

    sites: IntArray
    columns: Columns
    curvature: FloatArray


@dataclass(frozen=True, eq=False)
class _Answers:
    """What the small problems of a block of scenarios found."""

    x: FloatArray
    value: FloatArray
    lower: FloatArray
    lazy: IntArray
    by: State

    @property
    def certified(self) -> BoolArray:
        """Which of them are proven: value and bound meet."""
        gap = np.abs(self.value - self.lower)
        return np.asarray((self.lazy >= 0) & (gap <= GAP * np.maximum(np.abs(self.value), 1e-6)))


class CondensedSecondStage:
    """Second stage in few columns, with lazy line limits and voltage band.

    Parameters
    ----------
    problem : PlanningProblem
        The problem, valid.
    scenarios : ScenarioSet
        The scenarios, valid for it.
    """

    engine = "condensed"

    def __init__(self, problem: PlanningProblem, scenarios: ScenarioSet) -> None:
        self.problem, self.scenarios = problem, scenarios
        self.operation = Operation(problem, scenarios)
        # Of other objectives it only knows the states.
        self._known = self.operation.objective.condensed and problem.slack_price is None
        self._voltage = problem.measure == "voltage"
        self._columns: dict[int, Column] = {}
        self._active: _Active | None = None
        self._base()
        self.reset()

    def reset(self) -> None:
        """Forget bases and proofs of infeasibility."""
        n = len(self.scenarios)
        self._warm = np.full((n, MAX_LAZY), -1, dtype=np.int64)
        self._n_warm = np.zeros(n, dtype=np.int64)
        self._cuts: dict[int, list[FeasibilityCut]] = {}
        if "_full" in self.__dict__:
            self._full.reset()

    @cached_property
    def _full(self) -> FullSecondStage:
        return FullSecondStage(self.problem, self.scenarios, self.operation)

    # ------------------------------------------------------------------------- without units
    def _base(self) -> None:
        """State, value and violations of every scenario without units."""
        operation, n, n_scenario = self.operation, self.operation.n_node, len(self.scenarios)
        self._state = State(*(np.empty((n_scenario, n)) for _ in range(3)))
        self._limits = Limits(LIMIT_KINDS, operation.limit)
        self._value0 = np.empty(n_scenario)
        n_curved = n_scenario if self._known and not self._voltage else 0
        self._linear0 = np.zeros((n_curved, operation.n_col))
        for block in self._blocks(np.arange(n_scenario)):
            P, Q = operation.model.flows(*operation.demand(block))
            U = operation.model.voltages_of_flows(P, Q)
            self._state.P[block], self._state.Q[block], self._state.U[block] = P, Q, U
            if self._voltage:
                self._value0[block] = np.abs(U - operation.u_ref).sum(axis=1)
            elif self._known:
                self._value0[block] = operation.kw * operation.loss.value(P, Q)
                by = operation.model.adjoint(np.zeros_like(P), *operation.loss.gradient(P, Q))
                slope = operation.kw * operation.by_column(*by)
                self._linear0[block] = slope - operation.reward
        self._feasible0 = ~first_violation(self._state, self._limits)
        self._dark: BoolArray = np.asarray(operation.per_unit.max(axis=1) <= 0)

    def _blocks(self, index: IntArray) -> list[IntArray]:
        size = max(1, BLOCK // self.operation.n_node)
        return [index[k : k + size] for k in range(0, index.size, size)]

    # ---------------------------------------------------------------------------- columns
    def _column(self, col: int) -> Column:
        if col not in self._columns:
            operation, model = self.operation, self.operation.model
            node = int(operation.col_node[col])
            tan = operation.tan[col]
            sensitivity = model.sensitivity([node], tan)[:, 0]
            put = np.eye(1, operation.n_node, node)[0]
            P, Q = model.flows(put, tan * put)
            path = np.flatnonzero(np.abs(P) + np.abs(Q) > 1e-12)  # what factors leave is rounding
            curvature = np.zeros(0)
            if not self._voltage:
                bent = operation.loss.gradient(operation.kw * P, operation.kw * Q)
                by = model.adjoint(np.zeros((1, P.size)), bent[0][None], bent[1][None])
                curvature = operation.by_column(*by)[0]
            self._columns[col] = Column(sensitivity, path, P[path], Q[path], curvature)
        return self._columns[col]

    def _activate(self, units: FloatArray) -> _Active:
        sites = np.flatnonzero(units > 0)
        if self._active is not None and np.array_equal(self._active.sites, sites):
            return self._active
        operation = self.operation
        first = operation.first_col
        cols = np.concatenate(
            [np.arange(first[k], first[k + 1]) for k in sites.tolist()]
            or [np.zeros(0, dtype=np.int64)]
        ).astype(np.int64)
        parts = [self._column(int(c)) for c in cols]
        site_of = np.searchsorted(sites, operation.col_site[cols])
        columns = join_columns(parts, site_of, cols, sites, operation.n_node, operation.reward)
        curvature = np.array([p.curvature for p in parts])
        width = 0 if self._voltage else operation.n_col
        self._active = _Active(sites, columns, curvature.reshape(cols.size, width))
        return self._active

    # ---------------------------------------------------------------------------- evaluation
    def evaluate(self, units: ArrayLike) -> SecondStageBatch:
        """Solve every scenario; see :class:`~pygridjl.siting.second_stage.protocol.SecondStage`."""
        return self.evaluate_scenarios(units, np.arange(len(self.scenarios)))

    def evaluate_scenarios(self, units: ArrayLike, indices: ArrayLike) -> SecondStageBatch:
        """Solve some scenarios; see :class:`~pygridjl.siting.second_stage.protocol.SecondStage`."""
        n, index = self.operation.check_units(units), self.operation.check_indices(indices)
        distinct, back = np.unique(index, return_inverse=True)
        writer = BatchWriter(self.scenarios, distinct, self.problem.n_site)
        active = self._activate(n)
        power = self.operation.per_unit[distinct][:, active.sites] * n[active.sites]
        idle: BoolArray = np.asarray(power.max(axis=1, initial=0.0) <= 0)
        dark = self._dark[distinct] & self._feasible0[distinct]
        writer.value[dark] = self._value0[distinct[dark]]
        writer.gradient[dark] = 0.0
        writer.status[dark] = ScenarioStatus.OPTIMAL
        at_rest = np.flatnonzero(idle & ~dark & self._feasible0[distinct])
        at_work = np.flatnonzero(~idle)
        for rows in self._blocks(at_rest):
            self._rest(writer, rows, distinct[rows])
        solve = self._solve_voltage if self._voltage else self._solve_loss
        for rows in self._blocks(at_work):
            solve(writer, rows, distinct[rows], active, np.ascontiguousarray(power[rows]))
        for row in np.flatnonzero(writer.status == ScenarioStatus.FAILED).tolist():
            self._ask_full(writer, row, int(distinct[row]), n)
        operation = self.operation
        own = np.flatnonzero(~writer.taken)
        value, gradient = writer.value[own], writer.gradient[own]
        operation.priced(value, gradient, distinct[own], n)
        writer.value[own], writer.gradient[own] = value, gradient
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
        known : ndarray of bool, shape (B,)
            Where it is the optimal dispatch; the others need the full program.
        """
        n, index = self.operation.check_units(units), self.operation.check_indices(indices)
        injected = np.zeros((index.size, self.operation.n_col))
        if not self._known:
            return injected, np.zeros(index.size, dtype=np.bool_)
        active = self._activate(n)
        power = self.operation.per_unit[index][:, active.sites] * n[active.sites]
        idle: BoolArray = np.asarray(power.max(axis=1, initial=0.0) <= 0)
        known = idle & self._feasible0[index]
        reward = self.operation.reward + (-GENEROUS if least else GENEROUS)
        for rows in self._blocks(np.flatnonzero(~idle)):
            block, cap = index[rows], np.ascontiguousarray(power[rows])
            found = (
                self._operate_voltage(block, active, cap, reward)
                if self._voltage
                else self._operate_loss(block, active, cap)
            )
            injected[np.ix_(rows, active.columns.number)] = found.x
            known[rows] = found.certified
        return injected, known

    def _rest(self, writer: BatchWriter, rows: IntArray, index: IntArray) -> None:
        """Scenarios in which no unit in place can inject: the state is that without units."""
        operation = self.operation
        if self._voltage:
            sign = np.where(self._state.U[index] >= operation.u_ref, 1.0, -1.0)
            gradient = self._adjoint(index, sign, None)
        else:
            gradient = operation.per_unit[index] * operation.multiplier(self._linear0[index])
        self._enter(writer, rows, self._value0[index], gradient)

    def _enter(
        self, writer: BatchWriter, rows: IntArray, value: FloatArray, gradient: FloatArray
    ) -> None:
        writer.value[rows], writer.gradient[rows] = value, gradient
        writer.status[rows] = ScenarioStatus.OPTIMAL

    def _adjoint(
        self,
        index: IntArray,
        by_u: FloatArray,
        flows: tuple[FloatArray, FloatArray] | None,
    ) -> FloatArray:
        """Gradients from derivatives by the state; equal derivatives share a sweep."""
        operation = self.operation
        if flows is not None:
            by = operation.model.adjoint(by_u, *flows)
            return operation.gradient(index, *by)
        first: dict[bytes, int] = {}
        group = np.array([first.setdefault(row.tobytes(), len(first)) for row in by_u])
        _, leaders = np.unique(group, return_index=True)
        by = operation.model.adjoint(by_u[leaders])
        slope = operation.by_column(*by) - operation.reward
        return np.asarray(operation.per_unit[index] * operation.multiplier(slope)[group])

    def _widen(self, width: int) -> None:
        if width > self._warm.shape[1]:
            wider = np.full((self._warm.shape[0], width), -1, dtype=np.int64)
            wider[:, : self._warm.shape[1]] = self._warm
            self._warm = wider

    def _solve_voltage(
        self,
        writer: BatchWriter,
        rows: IntArray,
        index: IntArray,
        active: _Active,
        power: FloatArray,
    ) -> None:
        found = self._operate_voltage(index, active, power, self.operation.reward)
        self._finish(writer, rows, index, found, None)

    def _operate_voltage(
        self, index: IntArray, active: _Active, power: FloatArray, reward: float
    ) -> _Answers:
        operation, columns = self.operation, active.columns
        # The range of U over what the sites can inject fixes the sign of most deviations.
        steps = columns.sensitivity
        first = np.searchsorted(columns.site_of, np.arange(active.sites.size))
        down = np.minimum(np.minimum.reduceat(steps, first, axis=0), 0.0)
        rise = np.maximum(np.maximum.reduceat(steps, first, axis=0), 0.0)
        away = self._state.U[index] - operation.u_ref
        sign = np.where(away + power @ down >= 0, 1.0, 0.0)
        sign[away + power @ rise <= 0] = -1.0
        self._widen(columns.number.size)
        by = State(np.zeros_like(sign), np.zeros_like(sign), sign)
        x = np.zeros((index.size, columns.number.size))
        value, lower, lazy = voltage_loop(
            index,
            self._state,
            operation.u_ref,
            sign @ steps.T - reward,
            reward,
            power,
            columns,
            self._limits,
            np.cumsum([operation.n_col, self.problem.n_site, operation.n_node]),
            self._warm,
            self._n_warm,
            x,
            by,
        )
        return _Answers(x, value, lower, lazy, by)

    def _solve_loss(
        self,
        writer: BatchWriter,
        rows: IntArray,
        index: IntArray,
        active: _Active,
        power: FloatArray,
    ) -> None:
        found = self._operate_loss(index, active, power)
        slope = self._linear0[index] + found.x @ active.curvature
        self._finish(writer, rows, index, found, slope)

    def _operate_loss(self, index: IntArray, active: _Active, power: FloatArray) -> _Answers:
        cols = active.columns.number
        by = State(*(np.zeros((index.size, self.operation.n_node)) for _ in range(3)))
        x = np.zeros((index.size, cols.size))
        value, lower, lazy = loss_loop(
            index,
            self._state,
            self._value0,
            np.ascontiguousarray(self._linear0[index][:, cols]),
            np.ascontiguousarray(active.curvature[:, cols]),
            power,
            active.columns,
            self._limits,
            self._warm,
            x,
            by,
        )
        return _Answers(x, value, lower, lazy, by)

    def _finish(
        self,
        writer: BatchWriter,
        rows: IntArray,
        index: IntArray,
        found: _Answers,
        slope: FloatArray | None,
    ) -> None:
        """Enter the certified answers; ``slope`` is what limits do not explain, for F^pl."""
        operation, value, by = self.operation, found.value, found.by
        for limited in (False, True):
            part = np.flatnonzero(found.certified & ((found.lazy > 0) == limited))
            if part.size == 0:
                continue
            chosen = index[part]
            flows = (by.P[part], by.Q[part]) if limited else None
            if slope is None:
                gradient = self._adjoint(chosen, by.U[part], flows)
            else:
                own = slope[part]
                if limited:
                    swept = operation.model.adjoint(by.U[part], by.P[part], by.Q[part])
                    own = own + operation.by_column(*swept)
                gradient = operation.per_unit[chosen] * operation.multiplier(own)
            self._enter(writer, rows[part], value[part], gradient)

    def _ask_full(self, writer: BatchWriter, row: int, scenario: int, units: FloatArray) -> None:
        """Hand over what cannot be certified here: limits that cannot be kept, lost digits."""
        for cut in self._cuts.get(scenario, []):
            scale = max(float(np.abs(cut.coefficient).max()), abs(cut.constant))
            if cut.coefficient @ units + cut.constant > 1e-9 * scale:
                writer.infeasible(row, cut)
                return
        answer = self._full.evaluate_scenarios(units, [scenario])
        writer.take(row, answer)
        self._cuts.setdefault(scenario, []).extend(answer.cuts)
