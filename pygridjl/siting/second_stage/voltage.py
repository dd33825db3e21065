"""The condensed second stage of F^vd: a small piecewise-linear problem for each scenario."""

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
from pygridjl.solvers.compiled.piecewise import independent_rows, minimise_polyhedral

__all__ = ["solve_voltage"]

# Slope of a limit as a kink, over the largest slope of the objective: far above any multiplier
# seen; what is not exact shows as a gap and goes to the full engine.
LIMIT_SLOPE = 20.0
BOUND_SLOPE = 1000.0


@kernel
def solve_voltage(
    P0: FloatArray,
    Q0: FloatArray,
    U0: FloatArray,
    sign: IntArray,
    fixed: FloatArray,
    reward: float,
    cap: FloatArray,
    site_of: IntArray,
    col_id: IntArray,
    site_id: IntArray,
    first_label: IntArray,
    sensitivity: FloatArray,
    steepest: float,
    path_start: IntArray,
    path_node: IntArray,
    tan: float,
    u_ref: float,
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
    P0, Q0, U0 : ndarray, shape (n_node,)
        State without units.
    sign : ndarray of int, shape (n_node,)
        Sign of U − u_ref where no decision of the second stage can change it, else 0.
    fixed : ndarray, shape (m,)
        Slope of the terms of fixed sign, less ``reward``.
    reward : float
        What a p.u. injected is worth beside the deviations.
    cap : ndarray, shape (n_active,)
        Capacity of each active site.
    site_of, col_id : ndarray of int, shape (m,)
        Active site of each column; number of the column in the problem.
    site_id : ndarray of int, shape (n_active,)
        Number of the site in the problem.
    first_label : ndarray of int, shape (3,)
        Where the labels of sites, nodes and limits begin.
    sensitivity : ndarray, shape (m, n_node)
        Change of U by each column.
    steepest : float
        Largest sum of its magnitudes over the nodes.
    path_start, path_node : ndarray of int
        Nodes from each column to the source.
    tan, u_ref, limit, kinds
        See :class:`~pygridjl.siting.second_stage.operation.Operation`.
    warm : ndarray of int
        Labels of the kinks that met at an earlier optimum; on return those of this one.
    n_warm : int
        How many.
    x : ndarray, shape (m,)
        On return the columns.
    by_u, by_p, by_q : ndarray, shape (n_node,)
        Derivatives of the Lagrangian by the state: on entry ``sign`` and zeros.

    Returns
    -------
    value, lower : float
        Objective at a feasible point, and what the multipliers prove.
    lazy : int
        Number of limits that were needed; −1 if the answer cannot be used.
    """
    m, n_site = site_of.shape[0], cap.shape[0]
    mixed = np.flatnonzero(sign == 0)
    n_mixed = mixed.shape[0]
    base = m + n_site + n_mixed
    rows = np.zeros((base + MAX_LAZY, m))
    shift = np.zeros(base + MAX_LAZY)
    up = np.zeros(base + MAX_LAZY)
    down = np.zeros(base + MAX_LAZY)
    label = np.zeros(base + MAX_LAZY, dtype=np.int64)
    for j in range(m):
        rows[j, j], down[j], label[j] = 1.0, BOUND_SLOPE * steepest, col_id[j]
        rows[m + site_of[j], j] = 1.0
    for k in range(n_site):
        at = m + k
        shift[at], up[at] = -cap[k], BOUND_SLOPE * steepest
        label[at] = first_label[0] + site_id[k]
    for r in range(n_mixed):
        at, i = m + n_site + r, mixed[r]
        for j in range(m):
            rows[at, j] = sensitivity[j, i]
        shift[at], up[at], down[at] = U0[i] - u_ref, 1.0, 1.0
        label[at] = first_label[1] + i
    # Limits that mattered last time are there from the start.
    lazy = 0
    node = np.empty(MAX_LAZY, dtype=np.int64)
    kind = np.empty(MAX_LAZY, dtype=np.int64)
    for w in range(n_warm):
        if warm[w] >= first_label[2] and lazy < MAX_LAZY:
            node[lazy] = (warm[w] - first_label[2]) // kinds.shape[0]
            kind[lazy] = (warm[w] - first_label[2]) % kinds.shape[0]
            lazy += 1
    wanted = np.empty(m, dtype=np.int64)
    basis = np.empty(m, dtype=np.int64)
    multiplier = np.zeros(base + MAX_LAZY)
    x[:] = 0.0
    new_node = np.empty(ROUND, dtype=np.int64)
    new_kind = np.empty(ROUND, dtype=np.int64)
    built = 0
    started = False
    while True:
        for k in range(built, lazy):
            at, i, c = base + k, node[k], kind[k]
            limit_row(i, c, tan, sensitivity, path_start, path_node, kinds, rows, at)
            shift[at] = kinds[c, 0] * P0[i] + kinds[c, 1] * Q0[i] + kinds[c, 2] * U0[i]
            shift[at] -= limit[i, c]
            up[at] = LIMIT_SLOPE * steepest
            label[at] = first_label[2] + i * kinds.shape[0] + c
        size = base + lazy
        if not started:
            started = True
            count = 0
            for w in range(n_warm):
                for at in range(size):
                    if label[at] == warm[w] and count < m:
                        wanted[count] = at
                        count += 1
                        break
            independent_rows(rows, wanted, count, basis)
        built = lazy
        steps = minimise_polyhedral(
            size,
            rows,
            shift,
            up,
            down,
            fixed,
            basis,
            1e-11 * (1.0 + steepest),
            40 * m + 400,
            multiplier,
            x,
        )
        if steps < 0:
            return np.nan, np.nan, -1
        cap_sites(x, site_of, cap)
        P, Q, U = P0.copy(), Q0.copy(), U0.copy()
        state_at(x, tan, sensitivity, path_start, path_node, P, Q, U)
        found = worst_limits(P, Q, U, limit, kinds, new_node, new_kind)
        if found == 0:
            break
        lazy = admit_limits(found, new_node, new_kind, lazy, node, kind)
        if lazy < 0:
            return np.nan, np.nan, -1
    for j in range(m):
        warm[j] = label[basis[j]]
    value = np.abs(U - u_ref).sum() - reward * x.sum()
    slope = fixed.copy()
    for r in range(n_mixed):
        at = m + n_site + r
        by_u[mixed[r]] = multiplier[at]
        for j in range(m):
            slope[j] += multiplier[at] * rows[at, j]
    lower = (by_u * (U0 - u_ref)).sum()
    for k in range(lazy):
        at = base + k
        y = multiplier[at]
        if y > 0.0:
            for j in range(m):
                slope[j] += y * rows[at, j]
            lower += y * shift[at]
            by_p[node[k]] += y * kinds[kind[k], 0]
            by_q[node[k]] += y * kinds[kind[k], 1]
            by_u[node[k]] += y * kinds[kind[k], 2]
    lower += site_bound(slope, site_of, cap)
    return value, lower, lazy
