"""Coordinates for one-line diagrams of networks that bring none."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array, diags_array
from scipy.sparse.linalg import splu

from pygridjl.core.types import BoolArray, FloatArray
from pygridjl.graphs.forest import RootedForest, adjacency, rooted_forest
from pygridjl.grid.network import Network

__all__ = ["bus_positions"]


def bus_positions(network: Network, closed: BoolArray) -> FloatArray:
    """Place the buses: at the network's own coordinates, or as a tidy tree.

    Where some buses have coordinates these are kept, and each other bus is put amid its neighbours.

    Parameters
    ----------
    network : Network
        The network.
    closed : ndarray of bool, shape (n_branch,)
        States whose forest is laid out, from left to right, when coordinates are missing; the
        forest of all branches if they leave buses cut off.

    Returns
    -------
    ndarray, shape (n_bus, 2)
        Drawing coordinates.
    """
    own = np.column_stack([network.buses.x, network.buses.y])
    known: BoolArray = np.asarray(np.isfinite(own).all(axis=1))
    if known.all():
        return own
    if np.unique(own[known], axis=0).shape[0] > 2:
        return _between_neighbours(network, own, known)
    graph = adjacency(network.n_bus, network.branches.from_bus, network.branches.to_bus)
    roots = network.slack_buses
    if roots.size == 0:
        roots = np.unique(network.generators.bus[network.generators.in_service])
    forest = rooted_forest(graph, closed, roots)
    if forest.order.size < network.n_bus:
        forest = rooted_forest(graph, np.ones(network.n_branch, dtype=bool), roots)
    return _tidy_tree(forest)


def _between_neighbours(network: Network, own: FloatArray, known: BoolArray) -> FloatArray:
    """Put every bus without coordinates at the mean of its neighbours."""
    n, ends = network.n_bus, (network.branches.from_bus, network.branches.to_bus)
    graph = coo_array((np.ones(network.n_branch), ends), shape=(n, n))
    graph = ((graph + graph.T) != 0).astype(np.float64).tocsr()
    # A faint pull to the middle places what no known bus is connected to.
    pull = 1e-6
    free, middle = np.flatnonzero(~known), own[known].mean(axis=0)
    degree = np.asarray(graph.sum(axis=1)).ravel() + pull
    matrix = (diags_array(degree) - graph).tocsr()[free]
    right = graph[free][:, known] @ own[known] + pull * middle
    places = own.copy()
    places[free] = splu(matrix[:, free].tocsc()).solve(np.asarray(right))
    return places


def _tidy_tree(forest: RootedForest) -> FloatArray:
    """Depth to the right; the deepest child straight on, the others on rows below it."""
    n = forest.parent.size
    depth = np.zeros(n, dtype=np.int64)
    height = np.zeros(n, dtype=np.int64)
    children: list[list[int]] = [[] for _ in range(n)]
    for u in forest.order:
        up = forest.parent[u]
        if up >= 0:
            depth[u] = depth[up] + 1
            children[up].append(int(u))
    for u in forest.order[::-1]:
        up = forest.parent[u]
        if up >= 0:
            height[up] = max(height[up], height[u] + 1)
    row = np.zeros(n)
    # First free row at each depth: a lateral moves up to the first row that is free all along it.
    free: list[float] = [0.0] * (int(depth.max(initial=0)) + 2)
    stack = [int(u) for u in forest.order[::-1] if forest.parent[u] < 0]
    while stack:
        u = stack.pop()
        # Place the whole run of deepest children from u on one row.
        run = [u]
        while children[run[-1]]:
            run.append(max(children[run[-1]], key=lambda c: (height[c], -c)))
        first, last = int(depth[u]), int(depth[run[-1]])
        level = max(free[max(first - 1, 0) : last + 1])
        for v in run:
            row[v] = level
        for d in range(max(first - 1, 0), last + 1):
            free[d] = level + 1
        on_run = set(run)
        for v in run:
            stack.extend(sorted((c for c in children[v] if c not in on_run), reverse=True))
    return np.column_stack([depth.astype(np.float64), -row])
