"""Where the sets of the program over sets come from: a list of all, or a search at every price.

Prices are an array of shape (n + classes + 1,): π of the service points, μ of the classes of
circuits, ν of a move. The reduced cost of a set is its cost less π, less μ, with ν for its moves.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from pygridjl.balancing.relaxation import prove_relaxation, relaxes
from pygridjl.balancing.run import Run
from pygridjl.balancing.set_search import SetSearch
from pygridjl.balancing.sets import SetList, set_costs, sizes
from pygridjl.core.types import FloatArray, IntArray

__all__ = ["Listed", "Priced", "Searched", "Source", "Within"]

# Sets that a round of pricing adds, for each class of circuits.
ADDED = 400
# A reduced cost this far below zero, relative to the largest cost of a set, is rounding.
ROUNDING = 1e-9
# Looks at the clock after which a search of prices ends, once it has found sets.
PATIENCE = 8


class Priced(NamedTuple):
    """Sets below zero that are not in the program yet, and the least reduced cost by class.

    Where the search ended before all sets had been ruled out, ``least`` bounds it from below.
    """

    sets: list[SetList]
    least: FloatArray


class Within(NamedTuple):
    """Sets by class whose reduced cost is below ``limit``, which is infinite if all wanted are."""

    sets: list[SetList]
    limit: float


class Source(Protocol):
    """Gives sets at prices."""

    circuits: list[IntArray]
    # A cost that no set exceeds.
    scale: float
    # Prices that are good before any program was solved.
    opening: FloatArray | None

    def first(self, assignment: IntArray | None) -> list[SetList]:
        """Return sets to begin with, those of an assignment among them."""
        ...

    def price(self, prices: FloatArray) -> Priced:
        """Return sets of negative reduced cost."""
        ...

    def within(self, prices: FloatArray, rest: float, room: int) -> Within | None:
        """Return the sets of least reduced cost up to ``rest``; None if time is up."""
        ...


class Listed:
    """All sets, priced one and all."""

    opening: FloatArray | None = None

    def __init__(self, n: int, lists: list[SetList]) -> None:
        self._n = n
        self._lists = lists
        self._used = [np.zeros(len(s), dtype=np.bool_) for s in self._lists]
        self.circuits = [s.circuits for s in self._lists]
        self.scale = max((float(s.cost.max(initial=0.0)) for s in self._lists), default=1.0) or 1.0

    def __len__(self) -> int:
        return sum(map(len, self._lists))

    def first(self, assignment: IntArray | None) -> list[SetList]:
        """Return the cheapest sets of each class, and those of the assignment."""
        places = []
        for s in self._lists:
            cheap = np.argsort(s.cost, kind="stable")[:ADDED]
            held = [] if assignment is None else _held(s, assignment, self._n)
            places.append(np.union1d(cheap, np.concatenate([cheap[:0], *held])))
        return self._take(places)

    def price(self, prices: FloatArray) -> Priced:
        """Return the most negative sets of each class."""
        reduced = self._reduced(prices)
        places = []
        for f, used in zip(reduced, self._used, strict=True):
            negative = np.flatnonzero((f < -ROUNDING * self.scale) & ~used)
            places.append(negative[np.argsort(f[negative], kind="stable")[:ADDED]])
        return Priced(self._take(places), np.array([f.min(initial=np.inf) for f in reduced]))

    def within(self, prices: FloatArray, rest: float, room: int) -> Within:
        """Return the sets of least reduced cost up to ``rest``."""
        reduced = self._reduced(prices)
        everything = np.sort(np.concatenate(reduced))
        needed = int(np.searchsorted(everything, rest, side="right"))
        limit = float(everything[room]) if needed > room else np.inf
        kept = [np.flatnonzero(f < limit if needed > room else f <= rest) for f in reduced]
        return Within([s.take(k) for s, k in zip(self._lists, kept, strict=True)], limit)

    def _reduced(self, prices: FloatArray) -> list[FloatArray]:
        point = np.append(prices[: self._n], 0.0)
        return [
            s.cost - point[s.members].sum(axis=1) - prices[self._n + c] + prices[-1] * s.moves
            for c, s in enumerate(self._lists)
        ]

    def _take(self, places: list[IntArray]) -> list[SetList]:
        for used, place in zip(self._used, places, strict=True):
            used[place] = True
        return [s.take(place) for s, place in zip(self._lists, places, strict=True)]


class Searched:
    """Sets that a search finds at given prices, for problems with too many to list.

    For the rms norm of one path, whose squares are sums over pairs.
    """

    def __init__(self, run: Run) -> None:
        problem = run.problem
        self._run, self._problem = run, problem
        self.circuits = problem.classes()
        self._known: list[set[bytes]] = [set() for _ in self.circuits]
        path = problem.deviations[0]
        self._inner = [
            np.asarray((path * problem.weights[int(group[0])]) @ path.T) for group in self.circuits
        ]
        # The triangle inequality.
        self.scale = max(
            (float(np.sqrt(np.diag(g).clip(min=0.0)).sum()) for g in self._inner), default=1.0
        )
        if problem.start is not None:
            self.scale += float(problem.move_cost.sum())
        self.scale = self.scale or 1.0
        # Its sets are searched for in what time is left.
        self._lower = prove_relaxation(run, share=0.75) if relaxes(problem) else None
        self.opening: FloatArray | None = None
        if self._lower is not None:
            # No set costs less than its points at these prices, by Cauchy and Schwarz.
            sums = self._lower.sum(axis=1)
            rest = np.zeros(len(self.circuits) + 1)
            self.opening = np.concatenate([sums / np.sqrt(sums.sum()), rest])

    def first(self, assignment: IntArray | None) -> list[SetList]:
        """Return the sets of the assignment, and those that differ from them in one point."""
        problem = self._problem
        demand = np.append(problem.demand, 0.0)
        lists = []
        for c, group in enumerate(self.circuits):
            i, width = int(group[0]), self._width(c)
            free = np.flatnonzero(problem.allowed[:, i])
            rows: list[IntArray] = []
            for circuit in group if assignment is not None else ():
                inside = np.flatnonzero(assignment == circuit)
                others = np.setdiff1d(free, inside)
                block = np.full((1 + inside.size * others.size, width), problem.n, dtype=np.int64)
                block[:, : inside.size] = inside
                for t in range(inside.size):
                    block[1 + t * others.size : 1 + (t + 1) * others.size, t] = others
                rows.append(np.sort(block, axis=1))
            members = np.concatenate(rows) if rows else np.empty((0, width), dtype=np.int64)
            fits = demand[members].sum(axis=1) <= self._capacity(i)
            lists.append(self._new(c, members[fits]))
        return lists

    def price(self, prices: FloatArray) -> Priced:
        """Return sets below zero; what is left of a class is searched while it gives none."""
        lists, least = [], np.empty(len(self.circuits))
        for c in range(len(self.circuits)):
            search = self._search(c, prices, -ROUNDING * self.scale, 4 * ADDED)
            new, looks = self._new(c, np.empty((0, self._width(c)), dtype=np.int64)), 0
            while not search.finished and self._run.remaining > 0:
                search.go_on()
                looks += 1
                if looks % PATIENCE == 0 and not search.finished:
                    new = self._new(c, np.sort(search.found().members[:ADDED], axis=1))
                    if len(new):
                        break
            if search.finished:
                new = self._new(c, np.sort(search.found().members[:ADDED], axis=1))
            least[c] = search.floor() - prices[self._problem.n + c]
            lists.append(new)
        return Priced(lists, least)

    def within(self, prices: FloatArray, rest: float, room: int) -> Within | None:
        """Return the sets of least reduced cost up to ``rest``; None if time is up."""
        lists, limit = [], np.inf
        for c, group in enumerate(self.circuits):
            search = self._search(c, prices, np.nextafter(rest, np.inf), room)
            wanted = search.level
            while not search.finished:
                if self._run.remaining <= 0:
                    return None
                search.go_on()
            if search.level < wanted:
                limit = min(limit, search.level - float(prices[self._problem.n + c]))
            members = np.sort(search.found().members, axis=1)
            lists.append(SetList(group, members, *set_costs(self._problem, int(group[0]), members)))
        return Within(lists, limit)

    def _search(self, c: int, prices: FloatArray, below: float, room: int) -> SetSearch:
        """Begin a search for sets of class c whose reduced cost is below a number."""
        problem, i = self._problem, int(self.circuits[c][0])
        profit = prices[: problem.n].copy()
        if problem.start is not None:
            profit -= (problem.move_cost + prices[-1]) * (problem.start != i)
        return SetSearch(
            self._inner[c],
            profit,
            np.flatnonzero(problem.allowed[:, i]),
            problem.demand,
            self._capacity(i),
            sizes(problem, i),
            level=below + float(prices[problem.n + c]),
            room=room,
            lower=self._lower,
        )

    def _width(self, c: int) -> int:
        i = int(self.circuits[c][0])
        most = min(sizes(self._problem, i).stop - 1, int(self._problem.allowed[:, i].sum()))
        return max(most, 1)

    def _capacity(self, i: int) -> float:
        return float(self._problem.capacity[i]) * (1 + 1e-12)

    def _new(self, c: int, members: IntArray) -> SetList:
        """Return those of the sets that were not given before."""
        fresh = []
        for place, row in enumerate(members):
            key = row.tobytes()
            if key not in self._known[c]:
                self._known[c].add(key)
                fresh.append(place)
        group = self.circuits[c]
        chosen = members[np.array(fresh, dtype=np.int64)]
        return SetList(group, chosen, *set_costs(self._problem, int(group[0]), chosen))


def _held(s: SetList, assignment: IntArray, n: int) -> list[IntArray]:
    """Places of the sets of an assignment."""
    places = []
    for i in s.circuits:
        inside = np.full(s.members.shape[1], n)
        held = np.flatnonzero(assignment == i)
        inside[: held.size] = held
        places.append(np.flatnonzero((s.members == inside).all(axis=1)))
    return places
