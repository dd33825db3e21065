"""Options that all certificates share: a first configuration, a clock, lazy constraints."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeAlias

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.jit import working_time
from pygridjl.core.result import Status, relative_gap
from pygridjl.core.types import BoolArray
from pygridjl.reconfiguration.certificates.certificate import Certificate
from pygridjl.reconfiguration.problem import RadialProblem

__all__ = [
    "PROOF_TOLERANCE",
    "Accept",
    "assert_options",
    "conclude",
    "first_incumbent",
    "on_edges",
]

# Solvers with tolerances prove to this relative gap.
PROOF_TOLERANCE = 1e-6

Accept: TypeAlias = Callable[[BoolArray], bool]


def assert_options(
    problem: RadialProblem, incumbent: BoolArray | None, time_limit: float | None
) -> None:
    """Check what a user hands to a certificate.

    Raises
    ------
    InvalidOptionError
        If ``incumbent`` is not a spanning tree with the forced edges, or ``time_limit`` is not a
        number of seconds.
    """
    if time_limit is not None and not time_limit >= 0:
        raise InvalidOptionError(f"time_limit: {time_limit!r} is not a number of seconds")
    if incumbent is None:
        return
    if incumbent.shape != (problem.m,) or not problem.is_spanning_tree(incumbent):
        raise InvalidOptionError("incumbent: the closed edges are not a spanning tree")
    if not incumbent[problem.forced].all():
        raise InvalidOptionError("incumbent: a branch that must stay closed is open")


def first_incumbent(
    configurations: Iterable[BoolArray | None], accept: Accept | None
) -> BoolArray | None:
    """Return a copy of the first configuration that is accepted, or None."""
    for closed in configurations:
        if closed is not None and (accept is None or accept(closed)):
            return closed.copy()
    return None


def on_edges(problem: RadialProblem, kept: BoolArray) -> RadialProblem:
    """Return the problem on some of its edges."""
    return replace(
        problem,
        branch=problem.branch[kept],
        tail=problem.tail[kept],
        head=problem.head[kept],
        weight=problem.weight[kept],
        forced=problem.forced[kept],
    )


def conclude(
    problem: RadialProblem,
    best: BoolArray,
    bound: float,
    nodes: int,
    start: float,
    method: str,
    engine: str,
) -> Certificate:
    """Certificate of a solver for the linear model that always keeps an incumbent.

    Parameters
    ----------
    problem : RadialProblem
        The problem.
    best : ndarray of bool, shape (m,)
        Best configuration known.
    bound : float
        Proven lower bound, kW.
    nodes : int
        Nodes of the tree search.
    start : float
        ``working_time()`` when the work began.
    method, engine : str
        Names.

    Returns
    -------
    Certificate
        ``OPTIMAL`` if bound and objective agree to ``PROOF_TOLERANCE``.
    """
    objective = problem.objective(best)
    gap = relative_gap(objective, bound)
    proven = gap is not None and gap <= PROOF_TOLERANCE
    return Certificate(
        bound=min(bound, objective),
        incumbent=best,
        objective=objective,
        status=Status.OPTIMAL if proven else Status.TIME_LIMIT,
        nodes=nodes,
        seconds=working_time() - start,
        method=method,
        engine=engine,
    )
