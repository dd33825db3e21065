"""Tables and figure of the Julia benchmark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pygridjl.core.figures import new_figure, save_figure
from pygridjl.experiments.julia import Options
from pygridjl.experiments.julia.tasks import PACKAGES
from pygridjl.experiments.registry import Page
from pygridjl.report.tables import Column, number, text_table

__all__ = [
    "crossing_columns",
    "engine_columns",
    "first_call_columns",
    "page",
    "plot_julia",
]

Row = Mapping[str, Any]


def page(rows: Mapping[str, list[dict[str, Any]]], _options: Options, folder: Path) -> Page:
    """Lay the three tables out and draw the figure."""
    parts = {
        "first calls": (rows["first calls"], first_call_columns()),
        "crossing": (rows["crossing"], crossing_columns()),
        "engines": (rows["engines"], engine_columns()),
    }
    tables = {name: table for name, (table, _) in parts.items()}
    versions = {name: rows["versions"][0][name] for name in PACKAGES if name in rows["versions"][0]}
    text = "\n".join(
        [
            *(
                f"{name}\n{text_table(table, columns)}\n"
                for name, (table, columns) in parts.items()
            ),
            "    " + ", ".join(f"{name} {version}" for name, version in versions.items()),
        ]
    )
    found = {name.replace(" ", "_"): table for name, table in tables.items()}
    files = {name.replace(" ", "-"): table for name, table in tables.items()}
    figure = plot_julia(tables["first calls"], folder / "julia.png")
    return Page(text, {**found, "versions": versions}, files, [figure])


def first_call_columns() -> list[Column]:
    """Columns of the table of first calls."""
    return [
        Column("call", lambda row: str(row["call"])),
        Column("first s", number("first_seconds")),
        Column("then s", number("warm_seconds", ".4f")),
        Column("", _error),
    ]


def crossing_columns() -> list[Column]:
    """Columns of the table of crossings."""
    return [
        Column("crossing", lambda row: str(row["what"])),
        Column("bridge µs", number("seconds", ".2f", 1e6)),
        Column("juliacall µs", number("juliacall_seconds", ".2f", 1e6)),
        Column("numpy copy µs", number("numpy_copy_seconds", ".1f", 1e6)),
        Column("", _error),
    ]


def engine_columns() -> list[Column]:
    """Columns of the comparison of both languages."""
    return [
        Column("problem", lambda row: str(row["problem"])),
        Column("solver", lambda row: str(row["solver"])),
        Column("Python build s", number("python_build_seconds", ".4f")),
        Column("Python solve s", _in_time("python")),
        Column("JuMP build s", number("julia_build_seconds", ".4f")),
        Column("JuMP solve s", _in_time("julia")),
        Column("objectives differ by", number("difference", ".1e")),
        Column("", _error),
    ]


def _in_time(language: str) -> Any:
    show = number(f"{language}_solve_seconds", ".4f")

    def cell(row: Row) -> str:
        return show(row) if row.get(f"{language}_ended", True) else f">{show(row)}"

    return cell


def _error(row: Row) -> str:
    return str(row["error"])[:60]


def plot_julia(first_calls: Sequence[Row], path: Path) -> Path:
    """Draw first and warm calls."""
    figure = new_figure(width=8, height=4.5)
    axes = figure.subplots()
    rows = [row for row in first_calls if not row["error"]]
    place = range(len(rows))
    axes.barh([y + 0.2 for y in place], [r["first_seconds"] for r in rows], 0.4, color="#b9c0c6",
              label="first call")  # fmt: skip
    axes.barh([y - 0.2 for y in place], [r["warm_seconds"] or 0.0 for r in rows], 0.4,
              color="#1f8a4c", label="then")  # fmt: skip
    axes.set_yticks(list(place), [r["call"] for r in rows], fontsize=8)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel("seconds")
    axes.set_title("First and further calls", loc="left", fontsize=10)
    axes.legend(fontsize=8, frameon=False)
    axes.grid(alpha=0.25, axis="x")
    figure.tight_layout()
    return save_figure(figure, path)
