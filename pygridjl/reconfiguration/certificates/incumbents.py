"""Options that all certificates share: a first configuration, a clock, lazy constraints."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from pygridjl._types import BoolArray
from pygridjl.errors import InvalidOptionError
from pygridjl.reconfiguration.problem import RadialProblem

__all__ = ["Accept", "assert_options", "first_incumbent"]

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
