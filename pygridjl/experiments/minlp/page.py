"""Tables and figure of the benchmark against mixed-integer programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pygridjl.core.figures import new_figure, save_figure
from pygridjl.experiments.forward.printed import FORWARD_TABLE_I
from pygridjl.experiments.minlp import Options
from pygridjl.experiments.minlp.tasks import CLAIMS, PACKAGES, SAME
from pygridjl.experiments.registry import Page
from pygridjl.report.tables import Column, number, text_table

__all__ = ["columns", "judged", "page", "plot_traces", "table_i", "table_i_columns"]

Row = Mapping[str, Any]

# AC losses of the same states by two engines and by a solver's own model.
TOLERANCE_AC = 1e-4


def page(rows: Mapping[str, list[dict[str, Any]]], _options: Options, folder: Path) -> Page:
    """Lay the tables out and draw incumbents and bounds over time."""
    linear, feeders = judged(rows["linear"], "objective_kw"), judged(rows["feeders"], "loss_kw")
    paper = table_i(linear)
    versions = {name: rows["versions"][0][name] for name in PACKAGES if name in rows["versions"][0]}
    text = "\n".join(
        [
            f"linear model, Σ r (P² + Q²)\n{text_table(linear, columns())}\n",
            f"three-phase feeders, losses in AC\n{text_table(feeders, columns(feeders=True))}\n",
            f"Table I of FORWARD\n{text_table(paper, table_i_columns())}\n",
            "    seconds of a solver leave out compiling and what its start took; Juniper tells",
            "    of its end only",
            "    " + ", ".join(f"{name} {version}" for name, version in versions.items()),
        ]
    )
    tables = {
        name: [{k: v for k, v in row.items() if k != "trace"} for row in table]
        for name, table in (("linear", linear), ("feeders", feeders), ("table-I", paper))
    }
    figure = plot_traces([*linear, *feeders], folder / "minlp.png")
    return Page(text, {**tables, "versions": versions}, tables, [figure])


def judged(rows: Sequence[Row], measure: str) -> list[dict[str, Any]]:
    """Add to each row how far it is from the proven optimum of its instance.

    Parameters
    ----------
    rows : sequence of mapping
        Rows of one part.
    measure : str
        Column that is compared: ``objective_kw`` or ``loss_kw``.

    Returns
    -------
    list of dict
        With ``excess``, relative to the optimum that we prove, and ``false_claim``: whether the
        solver claims an optimum and there is a better answer. Formulations other than AC are
        judged by the AC loss of their answer and claim nothing about it.
    """
    optimum = {
        row["instance"]: row[measure]
        for row in rows
        if row.get("proven") and row["method"] in ("cycle branch and bound", *_AC_PROOFS)
    }
    judged_rows = []
    for row in rows:
        best, value = optimum.get(row["instance"]), row.get(measure)
        excess = None if best is None or value is None else (value - best) / best
        if excess is not None and abs(excess) < SAME:
            excess = 0.0
        about_it = measure == "objective_kw" or row["method"].startswith(("acp", "acr"))
        claims = row.get("claim") in CLAIMS and row.get("end_seconds") is not None
        tolerance = SAME if measure == "objective_kw" else TOLERANCE_AC
        false = bool(about_it and claims and excess is not None and excess > tolerance)
        judged_rows.append({**row, "excess": excess, "false_claim": false})
    return judged_rows


_AC_PROOFS = ("every tree in AC", "exact-ac")


def columns(*, feeders: bool = False) -> list[Column]:
    """Columns of either table."""
    judged_in_ac = [
        Column("OpenDSS kW", number("opendss_kw", ".3f")),
        Column("lowest V", number("v_min", ".4f")),
    ]
    return [
        Column("instance", lambda row: str(row["instance"])),
        Column("method", lambda row: str(row["method"])),
        Column("start", lambda row: row["start"] or "–"),
        Column("first s", number("first_seconds", ".3f")),
        Column("best s", number("best_seconds", ".3f")),
        Column("end s", number("end_seconds", ".3f")),
        Column("objective kW", number("objective_kw", ".3f")),
        Column("bound kW", number("bound_kw", ".3f")),
        Column("AC kW", number("loss_kw", ".3f")),
        *(judged_in_ac if feeders else []),
        Column("over optimum %", number("excess", ".3f", 100.0)),
        Column("its claim", lambda row: str(row.get("claim") or "–")),
        Column("verdict", _verdict),
    ]


def _verdict(row: Row) -> str:
    if row.get("error"):
        return str(row["error"])[:60]
    if row["false_claim"]:
        return "false optimum"
    return "proven" if row["proven"] else "no proof"


def table_i(linear: Sequence[Row]) -> list[dict[str, Any]]:
    """Set the paper's Knitro and FORWARD beside open solvers.

    Parameters
    ----------
    linear : sequence of mapping
        Judged rows of the linear model.

    Returns
    -------
    list of dict
        A row an instance and method without a start: seconds to its best answer and to its end,
        ``excess``, and the printed seconds of Knitro and FORWARD.
    """
    return [
        {
            "instance": row["instance"],
            "method": row["method"],
            "start": row["start"],
            "best_seconds": row.get("best_seconds"),
            "end_seconds": row.get("end_seconds"),
            "excess": row["excess"],
            "proven": row.get("proven", False),
            "false_claim": row["false_claim"],
            "error": row.get("error", ""),
            "knitro_seconds": FORWARD_TABLE_I[row["instance"]].knitro_seconds,
            "forward_seconds": FORWARD_TABLE_I[row["instance"]].forward_seconds,
        }
        for row in linear
        if row["instance"] in FORWARD_TABLE_I and not row["start"]
    ]


def table_i_columns() -> list[Column]:
    """Columns of the comparison with the paper."""
    return [
        Column("instance", lambda row: str(row["instance"])),
        Column("method", lambda row: str(row["method"])),
        Column("best s", number("best_seconds", ".3f")),
        Column("end s", number("end_seconds", ".3f")),
        Column("over optimum %", number("excess", ".3f", 100.0)),
        Column("verdict", _verdict),
        Column("paper: Knitro s", number("knitro_seconds", ".2f")),
        Column("paper: FORWARD s", number("forward_seconds", ".2f")),
    ]


def plot_traces(rows: Sequence[Row], path: Path) -> Path:
    """Draw the best answer and the bound over time, one panel an instance."""
    instances = list(dict.fromkeys(row["instance"] for row in rows if row.get("trace")))
    across = 3
    down = max(1, -(-len(instances) // across))
    figure = new_figure(width=15, height=3.6 * down)
    panels = figure.subplots(down, across, squeeze=False).ravel()
    for panel in panels[len(instances) :]:
        panel.set_visible(False)
    methods = list(dict.fromkeys(row["method"] for row in rows))
    for panel, instance in zip(panels, instances, strict=False):
        for row in rows:
            if row["instance"] != instance or not row.get("trace") or row["start"]:
                continue
            color = f"C{methods.index(row['method']) % 10}"
            for k, style in ((1, "-o"), (2, "--")):
                points = [(max(p[0], 1e-3), p[k]) for p in row["trace"] if p[k] is not None]
                if points:
                    label = row["method"] if k == 1 else None
                    panel.plot(*zip(*points, strict=True), style, color=color, ms=3, label=label)
        panel.set_xscale("log")
        panel.set_title(instance, loc="left", fontsize=10)
        panel.set_xlabel("seconds")
        panel.set_ylabel("kW: best answer, bound (dashed)", fontsize=8)
        panel.grid(alpha=0.25)
        panel.legend(fontsize=6, frameon=False)
    figure.tight_layout()
    return save_figure(figure, path)
