"""Tables and figures of the reconfiguration benchmark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pygridjl.core.figures import new_figure, save_figure
from pygridjl.experiments.reconfiguration import Options
from pygridjl.experiments.reconfiguration.ac_proof import ac_proof_columns
from pygridjl.experiments.reconfiguration.tasks import STANDARD_METHOD, join_standard, join_table
from pygridjl.experiments.reconfiguration.year import year_columns
from pygridjl.experiments.registry import Page
from pygridjl.report.tables import Column, number, text_table
from pygridjl.study.growth import growth_exponent

__all__ = [
    "page",
    "plot_benchmark",
    "plot_scale",
    "scale_columns",
    "standard_columns",
    "table_by_instance",
]

Row = Mapping[str, Any]

_TABLE_TEXT = """(a) Table I of FORWARD (balanced problem): cost ÷ best proven bound, seconds
{table}
    * proven optimal; elsewhere the ratio also holds what the bound leaves open
    paper seconds: another machine, printed for orientation only

(b) Standard cases (substations problem), method {method}, AC losses
{standard}
    bound and gap are those of the linear model (column linear kW)"""


def page(rows: Mapping[str, list[dict[str, Any]]], options: Options, folder: Path) -> Page:
    """Lay the benchmark out: both tables, or what was asked for instead."""
    for part, columns in (("year", year_columns), ("proofs", ac_proof_columns)):
        if part in rows:
            return Page(
                text_table(rows[part], columns()), {part: rows[part]}, {part: rows[part]}, []
            )
    if options.scale:
        scale = rows["networks"]
        text = text_table(scale, scale_columns()) + "\n\n" + "\n".join(_growth(scale))
        figure = plot_scale(scale, folder / "scale.png")
        return Page(text, {"scale": scale}, {"scale": scale}, [figure])
    table = join_table(rows["Table I"], rows["bounds"])
    standard = join_standard(rows["standard cases"])
    text = _TABLE_TEXT.format(
        table=text_table(*table_by_instance(table)),
        method=STANDARD_METHOD,
        standard=text_table(standard, standard_columns()),
    )
    figure = plot_benchmark(table, standard, folder / "benchmark.png")
    found = {"table_I": table, "standard": standard}
    return Page(text, found, {"table-I": table, "standard": standard}, [figure])


def _growth(rows: Sequence[Row]) -> list[str]:
    lines = []
    for family in dict.fromkeys(row["family"] for row in rows):
        for method in dict.fromkeys(row["method"] for row in rows):
            points = [
                r for r in rows
                if r["family"] == family and r["method"] == method and r["buses"] >= 1000
            ]  # fmt: skip
            slope = growth_exponent([r["buses"] for r in points], [r["seconds"] for r in points])
            lines.append(f"{family}, {method}: seconds grow as buses^{slope:.2f} above 1,000 buses")
    return lines


def table_by_instance(rows: Sequence[Row]) -> tuple[list[dict[str, Any]], list[Column]]:
    """Lay Table I out with one column per instance.

    Parameters
    ----------
    rows : sequence of mapping
        One row per instance and method.

    Returns
    -------
    lines : list of dict
        The bound, each method, then the paper's seconds.
    columns : list of Column
        For them.
    """
    by_method: dict[str, dict[str, Any]] = {}
    instances = {row["instance"]: row for row in rows}
    for row in rows:
        by_method.setdefault(row["method"], {})[row["instance"]] = _ratio_and_seconds(row)
    bounds = {
        name: f"{row['bound_kw']:.6g}{'*' if row['proven'] else ''}"
        for name, row in instances.items()
    }
    lines = [{"": "proven bound, kW", **bounds}]
    lines += [{"": method, **cells} for method, cells in by_method.items()]
    for title, field in (("paper: FORWARD", "forward"), ("paper: Knitro", "knitro")):
        show = number(f"paper_{field}_seconds", ".2f")
        cells = {name: show(row) for name, row in instances.items()}
        lines.append({"": title, **{n: f"{c}s" if c != "–" else c for n, c in cells.items()}})
    columns = [Column("", lambda line: str(line[""]))]
    columns += [Column(name, lambda line, n=name: str(line[n])) for name in instances]  # type: ignore[misc]
    return lines, columns


def _ratio_and_seconds(row: Row) -> str:
    if not row["feasible"]:
        return "fails"
    return f"{row['ratio']:.4f} {row['seconds']:.3f}s"


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
    instances = list(dict.fromkeys(row["instance"] for row in table))
    for method in dict.fromkeys(row["method"] for row in table):
        entries = [row for row in table if row["method"] == method]
        ratio = [entry["ratio"] if entry["feasible"] else float("nan") for entry in entries]
        left.plot(range(len(instances)), ratio, "o-", ms=4, lw=1, label=method)
    left.set_xticks(range(len(instances)), instances, rotation=30)
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
