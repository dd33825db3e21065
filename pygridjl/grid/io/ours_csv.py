"""Our CSV: a folder with params.json and one table a file."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

from pygridjl.core.errors import NetworkFormatError
from pygridjl.core.files import replacing_folder, write_text
from pygridjl.grid.io.columns import TABLES, decode_network, encode_head, encode_tables
from pygridjl.grid.io.ours_json import parse_json
from pygridjl.grid.io.text import read_text, shown
from pygridjl.grid.network import Network

__all__ = ["read_csv", "write_csv"]

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
    texts = {"params.json": json.dumps(head, indent=1, ensure_ascii=False) + "\n"}
    for table, columns in encode_tables(network).items():
        rows = [columns, *zip(*columns.values(), strict=True)]
        texts[f"{table}.csv"] = "".join(",".join(map(_cell, row)) + "\n" for row in rows)
    with replacing_folder(Path(path), marker="params.json") as folder:
        for name, text in texts.items():
            write_text(folder / name, text)


def _number(value: float) -> float | str:
    """JSON has no infinity and no NaN."""
    return value if abs(value) < float("inf") else str(value)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = repr(value) if isinstance(value, float) else str(value)
    # The csv module leaves a lone carriage return unquoted, which it then reads as a new row.
    special = not text or any(char in text for char in ',"\r\n')
    return '"' + text.replace('"', '""') + '"' if special else text
