"""Loads of service points as one CSV table: a row for each service point and time step."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd

from pygridjl.core.errors import CaseNotFoundError, NetworkFormatError
from pygridjl.core.files import read_csv_text, write_text
from pygridjl.core.types import FloatArray, StrArray

__all__ = [
    "EXAMPLE",
    "LoadPaths",
    "complain",
    "load_paths",
    "read_loads",
    "read_texts",
    "save_loads",
]

EXAMPLE = "example"
"""Name of the bundled data: 20 service points on 4 circuits over a week of hours, seeded."""

_NUMBERS = ("actual", "predicted")
# Faults of one kind that a message names.
SHOWN = 5


@dataclass(frozen=True, eq=False)
class LoadPaths:
    """Actual and predicted loads.

    Attributes
    ----------
    name : str
        What the data are called.
    service_points : tuple of str, length n
        Ids, in the order in which the file names them first.
    times : tuple of str, length n_time
        Labels of the steps, in the order of the file.
    actual, predicted : ndarray, shape (n, n_time)
        Loads.
    circuits : tuple of str, length n, or None
        Circuit of each service point today.
    """

    name: str
    service_points: tuple[str, ...]
    times: tuple[str, ...]
    actual: FloatArray
    predicted: FloatArray
    circuits: tuple[str, ...] | None = None

    @property
    def deviations(self) -> FloatArray:
        """δ_j(t): actual less predicted load, shape (n, n_time)."""
        return self.actual - self.predicted

    @property
    def demand(self) -> FloatArray:
        """Mean predicted load of each service point."""
        mean: FloatArray = self.predicted.mean(axis=1)
        return mean


def load_paths(source: str | Path) -> LoadPaths:
    """Read the bundled example or a file.

    Raises
    ------
    CaseNotFoundError
        If it is neither.
    NetworkFormatError
        If the file is not such a table.
    """
    if str(source) == EXAMPLE:
        inside = resources.files("pygridjl.balancing") / "data" / f"{EXAMPLE}.csv"
        with resources.as_file(inside) as path:
            return read_loads(path)
    if not Path(source).is_file():
        raise CaseNotFoundError(f"{source}: neither {EXAMPLE!r} nor a readable file")
    return read_loads(source)


def read_loads(path: str | Path) -> LoadPaths:
    """Read a CSV file with the columns sp, time, actual, predicted and, if known, circuit.

    Parameters
    ----------
    path : path-like
        UTF-8, a header, one row for each service point and time step, in any order.

    Returns
    -------
    LoadPaths
        The loads.

    Raises
    ------
    NetworkFormatError
        Naming rows (the header is row 1) and columns of everything that is wrong.
    """
    file = Path(path)
    texts = read_texts(file, ("sp", "time", *_NUMBERS))
    faults: list[str] = []
    for column in ("sp", "time", *(["circuit"] if "circuit" in texts else [])):
        complain(faults, texts[column] == "", f"column {column} is empty")
    numbers = {}
    for column in _NUMBERS:
        values = pd.to_numeric(pd.Series(texts[column]), errors="coerce").to_numpy(np.float64)
        numbers[column] = values
        complain(faults, ~np.isfinite(values), f"column {column} is no number", texts[column])
    points, point = _factor(texts["sp"])
    times, step = _factor(texts["time"])
    if not faults:
        _complete(faults, points, point, times, step)
    if faults:
        raise NetworkFormatError(file, "rows", "; ".join(faults))
    shape = (len(points), len(times))
    paths = {}
    for column in _NUMBERS:
        table = np.empty(shape)
        table[point, step] = numbers[column]
        paths[column] = table
    circuits = None
    if "circuit" in texts:
        circuits = _circuits(file, texts["circuit"], point, points)
    return LoadPaths(file.stem, points, times, paths["actual"], paths["predicted"], circuits)


def read_texts(file: Path, needed: Sequence[str]) -> dict[str, StrArray]:
    """Read a CSV file as texts by column, blanks around them taken off; refuse it if empty."""
    try:
        frame = pd.read_csv(io.StringIO(read_csv_text(file)), dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise NetworkFormatError(file, "file", f"is no readable CSV: {error}") from None
    frame.columns = pd.Index([str(c).strip() for c in frame.columns])
    missing = [c for c in needed if c not in frame.columns]
    if missing:
        text = f"column {', '.join(map(repr, missing))} is missing"
        raise NetworkFormatError(file, "header", text)
    if frame.empty:
        raise NetworkFormatError(file, "rows", "there are none")
    return {c: frame[c].str.strip().to_numpy(dtype=np.str_) for c in frame.columns}


def complain(
    faults: list[str], wrong: np.ndarray, text: str, values: StrArray | None = None
) -> None:
    """Add one fault for the rows where ``wrong`` holds, with their values."""
    rows = np.flatnonzero(wrong)
    if not rows.size:
        return
    shown = [
        f"{r + 2}" + (f" ({str(values[r])[:20]!r})" if values is not None else "")
        for r in rows[:SHOWN].tolist()
    ]
    more = f" and {rows.size - SHOWN} more" if rows.size > SHOWN else ""
    faults.append(f"row {', '.join(shown)}{more}: {text}")


def _factor(values: StrArray) -> tuple[tuple[str, ...], np.ndarray]:
    codes, names = pd.factorize(values)
    return tuple(str(name) for name in names), codes


def _complete(
    faults: list[str],
    points: tuple[str, ...],
    point: np.ndarray,
    times: tuple[str, ...],
    step: np.ndarray,
) -> None:
    """Find pairs of service point and time that are missing or stand twice."""
    place = point * len(times) + step
    _, first, counts = np.unique(place, return_index=True, return_counts=True)
    for k in first[counts > 1][:SHOWN].tolist():
        rows = ", ".join(str(r + 2) for r in np.flatnonzero(place == place[k])[:SHOWN])
        faults.append(f"row {rows}: sp {points[point[k]]} at time {times[step[k]]} stands twice")
    if faults:
        return
    seen = np.bincount(point, minlength=len(points))
    short = np.flatnonzero(seen < len(times))
    for j in short[:SHOWN].tolist():
        absent = np.setdiff1d(np.arange(len(times)), step[point == j])
        named = ", ".join(times[t] for t in absent[:SHOWN].tolist())
        more = ", …" if absent.size > SHOWN else ""
        faults.append(
            f"sp {points[j]} has {seen[j]} of {len(times)} time steps: column time lacks "
            f"{named}{more}"
        )
    if short.size > SHOWN:
        faults.append(f"and {short.size - SHOWN} more service points are incomplete")


def _circuits(
    file: Path, values: StrArray, point: np.ndarray, points: tuple[str, ...]
) -> tuple[str, ...]:
    first = np.zeros(len(points), dtype=np.int64)
    first[point[::-1]] = np.arange(point.size)[::-1]
    wrong = np.flatnonzero(values != values[first[point]])
    if wrong.size:
        r = int(wrong[0])
        name, other = points[point[r]], str(values[first[point[r]]])
        text = (
            f"row {r + 2}: column circuit has sp {name} on {str(values[r])!r}, before on {other!r}"
        )
        raise NetworkFormatError(file, "rows", text)
    return tuple(str(v) for v in values[first])


def save_loads(loads: LoadPaths, path: str | Path) -> Path:
    """Write loads as :func:`read_loads` reads them.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    n, steps = loads.actual.shape
    columns = {
        "sp": np.repeat(np.array(loads.service_points, dtype=object), steps),
        "time": np.tile(np.array(loads.times, dtype=object), n),
        "actual": loads.actual.ravel(),
        "predicted": loads.predicted.ravel(),
    }
    if loads.circuits is not None:
        columns["circuit"] = np.repeat(np.array(loads.circuits, dtype=object), steps)
    target = Path(path)
    write_text(target, pd.DataFrame(columns).to_csv(index=False, lineterminator="\n"))
    return target
