"""The report of ``pygridjl reproduce linearization`` as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pygridjl.core.figures import new_figure, save_figure
from pygridjl.experiments.linearization import Options
from pygridjl.experiments.linearization.printed import CASES, ERRORS, SECONDS
from pygridjl.experiments.registry import Page
from pygridjl.report.tables import Column, markdown_table, number

__all__ = ["page"]

Row = Mapping[str, Any]

_PAPER = (
    "*Optimal Linearizations of Power Systems with Uncertain Supply and Demand*. Every number was "
    "computed in this run, except the columns marked *paper*."
)
_LOST = (
    "Mean, covariance, bus weights and truncation of the loads are lost in our copy of the paper. "
    "Here bus i has its nominal load times α ω1 + (1 − α) ω2, α = (i − 1)/(n − 1), with factors "
    "of mean 0.9, deviation 0.05 and correlation 0.5 clipped to [0.8, 1.0]; uniform scaling stays "
    "feasible only up to 1.10 (9@120), 1.05 (14@25), 1.00 (57@77) and 1.10 (118@110), so a spread "
    "of ±20 % about 1 cannot have been meant. The printed errors are therefore for orientation. "
    "The slack has 1 p.u. and angle 0, as in (3h)."
)
_ERRORS = (
    "E and σ of ε_P and ε_Q, p.u., over fresh draws; *cost − bound* compares the expected cost of "
    "the linearised model with the proven bound of the best relaxation of the same case (the "
    "bound is for the training draws); *cost − AC* with AC optima of the same draws. The "
    "linearised model (7) has a nearly flat face of optima: a term ε‖V − V0‖² (proximal) chooses "
    "the one where the linearisation holds best, and changes the cost by about a millionth."
)
_TIMES = (
    "Order 1 sees the mean load only: it is Shor's relaxation there. *network*: voltages share a "
    "moment matrix where a branch joins them; *constraints*: where a constraint holds them, the "
    "paper's (23); *dense*: (21). Moments fall apart by charge, so every row has far fewer of "
    "them than the paper's relaxations. An eigenvalue ratio above 1e-3 means inexact: the point "
    "can be poor. Seconds are wall-clock."
)


def page(rows: Mapping[str, list[dict[str, Any]]], _options: Options, folder: Path) -> Page:
    """Lay out both tables and draw the distributions of the errors."""
    relaxations = [_with_seconds(row) for row in rows["relaxations"]]
    best = {
        case: max(
            (r["bound"] for r in relaxations if r["case"] == case and r.get("bound") is not None),
            default=None,
        )
        for case in CASES
    }
    points = [_with_printed(row, best[row["case"]]) for row in rows["points"]]
    parts = [
        "# Optimal linearisation points: the paper's experiments, repeated",
        _PAPER,
        _LOST,
        "## Errors and costs",
        _ERRORS,
    ]
    for case in CASES:
        own = [row for row in points if row["case"] == case]
        parts += [f"### {case}", markdown_table(own, _error_columns())]
        notes = dict.fromkeys(f"{r['point']}: {n}" for r in own for n in r.get("notes", ()))
        if notes:
            parts.append("\n".join(f"* {note}" for note in notes))
    parts += ["## Relaxations", _TIMES, markdown_table(relaxations, _time_columns())]
    figures = []
    for case in CASES:
        own = [r for r in points if r["case"] == case and r["proximal"] and "quantiles_p" in r]
        if own:
            figures.append(_boxes(own, case, folder / f"errors-{case.replace('@', '-')}.png"))
    if figures:
        parts += ["## Distributions (Figures 1 to 3)", *(f"![]({f.name})" for f in figures)]
    return Page(
        "\n\n".join(parts) + "\n",
        {"points": points, "relaxations": relaxations},
        {"points": points, "relaxations": relaxations},
        figures,
        report=True,
    )


def _with_seconds(row: Row) -> dict[str, Any]:
    key = (row["case"], row["grouping"] == "dense", row["order"])
    return {**row, "paper_seconds": SECONDS.get(key)}


def _with_printed(row: Row, bound: float | None) -> dict[str, Any]:
    printed = ERRORS.get((row["case"], row["point"]))
    found = dict(row)
    if printed is not None:
        found |= {"paper_p": printed.mean_p, "paper_q": printed.mean_q}
    if row.get("objective") is not None and bound is not None:
        found["above_bound"] = (row["objective"] - bound) / bound
    if row.get("ac_objective") is not None:
        found["above_ac"] = (row["objective_there"] - row["ac_objective"]) / row["ac_objective"]
    return found


def _error_columns() -> list[Column]:
    return [
        Column("point", lambda row: str(row["point"])),
        Column("proximal", number("proximal", "g")),
        Column("E_P", number("mean_p", ".4f")),
        Column("σ_P", number("deviation_p", ".4f")),
        Column("E_Q", number("mean_q", ".4f")),
        Column("σ_Q", number("deviation_q", ".4f")),
        Column("paper E_P", number("paper_p", ".3f")),
        Column("paper E_Q", number("paper_q", ".3f")),
        Column("E cost", number("objective", ".2f")),
        Column("cost − bound %", number("above_bound", ".3f", 100.0)),
        Column("cost − AC %", number("above_ac", ".3f", 100.0)),
        Column("infeasible", number("infeasible", "d")),
        Column("failed", number("failed", "d")),
        Column("ms a solve", number("milliseconds", ".2f")),
        Column("point s", number("point_seconds", ".2f")),
    ]


def _time_columns() -> list[Column]:
    return [
        Column("case", lambda row: str(row["case"])),
        Column("grouping", lambda row: str(row["grouping"])),
        Column("order", number("order", "d")),
        Column("bound", number("bound", ".2f")),
        Column("eigenvalue ratio", number("eigenvalue_ratio", ".1e")),
        Column("moments", number("moments", "d")),
        Column("largest block", number("largest_block", "d")),
        Column("engine", lambda row: str(row.get("engine", "–"))),
        Column("status", lambda row: str(row.get("status", row.get("error", "")))),
        Column("outcome", lambda row: str(row.get("outcome", "–"))),
        Column("residual", number("residual", ".0e")),
        Column("s", number("seconds", ".2f")),
        Column("paper s", number("paper_seconds", ".2f")),
    ]


def _boxes(rows: Sequence[Row], case: str, path: Path) -> Path:
    """Draw quartiles and 1-99 % of the signed errors by point."""
    figure = new_figure(width=10, height=1.6 + 0.45 * len(rows))
    axes = figure.subplots(1, 2, sharey=True)
    for side, field, name in zip(
        axes, ("quantiles_p", "quantiles_q"), ("active", "reactive"), strict=True
    ):
        boxes = [
            {"label": r["point"], "whislo": a, "q1": b, "med": c, "q3": d, "whishi": e}
            for r in rows
            for a, b, c, d, e in [r[field]]
        ]
        side.bxp(boxes, orientation="horizontal", showfliers=False)
        side.set_xscale("symlog", linthresh=1e-4)
        side.set_xlabel(f"{name} balance error by bus and draw, p.u.")
        side.grid(alpha=0.25)
    figure.suptitle(f"{case}: quartiles and 1-99 %", fontsize=11, x=0.02, ha="left")
    return save_figure(figure, path)
