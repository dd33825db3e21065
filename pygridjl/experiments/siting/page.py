"""Tables and figures of the siting benchmark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np

from pygridjl.core.figures import new_figure, save_figure
from pygridjl.experiments.registry import Page
from pygridjl.experiments.siting import Options
from pygridjl.experiments.siting.problems import FULL_SHARE, RAISED_BY
from pygridjl.experiments.siting.summary import growth_curves, method_summary
from pygridjl.report.tables import Column, number, text_table

__all__ = ["benchmark_text", "page", "plot_growth", "plot_methods"]

Row = Mapping[str, Any]

_STAGE_NOTES = (
    "Random decisions that spend the budget; processor time of single scenarios, median and mean.",
    "ratio: building the scenario's model in Pyomo and solving it by HiGHS, over condensed; none "
    "for the loss, a quadratic program that Pyomo does not hand to HiGHS.",
    "Differences are relative; Pyomo's answer is what HiGHS leaves at its default tolerances.",
)
_METHOD_NOTES = (
    "easy: source at 1.0 p.u., units of 6 kW; kinked: 1.03 p.u., 12 kW (24 kW above 1000 buses). "
    "The budget buys 166 units, for 10 sites at most (20 above 1000 buses); line limits hold.",
    "value: expected voltage deviation, p.u. squared, or loss, kW; median over the seeds.",
    "spar: 80 iterations of one scenario as in the paper; spar 240×8: 240 of eight.",
    "bound, gap: what Benders proved; no other method has any.",
    "captured: (no DG − value) ÷ (no DG − best bound Benders proved for the problem), which is no "
    "more than the share of the possible improvement that is realised. Where units can change "
    "little of the value, a small gap leaves much of that share open; so Benders runs to a "
    "smaller gap too.",
    "cpu s, s: processor and clock, engine built within. MB: most resident memory of the process "
    "during the runs, with what was loaded before.",
)
_FEEDER_NOTES = (
    "Regulators stand at the neutral tap, for the voltage equation has none. above 1 p.u.: share "
    "of hours and nodes without units, source at 1 p.u., with regulators at the feeder's ratios "
    "and neutral; there injected power can bring voltages no nearer to the reference.",
    "Ratings are the feeder's own, but those of branches that full load fills beyond "
    f"{100 * FULL_SHARE:g} % count {RAISED_BY:g} times. infeasible: scenarios without operating "
    "point without units, at the feeder's ratings and at those used here.",
)


def page(rows: Mapping[str, list[dict[str, Any]]], _options: Options, folder: Path) -> Page:
    """Sum the runs up, lay the tables out and draw both figures."""
    methods, curves = method_summary(rows["methods"]), growth_curves(rows["growth"])
    tables = {
        "feeders": rows["feeders"],
        "second_stage": rows["second stage"],
        "methods": methods,
        "runs": rows["methods"],
        "growth": rows["growth"],
        "exponents": curves,
    }
    figures = [
        plot_methods(methods, folder / "methods.png"),
        plot_growth(rows["growth"], curves, folder / "growth.png"),
    ]
    text = benchmark_text(rows["feeders"], rows["second stage"], methods, rows["growth"], curves)
    files = {name.replace("_", "-"): table for name, table in tables.items()}
    return Page(text, tables, files, figures)


def benchmark_text(
    feeders: Sequence[Row],
    stage: Sequence[Row],
    methods: Sequence[Row],
    growth: Sequence[Row],
    curves: Sequence[Row],
) -> str:
    """Lay out the tables of the benchmark for a terminal, each with what it means.

    Parameters
    ----------
    feeders, stage, growth : sequence of mapping
        Rows of the study.
    methods : sequence of mapping
        Runs summed up over the seeds.
    curves : sequence of mapping
        ``axis, method, points, stopped, exponent``.

    Returns
    -------
    str
        Several paragraphs.
    """
    changes = [*_FEEDER_NOTES, *_raised_lines(feeders)]
    parts = (
        ("(a) Second stage: one scenario with sun, warm", stage, _stage_columns(), _STAGE_NOTES),
        ("(b) Methods on the full scenario set", methods, _method_columns(), _METHOD_NOTES),
        ("(c) Growth: F^vd, easy regime", growth, _growth_columns(), _growth_lines(curves)),
        ("(d) Feeders and what was changed in them", feeders, _feeder_columns(), changes),
    )
    return "\n\n".join(
        "\n".join([title, text_table(rows, columns), *(_wrapped(note) for note in notes)])
        for title, rows, columns, notes in parts
    )


def _wrapped(note: str) -> str:
    return fill(note, width=110, initial_indent="    ", subsequent_indent="      ")


def _feeder_columns() -> list[Column]:
    """Columns of the table of feeders."""
    return [
        Column("feeder", lambda row: str(row["feeder"])),
        Column("buses", number("buses", "d")),
        Column("nodes", number("nodes", "d")),
        Column("sites", number("sites", "d")),
        Column("regulators", number("regulators", "d")),
        Column("above 1 p.u. %, fixed", number("above_fixed", ".1f", 100.0)),
        Column("neutral", number("above_neutral", ".1f", 100.0)),
        Column("scenarios", number("scenarios", "d")),
        Column("infeasible, stated", number("infeasible_stated", "d")),
        Column("here", number("infeasible", "d")),
        Column("", _error),
    ]


def _stage_columns() -> list[Column]:
    """Columns of the times of the second stage."""
    return [
        Column("feeder", lambda row: str(row["feeder"])),
        Column("objective", lambda row: str(row["objective"])),
        Column("regime", lambda row: str(row["regime"])),
        Column("condensed ms", number("condensed_ms")),
        Column("mean", number("condensed_mean_ms")),
        Column("full ms", number("full_ms", ".2f")),
        Column("mean", number("full_mean_ms", ".2f")),
        Column("Pyomo ms", number("pyomo_ms", ".0f")),
        Column("ratio", number("ratio", ".0f")),
        Column("engines differ by", number("difference", ".1e")),
        Column("Pyomo by", number("pyomo_difference", ".1e")),
        Column("", _error),
    ]


def _method_columns() -> list[Column]:
    """Columns of the methods beside each other."""
    return [
        Column("set", lambda row: f"{row['feeder']} × {row['scenarios']}"),
        Column("objective", lambda row: str(row["objective"])),
        Column("regime", lambda row: str(row["regime"])),
        Column("method", _method_name),
        Column("runs", number("runs", "d")),
        Column("value", number("value", ".6g")),
        Column("best … worst", _range),
        Column("bound", number("bound", ".6g")),
        Column("gap %", number("gap", ".3f", 100.0)),
        Column("captured ≥ %", number("captured", ".1f", 100.0)),
        Column("cpu s", number("cpu_seconds", ".2f")),
        Column("s", number("wall_seconds", ".2f")),
        Column("MB", number("memory_mb", ".0f")),
        Column("status", lambda row: str(row["status"]) or _error(row)),
    ]


def _growth_columns() -> list[Column]:
    """Columns of the growth with scenarios and with buses."""
    return [
        Column("feeder", lambda row: str(row["feeder"])),
        Column("along", lambda row: str(row["axis"])),
        Column("size", number("size", ",d")),
        Column("scenarios", number("scenarios", ",d")),
        Column("method", lambda row: str(row["method"])),
        Column("cpu s", number("cpu_seconds")),
        Column("s", number("wall_seconds")),
        Column("value", number("value", ".6g")),
        Column("gap %", number("gap", ".3f", 100.0)),
        Column("MB", number("memory_mb", ".0f")),
        Column("status", lambda row: str(row.get("status") or _error(row))),
    ]


def _method_name(row: Row) -> str:
    """Name a method with the gap it was asked for."""
    gap = row["wanted_gap"]
    return str(row["method"]) if gap is None else f"{row['method']} to {100 * gap:g} %"


def _range(row: Row) -> str:
    if row["runs"] == 1 or row["best"] is None:
        return ""
    return f"{row['best']:.6g} … {row['worst']:.6g}"


def _raised_lines(feeders: Sequence[Row]) -> list[str]:
    lines = []
    for row in feeders:
        shares = (row.get("raised") or {}).items()
        named = ", ".join(f"{name} (full load {100 * share:.0f} %)" for name, share in shares)
        if named:
            lines.append(f"raised in {row['feeder']}: {named}")
    return lines


def _error(row: Row) -> str:
    return str(row["error"])[:60]


def _growth_lines(curves: Sequence[Row]) -> list[str]:
    """Say how the seconds of each curve grow."""
    lines = []
    for curve in curves:
        left_out = f"; {curve['stopped']} without end left out" if curve["stopped"] else ""
        grow = (
            "too few points for an exponent"
            if curve["exponent"] is None
            else f"seconds grow as {curve['axis']}^{curve['exponent']:.2f}"
        )
        lines.append(f"{curve['method']}: {grow} ({curve['points']} points{left_out})")
    return lines


def plot_growth(rows: Sequence[Row], curves: Sequence[Row], path: Path) -> Path:
    """Draw seconds against scenarios and buses on logarithmic axes, with a line of linear growth.

    Parameters
    ----------
    rows : sequence of mapping
        Rows of the growth.
    curves : sequence of mapping
        ``axis, method, exponent`` of each curve.
    path : path-like
        As in :func:`~pygridjl.core.figures.save_figure`; so are what is returned and raised.
    """
    figure = new_figure(width=12, height=4.8)
    places: Any = figure.subplots(1, 2)
    for axes, axis in zip(places, ("scenarios", "buses"), strict=True):
        mine = [r for r in rows if r["axis"] == axis and r.get("cpu_seconds") is not None]
        for k, curve in enumerate(c for c in curves if c["axis"] == axis):
            points = [r for r in mine if r["method"] == curve["method"]]
            stopped = [r for r in points if r["status"] not in ("optimal", "feasible")]
            exponent = curve["exponent"]
            label = curve["method"] + ("" if exponent is None else f", {axis}^{exponent:.2f}")
            axes.plot(*_xy(points), "o-", ms=5, lw=1, color=f"C{k}", label=label)
            axes.plot(*_xy(stopped), "o", ms=9, mfc="none", color=f"C{k}")
        if mine:
            sizes = sorted({r["size"] for r in mine})
            highest = max(r["cpu_seconds"] for r in mine)
            straight = [highest * n / sizes[-1] for n in sizes]
            axes.plot(sizes, straight, ":", color="#7b858c", label="linear growth")
            axes.legend(fontsize=8, frameon=False)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel(axis)
        axes.set_ylabel("processor seconds")
        axes.grid(alpha=0.25, which="both")
    places[0].set_title("IEEE 123; ringed: ended by the time limit", loc="left", fontsize=10)
    places[1].set_title("Feeders", loc="left", fontsize=10)
    figure.tight_layout()
    return save_figure(figure, path)


def _xy(points: Sequence[Row]) -> tuple[list[float], list[float]]:
    return [p["size"] for p in points], [p["cpu_seconds"] for p in points]


def plot_methods(summary: Sequence[Row], path: Path) -> Path:
    """Draw the improvement every method captures at least, problem by problem.

    Parameters
    ----------
    summary : sequence of mapping
        Rows summed up over the seeds.
    path : path-like
        As in :func:`~pygridjl.core.figures.save_figure`; so are what is returned and raised.
    """
    problems = list(
        dict.fromkeys((r["feeder"], r["scenarios"], r["objective"], r["regime"]) for r in summary)
    )
    # Without units nothing is captured.
    names = [n for n in dict.fromkeys(_method_name(r) for r in summary) if n != "none"]
    figure = new_figure(width=max(7.0, 1.3 * len(problems)), height=4.8)
    axes: Any = figure.add_subplot()
    width = 0.85 / len(names)
    at = np.arange(len(problems))
    for k, name in enumerate(names):
        shares = {
            (r["feeder"], r["scenarios"], r["objective"], r["regime"]): 100 * r["captured"]
            for r in summary
            if _method_name(r) == name and r["captured"] is not None
        }
        heights = [shares.get(problem, 0.0) for problem in problems]
        axes.bar(at + width * (k - (len(names) - 1) / 2), heights, width, label=name)
    labels = [f"{f} × {n}\n{objective}\n{regime}" for f, n, objective, regime in problems]
    axes.set_xticks(at, labels, fontsize=7)
    axes.axhline(0.0, color="0.3", lw=0.8)
    axes.set_ylabel("improvement captured at least, %")
    axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    axes.grid(alpha=0.25, axis="y")
    return save_figure(figure, path)
