"""How the tables of a network are spelled out in our own JSON and CSV.

Both formats share one vocabulary: the columns of the model under their own names, except that
positions of buses are written as bus ids and the cost matrix as three columns. A column that
holds its default in every row is left out.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pygridjl.core.errors import NetworkFormatError
from pygridjl.grid.io.text import shown
from pygridjl.grid.network import Branches, Buses, Generators, Loads, Network

__all__ = [
    "FORMAT",
    "HEAD",
    "TABLES",
    "decode_network",
    "encode_head",
    "encode_tables",
    "first_positions",
    "pad_points",
]

FORMAT = "pygridjl network"
VERSION = 1

TABLES: Mapping[str, type[Buses | Branches | Generators | Loads]] = {
    "buses": Buses,
    "branches": Branches,
    "generators": Generators,
    "loads": Loads,
}
_COMPONENT = {"buses": "bus", "branches": "branch", "generators": "generator", "loads": "load"}
_BUS_FIELDS = {"bus", "from_bus", "to_bus"}
_COST = ("cost_c2", "cost_c1", "cost_c0")
_POINTS = "cost_points"  # one text a unit: "P:cost P:cost …", empty where there is none

# What the head (params.json, or the top of a JSON file) may hold besides the tables. "problem"
# says what a bundled case is meant for; the network itself does not carry it.
HEAD = ("format", "version", "name", "base_mva", "source", "notes", "problem")


@dataclass(frozen=True)
class _Column:
    name: str
    field: str
    kind: str  # "U" text, "i" integer, "f" float, "b" Boolean, "bus" bus id, "points"
    required: bool


def _columns(table: str) -> list[_Column]:
    columns = []
    for field in dataclasses.fields(TABLES[table]):
        kind = "bus" if field.name in _BUS_FIELDS else np.dtype(field.metadata["dtype"]).kind
        kind = "points" if field.name == _POINTS else kind
        names = _COST if field.name == "cost" else (field.name,)
        required = field.metadata["default"] is None
        columns += [_Column(name, field.name, kind, required) for name in names]
    return columns


def encode_head(network: Network) -> dict[str, Any]:
    """Return what a file says about the network besides its tables."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "name": network.name,
        "base_mva": network.base_mva,
        "source": network.source,
        "notes": list(network.notes),
    }


def encode_tables(network: Network) -> dict[str, dict[str, list[Any]]]:
    """Return ``{table: {column: values}}`` with plain Python values, defaults left out."""
    return {table: _encode_table(network, table) for table in TABLES}


def _encode_table(network: Network, table: str) -> dict[str, list[Any]]:
    rows = getattr(network, table)
    defaults = {f.name: f.metadata["default"] for f in dataclasses.fields(rows)}
    encoded: dict[str, list[Any]] = {}
    for column in _columns(table):
        values = getattr(rows, column.field)
        if column.name in _COST:
            values = values[:, _COST.index(column.name)]
        if column.kind == "points":
            if rows.n_cost_points.any():
                encoded[column.name] = [_points_text(points) for points in values]
            continue
        if not column.required:
            default = np.full(len(rows), defaults[column.field], dtype=values.dtype)
            if np.array_equal(values, default, equal_nan=values.dtype.kind == "f"):
                continue
        if column.kind == "bus":
            values = network.buses.id[values]
        encoded[column.name] = values.tolist()
    return encoded


def decode_network(path: object, head: Mapping[str, Any], tables: Mapping[str, Any]) -> Network:
    """Build a network from its head and tables; the inverse of the two encoders.

    Parameters
    ----------
    path : object
        The file, for messages.
    head : mapping
        Keys of :data:`HEAD`.
    tables : mapping
        ``{table: {column: values}}``; values are texts (CSV) or JSON values.

    Returns
    -------
    Network
        Not validated: NaN, infinities and duplicate ids are kept for :func:`pygridjl.validate`.

    Raises
    ------
    NetworkFormatError
        If a key, column or cell is missing, unknown or cannot be read.
    """
    name, base_mva, source, notes = _decode_head(path, head)
    tables, renamed = _numbered_branches(tables)
    unknown = sorted(set(tables) - set(TABLES))
    if unknown:
        raise NetworkFormatError(path, "network", f"unknown table {shown(unknown[0])}")
    for table in TABLES:
        if not isinstance(tables.get(table), Mapping):
            raise NetworkFormatError(path, _COMPONENT[table], f"table {table!r} is missing")
    buses = Buses(**_decode_table(path, "buses", tables["buses"], {}))
    positions = first_positions(buses.id.tolist())
    return Network(
        name,
        base_mva,
        buses,
        Branches(**_decode_table(path, "branches", tables["branches"], positions)),
        Generators(**_decode_table(path, "generators", tables["generators"], positions)),
        Loads(**_decode_table(path, "loads", tables["loads"], positions)),
        source,
        (*notes, *renamed),
    )


def _numbered_branches(tables: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[str]]:
    """Return tables whose branches have numbers for ids; a note keeps the first names."""
    branches = tables.get("branches")
    if not isinstance(branches, Mapping):
        return tables, []
    ids = branches.get("id")
    if not isinstance(ids, list) or not ids or not all(_is_name(value) for value in ids):
        return tables, []
    some = ", ".join(f"{row} is {value}" for row, value in enumerate(ids[:5], start=1))
    more = ", …" if len(ids) > 5 else ""
    numbers = list(range(1, len(ids) + 1))
    note = f"ids of branches are names, so that rows are numbered: {some}{more}"
    return {**tables, "branches": {**branches, "id": numbers}}, [note]


def _is_name(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"\s*[A-Za-z_][^\s].*", value) is not None


def first_positions(ids: Iterable[str]) -> dict[str, int]:
    """Map each id to the first row that carries it (validation reports the repetitions)."""
    positions: dict[str, int] = {}
    for row, key in enumerate(ids):
        positions.setdefault(key, row)
    return positions


def _decode_head(path: object, head: Mapping[str, Any]) -> tuple[str, float, str, tuple[str, ...]]:
    unknown = sorted(set(head) - set(HEAD))
    if unknown:
        raise NetworkFormatError(path, "network", f"unknown field {shown(unknown[0])}")
    if head.get("format") != FORMAT:
        raise NetworkFormatError(path, "network", f"field 'format' must be {FORMAT!r}")
    if head.get("version") != VERSION:
        raise NetworkFormatError(path, "network", f"field 'version' must be {VERSION}")
    texts = {key: head.get(key, "") for key in ("name", "source")}
    for key, value in texts.items():
        if not isinstance(value, str):
            raise NetworkFormatError(path, "network", f"field {key!r} must be a text")
    notes = head.get("notes", [])
    if not isinstance(notes, list) or not all(isinstance(note, str) for note in notes):
        raise NetworkFormatError(path, "network", "field 'notes' must be a list of texts")
    if "base_mva" not in head:
        raise NetworkFormatError(path, "network", "field 'base_mva' is missing")
    try:
        base_mva = _float(head["base_mva"])
    except ValueError as error:
        raise NetworkFormatError(path, "network", f"field 'base_mva': {error}") from None
    return texts["name"], base_mva, texts["source"], tuple(notes)


def _decode_table(
    path: object, table: str, data: Mapping[str, Any], positions: Mapping[str, int]
) -> dict[str, NDArray[Any]]:
    component = _COMPONENT[table]
    columns = {column.name: column for column in _columns(table)}
    unknown = sorted(set(data) - set(columns))
    if unknown:
        raise NetworkFormatError(path, component, f"unknown column {shown(unknown[0])}")
    for column in columns.values():
        if column.required and column.name not in data:
            raise NetworkFormatError(path, component, f"column {column.name!r} is missing")
    for name, values in data.items():
        if not isinstance(values, list):
            raise NetworkFormatError(path, component, f"column {name!r} must be a list")
        if len(values) != len(data["id"]):
            detail = f"column {name!r} has {len(values)} rows, 'id' has {len(data['id'])}"
            raise NetworkFormatError(path, component, detail)

    decoded: dict[str, NDArray[Any]] = {}
    cost = np.zeros((len(data["id"]), 3))
    for name, values in data.items():
        column = columns[name]
        array = _decode_column(path, component, column, values, positions)
        if name in _COST:
            cost[:, _COST.index(name)] = array
            decoded["cost"] = cost
        elif name == _POINTS:
            decoded[name] = pad_points(list(array))
        else:
            decoded[name] = array
    return decoded


def _decode_column(
    path: object,
    component: str,
    column: _Column,
    values: Sequence[Any],
    positions: Mapping[str, int],
) -> NDArray[Any]:
    def bus(value: Any) -> int:
        try:
            return positions[_text(value)]
        except KeyError:
            raise ValueError(f"unknown bus {shown(value)}") from None

    parsers: dict[str, tuple[Callable[[Any], Any], Any]] = {
        "U": (_text, np.str_),
        "i": (_integer, np.int64),
        "f": (_float, np.float64),
        "b": (_boolean, np.bool_),
        "bus": (bus, np.int64),
        "points": (_points, object),
    }
    parse, dtype = parsers[column.kind]
    parsed = []
    for row, value in enumerate(values, start=1):
        try:
            parsed.append(parse(value))
        except ValueError as error:
            detail = f"row {row}, field {column.name!r}: {error}"
            raise NetworkFormatError(path, component, detail) from None
    if dtype is object:  # rows of unequal length
        column_of_lists = np.empty(len(parsed), dtype=object)
        column_of_lists[:] = parsed
        return column_of_lists
    return np.array(parsed, dtype=dtype)


def pad_points(units: Sequence[Sequence[tuple[float, float]]]) -> NDArray[np.float64]:
    """Breakpoints of each unit as one array, NaN beyond the last; shape (units, points, 2)."""
    table = np.full((len(units), max(map(len, units), default=0), 2), np.nan)
    for row, points in enumerate(units):
        table[row, : len(points)] = np.reshape(np.array(points, dtype=np.float64), (-1, 2))
    return table


def _points_text(points: NDArray[np.float64]) -> str:
    kept = points[~np.isnan(points[:, 0])].tolist()
    return " ".join(f"{p!r}:{cost!r}" for p, cost in kept)


def _points(value: Any) -> list[tuple[float, float]]:
    pairs = [pair.split(":") for pair in _text(value).split()]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError(f"{shown(value)} is not a list of points P:cost")
    return [(_float(p), _float(cost)) for p, cost in pairs]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{shown(value)} is not a text")
    if any("\ud800" <= char <= "\udfff" for char in value):
        raise ValueError(f"{shown(value)} holds half a character, which cannot be written")
    return value


def _float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{shown(value)} is not a number")
    try:
        return float(value)
    except (ValueError, OverflowError):
        raise ValueError(f"{shown(value)} is not a number") from None


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"{shown(value)} is not a whole number")
    try:
        number = int(value)
    except ValueError:
        raise ValueError(f"{shown(value)} is not a whole number") from None
    if abs(number) > np.iinfo(np.int64).max:
        raise ValueError(f"{shown(value)} is too large")
    return number


_BOOLEAN = {"true": True, "1": True, "false": False, "0": False}


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _BOOLEAN:
        return _BOOLEAN[value.lower()]
    raise ValueError(f"{shown(value)} is neither true nor false")
