"""Constructions: against brute force over all spanning trees and networkx."""

import networkx as nx
import numpy as np
import pytest
from builders import cycle_network, line_network, random_network, spanning_trees
from hypothesis import given, settings, strategies as st

from pygridjl.core.errors import InvalidOptionError
from pygridjl.grid.cases import watts_strogatz
from pygridjl.reconfiguration import build_problem
from pygridjl.reconfiguration.electrical import electrical_flow
from pygridjl.reconfiguration.heuristics import (
    max_flow_tree,
    minimum_spanning_tree,
    sequential,
    sequential_opening,
    shortest_path_tree,
)

BUILDERS = [minimum_spanning_tree, max_flow_tree, shortest_path_tree, sequential_opening]


def random_problem(seed, balanced, n=8, extra=5, keep=0):
    network = random_network(seed, n=n, extra=extra, substations=2, balanced=balanced)
    # Tree branches of the base state: any of them can be kept closed together.
    kept = network.branches.id[network.branches.closed][-keep:] if keep else []
    return build_problem(network, "balanced" if balanced else "substations", keep_closed=kept)


@pytest.mark.parametrize("build", BUILDERS)
@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.booleans(), st.integers(0, 3))
def test_every_construction_is_a_spanning_tree_with_the_forced_edges(build, seed, balanced, keep):
    problem = random_problem(seed, balanced, n=12, extra=9, keep=keep)
    closed = build(problem)
    graph = nx.MultiGraph(zip(problem.tail[closed], problem.head[closed], strict=True))
    assert nx.is_tree(graph)
    assert graph.number_of_nodes() == problem.n
    assert closed[problem.forced].all()


@pytest.mark.parametrize("build", BUILDERS)
def test_a_tree_is_returned_as_it_is(build):
    assert build(build_problem(line_network(5))).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.booleans(), st.integers(0, 2))
def test_greedy_trees_are_optimal_in_what_they_greedily_add(seed, balanced, keep):
    problem = random_problem(seed, balanced, keep=keep)
    trees = np.array(spanning_trees(problem))
    flow = electrical_flow(problem)
    strength = np.linalg.norm(flow.flow, axis=1)
    shortest = minimum_spanning_tree(problem)
    assert problem.weight @ shortest == pytest.approx((trees @ problem.weight).min())
    assert strength @ max_flow_tree(problem) == pytest.approx((trees @ strength).max())


@pytest.mark.parametrize("seed", range(10))
def test_shortest_paths_from_the_substations(seed):
    problem = random_problem(seed, balanced=False, n=25, extra=20)
    assert _distances(problem, shortest_path_tree(problem), [problem.root]) == pytest.approx(
        _distances(problem, np.ones(problem.m, dtype=bool), [problem.root])
    )


def test_balanced_sources_serve_what_is_near_and_are_joined_by_the_least_link():
    # Sources at 0 and 2 of a cycle of five; resistances make 3–4 the dearest link between them.
    network = cycle_network((2.0, -1.0, 2.0, -1.0, -2.0))
    network = network.replace(branches=network.branches.replace(r=[1.0, 2.0, 1.0, 9.0, 1.0]))
    closed = shortest_path_tree(build_problem(network, "balanced"))
    assert closed.tolist() == [True, True, True, False, True]


def _distances(problem, closed, sources):
    graph = nx.MultiGraph()
    for e in np.flatnonzero(closed):
        graph.add_edge(problem.tail[e], problem.head[e], weight=problem.weight[e])
    lengths = nx.multi_source_dijkstra_path_length(graph, set(sources))
    return [lengths[i] for i in range(problem.n)]


def _least_flow_by_solving_anew(problem):
    """Sequential opening the slow way: a dense solve after every opening, bridges by networkx."""
    closed = np.ones(problem.m, dtype=bool)
    while closed.sum() > problem.n - 1:
        edges = np.flatnonzero(closed)
        incidence = np.zeros((edges.size, problem.n))
        incidence[np.arange(edges.size), problem.tail[edges]] = 1
        incidence[np.arange(edges.size), problem.head[edges]] = -1
        pinv = np.linalg.pinv(incidence.T @ (incidence / problem.weight[edges, None]))
        drop = incidence @ pinv @ np.column_stack([problem.p, problem.q])
        strength = np.hypot(*drop.T) / problem.weight[edges]
        for k in np.argsort(strength):
            rest = np.delete(edges, k)
            graph = nx.MultiGraph(zip(problem.tail[rest], problem.head[rest], strict=True))
            connected = graph.number_of_nodes() == problem.n and nx.is_connected(graph)
            if connected and not problem.forced[edges[k]]:
                closed[edges[k]] = False
                break
    return closed


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("balanced", [True, False])
def test_sequential_opening_equals_solving_anew_each_time(seed, balanced):
    problem = random_problem(seed, balanced, n=20, extra=15, keep=seed % 3)
    np.testing.assert_array_equal(sequential_opening(problem), _least_flow_by_solving_anew(problem))


def test_sequential_opening_names_its_limit(monkeypatch):
    monkeypatch.setattr(sequential, "MAX_CYCLES", 10)
    problem = build_problem(watts_strogatz(40, sources=4, seed=0), "balanced")
    with pytest.raises(InvalidOptionError, match="limited to 10 independent cycles"):
        sequential_opening(problem)
