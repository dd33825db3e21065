"""Picture of an expansion plan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pygridjl.core.figures import new_figure, save_figure

if TYPE_CHECKING:
    from pygridjl.siting.expansion.result import ExpansionResult

__all__ = ["plot_expansion"]


def plot_expansion(result: ExpansionResult, path: str | Path) -> Path:
    """Draw what stands before each stage, what it adds, and its level of load.

    Parameters
    ----------
    result : ExpansionResult
        The plan.
    path : path-like
        As in :func:`~pygridjl.core.figures.save_figure`; so are what is returned and raised.
    """
    table = result.stages
    place = np.arange(len(table))
    old = (table["kw"] - table["new_kw"]).to_numpy(dtype=float)
    figure = new_figure(width=8, height=4.5)
    axes = figure.add_subplot()
    axes.bar(place, old, color="#c9d3da", label="stands already")
    axes.bar(place, table["new_kw"], bottom=old, color="#e08a1e", label="is added")
    names = [
        f"{name}\nload × {load:g}, {years:g} years"
        for name, load, years in zip(table["stage"], table["load"], table["years"], strict=True)
    ]
    axes.set_xticks(place, names, fontsize=8)
    axes.set_ylabel("units, kW")
    axes.set_ylim(bottom=0.0)
    axes.set_title(f"{result.feeder}: what is built at which stage")
    if table["kw"].any():
        axes.legend()
    else:
        axes.set_yticks([])
        axes.text(0.5, 0.5, "nothing is built", transform=axes.transAxes, ha="center")
    return save_figure(figure, path)
