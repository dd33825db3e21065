"""Unconstrained minimisation of a convex piecewise-linear function in few variables.

    minimise  g·x + Σ_i up_i max(0, a_i·x + b_i) + down_i max(0, −a_i·x − b_i)

by moving from vertex to vertex of the arrangement of its kinks. Constraints enter as kinks whose
slope exceeds any multiplier they can have. Each step leaves along an edge and passes all kinks on
it that still leave a descent (Barrodale and Roberts 1973; Bloomfield and Steiger 1980): this is
the dual simplex method with bound flipping, seen from the other side. One step costs the product
of the rows with one direction.
"""

from __future__ import annotations

import numpy as np

from pygridjl.core.jit import kernel
from pygridjl.core.types import FloatArray, IntArray

__all__ = ["independent_rows", "minimise_polyhedral"]

REFACTOR = 64


@kernel
def independent_rows(rows: FloatArray, wanted: IntArray, n_wanted: int, basis: IntArray) -> None:
    """Choose m independent rows: the wanted ones in their order, then unit rows.

    Rows 0 … m − 1 of ``rows`` must be the unit vectors.
    """
    m = rows.shape[1]
    reduced = np.empty((m, m))
    pivot_of = np.empty(m, dtype=np.int64)
    used = np.zeros(m, dtype=np.bool_)
    count = 0
    for w in range(n_wanted):
        if count == m:
            break
        row = rows[wanted[w]].copy()
        size = np.abs(row).max()
        for c in range(count):
            factor = row[pivot_of[c]]
            if factor != 0.0:
                row -= factor * reduced[c]
        best, at = 0.0, -1
        for j in range(m):
            if not used[j] and abs(row[j]) > best:
                best, at = abs(row[j]), j
        if at < 0 or best <= 1e-6 * size:
            continue
        reduced[count] = row / row[at]
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
def minimise_polyhedral(
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
    rows, shift : ndarray, shapes (N, m), (N,)
        a and b.
    up, down : ndarray, shape (N,)
        Slopes on either side of each kink.
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
    n, m = rows.shape
    side = np.empty(n, dtype=np.int64)
    inside = np.zeros(n, dtype=np.bool_)
    step = np.empty(n)
    weight = np.empty(n)
    who = np.empty(n, dtype=np.int64)
    inverse = np.empty((m, m))  # transposed: row w is the edge that leaves basis row w
    value = np.empty(n)
    steep = np.empty(m)
    price = np.empty(m)
    # Ties make steps of length zero, which could go round for ever; tiny, distinct shifts of the
    # rows have none.
    moved = shift.copy()
    for i in range(n):
        moved[i] += 1e-11 * (1.0 + ((i * 7919) % 1009) / 1009.0)
    age = REFACTOR
    for count in range(max_steps):
        if age >= REFACTOR:
            age = 0
            inverse[:, :] = np.linalg.inv(rows[basis]).T
            inside[:] = False
            inside[basis] = True
            x[:] = -(moved[basis] @ inverse)
            value[:] = rows @ x + moved
            steep[:] = linear
            for i in range(n):
                if inside[i]:
                    value[i] = 0.0
                    side[i] = 0
                else:
                    side[i] = 1 if value[i] >= 0 else -1
                    steep += (up[i] if side[i] > 0 else -down[i]) * rows[i]
        age += 1
        price[:] = -(inverse @ steep)
        leave, best, sign = -1, 0.0, 1.0
        for w in range(m):
            i = basis[w]
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
            x[:] = -(shift[basis] @ inverse)
            return count
        out = basis[leave]
        slope = -(price[leave] - up[out]) if sign > 0 else price[leave] + down[out]
        direction = sign * inverse[leave]
        rate = rows @ direction
        found = 0
        for i in range(n):
            if inside[i]:
                continue
            v = rate[i]
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
            steep -= side[i] * (up[i] + down[i]) * rows[i]
            side[i] = -side[i]
        steep -= (up[enter] if side[enter] > 0 else -down[enter]) * rows[enter]
        steep += (up[out] if sign > 0 else -down[out]) * rows[out]
        for i in range(n):
            value[i] += t * rate[i]
        side[out] = 1 if sign > 0 else -1
        side[enter] = 0
        value[out] = sign * t
        value[enter] = 0.0
        inside[out], inside[enter] = False, True
        basis[leave] = enter
        pivot = sign * rate[enter]
        inverse[leave] /= pivot
        turned = inverse @ rows[enter]
        for w in range(m):
            if w != leave:
                factor = turned[w]
                for j in range(m):
                    inverse[w, j] -= factor * inverse[leave, j]
    return -1
