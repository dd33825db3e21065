"""Reads the folder of CSV tables that :mod:`pygridjl.grid.io.feeder_folder` describes."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike

from pygridjl.core.errors import NetworkFormatError
from pygridjl.core.types import BoolArray, FloatArray, IntArray, StrArray
from pygridjl.grid.feeder import Feeder
from pygridjl.grid.feeder_tables import (
    PHASES,
    Capacitors,
    FeederBranches,
    FeederBuses,
    FeederGenerators,
    FeederLoads,
)
from pygridjl.grid.io.feeder_folder import CODE_COLUMNS, FORMAT, UPPER, per_phase

__all__ = ["read_folder"]


def read_folder(folder: str | Path) -> Feeder:
    """Read a feeder from a folder that :func:`save_feeder` (or a person) wrote.

    Parameters
    ----------
    folder : str or Path
        The folder.

    Returns
    -------
    Feeder
        The feeder; not yet validated.

    Raises
    ------
    NetworkFormatError
        If a file or column is missing, or a cell cannot be read; it names file, row and column.
    """
    folder = Path(folder)
    params = _params(folder / "params.json")
    base = params["phase_mva"]
    bus = _Rows(folder / "buses.csv", ("id", "kv_ln", "phases"))
    buses = FeederBuses(
        id=bus.text("id"),
        kv_ln=bus.numbers("kv_ln"),
        phases=bus.phases(),
        v_min=bus.numbers("v_min", 0.0),
        v_max=bus.numbers("v_max", np.inf),
        x=bus.numbers("x", np.nan),
        y=bus.numbers("y", np.nan),
    )
    position = {name: k for k, name in enumerate(buses.id.tolist())}
    if params["source_bus"] not in position:
        raise NetworkFormatError(
            folder / "params.json", "source_bus", f"no bus is called {params['source_bus']!r}"
        )
    load = _Rows(folder / "loads.csv", ("id", "bus"))
    cap = _Rows(folder / "capacitors.csv", ("id", "bus"), optional=True)
    gen = _Rows(folder / "generators.csv", ("id", "bus"), optional=True)
    kw = base * 1e3
    return Feeder(
        name=params["name"],
        phase_mva=base,
        buses=buses,
        branches=_read_branches(folder, buses, position, base),
        loads=FeederLoads(
            id=load.text("id"),
            bus=load.positions("bus", position),
            p=load.by_phase("kw") / kw,
            q=load.by_phase("kvar") / kw,
            connection=load.text("connection", "wye"),
            model=load.text("model", "power"),
        ),
        source_bus=position[params["source_bus"]],
        v_set=params["v_set"],
        capacitors=Capacitors(
            id=cap.text("id"),
            bus=cap.positions("bus", position),
            q=cap.by_phase("kvar") / kw,
            p=cap.by_phase("kw") / kw,
            connection=cap.text("connection", "wye"),
        ),
        generators=FeederGenerators(
            id=gen.text("id"),
            bus=gen.positions("bus", position),
            p=gen.by_phase("kw") / kw,
            q=gen.by_phase("kvar") / kw,
            s_max=gen.by_phase("kva", np.inf) / kw,
            kind=gen.text("kind", "generator"),
        ),
        source=params["source"],
        notes=tuple(params["notes"]),
    )


def _params(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NetworkFormatError(path, "file", "is missing") from None
    except (OSError, ValueError) as error:
        raise NetworkFormatError(path, "file", f"is not readable JSON: {error}") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise NetworkFormatError(path, "format", f"must be {FORMAT!r}")
    checks: dict[str, Callable[[Any], bool]] = {
        "name": lambda v: isinstance(v, str),
        "phase_mva": lambda v: isinstance(v, int | float) and math.isfinite(v) and v > 0,
        "source_bus": lambda v: isinstance(v, str),
        "v_set": lambda v: (
            isinstance(v, list) and len(v) == 3 and all(isinstance(k, int | float) for k in v)
        ),
    }
    for field, sound in checks.items():
        if field not in data:
            raise NetworkFormatError(path, field, "is missing")
        if not sound(data[field]):
            raise NetworkFormatError(path, field, f"cannot be {data[field]!r}")
    return {"source": "", "notes": [], **data}


def _read_branches(
    folder: Path, buses: FeederBuses, position: Mapping[str, int], base: float
) -> FeederBranches:
    code = _Rows(folder / "codes.csv", ("id",))
    table = np.column_stack([code.numbers(name, 0.0) for name in CODE_COLUMNS])
    row = _Rows(folder / "branches.csv", ("id", "from_bus", "to_bus", "phases", "code"))
    code_position = {name: k for k, name in enumerate(code.text("id").tolist())}
    chosen = table[row.positions("code", code_position)]
    to_bus = row.positions("to_bus", position)
    length = row.numbers("length_km", 0.0)
    per_length = np.where(length > 0, length, 1.0)
    z_base = buses.kv_ln[to_bus] ** 2 / base
    scale = (per_length / z_base)[:, None, None]
    return FeederBranches(
        id=row.text("id"),
        from_bus=row.positions("from_bus", position),
        to_bus=to_bus,
        r=_symmetric(chosen[:, :6]) * scale,
        x=_symmetric(chosen[:, 6:12]) * scale,
        phases=row.phases(),
        kind=row.text("kind", "line"),
        ratio=row.by_phase("ratio", 1.0),
        b=chosen[:, 12:] * 1e-6 * (per_length * z_base)[:, None],
        rating=row.by_phase("amps", np.inf) * (buses.kv_ln[to_bus] / (1e3 * base))[:, None],
        length_km=length,
        closed=row.numbers("closed", 1.0) != 0,
        group=row.text("group"),
    )


def _symmetric(upper: FloatArray) -> FloatArray:
    full = np.zeros((upper.shape[0], 3, 3))
    for k, (i, j) in enumerate(UPPER):
        full[:, i, j] = full[:, j, i] = upper[:, k]
    return full


class _Rows:
    """One CSV file, column by column, with errors that name file, row and column."""

    def __init__(self, path: Path, required: Sequence[str], *, optional: bool = False) -> None:
        self.path = path
        self._rows: list[dict[str, str]] = []
        self._header: list[str] = list(required)
        if optional and not path.exists():
            return
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                reader = csv.DictReader(file, restkey="", restval="")
                self._rows = list(reader)
                self._header = list(reader.fieldnames or [])
        except FileNotFoundError:
            raise NetworkFormatError(path, "file", "is missing") from None
        except (OSError, ValueError, csv.Error) as error:
            raise NetworkFormatError(path, "file", f"is not readable CSV: {error}") from error
        for name in required:
            if name not in self._header:
                raise NetworkFormatError(path, "header", f"column {name!r} is missing")

    def _fail(self, row: int, column: str, detail: str) -> NoReturn:
        raise NetworkFormatError(self.path, f"row {row + 2}", f"column {column!r}: {detail}")

    def text(self, column: str, default: str = "") -> StrArray:
        return np.array([r.get(column) or default for r in self._rows], dtype=np.str_)

    def numbers(self, column: str, default: float | None = None) -> FloatArray:
        values = np.empty(len(self._rows))
        for k, row in enumerate(self._rows):
            cell = (row.get(column) or "").strip()
            if not cell:
                if default is None:
                    self._fail(k, column, "is empty")
                values[k] = default
                continue
            try:
                values[k] = float(cell)
            except ValueError:
                self._fail(k, column, f"{cell!r} is not a number")
        return values

    def by_phase(self, prefix: str, default: float = 0.0) -> FloatArray:
        columns: list[ArrayLike] = [self.numbers(name, default) for name in per_phase(prefix)]
        return np.column_stack(columns)

    def phases(self) -> BoolArray:
        there = np.zeros((len(self._rows), 3), dtype=np.bool_)
        for k, row in enumerate(self._rows):
            letters = row["phases"].strip().lower()
            if not letters or set(letters) - set(PHASES):
                self._fail(k, "phases", f"{row['phases']!r} is not made of the letters a, b, c")
            there[k] = [p in letters for p in PHASES]
        return there

    def positions(self, column: str, names: Mapping[str, int]) -> IntArray:
        found = np.empty(len(self._rows), dtype=np.int64)
        for k, row in enumerate(self._rows):
            if row[column] not in names:
                what = "code" if column == "code" else "bus"
                self._fail(k, column, f"no {what} is called {row[column]!r}")
            found[k] = names[row[column]]
        return found
