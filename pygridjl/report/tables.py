"""Tables as text, Markdown and CSV files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pygridjl.core.files import write_text

__all__ = ["Column", "markdown_table", "number", "text_table", "write_csv"]


@dataclass(frozen=True)
class Column:
    """A column of a printed table.

    Attributes
    ----------
    title : str
        Heading.
    show : callable
        Turns a row (a mapping) into the text of its cell.
    """

    title: str
    show: Callable[[Mapping[str, Any]], str]


def number(field: str, form: str = ".3f", scale: float = 1.0) -> Callable[[Mapping[str, Any]], str]:
    """Make a cell that formats a number, or a dash where there is none.

    Parameters
    ----------
    field : str
        Key of the row.
    form : str
        Format specification.
    scale : float
        Multiplies the value.

    Returns
    -------
    callable
        For :class:`Column`.
    """

    def show(row: Mapping[str, Any]) -> str:
        value = row.get(field)
        if value is None or value != value:
            return "–"
        return format(value if scale == 1.0 else value * scale, form)

    return show


def _cells(rows: Iterable[Mapping[str, Any]], columns: Sequence[Column]) -> list[list[str]]:
    return [[c.title for c in columns], *([c.show(row) for c in columns] for row in rows)]


def text_table(rows: Iterable[Mapping[str, Any]], columns: Sequence[Column]) -> str:
    """Lay rows out for a terminal; the first column left, the others right."""
    cells = _cells(rows, columns)
    widths = [max(len(line[k]) for line in cells) for k in range(len(columns))]
    lines = []
    for line in cells:
        first = line[0].ljust(widths[0])
        rest = [cell.rjust(w) for cell, w in zip(line[1:], widths[1:], strict=True)]
        lines.append("  ".join([first, *rest]).rstrip())
    lines.insert(1, "─" * max(len(line) for line in lines))
    return "\n".join(lines)


def markdown_table(rows: Iterable[Mapping[str, Any]], columns: Sequence[Column]) -> str:
    """Lay rows out as a Markdown table."""
    header, *body = _cells(rows, columns)
    align = [":--", *["--:"] * (len(columns) - 1)]
    return "\n".join("| " + " | ".join(line) + " |" for line in (header, align, *body))


def write_csv(path: Path, frame: pd.DataFrame) -> Path:
    """Write a table as CSV, whole or not at all.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    write_text(path, frame.to_csv(index=False))
    return path
