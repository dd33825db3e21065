"""When an interior-point method that asks after every iteration is to end."""

from __future__ import annotations

import time

import numpy as np

__all__ = ["IterationClock"]


class IterationClock:
    """Ends a run before the iteration that would pass its limit.

    Solvers' own limits end a run one iteration late, which is long on large models.

    Attributes
    ----------
    cancelled : bool
        Set, from any thread, to end the run after its present iteration.
    """

    def __init__(self) -> None:
        self.cancelled = False
        self._end = self._last = np.inf

    def start(self, time_limit: float) -> None:
        """Begin a run of so many seconds; infinity for no limit."""
        self._last = time.perf_counter()
        self._end = self._last + time_limit

    def over(self) -> bool:
        """Whether the iteration after this one would be one too many."""
        now = time.perf_counter()
        took, self._last = now - self._last, now
        return self.cancelled or now + took > self._end
