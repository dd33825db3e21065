"""One period of a schedule: its problem and the configurations listed so far."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pygridjl.core.stopping import held_as, seconds_left
from pygridjl.core.types import BoolArray
from pygridjl.reconfiguration.certificates.cycles import cycle_branch_and_bound
from pygridjl.reconfiguration.certificates.enumeration import trees_below
from pygridjl.reconfiguration.problem import RadialProblem
from pygridjl.reconfiguration.schedule.layers import Layer
from pygridjl.reconfiguration.schedule.periods import Period
from pygridjl.reconfiguration.states.evaluate import StatesEvaluator
from pygridjl.reconfiguration.states.moments import StateProblem, problem_of_states

__all__ = ["MOST", "Stage"]

# Configurations listed of one period at most.
MOST = 2_000
# Excess over a period's least loss up to which configurations are listed first, as a share, and
# how it grows where that proves too little.
FIRST_WINDOW, GROWTH = 1e-3, 3.0


class Stage:
    """One period: its problem, the configurations listed so far, their judge."""

    def __init__(self, problem: RadialProblem, period: Period) -> None:
        self.period = period
        self.case: StateProblem = problem_of_states(problem, period.states)
        self.evaluator = StatesEvaluator(self.case)
        self.hours = float(period.states.hours.sum())
        self.limit = self._least = 0.0
        self.full = False
        # Places of the configurations listed, and which of them are known to keep the limits.
        self._listed: dict[bytes, int] = {}
        self._kept: set[int] = set()
        self.layer = Layer(np.empty((0, problem.m), dtype=bool), np.empty(0), 0.0)

    def begin(self, deadline: float) -> None:
        """Find the least loss, which the first window lies above."""
        with held_as(lambda _: {}):
            found = cycle_branch_and_bound(
                self.case.problem, time_limit=seconds_left(deadline) or 1e-3
            )
        self._least = found.bound
        self.limit = found.bound * (1 + FIRST_WINDOW)
        known = [found.incumbent] if found.incumbent is not None else []
        self._list(known, found.bound)

    def add(self, closed: BoolArray, *, kept: bool = False) -> None:
        """List one more configuration, perhaps one that is known to keep the limits."""
        self._list([closed], self.layer.rest / self.hours)
        if kept:
            self._kept.add(self._listed[closed.tobytes()])

    def widen(self, deadline: float) -> None:
        """List the configurations within the window, and widen the next."""
        found = trees_below(self.case.problem, self.limit, most=MOST, deadline=deadline)
        least = self.layer.rest / self.hours
        self.full = found.closed.shape[0] >= MOST
        self._list(list(found.closed), max(found.complete_to, least))
        self.limit = self._least + GROWTH * max(self.limit - self._least, 1e-12)

    def keeps(self, place: int) -> bool:
        """Whether a listed configuration keeps the limits; it is struck out if not."""
        if not self.case.problem.limits or self.evaluator.keeps(self.layer.closed[place]):
            self._kept.add(place)
            return True
        self.layer.cost[place] = np.inf
        return False

    @property
    def kept(self) -> Layer:
        """What is known to keep the limits only."""
        if not self.case.problem.limits:
            return self.layer
        known = np.isin(np.arange(self.layer.cost.size), list(self._kept))
        return replace(self.layer, cost=np.where(known, self.layer.cost, np.inf))

    def _list(self, trees: list[BoolArray], complete_to: float) -> None:
        fresh = [t for t in trees if t.tobytes() not in self._listed]
        first = len(self._listed)
        self._listed.update((t.tobytes(), first + k) for k, t in enumerate(fresh))
        closed = np.concatenate(
            [self.layer.closed, np.array(fresh, dtype=bool).reshape(-1, self.case.problem.m)]
        )
        cost = [self.case.objective(t) * self.hours for t in fresh]
        self.layer = Layer(
            closed, np.concatenate([self.layer.cost, cost]), complete_to * self.hours
        )
