"""Files that are read whole; files and folders that appear complete or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pygridjl.core.errors import OutputError

__all__ = [
    "check_writable",
    "read_bytes",
    "read_csv_text",
    "read_text",
    "replacing_file",
    "replacing_folder",
    "write_text",
]

# More columns, or as many without a row, take the reader of tables minutes. A row a bus is p and q.
_MOST_COLUMNS = {True: 30_000, False: 1_000}
# Where the former folder waits inside the new one until the new one is in place.
_REPLACED = ".replaced"


def read_bytes(path: str | Path) -> bytes:
    """Read a regular file.

    A pipe may never end and a device may give bytes until memory is full, so neither is read.

    Raises
    ------
    OSError
        If it cannot be read, or is no regular file; ``strerror`` says which.
    """
    # Not to wait for who writes to a pipe.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(handle, "rb") as stream:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "is no regular file", str(path))
        return stream.read()


def read_text(path: str | Path, encoding: str = "utf-8") -> str:
    """Read a regular text file with the line ends that it has.

    Raises
    ------
    OSError
        As :func:`read_bytes`.
    UnicodeDecodeError
        If it is not in the encoding.
    """
    return read_bytes(path).decode(encoding)


def read_csv_text(path: str | Path) -> str:
    """Read a regular file that holds a table, UTF-8 with or without its mark.

    Raises
    ------
    OSError
        As :func:`read_bytes`.
    ValueError
        If it is not UTF-8, or has more than 30,000 columns.
    """
    text = read_text(path, "utf-8-sig")
    header, _, rows = text.lstrip().partition("\n")
    columns = 1 + max(header.count(separator) for separator in ",;\t")
    if columns > _MOST_COLUMNS[bool(rows.strip())]:
        raise ValueError(f"{columns:,} columns are too many")
    return text


def check_writable(path: Path) -> None:
    """Refuse a file that cannot be written, before anything is computed for it.

    Parameters
    ----------
    path : Path
        The file to write or replace.

    Raises
    ------
    OutputError
        If it is a folder or a device, or its folder is missing or takes no files.
    """
    try:
        if path.exists() and not path.is_file():
            # Renaming onto a device (say /dev/null) would put a plain file in its place.
            raise OutputError(path, "is not a regular file")
        path.parent.stat()
    except OSError as error:
        raise OutputError(path, error.strerror or str(error)) from error
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK | os.X_OK):
        raise OutputError(path, f"{path.parent} is no folder that takes files")


@contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """Yield a temporary neighbour that takes the place of ``path`` at the end.

    Parameters
    ----------
    path : Path
        The file to write or replace. Its folder must exist.

    Yields
    ------
    Path
        An empty file with the same suffix, to be written inside the ``with`` block. If the block
        raises, it is removed and ``path`` stays as it was.

    Raises
    ------
    OutputError
        If the file cannot be written, or ``path`` is a folder or a device.
    """
    check_writable(path)
    try:
        handle, name = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.stem}.", suffix=path.suffix
        )
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            _shared_mode(temporary, 0o666)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(path, error.strerror or str(error)) from error


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file whole or not at all, line ends as they are.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    with replacing_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


@contextmanager
def replacing_folder(path: Path, marker: str) -> Iterator[Path]:
    """Yield a temporary neighbour that takes the place of a folder at the end.

    Parameters
    ----------
    path : Path
        The folder to write or replace. Its parent must exist.
    marker : str
        Name of the file by which a folder of ours is known; any other folder is not replaced.

    Yields
    ------
    Path
        An empty folder to be filled inside the ``with`` block. If the block raises, it is removed
        and ``path`` stays as it was.

    Raises
    ------
    OutputError
        If the folder cannot be written, or ``path`` is something else.
    """
    if path.exists() and not (path / marker).is_file():
        raise OutputError(path, f"exists and is not a folder with {marker}")
    try:
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
        try:
            yield temporary
            _shared_mode(temporary, 0o777)
            if path.exists():
                path.rename(temporary / _REPLACED)
            temporary.rename(path)
            shutil.rmtree(path / _REPLACED, ignore_errors=True)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise OutputError(path, error.strerror or str(error)) from error


def _shared_mode(path: Path, mode: int) -> None:
    """Give a private temporary the mode an ordinary file or folder would have."""
    mask = os.umask(0)
    os.umask(mask)
    path.chmod(mode & ~mask)
