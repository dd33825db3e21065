"""What a command of an OpenDSS script may ask of the engine.

A property or option may be written by its first letters or by its place alone, so what a word
means is looked up in the lists of the engine that will run it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pygridjl.grid.io.opendss.tokens import Word, command_words, first_with_prefix, quoted

__all__ = [
    "EngineNames",
    "MissingFileError",
    "Names",
    "Permitted",
    "RefusedError",
    "engine_names",
    "permitted",
]

# Code in a library, and what it is given.
_CODE = re.compile(r"(user|shaft)(model|data)|dyna(dll|data)")
# What an element may be told to do besides saving what it holds.
_HARMLESS = ("open", "close", "trip", "reset", "lock", "unlock", "clear", "take", "normalize")
_WRITING_OPTIONS = frozenset(
    {
        "editor",
        "datapath",
        "casename",
        "recorder",
        "demandinterval",
        "diverbose",
        "overloadreport",
        "showexport",
        "voltexceptionreport",
        "showreports",
        "tracecontrol",
        "log",
        "querylog",
        "registryupdate",
        "processtime",
        "dssvisualizationtool",
        "numcpus",
        "numcores",
        "numactors",
        "activeactor",
        "cpu",
        "actorprogress",
        "parallel",
        "concatenatereports",
        "numanodes",
    }
)
_MOST_STEPS = 100_000
_NAMING = ("new", "edit", "batchedit")
_EDITS = (*_NAMING, "more", "m", "~", "property")
# A file inside an array of numbers; the engine knows these words in full only.
_INNER_FILE = re.compile(r"(?i)(csv|sng|dbl)?file")
# ``d=0.1`` may be a generator's damping or the first letter of ``dblfile``.
_NUMBER = re.compile(r"[-+]?[\d.]+(e[-+]?\d+)?", re.IGNORECASE)
_PROPERTY = re.compile(r"[\w%-]+")


class RefusedError(Exception):
    """A command that may not run; the message says why."""


class MissingFileError(RefusedError):
    """A command that names a file which is not there."""


class Names:
    """The names that words of a command may mean, lower case and in the engine's order."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = [name.lower() for name in names]
        self._place = {name: k for k, name in reversed([*enumerate(self._names)])}
        self._found: dict[str, str] = {}
        self.watched = any(map(_acts, self._names))

    def meant(self, words: Sequence[Word]) -> Iterator[tuple[Word, str]]:
        """Yield each word with the name it has or, without one, the name after the last one.

        An empty word, such as that before a comment, asks for nothing.
        """
        place = -1
        for word in words:
            if word.name:
                meaning = self._found.get(word.name)
                if meaning is None:
                    meaning = first_with_prefix(word.name, self._names)
                    self._found[word.name] = meaning
                place = self._place.get(meaning, -1)
            else:
                place += 1
                meaning = self._names[place] if place < len(self._names) else ""
            if word.value.strip():
                yield word, meaning


@dataclass(frozen=True)
class EngineNames:
    """What the engine calls things.

    Attributes
    ----------
    properties : mapping of str to Names
        Properties of each class.
    options : Names
        Of ``set`` and ``solve``.
    """

    properties: Mapping[str, Names]
    options: Names

    def of(self, kind: str) -> list[Names]:
        """Return the properties of a class; unless it is known, of all that are watched."""
        known = self.properties.get(kind.lower())
        return [n for n in ([known] if known else self.properties.values()) if n.watched]


def _acts(name: str) -> bool:
    """Whether a property reads a file, writes one or loads code."""
    code = _CODE.fullmatch(name) is not None
    return code or name.endswith("file") or name in ("debugtrace", "action")


def engine_names(engine: Any) -> EngineNames:
    """Ask an engine without a circuit for its names; it has none afterwards either."""
    from opendssdirect import DSSException

    properties: dict[str, Names] = {}
    engine.Text.Command("new circuit.names")
    for kind in map(str, engine.Basic.Classes()):
        # Some complain about what is missing; the element is there all the same.
        with suppress(DSSException):
            engine.Text.Command(f"new {kind}.names")
        if str(engine.Element.Name()).lower() == f"{kind}.names".lower():
            properties[kind.lower()] = Names(map(str, engine.Element.AllPropertyNames()))
    executive = engine.Executive
    options = Names(str(executive.Option(k + 1)) for k in range(executive.NumOptions()))
    engine.Basic.ClearAll()
    return EngineNames(properties, options)


@dataclass
class Permitted:
    """A command as it may run.

    Attributes
    ----------
    text : str
        What the engine gets; empty if nothing is left.
    skipped : list of str
        What was taken out.
    """

    text: str
    skipped: list[str] = field(default_factory=list)


def permitted(
    command: str, text: str, find: Callable[[str], Path | None], names: EngineNames
) -> Permitted:
    """Take out of a command what would write, and make the names of its files whole.

    Parameters
    ----------
    command : str
        Its full name; ``"property"`` for ``class.name.property=value``.
    text : str
        The command.
    find : callable
        Returns the file that a name means, None if there is none; raises if it may not be read.
    names : EngineNames
        Of the engine that will run it.

    Raises
    ------
    RefusedError
        If it would load code, solve more than 100,000 steps, or holds another command.
    MissingFileError
        If it names a file that is not there.
    """
    done = Permitted(text)
    if command in ("buscoords", "latlongcoords"):
        words = command_words(text)[1:]
        done.text = f"{command} {_in_quotes(_file(words[0].value if words else '', find))}"
    elif command == "var":
        if any("=" in word.value or "@" in word.value for word in command_words(text)):
            raise RefusedError("a variable that holds more than one value is not read")
    elif command in ("set", "solve"):
        _without(done, lambda words: _writing_options(words, names))
        done.text = "" if done.text.strip().lower() == "set" else done.text
    elif command in _EDITS:
        _without(done, lambda words: _writing_properties(command, words, names))
        if command == "property" and done.skipped:
            done.text = ""
        else:
            done.text = _with_files(command, done.text, find, names)
    return done


def _without(done: Permitted, writing: Callable[[list[Word]], Iterator[tuple[Word, str]]]) -> None:
    """Take words out one by one: each may change the place of those behind it."""
    while words := command_words(done.text):
        word, what = next(writing(words), (None, ""))
        if word is None:
            return
        done.text = f"{done.text[: word.begin]} {done.text[word.end :]}".strip()
        done.skipped.append(what)


def _writing_options(words: list[Word], names: EngineNames) -> Iterator[tuple[Word, str]]:
    for word, meaning in names.options.meant(words[1:]):
        if meaning in _WRITING_OPTIONS:
            yield word, f"set {meaning}"
        elif meaning == "number":
            try:
                steps = float(word.value)
            except ValueError:
                raise RefusedError("the number of steps must be a plain number") from None
            if not steps <= _MOST_STEPS:
                raise RefusedError(f"solves more than {_MOST_STEPS:,} steps")


def _writing_properties(
    command: str, words: list[Word], names: EngineNames
) -> Iterator[tuple[Word, str]]:
    for word, meaning in _properties(command, words, names):
        if _CODE.fullmatch(meaning):
            raise RefusedError("loads code of the user's (a model in a library): not read")
        if meaning == "debugtrace":
            yield word, meaning
        elif meaning == "action" and not _harmless(word.value):
            yield word, f"action={word.value}"


def _harmless(action: str) -> bool:
    """Whether what an element is told, perhaps by its first letters, is to do its work."""
    low = action.strip().lower()
    return bool(low) and any(known.startswith(low) for known in _HARMLESS)


def _properties(command: str, words: list[Word], names: EngineNames) -> Iterator[tuple[Word, str]]:
    """Yield each word with every property that it may be."""
    given, kind = words[1:], ""
    if command == "property":
        path = words[0].name.split(".", 2)
        kind = path[0] if len(path) == 3 else ""
        # The engine cuts name and value once more, as one text.
        if not _PROPERTY.fullmatch(path[-1]) or '"' in words[0].value:
            raise RefusedError("quotes within quotes are not read")
        given = [Word(path[-1], words[0].value, words[0].begin, words[0].end)]
    elif command in _NAMING and given and given[0].name in ("", "object"):
        kind, given = given[0].value.partition(".")[0], given[1:]
    for properties in names.of(kind):
        yield from properties.meant(given)


def _with_files(
    command: str, text: str, find: Callable[[str], Path | None], names: EngineNames
) -> str:
    """Replace the names of files, from the right so that places stay."""
    words = command_words(text)
    meant = _properties(command, words, names)
    named = {word.begin for word, meaning in meant if meaning.endswith("file")}
    for word in reversed(words):
        if word.begin in named and not _NUMBER.fullmatch(word.value):
            value = _file(word.value, find)
        elif _INNER_FILE.search(word.value):
            value = _inner_files(word.value, find)
        else:
            continue
        if value != word.value:
            if command == "property" and '"' in value:
                raise RefusedError("quotes within quotes are not read")
            name = f"{word.name}=" if word.name else ""
            text = f"{text[: word.begin]}{name}{_in_quotes(value)}{text[word.end :]}"
    return text


def _inner_files(text: str, find: Callable[[str], Path | None]) -> str:
    for word in reversed(command_words(text)):
        if _INNER_FILE.fullmatch(word.name):
            value = _in_quotes(_file(word.value, find))
            text = f"{text[: word.begin]}{word.name}={value}{text[word.end :]}"
    return text


def _file(name: str, find: Callable[[str], Path | None]) -> str:
    if name.startswith("@"):
        raise RefusedError(f"{name}: a file named by a variable is not read")
    found = find(name.strip())
    if found is None:
        raise MissingFileError(f"{name}: there is no such file")
    return str(found)


def _in_quotes(value: str) -> str:
    safe = quoted(value)
    if safe is None:
        raise RefusedError("quotes within quotes are not read")
    return safe
