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

__all__ = ["independent_rows", "minimise_polyhedral"]

REFACTOR = 64


class Vertex(NamedTuple):
    """Where the search stands.

    Row w of ``inverse`` is the edge that leaves row w of the basis; ``side`` and ``value`` are the
    signs and values of all rows, 0 in the basis; ``steep`` is the gradient without the basis.
    """

    inverse: FloatArray
    side: IntArray
    value: FloatArray
    steep: FloatArray


@kernel
def independent_rows(rows: FloatArray, wanted: IntArray, n_wanted: int, basis: IntArray) -> None:
    """Choose m independent rows: the wanted ones in their order, then unit rows.

    Rows 0 … m − 1 of ``rows`` must be the unit vectors.
    """
    m = rows.shape[1]
    reduced = np.empty((m, m))
    row = np.empty(m)
    pivot_of = np.empty(m, dtype=np.int64)
    used = np.zeros(m, dtype=np.bool_)
    count = 0
    for w in range(n_wanted):
        if count == m:
            break
        size = 0.0
        for j in range(m):
            row[j] = rows[wanted[w], j]
            size = max(size, abs(row[j]))
        for c in range(count):
            factor = row[pivot_of[c]]
            if factor != 0.0:
                for j in range(m):
                    row[j] -= factor * reduced[c, j]
        best, at = 0.0, -1
        for j in range(m):
            if not used[j] and abs(row[j]) > best:
                best, at = abs(row[j]), j
        if at < 0 or best <= 1e-6 * size:
            continue
        for j in range(m):
            reduced[count, j] = row[j] / row[at]
        pivot_of[count] = at
        used[at] = True
        basis[count] = wanted[w]
        count += 1
    for j in range(m):
        if not used[j]:
            basis[count] = j
            count += 1


@kernel
def _crossing(step: FloatArray, weight: FloatArray, who: IntArray, n: int, slope: float) -> int:
    """Position of the kink at which a descent of initial ``slope`` < 0 ends; −1 if it never does.

    On return all kinks passed before it stand in front of it. A weighted selection: linear time.
    """
    low, high = 0, n
    while high - low > 1:
        a, b, c = step[low], step[(low + high) // 2], step[high - 1]
        pivot = max(min(a, b), min(max(a, b), c))
        # Three-way partition; the middle part is not empty, so each round shrinks the range.
        left, right, k = low, high, low
        gained = 0.0
        while k < right:
            if step[k] < pivot:
                gained += weight[k]
                step[k], step[left] = step[left], step[k]
                weight[k], weight[left] = weight[left], weight[k]
                who[k], who[left] = who[left], who[k]
                left += 1
                k += 1
            elif step[k] > pivot:
                right -= 1
                step[k], step[right] = step[right], step[k]
                weight[k], weight[right] = weight[right], weight[k]
                who[k], who[right] = who[right], who[k]
            else:
                k += 1
        if slope + gained >= 0.0:
            high = left
            continue
        for k in range(left, right):
            gained += weight[k]
            if slope + gained >= 0.0:
                return k
        slope += gained
        low = right
    if low < high and (high < n or slope + weight[low] >= 0.0):
        return low
    # Summed in another order the last digits may say that the descent goes on, but it had been
    # seen to end before ``high``.
    return low - 1 if high < n else -1


@kernel
def _refactor(
    n: int,
    rows: FloatArray,
    shift: FloatArray,
    up: FloatArray,
    down: FloatArray,
    linear: FloatArray,
    basis: IntArray,
    vertex: Vertex,
    x: FloatArray,
) -> None:
    """Compute the vertex of a basis from scratch."""
    m = rows.shape[1]
    inverse, side, value, steep = vertex.inverse, vertex.side, vertex.value, vertex.steep
    # Gauss-Jordan with row pivots.
    work = np.empty((m, m))
    for w in range(m):
        for j in range(m):
            work[w, j] = rows[basis[w], j]
            inverse[w, j] = 1.0 if w == j else 0.0
    for c in range(m):
        best = c
        for w in range(c + 1, m):
            if abs(work[w, c]) > abs(work[best, c]):
                best = w
        for j in range(m):
            work[c, j], work[best, j] = work[best, j], work[c, j]
            inverse[c, j], inverse[best, j] = inverse[best, j], inverse[c, j]
        pivot = work[c, c]
        for j in range(m):
            work[c, j] /= pivot
            inverse[c, j] /= pivot
        for w in range(m):
            factor = work[w, c]
            if w != c and factor != 0.0:
                for j in range(m):
                    work[w, j] -= factor * work[c, j]
                    inverse[w, j] -= factor * inverse[c, j]
    for w in range(m):
        for j in range(w):
            inverse[w, j], inverse[j, w] = inverse[j, w], inverse[w, j]
    for j in range(m):
        x[j] = 0.0
        steep[j] = linear[j]
    for w in range(m):
        moved = _moved(shift, basis[w])
        for j in range(m):
            x[j] -= moved * inverse[w, j]
    for i in range(n):
        total = _moved(shift, i)
        for j in range(m):
            total += rows[i, j] * x[j]
        value[i] = total
        side[i] = 1 if total >= 0 else -1
    for w in range(m):
        value[basis[w]] = 0.0
        side[basis[w]] = 0
    for i in range(n):
        slope = _slope(side[i], up[i], down[i])
        if slope != 0.0:
            for j in range(m):
                steep[j] += slope * rows[i, j]


@kernel
def _moved(shift: FloatArray, i: int) -> float:
    """Shift of a row, moved a little.

    Ties make steps of length zero, which could go round for ever; tiny, distinct shifts of the
    rows have none.
    """
    return float(shift[i] + 1e-11 * (1.0 + ((i * 7919) % 1009) / 1009.0))


@kernel
def _slope(side: int, up: float, down: float) -> float:
    """Slope with which a kink off the vertex takes part; those of the basis have side 0."""
    if side == 0:
        return 0.0
    return up if side > 0 else -down


@kernel
def minimise_polyhedral(
    n: int,
    rows: FloatArray,
    shift: FloatArray,
    up: FloatArray,
    down: FloatArray,
    linear: FloatArray,
    basis: IntArray,
    tolerance: float,
    max_steps: int,
    multiplier: FloatArray,
    x: FloatArray,
) -> int:
    """Minimise from the vertex where the rows of ``basis`` vanish.

    Parameters
    ----------
    n : int
        Number of rows in use, the first of N.
    rows, shift : ndarray, shapes (N, m), (N,)
        a and b.
    up, down : ndarray, shape (N,)
        Slopes on either side of each kink, at least 0.
    linear : ndarray, shape (m,)
        g.
    basis : ndarray of int, shape (m,)
        Independent rows; on return those of the last vertex.
    tolerance : float
        How far a multiplier may lie outside its range.
    max_steps : int
        Steps at most.
    multiplier : ndarray, shape (N,)
        On return the slope in [−down, up] each row takes part with; at an optimum
        ``g + Σ multiplier_i a_i = 0``.
    x : ndarray, shape (m,)
        On return the vertex.

    Returns
    -------
    int
        Number of steps; −1 if it did not arrive.
    """
    m = rows.shape[1]
    vertex = Vertex(np.empty((m, m)), np.empty(n, dtype=np.int64), np.empty(n), np.empty(m))
    inverse, side, value, steep = vertex.inverse, vertex.side, vertex.value, vertex.steep
    step = np.empty(n)
    weight = np.empty(n)
    who = np.empty(n, dtype=np.int64)
    rate = np.empty(n)
    price = np.empty(m)
    direction = np.empty(m)
    age = REFACTOR
    for count in range(max_steps):
        if age >= REFACTOR:
            age = 0
            _refactor(n, rows, shift, up, down, linear, basis, vertex, x)
        age += 1
        leave, best, sign = -1, 0.0, 1.0
        for w in range(m):
            i = basis[w]
            price[w] = 0.0
            for j in range(m):
                price[w] -= inverse[w, j] * steep[j]
            over = price[w] - up[i]
            under = -down[i] - price[w]
            excess = max(over, under)
            if excess > tolerance:
                length = 0.0
                for j in range(m):
                    length += inverse[w, j] * inverse[w, j]
                score = excess * excess / length
                if score > best:
                    best, leave = score, w
                    sign = 1.0 if over > under else -1.0
        if leave < 0:
            for i in range(n):
                multiplier[i] = up[i] if side[i] > 0 else -down[i]
            for w in range(m):
                i = basis[w]
                multiplier[i] = min(max(price[w], -down[i]), up[i])
            # The vertex where it belongs, without the shifts.
            for j in range(m):
                x[j] = 0.0
                for w in range(m):
                    x[j] -= shift[basis[w]] * inverse[w, j]
            return count
        out = basis[leave]
        slope = -(price[leave] - up[out]) if sign > 0 else price[leave] + down[out]
        for j in range(m):
            direction[j] = sign * inverse[leave, j]
        found = 0
        for i in range(n):
            v = 0.0
            for j in range(m):
                v += rows[i, j] * direction[j]
            rate[i] = v
            if (side[i] > 0 and v < -1e-12) or (side[i] < 0 and v > 1e-12):
                step[found] = max(-value[i] / v, 0.0)
                weight[found] = abs(v) * (up[i] + down[i])
                who[found] = i
                found += 1
        if found == 0:
            return -1
        at = _crossing(step, weight, who, found, slope)
        if at < 0:
            return -1
        enter, t = who[at], step[at]
        for k in range(at):
            i = who[k]
            for j in range(m):
                steep[j] -= side[i] * (up[i] + down[i]) * rows[i, j]
            side[i] = -side[i]
        gone = _slope(side[enter], up[enter], down[enter])
        come = up[out] if sign > 0 else -down[out]
        for j in range(m):
            steep[j] += come * rows[out, j] - gone * rows[enter, j]
        for i in range(n):
            value[i] += t * rate[i]
        side[out] = 1 if sign > 0 else -1
        side[enter] = 0
        value[out] = sign * t
        value[enter] = 0.0
        basis[leave] = enter
        pivot = sign * rate[enter]
        for j in range(m):
            inverse[leave, j] /= pivot
        for w in range(m):
            if w != leave:
                factor = 0.0
                for j in range(m):
                    factor += inverse[w, j] * rows[enter, j]
                for j in range(m):
                    inverse[w, j] -= factor * inverse[leave, j]
    return -1
