"""Blocks, bridges, cycle matrices and Laplacians of random multigraphs, beside networkx."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from pygridjl.graphs.connectivity import biconnected_blocks, bridges
from pygridjl.graphs.cycles import component_roots, fundamental_cycle_matrix
from pygridjl.graphs.forest import adjacency, rooted_forest, spanning_forest
from pygridjl.graphs.laplacian import laplacian_matrix


def multigraph(seed):
    """Ends of random edges, some of them parallel, none a loop."""
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(2, 12)), int(rng.integers(1, 20))
    tail = rng.integers(0, n, m)
    return n, tail, (tail + rng.integers(1, n, m)) % n, rng


@pytest.mark.parametrize("seed", range(25))
def test_bridges_and_blocks_are_those_of_networkx(seed):
    n, tail, head, rng = multigraph(seed)
    usable = rng.random(tail.size) < 0.8
    near = adjacency(n, tail, head)
    block, count = biconnected_blocks(near.start, near.node, near.edge, usable)
    alone = bridges(near.start, near.node, near.edge, usable)
    graph = nx.MultiGraph()
    graph.add_nodes_from(range(n))
    graph.add_edges_from(zip(tail[usable].tolist(), head[usable].tolist(), strict=True))
    assert (block[~usable] == -1).all()
    assert not alone[~usable].any()
    before = nx.number_connected_components(graph)
    for e in np.flatnonzero(usable).tolist():
        u, v = int(tail[e]), int(head[e])
        graph.remove_edge(u, v)
        assert alone[e] == (nx.number_connected_components(graph) > before)
        graph.add_edge(u, v)
    simple = nx.Graph(graph)
    expected = {
        frozenset(frozenset(pair) for pair in part)
        for part in nx.biconnected_component_edges(simple)
    }
    ours = {
        frozenset(
            frozenset((int(tail[e]), int(head[e]))) for e in np.flatnonzero(block == b).tolist()
        )
        for b in range(count)
    }
    assert ours == expected


@pytest.mark.parametrize("seed", range(25))
def test_cycle_matrix_spans_the_kernel_of_the_incidence(seed):
    n, tail, head, rng = multigraph(seed)
    none = np.zeros(tail.size, dtype=bool)
    tree = spanning_forest(n, tail, head, rng.permutation(tail.size), none)
    roots = component_roots(n, tail, head)
    forest = rooted_forest(adjacency(n, tail, head), tree, roots)
    chords = np.flatnonzero(~tree)
    cycles = fundamental_cycle_matrix(tail, head, forest, chords)
    dense = cycles.toarray().astype(float)
    incidence = np.zeros((n, tail.size))
    incidence[tail, np.arange(tail.size)] += 1
    incidence[head, np.arange(tail.size)] -= 1
    assert not (incidence @ dense.T).any()
    np.testing.assert_array_equal(dense[:, chords], np.eye(chords.size))
    assert chords.size == tail.size - n + roots.size
    for row in range(chords.size):
        part = slice(cycles.indptr[row], cycles.indptr[row + 1])
        edge, along = cycles.indices[part], cycles.data[part] > 0
        begin = np.where(along, tail[edge], head[edge])
        end = np.where(along, head[edge], tail[edge])
        np.testing.assert_array_equal(end, np.roll(begin, -1))


@pytest.mark.parametrize("seed", range(10))
def test_laplacian_is_that_of_networkx(seed):
    n, tail, head, rng = multigraph(seed)
    weight = rng.normal(size=tail.size)
    graph = nx.MultiGraph()
    graph.add_nodes_from(range(n))
    for u, v, w in zip(tail.tolist(), head.tolist(), weight.tolist(), strict=True):
        graph.add_edge(u, v, weight=w)
    expected = nx.laplacian_matrix(graph, nodelist=range(n)).toarray()
    ours = laplacian_matrix(n, tail, head, weight).toarray()
    np.testing.assert_allclose(ours, expected, atol=1e-12)
