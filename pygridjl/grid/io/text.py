"""Opening text files with one clear message for everything that can go wrong."""

from __future__ import annotations

from pathlib import Path

from pygridjl.core.errors import NetworkFormatError
from pygridjl.core.files import read_bytes

__all__ = ["read_text", "shown"]

_SHOWN = 60
# Share of a text that may be NULs before it is none.
_STRAY = 1e-3


def shown(value: object) -> str:
    """Return what a file holds as a message quotes it: never longer than a line."""
    text = repr(value[: 2 * _SHOWN] if isinstance(value, str) else value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def read_text(path: Path, *, stray: bool = False) -> str:
    """Return the text of a file.

    Parameters
    ----------
    path : Path
        The file.
    stray : bool
        Whether a few NULs in a long text are blanks, as an editor or a copy leaves them.

    Raises
    ------
    NetworkFormatError
        If the file cannot be opened, is no regular file, is empty or is not text.
    """
    try:
        raw = read_bytes(path)
        text = raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except OSError as error:
        raise NetworkFormatError(path, "file", error.strerror or str(error)) from None
    except UnicodeDecodeError:
        # Older MATPOWER and OpenDSS files carry accents in Latin-1 comments; a NUL is binary.
        text = raw.decode("latin-1")
    if stray and text.count("\0") <= _STRAY * len(text):
        text = text.replace("\0", " ")
    if "\0" in text:
        raise NetworkFormatError(path, "file", "is binary, not text")
    if not text.strip():
        raise NetworkFormatError(path, "file", "is empty")
    return text
