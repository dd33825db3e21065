"""Tables and figures of the reconfiguration benchmark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pygridjl.report.figures import new_figure, save_figure
from pygridjl.report.tables import Column, number

__all__ = [
    "plot_benchmark",
    "plot_scale",
    "scale_columns",
    "standard_columns",
    "table_columns",
    "wide_table",
]

Row = Mapping[str, Any]


def wide_table(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Turn rows per (instance, method) into one row per instance, methods as columns."""
    wide: dict[str, dict[str, Any]] = {}
    for row in rows:
        line = wide.setdefault(row["instance"], dict(row))
        line[f"method:{row['method']}"] = row
    return list(wide.values())


def table_columns(methods: Sequence[str]) -> list[Column]:
    """Columns of Table I: cost over best proven bound and seconds of each method."""

    def cell(method: str) -> Column:
        def show(row: Row) -> str:
            entry = row[f"method:{method}"]
            if not entry["feasible"]:
                return "fails"
            return f"{entry['ratio']:.4f} {entry['seconds']:.3f}s"

        return Column(method, show)

    return [
        Column("instance", lambda row: f"{row['instance']} ({row['paper_name']})"),
        Column("bound kW", lambda row: f"{row['bound_kw']:.6g}{'*' if row['proven'] else ''}"),
        *(cell(method) for method in methods),
        Column("FORWARD s (paper)", number("paper_forward_seconds", ".2f")),
        Column("Knitro s (paper)", number("paper_knitro_seconds", ".1f")),
    ]


def standard_columns() -> list[Column]:
    """Columns of the standard benchmark."""
    return [
        Column("case", lambda row: str(row["case"])),
        Column("n/m/open", lambda row: f"{row['buses']}/{row['branches']}/{row['open']}"),
        Column("base kW", number("base_kw")),
        Column("found kW", number("found_kw")),
        Column("best known kW", number("best_known_kw")),
        Column("linear kW", number("objective_kw")),
        Column("bound kW", number("bound_kw")),
        Column("gap %", number("gap", ".4f", 100.0)),
        Column("status", lambda row: str(row["status"])),
        Column("search s", number("search_seconds")),
        Column("proof s", number("proof_seconds")),
    ]


def scale_columns() -> list[Column]:
    """Columns of the growth table."""
    return [
        Column("family", lambda row: str(row["family"])),
        Column("method", lambda row: str(row["method"])),
        Column("buses", number("buses", ",d")),
        Column("branches", number("branches", ",d")),
        Column("seconds", number("seconds", ".4f")),
        Column("cost/electrical bound", number("ratio", ".3f")),
    ]


def plot_benchmark(table: Sequence[Row], standard: Sequence[Row], path: Path) -> Path:
    """Draw cost over bound of each method, and losses before and after of each case."""
    figure = new_figure(width=13, height=5)
    left, right = figure.subplots(1, 2)
    wide = wide_table(table)
    methods = [key.partition(":")[2] for key in wide[0] if key.startswith("method:")]
    for method in methods:
        entries = [row[f"method:{method}"] for row in wide]
        if any(entry["feasible"] for entry in entries):
            ratio = [entry["ratio"] if entry["feasible"] else None for entry in entries]
            left.plot(range(len(wide)), [float("nan") if r is None else r for r in ratio],
                      "o-", ms=4, lw=1, label=method)  # fmt: skip
    left.set_xticks(range(len(wide)), [row["instance"] for row in wide], rotation=30)
    left.set_yscale("log")
    left.set_ylabel("cost ÷ best proven bound")
    left.set_title("Instances of FORWARD (balanced)", loc="left", fontsize=10)
    left.legend(fontsize=8, frameon=False)
    left.grid(alpha=0.25)
    place = range(len(standard))
    right.bar([x - 0.2 for x in place], [r["base_kw"] for r in standard], 0.4, color="#b9c0c6",
              label="base")  # fmt: skip
    right.bar([x + 0.2 for x in place], [r["found_kw"] for r in standard], 0.4, color="#1f8a4c",
              label="found")  # fmt: skip
    right.plot([x + 0.2 for x in place], [r["best_known_kw"] for r in standard], "k_", ms=14,
               label="best known")  # fmt: skip
    right.set_xticks(list(place), [r["case"] for r in standard], rotation=30)
    right.set_ylabel("AC losses, kW")
    right.set_title("Standard cases (substations)", loc="left", fontsize=10)
    right.legend(fontsize=8, frameon=False)
    right.grid(alpha=0.25, axis="y")
    return save_figure(figure, path)


def plot_scale(rows: Sequence[Row], path: Path) -> Path:
    """Draw seconds against buses on logarithmic axes, with a line of linear growth."""
    figure = new_figure(width=7.5, height=5)
    axes = figure.subplots()
    for family in dict.fromkeys(row["family"] for row in rows):
        for method in dict.fromkeys(row["method"] for row in rows):
            points = [r for r in rows if r["family"] == family and r["method"] == method]
            axes.plot(
                [r["buses"] for r in points],
                [r["seconds"] for r in points],
                "o-" if family == "feeder-like" else "s--",
                ms=4,
                lw=1,
                label=f"{method}, {family}",
            )
    sizes = sorted({row["buses"] for row in rows})
    slowest = max(row["seconds"] for row in rows)
    axes.plot(
        sizes, [slowest * n / sizes[-1] for n in sizes], ":", color="#7b858c", label="linear growth"
    )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("buses")
    axes.set_ylabel("seconds")
    axes.legend(fontsize=8, frameon=False)
    axes.grid(alpha=0.25, which="both")
    return save_figure(figure, path)
