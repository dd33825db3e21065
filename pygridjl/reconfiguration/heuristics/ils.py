"""Iterated local search: small random exchanges, repaired by branch exchange where they struck."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from pygridjl.core.jit import kernel
from pygridjl.core.stopping import is_over
from pygridjl.core.types import BoolArray, FloatArray, IntArray
from pygridjl.reconfiguration.heuristics.exchange import branch_exchange
from pygridjl.reconfiguration.heuristics.local import (
    GAIN_TOLERANCE,
    Tree,
    close_tie,
    exchange,
    loss_of,
    price,
    tree_of,
)
from pygridjl.reconfiguration.problem import RadialProblem

__all__ = ["iterated_local_search"]

MAX_KICKS = 5
# Random numbers of one iteration: how many exchanges, then where, which tie, which branch of each.
DRAWS = 1 + 3 * MAX_KICKS
# Between two rounds the clock is read and the flows are computed afresh, so that rounding does
# not pile up.
ROUND = 250
# Losses closer than this share are the same configuration up to branches without flow.
SAME_LOSS = 1e-9
# Default budget: for each tie, and at most. Over 20 seeds the last gain on the published cases of
# 3 to 21 ties came after 50 to 3,050 iterations, 146 for each tie.
ITERATIONS_PER_TIE, ITERATIONS = 300, 20_000
# A tree may be worse than the best by this share of the loss for one tie (record-to-record travel,
# G. Dueck, J. Comput. Phys. 1993). With 0 the search sticks: 16 of 20 seeds reach the optimum of
# case136ma in 20,000 iterations; with 0.1 to 0.3 all 20 do, within 5,000.
SLACK = 0.2
# Room for the exchanges of one iteration; a descent that needs more goes on in the next one.
MAX_EXCHANGES = 1000


class Search(NamedTuple):
    """What the search keeps besides the tree.

    ``ties`` are the open edges and ``slot`` their places in it (by edge); ``queue`` is a ring of
    slots to look at, ``queued`` marks those in it; ``undo`` lists the exchanges since the last
    accepted tree as (slot, edge that was open). ``elite`` holds the ties of the best trees found
    and ``elite_loss`` their losses, ascending.
    """

    start: IntArray
    incident: IntArray
    ties: IntArray
    slot: IntArray
    queue: IntArray
    queued: BoolArray
    undo: IntArray
    elite: IntArray
    elite_loss: FloatArray


@kernel
def _swap(tree: Tree, search: Search, slot: int, side: int, place: int) -> float:
    opened, change = exchange(tree, side, place)
    search.slot[search.ties[slot]] = -1
    search.ties[slot] = opened
    search.slot[opened] = slot
    return change


@kernel
def _call_ties_at(search: Search, node: int, first: int, waiting: int) -> int:
    capacity = search.queue.shape[0]
    for s in range(search.start[node], search.start[node + 1]):
        slot = search.slot[search.incident[s]]
        if slot >= 0 and not search.queued[slot]:
            search.queued[slot] = True
            search.queue[(first + waiting) % capacity] = slot
            waiting += 1
    return waiting


@kernel
def _call_ties(tree: Tree, search: Search, first: int, waiting: int) -> int:
    """Queue the ties that end on the cycle last closed; return how many wait now."""
    for side in range(2):
        for i in range(tree.size[side]):
            waiting = _call_ties_at(search, tree.arm[side, i], first, waiting)
    return _call_ties_at(search, tree.size[3], first, waiting)


@kernel
def _random_exchange(
    tree: Tree, search: Search, nearby: bool, where: float, which: float, opening: float
) -> tuple[int, int, float]:
    """Close a random tie and open a random branch of its cycle.

    Returns the slot, the edge that was open there (−1 if nothing may be opened) and the change
    of loss.
    """
    slot = int(which * search.ties.shape[0])
    if nearby:
        # A tie at a random node of the cycle before; if there is none, the random tie above.
        length = tree.size[0] + tree.size[1]
        i = int(where * length)
        u = tree.arm[0, i] if i < tree.size[0] else tree.arm[1, i - tree.size[0]]
        degree = search.start[u + 1] - search.start[u]
        for s in range(degree):
            k = search.slot[search.incident[search.start[u] + (int(which * degree) + s) % degree]]
            if k >= 0:
                slot = k
                break
    tie = search.ties[slot]
    length = close_tie(tree, tie) - 1
    first = int(opening * length)
    for step in range(length):
        i = (first + step) % length
        side, place = (0, i) if i < tree.size[0] else (1, i - tree.size[0])
        if tree.up[tree.arm[side, place], 1] == 0.0:
            return slot, tie, _swap(tree, search, slot, side, place)
    return slot, -1, 0.0


@kernel
def _undo(tree: Tree, search: Search, count: int) -> None:
    for j in range(count - 1, -1, -1):
        slot, closed = search.undo[j, 0], search.undo[j, 1]
        close_tie(tree, search.ties[slot])
        for side in range(2):
            for place in range(tree.size[side]):
                if tree.via[tree.arm[side, place]] == closed:
                    _swap(tree, search, slot, side, place)
                    break
            if search.ties[slot] == closed:
                break


@kernel
def _remember(search: Search, loss: float) -> None:
    """Put the present ties among the elite if they are good and new."""
    elite, elite_loss = search.elite, search.elite_loss
    last = elite_loss.shape[0] - 1
    if not loss < elite_loss[last]:
        return
    for k in range(last + 1):
        if abs(elite_loss[k] - loss) <= SAME_LOSS * loss:
            return
    k = last
    while k > 0 and elite_loss[k - 1] > loss:
        elite_loss[k] = elite_loss[k - 1]
        for j in range(elite.shape[1]):
            elite[k, j] = elite[k - 1, j]
        k -= 1
    elite_loss[k] = loss
    for j in range(elite.shape[1]):
        elite[k, j] = search.ties[j]


@kernel
def _round(tree: Tree, search: Search, draws: FloatArray, loss: float) -> None:
    """Run one iteration for each row of ``draws`` from a tree of the given loss.

    Only ties that end on a cycle that changed are looked at again, so an iteration costs as much
    in a large network as in a small one.
    """
    capacity, room = search.queue.shape[0], search.undo.shape[0]
    threshold = GAIN_TOLERANCE * loss
    slack = SLACK / search.ties.shape[0]
    # Not the literal 0, for which every callee would be compiled once more.
    nothing = capacity - search.queue.shape[0]
    for i in range(draws.shape[0]):
        change = 0.0
        first, waiting, done = nothing, nothing, nothing
        for kick in range(1 + int(draws[i, 0] * MAX_KICKS)):
            at = 1 + 3 * kick
            where, which, opening = draws[i, at], draws[i, at + 1], draws[i, at + 2]
            slot, tie, step = _random_exchange(tree, search, kick > 0, where, which, opening)
            if tie >= 0:
                search.undo[done, 0] = slot
                search.undo[done, 1] = tie
                done += 1
                change += step
                waiting = _call_ties(tree, search, first, waiting)
        while waiting > 0:
            slot = search.queue[first]
            first = (first + 1) % capacity
            waiting -= 1
            search.queued[slot] = False
            if done == room:
                continue
            tie = search.ties[slot]
            close_tie(tree, tie)
            gain, side, place = price(tree)
            if gain < -threshold:
                change += _swap(tree, search, slot, side, place)
                search.undo[done, 0] = slot
                search.undo[done, 1] = tie
                done += 1
                waiting = _call_ties(tree, search, first, waiting)
        _remember(search, loss + change)
        if loss + change <= search.elite_loss[0] * (1.0 + slack):
            loss += change
        else:
            _undo(tree, search, done)


def _states(m: int, ties: IntArray) -> BoolArray:
    closed = np.ones(m, dtype=bool)
    closed[ties] = False
    return closed


def _start_search(problem: RadialProblem, ties: IntArray, loss: float, elites: int) -> Search:
    slot = np.full(problem.m, -1, dtype=np.int64)
    slot[ties] = np.arange(ties.size)
    elite_loss = np.full(elites, np.inf)
    elite_loss[0] = loss
    return Search(
        start=problem.graph.start,
        incident=problem.graph.edge,
        ties=ties,
        slot=slot,
        queue=np.empty(ties.size, dtype=np.int64),
        queued=np.zeros(ties.size, dtype=bool),
        undo=np.empty((MAX_EXCHANGES, 2), dtype=np.int64),
        elite=np.tile(ties, (elites, 1)),
        elite_loss=elite_loss,
    )


def iterated_local_search(
    problem: RadialProblem,
    closed: BoolArray,
    *,
    rng: np.random.Generator,
    deadline: float | None = None,
    iterations: int | None = None,
    elites: int = 10,
    on_progress: Callable[[int, float], None] | None = None,
) -> list[BoolArray]:
    """Search around a configuration and keep the best ones found.

    Each iteration makes one to five random exchanges, the later ones near the one before, and
    repairs by branch exchange what they touched. The result goes on if its loss is close to the
    best, else the iteration is undone.

    Parameters
    ----------
    problem : RadialProblem
        The problem.
    closed : ndarray of bool, shape (m,)
        A spanning tree that holds all forced edges; unchanged.
    rng : numpy.random.Generator
        Source of all randomness: the same state gives the same answer unless the deadline cuts
        the search short.
    deadline : float, optional
        Value of ``working_time()`` at which to stop.
    iterations : int, optional
        Budget, independent of the speed of the machine; by default it grows with the ties.
    elites : int
        How many configurations to keep at most: the AC losses, which the linear model ranks only
        approximately, decide among them.
    on_progress : callable, optional
        Called now and then with the iterations done and the best objective so far, kW.

    Returns
    -------
    list of ndarray of bool, each of shape (m,)
        Distinct spanning trees by rising objective; the first is a local optimum of branch
        exchange at most as dear as ``closed`` (if the deadline left the time to get there).

    Raises
    ------
    ValueError
        If ``closed`` is not a spanning tree.
    """
    start = branch_exchange(problem, closed, deadline=deadline)
    tree = tree_of(problem, start)
    ties = np.flatnonzero(~start).astype(np.int64)
    if ties.size == 0:
        return [start]
    if iterations is None:
        iterations = min(ITERATIONS, ITERATIONS_PER_TIE * ties.size)
    loss = loss_of(tree)
    search = _start_search(problem, ties, loss, elites)
    done = 0
    while done < iterations and not is_over(deadline):
        count = min(ROUND, iterations - done)
        _round(tree, search, rng.random((count, DRAWS)), loss)
        done += count
        tree = tree_of(problem, _states(problem.m, search.ties))
        loss = loss_of(tree)
        if on_progress is not None:
            on_progress(done, float(search.elite_loss[0]) * problem.kw)
    found = [
        _states(problem.m, search.elite[k]) for k in np.flatnonzero(np.isfinite(search.elite_loss))
    ]
    # The search looked only where it had changed something.
    best = branch_exchange(problem, found[0], deadline=deadline)
    if not np.array_equal(best, found[0]):
        found = [best, *found[: elites - 1]]
    return found
