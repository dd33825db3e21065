"""Answers of one call, filled in scenario by scenario."""

from __future__ import annotations

import numpy as np

from pygridjl.core.types import FloatArray, IntArray
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.second_stage.protocol import FeasibilityCut, ScenarioStatus, SecondStageBatch

__all__ = ["BatchWriter"]


class BatchWriter:
    """A batch being filled; a scenario nobody fills in stays failed.

    Parameters
    ----------
    scenarios : ScenarioSet
        The set.
    index : ndarray of int, shape (B,)
        Distinct positions in it.
    n_site : int
        Number of sites.
    """

    def __init__(self, scenarios: ScenarioSet, index: IntArray, n_site: int) -> None:
        self._scenarios, self._index = scenarios, index
        self.value = np.full(index.size, np.nan)
        self.gradient = np.full((index.size, n_site), np.nan)
        self.status = np.full(index.size, int(ScenarioStatus.FAILED), dtype=np.int64)
        self.taken = np.zeros(index.size, dtype=np.bool_)
        self._cuts: dict[int, FeasibilityCut] = {}
        self._messages: dict[str, str] = {}

    def optimal(self, row: int, value: float, gradient: FloatArray) -> None:
        """Enter an optimum."""
        self.value[row], self.gradient[row] = value, gradient
        self.status[row] = ScenarioStatus.OPTIMAL

    def infeasible(self, row: int, cut: FeasibilityCut) -> None:
        """Enter a proof that there is no operating point."""
        self._cuts[row] = cut
        self.status[row] = ScenarioStatus.INFEASIBLE

    def fail(self, row: int, message: str) -> None:
        """Enter what went wrong."""
        self._messages[str(self._scenarios.id[self._index[row]])] = message

    def take(self, row: int, other: SecondStageBatch) -> None:
        """Enter the answer of another engine to this scenario alone."""
        self.value[row], self.gradient[row] = other.value[0], other.gradient[0]
        self.status[row] = other.status[0]
        self.taken[row] = True
        if other.cuts:
            self._cuts[row] = other.cuts[0]
        self._messages.update(other.messages)

    def batch(self, back: IntArray) -> SecondStageBatch:
        """Return the answers in the order asked, which may repeat scenarios."""
        rows = sorted(self._cuts)
        if np.array_equal(back, np.arange(self._index.size)):
            value, gradient, status = self.value, self.gradient, self.status
        else:
            value, gradient, status = self.value[back], self.gradient[back], self.status[back]
        return SecondStageBatch(
            self._index[back],
            value,
            gradient,
            status,
            tuple(self._cuts[row] for row in rows),
            dict(self._messages),
        )
