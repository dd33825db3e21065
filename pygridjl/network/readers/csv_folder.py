"""Reader of our CSV: a folder with params.json and one table a file."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from pygridjl.errors import NetworkFormatError
from pygridjl.network.columns import TABLES, decode_network
from pygridjl.network.model import Network
from pygridjl.network.readers.json_file import parse_json
from pygridjl.network.text import read_text

__all__ = ["read_csv"]


def read_csv(path: str | Path) -> Network:
    """Read a network from a folder of our CSV.

    Parameters
    ----------
    path : str or Path
        Folder with ``params.json``, ``buses.csv``, ``branches.csv``, ``generators.csv`` and
        ``loads.csv``.

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
    try:
        rows = list(csv.reader(io.StringIO(read_text(path), newline=""), strict=True))
    except csv.Error as error:
        raise NetworkFormatError(path, "csv", str(error)) from None
    header = rows[0]
    repeated = {name for name in header if header.count(name) > 1}
    if repeated:
        raise NetworkFormatError(path, "csv", f"column {min(repeated)!r} appears twice")
    for row, cells in enumerate(rows[1:], start=1):
        if len(cells) != len(header):
            detail = f"row {row} has {len(cells)} cells, the header has {len(header)}"
            raise NetworkFormatError(path, "csv", detail)
    return {name: [cells[k] for cells in rows[1:]] for k, name in enumerate(header)}
