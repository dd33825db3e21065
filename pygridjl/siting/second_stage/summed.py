"""The second stage of sums with losses in the columns of the sites in use.

State and measures are affine in what is injected, or quadratic, so that a scenario is a small
program in the injections of few sites and the columns of the measures; deviations whose sign no
injection can change are linear. As in the condensed engine of voltage or loss alone, its
multipliers give the derivative by the state, one adjoint sweep those at every site, and an answer
counts only if what they prove meets the value; else, and where a limit would be passed, the full
engine is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csc_array, csr_array, eye_array, hstack, vstack

from pygridjl.core.types import BoolArray, FloatArray, IntArray
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.second_stage.batch import BatchWriter
from pygridjl.siting.second_stage.full import FullSecondStage
from pygridjl.siting.second_stage.limits import Limits, State, cap_sites, first_violation
from pygridjl.siting.second_stage.operation import LIMIT_KINDS, Operation
from pygridjl.siting.second_stage.protocol import SecondStageBatch
from pygridjl.solvers.conic import Cone, ConicModel, ConicSolver
from pygridjl.solvers.status import SolverStatus

__all__ = ["SummedSecondStage"]

# Largest gap between a value and what its multipliers prove, relative to the value.
GAP = 1e-7
# With more columns the sparse program on all nodes is faster.
MOST_COLUMNS = 80


@dataclass(frozen=True, eq=False)
class _Columns:
    """The columns of the sites in use: effects on the state, curvature, rows of the measures."""

    sites: IntArray
    number: IntArray
    site_of: IntArray
    P: FloatArray
    Q: FloatArray
    U: FloatArray
    hessian: FloatArray
    rows: FloatArray


class SummedSecondStage:
    """Second stage of sums with losses in few columns, by Clarabel.

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
        self._objective = self.operation.objective
        self.bent = self._objective.curvature * self.operation.kw
        self.deviation = self._objective.deviation
        self.rows = self._objective.rows()
        self._limits = Limits(LIMIT_KINDS, self.operation.limit)
        # Rows of F^vd are equations; those of the other measures hold from above.
        self.equal = self.rows.lower == self.rows.upper
        self.right = np.where(self.equal, self.rows.upper, 0.0)

    def reset(self) -> None:
        """Forget bases of the full engine."""
        if "_full" in self.__dict__:
            self._full.reset()

    @cached_property
    def _full(self) -> FullSecondStage:
        return FullSecondStage(self.problem, self.scenarios, self.operation)

    def evaluate(self, units: ArrayLike) -> SecondStageBatch:
        """Solve every scenario; see :class:`~pygridjl.siting.second_stage.protocol.SecondStage`."""
        return self.evaluate_scenarios(units, np.arange(len(self.scenarios)))

    def evaluate_scenarios(self, units: ArrayLike, indices: ArrayLike) -> SecondStageBatch:
        """Solve some scenarios; see :class:`~pygridjl.siting.second_stage.protocol.SecondStage`."""
        operation = self.operation
        n, index = operation.check_units(units), operation.check_indices(indices)
        if np.isin(operation.col_site, np.flatnonzero(n > 0)).sum() > MOST_COLUMNS:
            return self._full.evaluate_scenarios(n, index)
        distinct, back = np.unique(index, return_inverse=True)
        writer = BatchWriter(self.scenarios, distinct, self.problem.n_site)
        columns = self._columns(n)
        power = operation.per_unit[distinct][:, columns.sites] * n[columns.sites]
        program = _Program(self, columns, self._mixed(distinct, columns, power))
        asked: list[int] = []
        for row, scenario in enumerate(distinct.tolist()):
            base = self._base(scenario)
            if power[row].max(initial=0.0) <= 0:
                found = self._at_rest(scenario, base)
            else:
                found = program.solve(scenario, base, power[row])
            if found is None:
                asked.append(row)
            else:
                writer.optimal(row, *found)
        own = np.setdiff1d(np.arange(distinct.size), asked)
        value, gradient = writer.value[own], writer.gradient[own]
        operation.priced(value, gradient, distinct[own], n)
        writer.value[own], writer.gradient[own] = value, gradient
        for row in asked:
            writer.take(row, self._full.evaluate_scenarios(n, [int(distinct[row])]))
        return writer.batch(back)

    # ----------------------------------------------------------------------------- the state
    def _base(self, scenario: int) -> State:
        P, Q = self.operation.model.flows(*self.operation.demand(np.array([scenario])))
        U = self.operation.model.voltages_of_flows(P, Q)
        return State(P[0], Q[0], U[0])

    def _mixed(self, index: IntArray, columns: _Columns, power: FloatArray) -> BoolArray:
        """Which rows of deviations may have either sign in some scenario, shape (r,)."""
        mixed = np.zeros(self.equal.size, dtype=np.bool_)
        if not self.deviation or not columns.sites.size:
            return mixed
        first = np.searchsorted(columns.site_of, np.arange(columns.sites.size))
        down = np.minimum(np.minimum.reduceat(columns.U, first, axis=0), 0.0)
        rise = np.maximum(np.maximum.reduceat(columns.U, first, axis=0), 0.0)
        at = np.flatnonzero(self.equal)
        for scenario, cap in zip(index.tolist(), power, strict=True):
            away = self._base(scenario).U - self.operation.u_ref
            mixed[at] |= (away + cap @ down < 0) & (away + cap @ rise > 0)
        return mixed

    def _columns(self, n: FloatArray) -> _Columns:
        operation, loss = self.operation, self.operation.loss
        sites = np.flatnonzero(n > 0)
        number = np.flatnonzero(np.isin(operation.col_site, sites))
        node = operation.col_node[number]
        put = np.zeros((number.size, operation.n_node))
        put[np.arange(number.size), node] = 1.0
        if number.size:
            P, Q = operation.model.flows(put, operation.tan[number, None] * put)
        else:
            P, Q = put, put
        U = operation.model.sensitivity(node, operation.tan[number]).T
        by_p, by_q = loss.gradient(P, Q) if number.size else (P, Q)
        return _Columns(
            sites,
            number,
            np.searchsorted(sites, operation.col_site[number]),
            P,
            Q,
            np.asarray(U),
            self.bent * (P @ by_p.T + Q @ by_q.T),
            np.asarray(self.rows.state @ np.hstack([P, Q, U]).T),
        )

    def value(self, scenario: int, state: State) -> float:
        """Return the measures of a state, by their weights."""
        index = np.array([scenario])
        values = self._objective.values(index, state.P[None], state.Q[None], state.U[None])
        return float(self._objective.total(values)[0])

    def passes(self, state: State) -> bool:
        """Whether a state passes a limit."""
        one = State(state.P[None], state.Q[None], state.U[None])
        return bool(first_violation(one, self._limits)[0])

    def slopes(self, scenario: int, state: State, multiplier: FloatArray) -> FloatArray:
        """Return the derivative by each column of the problem, shape (n_col,).

        Parameters
        ----------
        scenario : int
            Position in the set.
        state : State
            Where the losses are differentiated.
        multiplier : ndarray, shape (r,)
            Derivatives of the other measures by their rows.
        """
        operation, n = self.operation, self.operation.n_node
        by = self.rows.state.T @ multiplier
        by_p, by_q, by_u = by[:n].copy(), by[n : 2 * n].copy(), by[2 * n :]
        bent = operation.loss.gradient(state.P, state.Q)
        by_p += self.bent * bent[0]
        by_q += self.bent * bent[1]
        by_p[self._objective.source] += self.prices(scenario)[0]
        d_p, d_q = operation.model.adjoint(by_u, by_p, by_q)
        return np.asarray(operation.by_column(d_p[None], d_q[None])[0] - operation.reward)

    def prices(self, scenario: int) -> tuple[float, float]:
        """Return the slopes of the power of the source and of what of it is above 0."""
        tariff = self._objective.tariff
        if tariff is None:
            return 0.0, 0.0
        sold, spread = tariff[scenario].tolist()
        return sold, spread

    def costs(self, scenario: int) -> FloatArray:
        """Return the costs of the columns of the measures."""
        cost = self.rows.cost.copy()
        if self.rows.bought >= 0:
            cost[self.rows.bought] = self.prices(scenario)[1]
        return cost

    def gradient(self, scenario: int, slope: FloatArray) -> FloatArray:
        """Return the subgradient by the units from the derivatives by the columns."""
        operation = self.operation
        return np.asarray(operation.per_unit[scenario] * operation.multiplier(slope[None])[0])

    def subgradient(self, scenario: int, state: State) -> FloatArray:
        """Return derivatives of the measures by their rows at a state, shape (r,)."""
        rows, cost = self.rows, self.costs(scenario)
        t = rows.state @ np.concatenate(state) - self.right
        of, size = self._owner, np.zeros(t.size)
        size[self.equal] = np.sign(t[self.equal]) * self.deviation
        if (~self.equal).any():
            top = np.zeros(cost.size)
            np.maximum.at(top, of[~self.equal], t[~self.equal])
            worst = np.flatnonzero(~self.equal & (t > 0) & (t >= top[of]))
            # One row of each column that is worst.
            column, first = np.unique(of[worst], return_index=True)
            size[worst[first]] = cost[column]
        return size

    def clipped(self, multiplier: FloatArray, cost: FloatArray) -> FloatArray:
        """Return multipliers that prove something: within what the measures can answer."""
        equal, of = self.equal, self._owner
        kept = np.where(equal, multiplier, np.maximum(multiplier, 0.0))
        kept[equal] = np.clip(kept[equal], -self.deviation, self.deviation)
        total = np.bincount(of[~equal], kept[~equal], minlength=cost.size)
        share = np.where(total > cost, cost / np.maximum(total, 1e-300), 1.0)
        return np.where(equal, kept, kept * share[of])

    @cached_property
    def _owner(self) -> IntArray:
        """The column that each row holds; of two the first."""
        own = csr_array(self.rows.own)
        return np.asarray(own.indices[own.indptr[:-1]], dtype=np.int64)

    def _at_rest(self, scenario: int, state: State) -> tuple[float, FloatArray] | None:
        """Nothing in place can inject: the state is that without units."""
        if self.passes(state):
            return None
        slope = self.slopes(scenario, state, self.subgradient(scenario, state))
        return self.value(scenario, state), self.gradient(scenario, slope)


class _Program:
    """A small quadratic program whose costs and right-hand sides change with the scenario."""

    def __init__(self, stage: SummedSecondStage, columns: _Columns, mixed: BoolArray) -> None:
        self._stage, self._columns = stage, columns
        rows, equal = stage.rows, stage.equal
        self._above = np.flatnonzero(~equal)
        self._mixed, self._fixed = np.flatnonzero(mixed), np.flatnonzero(equal & ~mixed)
        own = csr_array(rows.own)
        kept = np.zeros(rows.cost.size, dtype=np.bool_)
        for part in (self._mixed, self._above):
            kept[own[part].indices] = True
        self._kept = np.flatnonzero(kept)
        m, c, n_site = columns.number.size, self._kept.size, columns.sites.size
        held = csr_array((np.ones(m), (columns.site_of, np.arange(m))), shape=(n_site, m))
        a, own = csr_array(columns.rows), own[:, self._kept]
        below = eye_array(m + c, format="csr")
        # Without a bound nothing holds what is bought where it costs no more than it earns.
        self._top: list[float] = []
        parts = [
            hstack([a[self._mixed], own[self._mixed]]),
            hstack([a[self._above], own[self._above]]),
            hstack([held, csr_array((n_site, c))]),
            -below,
        ]
        if rows.bought >= 0:
            self._top = [max(float(stage.operation.supply[1].max()), 0.0) + 1.0]
            parts.append(below[[m + int(np.searchsorted(self._kept, rows.bought))]])
        size, n_equal = sum(part.shape[0] for part in parts), self._mixed.size
        cones = [Cone("zero", n_equal)] if n_equal else []
        quadratic = np.zeros((m + c, m + c))
        quadratic[:m, :m] = columns.hessian
        self._model = ConicModel(
            cost=np.zeros(m + c),
            matrix=csc_array(vstack(parts)),
            rhs=np.zeros(size),
            cones=[*cones, Cone("nonnegative", size - n_equal)],
            quadratic=csc_array(quadratic),
        )
        self._solver: ConicSolver | None = None

    def solve(self, scenario: int, base: State, cap: FloatArray) -> tuple[float, FloatArray] | None:
        """Return value and subgradient, or None if the answer does not count."""
        stage, columns = self._stage, self._columns
        m = columns.number.size
        right = stage.right - stage.rows.state @ np.concatenate(base)
        costs = stage.costs(scenario)
        multiplier = np.zeros(right.size)
        # What no injection can turn stays on its side; from 0 it can leave to one side only.
        away = -right[self._fixed]
        side = np.where(away != 0, away, columns.rows[self._fixed] @ cap[columns.site_of])
        multiplier[self._fixed] = stage.deviation * np.where(side > 0, 1.0, -1.0)
        linear = self._linear(scenario, base) + columns.rows.T @ multiplier
        bounds = np.zeros(m + self._kept.size)
        rhs = np.concatenate([right[self._mixed], right[self._above], cap, bounds, self._top])
        cost = np.concatenate([linear, costs[self._kept]])
        value0 = stage.value(scenario, base)
        scale = max(abs(value0), float(np.abs(linear).max() * cap.max()), 1e-9)
        if self._solver is None:
            self._solver = ConicSolver(self._model, tolerance=1e-9, scale=scale)
        self._solver.set_cost(cost)
        self._solver.set_rhs(rhs)
        answer = self._solver.solve()
        if answer.status not in (SolverStatus.OPTIMAL, SolverStatus.INACCURATE):
            return None
        x = answer.x[:m].copy()
        cap_sites(x, columns.site_of, cap)
        state = State(base.P + x @ columns.P, base.Q + x @ columns.Q, base.U + x @ columns.U)
        if stage.passes(state):
            return None
        n_equal, n_above = self._mixed.size, self._above.size
        multiplier[self._mixed] = answer.z[:n_equal]
        multiplier[self._above] = answer.z[n_equal : n_equal + n_above]
        multiplier = stage.clipped(multiplier, costs)
        slope = stage.slopes(scenario, state, multiplier)
        reward = stage.operation.reward
        value = stage.value(scenario, state) - reward * float(x.sum())
        lower = self._proven(scenario, base, x, multiplier, -right, slope[columns.number], cap)
        if abs(value - lower) > GAP * max(abs(value), abs(value0), 1e-6):
            return None
        return value, stage.gradient(scenario, slope)

    def _linear(self, scenario: int, base: State) -> FloatArray:
        """Return the derivatives of losses and prices by the columns without units."""
        stage, columns = self._stage, self._columns
        operation, sold = stage.operation, stage.prices(scenario)[0]
        by_p, by_q = operation.loss.gradient(base.P, base.Q)
        linear = sold * columns.P[:, operation.objective.source].sum(axis=1) - operation.reward
        return np.asarray(linear + stage.bent * (columns.P @ by_p + columns.Q @ by_q))

    def _proven(
        self,
        scenario: int,
        base: State,
        x: FloatArray,
        multiplier: FloatArray,
        shift: FloatArray,
        slope: FloatArray,
        cap: FloatArray,
    ) -> float:
        """Return the least value that multipliers prove, planes below all convex parts."""
        stage, columns = self._stage, self._columns
        operation, curved = stage.operation, columns.hessian @ x
        constant = stage.prices(scenario)[0] * float(base.P[operation.objective.source].sum())
        constant += stage.bent * float(operation.loss.value(base.P, base.Q))
        smooth = constant - 0.5 * float(x @ curved) + float(multiplier @ shift)
        best = np.zeros(cap.size)
        np.minimum.at(best, columns.site_of, slope)
        return smooth + float(cap @ best)
