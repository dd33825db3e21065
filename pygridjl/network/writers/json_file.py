"""Writer of our JSON."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from pygridjl.files import write_text
from pygridjl.network.columns import encode_head, encode_tables
from pygridjl.network.model import Network

__all__ = ["write_json"]


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
    content = {**encode_head(network), **encode_tables(network)}
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
