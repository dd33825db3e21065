"""Small random problems and their optimum by enumeration, independent of the package's kernels."""

import itertools

import networkx as nx
import numpy as np
from builders import random_network

from pygridjl.grid import Branches, Buses, Generators, Loads, Network
from pygridjl.reconfiguration.build import build_problem


def random_problem(seed, *, n=6, extra=4, slacks=1, forced=False, equal=False, kind="substations"):
    """A connected multigraph with parallel branches, zero loads, and one or more substations."""
    rng = np.random.default_rng(seed)
    ends = [(int(rng.integers(v)), v) for v in range(1, n)]
    while len(ends) < n - 1 + extra:
        a, b = rng.integers(n, size=2)
        if a != b:
            ends.append((int(a), int(b)))
    order = rng.permutation(len(ends))
    ends = np.array(ends)[order]
    in_tree = order < n - 1
    m = len(ends)
    r = np.ones(m) if equal else rng.uniform(0.05, 2.0, m) * 10.0 ** rng.integers(-2, 1, m)
    p = np.where(rng.random(n) < 0.25, 0.0, rng.uniform(-0.3, 1.0, n))
    if equal:
        p = rng.integers(0, 2, n).astype(float)
    bus = rng.choice(n, slacks, replace=False)
    load_q = np.zeros(n) if kind == "balanced" else 0.4 * p[::-1]
    network = Network(
        "random",
        1.0,
        Buses(id=[str(v) for v in range(n)]),
        Branches(
            id=np.arange(1, m + 1), from_bus=ends[:, 0], to_bus=ends[:, 1], r=r, x=r, closed=in_tree
        ),
        Generators(id=[f"s{v}" for v in bus], bus=bus, slack=np.ones(slacks, dtype=bool)),
        Loads(id=[str(v) for v in range(n)], bus=np.arange(n), p=p, q=load_q),
    )
    problem = build_problem(network, kind, limits=())
    if forced and problem.m:
        problem.forced[rng.integers(problem.m)] = True
    return problem


def linear_loss(problem, closed):
    """Σ r (p² + q²) in kW by solving the incidence equations of the tree, or None if no tree."""
    edges = np.flatnonzero(closed)
    graph = nx.MultiGraph()
    graph.add_nodes_from(range(problem.n))
    graph.add_edges_from(zip(problem.tail[edges], problem.head[edges], strict=True))
    if not nx.is_tree(graph):
        return None
    incidence = np.zeros((problem.n, edges.size))
    incidence[problem.tail[edges], np.arange(edges.size)] += 1
    incidence[problem.head[edges], np.arange(edges.size)] -= 1
    loss = 0.0
    for injection in (problem.p, problem.q):
        flow = np.linalg.lstsq(incidence, injection, rcond=None)[0]
        loss += float(problem.weight[edges] @ flow**2)
    return loss * problem.network.base_mva * 1e3


def enumerate_trees(problem):
    """Yield (closed, loss) of every spanning tree with the forced edges."""
    for edges in itertools.combinations(range(problem.m), problem.n - 1):
        closed = np.zeros(problem.m, dtype=bool)
        closed[list(edges)] = True
        if closed[problem.forced].all():
            loss = linear_loss(problem, closed)
            if loss is not None:
                yield closed, loss


def least_loss(problem):
    """Optimum of the linear model in kW."""
    return min(loss for _, loss in enumerate_trees(problem))


def consuming_network(seed, *, n=6, extra=3, substations=1):
    """Random loads of any power factor, some of them zero, on lines of any x / r, some without
    resistance or reactance; sources at different voltages."""
    rng = np.random.default_rng(seed)
    network = random_network(seed, n=n, extra=extra, substations=substations)
    m, loads = network.n_branch, len(network.loads)
    size = 10.0 ** rng.uniform(-2.5, -0.5)
    p = np.where(rng.random(loads) < 0.2, 0.0, rng.uniform(0, size, loads))
    q = np.where(rng.random(loads) < 0.2, 0.0, rng.uniform(0, size, loads))
    r = np.where(rng.random(m) < 0.05, 0.0, rng.uniform(0.005, 0.1, m))
    x = np.where((rng.random(m) < 0.1) & (r > 0), 0.0, r * 10.0 ** rng.uniform(-0.7, 0.7, m) + 1e-4)
    return network.replace(
        loads=network.loads.replace(p=p, q=q),
        branches=network.branches.replace(r=r, x=x),
        generators=network.generators.replace(v_set=rng.uniform(0.95, 1.05, substations)),
    )
