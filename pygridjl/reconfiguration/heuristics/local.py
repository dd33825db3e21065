"""A spanning tree that knows its flows and can exchange one branch for another.

Closing tie e and opening branch u of its cycle sends t = ∓ flow(u) around the cycle and changes
the loss by exactly A t² + 2 B t, with A = Σ r and B = Σ ± r x over the cycle (for p and q alike).
Flows elsewhere do not change, so both the price and the exchange itself cost O(cycle). No depths
are kept, because an exchange would change them for whole subtrees: the cycle is found by walking
up from both ends of the tie in turn until one walk meets the marks of the other.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pygridjl.core.jit import kernel
from pygridjl.core.types import BoolArray, FloatArray, IntArray
from pygridjl.graphs.forest import rooted_forest
from pygridjl.reconfiguration.problem import RadialProblem

__all__ = ["GAIN_TOLERANCE", "Tree", "close_tie", "exchange", "loss_of", "price", "tree_of"]

# An exchange counts as an improvement if it gains more than this share of the whole loss; less
# than that is rounding.
GAIN_TOLERANCE = 1e-12

# Columns of Tree.up; behind them the flows.
RESISTANCE, FORCED, FLOW = 0, 1, 2


class Tree(NamedTuple):
    """A rooted spanning tree with flows; exchanges change the arrays in place.

    What an exchange needs of a closed edge is kept at its lower node, so that a walk touches few
    cache lines: ``parent`` and ``via`` (edge to the parent; both −1 at the root) and the row
    ``up`` with resistance, 1 if the edge is forced, and the flows towards the parent (p and q, or
    more columns). ``tail``, ``head``, ``weight`` are those of the problem. The cycle last closed
    is kept in ``arm`` by the lower nodes of its edges: ``arm[0, :size[0]]`` from the tail of the
    tie ``size[2]`` upwards, ``arm[1, :size[1]]`` from its head; both end below node ``size[3]``.
    ``mark`` and ``clock`` belong to the walk, ``bias`` and ``step`` (one number a flow) to the
    pricing and the exchange.
    """

    tail: IntArray
    head: IntArray
    weight: FloatArray
    parent: IntArray
    via: IntArray
    up: FloatArray
    arm: IntArray
    size: IntArray
    mark: IntArray
    clock: IntArray
    bias: FloatArray
    step: FloatArray


def tree_of(problem: RadialProblem, closed: BoolArray) -> Tree:
    """Root a configuration and compute its flows from scratch.

    Parameters
    ----------
    problem : RadialProblem
        The problem.
    closed : ndarray of bool, shape (m,)
        A spanning tree.

    Returns
    -------
    Tree
        O(n + m).

    Raises
    ------
    ValueError
        If ``closed`` is not a spanning tree.
    """
    flow = problem.flows(closed)
    forest = rooted_forest(problem.graph, closed, np.array([problem.root]))
    below = forest.order[1:]
    edge = forest.edge[below]
    sign = np.where(problem.tail[edge] == below, 1.0, -1.0)
    up = np.zeros((problem.n, FLOW + flow.shape[1]))
    up[below, RESISTANCE] = problem.weight[edge]
    up[below, FORCED] = problem.forced[edge]
    up[below, FLOW:] = sign[:, None] * flow[edge]
    return Tree(
        tail=problem.tail,
        head=problem.head,
        weight=problem.weight,
        parent=forest.parent,
        via=forest.edge,
        up=up,
        arm=np.empty((2, problem.n), dtype=np.int64),
        size=np.zeros(4, dtype=np.int64),
        mark=np.zeros(problem.n, dtype=np.int64),
        clock=np.zeros(1, dtype=np.int64),
        bias=np.empty(flow.shape[1]),
        step=np.empty(flow.shape[1]),
    )


def loss_of(tree: Tree) -> float:
    """Σ r |flow|² of the tree, p.u."""
    up = tree.up
    return float(up[:, RESISTANCE] @ (up[:, FLOW:] ** 2).sum(axis=1))


@kernel
def close_tie(tree: Tree, tie: int) -> int:
    """Find the cycle that an open edge would close; return its number of edges."""
    parent, mark, arm = tree.parent, tree.mark, tree.arm
    tree.clock[0] += 2
    from_tail, from_head = tree.clock[0], tree.clock[0] + 1
    a, b = tree.tail[tie], tree.head[tie]
    mark[a] = from_tail
    mark[b] = from_head
    count_a, count_b = 0, 0
    while True:
        # A walk that is at the root waits there for the other one.
        if parent[a] >= 0:
            arm[0, count_a] = a
            count_a += 1
            a = parent[a]
            if mark[a] == from_head:
                # The other walk may have gone on beyond the meeting node.
                while b != a:
                    count_b -= 1
                    b = arm[1, count_b]
                break
            mark[a] = from_tail
        if parent[b] >= 0:
            arm[1, count_b] = b
            count_b += 1
            b = parent[b]
            if mark[b] == from_tail:
                while a != b:
                    count_a -= 1
                    a = arm[0, count_a]
                break
            mark[b] = from_head
    tree.size[0] = count_a
    tree.size[1] = count_b
    tree.size[2] = tie
    tree.size[3] = a
    return count_a + count_b + 1


@kernel
def price(tree: Tree) -> tuple[float, int, int]:
    """Price the cheapest exchange on the cycle last closed.

    Returns the change of Σ r (p² + q²), the arm and the place in it of the edge to open; a change
    of 0 says that no edge of the cycle may be opened at a gain.
    """
    up, bias = tree.up, tree.bias
    resistance = tree.weight[tree.size[2]]
    for c in range(bias.shape[0]):
        bias[c] = 0.0
    # One unit through the tie from tail to head comes up from the head and down to the tail.
    for side in range(2):
        sign = 2.0 * side - 1.0
        for i in range(tree.size[side]):
            u = tree.arm[side, i]
            r = up[u, 0]
            resistance += r
            for c in range(bias.shape[0]):
                bias[c] += sign * r * up[u, 2 + c]
    best, best_side, best_place = 0.0, 0, 0
    for side in range(2):
        sign = 2.0 * side - 1.0
        for i in range(tree.size[side]):
            u = tree.arm[side, i]
            if up[u, 1] == 0.0:
                square, along = 0.0, 0.0
                for c in range(bias.shape[0]):
                    square += up[u, 2 + c] * up[u, 2 + c]
                    along += bias[c] * up[u, 2 + c]
                change = resistance * square - 2.0 * sign * along
                if change < best:
                    best, best_side, best_place = change, side, i
    return best, best_side, best_place


@kernel
def exchange(tree: Tree, side: int, place: int) -> tuple[int, float]:
    """Close the tie of the cycle last closed and open the edge at a place of an arm.

    Returns the opened edge and the exact change of Σ r (p² + q²).
    """
    parent, via, up, step = tree.parent, tree.via, tree.up, tree.step
    tie = tree.size[2]
    cut = tree.arm[side, place]
    opened = via[cut]
    outward = 2.0 * side - 1.0
    change = 0.0
    for c in range(step.shape[0]):
        step[c] = -outward * up[cut, 2 + c]
        change += tree.weight[tie] * step[c] * step[c]
    for arm in range(2):
        sign = 2.0 * arm - 1.0
        for i in range(tree.size[arm]):
            u = tree.arm[arm, i]
            for c in range(step.shape[0]):
                moved = sign * step[c]
                change += up[u, 0] * moved * (2.0 * up[u, 2 + c] + moved)
                up[u, 2 + c] += moved

    # The part below the opened edge now hangs from the tie: turn the arm from its foot to the cut.
    for i in range(place, 0, -1):
        u, below = tree.arm[side, i], tree.arm[side, i - 1]
        parent[u] = below
        via[u] = via[below]
        up[u, 0] = up[below, 0]
        up[u, 1] = up[below, 1]
        for c in range(step.shape[0]):
            up[u, 2 + c] = -up[below, 2 + c]
    foot = tree.arm[side, 0]
    parent[foot] = tree.head[tie] if side == 0 else tree.tail[tie]
    via[foot] = tie
    up[foot, 0] = tree.weight[tie]
    up[foot, 1] = 0.0
    # The tie carries step from tail to head; the foot is its tail on side 0, its head on side 1.
    for c in range(step.shape[0]):
        up[foot, 2 + c] = -outward * step[c]
    return opened, change
