"""What a problem asks of the grid on which its service points sit."""

from __future__ import annotations

from typing import Protocol

from scipy.sparse import csr_array

from pygridjl.core.findings import Finding
from pygridjl.core.types import FloatArray, IntArray

__all__ = ["Coupling", "Tracker"]


class Tracker(Protocol):
    """State of the grid along a local search."""

    def allows(self, a: int, b: int, j: int, k: int) -> bool:
        """Return whether j may go from circuit a to b and k from b to a; −1 is nobody."""

    def excess(self) -> FloatArray:
        """Return how far each circuit is outside its limits."""

    def excess_after(self, a: int, b: int, j: int, k: int) -> float:
        """Return how far circuits a and b would be outside theirs after an exchange."""

    def exchange(self, a: int, b: int, j: int, k: int) -> None:
        """Make that exchange."""


class Coupling(Protocol):
    """Limits that depend on the whole assignment, linear in it."""

    def findings(self, assignment: IntArray) -> list[Finding]:
        """List the limits an assignment breaks, computed apart from the rows below."""

    def tracker(self, assignment: IntArray) -> Tracker:
        """Begin a local search at an assignment."""

    def band(self, assignment: IntArray) -> list[tuple[float, float]]:
        """Lowest and highest voltage of each circuit, p.u."""

    def violated_rows(self, assignment: IntArray, width: int) -> tuple[csr_array, FloatArray]:
        """Rows A x ≤ b, of x with column j·m + i, that the assignment breaks."""
