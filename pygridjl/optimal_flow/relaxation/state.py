"""A relaxation that grows: what the methods of a chain hand to each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from pygridjl.core.stopping import hold
from pygridjl.core.types import FloatArray, IntArray
from pygridjl.graphs.cycles import Cycle
from pygridjl.optimal_flow.relaxation.box import Box
from pygridjl.optimal_flow.relaxation.lifted import Lifted
from pygridjl.optimal_flow.relaxation.measures import cycle_basis
from pygridjl.optimal_flow.relaxation.program import Compiled, Program

__all__ = ["Monomials", "Relaxation", "Round", "Run"]


@dataclass(frozen=True)
class Round:
    """One entry of the history of a bound.

    Attributes
    ----------
    name : str
        What was done.
    seconds : float
        Since the start of the call.
    bound : float
        Best safe bound so far.
    """

    name: str
    seconds: float
    bound: float


@dataclass(eq=False)
class Monomials:
    """The hypergraph of the magnitudes: what flower inequalities are separated on.

    Attributes
    ----------
    factors : list of tuple of int
        Columns of the factors of each monomial.
    columns : list of int
        Column of each monomial.
    integer : list of int
        Columns that the slides' model has as integers: signs and parities.
    """

    factors: list[tuple[int, ...]] = field(default_factory=list)
    columns: list[int] = field(default_factory=list)
    integer: list[int] = field(default_factory=list)


@dataclass
class Relaxation:
    """A relaxation under construction.

    Attributes
    ----------
    lifted : Lifted
        Pairs and flows.
    program : Program
        Columns and rows so far.
    box : Box
        Bounds; tightening replaces it.
    triangles : ndarray of int, shape (t, 3)
        Pairs of the triangles along which angle intervals propagate.
    notes : list of str
        What was assumed.
    monomials : Monomials
        Of loop constraints that are written monomial by monomial.
    flowers : bool
        Whether flower inequalities are separated after each solve.
    """

    lifted: Lifted
    program: Program
    box: Box
    triangles: IntArray
    notes: list[str] = field(default_factory=list)
    monomials: Monomials = field(default_factory=Monomials)
    flowers: bool = False

    @cached_property
    def cycles(self) -> list[Cycle]:
        """A cycle basis, found when asked for: most programs are built without."""
        return cycle_basis(self.lifted.network)

    def point(self, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return w, c, s of a primal point."""
        return x[self.program["w"]], x[self.program["c"]], x[self.program["s"]]

    def compile(self) -> Compiled:
        """Fix the pattern of the rows so far."""
        return Compiled(self.program, self.box)


@dataclass
class Run:
    """What a solve of a chain knows besides the relaxation.

    Attributes
    ----------
    begun, deadline : float
        Values of ``working_time()``.
    target : float or None
        Cost of an AC operating point: the cut-off.
    tolerance : float
        Relative gap to it at which to stop.
    rounds : list of Round
        History.
    bound : float
        Best safe bound so far.
    late : bool
        Whether the clock, or a request to stop, ended what might have gone on.
    """

    begun: float
    deadline: float
    target: float | None
    tolerance: float
    rounds: list[Round] = field(default_factory=list)
    bound: float = -np.inf
    late: bool = False

    def better(self, name: str, bound: float, now: float) -> None:
        """Note a safe bound."""
        self.bound = max(self.bound, bound)
        if np.isfinite(self.bound):
            hold(bound=self.bound)
        self.rounds.append(Round(name, now - self.begun, self.bound))

    @property
    def closed(self) -> bool:
        """Whether the bound proves the target."""
        if self.target is None:
            return False
        return self.target - self.bound <= self.tolerance * abs(self.target)
