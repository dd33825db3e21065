"""Small networks that tests build themselves, so that nothing depends on a bundled case."""

from __future__ import annotations

import networkx as nx
import numpy as np

from pygridjl import Branches, Buses, Generators, Loads, Network

__all__ = ["cycle_network", "line_network", "random_network", "spanning_trees"]


def line_network(n: int = 4, **branch_columns) -> Network:
    """A feeder 0 – 1 – … – n−1 with the substation at bus 0."""
    m = n - 1
    columns = {"r": np.full(m, 0.02), "x": np.full(m, 0.03), **branch_columns}
    return Network(
        "line",
        1.0,
        Buses(id=[str(i) for i in range(n)], v_min=0.8, v_max=1.1),
        Branches(id=np.arange(1, n), from_bus=np.arange(m), to_bus=np.arange(1, n), **columns),
        Generators(id=["g"], bus=[0], slack=True),
        Loads(id=[str(i) for i in range(1, n)], bus=np.arange(1, n), p=0.1, q=0.05),
    )


def cycle_network(p: tuple[float, ...] = (5.0, 2.0, -5.0, -2.0)) -> Network:
    """A cycle of len(p) buses with unit resistances and injections p (balanced problem)."""
    n = len(p)
    injection = np.array(p)
    sources, sinks = np.flatnonzero(injection > 0), np.flatnonzero(injection < 0)
    return Network(
        "cycle",
        1.0,
        Buses(id=[str(i) for i in range(n)]),
        Branches(
            id=np.arange(1, n + 1),
            from_bus=np.arange(n),
            to_bus=(np.arange(n) + 1) % n,
            r=np.ones(n),
        ),
        Generators(id=[f"g{i}" for i in sources], bus=sources, p=injection[sources]),
        Loads(id=[f"d{i}" for i in sinks], bus=sinks, p=-injection[sinks]),
    )


def random_network(
    seed: int, n: int = 8, extra: int = 4, substations: int = 1, *, balanced: bool = False
) -> Network:
    """A connected random multigraph with ``n − 1 + extra`` branches (parallel ones happen).

    The base state is a spanning forest with one substation in each tree, or for ``balanced`` a
    spanning tree; sources are scaled to the demand.
    """
    rng = np.random.default_rng(seed)
    tree = [(int(rng.integers(0, k)), k) for k in range(1, n)]
    ties = []
    while len(ties) < extra:
        a, b = rng.integers(0, n, 2)
        if a != b:
            ties.append((int(a), int(b)))
    ends = np.array(tree + ties)
    m = len(ends)
    closed = np.arange(m) < n - 1
    sources = np.arange(substations)
    if not balanced:
        # Bus 0 … substations − 1: opening the branch to the parent leaves one source in each tree.
        closed[: substations - 1] = False
    p = rng.uniform(0.5, 1.5, n) * 0.02
    q = 0.5 * p
    supply = np.full(substations, p[substations:].sum() / substations)
    return Network(
        f"random{seed}",
        1.0,
        Buses(id=[f"b{i}" for i in range(n)], v_min=0.7, v_max=1.1),
        Branches(
            id=np.arange(1, m + 1),
            from_bus=ends[:, 0],
            to_bus=ends[:, 1],
            r=rng.uniform(0.01, 0.1, m),
            x=rng.uniform(0.01, 0.1, m),
            closed=closed,
        ),
        Generators(
            id=[f"g{i}" for i in sources],
            bus=sources,
            p=supply,
            slack=np.full(substations, not balanced),
        ),
        Loads(id=[f"d{i}" for i in range(substations, n)], bus=np.arange(substations, n),
              p=p[substations:], q=q[substations:]),
    )  # fmt: skip


def spanning_trees(problem) -> list[np.ndarray]:
    """All spanning trees of a reconfiguration problem that hold its forced edges (networkx)."""
    graph = nx.MultiGraph()
    graph.add_nodes_from(range(problem.n))
    for e in range(problem.m):
        graph.add_edge(int(problem.tail[e]), int(problem.head[e]), key=e)
    found = []
    for edges in _trees_of(graph):
        closed = np.zeros(problem.m, dtype=bool)
        closed[list(edges)] = True
        if closed[problem.forced].all():
            found.append(closed)
    return found


def _trees_of(graph: nx.MultiGraph) -> list[tuple[int, ...]]:
    """Recursive contraction and deletion: each tree holds the first edge or does not."""
    if graph.number_of_nodes() == 1:
        return [()]
    edges = list(graph.edges(keys=True))
    if not edges or not nx.is_connected(graph):
        return []
    a, b, key = edges[0]
    without = graph.copy()
    without.remove_edge(a, b, key)
    merged = nx.MultiGraph()
    merged.add_nodes_from(set(graph) - {b})
    for u, v, k in edges[1:]:
        u, v = (a if u == b else u), (a if v == b else v)
        if u != v:
            merged.add_edge(u, v, key=k)
    return _trees_of(without) + [(key, *rest) for rest in _trees_of(merged)]
