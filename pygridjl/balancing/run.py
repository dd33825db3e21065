"""What a method is given and what it hands back: the best assignment and the best bound so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from pygridjl.balancing.check import check_assignment
from pygridjl.balancing.losses import objective_of
from pygridjl.balancing.problem import BalancingProblem
from pygridjl.core.result import Stopwatch
from pygridjl.core.stopping import hold, seconds_left
from pygridjl.core.types import IntArray

__all__ = ["Run"]


@dataclass(eq=False)
class Run:
    """State of one call of :func:`pygridjl.balance`.

    Attributes
    ----------
    problem : BalancingProblem
        The problem.
    deadline : float
        Clock (``core.jit.working_time``) at which to stop.
    gap : float
        Relative gap that counts as proven.
    seed : int
        Seed of the random parts.
    watch : Stopwatch
        Seconds by phase.
    say : callable
        Takes one line of progress.
    best : ndarray of int, shape (n,), or None
        Best assignment that keeps every rule.
    value : float
        Its objective; infinity without one.
    bound : float
        Proven lower bound; infinity if nothing keeps the rules.
    bound_method : str
        What proved it.
    timed_out : bool
        Whether a solver ended for want of time, perhaps with some kept for the answer.
    notes : list of str
        What one must know about the answer.
    packages : list of str
        Solvers that took part.
    """

    problem: BalancingProblem
    deadline: float
    gap: float
    seed: int
    watch: Stopwatch
    say: Callable[[str], None]
    best: IntArray | None = None
    value: float = np.inf
    bound: float = -np.inf
    bound_method: str = ""
    timed_out: bool = False
    notes: list[str] = field(default_factory=list)
    packages: list[str] = field(default_factory=list)

    @property
    def remaining(self) -> float:
        """Seconds left; never negative."""
        return seconds_left(self.deadline)

    @property
    def proven(self) -> bool:
        """Whether the bound proves the best assignment to the gap asked for."""
        return self.best is not None and self.value - self.bound <= self.gap * abs(self.value)

    def offer(self, assignment: IntArray) -> bool:
        """Take an assignment if it keeps the rules and is better than the best so far."""
        if check_assignment(self.problem, assignment):
            return False
        value = objective_of(self.problem, assignment)
        if value < self.value:
            self.best, self.value = assignment.copy(), value
            names = [self.problem.circuits[i] for i in assignment.tolist()]
            placed = dict(zip(self.problem.service_points, names, strict=True))
            hold(objective=value, assignment=placed)
            return True
        return False

    def prove(self, bound: float, method: str) -> None:
        """Take a lower bound if it is better than the best so far."""
        if bound > self.bound:
            self.bound, self.bound_method = float(bound), method
            if np.isfinite(bound):
                hold(bound=self.bound)
