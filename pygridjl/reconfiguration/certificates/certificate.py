"""What a certificate returns: a proven lower bound and, where there is one, an answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pygridjl.core.result import Result, Status
from pygridjl.core.types import BoolArray

__all__ = ["Certificate"]


@dataclass(frozen=True, eq=False)
class Certificate(Result):
    """A lower bound on the loss of every configuration that keeps the constraints.

    Attributes
    ----------
    bound : float
        Lower bound on the loss in ``model``, kW; infinite when the problem was proven infeasible.
    incumbent : ndarray of bool, shape (m,), or None
        Closed edges of the best configuration known.
    objective : float or None
        Loss of the incumbent in ``model``, kW.
    status : Status
        ``OPTIMAL`` if the bound proves the incumbent optimal, ``INFEASIBLE`` if it was proven
        that no configuration is accepted, ``TIME_LIMIT`` if the clock ended the search,
        ``FEASIBLE`` or ``NOT_FOUND`` for a method that never claims more.
    nodes : int
        Nodes of the search tree that were processed; 0 for a bound without a search.
    seconds : float
        Wall-clock time.
    method : str
        Name of the certificate.
    engine : str
        What computed it.
    model : {"linear", "ac"}
        Which losses bound and objective are about.
    """

    bound: float
    incumbent: BoolArray | None
    objective: float | None
    status: Status
    nodes: int
    seconds: float
    method: str
    engine: str
    model: Literal["linear", "ac"] = "linear"
