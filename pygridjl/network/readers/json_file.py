"""Reader of our JSON: one object with the head and the four tables as columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pygridjl.errors import NetworkFormatError
from pygridjl.network.columns import HEAD, decode_network
from pygridjl.network.model import Network
from pygridjl.network.text import read_text

__all__ = ["parse_json", "read_json"]


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
        from pygridjl.network.readers.pandapower_net import read_pandapower_json

        return read_pandapower_json(path)
    head = {key: value for key, value in content.items() if key in HEAD}
    return decode_network(path, head, {k: v for k, v in content.items() if k not in HEAD})


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
