"""Compiling an OpenDSS script in an engine of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pygridjl.core.errors import NetworkFormatError
from pygridjl.grid.io.text import read_text

__all__ = ["compiled_circuit"]

# Not a connection OpenDSS knows. Its older versions ignored the word, which leaves the default
# (wye); newer ones stop at it.
_CONN_POWER = re.compile(r"(?im)\bconn\s*=\s*power\b")

# Error numbers of OpenDSS: too many iterations of the solution, of the controls.
_DIVERGED = {482, 485}


@contextmanager
def compiled_circuit(path: Path) -> Iterator[tuple[Any, list[str]]]:
    """Compile a script and yield the engine and the notes on what had to be changed.

    The engine is separate from the one a user may be working with, does not change the working
    directory and opens no windows.

    Parameters
    ----------
    path : Path
        The script.

    Raises
    ------
    NetworkFormatError
        If the engine stops at the script or finds no circuit in it, or an answer of the engine
        read inside the ``with`` block is an error.
    """
    from opendssdirect import DSSException, dss

    text = read_text(path)
    notes: list[str] = []
    engine = dss.NewContext()
    engine.Basic.AllowChangeDir(False)
    engine.Basic.AllowEditor(False)
    engine.Basic.AllowForms(False)
    try:
        if _CONN_POWER.search(text):
            notes.append("Conn=POWER is no connection of OpenDSS and was ignored")
            _run(engine, engine.Text.Commands, _CONN_POWER.sub("", text))
        else:
            _run(engine, engine.Text.Command, f'compile "{path.resolve()}"')
        if not engine.Basic.NumCircuits():
            raise NetworkFormatError(path, "circuit", "the script defines none")
        engine.Text.Command("MakeBusList")  # a script that solves nothing has not made it
        yield engine, notes
    except DSSException as error:
        detail = " ".join(str(error.args[-1]).split())
        raise NetworkFormatError(path, "OpenDSS", detail) from None
    finally:
        engine.Basic.ClearAll()


def _run(engine: Any, execute: Callable[[str], None], text: str) -> None:
    """Execute a script; a solution that diverges at its end leaves the circuit readable."""
    from opendssdirect import DSSException

    try:
        execute(text)
    except DSSException as error:
        if not (error.args and error.args[0] in _DIVERGED and engine.Basic.NumCircuits()):
            raise
