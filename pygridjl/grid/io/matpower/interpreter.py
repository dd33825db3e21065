"""A small interpreter for the programs that MATPOWER case files are.

A case file is a program: tables first and, in most distribution cases, statements at the end
that turn ohms into per unit and kilowatts into megawatts. Taking only the tables gives wrong
units without a word, so the whole file is interpreted, in order. What is understood:

* ``function mpc = name(…)`` with any name of the result, ``function [baseMVA, bus, …] = name``
  (case format 1), or none;
* assignments of numbers, matrices, texts and cell arrays to variables and fields, of parts
  (``x(rows, columns) = …`` with numbers, ranges, ``:``, ``end``, logical indices), of rows that
  make a matrix longer, and of ``[]``, which deletes rows or columns;
* arithmetic, comparisons, logic, products of matrices, and the functions of
  :mod:`pygridjl.grid.io.matpower.functions`; a call without arguments is one with defaults;
* ``[PQ, PV, …] = idx_bus;`` and its siblings, ``define_constants;``;
* ``if`` … ``elseif`` … ``else`` … ``end`` and ``for`` … ``end``.

Nothing is ever handed to ``eval``. Any other statement on the result is an error that names its
line.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from pygridjl.core.errors import NetworkFormatError
from pygridjl.grid.io.matpower.expression import Parser
from pygridjl.grid.io.matpower.functions import CONSTANTS, as_matrix
from pygridjl.grid.io.matpower.parts import plain_table, with_part, without
from pygridjl.grid.io.matpower.statements import BLOCKS, Statement, quoted, statements
from pygridjl.grid.io.matpower.tokens import MatlabError, Token, tokens_of

__all__ = ["run_case"]

_FUNCTION = re.compile(
    r"function\s+(?:(?P<outputs>\[[^\]]*\]|[A-Za-z]\w*)\s*=\s*)?[A-Za-z]\w*\s*(?:\([^()]*\))?"
)
_CELLS = re.compile(r"(?P<name>[A-Za-z][\w.]*)\s*=\s*\{(?P<body>.*)\}", re.DOTALL)
_TABLE = re.compile(r"(?P<name>[A-Za-z][\w.]*)\s*=\s*\[(?P<body>[\s\d.eE+\-,;InfNa]*)\]")
_TEXT = re.compile(r"'((?:[^'\n]|'')*)'|\"((?:[^\"\n]|\"\")*)\"")
_WORD = re.compile(r"[A-Za-z_]\w*")
# What shows or silences without changing a value.
_HARMLESS = frozenset(
    (
        "disp",
        "display",
        "fprintf",
        "printf",
        "warning",
        "format",
        "clc",
        "close",
        "more",
        "tic",
        "toc",
    )
)
_FORMAT_1 = ("baseMVA", "bus", "gen", "branch", "areas", "gencost")
# A file of ten thousand buses with a few statements a bus stays below.
MOST_STATEMENTS = 200_000


class _ReturnError(Exception):
    """``return`` was reached."""


def run_case(path: Path, text: str) -> dict[str, Any]:
    """Run a case file and return the fields of its result.

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
        If a statement is broken, or touches the result in a way that is not understood; the
        message names line and statement.
    """
    machine = _Machine(path, list(statements(path, text)))
    return machine.fields()


class _Machine:
    def __init__(self, path: Path, program: list[Statement]) -> None:
        self.path, self.program = path, program
        self.values: dict[str, Any] = {}
        self.outputs: tuple[str, ...] = ()
        self.line = (1, "")
        self.steps = 0
        self.tokens: dict[int, list[Token]] = {}
        try:
            start, stop = self._header()
            self.closes = self._blocks(stop)
            self._run(start, stop)
        except _ReturnError:
            pass
        except MatlabError as error:
            number, statement = self.line
            raise NetworkFormatError(
                path, f"line {number}", f"{error}: {quoted(statement)}"
            ) from None

    def fields(self) -> dict[str, Any]:
        """Return the fields of the result."""
        if len(self.outputs) > 1 or (not self.outputs and "bus" in self.values):
            names = self.outputs or _FORMAT_1
            roles = zip(names, _FORMAT_1, strict=False)
            found = {role: self.values[name] for name, role in roles if name in self.values}
            return {"version": "1", **found}
        struct = self.outputs[0] if self.outputs else self._struct()
        start = len(struct) + 1
        return {n[start:]: v for n, v in self.values.items() if n.startswith(f"{struct}.")}

    def _struct(self) -> str:
        """Name of the struct of a file without function."""
        found = [name[:-4] for name in self.values if name.endswith(".bus")]
        return "mpc" if "mpc" in found or not found else found[0]

    def _header(self) -> tuple[int, int]:
        """Read the function line; return where the first function begins and ends."""
        functions = [k for k, (_, text) in enumerate(self.program) if _keyword(text) == "function"]
        if functions[:1] == [0]:
            self.line = self.program[0]
            match = _FUNCTION.fullmatch(self.program[0][1])
            if match is None:
                raise MatlabError("this function line is not understood")
            self.outputs = tuple(re.findall(r"\w+", match["outputs"] or ""))
            functions = functions[1:]
            start = 1
        else:
            start = 0
        return start, functions[0] if functions else len(self.program)

    def _blocks(self, stop: int) -> dict[int, list[int]]:
        """Positions of else, elseif and end of every block, by its opening statement."""
        closes: dict[int, list[int]] = {}
        opened: list[int] = []
        for k, line in enumerate(self.program[:stop]):
            self.line = line
            word = _keyword(self.line[1])
            if word in BLOCKS:
                opened.append(k)
                closes[k] = []
            elif word in ("else", "elseif"):
                if not opened:
                    raise MatlabError(f"{word} without if")
                closes[opened[-1]].append(k)
            elif re.fullmatch(r"end\w*", self.line[1]) and opened:
                closes[opened.pop()].append(k)
        if opened:
            self.line = self.program[opened[-1]]
            raise MatlabError("this block has no end")
        return closes

    def _run(self, start: int, stop: int) -> None:
        k = start
        while k < stop:
            self.line = self.program[k]
            self.steps += 1
            if self.steps > MOST_STATEMENTS:
                raise MatlabError(f"more than {MOST_STATEMENTS} statements were run")
            word = _keyword(self.line[1])
            if word == "if":
                self._if(k)
            elif word in ("for", "parfor"):
                self._for(k, word)
            elif word in BLOCKS:
                raise MatlabError("this control statement is not understood")
            elif word == "return":
                raise _ReturnError
            else:
                self._execute(k)
            k = self.closes[k][-1] + 1 if k in self.closes else k + 1

    def _if(self, start: int) -> None:
        at = start
        for following in self.closes[start]:
            self.line = self.program[at]
            word = _keyword(self.line[1])
            if word == "else" or self._true(at, self.line[1][len(word) :]):
                self._run(at + 1, following)
                return
            at = following

    def _true(self, at: int, condition: str) -> bool:
        value = Parser(self._tokens(at, condition), self.values).whole()
        if isinstance(value, str | list):
            raise MatlabError("a condition must be a number")
        matrix = as_matrix(value)
        return bool(matrix.size and np.all(matrix != 0))

    def _for(self, start: int, word: str) -> None:
        tokens = self._tokens(start, self.line[1][len(word) :])
        if tokens and tokens[0].text == "(" and tokens[-1].text == ")":
            tokens = tokens[1:-1]
        if len(tokens) < 3 or tokens[0].kind != "name" or tokens[1].text != "=":
            raise MatlabError("only 'for name = values' is understood")
        columns = as_matrix(Parser(tokens[2:], self.values).whole())
        for column in columns.T.astype(np.float64):
            self.values[tokens[0].text] = float(column[0]) if column.size == 1 else column[:, None]
            self._run(start + 1, self.closes[start][-1])

    def _tokens(self, at: int, text: str) -> list[Token]:
        """Tokens of a statement, kept for the next round of a loop."""
        if at not in self.tokens:
            self.tokens[at] = tokens_of(text)
        return self.tokens[at]

    def _execute(self, at: int) -> None:
        statement = self.line[1]
        word = _keyword(statement)
        if word == "define_constants":
            for group in CONSTANTS.values():
                self.values.update({name: float(value) for name, value in group})
        elif table := _TABLE.fullmatch(statement):
            self._set(table["name"], plain_table(table["body"]))
        elif cells := _CELLS.fullmatch(statement):
            texts = [one.replace("''", "'") or two for one, two in _TEXT.findall(cells["body"])]
            self._set(cells["name"], texts)
        elif word in _HARMLESS or re.fullmatch(r"end\w*", statement):
            return
        else:
            self._assignment(self._tokens(at, statement))

    def _assignment(self, tokens: list[Token]) -> None:
        equals = _equals(tokens)
        left, right = tokens[:equals], tokens[equals + 1 :]
        if equals == len(tokens) or not left:
            if self._concerns(tokens):
                raise MatlabError("this statement is not understood")
        elif left[0].text == "[" and left[-1].text == "]":
            self._unpack([t.text for t in left[1:-1] if t.text != ","], right)
        elif left[0].kind != "name":
            raise MatlabError("this statement is not understood")
        elif len(left) == 1:
            self._assign(left[0].text, right)
        elif left[1].text == "(":
            self._assign_part(left[0].text, left[1:], right)
        elif left[1].text != "{" or isinstance(self.values.get(left[0].text), np.ndarray):
            raise MatlabError("this statement is not understood")

    def _concerns(self, tokens: list[Token]) -> bool:
        """Whether a statement touches the result."""
        ours = self.outputs or ("mpc", "ppc")
        return any(t.kind == "name" and t.text.split(".")[0] in ours for t in tokens)

    def _set(self, name: str, value: Any) -> None:
        if name in self.outputs and len(self.outputs) == 1:
            raise MatlabError("this statement is not understood")
        # Parts are later assigned in place: two names never share a matrix.
        self.values[name] = value.copy() if isinstance(value, np.ndarray) else value

    def _assign(self, name: str, right: list[Token]) -> None:
        """Set a variable; one of the file's own that cannot be read only matters where it is used.

        All that is the result, or is computed from it, has to be read.
        """
        needed = name.split(".")[0] in (self.outputs or ("mpc", "ppc")) or self._concerns(right)
        try:
            value = Parser(right, self.values).whole()
        except MatlabError:
            if needed:
                raise
            self.values.pop(name, None)
            return
        self._set(name, value)

    def _unpack(self, names: list[str], right: list[Token]) -> None:
        function = right[0].text if right else ""
        if function in CONSTANTS:
            if len(names) > len(CONSTANTS[function]):
                raise MatlabError(f"{function} has only {len(CONSTANTS[function])} outputs")
            for name, (_, value) in zip(names, CONSTANTS[function], strict=False):
                self.values[name] = float(value)
        elif function == "size":
            sides = as_matrix(Parser(right, self.values).whole()).ravel()
            for name, side in zip(names, sides, strict=False):
                self.values[name] = float(side)
        elif self._concerns(right) or any(n.split(".")[0] in self.outputs for n in names):
            raise MatlabError(f"unknown function {function!r}")

    def _assign_part(self, name: str, index: list[Token], right: list[Token]) -> None:
        current = self.values.get(name)
        if isinstance(current, str | list):
            raise MatlabError(f"{name} is not a matrix")
        matrix = (
            np.zeros((0, 0))
            if current is None
            else as_matrix(current).astype(np.float64, copy=False)
        )
        parser = Parser(index, self.values)
        picked = parser.subscripts(matrix.shape)
        if parser.at != len(index):
            raise MatlabError("this statement is not understood")
        if [t.text for t in right] == ["[", "]"]:
            self.values[name] = without(matrix, picked)
            return
        value = as_matrix(Parser(right, self.values).whole())
        self.values[name] = with_part(matrix, picked, value)


def _keyword(statement: str) -> str:
    match = _WORD.match(statement)
    return match.group() if match else ""


def _equals(tokens: list[Token]) -> int:
    """Position of the equals sign outside brackets, or the number of tokens."""
    depth = 0
    for k, token in enumerate(tokens):
        if token.kind == "sign":
            depth += (token.text in ("(", "[", "{")) - (token.text in (")", "]", "}"))
            if token.text == "=" and depth == 0:
                return k
    return len(tokens)
