"""Seeded random instances and independent checks for the tests of FORWARD."""

from __future__ import annotations

import networkx as nx
import numpy as np

from pygridjl.grid.network import Branches, Buses, Generators, Loads, Network
from pygridjl.reconfiguration.build import build_problem
from pygridjl.reconfiguration.problem import RadialProblem


def balanced_problem(edges, p, r=None, **options) -> RadialProblem:
    """Problem with injections ``p`` on nodes 0, 1, … (bus ids) and branches as listed."""
    p = np.asarray(p, dtype=float)
    r = np.ones(len(edges)) if r is None else np.asarray(r, dtype=float)
    sources, sinks = np.flatnonzero(p > 0), np.flatnonzero(p < 0)
    ends = np.asarray(edges, dtype=int)
    network = Network(
        name="instance",
        base_mva=1.0,
        buses=Buses(id=[str(i) for i in range(p.size)]),
        branches=Branches(
            id=np.arange(1, len(edges) + 1), from_bus=ends[:, 0], to_bus=ends[:, 1], r=r
        ),
        generators=Generators(id=[f"g{i}" for i in sources], bus=sources, p=p[sources]),
        loads=Loads(id=[f"d{i}" for i in sinks], bus=sinks, p=-p[sinks]),
    )
    return build_problem(network, "balanced", **options)


def injections(rng, n, n_sources, zero_share=0.0, sources=None) -> np.ndarray:
    """Random demands; the sources share their sum at random."""
    p = -rng.uniform(0.5, 1.5, n)
    if sources is None:
        sources = rng.choice(n, n_sources, replace=False)
    p[rng.random(n) < zero_share] = 0.0
    p[sources] = 0.0
    if not (p < 0).any():
        p[rng.choice(np.setdiff1d(np.arange(n), sources))] = -1.0
    share = rng.uniform(0.5, 1.5, len(sources))
    p[sources] = -p.sum() * share / share.sum()
    return p


def watts_strogatz(seed, n, n_sources, zero_share=0.0) -> RadialProblem:
    """The paper's instances: k = 4, β = 0.1."""
    rng = np.random.default_rng(seed)
    graph = nx.connected_watts_strogatz_graph(n, 4, 0.1, seed=seed)
    edges = sorted(graph.edges)
    r = rng.uniform(0.1, 1.0, len(edges))
    return balanced_problem(edges, injections(rng, n, n_sources, zero_share), r)


def feeder_like(seed, n, n_sources, ties, zero_share=0.3) -> RadialProblem:
    """A random tree of short laterals with some ties; parallel edges occur."""
    rng = np.random.default_rng(seed)
    edges = [(int(rng.integers(max(0, i - 4), i)), i) for i in range(1, n)]
    for _ in range(ties):
        u, v = rng.choice(n, 2, replace=False)
        edges.append((int(u), int(v)))
    r = rng.uniform(0.01, 1.0, len(edges))
    return balanced_problem(edges, injections(rng, n, n_sources, zero_share), r)


def multigraph(seed, n, n_sources, m) -> RadialProblem:
    """A random connected multigraph."""
    rng = np.random.default_rng(seed)
    edges = [(int(rng.integers(0, i)), i) for i in range(1, n)]
    while len(edges) < m:
        u, v = rng.integers(0, n, 2)
        if u != v:
            edges.append((int(u), int(v)))
    r = rng.choice([0.1, 0.2, 1.0], len(edges))
    return balanced_problem(edges, injections(rng, n, n_sources, 0.2), r)


def adjacent_sources(seed, n, n_sources) -> RadialProblem:
    """A Watts–Strogatz graph whose sources are neighbours on the ring; whole-number powers."""
    rng = np.random.default_rng(seed)
    edges = sorted(nx.connected_watts_strogatz_graph(n, 4, 0.1, seed=seed).edges)
    p = -rng.integers(0, 4, n).astype(float)
    p[:n_sources] = 1.0
    p[n_sources] -= 1.0
    total = -p[n_sources:].sum() - n_sources
    while total < 0:
        p[n_sources] -= 1.0
        total += 1.0
    p[0] += total
    return balanced_problem(edges, p)


def substations(seed, n, n_sources, ties) -> RadialProblem:
    """Several slack buses and some distributed generation, contracted."""
    rng = np.random.default_rng(seed)
    edges = [(int(rng.integers(max(0, i - 4), i)), i) for i in range(1, n)]
    for _ in range(ties):
        u, v = rng.choice(n, 2, replace=False)
        edges.append((int(u), int(v)))
    ends = np.asarray(edges)
    units = rng.choice(n, n_sources + 2, replace=False)
    network = Network(
        name="instance",
        base_mva=1.0,
        buses=Buses(id=[str(i) for i in range(n)]),
        branches=Branches(
            id=np.arange(1, len(edges) + 1),
            from_bus=ends[:, 0],
            to_bus=ends[:, 1],
            r=rng.uniform(0.01, 1.0, len(edges)),
        ),
        generators=Generators(
            id=[f"g{i}" for i in range(n_sources + 2)],
            bus=units,
            p=np.full(n_sources + 2, 2.0),
            slack=np.arange(n_sources + 2) < n_sources,
        ),
        loads=Loads(
            id=[f"d{i}" for i in range(n)],
            bus=np.arange(n),
            p=rng.uniform(0.0, 1.0, n),
            q=rng.uniform(0.0, 0.5, n),
        ),
    )
    return build_problem(network, "substations")


def is_spanning_tree(problem, closed) -> bool:
    """Independent of the package: networkx on the closed edges, parallel ones kept."""
    graph = nx.MultiGraph()
    graph.add_nodes_from(range(problem.n))
    graph.add_edges_from(
        zip(problem.tail[closed].tolist(), problem.head[closed].tolist(), strict=True)
    )
    return nx.is_tree(graph)
