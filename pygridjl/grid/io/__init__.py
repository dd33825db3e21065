"""Readers, one module a format, and the choice between them by the name of a file."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any

from pygridjl.core.errors import CaseNotFoundError, InvalidOptionError, NetworkFormatError
from pygridjl.grid.feeder import Feeder
from pygridjl.grid.network import Network

__all__ = ["read_feeder", "read_network"]

# Extension -> module and function; imported when needed, because some pull in heavy libraries.
_NETWORK_READERS = {
    ".m": ("matpower.read", "read_matpower"),
    ".pos": ("reds", "read_reds"),
    ".dss": ("opendss.to_network", "read_opendss"),
    ".json": ("ours_json", "read_json"),
    "": ("ours_csv", "read_csv"),
}
_FEEDER_READERS = {
    ".dss": ("opendss.to_feeder", "read_opendss"),
    ".json": ("ours_json", "read_feeder_json"),
    "": ("ours_csv", "read_feeder_csv"),
}


def read_network(
    path: str | os.PathLike[str],
    root: str | os.PathLike[str] | None = None,
    *,
    strict: bool = True,
) -> Network:
    """Read a network file, or a folder of our CSV, by its extension.

    Parameters
    ----------
    path : str or path-like
        ``.m`` (MATPOWER), ``.pos`` (REDS), ``.dss`` (OpenDSS), ``.json`` (ours, or pandapower's)
        or a folder (our CSV).
    root : str or path-like, optional
        Folder below which all files an OpenDSS script reads must lie; its own unless given.
    strict : bool
        Whether a command of a script that OpenDSS refuses ends the reading; if not it is a note.

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
    InvalidOptionError
        If ``root`` or ``strict`` is given for anything but a script.
    """
    network = _read(Path(path), _NETWORK_READERS, root, strict=strict)
    assert isinstance(network, Network)
    return network


def read_feeder(
    path: str | os.PathLike[str],
    root: str | os.PathLike[str] | None = None,
    *,
    strict: bool = True,
) -> Feeder:
    """Read a feeder file, or a folder of feeder tables, by its extension.

    Parameters
    ----------
    path : str or path-like
        ``.dss`` (OpenDSS), ``.json`` (ours), or a folder as :func:`pygridjl.save_feeder` writes it.
    root : str or path-like, optional
        Folder below which all files an OpenDSS script reads must lie; its own unless given.
    strict : bool
        Whether a command of a script that OpenDSS refuses ends the reading; if not it is a note.

    Returns
    -------
    Feeder
        Not validated.

    Raises
    ------
    CaseNotFoundError
        If there is no such file.
    NetworkFormatError
        If it cannot be read.
    InvalidOptionError
        If ``root`` or ``strict`` is given for anything but a script.
    """
    feeder = _read(Path(path), _FEEDER_READERS, root, strict=strict)
    assert isinstance(feeder, Feeder)
    return feeder


def _read(
    path: Path,
    readers: dict[str, tuple[str, str]],
    root: str | os.PathLike[str] | None,
    *,
    strict: bool,
) -> Any:
    try:
        path.stat()
        folder = path.is_dir()
    except FileNotFoundError:
        raise CaseNotFoundError(f"{path}: there is no such file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise NetworkFormatError(path, "file", reason) from None
    extension = "" if folder else path.suffix.lower()
    if not (folder or extension) or extension not in readers:
        known = ", ".join(filter(None, readers))
        detail = f"extension {path.suffix!r} is not one of {known} (or a folder of CSV)"
        raise NetworkFormatError(path, "file", detail)
    options: dict[str, Any] = {}
    if extension == ".dss":
        options = {"root": None if root is None else Path(root), "strict": strict}
    elif root is not None or not strict:
        name = "strict" if root is None else "root"
        raise InvalidOptionError(f"{name}: has a meaning for OpenDSS scripts only, not for {path}")
    module, function = readers[extension]
    found = import_module(f"pygridjl.grid.io.{module}")
    return getattr(found, function)(path, **options)
