"""Picture of a schedule."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pygridjl.core.figures import new_figure, save_figure

if TYPE_CHECKING:
    from pygridjl.reconfiguration.schedule.result import ScheduleResult

__all__ = ["plot_timetable"]


def plot_timetable(plan: ScheduleResult, path: str | Path) -> Path:
    """Draw when which branch is open, among those that change, and the losses by period.

    Parameters
    ----------
    plan : ScheduleResult
        The schedule.
    path : path-like
        Where to write; the suffix chooses the format.

    Returns
    -------
    Path
        The file written.
    """
    columns = [set(plan.base_open), *map(set, plan.open_branches)]
    always = set.intersection(*columns)
    ids = sorted(set.union(*columns) - always)
    is_open = np.array([[k in column for column in columns] for k in ids], dtype=float)
    figure = new_figure(width=10, height=2.6 + 0.28 * len(ids))
    table, bars = figure.subplots(2, 1, gridspec_kw={"height_ratios": [max(len(ids), 2), 4]})
    if ids:
        table.imshow(is_open, aspect="auto", cmap="Greys", vmin=0, vmax=1.6)
    names = ["today", *plan.periods]
    table.set_yticks(range(len(ids)), [f"branch {k}" for k in ids])
    every = max(len(names) // 13, 1)
    table.set_xticks(range(0, len(names), every), names[::every])
    table.set_title(
        f"{plan.network}: dark where a branch is open, {sum(plan.operations)} operations"
    )
    bars.bar(range(1, len(names)), plan.loss_kwh, color="tab:blue")
    bars.set(xlim=(-0.5, len(names) - 0.5), ylabel="AC losses, kWh", xlabel="period")
    bars.set_xticks(range(0, len(names), every), names[::every])
    return save_figure(figure, Path(path))
