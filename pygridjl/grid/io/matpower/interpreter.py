"""A small interpreter for the assignments that MATPOWER case files consist of.

A case file is a program: tables first and, in most distribution cases, statements at the end
that turn ohms into per unit and kilowatts into megawatts. Taking only the tables gives wrong
units without a word, so the whole file is interpreted, in order. What is understood:

* ``mpc.name = value;`` and ``name = value;`` with numbers, matrices, texts and cell arrays;
* ``mpc.name(rows, columns) = value;`` with numbers, lists, ranges and ``:``;
* ``[PQ, PV, …] = idx_bus;`` and its siblings, ``define_constants;``;
* ``+ - * / ^``, the element-wise ``.* ./ .^``, and a few elementary functions;
* ``if`` … ``else`` … ``end`` on a value.

Nothing is ever handed to ``eval``. A statement beyond this list that mentions ``mpc`` is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pygridjl.core.errors import NetworkFormatError
from pygridjl.grid.io.matpower.expression import (
    CONSTANTS,
    MatlabError,
    evaluate,
    index_positions,
    parse_cells,
)

__all__ = ["run_case"]

_ASSIGN = re.compile(
    r"(?P<field>mpc\.)?(?P<name>[A-Za-z][\w.]*)\s*(\((?P<index>.*)\))?\s*=(?!=)(?P<value>.*)",
    re.DOTALL,
)
_UNPACK = re.compile(r"\[(?P<names>[\w\s,]*)\]\s*=\s*(?P<function>idx_\w+)\s*(\(\s*\))?")
_FUNCTION = re.compile(r"function\s+mpc\s*=\s*\w+\s*(\(\s*\))?")
_CONTROL = {"for", "while", "switch", "try", "parfor", "elseif"}
_CLOSING = {"end", "endif", "endfunction"}


def run_case(path: Path, text: str) -> dict[str, Any]:
    """Run a case file and return the fields of ``mpc``.

    Parameters
    ----------
    path : Path
        The file, for messages.
    text : str
        Its content.

    Returns
    -------
    dict
        Field name to number (float), matrix (2-D array), text or list of texts (cell array).

    Raises
    ------
    NetworkFormatError
        If a statement is broken, or touches ``mpc`` in a way that is not understood; the message
        names line and statement.
    """
    machine = _Machine()
    for line, statement in _statements(path, text):
        try:
            machine.run(statement)
        except MatlabError as error:
            shown = " ".join(statement.split())
            shown = shown if len(shown) <= 80 else shown[:77] + "..."
            raise NetworkFormatError(path, f"line {line}", f"{error}: {shown}") from None
    return machine.mpc


class _Machine:
    def __init__(self) -> None:
        self.mpc: dict[str, Any] = {}
        self.names: dict[str, Any] = {}
        self.branches: list[bool] = []  # open if-blocks: whether each is being executed

    def run(self, statement: str) -> None:
        word = re.match(r"[A-Za-z_]\w*", statement)
        keyword = word.group() if word else ""
        if keyword in _CONTROL:
            raise MatlabError("this control statement is not understood")
        if keyword == "if":
            self.branches.append(all(self.branches) and self._true(statement[2:]))
        elif keyword == "else":
            self._else()
        elif keyword in _CLOSING:
            if self.branches:
                self.branches.pop()
        elif all(self.branches):
            self._execute(statement, keyword)

    def _true(self, condition: str) -> bool:
        return bool(np.all(np.asarray(self._evaluate(condition)) != 0))

    def _else(self) -> None:
        if not self.branches:
            raise MatlabError("else without if")
        self.branches[-1] = all(self.branches[:-1]) and not self.branches[-1]

    def _execute(self, statement: str, keyword: str) -> None:
        if keyword == "function":
            if not _FUNCTION.fullmatch(statement):
                raise MatlabError("only 'function mpc = name' (case format 2) is understood")
        elif keyword == "define_constants":
            for group in CONSTANTS.values():
                self.names.update({name: float(value) for name, value in group})
        elif unpack := _UNPACK.fullmatch(statement):
            self._unpack(unpack["names"], unpack["function"])
        elif assign := _ASSIGN.fullmatch(statement):
            self._assign(assign)
        elif re.search(r"\bmpc\b", statement):
            raise MatlabError("this statement is not understood")

    def _unpack(self, names: str, function: str) -> None:
        if function not in CONSTANTS:
            raise MatlabError(f"unknown function {function}")
        wanted = names.replace(",", " ").split()
        if len(wanted) > len(CONSTANTS[function]):
            raise MatlabError(f"{function} has only {len(CONSTANTS[function])} outputs")
        for name, (_, value) in zip(wanted, CONSTANTS[function], strict=False):
            self.names[name] = float(value)

    def _assign(self, assign: re.Match[str]) -> None:
        name, value = assign["name"], assign["value"]
        if not assign["field"]:
            self._assign_name(name, assign["index"], value)
        elif assign["index"] is None:
            self.mpc[name] = self._evaluate(value)
        else:
            self._assign_part(name, assign["index"], self._evaluate(value))

    def _assign_name(self, name: str, index: str | None, value: str) -> None:
        """Set a variable of the file; one that cannot be read only matters where it is used."""
        self.names.pop(name, None)
        if name == "mpc":
            raise MatlabError("this statement is not understood")
        try:
            if index is None:
                self.names[name] = self._evaluate(value)
        except MatlabError:
            if re.search(r"\bmpc\b", value):
                raise

    def _assign_part(self, name: str, index: str, value: Any) -> None:
        matrix = self.mpc.get(name)
        if not isinstance(matrix, np.ndarray):
            raise MatlabError(f"mpc.{name} is not a matrix")
        if not isinstance(value, float | np.ndarray):
            raise MatlabError("a number or matrix is needed")
        rows, columns = index_positions(index, matrix.shape, self.names, self.mpc)
        if isinstance(value, np.ndarray) and value.shape != (len(rows), len(columns)):
            raise MatlabError(f"sizes differ: {value.shape} into {(len(rows), len(columns))}")
        changed = matrix.copy()
        changed[np.ix_(rows, columns)] = value
        self.mpc[name] = changed

    def _evaluate(self, text: str) -> Any:
        text = text.strip()
        if text.startswith("{"):
            return parse_cells(text)
        return evaluate(text, self.names, self.mpc)


def _statements(path: Path, text: str) -> Iterator[tuple[int, str]]:
    """Yield ``(line number, statement)`` with comments gone and continued lines joined."""
    parts: list[str] = []
    start = depth = 0
    for number, line in _code_lines(text):
        if not parts:
            start = number
        code, change = _measure(line)
        depth += change
        continued = code.rstrip().endswith("...")
        parts.append(code.rstrip()[:-3] + " " if continued else code + "\n")
        if continued or depth > 0:
            continue
        if depth < 0:
            raise NetworkFormatError(path, f"line {number}", f"unbalanced bracket: {line.strip()}")
        for statement in _split("".join(parts)):
            yield start, statement
        parts = []
    rest = "".join(parts).strip()
    if rest:
        raise NetworkFormatError(path, f"line {start}", f"never closed: {rest.split(chr(10))[0]}")


def _code_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines outside block comments, numbered from 1."""
    commented = 0
    for number, line in enumerate(text.splitlines(), start=1):
        bare = line.strip()
        if bare == "%{":
            commented += 1
        elif bare == "%}" and commented:
            commented -= 1
        elif not commented:
            yield number, line


def _measure(line: str) -> tuple[str, int]:
    """Cut the comment off a line; return the code and by how much it deepens the brackets."""
    if "'" not in line and '"' not in line:
        code = line.split("%", 1)[0]
        opened = code.count("(") + code.count("[") + code.count("{")
        return code, opened - code.count(")") - code.count("]") - code.count("}")
    depth = 0
    for position, char, quoted in _scan(line):
        if quoted:
            continue
        if char == "%":
            return line[:position], depth
        depth += (char in "([{") - (char in ")]}")
    return line, depth


def _scan(text: str) -> Iterator[tuple[int, str, bool]]:
    """Yield ``(position, character, inside a quoted text)``."""
    quote = ""
    for position, char in enumerate(text):
        if quote:
            yield position, char, True
            if char in (quote, "\n"):
                quote = ""
        elif char == '"' or (
            char == "'" and not re.match(r"[\w)\]}'.]", text[position - 1 : position])
        ):
            quote = char
            yield position, char, True
        else:
            yield position, char, False


def _split(text: str) -> Iterator[str]:
    """Split at the semicolons, commas and line ends outside brackets and quoted texts."""
    whole = text.strip().rstrip(";").rstrip()
    if re.fullmatch(r"[\w.\s]+=\s*\[[^\[\](){}'\"]*\]", whole):
        yield whole  # one table; spares scanning it character by character
        return
    depth = begin = 0
    for position, char, quoted in _scan(text):
        if quoted:
            continue
        depth += (char in "([{") - (char in ")]}")
        if depth == 0 and char in ";,\n":
            if statement := text[begin:position].strip():
                yield statement
            begin = position + 1
    if statement := text[begin:].strip():
        yield statement
