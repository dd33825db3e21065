"""Curves of siting: scenario fans, decisions over iterations, bounds by sample size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.figures import new_figure, save_figure
from pygridjl.siting.measures import measure_label

if TYPE_CHECKING:
    from pygridjl.scenarios.model import ScenarioSet
    from pygridjl.siting.sample_bounds import BoundsResult, Interval

__all__ = ["plot_bounds", "plot_iterations", "plot_scenarios"]

_COLOURS = ("#1f4e8a", "#e08a1e", "#3a8a5f", "#8a3a6b")


def plot_scenarios(scenarios: ScenarioSet, path: str | Path) -> Path:
    """Draw load and PV of all scenarios: mean over the buses and how far they spread (Fig. 1).

    Parameters
    ----------
    scenarios : ScenarioSet
        The scenarios.
    path : path-like
        As in :func:`~pygridjl.core.figures.save_figure`; so are what is returned and raised.
    """
    figure = new_figure(width=10, height=6)
    at = np.arange(len(scenarios))
    for k, (title, values) in enumerate((("load", scenarios.load), ("PV", scenarios.pv))):
        axes: Any = figure.add_subplot(2, 1, k + 1)
        low, high = values.min(axis=1), values.max(axis=1)
        inner = np.quantile(values, [0.05, 0.95], axis=1)
        axes.fill_between(at, low, high, color=_COLOURS[k], alpha=0.15, lw=0, label="all buses")
        axes.fill_between(at, *inner, color=_COLOURS[k], alpha=0.3, lw=0, label="9 in 10 buses")
        axes.plot(at, values.mean(axis=1), color=_COLOURS[k], lw=1.2, label="mean")
        axes.set_ylabel(f"{title} multiplier")
        axes.margins(x=0)
        axes.legend(fontsize=7, loc="upper right")
    axes.set_xlabel("scenario")
    return save_figure(figure, path)


def plot_iterations(
    curves: Mapping[str, ArrayLike],
    measure: str,
    path: str | Path,
    *,
    no_dg: float | None = None,
    bound: float | None = None,
) -> Path:
    """Draw what the decision of every iteration is worth on the full scenario set (Fig. 3).

    Parameters
    ----------
    curves : mapping
        From the name of a run to the values of its iterations, shape (T,); infinite where the
        decision leaves a scenario infeasible.
    measure : str
        What the values are.
    path : path-like
        As in :func:`~pygridjl.core.figures.save_figure`; so are what is returned and raised.
    no_dg : float, optional
        Value without units.
    bound : float, optional
        Proven lower bound; the right axis then shows the least quality, bound over value.

    Raises
    ------
    InvalidOptionError
        Also if there is no iteration to draw.
    OutputError
        If the file cannot be written.
    """
    drawn = {name: np.asarray(values, dtype=np.float64) for name, values in curves.items()}
    if not any(np.isfinite(values).any() for values in drawn.values()):
        raise InvalidOptionError("plot: no iteration has a decision that can be evaluated")
    figure = new_figure(width=7, height=4.2)
    axes: Any = figure.add_subplot()
    for k, (name, values) in enumerate(drawn.items()):
        shown = np.where(np.isfinite(values), values, np.nan)
        axes.plot(np.arange(1, values.size + 1), shown, color=_COLOURS[k % 4], lw=1.1, label=name)
    if no_dg is not None:
        axes.axhline(no_dg, color="0.5", ls=":", lw=1, label="without units")
    if bound is not None:
        axes.axhline(bound, color="0.2", ls="--", lw=1, label="proven bound")
    axes.set_xlabel("iteration")
    axes.set_ylabel(measure_label(measure))
    axes.legend(fontsize=7)
    if bound is not None and bound > 0:
        # Both ways the same map; values are positive.
        right: Any = axes.secondary_yaxis("right", functions=(_ratio(bound), _ratio(bound)))
        right.set_ylabel("bound over value, %")
    return save_figure(figure, path)


def _ratio(bound: float) -> Any:
    def of(value: ArrayLike) -> Any:
        safe = np.maximum(np.asarray(value, dtype=np.float64), 1e-9 * bound)
        return 100 * bound / safe

    return of


def plot_bounds(
    results: Sequence[BoundsResult],
    measure: str,
    path: str | Path,
    *,
    value: float | None = None,
    bound: float | None = None,
) -> Path:
    """Draw the intervals of (31) and (36) and those of proven bounds by sample size.

    Parameters
    ----------
    results : sequence of BoundsResult
        One for each sample size.
    measure : str
        What the values are.
    path : path-like
        As in :func:`~pygridjl.core.figures.save_figure`; so are what is returned and raised.
    value, bound : float, optional
        Best value known and proven bound on the full scenario set.
    """
    figure = new_figure(width=7, height=4.2)
    axes: Any = figure.add_subplot()
    families: list[tuple[str, list[Interval | None]]] = [
        ("decisions on the full set, (31)", [r.upper for r in results]),
        ("heuristic on its samples, (36): no bound", [r.printed_lower for r in results]),
        ("proven bounds of the samples", [r.lower for r in results]),
    ]
    at = np.arange(len(results))
    for k, (name, intervals) in enumerate(families):
        there = [(x, i) for x, i in zip(at, intervals, strict=True) if i is not None]
        if not there:
            continue
        axes.errorbar(
            [x + 0.12 * (k - 1) for x, _ in there],
            [i.mean for _, i in there],
            yerr=[[i.mean - i.low for _, i in there], [i.high - i.mean for _, i in there]],
            fmt="o",
            capsize=4,
            color=_COLOURS[k],
            label=name,
        )
    if value is not None:
        axes.axhline(value, color="0.5", ls=":", lw=1, label="best value, full set")
    if bound is not None:
        axes.axhline(bound, color="0.2", ls="--", lw=1, label="proven bound, full set")
    axes.set_xticks(at, [str(r.batch_size) for r in results])
    axes.set_xlabel("scenarios in a sample")
    axes.set_ylabel(measure_label(measure))
    axes.legend(fontsize=7)
    return save_figure(figure, path)
