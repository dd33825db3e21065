"""Figures of siting: units on the one-line diagram, learned functions, quality over iterations."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.figures import new_figure, save_figure
from pygridjl.core.types import BoolArray, FloatArray
from pygridjl.grid.feeder import Feeder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pygridjl.siting.methods.spar import SparResult
    from pygridjl.siting.result import SitingResult

__all__ = ["placement_figure", "plot_coordinate_functions", "plot_placement"]

_LINE, _SOURCE, _UNITS = "#5b6770", "#1f4e8a", "#e08a1e"


def plot_placement(feeder: Feeder, result: SitingResult, path: str | Path) -> Path:
    """Draw the feeder with a disc at every site with units, its area by their rating.

    Parameters
    ----------
    feeder : Feeder
        The feeder the result belongs to.
    result : SitingResult
        The decision; without units only the feeder is drawn.
    path : path-like
        As in :func:`~pygridjl.core.figures.save_figure`; so are what is returned and raised.
    """
    return save_figure(placement_figure(feeder, result), path)


def placement_figure(feeder: Feeder, result: SitingResult) -> Figure:
    """Return the drawing of :func:`plot_placement`."""
    from matplotlib.collections import LineCollection

    position = _positions(feeder)
    figure = new_figure(width=10, height=7)
    axes: Any = figure.add_subplot()
    branch = feeder.branches.take(feeder.branches.closed)
    ends = np.stack([position[branch.from_bus], position[branch.to_bus]], axis=1)
    width = np.array([0.0, 0.6, 1.0, 1.6])[branch.phases.sum(axis=1)]
    axes.add_collection(LineCollection(list(ends), colors=_LINE, linewidths=width.tolist()))
    source = position[feeder.source_bus]
    axes.plot(*source, marker="s", color=_SOURCE, markersize=8, zorder=3)
    axes.annotate("source", source, xytext=(6, 6), textcoords="offset points", color=_SOURCE)
    row = {name: k for k, name in enumerate(feeder.buses.id.tolist())}
    most = max((p.kw for p in result.placements), default=1.0)
    for p in result.placements:
        at = position[row[p.bus]]
        axes.scatter(*at, s=40 + 500 * p.kw / most, color=_UNITS, alpha=0.7, zorder=2)
        axes.annotate(p.bus, at, ha="center", va="center", fontsize=7, zorder=4)
    value = "" if result.objective is None else f", value {result.objective:.5g}"
    axes.set_title(f"{result.feeder}: {result.method}, {result.measure}{value}")
    if result.placements:
        total = sum(p.kw for p in result.placements)
        axes.text(
            0.0,
            0.0,
            f"{total:g} kW at {len(result.placements)} sites, the largest {most:g} kW; "
            "areas by rating, labels are buses",
            transform=axes.transAxes,
            fontsize=8,
        )
    axes.autoscale()
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_axis_off()
    return figure


def plot_coordinate_functions(
    result: SparResult, path: str | Path, buses: Sequence[str] | None = None
) -> Path:
    """Draw learned functions over the first iterations, later ones darker (Fig. 2).

    Parameters
    ----------
    result : SparResult
        A run that kept snapshots.
    path : path-like
        As in :func:`~pygridjl.core.figures.save_figure`; so are what is returned and raised.
    buses : sequence of str, optional
        Sites to draw; by default the nine whose learned function falls most.

    Raises
    ------
    InvalidOptionError
        Also if the run kept no snapshots or a bus is no site.
    """
    if len(result.snapshots) == 0:
        raise InvalidOptionError("plot: the run kept no snapshots")
    if buses is None:
        lowest = np.minimum(np.cumsum(result.slopes[:, :-1], axis=1).min(axis=1), 0.0)
        buses = [result.sites[k] for k in np.argsort(lowest, kind="stable")[:9]]
    n = len(buses)
    columns = min(3, max(n, 1))
    figure = new_figure(width=3.4 * columns, height=2.5 * -(-n // columns))
    shades: FloatArray = np.linspace(0.75, 0.0, len(result.snapshots))
    for k, bus in enumerate(buses):
        axes: Any = figure.add_subplot(-(-n // columns), columns, k + 1)
        for t, shade in enumerate(shades):
            axes.plot(result.coordinate_function(bus, t), color=str(shade), linewidth=1.0)
        axes.set_title(f"bus {bus}", fontsize=9)
        axes.tick_params(labelsize=7)
        if k + columns >= n:
            axes.set_xlabel("units", fontsize=8)
    figure.subplots_adjust(hspace=0.45, wspace=0.35)
    return save_figure(figure, path)


def _positions(feeder: Feeder) -> FloatArray:
    """Own coordinates, gaps filled from the neighbours in the tree; a plain tree without any."""
    tree = feeder.tree
    own = np.column_stack([feeder.buses.x, feeder.buses.y])
    known: BoolArray = np.isfinite(own).min(axis=1)
    if not known.any():
        return _plain_tree(feeder)
    outward = [(int(tree.parent[bus]), bus) for bus in tree.order[1:].tolist()]
    inward = [(bus, up) for up, bus in reversed(outward)]
    # Inward first for what lies before the first bus with coordinates.
    for giver, taker in [*inward, *outward]:
        if known[giver] and not known[taker]:
            own[taker], known[taker] = own[giver], True
    return own


def _plain_tree(feeder: Feeder) -> FloatArray:
    """Depth to the right; every end on a row of its own, parents amid their children."""
    tree = feeder.tree
    ends = np.zeros(feeder.n_bus)
    for bus in tree.order[:0:-1].tolist():
        ends[bus] = max(ends[bus], 1.0)
        ends[tree.parent[bus]] += ends[bus]
    low = np.zeros(feeder.n_bus)
    used = np.zeros(feeder.n_bus)
    for bus in tree.order[1:].tolist():
        up = int(tree.parent[bus])
        low[bus] = low[up] + used[up]
        used[up] += ends[bus]
    return np.column_stack([tree.depth.astype(np.float64), -(low + ends / 2)])
