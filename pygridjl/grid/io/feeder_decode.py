"""From the tables :mod:`pygridjl.grid.io.feeder_columns` describes to a feeder."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
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
from pygridjl.grid.io.columns import first_positions
from pygridjl.grid.io.feeder_columns import (
    CODE_COLUMNS,
    FORMAT,
    GAIN_COLUMNS,
    HEAD,
    OPTIONAL,
    TABLES,
    UPPER,
    per_phase,
)
from pygridjl.grid.io.text import shown

__all__ = ["decode_feeder"]


def decode_feeder(
    head: Mapping[str, Any], tables: Mapping[str, Any], where: Callable[[str], object]
) -> Feeder:
    """Build a feeder.

    Parameters
    ----------
    head : mapping
        What the file says about the feeder besides its tables.
    tables : mapping
        ``{table: {column: values}}``; values are texts, numbers, or None for a blank.
    where : callable
        Path of a table, or of the head for ``"params"``, as errors name it.

    Returns
    -------
    Feeder
        The feeder; not yet validated.

    Raises
    ------
    NetworkFormatError
        If a table or column is missing, or a cell cannot be read; it names file, row and column.
    """
    params = _params(head, where("params"))

    def rows(table: str, required: Sequence[str]) -> _Rows:
        if table not in tables and table not in OPTIONAL:
            raise NetworkFormatError(where(table), "file", "is missing")
        empty: dict[str, list[Any]] = {name: [] for name in required}
        return _Rows(where(table), tables.get(table, empty), required, TABLES[table])

    base = params["phase_mva"]
    bus = rows("buses", ("id", "kv_ln", "phases"))
    buses = FeederBuses(
        id=bus.text("id"),
        kv_ln=bus.numbers("kv_ln"),
        phases=bus.phases(),
        v_min=bus.numbers("v_min", 0.0),
        v_max=bus.numbers("v_max", np.inf),
        x=bus.numbers("x", np.nan),
        y=bus.numbers("y", np.nan),
    )
    position = first_positions(buses.id.tolist())
    if params["source_bus"] not in position:
        detail = f"no bus is called {shown(params['source_bus'])}"
        raise NetworkFormatError(where("params"), "source_bus", detail)
    load = rows("loads", ("id", "bus"))
    cap = rows("capacitors", ("id", "bus"))
    gen = rows("generators", ("id", "bus"))
    kw = base * 1e3
    return Feeder(
        name=params["name"],
        phase_mva=base,
        buses=buses,
        branches=_branches(rows, buses, position, base),
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


def _params(data: Mapping[str, Any], path: object) -> dict[str, Any]:
    if data.get("format") != FORMAT:
        raise NetworkFormatError(path, "format", f"must be {FORMAT!r}")
    unknown = sorted(set(data) - {*HEAD, *TABLES})
    if unknown:
        raise NetworkFormatError(path, "feeder", f"unknown field {shown(unknown[0])}")
    checks: dict[str, Callable[[Any], bool]] = {
        "name": lambda v: isinstance(v, str),
        "phase_mva": lambda v: isinstance(v, int | float) and math.isfinite(v) and v > 0,
        "source_bus": lambda v: isinstance(v, str),
        "v_set": lambda v: (
            isinstance(v, list) and len(v) == 3 and all(isinstance(k, int | float) for k in v)
        ),
        "source": lambda v: isinstance(v, str),
        "notes": lambda v: isinstance(v, list) and all(isinstance(note, str) for note in v),
    }
    data = {"source": "", "notes": [], **data}
    for field, sound in checks.items():
        if field not in data:
            raise NetworkFormatError(path, field, "is missing")
        if not sound(data[field]):
            raise NetworkFormatError(path, field, f"cannot be {shown(data[field])}")
    return data


def _branches(
    rows: Callable[[str, Sequence[str]], _Rows],
    buses: FeederBuses,
    position: Mapping[str, int],
    base: float,
) -> FeederBranches:
    code = rows("codes", ("id",))
    table = np.column_stack([code.numbers(name, 0.0) for name in CODE_COLUMNS])
    row = rows("branches", ("id", "from_bus", "to_bus", "phases", "code"))
    code_position = first_positions(code.text("id").tolist())
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
        gain=np.column_stack([row.numbers(name, 0.0) for name in GAIN_COLUMNS]).reshape(-1, 3, 3),
    )


def _symmetric(upper: FloatArray) -> FloatArray:
    full = np.zeros((upper.shape[0], 3, 3))
    for k, (i, j) in enumerate(UPPER):
        full[:, i, j] = full[:, j, i] = upper[:, k]
    return full


class _Rows:
    """One table, column by column, with errors that name file, row and column."""

    def __init__(
        self, path: object, columns: Any, required: Sequence[str], known: Sequence[str]
    ) -> None:
        self.path = path
        if not isinstance(columns, Mapping):
            raise NetworkFormatError(path, "table", "must be an object of columns")
        self._columns: Mapping[str, list[Any]] = columns
        for name in required:
            if name not in self._columns:
                raise NetworkFormatError(path, "header", f"column {name!r} is missing")
        for name in columns:
            if name not in known:
                raise NetworkFormatError(path, "header", f"unknown column {shown(name)}")
        self._count = len(self._columns["id"]) if isinstance(self._columns["id"], list) else 0
        for name, values in self._columns.items():
            if not isinstance(values, list) or len(values) != self._count:
                detail = f"column {shown(name)} must be a list as long as 'id'"
                raise NetworkFormatError(path, "header", detail)

    def _fail(self, row: int, column: str, detail: str) -> NoReturn:
        # Counted as the lines of a file with a header, from 1.
        raise NetworkFormatError(self.path, f"row {row + 2}", f"column {column!r}: {detail}")

    def _cells(self, column: str) -> list[Any]:
        return self._columns.get(column, [None] * self._count)

    def text(self, column: str, default: str = "") -> StrArray:
        cells = self._cells(column)
        for k, cell in enumerate(cells):
            if isinstance(cell, dict | list):
                self._fail(k, column, f"{shown(cell)} is not a text")
        return np.array([default if c in (None, "") else str(c) for c in cells], dtype=np.str_)

    def numbers(self, column: str, default: float | None = None) -> FloatArray:
        values = np.empty(self._count)
        for k, cell in enumerate(self._cells(column)):
            if cell is None or (isinstance(cell, str) and not cell.strip()):
                if default is None:
                    self._fail(k, column, "is empty")
                values[k] = default
                continue
            try:
                values[k] = float(cell)
            except (TypeError, ValueError, OverflowError):
                self._fail(k, column, f"{shown(cell)} is not a number")
        return values

    def by_phase(self, prefix: str, default: float = 0.0) -> FloatArray:
        columns: list[ArrayLike] = [self.numbers(name, default) for name in per_phase(prefix)]
        return np.column_stack(columns)

    def phases(self) -> BoolArray:
        there = np.zeros((self._count, 3), dtype=np.bool_)
        for k, cell in enumerate(self._cells("phases")):
            letters = cell.strip().lower() if isinstance(cell, str) else ""
            if not letters or set(letters) - set(PHASES):
                self._fail(k, "phases", f"{shown(cell)} is not made of the letters a, b, c")
            there[k] = [p in letters for p in PHASES]
        return there

    def positions(self, column: str, names: Mapping[str, int]) -> IntArray:
        found = np.empty(self._count, dtype=np.int64)
        for k, cell in enumerate(self.text(column).tolist()):
            if cell not in names:
                what = "code" if column == "code" else "bus"
                self._fail(k, column, f"no {what} is called {shown(cell)}")
            found[k] = names[cell]
        return found
