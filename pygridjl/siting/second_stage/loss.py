"""The condensed second stage of F^pl: a small quadratic program for each scenario."""

from __future__ import annotations

import numpy as np

from pygridjl.core.jit import kernel
from pygridjl.core.types import FloatArray, IntArray
from pygridjl.siting.second_stage.limits import (
    MAX_LAZY,
    ROUND,
    admit_limits,
    cap_sites,
    limit_row,
    site_bound,
    state_at,
    worst_limits,
)
from pygridjl.solvers.compiled.dense_qp import minimise_quadratic

__all__ = ["solve_loss"]

# Complementarity relative to the largest linear term.
TOLERANCE = 1e-12
MAX_STEPS = 60


@kernel
def solve_loss(
    P0: FloatArray,
    Q0: FloatArray,
    U0: FloatArray,
    constant: float,
    linear: FloatArray,
    hessian: FloatArray,
    cap: FloatArray,
    site_of: IntArray,
    sensitivity: FloatArray,
    path_start: IntArray,
    path_node: IntArray,
    tan: float,
    limit: FloatArray,
    kinds: FloatArray,
    warm: IntArray,
    n_warm: int,
    x: FloatArray,
    by_u: FloatArray,
    by_p: FloatArray,
    by_q: FloatArray,
) -> tuple[float, float, int]:
    """Solve one scenario.

    Parameters
    ----------
    constant, linear, hessian : float and ndarrays, shapes (m,), (m, m)
        Loss as a function of the columns, ``constant + linear·x + ½ xᵀ hessian x``.
    warm : ndarray of int
        Limits that mattered at an earlier optimum; on return those of this one.
    n_warm : int
        How many.
    x : ndarray, shape (m,)
        On return the columns.
    by_u, by_p, by_q : ndarray, shape (n_node,)
        On return the multipliers of the limits, as derivatives by the state.
    P0, Q0, U0, cap, site_of, sensitivity, path_start, path_node, tan, limit, kinds
        See :func:`~pygridjl.siting.second_stage.voltage.solve_voltage`.

    Returns
    -------
    value, lower : float
        Objective at a feasible point, and what the multipliers prove.
    lazy : int
        Number of limits that were needed; −1 if the answer cannot be used.
    """
    m, n_site = site_of.shape[0], cap.shape[0]
    size = np.empty(m)
    width = np.zeros(n_site)
    for j in range(m):
        size[j] = cap[site_of[j]]
        width[site_of[j]] += 1.0
    scale = max(np.abs(linear * size).max(), 1e-300)
    small = np.empty((m, m))
    for i in range(m):
        for j in range(m):
            small[i, j] = hessian[i, j] * size[i] * size[j] / scale
    rows = np.zeros((n_site + MAX_LAZY, m))
    bound = np.ones(n_site + MAX_LAZY)
    price = np.zeros(n_site + MAX_LAZY)
    for j in range(m):
        rows[site_of[j], j] = 1.0
    full_row = np.zeros((MAX_LAZY, m))
    shift = np.zeros(MAX_LAZY)
    norm = np.ones(MAX_LAZY)
    node = np.empty(MAX_LAZY, dtype=np.int64)
    kind = np.empty(MAX_LAZY, dtype=np.int64)
    lazy = 0
    for w in range(min(n_warm, MAX_LAZY)):
        node[lazy], kind[lazy] = divmod(warm[w], kinds.shape[0])
        lazy += 1
    new_node = np.empty(ROUND, dtype=np.int64)
    new_kind = np.empty(ROUND, dtype=np.int64)
    built = 0
    P, Q, U = P0.copy(), Q0.copy(), U0.copy()
    while True:
        for k in range(built, lazy):
            i, c = node[k], kind[k]
            limit_row(i, c, tan, sensitivity, path_start, path_node, kinds, full_row, k)
            shift[k] = kinds[c, 0] * P0[i] + kinds[c, 1] * Q0[i] + kinds[c, 2] * U0[i]
            shift[k] -= limit[i, c]
            norm[k] = max(np.abs(full_row[k] * size).max(), 1e-12)
            rows[n_site + k] = full_row[k] * size / norm[k]
            bound[n_site + k] = -shift[k] / norm[k]
        built = lazy
        for j in range(m):
            x[j] = 1.0 / (1.0 + width[site_of[j]])
        count = n_site + lazy
        minimise_quadratic(
            small,
            linear * size / scale,
            rows[:count],
            bound[:count],
            x,
            price[:count],
            TOLERANCE,
            MAX_STEPS,
        )
        if not np.isfinite(x).all():
            return np.nan, np.nan, -1
        x *= size
        cap_sites(x, site_of, cap)
        P[:], Q[:], U[:] = P0, Q0, U0
        state_at(x, tan, sensitivity, path_start, path_node, P, Q, U)
        found = worst_limits(P, Q, U, limit, kinds, new_node, new_kind)
        if found == 0:
            break
        lazy = admit_limits(found, new_node, new_kind, lazy, node, kind)
        if lazy < 0:
            return np.nan, np.nan, -1
    curved = hessian @ x
    value = constant + float(linear @ x) + 0.5 * float(x @ curved)
    slope = linear + curved
    lower = value - float(slope @ x)
    by_u[:], by_p[:], by_q[:] = 0.0, 0.0, 0.0
    kept = 0
    for k in range(lazy):
        y = price[n_site + k] * scale / norm[k]
        slope += y * full_row[k]
        lower += y * shift[k]
        by_p[node[k]] += y * kinds[kind[k], 0]
        by_q[node[k]] += y * kinds[kind[k], 1]
        by_u[node[k]] += y * kinds[kind[k], 2]
        if price[n_site + k] > 1e-9 and kept < warm.shape[0]:
            warm[kept] = node[k] * kinds.shape[0] + kind[k]
            kept += 1
    for w in range(kept, warm.shape[0]):
        warm[w] = -1
    lower += site_bound(slope, site_of, cap)
    return value, lower, lazy
