"""From what PyGridJL returns to typed values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pygridjl.core.result import Status
from pygridjl.core.types import FloatArray

__all__ = ["JuliaAnswer", "Trace", "floats", "number", "plain", "status_of", "trace_of"]

Trace = tuple[tuple[float, float | None, float | None], ...]
"""Seconds, objective of the best answer and proven bound at that moment; None where there was
none."""


@dataclass(frozen=True, eq=False)
class JuliaAnswer:
    """What PyGridJL answered: what every problem has, and the values of this one.

    Attributes
    ----------
    status : Status
        ``optimal`` and ``infeasible`` only where a solver proved it.
    raw_status : str
        How the solver itself names its end. A claim of a local solver is no proof.
    solver : str
        Julia package that solved it.
    objective, bound : float or None
        Value of the answer, and what is proven about it.
    values : dict
        Arrays of the problem; empty or NaN without an answer.
    trace : tuple
        What was known when, see :data:`Trace`.
    notes : tuple of str
        What was assumed, and what is wrong with a claim.
    solution : dict
        PowerModelsDistribution's own solution, where it was asked for.
    seconds : dict
        Seconds by phase: ``julia`` (start and loading), ``build``, ``solve``, ``crossing``.
    versions : dict
        Versions of Julia and the packages.
    """

    status: Status
    raw_status: str
    solver: str
    objective: float | None
    bound: float | None
    values: dict[str, Any]
    trace: Trace = ()
    notes: tuple[str, ...] = ()
    solution: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)


def status_of(text: object) -> Status:
    """Translate a status of PyGridJL, whose vocabulary is that of :class:`Status`."""
    return Status(str(text))


def number(value: object) -> float | None:
    """Return a float, or None for Julia's NaN: PyGridJL's way to say there is none."""
    plain = float(value)  # type: ignore[arg-type]
    return None if math.isnan(plain) else plain


def floats(array: Any) -> FloatArray:
    """Copy a Julia array, so that the result outlives and is independent of Julia's memory."""
    return np.array(array, dtype=np.float64, order="C")


def trace_of(table: Any, factor: float = 1.0) -> Trace:
    """Translate a table of seconds, objectives and bounds; the last two times a factor."""

    def scaled(value: float) -> float | None:
        found = number(value)
        return None if found is None or math.isinf(found) else found * factor

    return tuple((float(s), scaled(o), scaled(b)) for s, o, b in floats(table))


def plain(value: Any) -> Any:
    """Turn Julia's dictionaries and vectors, nested as they may be, into Python's."""
    if isinstance(value, str | bool | int | float) or value is None:
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    try:
        return [plain(item) for item in value]
    except TypeError:
        # Enumerations and symbols: their name says it.
        return str(value)
