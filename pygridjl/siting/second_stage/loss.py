"""The condensed second stage of F^pl: a small quadratic program for each scenario."""

from __future__ import annotations

import numpy as np

from pygridjl.core.jit import kernel
from pygridjl.core.types import FloatArray, IntArray
from pygridjl.siting.second_stage.limits import (
    MAX_LAZY,
    Columns,
    Limits,
    State,
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
    base: State,
    constant: float,
    linear: FloatArray,
    hessian: FloatArray,
    cap: FloatArray,
    columns: Columns,
    limits: Limits,
    warm: IntArray,
    x: FloatArray,
    by: State,
) -> tuple[float, float, int]:
    """Solve one scenario.

    Parameters
    ----------
    constant, linear, hessian : float and ndarrays, shapes (m,), (m, m)
        Loss as a function of the columns, ``constant + linear·x + ½ xᵀ hessian x``.
    warm : ndarray of int
        Limits that mattered at an earlier optimum, then −1; on return those of this one.
    x : ndarray, shape (m,)
        On return the columns.
    by : State
        Zeros; on return the multipliers of the limits, as derivatives by the state.
    base, cap, columns, limits
        See :func:`~pygridjl.siting.second_stage.voltage.solve_voltage`.

    Returns
    -------
    value, lower : float
        Objective at a feasible point, and what the multipliers prove.
    lazy : int
        Number of limits that were needed; −1 if the answer cannot be used.
    """
    m, n_site, n_kind = linear.size, cap.size, limits.kinds.shape[0]
    rows = np.zeros((n_site + MAX_LAZY, m))
    bound = np.ones(n_site + MAX_LAZY)
    price = np.zeros(n_site + MAX_LAZY)
    size, inside = np.empty(m), np.empty(m)
    for j in range(m):
        rows[columns.site_of[j], j] = 1.0
        size[j] = cap[columns.site_of[j]]
    for j in range(m):
        inside[j] = 1.0 / (1.0 + rows[columns.site_of[j]].sum())
    scale = max(np.abs(linear * size).max(), 1e-300)
    small = np.empty((m, m))
    for i in range(m):
        small[i] = hessian[i] * size * (size[i] / scale)
    full_row = np.zeros((MAX_LAZY, m))
    shift = np.zeros(MAX_LAZY)
    norm = np.ones(MAX_LAZY)
    node = np.empty(MAX_LAZY, dtype=np.int64)
    kind = np.empty(MAX_LAZY, dtype=np.int64)
    lazy, built = 0, 0
    while lazy < min(warm.size, MAX_LAZY) and warm[lazy] >= 0:
        node[lazy], kind[lazy] = divmod(warm[lazy], n_kind)
        lazy += 1
    while True:
        for k in range(built, lazy):
            shift[k] = limit_row(node[k], kind[k], base, columns, limits, full_row[k])
            norm[k] = max(np.abs(full_row[k] * size).max(), 1e-12)
            rows[n_site + k] = full_row[k] * size / norm[k]
            bound[n_site + k] = -shift[k] / norm[k]
        built = lazy
        x[:] = inside
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
        cap_sites(x, columns.site_of, cap)
        nodes, kinds = worst_limits(state_at(base, columns, x), limits)
        if nodes.size == 0:
            break
        lazy = admit_limits(nodes, kinds, lazy, node, kind)
        if lazy < 0:
            return np.nan, np.nan, -1
    curved = hessian @ x
    value = constant + float(linear @ x) + 0.5 * float(x @ curved)
    slope = linear + curved
    lower = value - float(slope @ x)
    kept = 0
    for k in range(lazy):
        y = price[n_site + k] * scale / norm[k]
        slope += y * full_row[k]
        lower += y * shift[k]
        by.P[node[k]] += y * limits.kinds[kind[k], 0]
        by.Q[node[k]] += y * limits.kinds[kind[k], 1]
        by.U[node[k]] += y * limits.kinds[kind[k], 2]
        if price[n_site + k] > 1e-9 and kept < warm.size:
            warm[kept] = node[k] * n_kind + kind[k]
            kept += 1
    for w in range(kept, warm.size):
        warm[w] = -1
    lower += site_bound(slope, columns.site_of, cap)
    return value, lower, lazy
