"""How figures are made and written: no display, no global state, no half-written files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.files import replacing_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["new_figure", "save_figure"]


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
    kind = target.suffix.lstrip(".").lower()
    known = figure.canvas.get_supported_filetypes()
    if kind not in known:
        raise InvalidOptionError(f"plot: {target.name!r} must end in one of .{', .'.join(known)}")
    with replacing_file(target) as temporary:
        figure.savefig(temporary, format=kind, bbox_inches="tight")
    return target
