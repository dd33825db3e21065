"""AC evaluation of configurations in every load state."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pygridjl.core.types import BoolArray, FloatArray, IntArray
from pygridjl.graphs.forest import rooted_forest
from pygridjl.powerflow.sweep import sweep_data
from pygridjl.powerflow.sweep_states import (
    ACTIVE,
    APPARENT,
    CURRENT,
    HIGHEST,
    LOWEST,
    RankedLoads,
    ranked_loads,
    solve_states,
)
from pygridjl.reconfiguration.ac.evaluate import AcEvaluator, AcState, Violation
from pygridjl.reconfiguration.states.moments import StateProblem

__all__ = ["Envelope", "StatesEvaluator"]

# States of largest demand and of largest generation that are looked at before all others.
FIRST = 12
# Configurations whose states are remembered.
REMEMBERED = 16


class Envelope(NamedTuple):
    """Extremes over all states.

    ``extreme[k]`` and ``at[k]`` hold the extremes of kind ``k`` and the states they occur in, by
    bus or branch: 0 lowest and 1 highest voltage by bus, 2 largest current by branch, 3 largest
    active and 4 largest apparent power of the sources by bus. ``loss`` and ``v_min`` are by state,
    p.u., infinite and NaN without a power flow, ``v_min_bus`` the bus of the lowest voltage.
    """

    extreme: FloatArray
    at: IntArray
    loss: FloatArray
    v_min: FloatArray
    v_min_bus: IntArray


class StatesEvaluator(AcEvaluator):
    """Evaluates configurations in AC in every state; losses are expected ones.

    Parameters
    ----------
    case : StateProblem
        The problem and its states.
    """

    def __init__(self, case: StateProblem) -> None:
        super().__init__(case.problem)
        self.case = case
        network, states = self.problem.network, case.states
        nothing = np.zeros(network.n_bus)
        # Of the loads only the units' injections are left.
        units = sweep_data(states.network_of(network, (nothing, nothing)), self.problem.roots)
        self._data = units
        loads = states.p + units.load.real, states.q + units.load.imag
        self._loads = ranked_loads(*loads)
        ranked = self._loads.states
        self._worst = ranked_loads(*loads, np.unique(np.append(ranked[:FIRST], ranked[-FIRST:])))
        self._known: dict[bytes, Envelope] = {}

    def envelope(self, closed: BoolArray) -> Envelope:
        """Extremes over all states of a spanning tree."""
        key = closed.tobytes()
        if key not in self._known:
            if len(self._known) >= REMEMBERED:
                self._known.pop(next(iter(self._known)))
            self._known[key] = self._extremes(closed, self._loads)
        return self._known[key]

    def _extremes(self, closed: BoolArray, loads: RankedLoads) -> Envelope:
        """Extremes over some states."""
        problem = self.problem
        forest = rooted_forest(self.graph, problem.branch_states(closed), problem.roots)
        flows = solve_states(forest, self._data, loads)
        size, count = max(problem.network.n_bus, problem.network.n_branch), len(self.case.states)
        found = Envelope(
            extreme=np.full((5, size), -np.inf),
            at=np.zeros((5, size), dtype=np.int64),
            loss=np.zeros(count),
            v_min=np.full(count, np.nan),
            v_min_bus=np.zeros(count, dtype=np.int64),
        )
        found.extreme[CURRENT] = 0.0
        found.loss[loads.states] = flows.loss
        found.v_min[loads.states] = flows.v_min
        found.v_min_bus[loads.states] = forest.order[flows.v_min_row]
        fed = forest.parent[forest.order] >= 0
        for kind, rows, where in (
            (LOWEST, slice(None), forest.order),
            (HIGHEST, slice(None), forest.order),
            (CURRENT, fed, forest.edge[forest.order[fed]]),
            (ACTIVE, ~fed, forest.order[~fed]),
            (APPARENT, ~fed, forest.order[~fed]),
        ):
            found.extreme[kind, where] = flows.extreme[kind, rows]
            found.at[kind, where] = loads.states[flows.at[kind, rows]]
        return found

    def keeps(self, closed: BoolArray) -> bool:
        """Whether a spanning tree keeps the limits in every state; the worst are tried first."""
        if closed.tobytes() not in self._known:
            some = self._extremes(closed, self._worst)
            if not np.isfinite(some.loss).all() or self._violations(some):
                return False
        return self.rank(closed)[0] == 0.0

    def rank(self, closed: BoolArray) -> tuple[float, float]:
        """Sort key (excess over the limits, worst state of each; expected loss in kW)."""
        found = self.envelope(closed)
        loss = float(self.case.states.share @ found.loss) * self.problem.kw
        if not np.isfinite(loss):
            return np.inf, np.inf
        return sum(excess for excess, _, _ in self._violations(found)), loss

    def state(self, closed: BoolArray) -> AcState:
        """Full account of a spanning tree: expected losses, extremes over all states."""
        found = self.envelope(closed)
        states = self.case.states
        lost = np.flatnonzero(~np.isfinite(found.loss))
        if lost.size:
            name = f"network in state {states.id[lost[0]]}"
            broken = (Violation("voltage", name, float("nan"), float("nan")),)
            return AcState(
                np.inf, np.inf, np.nan, np.nan, "", broken if self.problem.limits else ()
            )
        excess, loss = self.rank(closed)
        violations = sorted(self._violations(found), key=lambda item: -item[0])
        worst = int(np.argmin(found.v_min))
        n = self.problem.network.n_bus
        return AcState(
            loss_kw=loss,
            excess=excess,
            v_min=float(found.v_min[worst]),
            v_max=float(found.extreme[HIGHEST, :n].max()),
            v_min_bus=str(self.problem.network.buses.id[found.v_min_bus[worst]]),
            violations=tuple(violation for _, violation, _ in violations),
        )

    def worst_state(self, closed: BoolArray) -> int:
        """Position of the state in which most is violated, or the lowest voltage occurs."""
        found = self.envelope(closed)
        lost = np.flatnonzero(~np.isfinite(found.loss))
        if lost.size:
            return int(lost[0])
        violations = self._violations(found)
        if violations:
            return max(violations, key=lambda item: item[0])[2]
        return int(np.argmin(found.v_min))

    def _violations(self, found: Envelope) -> list[tuple[float, Violation, int]]:
        """Relative excess, violation and state of every limit that is not kept."""
        network, roots = self.problem.network, self.problem.roots
        buses, branches = np.arange(network.n_bus), np.arange(network.n_branch)
        rows = {
            "bus": ((LOWEST, buses), (HIGHEST, buses)),
            "branch": ((CURRENT, branches),),
            "active": ((ACTIVE, roots),),
            "apparent": ((APPARENT, roots),),
        }
        violations = []
        for name, band in self._bands:
            for kind, members in rows[name]:
                value = found.extreme[kind, members]
                # The lowest of all states is held against the lower limit only.
                inside = value > band.high if kind == LOWEST else value < band.low
                excess = np.where(inside, 0.0, band.excess(value))
                for k in np.flatnonzero(excess):
                    state = int(found.at[kind, members[k]])
                    bound = band.low[k] if kind == LOWEST else band.high[k]
                    where = f"{band.component} {band.ids[k]} in state {self.case.states.id[state]}"
                    violation = Violation(band.limit, where, float(value[k]), float(bound))
                    violations.append((float(excess[k]), violation, state))
        return violations
