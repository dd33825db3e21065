"""The condensed second stage of F^vd: a small piecewise-linear problem for each scenario."""

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
from pygridjl.solvers.compiled.piecewise import Kinks, independent_rows, minimise_polyhedral

__all__ = ["solve_voltage"]

# Slope of a limit as a kink, over the largest slope of the objective: far above any multiplier
# seen; what is not exact shows as a gap and goes to the full engine.
LIMIT_SLOPE = 20.0
BOUND_SLOPE = 1000.0


@kernel
def solve_voltage(
    base: State,
    u_ref: float,
    fixed: FloatArray,
    reward: float,
    cap: FloatArray,
    columns: Columns,
    limits: Limits,
    first_label: IntArray,
    warm: IntArray,
    n_warm: int,
    x: FloatArray,
    by: State,
) -> tuple[float, float, int]:
    """Solve one scenario.

    Parameters
    ----------
    base : State
        State without units, arrays of shape (n_node,).
    u_ref : float
        See :class:`~pygridjl.siting.second_stage.operation.Operation`.
    fixed : ndarray, shape (m,)
        Slope of the terms of fixed sign, less ``reward``.
    reward : float
        What a p.u. injected is worth beside the deviations.
    cap : ndarray, shape (n_active,)
        Capacity of each active site.
    columns : Columns
        Columns of the active sites.
    limits : Limits
        Line limits and voltage band.
    first_label : ndarray of int, shape (3,)
        Where the labels of sites, nodes and limits begin; those of columns begin at 0.
    warm : ndarray of int
        Labels of the kinks that met at an earlier optimum; on return those of this one.
    n_warm : int
        How many.
    x : ndarray, shape (m,)
        On return the columns.
    by : State
        Derivatives of the Lagrangian by the state. On entry zeros, but by U the sign of U − u_ref
        where no decision of the second stage can change it.

    Returns
    -------
    value, lower : float
        Objective at a feasible point, and what the multipliers prove.
    lazy : int
        Number of limits that were needed; −1 if the answer cannot be used.
    """
    m, n_site, n_kind = columns.site_of.size, cap.size, limits.kinds.shape[0]
    mixed = np.flatnonzero(by.U == 0.0)
    first_mixed = m + n_site
    first_limit = first_mixed + mixed.size
    rows = np.zeros((first_limit + MAX_LAZY, m))
    shift = np.zeros(first_limit + MAX_LAZY)
    up = np.zeros(first_limit + MAX_LAZY)
    down = np.zeros(first_limit + MAX_LAZY)
    label = np.zeros(first_limit + MAX_LAZY, dtype=np.int64)
    for j in range(m):
        rows[j, j], rows[m + columns.site_of[j], j] = 1.0, 1.0
        down[j], label[j] = BOUND_SLOPE * columns.steepest, columns.number[j]
    for k in range(n_site):
        at = m + k
        shift[at], up[at] = -cap[k], BOUND_SLOPE * columns.steepest
        label[at] = first_label[0] + columns.site[k]
    for r in range(mixed.size):
        at, i = first_mixed + r, mixed[r]
        rows[at] = columns.sensitivity[:, i]
        shift[at], up[at], down[at] = base.U[i] - u_ref, 1.0, 1.0
        label[at] = first_label[1] + i
    # Limits that mattered last time are there from the start.
    lazy, built, started = 0, 0, False
    node = np.empty(MAX_LAZY, dtype=np.int64)
    kind = np.empty(MAX_LAZY, dtype=np.int64)
    for w in range(n_warm):
        if warm[w] >= first_label[2] and lazy < MAX_LAZY:
            node[lazy] = (warm[w] - first_label[2]) // n_kind
            kind[lazy] = (warm[w] - first_label[2]) % n_kind
            lazy += 1
    basis = np.empty(m, dtype=np.int64)
    multiplier = np.zeros(first_limit + MAX_LAZY)
    x[:] = 0.0
    state = base
    while True:
        for k in range(built, lazy):
            at = first_limit + k
            shift[at] = limit_row(node[k], kind[k], base, columns, limits, rows[at])
            up[at] = LIMIT_SLOPE * columns.steepest
            label[at] = first_label[2] + node[k] * n_kind + kind[k]
        size = first_limit + lazy
        if not started:
            started = True
            wanted = np.empty(n_warm, dtype=np.int64)
            count = 0
            for w in range(n_warm):
                place = np.flatnonzero(label[:size] == warm[w])
                if place.size > 0:
                    wanted[count] = place[0]
                    count += 1
            independent_rows(rows, wanted[:count], basis)
        built = lazy
        kinks = Kinks(rows[:size], shift[:size], up[:size], down[:size], fixed)
        tolerance = 1e-11 * (1.0 + columns.steepest)
        steps = minimise_polyhedral(kinks, basis, tolerance, 40 * m + 400, multiplier[:size], x)
        if steps < 0:
            return np.nan, np.nan, -1
        cap_sites(x, columns.site_of, cap)
        state = state_at(base, columns, x)
        nodes, kinds = worst_limits(state, limits)
        if nodes.size == 0:
            break
        lazy = admit_limits(nodes, kinds, lazy, node, kind)
        if lazy < 0:
            return np.nan, np.nan, -1
    for j in range(m):
        warm[j] = label[basis[j]]
    value = np.abs(state.U - u_ref).sum() - reward * x.sum()
    for r in range(mixed.size):
        by.U[mixed[r]] = multiplier[first_mixed + r]
    lower = (by.U * (base.U - u_ref)).sum()
    # Without the columns' own bounds, which the last line takes into account.
    slope = fixed + multiplier[first_mixed:size] @ rows[first_mixed:size]
    for k in range(lazy):
        y = multiplier[first_limit + k]
        lower += y * shift[first_limit + k]
        by.P[node[k]] += y * limits.kinds[kind[k], 0]
        by.Q[node[k]] += y * limits.kinds[kind[k], 1]
        by.U[node[k]] += y * limits.kinds[kind[k], 2]
    lower += site_bound(slope, columns.site_of, cap)
    return value, lower, lazy
