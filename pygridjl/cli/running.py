"""What commands that run many tasks share: progress, going on, stopping."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import click
from tqdm import tqdm

from pygridjl.cli.options import progress
from pygridjl.study.task import Plan, Task

__all__ = ["Bars", "kept", "restart_option"]

restart_option = click.option(
    "--resume/--restart",
    default=True,
    help="Go on from the finished rows in the folder, as is done unless told otherwise, or delete "
    "them first.",
)


class Bars(logging.Handler):
    """A bar for each part of a plan, with what the task under way says beside it."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(logging.INFO)
        self._parts = iter(plan.parts.items())
        self._bar: tqdm[Any] | None = None
        self._left = 0
        self._task = ""

    def __enter__(self) -> Bars:
        log = logging.getLogger("pygridjl.study")
        self._level = log.level
        log.addHandler(self)
        log.setLevel(logging.INFO)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        log = logging.getLogger("pygridjl.study")
        log.removeHandler(self)
        log.setLevel(self._level)
        if self._bar is not None:
            self._bar.close()

    def start(self, task: Task) -> None:
        """Show which task is under way."""
        self._open()
        self._task = str(task)
        self._show(self._task)

    def finish(self, task: Task) -> None:
        """Count a task."""
        self._open()
        self._left -= 1
        if self._bar is not None:
            self._bar.update()

    def _open(self) -> None:
        while not self._left:
            part, tasks = next(self._parts)
            if self._bar is not None:
                self._bar.close()
            self._bar, self._left = progress(part, len(tasks)), len(tasks)

    def emit(self, record: logging.LogRecord) -> None:
        """Show what the task says."""
        self._show(f"{self._task}: {record.getMessage()}")

    def _show(self, text: str) -> None:
        if self._bar is not None:
            self._bar.set_postfix_str(text)


@contextmanager
def kept(out: Path) -> Iterator[None]:
    """Tell who interrupts a long run that it can go on."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo(f"\nfinished rows are kept in {out}: the same command goes on", err=True)
        raise
