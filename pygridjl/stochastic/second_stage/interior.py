"""Small dense convex quadratic programs, by an interior-point method."""

from __future__ import annotations

import numpy as np

from pygridjl._jit import kernel
from pygridjl._types import FloatArray

__all__ = ["minimise_quadratic"]

# Steps without improvement after which rounding has won, once the error is this small.
PATIENCE, NEAR = 3, 1e-6
# A step shorter than this is tried again.
SHORT = 0.1


@kernel
def _longest(v: FloatArray, dv: FloatArray) -> float:
    """How far v may go along dv and stay nonnegative, at most 1."""
    length = 1.0
    for i in range(v.shape[0]):
        if dv[i] < 0.0:
            length = min(length, -v[i] / dv[i])
    return length


@kernel
def _factorise(a: FloatArray) -> None:
    """Overwrite the lower triangle of a semidefinite matrix by its Cholesky factor.

    A pivot lost to rounding, as the last steps have them, becomes so large that its variable
    rests.
    """
    n = a.shape[0]
    for i in range(n):
        for j in range(i + 1):
            total = a[i, j]
            for k in range(j):
                total -= a[i, k] * a[j, k]
            if i > j:
                a[i, j] = total / a[j, j]
            else:
                a[i, i] = np.sqrt(total) if total > 1e-15 * a[i, i] else 1e64


@kernel
def _solve(factor: FloatArray, right: FloatArray) -> FloatArray:
    n = right.shape[0]
    v = right.copy()
    for i in range(n):
        for k in range(i):
            v[i] -= factor[i, k] * v[k]
        v[i] /= factor[i, i]
    for i in range(n - 1, -1, -1):
        v[i] /= factor[i, i]
        for k in range(i):
            v[k] -= factor[i, k] * v[i]
    return v


@kernel
def minimise_quadratic(
    hessian: FloatArray,
    linear: FloatArray,
    rows: FloatArray,
    bound: FloatArray,
    x: FloatArray,
    price: FloatArray,
    tolerance: float,
    max_steps: int,
) -> int:
    """Minimise ½ xᵀHx + hᵀx subject to x ≥ 0 and rows·x ≤ bound (Mehrotra 1992).

    The caller scales: the entries of the answer are about one or less, the objective about one.

    Parameters
    ----------
    hessian, linear : ndarray, shapes (m, m), (m,)
        H, positive semidefinite, and h.
    rows, bound : ndarray, shapes (k, m), (k,)
        The constraints.
    x : ndarray, shape (m,)
        On entry a positive start; on return the answer.
    price : ndarray, shape (k,)
        On return the multipliers of the rows, at least 0.
    tolerance : float
        Complementarity and residuals to end at; where rounding forbids them, the best reached.
    max_steps : int
        Steps at most.

    Returns
    -------
    int
        Number of steps.
    """
    m, k = linear.shape[0], bound.shape[0]
    z = np.ones(m)
    slack = np.maximum(bound - rows @ x, 0.1)
    price[:] = 1.0
    best = np.inf
    best_x, best_price = x.copy(), price.copy()
    idle, count = 0, 0
    while count < max_steps:
        slope = hessian @ x + linear
        primal = rows @ x + slack - bound
        mu = (x @ z + slack @ price) / (m + k)
        off = np.abs(slope + price @ rows - z).max()
        error = max(mu, off, np.abs(primal).max())
        if error < best:
            best, idle = error, 0
            best_x[:], best_price[:] = x, price
        elif best < NEAR:
            idle += 1
        if best < tolerance or idle > PATIENCE or not np.isfinite(error):
            break
        count += 1
        weight = price / slack
        scaled = rows.copy()
        for i in range(k):
            scaled[i] *= weight[i]
        normal = hessian + rows.T @ scaled
        for j in range(m):
            normal[j, j] += z[j] / x[j]
        _factorise(normal)
        shortfall = slope + (weight * primal) @ rows
        dx = _solve(normal, -shortfall)
        ds = -primal - rows @ dx
        dz = -z - z / x * dx
        dp = -price - weight * ds
        # One length for all: with a curved objective the dual residual follows x too.
        t = min(_longest(x, dx), _longest(slack, ds), _longest(z, dz), _longest(price, dp))
        after = ((x + t * dx) @ (z + t * dz) + (slack + t * ds) @ (price + t * dp)) / (m + k)
        target = mu * min(after / mu, 1.0) ** 3
        # As much of the second-order terms as of the step they were computed for.
        second_x, second_s = t * t * dx * dz, t * t * ds * dp
        for attempt in range(2):
            cx = (target - second_x) / x
            cs = (target - second_s) / slack
            dx = _solve(normal, cx - cs @ rows - shortfall)
            ds = -primal - rows @ dx
            dz = cx - z - z / x * dx
            dp = cs - price - weight * ds
            t = min(_longest(x, dx), _longest(slack, ds), _longest(z, dz), _longest(price, dp))
            t = min(1.0, 0.995 * t)
            after = (x + t * dx) @ (z + t * dz) + (slack + t * ds) @ (price + t * dp)
            if attempt == 1 or (t > SHORT and after < mu * (m + k)):
                break
            # The second-order terms mislead: centre without them.
            target = 0.5 * mu
            second_x, second_s = 0.0 * second_x, 0.0 * second_s
        x += t * dx
        slack += t * ds
        z += t * dz
        price += t * dp
    x[:], price[:] = best_x, best_price
    return count
