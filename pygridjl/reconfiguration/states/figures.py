"""Figures of losses over a year."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pygridjl.core.figures import new_figure, save_figure

if TYPE_CHECKING:
    from pygridjl.reconfiguration.states.table import StateLosses

__all__ = ["plot_losses"]

# Beyond this many states the line of single states is replaced by a band of days.
MOST_POINTS = 400
HOURS_OF_A_DAY = 24


def plot_losses(table: StateLosses, path: str | Path) -> Path:
    """Draw losses in the order of the states and as duration curves, before and after.

    Parameters
    ----------
    table : StateLosses
        The losses.
    path : path-like
        Where to write; the suffix chooses the format.

    Returns
    -------
    Path
        The file written.
    """
    figure = new_figure(width=11, height=4)
    course, curve = figure.subplots(1, 2)
    sets = [("before", table.base_loss_kw, "tab:gray"), ("after", table.loss_kw, "tab:blue")]
    time = np.cumsum(table.hours) - table.hours / 2
    for name, losses, colour in sets:
        if losses is None:
            continue
        energy = float(table.hours @ losses) / 1e3
        label = f"{name}, {energy:.0f} MWh"
        if losses.size > MOST_POINTS and losses.size % HOURS_OF_A_DAY == 0:
            days = losses.reshape(-1, HOURS_OF_A_DAY)
            noon = time.reshape(-1, HOURS_OF_A_DAY).mean(axis=1)
            course.fill_between(
                noon, days.min(axis=1), days.max(axis=1), color=colour, alpha=0.25, lw=0
            )
            course.plot(noon, days.mean(axis=1), color=colour, lw=1, label=label)
        else:
            course.plot(time, losses, color=colour, lw=1, label=label)
        hours, falling = table.duration(losses)
        curve.step(hours, falling, where="pre", color=colour, label=label)
    course.set(xlabel="hour", ylabel="AC losses, kW (band: range of a day)", ylim=(0, None))
    curve.set(xlabel="hours with at least this loss", ylabel="AC losses, kW", ylim=(0, None))
    for axes in (course, curve):
        axes.grid(alpha=0.25)
        axes.legend(frameon=False, fontsize=9)
    return save_figure(figure, Path(path))
