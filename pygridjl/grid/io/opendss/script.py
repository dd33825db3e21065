"""Reads the commands of an OpenDSS script before any of them runs.

What a script may do to a reader is decided here: build a circuit and solve it. Commands that
write, plot or show are skipped with a note; those that start programs or load code are refused;
other files are read only below one folder, each at most once in a chain of redirections.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath

from pygridjl.core.errors import NetworkFormatError
from pygridjl.grid.io.text import read_text

__all__ = ["Script", "Statement", "read_script"]

# In the order of the engine, which takes the first command that begins with what was written.
_NAMES = {
    "run": "new edit more m ~ select solve enable disable reset clear clearall open close set "
    "calcvoltagebases setkvbase buscoords latlongcoords allocateloads distribute var batchedit "
    "setbusxy makebuslist setloadandgenkv interpolate makeposseq _initsnap "
    "_solvenocontrol _samplecontrols _docontrolactions _showcontrolqueue _solvedirect _solvepflow",
    "skip": "show export save plot dump help ? about get sample visualize fileedit formedit "
    "di_plot comparecases yearlycurves closedi cd summary classes userclasses voltages currents "
    "powers losses phaselosses nodelist totalpowers panel quit nodediff relcalc estimate capacity "
    "uuids guids obfuscate alignfile top vdiff buildy init next cktlosses seqvoltages seqcurrents "
    "seqpowers cleanup finishtimestep wait pstcalc addbusmarker clearbusmarkers zsc zsc10 "
    "zscrefresh ysc puvoltages varvalues varnames busnames buslist meterzones showqueue",
    "refuse": "doscmd reduce rephase reconductor newactor solveall connect disconnect abort",
}
_RUN, _SKIP, _REFUSE = (tuple(names.split()) for names in _NAMES.values())
_INCLUDE = ("redirect", "compile")
_EVERY = (*_RUN, *_SKIP, *_REFUSE, *_INCLUDE)
_FULL = {"sol": "solve", "s": "select", "calcv": "calcvoltagebases", "r": "redirect"}

_SKIPPED_OPTIONS = re.compile(
    r"(?i)\b(datapath|editor|recorder|demandinterval|diverbose|overloadreport|"
    r"voltexceptionreport|casename|showexport|numcores|coremask|parallel|concatenatereports|"
    r"activeactor|actorprogress|processtime)\s*=\s*(\"[^\"]*\"|'[^']*'|\[[^\]]*\]|\([^)]*\)|\S+)"
)
_LOADS_CODE = re.compile(r"(?i)\b(userm\w*|userd\w*|dynad\w*|dyn\w*dll|shaftm\w*|shaftd\w*)\s*=")
_SAVES = re.compile(r"(?i)\baction\s*=\s*[\"'(\[]?\s*\w*save\w*")
_FILE = re.compile(
    r"(?i)\b((?:csv|sng|dbl|pqcsv|cvr)?file)\s*=\s*"
    r"(\"[^\"]*\"|'[^']*'|\[[^\]]*\]|\{[^}]*\}|\([^)]*\)|[^\s,)\]}\"']+)"
)
_QUOTES = {'"': '"', "'": "'", "(": ")", "[": "]", "{": "}"}
_STEPS = re.compile(r"(?i)\b(number)\s*=\s*(\d+)")
_MOST_STEPS = 100_000


@dataclass(frozen=True)
class Statement:
    """One command that may run.

    Attributes
    ----------
    command : str
        Its full name; ``"property"`` for ``class.name.property=value``.
    text : str
        What the engine gets.
    place : str
        File and line, for messages.
    folder : Path
        What relative file names in it are relative to.
    """

    command: str
    text: str
    place: str
    folder: Path


@dataclass
class Script:
    """The commands of a script and of all files it redirects to.

    Attributes
    ----------
    statements : list of Statement
        In the order in which they run.
    skipped : list of str
        The commands left out, as ``"show (line 12)"``.
    """

    statements: list[Statement] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


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
        If a file cannot be read or lies outside the folder, a chain of redirections closes, or a
        command would start a program or load code.
    """
    script = Script()
    _read_file(path, root.resolve(), (), script)
    return script


def _read_file(path: Path, root: Path, chain: tuple[Path, ...], script: Script) -> Path:
    """Collect the statements of one file; return the folder that a compile leaves behind."""
    folder = path.parent
    for number, line in _lines(read_text(path)):
        place = f"{path.name} line {number}"
        command = _command(line, path, number)
        if command in _INCLUDE:
            argument = _argument(line)
            target = _inside(argument, folder, root, path, number)
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
            script.skipped.append(f"{command} ({place})")
        else:
            text = _harmless(line, command, place, path, number, script)
            text = _files(text, command, folder, root, path, number)
            if text:
                script.statements.append(Statement(command, text, place, folder))
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


def _command(line: str, path: Path, number: int) -> str:
    if line.startswith(("~", "?")):
        return line[0]
    word = re.split(r"[\s=,]", line, maxsplit=1)[0].lower().strip("\"'")
    if "." in word or re.match(r"(?i)\w+\.[^=]*=", line):
        return "property"
    found = word if word in _EVERY else _FULL.get(word, "")
    if not found:
        found = next((name for name in _EVERY if word and name.startswith(word)), "")
    if not found or found in _REFUSE:
        why = "is not a command of a circuit" if not found else "may not run when a file is read"
        raise NetworkFormatError(path, f"line {number}", f"{word!r} {why}")
    return found


def _argument(line: str) -> str:
    rest = re.split(r"[\s=]", line, maxsplit=1)[1:]
    text = rest[0].strip() if rest else ""
    text = re.sub(r"(?i)^file\s*=\s*", "", text)
    if text[:1] in _QUOTES:
        return text[1:].split(_QUOTES[text[0]], 1)[0].strip()
    return re.split(r"[\s,!]", text, maxsplit=1)[0]


def _inside(name: str, folder: Path, root: Path, path: Path, number: int) -> Path | None:
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


def _harmless(line: str, command: str, place: str, path: Path, number: int, script: Script) -> str:
    """Take out what would write; refuse what would load code."""
    if _LOADS_CODE.search(line):
        raise NetworkFormatError(
            path, f"line {number}", "loads code of the user's (a model in a library): not read"
        )
    if _SAVES.search(line):
        script.skipped.append(f"action=save ({place})")
        line = _SAVES.sub("", line)
    if command in ("set", "solve"):
        for option in _SKIPPED_OPTIONS.finditer(line):
            script.skipped.append(f"set {option[1].lower()} ({place})")
        line = _SKIPPED_OPTIONS.sub("", line).strip()
        if any(int(steps[2]) > _MOST_STEPS for steps in _STEPS.finditer(line)):
            raise NetworkFormatError(
                path, f"line {number}", f"solves more than {_MOST_STEPS:,} steps"
            )
        if line.lower() == "set":
            return ""
    return line


def _files(line: str, command: str, folder: Path, root: Path, path: Path, number: int) -> str:
    """Replace the names of data files by those of files that exist below the folder."""
    if command in ("buscoords", "latlongcoords"):
        found = _inside(_argument(line), folder, root, path, number)
        return f'{command} "{found}"' if found else line

    def full(match: re.Match[str]) -> str:
        name = match[2]
        if name[0] in _QUOTES:
            name = name[1:-1]
        found = _inside(name.strip(), folder, root, path, number)
        return f'{match[1]}="{found}"' if found else match[0]

    return _FILE.sub(full, line)
