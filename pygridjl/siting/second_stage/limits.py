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
            U += sensitivity[j] * x[j]


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
    passed = False
    for k in range(kinds.shape[0]):
        over_k = kinds[k, 0] * P + kinds[k, 1] * Q + kinds[k, 2] * U - limit[:, k]
        passed = passed or over_k.max() > TOLERANCE
    if not passed:
        return 0
    found = 0
    amount = np.zeros(ROUND)
    least = 0
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
            at = least
            if amount[at] >= worst:
                continue
        amount[at], nodes[at], which[at] = worst, i, kind
        for k in range(found):
            if amount[k] < amount[least]:
                least = k
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
    total = 0.0
    for k in range(cap.shape[0]):
        total += cap[k] * best[k]
    return total


@kernel
def limit_row(
    node: int,
    kind: int,
    tan: float,
    sensitivity: FloatArray,
    path_start: IntArray,
    path_node: IntArray,
    kinds: FloatArray,
    rows: FloatArray,
    r: int,
) -> None:
    """Write the coefficients of one limit in the columns into row r."""
    flow = -(kinds[kind, 0] + kinds[kind, 1] * tan)
    for j in range(rows.shape[1]):
        rows[r, j] = kinds[kind, 2] * sensitivity[j, node]
        if flow != 0.0:
            for at in range(path_start[j], path_start[j + 1]):
                if path_node[at] == node:
                    rows[r, j] += flow
                    break


def first_violation(
    P: FloatArray, Q: FloatArray, U: FloatArray, limit: FloatArray, kinds: FloatArray
) -> BoolArray:
    """Whether each row of a batch of states passes some limit."""
    passed = np.zeros(P.shape[0], dtype=np.bool_)
    for k, (by_p, by_q, by_u) in enumerate(kinds):
        bound = limit[:, k]
        over = by_p * P + by_q * Q + by_u * U - bound
        passed |= (over > TOLERANCE * np.maximum(1.0, np.abs(bound))).any(axis=1)
    return passed
