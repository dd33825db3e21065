"""Our CSV of networks and feeders: a folder with params.json and one table a file."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pygridjl.core.errors import NetworkFormatError
from pygridjl.core.files import replacing_folder, write_text
from pygridjl.grid.feeder import Feeder
from pygridjl.grid.io import feeder_columns
from pygridjl.grid.io.columns import TABLES, decode_network, encode_head, encode_tables
from pygridjl.grid.io.feeder_decode import decode_feeder
from pygridjl.grid.io.ours_json import parse_json
from pygridjl.grid.io.text import read_text, shown
from pygridjl.grid.network import Network

__all__ = ["read_csv", "read_feeder_csv", "write_csv", "write_feeder_csv"]

_DECIMAL_COMMA = re.compile(r"^(\s*[-+]?\d+),(\d+(?:[eE][-+]?\d+)?\s*)$")


def read_csv(path: str | Path) -> Network:
    """Read a network from a folder of our CSV.

    Parameters
    ----------
    path : str or Path
        Folder with ``params.json``, ``buses.csv``, ``branches.csv``, ``generators.csv`` and
        ``loads.csv``. Commas, semicolons or tabs separate; names of columns in any case; blank
        lines do not count.

    Returns
    -------
    Network
        Not validated.

    Raises
    ------
    NetworkFormatError
        If a file is missing or cannot be read.
    """
    path = Path(path)
    head = parse_json(path / "params.json")
    return decode_network(path, head, {table: _table(path / f"{table}.csv") for table in TABLES})


def read_feeder_csv(path: str | Path) -> Feeder:
    """Read a feeder from a folder of our CSV.

    Parameters
    ----------
    path : str or Path
        Folder with ``params.json`` and the tables of :mod:`pygridjl.grid.io.feeder_columns`;
        ``capacitors.csv`` and ``generators.csv`` may be missing. What separates, and how names
        are written, is as free as for networks.

    Returns
    -------
    Feeder
        Not validated.

    Raises
    ------
    NetworkFormatError
        If a file is missing or cannot be read; it names file, row and column.
    """
    path = Path(path)
    names = [t for t in feeder_columns.TABLES if t not in feeder_columns.OPTIONAL]
    names += [t for t in feeder_columns.OPTIONAL if (path / f"{t}.csv").exists()]
    head = parse_json(path / "params.json")
    tables = {table: _table(path / f"{table}.csv") for table in names}

    def where(table: str) -> Path:
        return path / ("params.json" if table == "params" else f"{table}.csv")

    return decode_feeder(head, tables, where)


def _table(path: Path) -> dict[str, list[str]]:
    text = read_text(path)
    # Spreadsheets of half the world separate by semicolons and write decimal commas.
    header_line = text.lstrip().partition("\n")[0]
    separator = max(",;\t", key=header_line.count)
    try:
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        rows = [cells for cells in lines if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise NetworkFormatError(path, "csv", str(error)) from None
    header = [name.strip().lower() for name in rows[0]]
    repeated = {name for name in header if header.count(name) > 1}
    if repeated:
        raise NetworkFormatError(path, "csv", f"column {shown(min(repeated))} appears twice")
    for row, cells in enumerate(rows[1:], start=1):
        if len(cells) != len(header):
            detail = f"row {row} has {len(cells)} cells, the header has {len(header)}"
            raise NetworkFormatError(path, "csv", detail)
    if separator == ";":
        rows = [[_DECIMAL_COMMA.sub(r"\1.\2", cell) for cell in cells] for cells in rows]
    return {name: [cells[k] for cells in rows[1:]] for k, name in enumerate(header)}


def write_csv(network: Network, path: str | Path) -> None:
    """Write a network as a folder of tables; floats round-trip exactly.

    Parameters
    ----------
    network : Network
        The network.
    path : str or Path
        The folder; replaced as a whole if it already holds a network of this format.

    Raises
    ------
    OutputError
        If the folder cannot be written.
    """
    head = encode_head(network)
    head["base_mva"] = _number(head["base_mva"])
    _write(Path(path), head, encode_tables(network), repr)


def write_feeder_csv(feeder: Feeder, path: str | Path) -> None:
    """Write a feeder as a folder of tables; see :mod:`pygridjl.grid.io.feeder_columns`.

    Parameters
    ----------
    feeder : Feeder
        The feeder.
    path : str or Path
        The folder; replaced as a whole if it already holds a feeder of this format.

    Raises
    ------
    OutputError
        If the folder cannot be written.
    """
    head, tables = feeder_columns.encode_feeder(feeder)
    _write(Path(path), head, tables, lambda value: format(value, feeder_columns.DIGITS))


def _write(
    path: Path,
    head: Mapping[str, Any],
    tables: Mapping[str, Mapping[str, list[Any]]],
    spelled: Callable[[float], str],
) -> None:
    texts = {"params.json": json.dumps(head, indent=1, ensure_ascii=False) + "\n"}
    for table, columns in tables.items():
        rows = [columns, *zip(*columns.values(), strict=True)]
        lines = (",".join(_cell(value, spelled) for value in row) + "\n" for row in rows)
        texts[f"{table}.csv"] = "".join(lines)
    with replacing_folder(path, marker="params.json") as folder:
        for name, text in texts.items():
            write_text(folder / name, text)


def _number(value: float) -> float | str:
    """JSON has no infinity and no NaN."""
    return value if abs(value) < float("inf") else str(value)


def _cell(value: Any, spelled: Callable[[float], str]) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = spelled(value) if isinstance(value, float) else str(value)
    # The csv module leaves a lone carriage return unquoted, which it then reads as a new row.
    special = not text or any(char in text for char in ',"\r\n')
    return '"' + text.replace('"', '""') + '"' if special else text
