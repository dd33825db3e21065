"""Rows of line polygons and voltage band in the few columns of a condensed second stage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pygridjl.core.jit import kernel
from pygridjl.core.types import BoolArray, FloatArray, IntArray

__all__ = [
    "MAX_LAZY",
    "Column",
    "Columns",
    "Limits",
    "State",
    "admit_limits",
    "cap_sites",
    "first_violation",
    "join_columns",
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


class State(NamedTuple):
    """Flows into the nodes and squared voltages, or the derivatives of something by them."""

    P: FloatArray
    Q: FloatArray
    U: FloatArray


class Column(NamedTuple):
    """What 1 p.u. of a column changes: U everywhere, and flows on its way to the source.

    Attributes
    ----------
    sensitivity : ndarray, shape (n_node,)
        Change of U.
    path : ndarray of int, shape (k,)
        Nodes whose flows change.
    path_p, path_q : ndarray, shape (k,)
        By how much.
    curvature : ndarray, shape (n_col,)
        Row of the loss's Hessian; empty where losses are not asked for.
    """

    sensitivity: FloatArray
    path: IntArray
    path_p: FloatArray
    path_q: FloatArray
    curvature: FloatArray


class Columns(NamedTuple):
    """The columns of the sites in use.

    Attributes
    ----------
    site_of : ndarray of int, shape (m,)
        Active site of each column.
    number, site : ndarray of int, shapes (m,), (n_active,)
        Number of the column, and of the active site, in the problem.
    sensitivity : ndarray, shape (m, n_node)
        Change of U by each column.
    steepest : float
        Largest slope of the objective: sum of its magnitudes over the nodes, and the worth of an
        injected p.u.
    path_start, path_node : ndarray of int
        Nodes from each column to the source, one column after the other.
    path_p, path_q : ndarray
        Change of the flows into these nodes by the column.
    """

    site_of: IntArray
    number: IntArray
    site: IntArray
    sensitivity: FloatArray
    steepest: float
    path_start: IntArray
    path_node: IntArray
    path_p: FloatArray
    path_q: FloatArray


def join_columns(
    parts: Sequence[Column],
    site_of: IntArray,
    number: IntArray,
    site: IntArray,
    n_node: int,
    worth: float,
) -> Columns:
    """Return what some columns change side by side.

    Parameters
    ----------
    parts : sequence of Column
        Of each column.
    site_of, number, site
        As :class:`Columns` has them.
    n_node : int
        Number of nodes.
    worth : float
        What an injected p.u. is worth.
    """
    sensitivity = np.array([part.sensitivity for part in parts]).reshape(len(parts), n_node)
    return Columns(
        site_of=site_of,
        number=number,
        site=site,
        sensitivity=sensitivity,
        steepest=float(np.abs(sensitivity).sum(axis=1).max(initial=0.0) + worth),
        path_start=np.cumsum([0, *(part.path.size for part in parts)]),
        path_node=np.concatenate([np.zeros(0, dtype=np.int64), *(part.path for part in parts)]),
        path_p=np.concatenate([np.zeros(0), *(part.path_p for part in parts)]),
        path_q=np.concatenate([np.zeros(0), *(part.path_q for part in parts)]),
    )


class Limits(NamedTuple):
    """Rows ``kinds @ (P, Q, U) ≤ bound`` of every node.

    Attributes
    ----------
    kinds : ndarray, shape (n_kind, 3)
        Coefficients, the same at all nodes.
    bound : ndarray, shape (n_node, n_kind)
        Right-hand sides; infinity where there is no limit.
    """

    kinds: FloatArray
    bound: FloatArray


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
def state_at(base: State, columns: Columns, x: FloatArray) -> State:
    """Return the state with the effect of the columns."""
    P, Q = base.P.copy(), base.Q.copy()
    start, path = columns.path_start, columns.path_node
    for j in range(x.shape[0]):
        if x[j] != 0.0:
            for at in range(start[j], start[j + 1]):
                P[path[at]] += columns.path_p[at] * x[j]
                Q[path[at]] += columns.path_q[at] * x[j]
    return State(P, Q, base.U + x @ columns.sensitivity)


@kernel
def worst_limits(state: State, limits: Limits) -> tuple[IntArray, IntArray]:
    """Find up to ROUND rows that are passed most, one a node; return nodes and kinds."""
    kinds, bound = limits
    count = kinds.shape[0]
    passed = np.zeros(state.P.size, dtype=np.bool_)
    for k in range(count):
        over = kinds[k, 0] * state.P + kinds[k, 1] * state.Q + kinds[k, 2] * state.U - bound[:, k]
        # Most states pass nothing, so nothing is kept of those.
        if over.max() > TOLERANCE:
            passed |= over > TOLERANCE
    nodes = np.zeros(ROUND, dtype=np.int64)
    which = np.zeros(ROUND, dtype=np.int64)
    amount = np.zeros(ROUND)
    found, least = 0, 0
    for i in np.flatnonzero(passed):
        worst, kind = 0.0, -1
        for k in range(count):
            most = bound[i, k]
            over_k = kinds[k, 0] * state.P[i] + kinds[k, 1] * state.Q[i]
            over_k += kinds[k, 2] * state.U[i] - most
            if over_k > worst and over_k > TOLERANCE * max(1.0, abs(most)):
                worst, kind = over_k, k
        if kind < 0 or (found == ROUND and amount[least] >= worst):
            continue
        at = least
        if found < ROUND:
            at = found
            found += 1
        amount[at], nodes[at], which[at] = worst, i, kind
        for k in range(found):
            if amount[k] < amount[least]:
                least = k
    return nodes[:found], which[:found]


@kernel
def admit_limits(
    nodes: IntArray, kinds: IntArray, lazy: int, node: IntArray, kind: IntArray
) -> int:
    """Append limits to the ``lazy`` ones in force; return how many there are then.

    −1 if there is no room, or one of them was in force already: probably nothing can hold it.
    """
    found = nodes.size
    if lazy + found > MAX_LAZY:
        return -1
    for f in range(found):
        for k in range(lazy):
            if node[k] == nodes[f] and kind[k] == kinds[f]:
                return -1
    for f in range(found):
        node[lazy + f], kind[lazy + f] = nodes[f], kinds[f]
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
    node: int, kind: int, base: State, columns: Columns, limits: Limits, row: FloatArray
) -> float:
    """Write the coefficients of one limit in the columns; return what is passed without them."""
    by = limits.kinds[kind]
    start, path = columns.path_start, columns.path_node
    for j in range(row.size):
        row[j] = by[2] * columns.sensitivity[j, node]
        if by[0] != 0.0 or by[1] != 0.0:
            for at in range(start[j], start[j + 1]):
                if path[at] == node:
                    row[j] += by[0] * columns.path_p[at] + by[1] * columns.path_q[at]
                    break
    there = by[0] * base.P[node] + by[1] * base.Q[node] + by[2] * base.U[node]
    return float(there - limits.bound[node, kind])


def first_violation(state: State, limits: Limits) -> BoolArray:
    """Whether each row of a batch of states passes some limit."""
    passed = np.zeros(state.P.shape[0], dtype=np.bool_)
    for k, (by_p, by_q, by_u) in enumerate(limits.kinds):
        bound = limits.bound[:, k]
        over = by_p * state.P + by_q * state.Q + by_u * state.U - bound
        passed |= (over > TOLERANCE * np.maximum(1.0, np.abs(bound))).any(axis=1)
    return passed
