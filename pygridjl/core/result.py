"""What every answer of pygridjl carries: a typed status, seconds by phase, engine versions."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, Any

import numpy as np

from pygridjl.core.jit import compile_seconds, working_time

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Result", "Status", "Stopwatch", "engine_versions", "relative_gap"]


class Status(StrEnum):
    """How a method ended. Only OPTIMAL and INFEASIBLE are proofs."""

    OPTIMAL = "optimal"
    """A bound of the same model proves the answer optimal, to the tolerance of the method."""
    FEASIBLE = "feasible"
    """The answer keeps every constraint; nothing is claimed about its distance from the best."""
    TIME_LIMIT = "time_limit"
    """Stopped by the clock; the answer is the incumbent and the bound is what was proven so far."""
    INFEASIBLE = "infeasible"
    """No configuration keeps every constraint, and this was proven."""
    NOT_FOUND = "not_found"
    """No feasible answer was found; none was excluded either."""


class Stopwatch:
    """Wall-clock seconds by phase; compiling kernels is a phase of its own, ``compile``.

    Examples
    --------
    >>> watch = Stopwatch()
    >>> with watch.phase("search"):
    ...     pass
    >>> sorted(watch.seconds)
    ['search']
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._compiled = compile_seconds()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the time spent inside the ``with`` block to phase ``name``."""
        start = working_time()
        try:
            yield
        finally:
            self._add(name, working_time() - start)
            compiled, self._compiled = compile_seconds() - self._compiled, compile_seconds()
            if compiled > 0:
                self._add("compile", compiled)

    def _add(self, name: str, seconds: float) -> None:
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds

    @property
    def total(self) -> float:
        """Sum over all phases, s."""
        return sum(self.seconds.values())


def engine_versions(*packages: str) -> dict[str, str]:
    """Versions of the distributions that produced a result.

    Parameters
    ----------
    *packages : str
        Names as on PyPI.

    Returns
    -------
    dict
        Name to version, pygridjl first.
    """
    return {name: _version(name) for name in ("pygridjl", *packages)}


# Reading what is installed takes longer than a small relaxation.
_version = cache(metadata.version)


def relative_gap(objective: float | None, bound: float | None) -> float | None:
    """Return (objective − bound) / |objective|, or None if either is missing.

    A gap within 1e-9 of zero is rounding of two sums of the same terms and reads 0. Nothing is
    relative to an objective of 0: a bound within 1e-6 of it closes the gap, any other leaves an
    infinite one.
    """
    if objective is None or bound is None:
        return None
    if objective == bound:
        return 0.0
    if objective == 0.0:
        return 0.0 if abs(bound) < 1e-6 else math.copysign(math.inf, -bound)
    gap = (objective - bound) / abs(objective)
    return 0.0 if abs(gap) < 1e-9 else gap


def _plain(value: Any) -> Any:
    """Turn dataclasses, enums and numpy values into what JSON knows; non-finite becomes null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if type(value).__name__ == "DataFrame":  # pandas is imported by whoever makes one
        return _plain(value.to_dict("records"))
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


@dataclasses.dataclass(frozen=True)
class Result:
    """Base of all results; subclasses add their own fields."""

    @property
    def has_answer(self) -> bool:
        """Whether there is an answer that keeps every constraint."""
        none = (Status.INFEASIBLE, Status.NOT_FOUND)
        return getattr(self, "status", None) not in none and (
            getattr(self, "objective", None) is not None
        )

    def _rows(self) -> list[tuple[str, str]]:
        """Return what :meth:`summary` shows, name and text; by default every short field."""
        shown = []
        for name, value in self.to_dict().items():
            if not isinstance(value, list | dict) and value not in (None, ""):
                shown.append((name.replace("_", " "), str(value)))
        return shown

    def summary(self) -> str:
        """Return the result as a short table for people."""
        rows = self._rows()
        rows += [("note", note) for note in getattr(self, "notes", ())]
        seconds = getattr(self, "seconds", None)
        if isinstance(seconds, Mapping):
            phases = ", ".join(f"{name} {value:.3f}" for name, value in seconds.items())
            rows.append(("seconds", phases))
        width = max((len(name) for name, _ in rows), default=0)
        return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain Python objects (what :meth:`to_json` writes)."""
        plain = _plain(self)
        assert isinstance(plain, dict)
        return plain

    def to_json(self, indent: int | None = None) -> str:
        """Return one JSON object with the field names of this result."""
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False, ensure_ascii=False)

    def to_frame(self) -> pd.DataFrame:
        """Return the result as a table; by default one row with the fields as columns."""
        import pandas as pd

        return pd.DataFrame([self.to_dict()])
