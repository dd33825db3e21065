"""Distributions of the errors, as Figures 1 to 3 of the paper show them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pygridjl.core.figures import new_figure, save_figure
from pygridjl.optimal_flow.linearisation.evaluate import Evaluation

__all__ = ["plot_errors"]


def plot_errors(evaluations: Mapping[str, Evaluation], title: str, path: str | Path) -> Path:
    """Draw the signed errors of the power balance over all buses and draws, a box a point.

    Parameters
    ----------
    evaluations : mapping of str to Evaluation
        By name of the point.
    title : str
        Above the drawing.
    path : path-like
        Where to write; the suffix chooses the format.

    Returns
    -------
    Path
        The file written.
    """
    figure = new_figure(width=10, height=1.6 + 0.5 * len(evaluations))
    axes = figure.subplots(1, 2, sharey=True)
    for side, name, pick in zip(axes, ("active", "reactive"), ("error_p", "error_q"), strict=True):
        values = [getattr(e, pick).ravel() for e in evaluations.values()]
        side.boxplot(
            values,
            orientation="horizontal",
            whis=(1, 99),
            showfliers=False,
            tick_labels=list(evaluations),
        )
        side.set_xscale("symlog", linthresh=1e-4)
        side.set_xlabel(f"{name} balance error by bus and draw, p.u. (box: quartiles, 1-99 %)")
        side.grid(alpha=0.25)
    figure.suptitle(title, fontsize=11, x=0.02, ha="left")
    return save_figure(figure, Path(path))
