"""Checks of arguments that many functions take."""

from __future__ import annotations

import operator

import numpy as np

from pygridjl.core.errors import InvalidOptionError

__all__ = ["TIME_LIMIT", "check_time_limit", "generator", "seconds_allowed"]

TIME_LIMIT = 60.0
"""Seconds a method may take unless told otherwise; infinity means no limit."""


def seconds_allowed(time_limit: float | None) -> float:
    """Return the seconds of a time limit, :data:`TIME_LIMIT` if none was given.

    Raises
    ------
    InvalidOptionError
        If it is no positive number.
    """
    try:
        seconds = TIME_LIMIT if time_limit is None else float(time_limit)
    except (TypeError, ValueError, OverflowError):
        raise InvalidOptionError(f"time_limit: must be a number, is {time_limit!r}") from None
    check_time_limit(seconds)
    return seconds


def check_time_limit(seconds: float | None) -> None:
    """Refuse a time limit that is no positive number; None and infinity mean no limit.

    Raises
    ------
    InvalidOptionError
        If it is zero, negative or not a number.
    """
    if seconds is not None and not seconds > 0:
        raise InvalidOptionError(f"time_limit: must be positive, is {seconds}")


def generator(seed: int | np.random.Generator) -> np.random.Generator:
    """Return the random numbers of a seed; a generator is returned as it is.

    Raises
    ------
    InvalidOptionError
        If the seed is not an integer of at least 0.
    """
    if isinstance(seed, np.random.Generator):
        return seed
    try:
        number = operator.index(seed)
    except TypeError:
        raise InvalidOptionError(f"seed: must be an integer, is {seed!r}") from None
    if number < 0:
        raise InvalidOptionError(f"seed: must be at least 0, is {number}")
    return np.random.default_rng(number)
