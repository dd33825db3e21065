"""Spanning trees built in one go."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from pygridjl.core.types import BoolArray, FloatArray
from pygridjl.graphs.forest import spanning_forest
from pygridjl.reconfiguration.electrical import electrical_flow
from pygridjl.reconfiguration.problem import RadialProblem

__all__ = ["kruskal_tree", "max_flow_tree", "minimum_spanning_tree", "shortest_path_tree"]


def kruskal_tree(problem: RadialProblem, cost: FloatArray) -> BoolArray:
    """Spanning tree of least total cost that holds all forced edges.

    Parameters
    ----------
    problem : RadialProblem
        The problem.
    cost : ndarray, shape (m,)
        Cost of each edge, of either sign; infinite costs come last. Equal costs: lower index
        first.

    Returns
    -------
    ndarray of bool, shape (m,)
        O(m log m). Parallel edges and zero costs are edges like any other.
    """
    order = np.lexsort((cost, ~problem.forced))
    nothing = np.zeros(problem.m, dtype=bool)
    return spanning_forest(problem.n, problem.tail, problem.head, order, nothing)


def minimum_spanning_tree(problem: RadialProblem) -> BoolArray:
    """Spanning tree of least total resistance, whatever the loads."""
    return kruskal_tree(problem, problem.weight)


def max_flow_tree(problem: RadialProblem) -> BoolArray:
    """Spanning tree of largest total electrical flow.

    One electrical flow of the meshed network, then the edges by falling apparent power
    √(p² + q²) (over many load states its root mean square) as long as they close no cycle.

    Parameters
    ----------
    problem : RadialProblem
        The problem.

    Returns
    -------
    ndarray of bool, shape (m,)
        A spanning tree that holds all forced edges.
    """
    flow = electrical_flow(problem)
    return kruskal_tree(problem, -np.linalg.norm(flow.flow, axis=1))


def shortest_path_tree(problem: RadialProblem) -> BoolArray:
    """Tree of least resistance from the sources.

    ``substations``: every node hangs on its path of least resistance from the substations.
    ``balanced``: every node hangs on the path from its nearest source; the trees of the sources
    are then joined by the edges e = (u, v) of least d(u) + r + d(v), the resistance of the link
    between two sources that runs through e.

    Parameters
    ----------
    problem : RadialProblem
        The problem.

    Returns
    -------
    ndarray of bool, shape (m,)
        A spanning tree that holds all forced edges, even where they are not on shortest paths.
    """
    if problem.kind == "substations":
        sources = np.array([problem.root])
    else:
        sources = np.union1d(np.flatnonzero(problem.p > 0.0), problem.root)
    low = np.minimum(problem.tail, problem.head)
    high = np.maximum(problem.tail, problem.head)
    # Of parallel edges only the one of least resistance can be on a shortest path.
    order = np.lexsort((problem.weight, high, low))
    changes = (np.diff(low[order]) != 0) | (np.diff(high[order]) != 0)
    simple = order[np.concatenate(([True], changes))[: order.size]]
    ends = (low[simple], high[simple])
    graph = csr_array((problem.weight[simple], ends), shape=(problem.n, problem.n))
    distance, parent, _ = dijkstra(
        graph, directed=False, indices=sources, return_predecessors=True, min_only=True
    )
    on_path = (parent[low[simple]] == high[simple]) | (parent[high[simple]] == low[simple])
    link = distance[problem.tail] + problem.weight + distance[problem.head]
    first = np.zeros(problem.m, dtype=bool)
    first[simple[on_path]] = True
    # Path edges go before links; the number of the class outweighs any length.
    return kruskal_tree(problem, np.where(first, link, link + 2.0 * link.max(initial=0.0)))
