"""A study as its file says it: grids over cases, methods, options and seeds."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.files import read_text
from pygridjl.study.capabilities import capability_of, solve
from pygridjl.study.supervisor import Limits
from pygridjl.study.task import Task

__all__ = ["Grid", "Study", "read_study"]


@dataclass(frozen=True)
class Grid:
    """One block of a study: every case with every method, option and seed.

    Attributes
    ----------
    capability : str
        A key of :data:`pygridjl.study.capabilities.CAPABILITIES`.
    cases : tuple of str
        Names of bundled cases, or files.
    methods : tuple of str
        Names of methods.
    options : mapping
        Options of the door. A list is an axis of the grid; a list as a value is a list of lists.
    seeds : tuple of int
        Seeds of the methods that are random; the others run once.

    Raises
    ------
    InvalidOptionError
        If the capability has no such method or option.
    """

    capability: str
    cases: tuple[str, ...]
    methods: tuple[str, ...]
    options: Mapping[str, Any]
    seeds: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        capability = capability_of(self.capability)
        known = capability.options()
        for name in self.options:
            if name not in known or name == "seed":
                has = ", ".join(sorted(known - {"seed"}))
                raise InvalidOptionError(f"{self.capability}: no option {name!r}; it has {has}")
        for method, backend in product(self.methods, self._backends()):
            capability.seeded(method, backend)

    def _backends(self) -> list[str]:
        given = self.options.get("backend", "python")
        return given if isinstance(given, list) else [given]

    def tasks(self) -> Iterator[Task]:
        """List the tasks, cases outermost and seeds innermost."""
        axes = [v if isinstance(v, list) else [v] for v in self.options.values()]
        for case, method, *values in product(self.cases, self.methods, *axes):
            asked: dict[str, Any] = {
                "capability": self.capability,
                "case": case,
                "input": _digest(case),
                "method": method,
                "options": dict(zip(self.options, values, strict=True)),
            }
            backend = asked["options"].get("backend", "python")
            seeded = capability_of(self.capability).seeded(method, backend)
            for seed in self.seeds if seeded and self.seeds else (None,):
                yield Task({**asked, "seed": seed}, solve)


@dataclass(frozen=True)
class Study:
    """A study.

    Attributes
    ----------
    name : str
        Its name; a store keeps the rows of one study.
    grids : tuple of Grid
        What is run.
    limits : Limits
        What one task may take.
    """

    name: str
    grids: tuple[Grid, ...]
    limits: Limits = Limits()

    def tasks(self) -> list[Task]:
        """List the tasks, each once."""
        found: dict[str, Task] = {}
        for grid in self.grids:
            for task in grid.tasks():
                found.setdefault(json.dumps(dict(task.asked), sort_keys=True), task)
        return list(found.values())

    def to_json(self) -> str:
        """Return the definition with the files at their full paths."""
        runs = [
            {
                "capability": grid.capability,
                "cases": list(grid.cases),
                "methods": list(grid.methods),
                "options": dict(grid.options),
                "seeds": list(grid.seeds),
            }
            for grid in self.grids
        ]
        limits = {"seconds": self.limits.seconds, "memory_mb": self.limits.memory_mb}
        return json.dumps({"name": self.name, "runs": runs, "limits": limits})

    @classmethod
    def from_mapping(cls, data: Mapping[str, Any], folder: Path) -> Study:
        """Read a definition.

        Parameters
        ----------
        data : mapping
            ``name``, ``runs`` (a list of mappings with ``capability, cases, methods`` and, if
            wanted, ``options, seeds``) and, if wanted, ``limits`` (``seconds, memory_mb``).
        folder : Path
            What the paths of cases are relative to.

        Raises
        ------
        InvalidOptionError
            If something is missing, unknown or of the wrong kind.
        """
        _known(data, "study", {"name": True, "runs": True, "limits": False})
        name, runs, limits = data["name"], data["runs"], data.get("limits", {})
        if not isinstance(name, str) or not name.strip():
            raise InvalidOptionError("study: name must be a text")
        if not isinstance(runs, list) or not runs or not all(isinstance(r, dict) for r in runs):
            raise InvalidOptionError("study: needs at least one block [[runs]]")
        if not isinstance(limits, dict):
            raise InvalidOptionError("study: limits must be a block [limits]")
        _known(limits, "limits", {"seconds": False, "memory_mb": False})
        return cls(name, tuple(_grid(run, folder) for run in runs), Limits(**limits))


def read_study(path: str | Path) -> Study:
    """Read a study from a TOML file.

    Parameters
    ----------
    path : path-like
        The file; cases that are files stand relative to its folder.

    Returns
    -------
    Study
        The study.

    Raises
    ------
    InvalidOptionError
        If it cannot be read; the message says what and where.
    """
    source = Path(path)
    try:
        data = tomllib.loads(read_text(source))
    except OSError as error:
        raise InvalidOptionError(f"{source}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidOptionError(f"{source}: {' '.join(str(error).split())}") from error
    try:
        return Study.from_mapping(data, source.resolve().parent)
    except InvalidOptionError as error:
        raise InvalidOptionError(f"{source}: {error}") from error


def _grid(run: Mapping[str, Any], folder: Path) -> Grid:
    _known(
        run,
        "runs",
        {"capability": True, "cases": True, "methods": True, "options": False, "seeds": False},
    )
    cases = tuple(_case(case, folder) for case in _texts(run["cases"], "cases"))
    methods = _texts(run["methods"], "methods")
    options = run.get("options", {})
    if not isinstance(options, dict):
        raise InvalidOptionError("runs: options must be a table")
    if any(value == [] for value in options.values()):
        raise InvalidOptionError("runs: an option with an empty list leaves nothing to run")
    return Grid(str(run["capability"]), cases, methods, options, _seeds(run.get("seeds", [])))


def _case(case: str, folder: Path) -> str:
    path = folder / case
    return str(path) if path.exists() else case


def _texts(value: Any, name: str) -> tuple[str, ...]:
    good = isinstance(value, list) and value and all(isinstance(v, str) and v for v in value)
    if not good:
        raise InvalidOptionError(f"runs: {name} must be a list of texts, is {value!r}")
    return tuple(value)


def _seeds(value: Any) -> tuple[int, ...]:
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 1_000_000:
        return tuple(range(value))
    good = isinstance(value, Sequence) and all(type(v) is int and v >= 0 for v in value)
    if not good:
        raise InvalidOptionError(f"runs: seeds must be a number or a list of seeds, is {value!r}")
    return tuple(value)


def _known(data: Mapping[str, Any], where: str, names: Mapping[str, bool]) -> None:
    for name in data:
        if name not in names:
            raise InvalidOptionError(f"{where}: unknown entry {name!r}; known: {', '.join(names)}")
    for name, needed in names.items():
        if needed and name not in data:
            raise InvalidOptionError(f"{where}: {name} is missing")


def _digest(case: str) -> str | None:
    """Return a digest of the file or folder of a case; None for a bundled one."""
    path = Path(case)
    if not path.exists():
        return None
    digest = hashlib.sha256()
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]
