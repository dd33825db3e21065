"""Words and signs of a MATLAB statement."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["MatlabError", "Token", "tokens_of"]


class MatlabError(ValueError):
    """A statement cannot be read; the interpreter adds file, line and statement."""


@dataclass(frozen=True)
class Token:
    """One word or sign.

    Attributes
    ----------
    kind : str
        ``number``, ``name``, ``text``, ``sign`` or ``row`` (a line end or semicolon).
    text : str
        As written; of a text its content.
    spaced : bool
        Whether blanks stand before it, which separates cells of a matrix.
    """

    kind: str
    text: str
    spaced: bool


# Fortran writes exponents with a d. A quote after a value transposes, elsewhere it opens a text.
_TOKEN = re.compile(
    r"(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z]\w*(?:\.[A-Za-z]\w*)*)"
    r"|(?P<double>\"(?:[^\"\n]|\"\")*\")"
    r"|(?P<row>[;\n])"
    r"|(?P<sign>&&|\|\||==|~=|!=|<=|>=|\.\*|\./|\.\^|\.'|[-+*/^():,\[\]{}=<>&|~!])"
)
_SINGLE = re.compile(r"'(?:[^'\n]|'')*'")
_BLANKS = re.compile(r"[^\S\n]*")
_SHOWN = 20


def tokens_of(text: str) -> list[Token]:
    """Return the tokens of a statement in one pass.

    Raises
    ------
    MatlabError
        If something is no part of the language we read.
    """
    found: list[Token] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        blanks = _BLANKS.match(text, position)
        start = blanks.end() if blanks else position
        spaced = start > position
        if start >= end:
            break
        if text[start] == "'":
            if found and not spaced and _is_value(found[-1]):
                found.append(Token("sign", "'", spaced=False))
                position = start + 1
                continue
            match = _SINGLE.match(text, start)
            if match is None:
                raise MatlabError(f"a text is not closed: {text[start : start + _SHOWN]}")
            found.append(Token("text", match[0][1:-1].replace("''", "'"), spaced))
            position = match.end()
            continue
        match = _TOKEN.match(text, start)
        if match is None:
            raise MatlabError(f"cannot read {text[start : start + _SHOWN].strip()!r}")
        kind, word = match.lastgroup or "", match[0]
        if kind == "double":
            kind, word = "text", word[1:-1].replace('""', '"')
        found.append(Token(kind, word, spaced))
        position = match.end()
    return found


def _is_value(token: Token) -> bool:
    return token.kind in ("number", "name", "text") or token.text in (")", "]", "}", "'", ".'")
