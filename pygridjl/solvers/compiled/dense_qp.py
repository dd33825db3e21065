"""Small dense convex quadratic programs, by an interior-point method."""

from __future__ import annotations

import numpy as np

from pygridjl.core.jit import kernel
from pygridjl.core.types import FloatArray

__all__ = ["minimise_quadratic"]

# Steps without improvement after which rounding has won, once the error is this small.
PATIENCE, NEAR = 3, 1e-6
# A step shorter than this is tried again.
SHORT = 0.1
# Smallest complementarity product relative to their mean, and the least decrease of that mean,
# that a step must leave: without both, iterates can jump between corners forever.
CENTRED, DECREASE = 1e-4, 0.01


@kernel
def _longest(v: FloatArray, dv: FloatArray) -> float:
    """How far v may go along dv and stay nonnegative, at most 1."""
    length = 1.0
    for i in range(v.shape[0]):
        if dv[i] < 0.0:
            length = min(length, -v[i] / dv[i])
    return length


@kernel
def _step_length(
    v: FloatArray, dv: FloatArray, w: FloatArray, dw: FloatArray, smallest: float
) -> float:
    """How far to go so that all stays positive, centred, and the mean product decreases.

    Returns 0 where nothing longer than ``smallest`` does.
    """
    mu = v @ w / v.shape[0]
    t = min(1.0, 0.995 * min(_longest(v, dv), _longest(w, dw)))
    while t >= smallest:
        product = (v + t * dv) * (w + t * dw)
        after = product.mean()
        if after <= (1.0 - DECREASE * t) * mu and product.min() >= CENTRED * after:
            return t
        t *= 0.7
    return 0.0


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
        v, w = np.concatenate((x, slack)), np.concatenate((z, price))
        dv, dw = np.concatenate((dx, ds)), np.concatenate((dz, dp))
        t = min(_longest(v, dv), _longest(w, dw))
        after = (v + t * dv) @ (w + t * dw) / (m + k)
        target = mu * min(after / mu, 1.0) ** 3
        # As much of the second-order terms as of the step they were computed for.
        second = t * t * dv * dw
        for attempt in range(2):
            c = (target - second) / v
            dx = _solve(normal, c[:m] - c[m:] @ rows - shortfall)
            ds = -primal - rows @ dx
            dv = np.concatenate((dx, ds))
            dw = c - w - w / v * dv
            t = _step_length(v, dv, w, dw, SHORT if attempt == 0 else 1e-12)
            if t > 0.0:
                break
            # The second-order terms mislead: centre without them.
            target = 0.5 * mu
            second = 0.0 * second
        if t == 0.0:
            break
        x += t * dv[:m]
        slack += t * dv[m:]
        z += t * dw[:m]
        price += t * dw[m:]
    x[:], price[:] = best_x, best_price
    return count
