"""Writer of our CSV."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pygridjl.files import replacing_folder, write_text
from pygridjl.network.columns import encode_head, encode_tables
from pygridjl.network.model import Network

__all__ = ["write_csv"]


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
