"""Pictures of a redistribution: stills for papers and the page in three dimensions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pygridjl.balancing.files import LoadPaths
from pygridjl.balancing.result import BalancingResult
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.figures import new_figure, save_figure
from pygridjl.core.types import FloatArray
from pygridjl.report.page3d import Embedding, Scene, write_page

__all__ = ["plot_balance", "write_balance_page"]

_BEFORE, _AFTER = "#b9c0c6", "#1f6f8b"
# Circuits whose paths are drawn; the bars show all up to the second number.
_PATHS, _BARS = 6, 60


def plot_balance(loads: LoadPaths, result: BalancingResult, path: str | Path) -> Path:
    """Draw R_i of every circuit and the paths of the largest before and after.

    Parameters
    ----------
    loads : LoadPaths
        The data.
    result : BalancingResult
        An answer on them.
    path : path-like
        Where to write; the suffix chooses the format.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    InvalidOptionError
        If the result holds no assignment, or the suffix is no format.
    """
    if not result.assignment:
        raise InvalidOptionError("plot: the result holds no assignment")
    lines = sorted(result.circuits, key=lambda c: -(c.risk_before or c.risk or 0.0))
    shown = lines[:_PATHS]
    rows = -(-len(shown) // 2)
    figure = new_figure(width=12, height=3.2 + 1.9 * rows)
    grid = figure.add_gridspec(rows + 1, 2, height_ratios=[2.6, *[1.7] * rows], hspace=0.45)
    _draw_bars(figure.add_subplot(grid[0, :]), result)
    after = np.array([result.assignment[p] for p in loads.service_points])
    before = None if loads.circuits is None else np.array(loads.circuits)
    for k, line in enumerate(shown):
        axes = figure.add_subplot(grid[1 + k // 2, k % 2])
        if before is not None and line.risk_before is not None:
            _draw_path(axes, loads.deviations[before == line.circuit], _BEFORE, "before")
        _draw_path(axes, loads.deviations[after == line.circuit], _AFTER, "after")
        axes.set_title(line.circuit, loc="left", fontsize=9)
        axes.grid(alpha=0.25)
        if k == 0:
            axes.legend(fontsize=7, frameon=False, ncols=2)
    figure.suptitle(_title(result), fontsize=12, x=0.02, ha="left")
    return save_figure(figure, path)


def _title(result: BalancingResult) -> str:
    change = "" if result.rms_before is None else f"{result.rms_before:.4g} → "
    parts = [f"{result.data}, {result.method}", f"J {change}{result.rms:.4g}"]
    if result.gap is not None and result.bound is not None:
        parts.append(f"{result.status.value}, gap {100 * result.gap:.3f} %")
    return "   ·   ".join(parts)


def _draw_bars(axes: Any, result: BalancingResult) -> None:
    lines = result.circuits[:_BARS]
    place = np.arange(len(lines))
    known = [line.risk_before is not None for line in lines]
    if all(known):
        axes.bar(place - 0.2, [c.risk_before for c in lines], 0.38, color=_BEFORE, label="before")
    axes.bar(place + 0.2, [c.risk for c in lines], 0.38, color=_AFTER, label="after")
    axes.set_xticks(place, [c.circuit for c in lines], fontsize=8)
    axes.set_ylabel(f"R_i ({result.measure})")
    axes.legend(fontsize=8, frameon=False, ncols=2)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _draw_path(axes: Any, paths: FloatArray, colour: str, label: str) -> None:
    axes.plot(paths.sum(axis=0), color=colour, lw=1.0, label=label)


def write_balance_page(
    loads: LoadPaths,
    result: BalancingResult,
    path: str | Path,
    *,
    embedding: Embedding = "symbolic",
) -> Path:
    """Write the 3-D page of a redistribution with its RMS risks before and after.

    Parameters
    ----------
    loads : LoadPaths
        The data. Where they do not name today's circuits, the page begins with the service
        points on the circuits in turns, and says so.
    result : BalancingResult
        An answer on them.
    path : path-like
        Where to write; must end in ``.html``.
    embedding : {"symbolic", "pca"}
        Places of the service points at first.

    Returns
    -------
    Path
        The file written: one HTML page that opens without a network.

    Raises
    ------
    InvalidOptionError
        If the result holds no assignment, or the path or embedding cannot be used.
    """
    if not result.assignment:
        raise InvalidOptionError("page: the result holds no assignment")
    names = tuple(line.circuit for line in result.circuits)
    place = {name: i for i, name in enumerate(names)}
    after = np.array([place[result.assignment[p]] for p in loads.service_points])
    lines = [result.problem, f"{result.method}: {result.status.value}"]
    if result.gap is not None:
        lines.append(f"gap {100 * result.gap:.3g} % in {result.measure}")
    if loads.circuits is None:
        before = np.arange(after.size) % len(names)
        lines.append("before: in turns, today's circuits are not known")
    else:
        before = np.array([place[name] for name in loads.circuits])
    risks = [
        np.array(
            [
                float(np.sqrt((loads.deviations[where == i].sum(axis=0) ** 2).mean()))
                for i in range(len(names))
            ]
        )
        for where in (before, after)
    ]
    scene = Scene(
        title=f"Redistribution: {loads.name}",
        lines=tuple(lines),
        groups=names,
        measure="R",
        measure_before=risks[0],
        measure_after=risks[1],
        total="J",
        total_text="J = Σ R, rms on this path",
        total_before=float(risks[0].sum()),
        total_after=float(risks[1].sum()),
        points=loads.service_points,
        actual=loads.actual.mean(axis=1),
        predicted=loads.predicted.mean(axis=1),
        spread=np.sqrt((loads.deviations**2).mean(axis=1)),
        before=before.astype(np.int64),
        after=after.astype(np.int64),
    )
    return write_page(scene, path, embedding=embedding)
