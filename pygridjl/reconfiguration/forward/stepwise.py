"""FORWARD step by step (Alg. 5), as the modes ``literal`` and ``faithful`` run it."""

from __future__ import annotations

from collections.abc import Sequence

from pygridjl.reconfiguration.forward.flow_graph import FlowGraph
from pygridjl.reconfiguration.forward.forest import Forest, empty_forest, join
from pygridjl.reconfiguration.forward.net_concad import condense
from pygridjl.reconfiguration.forward.sampler import sample
from pygridjl.reconfiguration.forward.weights import WeightRule

__all__ = ["grow_forest", "grow_forests"]

# Starting worker processes was seen to take 1 to 2 s, growing an island some 0.8 s at 2,000 nodes
# and 3 s at 4,000: in smaller islands a second process cannot save what it costs. In larger ones it
# can on idle cores only; on busy ones two processes were slower than one at every size measured.
PARALLEL_NODES = 4000


def grow_forest(island: FlowGraph, rule: WeightRule, *, literal: bool = False) -> Forest:
    """Alternate Net-Concad and Sampler in one island until no candidate is left. O(n (n + m)).

    Line 7 of Alg. 5 loops while |S| ≤ |V| − 1, which asks for one edge more than a tree has; the
    empty queue ends the loop instead. With same-tree deletion the queue is empty exactly when no
    tree has power left: while one has, the sum of zero leaves a node or tree that lacks power, and
    a connected island has an edge between the two groups.

    Parameters
    ----------
    island : FlowGraph
        A connected graph with injections that sum to zero.
    rule : WeightRule
        The weights.
    literal : bool
        Follow Algs. 3 and 4 as printed; power may then be left over.

    Returns
    -------
    Forest
        All balances are zero, unless ``literal``. Nodes and trees that need nothing may stay
        apart.
    """
    forest = empty_forest(island)
    while True:
        condensed = condense(island, forest, merge_adjacent_sources=literal)
        step = sample(island, condensed, forest, rule, literal=literal)
        if step is None:
            return forest
        forest = join(forest, step.start, step.end, step.edge, step.cost, island.tolerance)


def grow_forests(
    islands: Sequence[FlowGraph], rule: WeightRule, *, literal: bool, jobs: int
) -> list[Forest]:
    """Grow a forest in every island, in parallel where the islands are large enough for it.

    Parameters
    ----------
    islands : sequence of FlowGraph
        They share no edge.
    rule : WeightRule
        The weights; must survive pickling if ``jobs > 1``.
    literal : bool
        As in :func:`grow_forest`.
    jobs : int
        Processes at most; more than one are started only if the second largest island has 4,000
        nodes or more.

    Returns
    -------
    list of Forest
        In the order of the islands, whatever ``jobs``.
    """
    sizes = sorted((island.n for island in islands), reverse=True)
    if jobs > 1 and len(sizes) > 1 and sizes[1] >= PARALLEL_NODES:
        from joblib import Parallel, delayed

        tasks = (delayed(grow_forest)(island, rule, literal=literal) for island in islands)
        return list(Parallel(n_jobs=jobs, backend="loky")(tasks))
    return [grow_forest(island, rule, literal=literal) for island in islands]
