"""Reads the commands of an OpenDSS script before any of them runs.

What a script may do to a reader is to build a circuit and solve it. Commands that write, plot or
show are skipped with a note; those that start programs are refused; other files are read only below
one folder, each at most once in a chain of redirections. What the words of a command may ask for is
decided in :mod:`pygridjl.grid.io.opendss.permitted`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath

from pygridjl.core.errors import NetworkFormatError
from pygridjl.grid.io.opendss.tokens import command_words, first_with_prefix
from pygridjl.grid.io.text import read_text

__all__ = ["Script", "Statement", "file_inside", "read_script"]

_NAMES = {
    "run": "new edit more m ~ select solve enable disable reset clear clearall open close set "
    "calcvoltagebases setkvbase buscoords latlongcoords allocateloads var batchedit "
    "setbusxy makebuslist setloadandgenkv interpolate makeposseq _initsnap "
    "_solvenocontrol _samplecontrols _docontrolactions _solvedirect _solvepflow",
    "skip": "show export save plot dump help ? about get sample visualize fileedit formedit "
    "di_plot comparecases yearlycurves closedi cd summary classes userclasses voltages currents "
    "powers losses phaselosses nodelist totalpowers panel quit nodediff relcalc estimate capacity "
    "uuids guids obfuscate alignfile top vdiff buildy init next cktlosses seqvoltages seqcurrents "
    "seqpowers cleanup finishtimestep wait pstcalc addbusmarker clearbusmarkers zsc zsc10 "
    "zscrefresh ysc puvoltages varvalues varnames busnames buslist meterzones showqueue "
    "_showcontrolqueue",
    "refuse": "doscmd reduce rephase reconductor newactor solveall connect disconnect abort "
    "distribute",
    # The order of the engine, which takes the first command that begins with what was written.
    "order": "new edit more m ~ select save show solve enable disable plot reset compile set dump "
    "open close // redirect help quit ? next panel sample clear about calcvoltagebases "
    "setkvbase buildy get init export fileedit voltages currents powers seqvoltages "
    "seqcurrents seqpowers losses phaselosses cktlosses allocateloads formedit totals "
    "capacity classes userclasses zsc zsc10 zscrefresh ysc puvoltages varvalues varnames "
    "buscoords makebuslist makeposseq reduce interpolate alignfile top rotate vdiff summary "
    "distribute di_plot comparecases yearlycurves cd visualize closedi doscmd estimate "
    "reconductor _initsnap _solvenocontrol _samplecontrols _docontrolactions "
    "_showcontrolqueue _solvedirect _solvepflow addbusmarker uuids setloadandgenkv "
    "cvrtloadshapes nodediff rephase setbusxy updatestorage obfuscate latlongcoords batchedit "
    "pstcalc variable reprocessbuses clearbusmarkers relcalc var",
}
_RUN, _SKIP, _REFUSE = (frozenset(_NAMES[what].split()) for what in ("run", "skip", "refuse"))
_ORDER = _NAMES["order"].split()
_INCLUDE = ("redirect", "compile")
_ALLOWED = _RUN | _SKIP | frozenset(_INCLUDE)
_EVERY = (*_ORDER, *sorted((_ALLOWED | _REFUSE).difference(_ORDER)))
_MOST_FILES = 10_000


@dataclass(frozen=True)
class Statement:
    """One command that may run.

    Attributes
    ----------
    command : str
        Its full name; ``"property"`` for ``class.name.property=value``.
    text : str
        The command with its full name.
    path : Path
        The file in which it stands.
    number : int
        Its line.
    folder : Path
        What relative file names in it are relative to.
    """

    command: str
    text: str
    path: Path
    number: int
    folder: Path

    @property
    def place(self) -> str:
        """File and line, for messages."""
        return f"{self.path.name} line {self.number}"


@dataclass
class Script:
    """The commands of a script and of all files it redirects to.

    Attributes
    ----------
    statements : list of Statement
        In the order in which they run.
    skipped : list of str
        The commands left out, as ``"show (line 12)"``.
    files : int
        How many files were read, one as often as it was.
    """

    statements: list[Statement] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    files: int = 0


def read_script(path: Path, root: Path) -> Script:
    """Read a script and all it redirects to.

    Parameters
    ----------
    path : Path
        The script.
    root : Path
        Folder below which every file must lie.

    Returns
    -------
    Script
        What may run.

    Raises
    ------
    NetworkFormatError
        If a file cannot be read or lies outside the folder, a chain of redirections closes, there
        are more than 10,000 of them, or a command may not run.
    """
    script = Script()
    _read_file(path, root.resolve(), (), script)
    return script


def _read_file(path: Path, root: Path, chain: tuple[Path, ...], script: Script) -> Path:
    """Collect the statements of one file; return the folder that a compile leaves behind."""
    folder = path.parent
    script.files += 1
    if script.files > _MOST_FILES:
        raise NetworkFormatError(path, "redirect", f"more than {_MOST_FILES:,} files are read")
    for number, line in _lines(read_text(path, stray=True)):
        command, text = _command(line, path, number)
        if command in _INCLUDE:
            words = command_words(text)[1:]
            argument = words[0].value.strip() if words else ""
            target = file_inside(argument, folder, root, path, number)
            if target is None:
                raise NetworkFormatError(
                    path, f"line {number}", f"{command} {argument}: there is no such file"
                )
            if target in (*chain, path):
                raise NetworkFormatError(
                    path, f"line {number}", f"{command} {argument}: the files redirect in a circle"
                )
            left = _read_file(target, root, (*chain, path), script)
            folder = left if command == "compile" else folder
        elif command in _SKIP:
            script.skipped.append(f"{command} ({path.name} line {number})")
        else:
            script.statements.append(Statement(command, text, path, number, folder))
    return folder


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield what is neither blank nor comment, with the number of its line."""
    inside = False
    for number, raw in enumerate(re.split(r"\r\n|\r|\n", text), start=1):
        line = raw.strip().lstrip("\x1a")
        if inside or line.startswith("/*"):
            inside = "*/" not in line
            continue
        if line and not line.startswith(("!", "//")):
            yield number, line


def _command(line: str, path: Path, number: int) -> tuple[str, str]:
    """Return the full name of a command, and the command with it: the engine reads no other."""
    if line.startswith(("~", "?")):
        return line[0], f"{line[0]} {line[1:]}"
    words = command_words(line)
    if words and (words[0].name or "." in words[0].value):
        return "property", line
    word = words[0].value if words else ""
    found = first_with_prefix(word, _EVERY)
    if found not in _ALLOWED:
        known = found in _EVERY
        why = "may not run when a file is read" if known else "is not a command of a circuit"
        raise NetworkFormatError(path, f"line {number}", f"{word.lower()!r} {why}")
    return found, f"{found} {line[words[0].end :]}"


def file_inside(name: str, folder: Path, root: Path, path: Path, number: int) -> Path | None:
    """Return the file a name means, whatever its case, None if there is none below the folder."""
    plain = name.replace("\\", "/")
    if PureWindowsPath(name).drive:
        return None
    found = Path(folder)
    for part in Path(plain).parts:
        step = found / part
        if part not in ("..", "/") and not step.exists() and found.is_dir():
            twins = [entry for entry in found.iterdir() if entry.name.lower() == part.lower()]
            step = sorted(twins)[0] if twins else step
        found = step
    found = found.resolve()
    if found != root and root not in found.parents:
        detail = (
            f"{name} lies outside {root.name or root}, the folder whose files may be read: "
            "put it there, or give the folder as root="
        )
        raise NetworkFormatError(path, f"line {number}", detail)
    return found if found.is_file() else None
