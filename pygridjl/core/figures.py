"""How figures are made and written: no display, no global state, no half-written files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.files import replacing_file
from pygridjl.core.types import FloatArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["figure_format", "new_figure", "plot_voltages", "save_figure"]


def new_figure(width: float, height: float) -> Figure:
    """Create a figure that belongs to no window.

    Parameters
    ----------
    width, height : float
        Inches.

    Returns
    -------
    Figure
        Empty.
    """
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=130)


def figure_format(path: Path) -> str:
    """Return the format that the suffix of a figure's file stands for.

    Raises
    ------
    InvalidOptionError
        If there is no such format.
    """
    from matplotlib.backend_bases import FigureCanvasBase

    kind = path.suffix.lstrip(".").lower()
    known = FigureCanvasBase.filetypes
    if kind not in known:
        raise InvalidOptionError(f"plot: {path.name!r} must end in one of .{', .'.join(known)}")
    return kind


def save_figure(figure: Figure, path: str | Path) -> Path:
    """Write a figure; the suffix chooses the format.

    Parameters
    ----------
    figure : Figure
        The figure.
    path : path-like
        Target. Its folder must exist.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    InvalidOptionError
        If the suffix is not a format.
    OutputError
        If the file cannot be written.
    """
    target = Path(path)
    kind = figure_format(target)
    with replacing_file(target) as temporary:
        figure.savefig(temporary, format=kind, bbox_inches="tight")
    return target


def plot_voltages(magnitudes: FloatArray, title: str, path: str | Path) -> Path:
    """Draw voltage magnitudes in rising order, one line a phase.

    Parameters
    ----------
    magnitudes : ndarray, shape (n_bus,) or (n_bus, 3)
        p.u.; NaN where there is none.
    title : str
        Above the drawing.
    path : path-like
        As in :func:`save_figure`; so are what is returned and raised.
    """
    figure = new_figure(width=7, height=4)
    axes: Any = figure.add_subplot()
    columns = magnitudes.reshape(len(magnitudes), -1)
    for k, column in enumerate(columns.T):
        known = np.sort(column[np.isfinite(column)])
        label = "abc"[k] if columns.shape[1] > 1 else None
        axes.step(np.arange(known.size), known, where="mid", label=label)
    if columns.shape[1] > 1:
        axes.legend(title="phase")
    axes.set_xlabel("buses in rising order")
    axes.set_ylabel("voltage magnitude, p.u.")
    axes.set_title(title)
    return save_figure(figure, path)
