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

from pygridjl.core.jit import kernel
from pygridjl.core.types import BoolArray, FloatArray, IntArray
from pygridjl.reconfiguration.forward.flow_graph import FlowGraph
from pygridjl.reconfiguration.forward.weights import PowerLawRule

__all__ = ["grow_fast"]


# The state is four tables, handed to every kernel as they are: an array inside a tuple would be
# reference-counted at each access, which takes longer than the work itself.
#
# Integers of a slot, shape (2 m, 7): u, v, edge; left and right in its heap; the next slot that
# waits at the same tree; times it was put back.
OWNER, NODE, EDGE, LEFT, RIGHT, LINK, RETURNS = range(7)
# Numbers of a slot, shape (2 m, 2): resistance; step cost when last weighed, the key in the heap.
WEIGHT, COST = range(2)
# Integers of a tree, at the index of its root, shape (n, 7): union-find; nodes; heap of slots not
# yet found too large to be served in full; heap of the others; first slot that waits for this tree
# to lose its power; rank (2: the best candidate can be served in full, 1: it cannot, 0: there is
# none); leaf in the tournament.
ABOVE, SIZE, OPEN, SHUT, WAITING, RANK, SEAT = range(7)
# Numbers of a tree, shape (n, 3): balance; h̃; weight of the best candidate.
BALANCE, SPENT, SCORE = range(3)


class _Rule(NamedTuple):
    supply: float
    demand: float
    accumulation: float
    tolerance: float
    limit: int


@kernel
def _find(tree: IntArray, u: int) -> int:
    while tree[u, ABOVE] != u:
        tree[u, ABOVE] = tree[tree[u, ABOVE], ABOVE]
        u = int(tree[u, ABOVE])
    return u


@kernel
def _meld(slot: IntArray, key: FloatArray, a: int, b: int) -> int:
    """Merge two skew heaps; ties by slot, so that the order is the same everywhere."""
    if a < 0:
        return b
    if b < 0:
        return a
    if key[b, COST] < key[a, COST] or (key[b, COST] == key[a, COST] and b < a):
        a, b = b, a
    top = a
    while True:
        rest = slot[a, RIGHT]
        slot[a, RIGHT] = slot[a, LEFT]
        if rest < 0:
            slot[a, LEFT] = b
            return top
        if key[b, COST] < key[rest, COST] or (key[b, COST] == key[rest, COST] and b < rest):
            rest, b = b, rest
        slot[a, LEFT] = rest
        a = rest


@kernel
def _push(slot: IntArray, key: FloatArray, tree: IntArray, t: int, heap: int, s: int) -> None:
    slot[s, LEFT] = slot[s, RIGHT] = -1
    tree[t, heap] = _meld(slot, key, tree[t, heap], s)


@kernel
def _pop(slot: IntArray, key: FloatArray, tree: IntArray, t: int, heap: int) -> None:
    top = tree[t, heap]
    tree[t, heap] = _meld(slot, key, slot[top, LEFT], slot[top, RIGHT])


@kernel
def _step_cost(resistance: float, balance: float, exponent: float) -> float:
    demand = max(-balance, 0.0)
    return resistance * (demand * demand if exponent == 2.0 else demand**exponent)


@kernel
def _wait(slot: IntArray, tree: IntArray, t: int, s: int) -> None:
    slot[s, LINK] = tree[t, WAITING]
    tree[t, WAITING] = s


@kernel
def _valid_top(
    slot: IntArray,
    key: FloatArray,
    tree: IntArray,
    state: FloatArray,
    t: int,
    heap: int,
    rule: _Rule,
) -> int:
    """Top of a heap once everything outdated above it is gone; −1 if nothing is left."""
    while tree[t, heap] >= 0:
        s = int(tree[t, heap])
        other = _find(tree, slot[s, NODE])
        has_power = state[other, BALANCE] > rule.tolerance
        cost = _step_cost(key[s, WEIGHT], state[other, BALANCE], rule.demand)
        up_to_date = cost <= key[s, COST] or slot[s, RETURNS] >= rule.limit
        if other != t and not has_power and up_to_date:
            return s
        _pop(slot, key, tree, t, heap)
        if other == t:
            continue
        if has_power:
            _wait(slot, tree, other, s)
        else:
            slot[s, RETURNS] += 1
            key[s, COST] = cost
            _push(slot, key, tree, t, heap, s)
    return -1


@kernel
def _best_candidate(
    slot: IntArray, key: FloatArray, tree: IntArray, state: FloatArray, t: int, rule: _Rule
) -> int:
    """Find the best candidate of a tree with power left and note its rank and score."""
    left = state[t, BALANCE] + rule.tolerance
    while True:
        s = _valid_top(slot, key, tree, state, t, OPEN, rule)
        if s < 0 or -state[_find(tree, slot[s, NODE]), BALANCE] <= left:
            break
        _pop(slot, key, tree, t, OPEN)
        _push(slot, key, tree, t, SHUT, s)
    if s < 0:
        s = _valid_top(slot, key, tree, state, t, SHUT, rule)
    if s < 0:
        tree[t, RANK] = 0
        return s
    missing = state[_find(tree, slot[s, NODE]), BALANCE]
    tree[t, RANK] = 2 if -missing <= left else 1
    cost = _step_cost(key[s, WEIGHT], missing, rule.demand) + rule.accumulation * state[t, SPENT]
    supply = state[t, BALANCE] ** rule.supply
    state[t, SCORE] = supply / cost if cost > 0.0 else np.inf
    return s


@kernel
def _winner(tree: IntArray, state: FloatArray, a: int, b: int) -> int:
    if tree[a, RANK] != tree[b, RANK]:
        return a if tree[a, RANK] > tree[b, RANK] else b
    if state[a, SCORE] != state[b, SCORE]:
        return a if state[a, SCORE] > state[b, SCORE] else b
    return min(a, b)


@kernel
def _replay(tree: IntArray, state: FloatArray, champion: IntArray, t: int) -> None:
    """Play the matches of one tree again, up to the final at index 1."""
    match = tree[t, SEAT] // 2
    while match >= 1:
        before = champion[match]
        after = _winner(tree, state, champion[2 * match], champion[2 * match + 1])
        champion[match] = after
        if before == after != t:
            # The tree lost this match before and now: nothing changes further up.
            return
        match //= 2


@kernel
def _wake(
    start: IntArray,
    slot: IntArray,
    key: FloatArray,
    tree: IntArray,
    state: FloatArray,
    node: int,
    t: int,
    rule: _Rule,
) -> None:
    """Offer the edges of a node that has just become part of a tree to that tree."""
    for s in range(start[node], start[node + 1]):
        other = _find(tree, slot[s, NODE])
        if other == t:
            continue
        if state[other, BALANCE] > rule.tolerance:
            _wait(slot, tree, other, s)
        else:
            key[s, COST] = _step_cost(key[s, WEIGHT], state[other, BALANCE], rule.demand)
            _push(slot, key, tree, t, OPEN, s)


@kernel
def _release(
    slot: IntArray,
    key: FloatArray,
    tree: IntArray,
    state: FloatArray,
    champion: IntArray,
    t: int,
    rule: _Rule,
) -> None:
    """Give the slots that waited at a tree without power back to the trees they start from."""
    s = tree[t, WAITING]
    tree[t, WAITING] = -1
    while s >= 0:
        following = slot[s, LINK]
        owner = _find(tree, slot[s, OWNER])
        if owner != t and slot[s, RETURNS] < rule.limit:
            slot[s, RETURNS] += 1
            key[s, COST] = _step_cost(key[s, WEIGHT], state[t, BALANCE], rule.demand)
            _push(slot, key, tree, owner, OPEN, s)
            if state[owner, BALANCE] > rule.tolerance:
                _best_candidate(slot, key, tree, state, owner, rule)
                _replay(tree, state, champion, owner)
        s = following


@kernel
def _absorb(
    start: IntArray,
    slot: IntArray,
    key: FloatArray,
    tree: IntArray,
    state: FloatArray,
    t: int,
    other: int,
    rule: _Rule,
) -> None:
    """Make ``other`` part of tree ``t``."""
    # A tree of one node that never had power has not offered its edges yet.
    asleep = tree[other, SEAT] < 0 and tree[other, SIZE] == 1
    tree[other, ABOVE] = t
    left = state[t, BALANCE] + state[other, BALANCE]
    state[t, BALANCE] = 0.0 if abs(left) <= rule.tolerance else left
    state[t, SPENT] += state[other, SPENT]
    if asleep:
        _wake(start, slot, key, tree, state, other, t, rule)
    else:
        tree[t, OPEN] = _meld(slot, key, tree[t, OPEN], tree[other, OPEN])
        # What was too large for ``other`` may suit the union. Looking again only where ``other``
        # is the smaller one bounds how often a slot is looked at by log₂ n.
        heap = OPEN if tree[other, SIZE] <= tree[t, SIZE] else SHUT
        tree[t, heap] = _meld(slot, key, tree[t, heap], tree[other, SHUT])
    tree[t, SIZE] += tree[other, SIZE]


@kernel
def _grow(
    start: IntArray,
    slot: IntArray,
    key: FloatArray,
    tree: IntArray,
    state: FloatArray,
    source: IntArray,
    rule: _Rule,
) -> BoolArray:
    closed = np.zeros(slot.shape[0] // 2, dtype=np.bool_)
    count = source.shape[0]
    if count == 0:
        return closed
    champion = np.empty(2 * count, dtype=np.int64)
    for k in range(count):
        tree[source[k], SEAT] = count + k
        champion[count + k] = source[k]
        _wake(start, slot, key, tree, state, source[k], source[k], rule)
    for k in range(count):
        _best_candidate(slot, key, tree, state, source[k], rule)
    for match in range(count - 1, 0, -1):
        champion[match] = _winner(tree, state, champion[2 * match], champion[2 * match + 1])
    while tree[champion[1], RANK] > 0:
        t = champion[1]
        # What other trees did since may have outdated the candidate.
        s = _best_candidate(slot, key, tree, state, t, rule)
        _replay(tree, state, champion, t)
        if champion[1] != t or s < 0:
            continue
        other = _find(tree, slot[s, NODE])
        state[t, SPENT] += _step_cost(key[s, WEIGHT], state[other, BALANCE], rule.demand)
        closed[slot[s, EDGE]] = True
        _absorb(start, slot, key, tree, state, t, other, rule)
        if state[t, BALANCE] > rule.tolerance:
            _best_candidate(slot, key, tree, state, t, rule)
            _replay(tree, state, champion, t)
        else:
            tree[t, RANK] = 0
            _replay(tree, state, champion, t)
            _release(slot, key, tree, state, champion, t, rule)
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
    slot = np.full((near.edge.size, 7), -1, dtype=np.int64)
    slot[:, OWNER] = np.repeat(np.arange(n), np.diff(near.start))
    slot[:, NODE], slot[:, EDGE], slot[:, RETURNS] = near.node, near.edge, 0
    key = np.zeros((near.edge.size, 2))
    key[:, WEIGHT] = graph.weight[near.edge]
    tree = np.full((n, 7), -1, dtype=np.int64)
    tree[:, ABOVE], tree[:, SIZE], tree[:, RANK] = np.arange(n), 1, 0
    state = np.zeros((n, 3))
    state[:, BALANCE] = graph.p
    constants = _Rule(
        supply=float(rule.supply_exponent),
        demand=float(rule.demand_exponent),
        accumulation=float(rule.accumulation),
        tolerance=graph.tolerance,
        limit=n.bit_length(),
    )
    source = np.flatnonzero(graph.p > graph.tolerance)
    return _grow(near.start, slot, key, tree, state, source, constants)
