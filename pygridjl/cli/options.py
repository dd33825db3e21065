"""Options and output shared by the commands."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from tqdm import tqdm

from pygridjl.core.figures import figure_format
from pygridjl.core.files import check_writable

F = TypeVar("F", bound=Callable[..., Any])

__all__ = [
    "FIGURE",
    "OUTPUT",
    "Output",
    "Reporter",
    "count_of",
    "ids_option",
    "json_option",
    "progress",
]


class Output(click.Path):
    """A file to write; what cannot be written is refused before the work, not after it."""

    def __init__(self, check: Callable[[Path], object] | None = None) -> None:
        super().__init__(dir_okay=False, path_type=Path)
        self._check = check

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path, or raise the error of what makes it unusable."""
        path = Path(value)
        if self._check is not None:
            self._check(path)
        check_writable(path)
        return path


OUTPUT = Output()
"""Type of an option that names a file to write."""

FIGURE = Output(figure_format)
"""Type of an option that names a figure to write; its suffix is its format."""


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


def count_of(text: str, flag: str) -> int:
    """Return the count that decimal digits say; more than nine of them are no count."""
    digits = text.strip()
    if len(digits) > 9:
        raise click.UsageError(f"{flag}: {digits[:20]!r} is too many")
    return int(digits)


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
