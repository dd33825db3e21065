"""What another reader of OpenDSS scripts would open, looked at before it may read one.

PowerModelsDistribution follows every ``redirect`` wherever it leads and cuts lines in its own way,
so a script is held both to our own rules and to what that reader makes of each line.
"""

from __future__ import annotations

import re
from pathlib import Path

from pygridjl.core.errors import NetworkFormatError
from pygridjl.grid.io.opendss.process import check_apart
from pygridjl.grid.io.opendss.script import file_inside
from pygridjl.grid.io.text import read_text

__all__ = ["assert_reads_inside"]

_INCLUDING = ("redirect", "compile")
_PLACING = ("buscoords", "latloncoords")
_CONTINUING = ("~", "more")
# Properties that hold the names of files, also inside arrays of numbers.
_FILE = re.compile(r"(?i)\w*file\s*=\s*[\"'(\[{]?\s*([^\s\"',)\]}]+)")
# Classes of which it takes a word without a name for a file, by its place.
_TABLE = re.compile(r"(?i)(object\s*=\s*)?[\"']?(loadshape|xycurve|spectrum)\.")
_WORD = re.compile(r"[^\s\"'()\[\]{},=]+")
# It looks for the last part of a name as for a pattern.
_PATTERN = re.compile(r"[*?\[]")


def assert_reads_inside(path: Path, root: Path | None = None) -> None:
    """Refuse a script of which a reader could open a file outside a folder.

    Parameters
    ----------
    path : Path
        The script.
    root : Path, optional
        Folder below which every file must lie; that of the script unless given.

    Raises
    ------
    NetworkFormatError
        If our own reader would refuse a command or a file of the script, or PowerModelsDistribution
        would open a file that lies outside the folder or read one in a circle.
    """
    whole = path.resolve()
    folder = (whole.parent if root is None else root).resolve()
    check_apart(whole, root=folder)
    _walk(whole, folder, ())


def _walk(path: Path, root: Path, chain: tuple[Path, ...]) -> None:
    """Look at every line of a file as PowerModelsDistribution does."""
    inside = False
    for number, raw in enumerate(read_text(path).split("\n"), start=1):
        line = raw.strip()
        if line.startswith("/*") or line.endswith("*/"):
            inside = not inside
            continue
        line = line.split("!")[0]
        words = line.split()
        if inside or not words or line.startswith("//"):
            continue
        command = words[0].lower()
        if command in _INCLUDING + _PLACING:
            name = words[1].strip("()") if len(words) > 1 else ""
            target = _inside(name, path, root, number)
            if target in (*chain, path):
                detail = f"{command} {name}: the files redirect in a circle"
                raise NetworkFormatError(path, f"line {number}", detail)
            if target is not None and command in _INCLUDING:
                _walk(target, root, (*chain, path))
            continue
        names = _FILE.findall(line)
        if names and command.startswith(_CONTINUING):
            detail = (
                f"{names[0]}: PowerModelsDistribution looks for it in the working directory; name "
                "it on the first line of the element"
            )
            raise NetworkFormatError(path, f"line {number}", detail)
        if command == "new" and _TABLE.match(line.split(None, 1)[-1]):
            names += [word for word in _WORD.findall(line) if "/" in word or "\\" in word]
        for name in names:
            _inside(name, path, root, number)


def _inside(name: str, path: Path, root: Path, number: int) -> Path | None:
    """Return the file that a name means, if it is there.

    Raises
    ------
    NetworkFormatError
        If it lies outside the folder or could mean more than one file.
    """
    if _PATTERN.search(name):
        raise NetworkFormatError(path, f"line {number}", f"{name}: is a pattern, not a file")
    return file_inside(name, path.parent, root, path, number)
