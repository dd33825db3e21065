"""What a study runs: tasks, each a row still to be computed, in a plan of named parts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Outcome", "Plan", "Row", "Task", "say"]

Row = dict[str, Any]

_LOG = logging.getLogger("pygridjl.study")


def say(line: str) -> None:
    """Tell what the task under way is doing: shown beside its progress, kept in its log."""
    _LOG.info("%s", line)


@dataclass(frozen=True)
class Task:
    """A row still to be computed.

    Attributes
    ----------
    asked : mapping
        What is asked, in plain JSON values: identity of the row and its first columns.
    compute : callable
        Function of a module, called with ``asked`` and nothing else; returns the other columns,
        in plain JSON values. What several tasks share it keeps in a cache of its own.
    """

    asked: Mapping[str, Any]
    compute: Callable[[Mapping[str, Any]], Row]

    @property
    def function(self) -> str:
        """Module and name of ``compute``."""
        return f"{self.compute.__module__}:{self.compute.__qualname__}"

    def __str__(self) -> str:
        return " ".join(
            str(value)
            for value in self.asked.values()
            if isinstance(value, str | int | float) and not isinstance(value, bool)
        )


@dataclass(frozen=True)
class Outcome:
    """How a task ended.

    Attributes
    ----------
    answer : mapping
        What ``compute`` returned; empty if it failed.
    error : str
        Why it failed, in one line; empty otherwise.
    seconds : float
        What it took.
    environment : mapping
        Versions and machine, :func:`pygridjl.study.machine.environment`.
    log : str
        What it printed and said.
    """

    answer: Mapping[str, Any]
    error: str
    seconds: float
    environment: Mapping[str, Any]
    log: str = ""


@dataclass(frozen=True)
class Plan:
    """Tasks by part, in the order in which they are run.

    Attributes
    ----------
    parts : mapping of str to sequence of Task
        The tasks; two parts may share some, which are run once.
    prepare : callable, optional
        Called once before the first task that is not finished: compiles, imports, starts Julia.
    """

    parts: Mapping[str, Sequence[Task]]
    prepare: Callable[[], object] | None = None

    def __len__(self) -> int:
        return sum(len(tasks) for tasks in self.parts.values())

    def __iter__(self) -> Iterator[Task]:
        for tasks in self.parts.values():
            yield from tasks
