"""The table and picture of the linearised optimal power flow's benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pygridjl.core.figures import new_figure, save_figure
from pygridjl.experiments.linearized_opf import Options
from pygridjl.experiments.registry import Page
from pygridjl.report.tables import Column, number, text_table

__all__ = ["page"]


def page(rows: Mapping[str, list[dict[str, Any]]], _options: Options, folder: Path) -> Page:
    """Lay the times out and draw them against the number of buses."""
    solves = [
        {**row, "ratio": None if row["error"] else row["ac_ms"] / row["linear_ms"]}
        for row in rows["solves"]
    ]
    columns = [
        Column("case", lambda row: str(row["case"])),
        Column("linearised, ms", number("linear_ms", ".2f")),
        Column("AC, ms", number("ac_ms", ".2f")),
        Column("AC ÷ linearised", number("ratio", ".1f")),
        Column("E_P, p.u.", number("mean_p", ".4f")),
        Column("E_Q, p.u.", number("mean_q", ".4f")),
        Column("unsolved", number("unsolved", "d")),
    ]
    text = (
        "Linearised about the AC optimum at the mean load; median processor time of one warm "
        f"solve\n{text_table(solves, columns)}"
    )
    figure = new_figure(width=7, height=4.5)
    axes = figure.subplots()
    done = [row for row in solves if not row["error"]]
    for field, label in (("linear_ms", "linearised"), ("ac_ms", "AC")):
        axes.plot([r["buses"] for r in done], [r[field] for r in done], "o-", ms=4, label=label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("buses")
    axes.set_ylabel("ms a solve")
    axes.legend(fontsize=8, frameon=False)
    axes.grid(alpha=0.25, which="both")
    picture = save_figure(figure, folder / "linearization.png")
    return Page(text, {"solves": solves}, {"solves": solves}, [picture])
