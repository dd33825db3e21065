"""The report of ``pygridjl reproduce forward`` as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pygridjl.experiments.forward import Options
from pygridjl.experiments.forward.tasks import (
    MINLP,
    cost_comparison,
    data_notes,
    random_summary,
)
from pygridjl.experiments.minlp import Options as MinlpOptions
from pygridjl.experiments.minlp.page import page as minlp_page
from pygridjl.experiments.reconfiguration.page import (
    plot_benchmark,
    standard_columns,
    table_by_instance,
)
from pygridjl.experiments.reconfiguration.tasks import TABLE_METHODS, join_standard, join_table
from pygridjl.experiments.registry import Page
from pygridjl.report.tables import Column, markdown_table, number

__all__ = ["forward_report", "page"]

Row = Mapping[str, Any]

_PAPER = (
    "Vendrell, Bent, Kia: *FORWARD: Feasibility Oriented Random-Walk Inspired Algorithm for "
    "Radial Reconfiguration in Distribution Networks*. Every number below was computed in this "
    "run, except the columns marked *paper* and *best known*."
)
_TABLE_TEXT = (
    "Cells: cost over the best proven bound, seconds. A star marks a bound that is the optimum;"
    " elsewhere the ratio also holds what the bound leaves open. The paper's seconds are from "
    "another machine."
)
_LITERAL_TEXT = (
    "Line 4 of Alg. 4 deletes every edge with both ends among the sampled nodes, which also "
    "forbids joining two trees. On the cycle 0–1–2–3 with injections +5, +2, −5, −2 the literal"
    " mode"
)
_MINLP_TEXT = (
    "The paper gives its MINLP to Knitro. Here open solvers of Julia get it, in the linear model "
    "and on three-phase feeders, with and without a start; every answer is judged beside our "
    "proof."
)
_COST_TEXT = (
    "Table I prints costs in giga-watts. The published instances, with generation scaled to "
    "demand, cost this much in the paper's own objective (1a) at best:"
)
_STANDARD_TEXT = (
    "The substations problem with AC losses, beside the best known of the literature. Bound and"
    " gap are those of the linear model."
)


def page(rows: Mapping[str, list[dict[str, Any]]], _options: Options, folder: Path) -> Page:
    """Lay the comparison out and draw the benchmark's figure."""
    table = join_table(rows["Table I"], rows["bounds"])
    standard = join_standard(rows["standard cases"])
    summary, costs = random_summary(rows["random instances"]), cost_comparison(table)
    (example,) = rows["counterexample"]
    text = forward_report(TABLE_METHODS, table, standard, summary, costs, data_notes(), example)
    found: dict[str, Any] = {
        "table_I": table,
        "standard": standard,
        "random": summary,
        "costs": costs,
    }
    tables: dict[str, Sequence[dict[str, Any]]] = {"table-I": table, "standard": standard}
    figures = [plot_benchmark(table, standard, folder / "benchmark.png")]
    theirs = {name.removeprefix(MINLP): part for name, part in rows.items() if MINLP in name}
    if theirs:
        minlp = minlp_page(theirs, MinlpOptions(), folder)
        text += f"\n## The MINLP\n\n{_MINLP_TEXT}\n\n```text\n{minlp.text}\n```\n"
        found["minlp"] = dict(minlp.found)
        tables |= {f"minlp-{name}": list(table) for name, table in minlp.tables.items()}
        figures += minlp.figures
    else:
        text += "\n## The MINLP\n\nLeft out: there is no usable Julia (`pygridjl julia status`).\n"
    return Page(text, found, tables, figures, report=True)


def forward_report(
    methods: Sequence[str],
    table: Sequence[Row],
    standard: Sequence[Row],
    random: Sequence[Row],
    costs: Sequence[Row],
    notes: Sequence[Row],
    example: Row,
) -> str:
    """Lay out the comparison with the FORWARD paper.

    Parameters
    ----------
    methods : sequence of str
        Methods of Table I.
    table, standard, random, costs, notes : sequence of mapping
        Rows of the studies of the same names.
    example : mapping
        Row of the counterexample to Lemma 3.3.

    Returns
    -------
    str
        Markdown.
    """
    factors = [row["factor"] for row in costs]
    literal = [row[f"rate:{methods[0]}"] for row in random]
    counted = sum(row["instances"] for row in random)
    solved = sum(rate * row["instances"] for rate, row in zip(literal, random, strict=True))
    verdict = (
        f"fails: *{example['literal_error']}*, so Lemma 3.3 does not hold as printed"
        if example["literal_error"]
        else "does not fail"
    )
    opened = ", ".join(map(str, example["faithful_open"]))
    solved_text = f"Of {counted} random Watts–Strogatz instances (k = 4, β = 0.1) the literal mode "
    parts = [
        "# FORWARD: the paper's experiments, repeated",
        _PAPER,
        "## Table I",
        _TABLE_TEXT,
        markdown_table(*table_by_instance(table)),
        "## The printed pseudo-code",
        f"{_LITERAL_TEXT} {verdict}. The faithful mode, which deletes edges within one tree only, "
        f"opens branch {opened} at {example['faithful_kw']:.6g} kW (proven optimum "
        f"{example['optimum_kw']:.6g} kW).",
        f"{solved_text}solves {solved:.0f}. Cells: instances solved in %, median cost over the "
        "best cost seen.",
        markdown_table(random, _random_columns(methods)),
        "## The printed costs",
        _COST_TEXT,
        markdown_table(costs, _cost_columns()),
        "A mistake of units would give one factor for all instances; the factors lie between "
        f"{min(factors):.3g} and {max(factors):.3g}. The published data therefore do not "
        "reproduce the printed costs, and only ratios to a proven bound are compared here.",
        "## The published data",
        "What had to be changed or assumed to read each instance:",
        "\n".join(f"* {row['instance']}: {'; '.join(row['notes'])}" for row in notes),
        "## Standard cases",
        _STANDARD_TEXT,
        markdown_table(standard, standard_columns()),
    ]
    return "\n\n".join(parts) + "\n"


def _random_columns(methods: Sequence[str]) -> list[Column]:
    def cell(method: str) -> Column:
        def show(row: Row) -> str:
            ratio = row[f"ratio:{method}"]
            rate = f"{100 * row[f'rate:{method}']:.0f} %"
            return rate if ratio is None else f"{rate} {ratio:.3f}"

        return Column(method, show)

    size = Column("nodes/sources", lambda row: f"{row['buses']}/{row['sources']}")
    return [size, Column("instances", number("instances", "d")), *(cell(m) for m in methods)]


def _cost_columns() -> list[Column]:
    return [
        Column("instance", lambda row: str(row["instance"])),
        Column("paper: FORWARD, GW", number("paper_cost_gw", ".3g")),
        Column("best found here, GW", number("best_gw", ".4g")),
        Column("factor", number("factor", ".3g")),
    ]
