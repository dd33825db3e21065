"""Readers, one module a format, and the choice between them by the name of a file."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pygridjl.core.errors import CaseNotFoundError, NetworkFormatError

if TYPE_CHECKING:
    from pygridjl.grid.network import Network

__all__ = ["read_network"]

# Extension -> module and function; imported when needed, because some pull in heavy libraries.
_READERS = {
    ".m": ("matpower.read", "read_matpower"),
    ".pos": ("reds", "read_reds"),
    ".dss": ("opendss.to_network", "read_opendss"),
    ".json": ("ours_json", "read_json"),
}


def read_network(path: str | Path) -> Network:
    """Read a network file, or a folder of our CSV, by its extension.

    Parameters
    ----------
    path : str or Path
        ``.m`` (MATPOWER), ``.pos`` (REDS), ``.dss`` (OpenDSS), ``.json`` (ours, or pandapower's)
        or a folder (our CSV).

    Returns
    -------
    Network
        Not validated.

    Raises
    ------
    CaseNotFoundError
        If there is no such file.
    NetworkFormatError
        If it cannot be read.
    """
    path = Path(path)
    try:
        path.stat()
        folder = path.is_dir()
    except FileNotFoundError:
        raise CaseNotFoundError(f"{path}: there is no such file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise NetworkFormatError(path, "file", reason) from None
    if folder:
        module, function = "ours_csv", "read_csv"
    elif path.suffix.lower() in _READERS:
        module, function = _READERS[path.suffix.lower()]
    else:
        known = ", ".join(_READERS)
        detail = f"extension {path.suffix!r} is not one of {known} (or a folder of CSV)"
        raise NetworkFormatError(path, "file", detail)
    found = import_module(f"pygridjl.grid.io.{module}")
    reader = cast("Callable[[Path], Network]", getattr(found, function))
    return reader(path)
