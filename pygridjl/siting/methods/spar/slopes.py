"""The learned slopes of the coordinate functions, (10)–(12), and how a sample updates them."""

from __future__ import annotations

import numpy as np

from pygridjl.core.jit import kernel
from pygridjl.core.types import FloatArray, IntArray
from pygridjl.siting.registry import Sides
from pygridjl.solvers.compiled.isotonic import project_changed

__all__ = ["coordinate_values", "update_slopes"]


def coordinate_values(slopes: FloatArray) -> FloatArray:
    """Return V_i(k) of every coordinate function at its breakpoints, with V_i(0) = 0.

    Parameters
    ----------
    slopes : ndarray, shape (..., L + 1)
        v_i(k), the slope between k and k + 1 units.

    Returns
    -------
    ndarray, shape (..., L + 1)
        V_i(k) for k = 0 … L. The last slope lies beyond the last breakpoint.
    """
    values = np.zeros_like(slopes)
    np.cumsum(slopes[..., :-1], axis=-1, out=values[..., 1:])
    return values


def update_slopes(
    slopes: FloatArray, units: IntArray, gradient: FloatArray, step: float, sides: Sides
) -> None:
    """Move slopes towards a sampled subgradient and make them convex again, in place.

    For every site ``z = (1 − step) v + step g`` at one slope, then projection. ``"right"`` moves
    the slope that begins at the site's units, as printed in the paper; ``"left"`` the one that
    ends there (at zero units, where none does, the right one); ``"both"`` the left one and then
    the right one, each followed by its projection. Slopes begin at zero and only those at the
    decision are sampled, so ``"right"`` alone never corrects a slope it once took for too steep
    and ``"left"`` alone never finds out what a second unit is worth; hence ``"both"`` by default.

    Parameters
    ----------
    slopes : ndarray, shape (n_site, L + 1)
        v_i(k); every row nondecreasing.
    units : ndarray of int, shape (n_site,)
        Where the subgradient was taken, 0 … L.
    gradient : ndarray, shape (n_site,)
        Sampled subgradient per unit.
    step : float
        In (0, 1].
    sides : {"right", "left", "both"}
        Which slopes to move.
    """
    _update(slopes, units, gradient, step, sides != "right", sides != "left")


@kernel
def _update(
    slopes: FloatArray,
    units: IntArray,
    gradient: FloatArray,
    step: float,
    left: bool,
    right: bool,
) -> None:
    for i in range(units.size):
        row = slopes[i]
        if left and units[i] > 0:
            k = units[i] - 1
            row[k] = (1.0 - step) * row[k] + step * gradient[i]
            project_changed(row, k)
        if right or units[i] == 0:
            k = units[i]
            row[k] = (1.0 - step) * row[k] + step * gradient[i]
            project_changed(row, k)
