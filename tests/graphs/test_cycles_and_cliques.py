"""Cycle bases and chordal extensions against networkx."""

from __future__ import annotations

import networkx
import numpy as np
import pytest

from pygridjl.graphs.chordal import chordal_extension
from pygridjl.graphs.cycles import component_roots, fundamental_cycles, minimum_cycle_basis


def random_graph(seed: int):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 15))
    m = int(rng.integers(0, 2 * n + 1))
    return n, rng.integers(0, n, m), rng.integers(0, n, m)


def simple(n, tail, head):
    graph = networkx.Graph()
    graph.add_nodes_from(range(n))
    graph.add_edges_from(
        (u, v) for u, v in zip(tail.tolist(), head.tolist(), strict=True) if u != v
    )
    return graph


@pytest.mark.parametrize("seed", range(40))
def test_bases(seed):
    n, tail, head = random_graph(seed)
    graph = simple(n, tail, head)
    rank = graph.number_of_edges() - n + networkx.number_connected_components(graph)
    assert component_roots(n, tail, head).size == networkx.number_connected_components(graph)
    edges = {tuple(sorted(e)): k for k, e in enumerate(graph.edges)}
    for basis in (fundamental_cycles(n, tail, head), minimum_cycle_basis(n, tail, head)):
        assert len(basis) == rank
        matrix = np.zeros((rank, len(edges)), dtype=int)
        for row, cycle in enumerate(basis):
            assert len(set(cycle.nodes)) == len(cycle) >= 3
            for step in cycle.steps():
                matrix[row, edges[tuple(sorted(step))]] = 1
        # Independent over the field of two elements.
        assert _rank(matrix) == rank
    wanted = sum(len(c) for c in networkx.minimum_cycle_basis(graph))
    assert sum(len(c) for c in minimum_cycle_basis(n, tail, head)) == wanted


def _rank(matrix):
    pivots = {}
    for row in matrix:
        vector = int("".join(map(str, row)) or "0", 2)
        while vector and vector.bit_length() in pivots:
            vector ^= pivots[vector.bit_length()]
        if vector:
            pivots[vector.bit_length()] = vector
    return len(pivots)


@pytest.mark.parametrize("seed", range(40))
def test_extensions_are_chordal_and_their_cliques_maximal(seed):
    n, tail, head = random_graph(seed)
    graph = simple(n, tail, head)
    extended = chordal_extension(n, tail, head)
    for u, v in extended.fill.tolist():
        assert u < v
        assert not graph.has_edge(u, v)
        graph.add_edge(u, v)
    assert n < 4 or networkx.is_chordal(graph)
    found = {tuple(sorted(c)) for c in networkx.find_cliques(graph)}
    assert set(extended.cliques) == found
