"""Tables and figure of the Julia benchmark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pygridjl.core.figures import new_figure, save_figure
from pygridjl.experiments.julia import Options
from pygridjl.experiments.julia.tasks import PACKAGES, join_baselines
from pygridjl.experiments.registry import Page
from pygridjl.report.tables import Column, number, text_table

__all__ = [
    "baseline_columns",
    "crossing_columns",
    "engine_columns",
    "first_call_columns",
    "page",
    "plot_julia",
]

Row = Mapping[str, Any]


def page(rows: Mapping[str, list[dict[str, Any]]], _options: Options, folder: Path) -> Page:
    """Lay the four tables out and draw the figure."""
    parts = {
        "first calls": (rows["first calls"], first_call_columns()),
        "crossing": (rows["crossing"], crossing_columns()),
        "engines": (rows["engines"], engine_columns()),
        "baselines": (join_baselines(rows["baselines"]), baseline_columns()),
    }
    tables = {name: table for name, (table, _) in parts.items()}
    versions = {name: rows["versions"][0][name] for name in PACKAGES if name in rows["versions"][0]}
    text = "\n".join(
        [
            *(
                f"{name}\n{text_table(table, columns)}\n"
                for name, (table, columns) in parts.items()
            ),
            "    seconds of solvers in Julia to feasible and optimal: within a factor of two",
            "    " + ", ".join(f"{name} {version}" for name, version in versions.items()),
        ]
    )
    found = {name.replace(" ", "_"): table for name, table in tables.items()}
    files = {name.replace(" ", "-"): table for name, table in tables.items()}
    figure = plot_julia(tables["first calls"], tables["baselines"], folder / "julia.png")
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


def baseline_columns() -> list[Column]:
    """Columns of FORWARD against the solvers."""
    return [
        Column("instance", lambda row: str(row["instance"])),
        Column("method", lambda row: str(row["method"])),
        Column("start", lambda row: row["start"] or "–"),
        Column("feasible s", number("feasible_seconds", ".4f")),
        Column("optimal s", number("optimal_seconds", ".4f")),
        Column("end s", number("end_seconds", ".4f")),
        Column("over optimum %", number("excess", ".3f", 100.0)),
        Column("its claim", lambda row: str(row.get("claim") or "–")),
        Column("verdict", _verdict),
    ]


def _in_time(language: str) -> Any:
    show = number(f"{language}_solve_seconds", ".4f")

    def cell(row: Row) -> str:
        return show(row) if row.get(f"{language}_ended", True) else f">{show(row)}"

    return cell


def _error(row: Row) -> str:
    return str(row["error"])[:60]


def _verdict(row: Row) -> str:
    if row.get("error"):
        return str(row["error"])[:60]
    if row["false_claim"]:
        return "false optimum"
    return "proven" if row["proven"] else "no proof"


def plot_julia(first_calls: Sequence[Row], baselines: Sequence[Row], path: Path) -> Path:
    """Draw first and warm calls, and seconds to the optimum with and without a start."""
    figure = new_figure(width=15, height=5.5)
    left, right = figure.subplots(1, 2, width_ratios=[1.0, 1.3])
    rows = [row for row in first_calls if not row["error"]]
    place = range(len(rows))
    left.barh([y + 0.2 for y in place], [r["first_seconds"] for r in rows], 0.4, color="#b9c0c6",
              label="first call")  # fmt: skip
    left.barh([y - 0.2 for y in place], [r["warm_seconds"] or 0.0 for r in rows], 0.4,
              color="#1f8a4c", label="then")  # fmt: skip
    left.set_yticks(list(place), [r["call"] for r in rows], fontsize=8)
    left.invert_yaxis()
    left.set_xscale("log")
    left.set_xlabel("seconds")
    left.set_title("First and further calls", loc="left", fontsize=10)
    left.legend(fontsize=8, frameon=False)
    left.grid(alpha=0.25, axis="x")
    instances = list(dict.fromkeys(row["instance"] for row in baselines))
    methods = list(dict.fromkeys(row["method"] for row in baselines))
    for k, method in enumerate(methods):
        for start, marker in (("", "o"), ("FORWARD", "^")):
            points = {
                row["instance"]: row["optimal_seconds"]
                for row in baselines
                if (row["method"], row["start"]) == (method, start)
                and row.get("optimal_seconds") is not None
            }
            if not points:
                continue
            shift = 0.1 * (k - len(methods) / 2)
            right.plot(
                [instances.index(name) + shift for name in points],
                list(points.values()),
                marker,
                color=f"C{k}",
                ms=5,
                label=f"{method}{' from FORWARD' if start else ''}",
            )
    right.set_xticks(range(len(instances)), instances, rotation=20)
    right.set_yscale("log")
    right.set_ylabel("seconds")
    right.set_title("Seconds until the optimum is found; absent: not in time", loc="left",
                    fontsize=10)  # fmt: skip
    right.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    right.grid(alpha=0.25, axis="y")
    figure.tight_layout()
    return save_figure(figure, path)
