"""Picture of a hosting capacity."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pygridjl.core.figures import new_figure, save_figure

if TYPE_CHECKING:
    from pygridjl.siting.hosting.result import HostingResult

__all__ = ["plot_hosting"]

# Sites that are named below their bars; more are drawn without names.
NAMED = 60


def plot_hosting(result: HostingResult, path: str | Path) -> Path:
    """Draw what each site takes alone and all take together, the most first.

    Parameters
    ----------
    result : HostingResult
        The hosting capacity.
    path : path-like
        As in :func:`~pygridjl.core.figures.save_figure`; so are what is returned and raised.
    """
    table = result.per_site
    alone = table["kw"].fillna(0.0).to_numpy(dtype=float)
    order = np.argsort(-alone, kind="stable")
    place = np.arange(order.size)
    figure = new_figure(width=10, height=5)
    axes = figure.add_subplot()
    axes.bar(place, alone[order], color="#c9d3da", label="alone")
    if result.objective is not None:
        together = result.units * (result.objective / max(result.units.sum(), 1))
        axes.bar(place, together[order], width=0.5, color="#e08a1e", label="all together")
    names = [f"{bus} {phases}" for bus, phases in zip(table["bus"], table["phases"], strict=True)]
    if order.size <= NAMED:
        axes.set_xticks(place, [names[k] for k in order], rotation=90, fontsize=7)
    else:
        axes.set_xlabel(f"{order.size} sites, the most first")
    axes.set_ylabel("PV within the limits, kW")
    total = "" if result.objective is None else f", together {result.objective:g} kW"
    axes.set_title(f"{result.feeder}: hosting capacity{total}")
    axes.set_ylim(bottom=0.0)
    if result.objective is None and not alone.any():
        axes.set_yticks([])
        axes.text(
            0.5, 0.5, "no number of units keeps the limits", transform=axes.transAxes, ha="center"
        )
    else:
        axes.legend()
    return save_figure(figure, path)
