"""Statements of a MATLAB file: comments gone, continued lines joined, blocks matched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pygridjl.core.errors import NetworkFormatError

__all__ = ["BLOCKS", "Statement", "quoted", "statements"]

BLOCKS = frozenset({"if", "for", "parfor", "while", "switch", "try", "do", "unwind_protect"})
_SHOWN = 80

Statement = tuple[int, str]


def quoted(text: str) -> str:
    """Return a statement as it is shown in a message."""
    shown = " ".join(text[: 4 * _SHOWN].split())
    return shown if len(shown) <= _SHOWN else shown[: _SHOWN - 3] + "..."


def statements(path: Path, text: str) -> Iterator[Statement]:
    """Yield ``(line number, statement)``.

    Raises
    ------
    NetworkFormatError
        If a bracket is never closed, or closed without being open.
    """
    parts: list[str] = []
    start = depth = 0
    for number, line in _code_lines(text):
        if not parts:
            start = number
        code, change, continued = _measure(line)
        depth += change
        parts.append(code + (" " if continued else "\n"))
        if continued or depth > 0:
            continue
        if depth < 0:
            raise NetworkFormatError(path, f"line {number}", f"unbalanced bracket: {quoted(line)}")
        for statement in _split("".join(parts)):
            yield start, statement
        parts = []
    rest = "".join(parts).strip()
    if rest:
        raise NetworkFormatError(path, f"line {start}", f"never closed: {quoted(rest)}")


def _code_lines(text: str) -> Iterator[Statement]:
    """Lines outside block comments, numbered from 1."""
    commented = 0
    for number, line in enumerate(text.splitlines(), start=1):
        bare = line.strip()
        if bare == "%{":
            commented += 1
        elif bare == "%}" and commented:
            commented -= 1
        elif not commented and not bare.startswith("#"):
            yield number, line


def _measure(line: str) -> tuple[str, int, bool]:
    """Cut the comment off a line; what follows three dots is one too, and the next line goes on.

    Returns the code, by how much it deepens the brackets, and whether the next line goes on.
    """
    if "'" not in line and '"' not in line:
        code, dots, _ = line.split("%", 1)[0].partition("...")
        opened = code.count("(") + code.count("[") + code.count("{")
        closed = code.count(")") + code.count("]") + code.count("}")
        return code, opened - closed, bool(dots)
    depth = 0
    for position, char, in_text in _scan(line):
        if in_text:
            continue
        goes_on = char == "." and line.startswith("...", position)
        if char == "%" or goes_on:
            return line[:position], depth, goes_on
        depth += (char in "([{") - (char in ")]}")
    return line, depth, False


def _scan(text: str) -> Iterator[tuple[int, str, bool]]:
    """Yield ``(position, character, inside a quoted text)``."""
    quote, before = "", ""
    for position, char in enumerate(text):
        if quote:
            yield position, char, True
            if char in (quote, "\n"):
                quote = ""
        elif char == '"' or (char == "'" and not (before.isalnum() or before in "_)]}'.")):
            quote = char
            yield position, char, True
        else:
            yield position, char, False
        before = char


def _split(text: str) -> Iterator[str]:
    """Split at the semicolons, commas and line ends outside brackets and quoted texts."""
    whole = text.strip().rstrip(";").rstrip()
    if re.fullmatch(r"[\w.]+\s*=\s*\[[^\[\](){}'\"]*\]", whole):
        yield whole  # one table; spares scanning it character by character
        return
    depth = begin = 0
    for position, char, in_text in _scan(text):
        if in_text:
            continue
        depth += (char in "([{") - (char in ")]}")
        if depth == 0 and char in ";,\n":
            if statement := text[begin:position].strip():
                yield statement
            begin = position + 1
    if statement := text[begin:].strip():
        yield statement
