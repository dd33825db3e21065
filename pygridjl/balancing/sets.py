"""Sets of service points that one circuit may hold, listed with their costs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from pygridjl.balancing.losses import norms
from pygridjl.balancing.problem import BalancingProblem
from pygridjl.core.types import FloatArray, IntArray

__all__ = ["SetList", "count_sets", "list_sets", "set_costs", "sizes"]

# Numbers of deviations gathered at a time.
BLOCK = 4_000_000
# Sets that are listed between two looks at the clock, in one draw, and at least.
LISTED, FEWEST_LISTED = 50_000, 500


@dataclass(frozen=True, eq=False)
class SetList:
    """Sets for one class of circuits that can be exchanged.

    Attributes
    ----------
    circuits : ndarray of int
        The circuits of the class.
    members : ndarray of int, shape (k, width)
        Service points of each set, filled up with n.
    cost : ndarray, shape (k,)
        Norm of the set, mean over draws, with the costs of its moves.
    moves : ndarray, shape (k,)
        Service points that would leave their circuit of today.
    """

    circuits: IntArray
    members: IntArray
    cost: FloatArray
    moves: FloatArray

    def __len__(self) -> int:
        return int(self.cost.size)

    def take(self, places: IntArray) -> SetList:
        """Return some of the sets."""
        return SetList(self.circuits, self.members[places], self.cost[places], self.moves[places])


def sizes(problem: BalancingProblem, i: int) -> range:
    """Sizes a set on circuit i can have: the others cannot hold more than their cardinality."""
    others = int(problem.cardinality.sum()) - int(problem.cardinality[i])
    return range(max(problem.n - others, 0), int(problem.cardinality[i]) + 1)


def count_sets(problem: BalancingProblem) -> int:
    """Count the sets before capacities, over the classes of circuits."""
    total = 0
    for group in problem.classes():
        free = int(problem.allowed[:, group[0]].sum())
        total += sum(math.comb(free, k) for k in sizes(problem, int(group[0])))
    return total


def list_sets(problem: BalancingProblem, remaining: Callable[[], float]) -> list[SetList] | None:
    """List every set that fits, class by class.

    Parameters
    ----------
    problem : BalancingProblem
        Holds the service points.
    remaining : callable
        Seconds left, asked for between two blocks of sets.

    Returns
    -------
    list of SetList or None
        One of each class; None if the clock ran out.
    """
    found = []
    # A set has a norm in every draw.
    size = max(LISTED // problem.n_draw, FEWEST_LISTED)
    demand = np.append(problem.demand, 0.0)
    for group in problem.classes():
        i = int(group[0])
        blocks = []
        for block in _blocks(problem, i, size):
            if remaining() <= 0:
                return None
            fits = demand[block].sum(axis=1) <= problem.capacity[i] * (1 + 1e-12)
            members = block[fits]
            blocks.append((members, *set_costs(problem, i, members)))
        found.append(SetList(group, *(np.concatenate(part) for part in zip(*blocks, strict=True))))
    return found


def _blocks(problem: BalancingProblem, i: int, size: int) -> Iterator[IntArray]:
    """Give the sets of circuit i before capacities, so many at a time; the first block is empty."""
    free = np.flatnonzero(problem.allowed[:, i])
    width = max(sizes(problem, i).stop - 1, 1)
    yield np.empty((0, width), dtype=np.int64)
    for k in sizes(problem, i):
        flat = itertools.chain.from_iterable(itertools.combinations(free.tolist(), k))
        total = math.comb(free.size, k)
        for first in range(0, total, size):
            rows = min(size, total - first)
            members = np.full((rows, width), problem.n, dtype=np.int64)
            taken = np.fromiter(itertools.islice(flat, rows * k), np.int64, rows * k)
            members[:, :k] = taken.reshape(rows, k)
            yield members


def set_costs(
    problem: BalancingProblem, i: int, members: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Cost and moves of sets on circuit i; members are filled up with n."""
    moves = np.zeros(members.shape[0])
    cost = np.zeros(members.shape[0])
    if problem.start is not None:
        away = np.append(problem.start != i, False)
        moves = away[members].sum(axis=1).astype(np.float64)
        cost += (np.append(problem.move_cost, 0.0) * away)[members].sum(axis=1)
    weight = problem.weights[i]
    for draw in problem.deviations:
        if problem.risk == "rms" and problem.n_time > members.shape[1]:
            cost += _rms_of(draw, weight, members) / problem.n_draw
            continue
        extended = np.vstack([draw, np.zeros(problem.n_time)])
        for part in _parts(members, problem.n_time):
            total = np.zeros((members[part].shape[0], problem.n_time))
            for column in members[part].T:
                total += extended[column]
            cost[part] += norms(total, weight, problem.risk) / problem.n_draw
    return cost, moves


def _rms_of(draw: FloatArray, weight: FloatArray, members: IntArray) -> FloatArray:
    """Norms by inner products of pairs: width² numbers a set instead of width · n_time."""
    n = draw.shape[0]
    inner = np.zeros((n + 1, n + 1))
    inner[:n, :n] = (draw * weight) @ draw.T
    square = np.zeros(members.shape[0])
    for p, first in enumerate(members.T):
        square += inner[first, first]
        for second in members.T[p + 1 :]:
            square += 2 * inner[first, second]
    found: FloatArray = np.sqrt(np.maximum(square, 0.0))
    return found


def _parts(members: IntArray, steps: int) -> Iterator[slice]:
    size = max(1, BLOCK // steps)
    for first in range(0, members.shape[0], size):
        yield slice(first, first + size)
