"""What switching costs and how much of it is allowed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.types import BoolArray, FloatArray

__all__ = ["Switching", "check_operations", "check_price", "switching_rules"]


@dataclass(frozen=True, eq=False)
class Switching:
    """Costs and limits of the way from today's switches to an answer.

    Attributes
    ----------
    today : ndarray of bool, shape (m,)
        State of each edge today.
    elsewhere : int
        Operations that every answer needs on branches that are no edges.
    cost : float
        Loss that one operation must save, kW.
    most : int or None
        Operations allowed; None for any number.
    """

    today: BoolArray
    elsewhere: int
    cost: float
    most: int | None

    def operations(self, closed: BoolArray) -> int:
        """Return the number of branches to open or to close."""
        return int((closed != self.today).sum()) + self.elsewhere

    def allows(self, closed: BoolArray) -> bool:
        """Whether a configuration is within the limit."""
        return self.most is None or self.operations(closed) <= self.most

    def total(self, closed: BoolArray) -> float:
        """Cost of all operations, kW."""
        return self.cost * self.operations(closed)

    def price(self) -> FloatArray:
        """Cost that opening each edge adds, kW, shape (m,).

        All spanning trees have as many open edges: opening one that is closed today leaves one
        that is open today to be closed, two operations more. What all trees pay is :meth:`fixed`.
        """
        return np.where(self.today, 2 * self.cost, 0.0)

    def fixed(self, n_open: int) -> int:
        """Operations besides two for each edge that is opened, for trees with ``n_open`` open."""
        return int((~self.today).sum()) - n_open + self.elsewhere

    def most_openings(self, n_open: int) -> int:
        """Edges closed today that may be opened; negative if nothing is allowed."""
        return n_open if self.most is None else (self.most - self.fixed(n_open)) // 2


def check_operations(name: str, most: int | None) -> None:
    """Refuse what is no number of operations.

    Raises
    ------
    InvalidOptionError
        Naming the option.
    """
    if most is not None and (most < 0 or int(most) != most):
        raise InvalidOptionError(f"{name}: must be a whole number of at least 0, is {most!r}")


def check_price(name: str, price: float, unit: str) -> None:
    """Refuse what is no price of an operation.

    Raises
    ------
    InvalidOptionError
        Naming the option.
    """
    if not 0 <= price < float("inf"):
        raise InvalidOptionError(f"{name}: must be {unit} of at least 0, is {price!r}")


def switching_rules(
    today: BoolArray, elsewhere: int, max_operations: int | None, operation_cost: float
) -> Switching | None:
    """Return the rules, or None if switching is free and unlimited.

    Raises
    ------
    InvalidOptionError
        If a number cannot be used.
    """
    check_operations("max_operations", max_operations)
    check_price("operation_cost", operation_cost, "kW")
    if max_operations is None and operation_cost == 0:
        return None
    return Switching(today, elsewhere, float(operation_cost), max_operations)
