"""Compiling an OpenDSS script in an engine of its own, command by command."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from pygridjl.core.errors import NetworkFormatError
from pygridjl.grid.io.opendss.permitted import (
    MissingFileError,
    RefusedError,
    engine_names,
    permitted,
)
from pygridjl.grid.io.opendss.script import Script, Statement, file_inside, read_script

__all__ = ["assert_permitted", "compiled_circuit"]

# Not a connection OpenDSS knows. Its older versions ignored the word, which leaves the default
# (wye); newer ones stop at it.
_CONN_POWER = re.compile(r"(?i)\bconn\s*=\s*power\b")

# Error numbers of OpenDSS: too many iterations of the solution, of the controls.
_DIVERGED = {482, 485}

# Elements that only watch; without them the circuit is the same.
_WATCHING = ("monitor", "energymeter", "sensor", "fmonitor")
_NAMED = re.compile(r"(?i)^\s*(?:new|edit)\s+(?:object\s*=\s*)?[\"']?(\w+)\.([^\s\"']+)")
_SHOWN = 3
# Where buses are drawn.
_PLACING = ("buscoords", "latlongcoords", "setbusxy")
_LENIENT = "strict=False reads on without"


@contextmanager
def compiled_circuit(
    path: Path, *, root: Path | None = None, strict: bool = True
) -> Iterator[tuple[Any, list[str]]]:
    """Compile a script and yield the engine and the notes on what had to be changed.

    The engine is separate from the one a user may be working with, does not change the working
    directory and opens no windows.

    Parameters
    ----------
    path : Path
        The script.
    root : Path, optional
        Folder below which all files it reads must lie; that of the script unless given.
    strict : bool
        Whether a command that fails ends the reading. If not it becomes a note.

    Raises
    ------
    NetworkFormatError
        If the engine stops at a command or finds no circuit in the script, or an answer of the
        engine read inside the ``with`` block is an error.
    """
    root = (path.parent if root is None else root).resolve()
    script = read_script(path, root)
    from opendssdirect import DSSException

    notes: list[str] = []
    ignored: list[str] = []
    engine = _engine()
    try:
        statements = _permitted(engine, script, root, ignored, strict=strict)
        if script.skipped:
            notes.append(f"commands that write or show were skipped: {_some(script.skipped)}")
        _run(engine, path, statements, notes, ignored, strict=strict)
        if not engine.Basic.NumCircuits():
            raise NetworkFormatError(path, "circuit", "the script defines none")
        engine.Text.Command("MakeBusList")  # a script that solves nothing has not made it
        yield engine, notes
    except DSSException as error:
        raise NetworkFormatError(path, "OpenDSS", _text(error)) from None
    finally:
        engine.Basic.ClearAll()


def assert_permitted(path: Path, *, root: Path | None = None) -> None:
    """Raise what :func:`compiled_circuit` would before it runs the first command.

    Parameters
    ----------
    path : Path
        The script.
    root : Path, optional
        Folder below which all files it reads must lie; that of the script unless given.

    Raises
    ------
    NetworkFormatError
        If a command may not run or a file may not be read.
    """
    root = (path.parent if root is None else root).resolve()
    script = read_script(path, root)
    _permitted(_engine(), script, root, [], strict=True)


def _engine() -> Any:
    """Return an engine of its own that neither leaves the directory nor opens windows."""
    from opendssdirect import dss

    engine = dss.NewContext()
    engine.Basic.AllowChangeDir(False)
    engine.Basic.AllowEditor(False)
    engine.Basic.AllowForms(False)
    return engine


def _some(texts: list[str]) -> str:
    more = len(texts) - _SHOWN
    return ", ".join(texts[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _text(error: Exception) -> str:
    return " ".join(str(error.args[-1]).split())


def _permitted(
    engine: Any, script: Script, root: Path, ignored: list[str], *, strict: bool
) -> list[Statement]:
    """Return what may run of a script, with the names of its files made whole."""
    names = engine_names(engine)
    statements = []
    for statement in script.statements:
        path, place = statement.path, f"line {statement.number}"
        find = partial(
            file_inside, folder=statement.folder, root=root, path=path, number=statement.number
        )
        try:
            allowed = permitted(statement.command, statement.text, find, names)
        except MissingFileError as missing:
            if strict and statement.command not in _PLACING:
                raise NetworkFormatError(path, place, f"{missing}; {_LENIENT}") from None
            ignored.append(f"{statement.command}: {missing} ({statement.place})")
            continue
        except RefusedError as refused:
            raise NetworkFormatError(path, place, str(refused)) from None
        script.skipped += [f"{what} ({statement.place})" for what in allowed.skipped]
        if allowed.text:
            statements.append(replace(statement, text=allowed.text))
    return statements


def _run(
    engine: Any,
    path: Path,
    statements: list[Statement],
    notes: list[str],
    ignored: list[str],
    *,
    strict: bool,
) -> None:
    """Execute the commands; what the field's tools only warn of becomes a note."""
    from opendssdirect import DSSException

    wye = 0
    for statement in statements:
        text, replaced = _CONN_POWER.subn("", statement.text)
        wye += replaced
        try:
            engine.Text.Command(text)
        except DSSException as error:
            code = error.args[0] if error.args else 0
            detail = f"{_text(error)} ({statement.place})"
            if code in _DIVERGED and engine.Basic.NumCircuits():
                continue
            if strict and not _only_warns(engine, statement, _text(error)):
                advice = f"; {_LENIENT}" if engine.Basic.NumCircuits() else ""
                raise NetworkFormatError(path, "OpenDSS", detail + advice) from None
            ignored.append(detail)
    if wye:
        notes.append("Conn=POWER is no connection of OpenDSS and was ignored")
    notes += [f"ignored: {detail}" for detail in ignored[:10]]
    if len(ignored) > 10:
        notes.append(f"{len(ignored) - 10} more commands that failed were ignored")


def _only_warns(engine: Any, statement: Statement, text: str) -> bool:
    """Whether the circuit is the same without the command that failed."""
    command, low = statement.command, text.lower()
    if not engine.Basic.NumCircuits():
        return False
    if command in _PLACING:
        return True
    if command in ("open", "close", "enable", "disable"):
        return "not found" in low
    if "warning" in low or "deprecated" in low:
        return True
    named = _NAMED.match(statement.text)
    if named is None or named[1].lower() not in _WATCHING:
        return False
    # It must watch something that exists, and carries power, before it can be switched off.
    watched = f"line.{engine.Lines.Name()}" if engine.Lines.First() else "vsource.source"
    engine.Text.Command(f"{named[1]}.{named[2]}.element={watched}")
    engine.Text.Command(f"disable {named[1]}.{named[2]}")
    return True
