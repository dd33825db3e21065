"""Laplacian systems of large meshed graphs: conjugate gradients on a sampled elimination.

Exact elimination of an expander fills in quadratically. Eliminating a node but keeping only a
random tree of the clique it would leave behind costs O(m log n) and preserves the Laplacian in
expectation (R. Kyng and S. Sachdeva, "Approximate Gaussian elimination for Laplacians", FOCS
2016; greedy minimum degree as in Y. Gao, R. Kyng, D. Spielman, 2023). Nodes of degree one and two
are eliminated exactly by the same rule, so the fewer cycles, the better the preconditioner.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array, csc_array

from pygridjl.core.jit import kernel
from pygridjl.core.types import FloatArray, IntArray

__all__ = ["laplacian_matrix", "solve_laplacian"]

# Energy of the error relative to the energy of the solution at which the iteration stops.
ENERGY_TOLERANCE = 1e-14
MAX_ITERATIONS = 500
# Nodes with at least this many neighbours wait in one bucket of the minimum-degree queue.
DEGREE_CAP = 64


class Elimination(NamedTuple):
    """A sampled L D Lᵀ elimination, stored as one star for each node in order.

    Eliminating ``node[k]`` passes shares ``share[start[k]:start[k + 1]]`` of what is left at the
    node to its neighbours ``target[…]`` one after the other; the last one takes the rest.
    """

    node: IntArray
    start: IntArray
    target: IntArray
    share: FloatArray
    pivot: FloatArray


@kernel
def _unlink(v: int, first: IntArray, after: IntArray, before: IntArray, bucket: IntArray) -> None:
    if before[v] >= 0:
        after[before[v]] = after[v]
    else:
        first[bucket[v]] = after[v]
    if after[v] >= 0:
        before[after[v]] = before[v]


@kernel
def _link(
    v: int, degree: int, first: IntArray, after: IntArray, before: IntArray, bucket: IntArray
) -> None:
    b = min(max(degree, 0), first.shape[0] - 1)
    bucket[v] = b
    before[v] = -1
    after[v] = first[b]
    if first[b] >= 0:
        before[first[b]] = v
    first[b] = v


@kernel
def _sort_by_value(half: IntArray, value: FloatArray, count: int) -> None:
    """Sort ``half[:count]`` by the weight of the half edges (insertion: the lists are short)."""
    for i in range(1, count):
        h = half[i]
        w = value[h]
        j = i - 1
        while j >= 0 and value[half[j]] > w:
            half[j + 1] = half[j]
            j -= 1
        half[j + 1] = h


@kernel
def _eliminate(n: int, tail: IntArray, head: IntArray, conductance: FloatArray) -> Elimination:
    m = tail.shape[0]
    # Half edge 2e sits in the list of tail[e], its twin 2e + 1 in that of head[e].
    other = np.empty(2 * m, dtype=np.int64)
    value = np.empty(2 * m)
    following = np.empty(2 * m, dtype=np.int64)
    top = np.full(n, -1, dtype=np.int64)
    degree = np.zeros(n, dtype=np.int64)
    for e in range(m):
        for h, at, to in ((2 * e, tail[e], head[e]), (2 * e + 1, head[e], tail[e])):
            other[h] = to
            value[h] = conductance[e]
            following[h] = top[at]
            top[at] = h
            degree[at] += 1
    first = np.full(DEGREE_CAP + 1, -1, dtype=np.int64)
    after = np.empty(n, dtype=np.int64)
    before = np.empty(n, dtype=np.int64)
    bucket = np.empty(n, dtype=np.int64)
    for v in range(n - 1, -1, -1):
        _link(v, degree[v], first, after, before, bucket)

    node = np.empty(n - 1, dtype=np.int64)
    start = np.zeros(n, dtype=np.int64)
    target = np.empty(2 * m, dtype=np.int64)
    share = np.empty(2 * m)
    pivot = np.zeros(n)
    slot = np.full(n, -1, dtype=np.int64)
    half = np.empty(2 * m, dtype=np.int64)
    cumulated = np.empty(2 * m + 1)
    filled = 0
    random = 12345
    lowest = 0
    for k in range(n - 1):
        while first[lowest] < 0:
            lowest += 1
        v = first[lowest]
        _unlink(v, first, after, before, bucket)
        bucket[v] = -1

        # Gather the neighbours and merge parallel edges; a half edge of value 0 is dead.
        count = 0
        h = top[v]
        while h >= 0:
            u = other[h]
            if value[h] > 0.0:
                if slot[u] < 0:
                    slot[u] = h
                    half[count] = h
                    count += 1
                else:
                    value[slot[u]] += value[h]
                    value[h ^ 1] = 0.0
                    degree[u] -= 1
            h = following[h]
        _sort_by_value(half, value, count)
        cumulated[0] = 0.0
        for i in range(count):
            cumulated[i + 1] = cumulated[i] + value[half[i]]
            slot[other[half[i]]] = -1

        if filled + count > target.shape[0]:
            target = np.concatenate((target, np.empty(target.shape[0] + count, dtype=np.int64)))
            share = np.concatenate((share, np.empty(share.shape[0] + count)))
        scale = 1.0
        total = cumulated[count]
        for i in range(count - 1):
            h = half[i]
            u = other[h]
            f = min(value[h] * scale / total, 1.0)
            random = (random * 1103515245 + 12345) & 0x7FFFFFFF
            pick = cumulated[i + 1] + (cumulated[count] - cumulated[i + 1]) * random / 2147483648.0
            low, high = i + 1, count - 1
            while low < high:
                middle = (low + high) // 2
                if cumulated[middle + 1] > pick:
                    high = middle
                else:
                    low = middle + 1
            w = other[half[low]]
            # Edge v–u becomes edge w–u: h moves from the list of v to that of w, and its twin,
            # still in the list of u, now leads to w.
            fill = f * (1.0 - f) * total
            other[h ^ 1] = w
            value[h] = fill
            value[h ^ 1] = fill
            following[h] = top[w]
            top[w] = h
            degree[w] += 1
            target[filled] = u
            share[filled] = f
            filled += 1
            scale *= 1.0 - f
            total *= (1.0 - f) * (1.0 - f)
        h = half[count - 1]
        value[h ^ 1] = 0.0
        degree[other[h]] -= 1
        target[filled] = other[h]
        share[filled] = 1.0
        filled += 1
        pivot[v] = value[h] * scale
        # Degrees changed at the neighbours only.
        for i in range(start[k], filled):
            u = target[i]
            _unlink(u, first, after, before, bucket)
            _link(u, degree[u], first, after, before, bucket)
            lowest = min(lowest, bucket[u])
        node[k] = v
        start[k + 1] = filled
    return Elimination(node, start, target[:filled].copy(), share[:filled].copy(), pivot)


@kernel
def _precondition(elimination: Elimination, residual: FloatArray, y: FloatArray) -> None:
    node, start, target, share, pivot = elimination
    y[:] = residual
    for k in range(node.shape[0]):
        left = y[node[k]]
        for i in range(start[k], start[k + 1]):
            y[target[i]] += share[i] * left
            if i < start[k + 1] - 1:
                left *= 1.0 - share[i]
        y[node[k]] = left
    for v in range(y.shape[0]):
        y[v] = y[v] / pivot[v] if pivot[v] > 0.0 else 0.0
    for k in range(node.shape[0] - 1, -1, -1):
        last = start[k + 1] - 1
        left = y[node[k]] + y[target[last]]
        for i in range(last - 1, start[k] - 1, -1):
            left = (1.0 - share[i]) * left + share[i] * y[target[i]]
        y[node[k]] = left


@kernel
def _dot(a: FloatArray, b: FloatArray) -> float:
    # Not BLAS: its threads cost more than they save here, and their number would change the sum.
    total = 0.0
    for i in range(a.shape[0]):
        total += a[i] * b[i]
    return total


@kernel
def _conjugate_gradients(
    elimination: Elimination,
    tail: IntArray,
    head: IntArray,
    conductance: FloatArray,
    injection: FloatArray,
) -> FloatArray:
    n = injection.shape[0]
    x = np.zeros(n)
    residual = injection - injection.mean()
    z = np.empty(n)
    _precondition(elimination, residual, z)
    direction = z.copy()
    image = np.empty(n)
    rho = _dot(residual, z)
    iteration = 0
    energy = 0.0
    # Plain loops: array expressions would allocate several vectors in every iteration.
    while iteration < MAX_ITERATIONS and rho > ENERGY_TOLERANCE * energy:
        image[:] = 0.0
        for e in range(tail.shape[0]):
            current = conductance[e] * (direction[tail[e]] - direction[head[e]])
            image[tail[e]] += current
            image[head[e]] -= current
        step = rho / _dot(direction, image)
        for i in range(n):
            x[i] += step * direction[i]
            residual[i] -= step * image[i]
        # Every step adds its share to the energy bᵀx of the solution.
        energy += step * rho
        _precondition(elimination, residual, z)
        new = _dot(residual, z)
        for i in range(n):
            direction[i] = z[i] + (new / rho) * direction[i]
        rho = new
        iteration += 1
    return x


def laplacian_matrix(n: int, tail: IntArray, head: IntArray, weight: FloatArray) -> csc_array:
    """Return Σ over the edges of weight (e_tail − e_head)(e_tail − e_head)ᵀ.

    Parameters
    ----------
    n : int
        Number of nodes.
    tail, head : ndarray of int, shape (m,)
        Ends of the edges.
    weight : ndarray, shape (m,)
        Their weights, of either sign.

    Returns
    -------
    csc_array, shape (n, n)
        Parallel edges are added up.
    """
    rows = np.concatenate([tail, head, tail, head])
    columns = np.concatenate([tail, head, head, tail])
    values = np.concatenate([weight, weight, -weight, -weight])
    return csc_array(coo_array((values, (rows, columns)), shape=(n, n)))


def solve_laplacian(
    n: int, tail: IntArray, head: IntArray, conductance: FloatArray, injection: FloatArray
) -> FloatArray:
    """Approximate potentials φ with L φ = injection.

    Parameters
    ----------
    n : int
        Number of nodes of the connected graph.
    tail, head : ndarray of int, shape (m,)
        Ends of the edges.
    conductance : ndarray, shape (m,)
        Positive weights of the edges.
    injection : ndarray, shape (n, k)
        Right-hand sides; each column sums to zero.

    Returns
    -------
    ndarray, shape (n, k)
        Error in the energy norm about 1e-7 of the solution. The sampling is seeded inside: equal
        input gives equal output.
    """
    elimination = _eliminate(n, tail, head, conductance)
    columns = []
    for column in injection.T:
        right_hand_side = np.ascontiguousarray(column)
        columns.append(_conjugate_gradients(elimination, tail, head, conductance, right_hand_side))
    return np.column_stack(columns)
