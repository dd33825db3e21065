"""Our JSON of networks and feeders: one object with the head and the tables as columns."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from pygridjl.core.errors import NetworkFormatError
from pygridjl.core.files import write_text
from pygridjl.grid.feeder import Feeder
from pygridjl.grid.io import feeder_columns
from pygridjl.grid.io.columns import FORMAT, HEAD, decode_network, encode_head, encode_tables
from pygridjl.grid.io.feeder_decode import decode_feeder
from pygridjl.grid.io.text import read_text
from pygridjl.grid.network import Network

__all__ = ["parse_json", "read_feeder_json", "read_json", "write_feeder_json", "write_json"]


def read_json(path: str | Path) -> Network:
    """Read a network from our JSON, or from pandapower's if that is installed.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    Network
        Not validated.

    Raises
    ------
    NetworkFormatError
        If the file cannot be read as our JSON.
    """
    path = Path(path)
    content = parse_json(path)
    if content.get("_class") == "pandapowerNet":
        from pygridjl.grid.io.pandapower.net import read_pandapower_json

        return read_pandapower_json(path)
    if content.get("format") == feeder_columns.FORMAT:
        raise NetworkFormatError(path, "format", "is a three-phase feeder: load_feeder reads it")
    head = {key: value for key, value in content.items() if key in HEAD}
    return decode_network(path, head, {k: v for k, v in content.items() if k not in HEAD})


def read_feeder_json(path: str | Path) -> Feeder:
    """Read a feeder from our JSON.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    Feeder
        Not validated.

    Raises
    ------
    NetworkFormatError
        If the file cannot be read as our JSON of a feeder; it names table, row and column.
    """
    path = Path(path)
    content = parse_json(path)
    if content.get("format") == FORMAT:
        raise NetworkFormatError(path, "format", "is a network: load_network reads it")
    tables = {key: content[key] for key in feeder_columns.TABLES if key in content}

    def where(table: str) -> str:
        return f"{path}" if table == "params" else f"{path}, {table}"

    return decode_feeder(content, tables, where)


def parse_json(path: Path) -> dict[str, Any]:
    """Return the object a JSON file holds, or raise :class:`NetworkFormatError`."""
    try:
        content = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        detail = f"line {error.lineno}, column {error.colno}: {error.msg}"
        raise NetworkFormatError(path, "json", detail) from None
    except (RecursionError, ValueError) as error:  # ValueError: an integer of thousands of digits
        raise NetworkFormatError(path, "json", f"cannot be parsed: {error}") from None
    if not isinstance(content, dict):
        raise NetworkFormatError(path, "json", "must be one object")
    return content


def write_json(network: Network, path: str | Path) -> None:
    """Write a network as one JSON object; floats round-trip exactly.

    Parameters
    ----------
    network : Network
        The network.
    path : str or Path
        The file; replaced if it exists.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    _write({**encode_head(network), **encode_tables(network)}, path)


def write_feeder_json(feeder: Feeder, path: str | Path) -> None:
    """Write a feeder as one JSON object with all digits.

    Parameters
    ----------
    feeder : Feeder
        The feeder.
    path : str or Path
        The file; replaced if it exists.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    head, tables = feeder_columns.encode_feeder(feeder)
    _write({**head, **tables}, path)


def _write(content: dict[str, Any], path: str | Path) -> None:
    text = json.dumps(_finite(content), indent=1, ensure_ascii=False, allow_nan=False)
    write_text(Path(path), text + "\n")


def _finite(value: Any) -> Any:
    """Write infinities and NaN, for which JSON has no number, as texts."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
