"""Rows of line polygons and voltage band in the few columns of a condensed second stage."""

from __future__ import annotations

import numpy as np

from pygridjl.core.jit import kernel
from pygridjl.core.types import BoolArray, FloatArray, IntArray

__all__ = [
    "MAX_LAZY",
    "admit_limits",
    "cap_sites",
    "first_violation",
    "limit_row",
    "site_bound",
    "state_at",
    "worst_limits",
]

# Rows one scenario may collect, and how many at a time.
MAX_LAZY = 64
ROUND = 8
# A row is kept if it is not passed by more than this, relative to its right-hand side or 1 p.u.
TOLERANCE = 1e-9


@kernel
def cap_sites(x: FloatArray, site_of: IntArray, cap: FloatArray) -> None:
    """Bring x into 0 ≤ x, Σ over the columns of each site ≤ cap; rounding put it outside."""
    total = np.zeros(cap.shape[0])
    for j in range(x.shape[0]):
        x[j] = max(x[j], 0.0)
        total[site_of[j]] += x[j]
    for j in range(x.shape[0]):
        k = site_of[j]
        if total[k] > cap[k]:
            x[j] *= cap[k] / total[k]


@kernel
def state_at(
    x: FloatArray,
    tan: float,
    sensitivity: FloatArray,
    path_start: IntArray,
    path_node: IntArray,
    P: FloatArray,
    Q: FloatArray,
    U: FloatArray,
) -> None:
    """Add the effect of the columns to the flows and squared voltages without them."""
    for j in range(x.shape[0]):
        if x[j] != 0.0:
            for at in range(path_start[j], path_start[j + 1]):
                P[path_node[at]] -= x[j]
                Q[path_node[at]] -= tan * x[j]
            for i in range(U.shape[0]):
                U[i] += sensitivity[j, i] * x[j]


@kernel
def worst_limits(
    P: FloatArray,
    Q: FloatArray,
    U: FloatArray,
    limit: FloatArray,
    kinds: FloatArray,
    nodes: IntArray,
    which: IntArray,
) -> int:
    """Find up to ROUND rows that are passed most, one a node; return how many."""
    found = 0
    amount = np.zeros(ROUND)
    for i in range(P.shape[0]):
        worst, kind = 0.0, -1
        for k in range(kinds.shape[0]):
            bound = limit[i, k]
            if bound == np.inf:
                continue
            over = kinds[k, 0] * P[i] + kinds[k, 1] * Q[i] + kinds[k, 2] * U[i] - bound
            if over > TOLERANCE * max(1.0, abs(bound)) and over > worst:
                worst, kind = over, k
        if kind < 0:
            continue
        if found < ROUND:
            at = found
            found += 1
        else:
            at = int(np.argmin(amount))
            if amount[at] >= worst:
                continue
        amount[at], nodes[at], which[at] = worst, i, kind
    return found


@kernel
def admit_limits(
    found: int,
    new_nodes: IntArray,
    new_which: IntArray,
    lazy: int,
    nodes: IntArray,
    which: IntArray,
) -> int:
    """Append the limits found to the ``lazy`` ones in force; return how many there are then.

    −1 if there is no room, or one of them was in force already: probably nothing can hold it.
    """
    if lazy + found > MAX_LAZY:
        return -1
    for f in range(found):
        for k in range(lazy):
            if nodes[k] == new_nodes[f] and which[k] == new_which[f]:
                return -1
    for f in range(found):
        nodes[lazy + f], which[lazy + f] = new_nodes[f], new_which[f]
    return lazy + found


@kernel
def site_bound(slope: FloatArray, site_of: IntArray, cap: FloatArray) -> float:
    """Minimum of slope·x over 0 ≤ x, Σ over the columns of each site ≤ cap."""
    best = np.zeros(cap.shape[0])
    for j in range(slope.shape[0]):
        best[site_of[j]] = min(best[site_of[j]], slope[j])
    return float(cap @ best)


@kernel
def limit_row(
    node: int,
    kind: int,
    tan: float,
    sensitivity: FloatArray,
    path_start: IntArray,
    path_node: IntArray,
    kinds: FloatArray,
    row: FloatArray,
) -> None:
    """Write the coefficients of one limit in the columns."""
    flow = -(kinds[kind, 0] + kinds[kind, 1] * tan)
    for j in range(row.shape[0]):
        row[j] = kinds[kind, 2] * sensitivity[j, node]
        if flow != 0.0:
            for at in range(path_start[j], path_start[j + 1]):
                if path_node[at] == node:
                    row[j] += flow
                    break


@kernel
def first_violation(
    P: FloatArray, Q: FloatArray, U: FloatArray, limit: FloatArray, kinds: FloatArray
) -> BoolArray:
    """Whether each row of a batch of states passes some limit."""
    passed = np.zeros(P.shape[0], dtype=np.bool_)
    nodes = np.empty(ROUND, dtype=np.int64)
    which = np.empty(ROUND, dtype=np.int64)
    for s in range(P.shape[0]):
        passed[s] = worst_limits(P[s], Q[s], U[s], limit, kinds, nodes, which) > 0
    return passed
