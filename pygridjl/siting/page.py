"""A siting decision as one HTML page: map, duration curves, energy, binding limits."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pygridjl.core.figures import new_figure
from pygridjl.report.html import html_page, html_picture, html_table
from pygridjl.siting.figures import placement_figure
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.result import SitingResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["duration_figure", "siting_page"]


def siting_page(result: SitingResult, problem: PlanningProblem, dispatch: pd.DataFrame) -> str:
    """Return the page.

    Parameters
    ----------
    result : SitingResult
        The decision.
    problem : PlanningProblem
        The problem it answers.
    dispatch : DataFrame
        As :func:`~pygridjl.siting.export.dispatch_table` returns it.
    """
    lines = [[escape(part) for part in line.split("  ", 1)] for line in _summary(result)]
    parts = [
        html_table(["", ""], [[name, text.strip()] for name, text in lines]),
        html_picture(placement_figure(problem.feeder, result), "Sites with units"),
    ]
    if dispatch["available_kw"].notna().any():
        parts += ["<h2>Hours of the year</h2>", html_picture(duration_figure(dispatch), _CURVES)]
    if result.operation is not None:
        parts += ["<h2>Energy of the sites</h2>", _table(result.operation.sites)]
        parts += ["<h2>Limits that bind</h2>", _table(result.operation.binding)]
        if len(result.operation.violations):
            parts += ["<h2>Limits that are passed</h2>", _table(result.operation.violations)]
    if result.validation is not None:
        parts += ["<h2>OpenDSS beside the linear model</h2>", _table(result.validation.table)]
    return html_page(f"Siting on {result.feeder}", parts)


_CURVES = "All units together: hours of the year in which at least so much was available, injected"


def duration_figure(dispatch: pd.DataFrame) -> Figure:
    """Draw the duration curves of what the units could inject and did.

    Parameters
    ----------
    dispatch : DataFrame
        As :func:`~pygridjl.siting.export.dispatch_table` returns it.
    """
    # Storage has nothing available.
    dispatch = dispatch[dispatch["available_kw"].notna()]
    table = dispatch.assign(injected=dispatch[["kw_a", "kw_b", "kw_c"]].sum(axis=1))
    by_hour = table.groupby("scenario", sort=False).agg(
        hours=("hours", "first"), available=("available_kw", "sum"), injected=("injected", "sum")
    )
    figure = new_figure(width=9, height=4)
    axes: Any = figure.add_subplot()
    for name, colour in (("available", "#e08a1e"), ("injected", "#1f4e8a")):
        order = np.argsort(-by_hour[name].to_numpy(), kind="stable")
        hours = np.concatenate([[0.0], np.cumsum(by_hour["hours"].to_numpy()[order])])
        axes.stairs(by_hour[name].to_numpy()[order], hours, color=colour, label=name)
    axes.set_xlabel("hours a year")
    axes.set_ylabel("kW")
    axes.legend(frameon=False)
    axes.grid(alpha=0.25)
    return figure


def _summary(result: SitingResult) -> list[str]:
    text = result.summary().split("\n\n", 1)[0]
    return [line for line in text.splitlines() if "  " in line]


def _table(frame: pd.DataFrame, most: int = 200) -> str:
    """Lay out the first rows of a table."""
    if frame.empty:
        return "<p>None.</p>"
    shown = frame.head(most)
    rows = [
        [f"{v:.6g}" if isinstance(v, float) else escape(str(v)) for v in row]
        for row in shown.itertuples(index=False)
    ]
    rest = "" if len(frame) <= most else f'<p class="note">{len(frame) - most} more rows</p>'
    return html_table([str(name) for name in frame.columns], rows) + rest
