"""From what PyGridJL returns to typed values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pygridjl.core.result import Status
from pygridjl.core.types import FloatArray

__all__ = ["floats", "number", "status_of"]


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
