"""The report of ``pygridjl reproduce redistribution``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pygridjl.balancing import load_paths
from pygridjl.balancing.figures import plot_balance, write_balance_page
from pygridjl.core.figures import new_figure, save_figure
from pygridjl.experiments.redistribution import Options
from pygridjl.experiments.redistribution.printed import CLAIMS
from pygridjl.experiments.redistribution.tasks import STRUCTURES, demo
from pygridjl.experiments.registry import Page
from pygridjl.report.tables import Column, markdown_table, number

__all__ = ["page", "structure_summary"]

Row = Mapping[str, Any]

_INTRO = (
    "*Stochastic Redistribution vs. LP Surrogates for Circuit Balancing*. Every number below was "
    "computed in this run."
)


def page(rows: Mapping[str, list[dict[str, Any]]], _options: Options, folder: Path) -> Page:
    """Lay the claims out beside what was measured; draw the demo and where the theorem breaks."""
    structures = structure_summary(rows["structures"])
    loads, answer = load_paths("example"), demo("rms")
    figures = [
        _plot_structures(structures, folder / "breaks.png"),
        plot_balance(loads, answer, folder / "demo.png"),
        write_balance_page(loads, answer, folder / "demo.html"),
    ]
    tables = {
        "theorem": rows["theorem"],
        "integrality": rows["integrality"],
        "structures": structures,
        "structure-runs": rows["structures"],
        "demo": rows["demo"],
    }
    found = {name: rows[name] for name in ("theorem", "integrality", "demo")}
    return Page(
        _text(rows, structures), {**found, "structures": structures}, tables, figures, report=True
    )


def structure_summary(runs: Sequence[Row]) -> list[dict[str, Any]]:
    """Mean over repeats for each structure of the deviations."""
    summary = []
    for name in STRUCTURES:
        ours = [r for r in runs if r["structure"] == name and not r["error"]]
        if not ours:
            continue
        line: dict[str, Any] = {"structure": name, "repeats": len(ours)}
        for field in ("explained", "spread", "regret_in", "regret_out", "regret_cvar"):
            line[field] = float(np.mean([r[field] for r in ours]))
        line["worst_in"] = float(max(r["regret_in"] for r in ours))
        line["saved_out"] = float(np.mean([1 - r["out_rms"] / r["out_turns"] for r in ours]))
        line["applies"] = sum(bool(r["applies"]) for r in ours)
        line["proven"] = all(
            r["status_rms"] == "optimal" and r["status_l1"] == "optimal" for r in ours
        )
        summary.append(line)
    return summary


def _text(rows: Mapping[str, Sequence[Row]], structures: Sequence[Row]) -> str:
    worst = max(r["stray"] for r in rows["theorem"])
    parts = [
        "# Redistribution: the paper's claims, measured",
        _INTRO,
        "## Proportionality",
        f"Claims: {CLAIMS['proportionality']}; {CLAIMS['limit']}. Over 20 random assignments of "
        f"12 service points to 4 circuits each, J / J̃ strays from B_T / A_T by {worst:.1e} at "
        "most: an identity.",
        markdown_table(rows["theorem"], _theorem_columns()),
        "## Integrality",
        f"Claim: {CLAIMS['integrality']}. False in general: a convex function over a polytope "
        "need not be least at a vertex. Equal weights hide it, because then all service points on "
        "one circuit are optimal, by the triangle inequality, and no balance at all. Instances of "
        "4 service points, 5 steps, 3 circuits:",
        markdown_table(rows["integrality"], _integrality_columns()),
        "## Where the equivalence breaks",
        f"Claim: {CLAIMS['breaks']}. Regret: what the assignment of least J̃ costs in J above "
        "that of least J, both proven optimal by columns; 15 service points, 3 circuits of at "
        "most 5, a week of hours to choose on, 200 later weeks to judge by. *Saved*: expected J "
        "later, against service points in turns. *Applies*: what the fit of the history says.",
        markdown_table(structures, _structure_columns()),
        "## The demo (§7)",
        "The bundled example: 20 service points, 4 circuits of at most 5. `demo.html` is the page.",
        markdown_table(rows["demo"], _demo_columns()),
    ]
    return "\n\n".join(parts) + "\n"


def _theorem_columns() -> list[Column]:
    return [
        Column("σ", number("sigma", ".1f")),
        Column("steps", number("steps", ",d")),
        Column("J/J̃ strays by", number("stray", ".1e")),
        Column("B/A", number("ratio", ".5f")),
        Column("e^(σ²/2)", number("limit", ".5f")),
    ]


def _integrality_columns() -> list[Column]:
    return [
        Column("weights", lambda r: str(r["weights"])),
        Column("at most 2 a circuit", lambda r: "yes" if r["capacity"] else "no"),
        Column("instances", number("instances", "d")),
        Column("LP below the optimum", number("below", "d")),
        Column("by up to", lambda r: f"{100 * r['widest']:.1f} %"),
        Column("LP answers fractional", number("fractional", "d")),
    ]


def _structure_columns() -> list[Column]:
    def percent(field: str, form: str = ".2f") -> Column:
        titles = {
            "explained": "one factor explains",
            "spread": "spread of J/J̃",
            "regret_in": "regret",
            "worst_in": "worst",
            "regret_out": "regret later",
            "regret_cvar": "in CVaR",
            "saved_out": "saved",
        }
        return Column(titles[field], lambda r: f"{format(100 * r[field], form)} %")

    return [
        Column("deviations", lambda r: str(r["structure"])),
        *(percent(f) for f in ("explained", "spread", "regret_in", "worst_in")),
        *(percent(f) for f in ("regret_out", "regret_cvar")),
        percent("saved_out", ".1f"),
        Column("applies", lambda r: f"{r['applies']} of {r['repeats']}"),
    ]


def _demo_columns() -> list[Column]:
    return [
        Column("assignment", lambda r: str(r["answer"])),
        Column("J", number("rms", ".4f")),
        Column("J̃", number("l1", ".4f")),
        Column("moved", number("moved", "d")),
        Column("status", lambda r: str(r["status"])),
    ]


def _plot_structures(structures: Sequence[Row], path: Path) -> Path:
    figure = new_figure(width=8.5, height=4.2)
    axes = figure.add_subplot()
    place = np.arange(len(structures))
    for shift, field, colour, label in (
        (-0.2, "regret_in", "#1f6f8b", "on the week it was chosen on"),
        (0.2, "regret_out", "#e0a030", "on later weeks"),
    ):
        axes.bar(
            place + shift,
            [100 * r[field] for r in structures],
            0.38,
            color=colour,
            label=label,
        )
    axes.set_xticks(place, [r["structure"] for r in structures], rotation=25, ha="right")
    axes.set_ylabel("regret of choosing by J̃, % of J")
    axes.legend(frameon=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return save_figure(figure, path)
