"""Depth-first search of the sets of service points whose reduced cost is below a level.

A set S costs its norm ‖Δ_S‖; with prices taken off, its value is ‖Δ_S‖ − Σ_{j∈S} p_j. Sets grow in
one order of the service points, so each is met once. All sets that grow from S by a set R have

    ‖Δ_S + Δ_R‖ ≥ ⟨Δ_S, Δ_S + Δ_R⟩ / ‖Δ_S‖        (Cauchy–Schwarz),

which is linear in R: the smallest of ⟨Δ_S, δ_j⟩ / ‖Δ_S‖ − p_j that still fit bound them from below,
and a branch whose bound reaches the level is left.
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
    profit: FloatArray
    demand: FloatArray
    capacity: float
    smallest: int
    largest: int


class _Stack(NamedTuple):
    """Where the search stands: by depth, the point chosen, inner products, square, profit, load."""

    chosen: IntArray
    slopes: FloatArray
    square: FloatArray
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
    ) -> None:
        # The most profitable first: what follows then promises little, and branches end early.
        self._order = allowed[np.argsort(-profit[allowed], kind="stable")]
        order, n = self._order, self._order.size
        largest = min(sizes.stop - 1, n)
        self._n = profit.size
        self._instance = _Instance(
            np.ascontiguousarray(inner[np.ix_(order, order)]),
            profit[order],
            demand[order],
            capacity,
            sizes.start,
            largest,
        )
        self._stack = _Stack(
            np.full(largest + 1, -1, dtype=np.int64),
            np.zeros((largest + 1, n)),
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
        norm = np.sqrt(max(square, 0.0))
        profit = stack.profit[depth] + instance.profit[j]
        value = norm - profit
        stack.chosen[depth] = j
        if size >= smallest and value < level[0]:
            _keep(stack, found, level, size, value)
        if size == largest:
            continue
        for t in range(n):
            stack.slopes[size, t] = stack.slopes[depth, t] + instance.inner[j, t]
        # The smallest slopes that can follow: as many as must, and further ones that lower it.
        must, most = max(smallest - size, 0), largest - size
        count = 0
        for t in range(j + 1, n):
            slope = -instance.profit[t]
            if norm > 0.0:
                slope += stack.slopes[size, t] / norm
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
        bound = value
        for u in range(count):
            if u >= must and low[u] >= 0.0:
                break
            bound += low[u]
        if bound < level[0]:
            stack.square[size] = square
            stack.profit[size] = profit
            stack.load[size] = load
            stack.following[size] = j + 1
            depth = size


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
