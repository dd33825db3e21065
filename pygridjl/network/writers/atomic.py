"""Files and folders that appear complete or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from pygridjl.errors import NetworkFormatError

__all__ = ["write_file", "write_folder"]

# Where the former folder waits inside the new one until the new one is in place.
_REPLACED = ".replaced"


def write_file(path: Path, text: str) -> None:
    """Write a text file through a temporary neighbour and a rename.

    Raises
    ------
    NetworkFormatError
        If the file cannot be written.
    """
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
                stream.write(text)
            _shared_mode(temporary, 0o666)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise _cannot_write(path, error) from None


def write_folder(path: Path, texts: Mapping[str, str], marker: str) -> None:
    """Write a folder of text files through a temporary neighbour and a rename.

    Parameters
    ----------
    path : Path
        The folder; an existing one is replaced as a whole if it holds ``marker``.
    texts : mapping
        File name to text.
    marker : str
        Name of the file by which a folder of ours is known.

    Raises
    ------
    NetworkFormatError
        If the folder cannot be written, or ``path`` is something else.
    """
    if path.exists() and not (path / marker).is_file():
        raise NetworkFormatError(path, "file", f"exists and is not a folder with {marker}")
    try:
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
        try:
            for name, text in texts.items():
                (temporary / name).write_text(text, encoding="utf-8", newline="")
            _shared_mode(temporary, 0o777)
            if path.exists():
                path.rename(temporary / _REPLACED)
            temporary.rename(path)
            shutil.rmtree(path / _REPLACED, ignore_errors=True)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise _cannot_write(path, error) from None


def _shared_mode(path: Path, mode: int) -> None:
    """Give a private temporary the mode an ordinary file or folder would have."""
    mask = os.umask(0)
    os.umask(mask)
    path.chmod(mode & ~mask)


def _cannot_write(path: Path, error: OSError) -> NetworkFormatError:
    return NetworkFormatError(path, "file", f"cannot be written: {error.strerror or error}")
