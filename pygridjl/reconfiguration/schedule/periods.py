"""Periods: load states that follow each other and share one configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pygridjl.core.errors import InvalidOptionError
from pygridjl.scenarios.load_states import LoadStates

__all__ = ["Period", "split_periods"]


@dataclass(frozen=True, eq=False)
class Period:
    """A period and its load states."""

    name: str
    states: LoadStates


def split_periods(states: LoadStates, periods: int | Sequence[Any]) -> list[Period]:
    """Split load states into periods.

    Parameters
    ----------
    states : LoadStates
        In the order of time.
    periods : int or sequence
        How many of about equal length, or the name of each state's period.

    Returns
    -------
    list of Period
        In the order of time. A name that comes back later names another period, with a number.

    Raises
    ------
    InvalidOptionError
        If there are more periods than states, or a name is missing.
    """
    if isinstance(periods, (int, np.integer)):
        if not 1 <= periods <= len(states):
            raise InvalidOptionError(
                f"periods: must be 1 to {len(states)}, the number of states, is {periods}"
            )
        middle = np.cumsum(states.hours) - states.hours / 2
        part = (middle / states.hours.sum() * periods).astype(np.int64)
        names = [str(k + 1) for k in part]
    else:
        names = [str(name) for name in periods]
        if len(names) != len(states):
            raise InvalidOptionError(
                f"periods: {len(names)} names for {len(states)} load states: give one each"
            )
    first = [k for k in range(len(names)) if k == 0 or names[k] != names[k - 1]]
    found, seen = [], dict[str, int]()
    for begin, end in zip(first, [*first[1:], len(names)], strict=True):
        name = names[begin]
        seen[name] = seen.get(name, 0) + 1
        shown = name if seen[name] == 1 else f"{name} ({seen[name]})"
        found.append(Period(shown, states.take(np.arange(begin, end))))
    return found
