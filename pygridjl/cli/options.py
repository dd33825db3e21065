"""Options and output shared by the commands."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from tqdm import tqdm

from pygridjl.core.errors import InvalidOptionError

if TYPE_CHECKING:
    from pygridjl.study.store import TaskStore

F = TypeVar("F", bound=Callable[..., Any])

__all__ = ["Reporter", "ids_option", "json_option", "open_store", "progress", "study_options"]


def json_option(function: F) -> F:
    """Add ``--json``: one object with the result's field names on standard output."""
    option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
    return option(function)


def ids_option(name: str, text: str) -> Callable[[F], F]:
    """Add an option that takes branch ids separated by commas."""
    return click.option(name, callback=_parse_ids, metavar="IDS", help=text)


def _parse_ids(
    _context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[int, ...] | None:
    if value is None:
        return None
    try:
        return tuple(int(part) for part in value.replace(",", " ").split())
    except ValueError:
        raise click.BadParameter(
            f"{value!r} is not a list of branch ids such as 7,9,14", param=parameter
        ) from None


def study_options(folder: str) -> Callable[[F], F]:
    """Add ``--out``, ``--resume`` and ``--seed``."""

    def add(function: F) -> F:
        for option in (
            click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0)),
            click.option(
                "--resume", is_flag=True, help="Go on from an interrupted run in the same folder."
            ),
            click.option(
                "--out",
                default=folder,
                show_default=True,
                type=click.Path(file_okay=False, path_type=Path),
                help="Folder for tables, figures and the store of finished rows.",
            ),
        ):
            function = option(function)
        return function

    return add


def open_store(folder: Path, *, resume: bool) -> TaskStore:
    """Open the store of finished rows in a folder, which is created.

    Raises
    ------
    InvalidOptionError
        If the folder cannot be made or the store cannot be opened.
    """
    from pygridjl.study.store import TaskStore

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidOptionError(f"--out: cannot make {folder}: {error.strerror}") from error
    return TaskStore(folder / "finished.sqlite", resume=resume)


def progress(what: str, total: int) -> tqdm[Any]:
    """Bar on standard error; silent without a terminal."""
    return tqdm(desc=what, total=total, disable=not sys.stderr.isatty(), leave=False)


class Reporter:
    """One line of progress on standard error, rewritten in place; silent without a terminal."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._line = tqdm(
            bar_format="{elapsed} {desc}",
            disable=quiet or not sys.stderr.isatty(),
            leave=False,
            # A fast search would otherwise draw a line nobody can read.
            delay=1,
        )

    def __call__(self, text: str) -> None:
        """Show this line instead of the last one."""
        self._line.set_description_str(text)

    def close(self) -> None:
        """Remove the line."""
        self._line.close()
