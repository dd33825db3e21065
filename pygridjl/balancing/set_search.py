"""Depth-first search of the sets of service points whose reduced cost is below a level.

A set S costs its norm ‖Δ_S‖; with prices taken off, its value is ‖Δ_S‖ − Σ_{j∈S} p_j. Sets grow in
one order of the service points, so each is met once. With inner products that bound the norms of
full sets from below, and any y, all sets that grow from S by a set R have

    ‖Δ_S + Δ_R‖ ≥ ⟨y, Δ_S + Δ_R⟩ / ‖y‖        (Cauchy–Schwarz),

which is linear in R: the smallest of ⟨y, δ_j⟩ / ‖y‖ − p_j that still fit bound them from below, and
a branch whose bound reaches the level is left. Two are tried: y = all points, whose bound at the
root holds for every branch, and S with what it lacks spread over all points.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pygridjl.core.jit import kernel, working_time
from pygridjl.core.types import FloatArray, IntArray

__all__ = ["Found", "SetSearch"]

# Nodes between the first two looks at the clock, how fast their number grows, and seconds between
# two looks: a search begins as plain Python and is compiled on its way.
FIRST_NODES, GROWTH, LOOK = 200, 4.0, 0.1


class _Instance(NamedTuple):
    """Service points in the order of the search."""

    inner: FloatArray
    # The inner products of the bound, their sums by row, and their sum.
    lower: FloatArray
    lower_sums: FloatArray
    lower_sum: float
    profit: FloatArray
    demand: FloatArray
    capacity: float
    smallest: int
    largest: int


class _Stack(NamedTuple):
    """Where the search stands: by depth, the point chosen, inner products, square, profit, load.

    ``lower_slopes`` and ``lower_square`` are those of the bound, ``lower_all`` is the inner product
    of the set with all points.
    """

    chosen: IntArray
    slopes: FloatArray
    lower_slopes: FloatArray
    square: FloatArray
    lower_square: FloatArray
    lower_all: FloatArray
    profit: FloatArray
    load: FloatArray
    following: IntArray
    # Depth, number of sets found.
    place: IntArray


class Found(NamedTuple):
    """Sets below the level: members filled up with n, and their values."""

    members: IntArray
    value: FloatArray


class SetSearch:
    """One search, which can be stopped and gone on with.

    Parameters
    ----------
    inner : ndarray, shape (n, n)
        Inner products of the deviations; the square of a set's norm is their sum over its pairs.
    profit : ndarray, shape (n,)
        What each service point takes off the norm.
    allowed : ndarray of int
        Service points that may be in a set.
    demand : ndarray, shape (n,)
        Demand of each.
    capacity : float
        Most demand of a set.
    sizes : range
        Sizes that a set may have.
    level : float
        Sets whose value is not below it are not looked for.
    room : int
        Sets kept at most. When there are more, the level falls to where the better half lies.
    lower : ndarray, shape (n, n), optional
        Positive semidefinite; xᵀ · lower · x ≤ xᵀ · inner · x for the indicators of all sets of
        these sizes. ``inner`` unless given.

    Attributes
    ----------
    finished : bool
        Whether all sets below the level have been found.
    level : float
        The level, which falls where there is no room.
    """

    def __init__(
        self,
        inner: FloatArray,
        profit: FloatArray,
        allowed: IntArray,
        demand: FloatArray,
        capacity: float,
        sizes: range,
        *,
        level: float,
        room: int,
        lower: FloatArray | None = None,
    ) -> None:
        # The most profitable first: what follows then promises little, and branches end early.
        self._order = allowed[np.argsort(-profit[allowed], kind="stable")]
        order, n = self._order, self._order.size
        largest = min(sizes.stop - 1, n)
        self._n = profit.size
        own = np.ascontiguousarray(inner[np.ix_(order, order)])
        below = own if lower is None else np.ascontiguousarray(lower[np.ix_(order, order)])
        self._instance = _Instance(
            own,
            below,
            below.sum(axis=1),
            float(below.sum()),
            profit[order],
            demand[order],
            capacity,
            sizes.start,
            largest,
        )
        self._stack = _Stack(
            np.full(largest + 1, -1, dtype=np.int64),
            np.zeros((largest + 1, n)),
            np.zeros((largest + 1, n)),
            np.zeros(largest + 1),
            np.zeros(largest + 1),
            np.zeros(largest + 1),
            np.zeros(largest + 1),
            np.zeros(largest + 1),
            np.zeros(largest + 1, dtype=np.int64),
            np.zeros(2, dtype=np.int64),
        )
        room = max(room, 2)
        self._found = Found(
            np.full((room, max(largest, 1)), n, dtype=np.int64), np.empty(room, dtype=np.float64)
        )
        self._level = np.array([level])
        self._nodes = FIRST_NODES
        self.finished = largest < sizes.start
        if not self.finished and sizes.start == 0 and level > 0.0:
            # The empty set is the root of the search, which only visits what it adds to.
            self._found.value[0] = 0.0
            self._stack.place[1] = 1

    @property
    def level(self) -> float:
        """Value below which sets are looked for."""
        return float(self._level[0])

    def go_on(self) -> None:
        """Search on for a fraction of a second."""
        if self.finished:
            return
        begun = working_time()
        self.finished = bool(
            _visit(self._instance, self._stack, self._found, self._level, self._nodes)
        )
        spent = max(working_time() - begun, LOOK / GROWTH)
        self._nodes = max(int(self._nodes * min(LOOK / spent, GROWTH)), FIRST_NODES)

    def floor(self) -> float:
        """Bound the values of all sets from below, those that were not visited included."""
        least = float(self._found.value[: int(self._stack.place[1])].min(initial=self.level))
        if self.finished or self._instance.largest == 0:
            return least
        return min(least, float(_least_open(self._instance, self._stack)))

    def found(self) -> Found:
        """Return the sets found so far, least values first, by the service points' own numbers."""
        count = int(self._stack.place[1])
        best = np.argsort(self._found.value[:count], kind="stable")
        names = np.append(self._order, self._n)
        return Found(names[self._found.members[best]], self._found.value[best])


@kernel
def _visit(instance: _Instance, stack: _Stack, found: Found, level: FloatArray, nodes: int) -> bool:
    """Visit so many nodes; True if none is left."""
    n = instance.profit.size
    smallest, largest = instance.smallest, instance.largest
    low = np.empty(largest + 1)
    depth = stack.place[0]
    visited = 0
    while True:
        if depth == largest or stack.following[depth] >= n:
            if depth == 0:
                stack.place[0] = 0
                return True
            depth -= 1
            continue
        if visited >= nodes:
            stack.place[0] = depth
            return False
        visited += 1
        j = stack.following[depth]
        stack.following[depth] += 1
        load = stack.load[depth] + instance.demand[j]
        size = depth + 1
        if load > instance.capacity or n - 1 - j < smallest - size:
            continue
        square = stack.square[depth] + instance.inner[j, j] + 2.0 * stack.slopes[depth, j]
        profit = stack.profit[depth] + instance.profit[j]
        stack.chosen[depth] = j
        if size >= smallest:
            value = np.sqrt(max(square, 0.0)) - profit
            if value < level[0]:
                _keep(stack, found, level, size, value)
        if size == largest:
            continue
        for t in range(j + 1, n):
            stack.slopes[size, t] = stack.slopes[depth, t] + instance.inner[j, t]
            stack.lower_slopes[size, t] = stack.lower_slopes[depth, t] + instance.lower[j, t]
        stack.square[size] = square
        stack.lower_square[size] = (
            stack.lower_square[depth] + instance.lower[j, j] + 2.0 * stack.lower_slopes[depth, j]
        )
        stack.lower_all[size] = stack.lower_all[depth] + instance.lower_sums[j]
        stack.profit[size] = profit
        stack.load[size] = load
        stack.following[size] = j + 1
        if _rest(instance, stack, size, low) < level[0]:
            depth = size


@kernel
def _rest(instance: _Instance, stack: _Stack, size: int, low: FloatArray) -> float:
    """Bound the values of all sets that add what may follow at a depth."""
    n = instance.profit.size
    first = stack.following[size]
    must, most = max(instance.smallest - size, 0), instance.largest - size
    if n - first < must:
        return np.inf
    best = -np.inf
    # y is all points, or what is there with what it lacks spread over all points.
    for own, share in ((0.0, 1.0), (1.0, most / n)):
        across = own * stack.lower_square[size] + share * stack.lower_all[size]
        length = own * across + share * (own * stack.lower_all[size] + share * instance.lower_sum)
        scale = 1.0 / np.sqrt(length) if length > 0.0 else 0.0
        bound = scale * across - stack.profit[size]
        # The smallest slopes that can follow: as many as must, and further ones that lower it.
        count = 0
        for t in range(first, n):
            slope = own * stack.lower_slopes[size, t] + share * instance.lower_sums[t]
            slope = scale * slope - instance.profit[t]
            if count < most:
                u = count
                count += 1
            elif slope < low[count - 1]:
                u = count - 1
            else:
                continue
            while u > 0 and low[u - 1] > slope:
                low[u] = low[u - 1]
                u -= 1
            low[u] = slope
        for u in range(count):
            if u >= must and low[u] >= 0.0:
                break
            bound += low[u]
        best = max(best, bound)
    return best


@kernel
def _least_open(instance: _Instance, stack: _Stack) -> float:
    """Bound the values of all sets that have not been visited."""
    low = np.empty(instance.largest + 1)
    least = np.inf
    for size in range(min(stack.place[0], instance.largest - 1) + 1):
        least = min(least, _rest(instance, stack, size, low))
    return least


@kernel
def _keep(stack: _Stack, found: Found, level: FloatArray, size: int, value: float) -> None:
    """Keep the set that is chosen; where there is no room, forget the worse half first."""
    count = stack.place[1]
    room = found.value.size
    if count == room:
        order = np.argsort(found.value)
        half = room // 2
        members = found.members[order[:half]].copy()
        values = found.value[order[:half]].copy()
        level[0] = found.value[order[half]]
        found.members[:half] = members
        found.value[:half] = values
        # Of equal values none is kept that is not below the level.
        count = 0
        while count < half and found.value[count] < level[0]:
            count += 1
        if value >= level[0]:
            stack.place[1] = count
            return
    for t in range(found.members.shape[1]):
        found.members[count, t] = stack.chosen[t] if t < size else stack.slopes.shape[1]
    found.value[count] = value
    stack.place[1] = count + 1
