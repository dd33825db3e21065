"""FORWARD by heaps (mode ``fast``): the Sampler of all islands in one compiled pass.

Every tree keeps its candidates in meldable (skew) heaps by step cost; in the family of
:class:`~pygridjl.reconfiguration.forward.weights.PowerLawRule` that order does not depend on the
tree. A tournament over the source trees holds the best candidate of each, those that can be
served in full before the others, as in Alg. 4. What differs from ``faithful``:

* the pendant rule is left out (it needs the connectivity of a shrinking graph);
* a candidate is weighed again when it comes to the top of its heap, not after every step, so one
  whose target has come to ask for less in the meantime may come late.

A slot is one direction of an edge, u → v. A slot that turns out to lead to a tree with power left
waits at that tree until it has none. Trees that gain and lose in turn could call a slot back again
and again; after log₂ n times it is left to the closing Kruskal step. So a slot enters a heap
O(log n) times at O(log n) amortised each: O(m log² n) in all.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pygridjl._jit import kernel
from pygridjl._types import BoolArray, FloatArray, IntArray
from pygridjl.reconfiguration.forward.flow_graph import FlowGraph
from pygridjl.reconfiguration.forward.weights import PowerLawRule

__all__ = ["grow_fast"]


class _Slots(NamedTuple):
    """One entry a slot, shape (2 m,)."""

    owner: IntArray  # u
    node: IntArray  # v
    edge: IntArray
    weight: FloatArray  # resistance
    cost: FloatArray  # step cost when last weighed: the key in the heap
    child: IntArray  # left and right in the heap, shape (2 m, 2)
    link: IntArray  # next slot that waits at the same tree
    returns: IntArray  # times it was put back


class _Trees(NamedTuple):
    """One entry a tree, at the index of its root, shape (n,)."""

    above: IntArray  # union-find
    size: IntArray  # nodes
    balance: FloatArray
    spent: FloatArray  # h̃
    open: IntArray  # heap of slots not yet found too large to be served in full
    shut: IntArray  # heap of the others
    waiting: IntArray  # first slot that waits for this tree to lose its power
    rank: IntArray  # 2: the best candidate can be served in full, 1: it cannot, 0: none
    score: FloatArray  # weight of the best candidate
    seat: IntArray  # leaf in the tournament


class _Rule(NamedTuple):
    supply: float
    demand: float
    accumulation: float
    tolerance: float
    limit: int


@kernel
def _find(above: IntArray, u: int) -> int:
    while above[u] != u:
        above[u] = above[above[u]]
        u = int(above[u])
    return u


@kernel
def _meld(cost: FloatArray, child: IntArray, a: int, b: int) -> int:
    """Merge two skew heaps; ties by slot, so that the order is the same everywhere."""
    if a < 0:
        return b
    if b < 0:
        return a
    if cost[b] < cost[a] or (cost[b] == cost[a] and b < a):
        a, b = b, a
    top = a
    while True:
        rest = child[a, 1]
        child[a, 1] = child[a, 0]
        if rest < 0:
            child[a, 0] = b
            return top
        if cost[b] < cost[rest] or (cost[b] == cost[rest] and b < rest):
            rest, b = b, rest
        child[a, 0] = rest
        a = rest


@kernel
def _push(cost: FloatArray, child: IntArray, heap: IntArray, tree: int, slot: int) -> None:
    child[slot, 0] = -1
    child[slot, 1] = -1
    heap[tree] = _meld(cost, child, heap[tree], slot)


@kernel
def _pop(cost: FloatArray, child: IntArray, heap: IntArray, tree: int) -> None:
    top = heap[tree]
    heap[tree] = _meld(cost, child, child[top, 0], child[top, 1])


@kernel
def _step_cost(resistance: float, balance: float, exponent: float) -> float:
    demand = max(-balance, 0.0)
    return resistance * (demand * demand if exponent == 2.0 else demand**exponent)


@kernel
def _wait(link: IntArray, waiting: IntArray, tree: int, slot: int) -> None:
    link[slot] = waiting[tree]
    waiting[tree] = slot


@kernel
def _valid_top(slots: _Slots, trees: _Trees, heap: IntArray, tree: int, rule: _Rule) -> int:
    """Top of a heap once everything outdated above it is gone; −1 if nothing is left."""
    while heap[tree] >= 0:
        slot = int(heap[tree])
        other = _find(trees.above, slots.node[slot])
        has_power = trees.balance[other] > rule.tolerance
        cost = _step_cost(slots.weight[slot], trees.balance[other], rule.demand)
        up_to_date = cost <= slots.cost[slot] or slots.returns[slot] >= rule.limit
        if other != tree and not has_power and up_to_date:
            return slot
        _pop(slots.cost, slots.child, heap, tree)
        if other == tree:
            continue
        if has_power:
            _wait(slots.link, trees.waiting, other, slot)
        else:
            slots.returns[slot] += 1
            slots.cost[slot] = cost
            _push(slots.cost, slots.child, heap, tree, slot)
    return -1


@kernel
def _best_candidate(slots: _Slots, trees: _Trees, tree: int, rule: _Rule) -> int:
    """Find the best candidate of a tree with power left and note its rank and score."""
    left = trees.balance[tree] + rule.tolerance
    while True:
        slot = _valid_top(slots, trees, trees.open, tree, rule)
        if slot < 0 or -trees.balance[_find(trees.above, slots.node[slot])] <= left:
            break
        _pop(slots.cost, slots.child, trees.open, tree)
        _push(slots.cost, slots.child, trees.shut, tree, slot)
    if slot < 0:
        slot = _valid_top(slots, trees, trees.shut, tree, rule)
    if slot < 0:
        trees.rank[tree] = 0
        return slot
    missing = trees.balance[_find(trees.above, slots.node[slot])]
    trees.rank[tree] = 2 if -missing <= left else 1
    cost = (
        _step_cost(slots.weight[slot], missing, rule.demand) + rule.accumulation * trees.spent[tree]
    )
    supply = trees.balance[tree] ** rule.supply
    trees.score[tree] = supply / cost if cost > 0.0 else np.inf
    return slot


@kernel
def _winner(rank: IntArray, score: FloatArray, a: int, b: int) -> int:
    if rank[a] != rank[b]:
        return a if rank[a] > rank[b] else b
    if score[a] != score[b]:
        return a if score[a] > score[b] else b
    return min(a, b)


@kernel
def _replay(
    rank: IntArray, score: FloatArray, seat: IntArray, champion: IntArray, tree: int
) -> None:
    """Play the matches of one tree again, up to the final at index 1."""
    match = seat[tree] // 2
    while match >= 1:
        before = champion[match]
        after = _winner(rank, score, champion[2 * match], champion[2 * match + 1])
        champion[match] = after
        if before == after != tree:
            # The tree lost this match before and now: nothing changes further up.
            return
        match //= 2


@kernel
def _wake(start: IntArray, slots: _Slots, trees: _Trees, node: int, tree: int, rule: _Rule) -> None:
    """Offer the edges of a node that has just become part of a tree to that tree."""
    for slot in range(start[node], start[node + 1]):
        other = _find(trees.above, slots.node[slot])
        if other == tree:
            continue
        if trees.balance[other] > rule.tolerance:
            _wait(slots.link, trees.waiting, other, slot)
        else:
            slots.cost[slot] = _step_cost(slots.weight[slot], trees.balance[other], rule.demand)
            _push(slots.cost, slots.child, trees.open, tree, slot)


@kernel
def _release(slots: _Slots, trees: _Trees, champion: IntArray, tree: int, rule: _Rule) -> None:
    """Give the slots that waited at a tree without power back to the trees they start from."""
    slot = trees.waiting[tree]
    trees.waiting[tree] = -1
    while slot >= 0:
        following = slots.link[slot]
        owner = _find(trees.above, slots.owner[slot])
        if owner != tree and slots.returns[slot] < rule.limit:
            slots.returns[slot] += 1
            slots.cost[slot] = _step_cost(slots.weight[slot], trees.balance[tree], rule.demand)
            _push(slots.cost, slots.child, trees.open, owner, slot)
            if trees.balance[owner] > rule.tolerance:
                _best_candidate(slots, trees, owner, rule)
                _replay(trees.rank, trees.score, trees.seat, champion, owner)
        slot = following


@kernel
def _absorb(
    start: IntArray, slots: _Slots, trees: _Trees, tree: int, other: int, rule: _Rule
) -> None:
    """Make ``other`` part of ``tree``."""
    # A tree of one node that never had power has not offered its edges yet.
    asleep = trees.seat[other] < 0 and trees.size[other] == 1
    trees.above[other] = tree
    left = trees.balance[tree] + trees.balance[other]
    trees.balance[tree] = 0.0 if abs(left) <= rule.tolerance else left
    trees.spent[tree] += trees.spent[other]
    if asleep:
        _wake(start, slots, trees, other, tree, rule)
    else:
        trees.open[tree] = _meld(slots.cost, slots.child, trees.open[tree], trees.open[other])
        # What was too large for ``other`` may suit the union. Looking again only where ``other``
        # is the smaller one bounds how often a slot is looked at by log₂ n.
        heap = trees.open if trees.size[other] <= trees.size[tree] else trees.shut
        heap[tree] = _meld(slots.cost, slots.child, heap[tree], trees.shut[other])
    trees.size[tree] += trees.size[other]


@kernel
def _grow(
    start: IntArray, slots: _Slots, trees: _Trees, source: IntArray, rule: _Rule
) -> BoolArray:
    closed = np.zeros(slots.edge.shape[0] // 2, dtype=np.bool_)
    count = source.shape[0]
    if count == 0:
        return closed
    champion = np.empty(2 * count, dtype=np.int64)
    for k in range(count):
        trees.seat[source[k]] = count + k
        champion[count + k] = source[k]
        _wake(start, slots, trees, source[k], source[k], rule)
    for k in range(count):
        _best_candidate(slots, trees, source[k], rule)
    for match in range(count - 1, 0, -1):
        champion[match] = _winner(
            trees.rank, trees.score, champion[2 * match], champion[2 * match + 1]
        )
    while trees.rank[champion[1]] > 0:
        tree = champion[1]
        # What other trees did since may have outdated the candidate.
        slot = _best_candidate(slots, trees, tree, rule)
        _replay(trees.rank, trees.score, trees.seat, champion, tree)
        if champion[1] != tree or slot < 0:
            continue
        other = _find(trees.above, slots.node[slot])
        trees.spent[tree] += _step_cost(slots.weight[slot], trees.balance[other], rule.demand)
        closed[slots.edge[slot]] = True
        _absorb(start, slots, trees, tree, other, rule)
        if trees.balance[tree] > rule.tolerance:
            _best_candidate(slots, trees, tree, rule)
            _replay(trees.rank, trees.score, trees.seat, champion, tree)
        else:
            trees.rank[tree] = 0
            _replay(trees.rank, trees.score, trees.seat, champion, tree)
            _release(slots, trees, champion, tree, rule)
    return closed


def grow_fast(graph: FlowGraph, rule: PowerLawRule) -> BoolArray:
    """Grow the forests of all islands of a graph at once. O(m log² n).

    Parameters
    ----------
    graph : FlowGraph
        Islands side by side, as :func:`find_islands` returns them.
    rule : PowerLawRule
        The weights.

    Returns
    -------
    ndarray of bool, shape (m,)
        A forest. Nodes and trees that need nothing may stay apart, and so may, in rare cases,
        trees with power left or missing: every forest can be completed to a spanning tree, which
        balances them.
    """
    n, near = graph.n, graph.adjacency
    count = near.edge.size

    def integers(size: int, value: int) -> IntArray:
        return np.full(size, value, dtype=np.int64)

    slots = _Slots(
        owner=np.repeat(np.arange(n), np.diff(near.start)),
        node=near.node,
        edge=near.edge,
        weight=graph.weight[near.edge],
        cost=np.zeros(count),
        child=np.full((count, 2), -1, dtype=np.int64),
        link=integers(count, -1),
        returns=integers(count, 0),
    )
    trees = _Trees(
        above=np.arange(n),
        size=integers(n, 1),
        balance=graph.p.copy(),
        spent=np.zeros(n),
        open=integers(n, -1),
        shut=integers(n, -1),
        waiting=integers(n, -1),
        rank=integers(n, 0),
        score=np.zeros(n),
        seat=integers(n, -1),
    )
    tolerance = graph.tolerance
    constants = _Rule(
        supply=float(rule.supply_exponent),
        demand=float(rule.demand_exponent),
        accumulation=float(rule.accumulation),
        tolerance=tolerance,
        limit=n.bit_length(),
    )
    source = np.flatnonzero(graph.p > tolerance)
    return _grow(near.start, slots, trees, source, constants)
