"""One-line diagram before and after a reconfiguration, with the voltage profile."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from pygridjl.core.errors import InvalidOptionError, PowerFlowError
from pygridjl.core.figures import new_figure, save_figure
from pygridjl.core.types import BoolArray, FloatArray
from pygridjl.grid.network import Network
from pygridjl.powerflow.newton import newton_power_flow
from pygridjl.report.layout import bus_positions

__all__ = ["plot_reconfiguration"]

_LINE, _OPENED, _CLOSED, _TIE = "#5b6770", "#c8322b", "#1f8a4c", "#b9c0c6"
# Labels on every bus stay readable up to this many buses.
_LABELLED_BUSES = 150


def plot_reconfiguration(
    network: Network, open_branches: Collection[int], title: str, path: str | Path
) -> Path:
    """Draw the switches before and after, and both voltage profiles.

    Parameters
    ----------
    network : Network
        The network.
    open_branches : collection of int
        Ids of the branches open after it.
    title : str
        What stands above the drawing.
    path : path-like
        Where to write; the suffix chooses the format (png, pdf, svg).

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    InvalidOptionError
        If the result holds no configuration or the suffix is not a known format.
    """
    if not open_branches:
        raise InvalidOptionError("plot: the result holds no configuration")
    before = network.branches.closed
    after = network.with_open(tuple(open_branches)).branches.closed
    position = bus_positions(network, before)
    rows = np.unique(position[:, 1]).size
    height = float(np.clip(0.22 * rows, 2.6, 9.0))
    figure = new_figure(width=13, height=2 * height + 3.2)
    grid = figure.add_gridspec(3, 1, height_ratios=[height, height, 2.6], hspace=0.22)
    _draw_network(figure.add_subplot(grid[0]), network, position, before, after, "before")
    _draw_network(figure.add_subplot(grid[1]), network, position, before, after, "after")
    _draw_voltages(figure.add_subplot(grid[2]), network, before, after)
    figure.suptitle(title, fontsize=12, x=0.02, ha="left")
    return save_figure(figure, path)


def _draw_network(
    axes: Any,
    network: Network,
    position: FloatArray,
    before: BoolArray,
    after: BoolArray,
    when: str,
) -> None:
    """Draw closed branches solid, open ones dashed, and what the switching changes in colour."""
    from matplotlib.collections import LineCollection

    ends = position[np.column_stack([network.branches.from_bus, network.branches.to_bus])]
    curves = _curves(ends, bowed=~before)
    now = before if when == "before" else after
    styles = (
        (now & (before == after), _LINE, "-", 1.2, None),
        (~now & (before == after), _TIE, ":", 1.0, "open tie switch"),
        (before & ~after, _OPENED, "-" if when == "before" else "--", 1.8, "to open"),
        (~before & after, _CLOSED, "--" if when == "before" else "-", 1.8, "to close"),
    )
    for rows, colour, dash, width, label in styles:
        if rows.any():
            text = label if when == "before" or label is None else label.replace("to ", "now ")
            if text == "now close":
                text = "now closed"
            lines = LineCollection(
                [curves[k] for k in np.flatnonzero(rows)],
                colors=colour,
                linestyles=dash,
                linewidths=width,
                label=text,
            )
            axes.add_collection(lines)
    for k in np.flatnonzero(before != after):
        x, y = curves[k][curves[k].shape[0] // 2] if ~before[k] else ends[k].mean(axis=0)
        colour = _OPENED if before[k] else _CLOSED
        axes.plot(x, y, marker="s", ms=4, color=colour, mfc=colour if now[k] else "white")
        axes.annotate(
            str(network.branches.id[k]), (x, y), (3, 3), textcoords="offset points",
            fontsize=7, color=colour,
        )  # fmt: skip
    slack = network.slack_buses
    axes.plot(position[:, 0], position[:, 1], "o", ms=3, color=_LINE)
    axes.plot(
        position[slack, 0], position[slack, 1], "s", ms=9, color="#20364b", label="substation"
    )
    if network.n_bus <= _LABELLED_BUSES:
        for name, (x, y) in zip(network.buses.id, position, strict=True):
            axes.annotate(
                name, (x, y), (0, -9), textcoords="offset points", fontsize=6,
                ha="center", color="#7b858c",
            )  # fmt: skip
    axes.set_title(when, loc="left", fontsize=10)
    axes.margins(0.03, 0.12)
    axes.axis("off")
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), fontsize=8, frameon=False, ncols=4)


def _curves(ends: FloatArray, bowed: BoolArray) -> list[FloatArray]:
    """Polylines of the branches; tie switches bow out, so that none hides behind a feeder."""
    step = np.linspace(0.0, 1.0, 17)[:, None]
    scale = np.ptp(ends.reshape(-1, 2), axis=0) + 1e-12
    curves = []
    for (a, b), bow in zip(ends, bowed, strict=True):
        if not bow:
            curves.append(np.array([a, b]))
            continue
        along = (b - a) / scale
        across = np.array([along[1], -along[0]])
        across *= -1.0 if across[1] > 0 else 1.0
        middle = (a + b) / 2 + 0.3 * across * scale
        curves.append((1 - step) ** 2 * a + 2 * step * (1 - step) * middle + step**2 * b)
    return curves


def _draw_voltages(axes: Any, network: Network, before: BoolArray, after: BoolArray) -> None:
    """Voltage magnitude of every bus in both states, with the band."""
    for closed, colour, label in ((before, _TIE, "before"), (after, "#20364b", "after")):
        try:
            v = np.abs(newton_power_flow(network, closed).v)
        except PowerFlowError:
            continue
        axes.plot(v, ".-", ms=4, lw=0.8, color=colour, label=f"{label} (min {v.min():.4f})")
    if axes.lines:
        low, high = axes.get_ylim()
        # A substation's own band is its set-point: it says nothing about the feeders.
        fed = np.setdiff1d(np.arange(network.n_bus), network.slack_buses)
        for value in (network.buses.v_min[fed].max(), network.buses.v_max[fed].min()):
            if low - 0.03 <= value <= high + 0.03:
                axes.axhline(float(value), color=_OPENED, lw=0.8, ls=":")
        axes.legend(fontsize=8, frameon=False, ncols=2)
    axes.set_xlabel("bus, in the order of the table")
    axes.set_ylabel("voltage, p.u.")
    axes.grid(alpha=0.25)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
