"""Unconstrained minimisation of a convex piecewise-linear function in few variables.

    minimise  g·x + Σ_i up_i max(0, a_i·x + b_i) + down_i max(0, −a_i·x − b_i)

by moving from vertex to vertex of the arrangement of its kinks. Constraints enter as kinks whose
slope exceeds any multiplier they can have. Each step leaves along an edge and passes all kinks on
it that still leave a descent (Barrodale and Roberts 1973; Bloomfield and Steiger 1980): this is
the dual simplex method with bound flipping, seen from the other side. One step costs the product
of the rows with one direction.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pygridjl.core.jit import kernel
from pygridjl.core.types import FloatArray, IntArray

__all__ = ["Kinks", "independent_rows", "minimise_polyhedral"]

# Steps after which the vertex is computed afresh.
REFACTOR = 64


class Kinks(NamedTuple):
    """The function: rows a, shape (n, m), shifts b, slopes on either side, linear part g."""

    rows: FloatArray
    shift: FloatArray
    up: FloatArray
    down: FloatArray
    linear: FloatArray


class Vertex(NamedTuple):
    """Where the search stands.

    Row w of ``inverse`` is the edge that leaves row w of the basis; ``side`` and ``value`` are the
    signs and values of all rows, 0 in the basis; ``steep`` is the gradient without the basis.
    """

    inverse: FloatArray
    side: FloatArray
    value: FloatArray
    steep: FloatArray


@kernel
def independent_rows(rows: FloatArray, wanted: IntArray, basis: IntArray) -> None:
    """Choose m independent rows: the wanted ones in their order, then unit rows.

    Rows 0 … m − 1 of ``rows`` must be the unit vectors.
    """
    m = rows.shape[1]
    # Row c of the identity matrix that elimination makes of the rows chosen has its 1 at pivot c.
    reduced = np.zeros((m, m))
    pivot = np.zeros(m, dtype=np.int64)
    free = np.ones(m)
    count = 0
    for w in wanted:
        if count == m:
            break
        row = rows[w] - rows[w][pivot[:count]] @ reduced[:count]
        size = np.abs(row) * free
        at = np.argmax(size)
        if size[at] <= 1e-6 * np.abs(rows[w]).max():
            continue
        row /= row[at]
        reduced[:count] -= reduced[:count, at : at + 1] * row
        reduced[count] = row
        pivot[count] = at
        free[at] = 0.0
        basis[count] = w
        count += 1
    for j in range(m):
        if free[j] > 0.0:
            basis[count] = j
            count += 1


@kernel
def _vertex(kinks: Kinks, shift: FloatArray, basis: IntArray) -> Vertex:
    """Compute the vertex of a basis from scratch."""
    rows = kinks.rows
    inverse = np.linalg.inv(rows[basis]).T.copy()
    value = shift - rows @ (shift[basis] @ inverse)
    side = 2.0 * (value >= 0.0) - 1.0
    for i in basis:
        value[i], side[i] = 0.0, 0.0
    slope = (side > 0.0) * kinks.up - (side < 0.0) * kinks.down
    steep = kinks.linear + slope @ rows
    # NumPy's stubs do not know that all this stays float64.
    return Vertex(inverse, side, value, steep)  # type: ignore[arg-type]


@kernel
def minimise_polyhedral(
    kinks: Kinks,
    basis: IntArray,
    tolerance: float,
    max_steps: int,
    multiplier: FloatArray,
    x: FloatArray,
) -> int:
    """Minimise from the vertex where the rows of ``basis`` vanish.

    Parameters
    ----------
    kinks : Kinks
        The function of m variables; its slopes ``up`` and ``down`` are at least 0.
    basis : ndarray of int, shape (m,)
        Independent rows; on return those of the last vertex.
    tolerance : float
        How far a multiplier may lie outside its range.
    max_steps : int
        Steps at most.
    multiplier : ndarray, shape (n,)
        On return the slope in [−down, up] each row takes part with; at an optimum
        ``g + Σ multiplier_i a_i = 0``.
    x : ndarray, shape (m,)
        On return the vertex.

    Returns
    -------
    int
        Number of steps; −1 if it did not arrive.
    """
    rows, up, down = kinks.rows, kinks.up, kinks.down
    m = rows.shape[1]
    bend = up + down
    # Ties make steps of length zero, which could go round for ever; tiny, distinct shifts of the
    # rows have none.
    moved = kinks.shift + 1e-11 * (1.0 + np.arange(up.size) * 7919 % 1009 / 1009.0)
    vertex = _vertex(kinks, moved, basis)
    for count in range(max_steps):
        if count > 0 and count % REFACTOR == 0:
            vertex = _vertex(kinks, moved, basis)
        inverse, side, value, steep = vertex
        price = -(inverse @ steep)
        # Whole rows at a time, for the plain form's sake.
        over, under = price - up[basis], -down[basis] - price
        excess = np.maximum(over, under)
        if m == 0 or excess.max() <= tolerance:
            multiplier[:] = (side > 0.0) * up - (side <= 0.0) * down
            x[:] = 0.0
            for w in range(m):
                i = basis[w]
                multiplier[i] = min(max(price[w], -down[i]), up[i])
                # The vertex where it belongs, without the shifts.
                x -= kinks.shift[i] * inverse[w]
            return count
        excess[excess <= tolerance] = 0.0
        norm = np.empty(m)
        for w in range(m):
            norm[w] = inverse[w] @ inverse[w]
        leave = np.argmax(excess * excess / norm)
        sign = 1.0 if over[leave] > under[leave] else -1.0
        out = basis[leave]
        slope = -(price[leave] - up[out]) if sign > 0.0 else price[leave] + down[out]
        rate = rows @ (sign * inverse[leave])
        ahead = np.flatnonzero(side * rate < -1e-12)
        step = np.maximum(-value[ahead] / rate[ahead], 0.0)
        # The descent ends at the kink that takes the slope along the edge to zero.
        enter, t = -1, 0.0
        for k in np.argsort(step):
            i = ahead[k]
            slope += abs(rate[i]) * bend[i]
            if slope >= 0.0:
                enter, t = i, step[k]
                break
            steep -= side[i] * bend[i] * rows[i]
            side[i] = -side[i]
        if enter < 0:
            return -1
        come = up[out] if sign > 0.0 else -down[out]
        gone = up[enter] if side[enter] > 0.0 else -down[enter]
        steep += come * rows[out] - gone * rows[enter]
        value += t * rate
        side[out], side[enter] = sign, 0.0
        value[out], value[enter] = sign * t, 0.0
        basis[leave] = enter
        inverse[leave] /= sign * rate[enter]
        factor = inverse @ rows[enter]
        factor[leave] = 0.0
        inverse -= factor.reshape((m, 1)) * inverse[leave]
    return -1
