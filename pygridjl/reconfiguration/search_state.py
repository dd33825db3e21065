"""What one call of :func:`pygridjl.reconfigure` collects on its way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pygridjl.core.result import Status, Stopwatch
from pygridjl.core.stopping import hold, seconds_left
from pygridjl.core.types import BoolArray
from pygridjl.reconfiguration.ac.evaluate import AcEvaluator
from pygridjl.reconfiguration.problem import RadialProblem

if TYPE_CHECKING:
    from pygridjl.reconfiguration.certificates import Certificate
    from pygridjl.reconfiguration.states.moments import StateProblem

__all__ = ["Progress", "Run", "Trace"]

Progress = Callable[[str], None]
Trace = tuple[tuple[float, float | None, float | None], ...]


@dataclass
class Run:
    """Answers worth comparing and what has been proven about them.

    Attributes
    ----------
    problem : RadialProblem
        The problem.
    deadline : float
        When the time limit ends, on the clock of :func:`~pygridjl.core.jit.working_time`.
    watch : Stopwatch
        Seconds by phase.
    evaluator : AcEvaluator
        Judge of the candidates; of many load states a :class:`StatesEvaluator`.
    say : callable
        Takes a line of progress.
    case : StateProblem or None
        The load states, if there are many.
    exact : bool
        Whether the method itself proves its answer.
    candidates : list of ndarray of bool, shape (m,)
        Spanning trees.
    bound : float
        Largest proven lower bound on the linear objective, kW.
    bound_method : str
        What proved it.
    ac_bound : float or None
        Proven lower bound on the AC losses, kW.
    proven_infeasible : bool
        Whether it was proven that no tree keeps the limits.
    timed_out : bool
        Whether a solver with a clock of its own was stopped by it.
    notes : list of str
        What one must know about the answer.
    engine : str
        What computed the answer.
    versions : dict
        Versions of it.
    raw_status : str
        How a solver itself names its end.
    trace : tuple
        Seconds, objective and bound, kW, as they came.
    """

    problem: RadialProblem
    deadline: float
    watch: Stopwatch
    evaluator: AcEvaluator
    say: Progress
    case: StateProblem | None = None
    exact: bool = False
    candidates: list[BoolArray] = field(default_factory=list)
    bound: float = -np.inf
    bound_method: str = ""
    ac_bound: float | None = None
    proven_infeasible: bool = False
    timed_out: bool = False
    notes: list[str] = field(default_factory=list)
    engine: str = "python"
    versions: dict[str, str] = field(default_factory=dict)
    raw_status: str = ""
    trace: Trace = ()

    @property
    def remaining(self) -> float:
        """Seconds until the deadline, never negative."""
        return seconds_left(self.deadline)

    def objective(self, closed: BoolArray) -> float:
        """Loss of a tree in the linear model, expected over the load states, kW."""
        return (self.problem if self.case is None else self.case).objective(closed)

    @property
    def acceptance(self) -> Callable[[BoolArray], bool] | None:
        """Lazy constraints: the AC limits, where there are any."""
        if not self.problem.limits:
            return None
        return self.evaluator.keeps

    def accepts(self, closed: BoolArray) -> bool:
        """Whether a tree keeps the limits and needs no more operations than allowed."""
        kept = self.acceptance is None or self.acceptance(closed)
        return kept and self.problem.allows(closed)

    def best(self) -> BoolArray | None:
        """Candidate that keeps its limits best and then loses least."""
        if len(self.candidates) < 2:
            # Nothing to compare, which for many load states costs more than a proof.
            return self.candidates[0] if self.candidates else None
        return min(self.candidates, key=self._rank)

    def _rank(self, closed: BoolArray) -> tuple[float, float, float]:
        excess, loss = self.evaluator.rank(closed)
        if not self.problem.limits and not np.isfinite(loss):
            # Without limits an answer needs no AC solution: judge it by the linear model.
            excess = 0.0
        return excess, loss + self.problem.switching_cost(closed), self.problem.objective(closed)

    def note_bound(self, bound: float, method: str) -> None:
        """Keep the largest bound proven so far."""
        if bound > self.bound:
            self.bound, self.bound_method = bound, method
            hold(bound=float(bound))

    def note_tree(self, closed: BoolArray) -> None:
        """Keep a tree for the case that the run is broken off before it can choose."""
        opened = self.problem.open_branches(closed)
        hold(objective=self.objective(closed), open_branches=list(map(int, opened)))

    def take(self, certificate: Certificate) -> None:
        """Note what a certificate proved and the answer it found."""
        if certificate.status is Status.INFEASIBLE:
            self.proven_infeasible = True
            return
        # Some of the time is kept for the answer, so that not all of it need have passed.
        self.timed_out = self.timed_out or certificate.status is Status.TIME_LIMIT
        if certificate.model == "ac":
            self.ac_bound = certificate.bound
        else:
            self.note_bound(certificate.bound, certificate.method)
        if certificate.incumbent is None:
            return
        kept = self.accepts(certificate.incumbent)
        if self.exact and certificate.status is Status.OPTIMAL and kept:
            # The proof is about this answer; an equally good one would not carry it.
            self.candidates = [certificate.incumbent]
        else:
            self.candidates.append(certificate.incumbent)
