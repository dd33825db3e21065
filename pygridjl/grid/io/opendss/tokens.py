"""The words of an OpenDSS command, cut as the engine cuts them.

What a command may do is decided by its words, so they must be the engine's: ``user = x``,
``"user"=x`` and ``(user)=x`` are the same to it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Word", "command_words", "first_with_prefix", "quoted"]

_BLANKS = re.compile(r"[ \t]*")
# Up to a blank, a separator or a comment.
_PLAIN = re.compile(r"(?:[^ \t,=!/]|/(?!/))*")
_CLOSING = {"(": ")", '"': '"', "'": "'", "[": "]", "{": "}"}


@dataclass(frozen=True)
class Word:
    """One parameter of a command.

    Attributes
    ----------
    name : str
        What stands before the equals sign, lower case; empty if there is none.
    value : str
        The value without its quotes.
    begin, end : int
        Where name and value stand in the text.
    """

    name: str
    value: str
    begin: int
    end: int


def command_words(text: str) -> list[Word]:
    """Return the parameters of a command; the first is the command itself.

    Parameters
    ----------
    text : str
        One line of a script.

    Returns
    -------
    list of Word
        Up to a comment or the end of the line.
    """
    cutter = _Cutter(text)
    words = []
    while cutter.at < cutter.length:
        begin, cutter.delimiter = cutter.at, " "
        name, value = "", cutter.token()
        end = cutter.after_token
        if cutter.delimiter == "=":
            name, value = value, cutter.token()
            end = cutter.after_token
        words.append(Word(name.lower(), value, begin, end))
    return words


def first_with_prefix(word: str, names: Sequence[str]) -> str:
    """Return the name that the engine takes a word for: itself, else the first it begins."""
    low = word.lower()
    if not low or low in names:
        return low
    return next((name for name in names if name.startswith(low)), "")


def quoted(value: str) -> str | None:
    """Return a value in quotes that it does not hold, None if it holds them all."""
    return next((f"{a}{value}{b}" for a, b in _CLOSING.items() if b not in value), None)


class _Cutter:
    """Cuts tokens from the left; ``delimiter`` is what ended the last one."""

    def __init__(self, text: str) -> None:
        # The engine, too, ends a line with a blank.
        self._text = text + " "
        self.length = len(text)
        self.at = 0
        self.after_token = 0
        self.delimiter = " "
        self._skip_blanks()

    def _skip_blanks(self) -> None:
        blanks = _BLANKS.match(self._text, self.at, self.length)
        self.at = self.at if blanks is None else blanks.end()

    def token(self) -> str:
        """Cut a name, or the value after its equals sign, which is still the delimiter then."""
        text, begin = self._text, self.at
        if begin >= self.length:
            return ""
        closing = _CLOSING.get(text[begin])
        if closing:
            begin += 1
            end = text.find(closing, begin, self.length)
            end = self.length if end < 0 else end
            self.at = min(end + 1, self.length)
        else:
            plain = _PLAIN.match(text, begin, self.length)
            end = self.at = begin if plain is None else plain.end()
            if end < self.length:
                self.delimiter = text[end] if text[end] in ",=" else " "
                self.delimiter = "!" if text[end] in "!/" else self.delimiter
        self.after_token = self.at
        if self.delimiter == "!":
            self.at = self.length
            return text[begin:end]
        if self.delimiter == " ":
            self._skip_blanks()
        if self.at < self.length and text[self.at] in ",=":
            self.delimiter = text[self.at]
            self.at += 1
        self._skip_blanks()
        return text[begin:end]
