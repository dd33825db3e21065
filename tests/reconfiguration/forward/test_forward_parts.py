"""The four parts of FORWARD on their own, against networkx, hand calculation and brute force."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from reconfiguration.forward.forward_instances import (
    balanced_problem,
    feeder_like,
    multigraph,
    substations,
    watts_strogatz,
)

from pygridjl.core.errors import InvalidOptionError
from pygridjl.reconfiguration.forward import (
    WEIGHT_RULES,
    FlowGraph,
    PowerLawRule,
    complete_forest,
    condense,
    empty_forest,
    find_islands,
    flow_graph,
    join,
    preprocess,
    sample,
)
from pygridjl.reconfiguration.forward.weights import weight_rule_named

SEEDS = st.integers(0, 10**6)
EQ3 = WEIGHT_RULES["eq3"]
CYCLE = flow_graph(balanced_problem([(0, 1), (1, 2), (2, 3), (3, 0)], [5.0, 2.0, -5.0, -2.0]))


def instance(seed: int) -> FlowGraph:
    builder = (
        lambda: feeder_like(seed, 8 + seed % 40, 1 + seed % 4, seed % 9),
        lambda: multigraph(seed, 4 + seed % 12, 1 + seed % 3, 18),
        lambda: substations(seed, 20, 1 + seed % 3, seed % 7),
    )[seed % 3]
    return flow_graph(builder())


def as_networkx(graph: FlowGraph) -> nx.MultiGraph:
    g = nx.MultiGraph()
    g.add_nodes_from(range(graph.n))
    ends = zip(graph.tail.tolist(), graph.head.tolist(), strict=True)
    g.add_edges_from((u, v, e) for e, (u, v) in enumerate(ends))
    return g


# Pre-processor


@given(SEEDS)
@settings(max_examples=60, deadline=None)
def test_preprocess_leaves_the_2_core(seed):
    graph = instance(seed)
    core = as_networkx(graph)
    while pendant := [v for v, degree in core.degree if degree <= 1]:
        core.remove_nodes_from(pendant)
    done = preprocess(graph)
    assert sorted(done.graph.node.tolist()) == sorted(core.nodes)
    assert sorted(done.graph.edge.tolist()) == sorted(e for _, _, e in core.edges(keys=True))
    # What was taken and what is left are all edges, except that nothing is left of a tree.
    assert sorted([*done.edge, *done.graph.edge]) == list(range(graph.m))
    assert done.graph.p.sum() == pytest.approx(0.0, abs=1e-9)


@given(SEEDS)
@settings(max_examples=40, deadline=None)
def test_preprocess_orients_edges_along_the_flow_of_any_tree(seed):
    problem = feeder_like(seed, 12 + seed % 20, 1 + seed % 4, seed % 4)
    graph = flow_graph(problem)
    done = preprocess(graph)
    tree = nx.minimum_spanning_tree(as_networkx(graph))
    closed = np.zeros(problem.m, dtype=bool)
    closed[[e for _, _, e in tree.edges(keys=True)]] = True
    flow = problem.flows(closed)[:, 0]
    for edge, start, end in zip(done.edge, done.start, done.end, strict=True):
        assert {start, end} == {problem.tail[edge], problem.head[edge]}
        along = flow[edge] if problem.tail[edge] == start else -flow[edge]
        assert along >= -1e-9


def test_preprocess_takes_a_whole_tree():
    graph = flow_graph(balanced_problem([(0, 1), (1, 2), (1, 3)], [3.0, 0.0, -1.0, -2.0]))
    done = preprocess(graph)
    assert done.graph.n == done.graph.m == 0
    assert {(int(a), int(b)) for a, b in zip(done.start, done.end, strict=True)} == {
        (0, 1),
        (1, 2),
        (1, 3),
    }


def test_preprocess_folds_balances_exactly_to_zero():
    edges = [(0, 1), (1, 2), (2, 0), (1, 3), (1, 4)]
    done = preprocess(flow_graph(balanced_problem(edges, [0.3, 0.3, -0.3, -0.1, -0.2])))
    assert done.graph.p[1] == 0.0


# Islander


@given(SEEDS)
@settings(max_examples=60, deadline=None)
def test_islands_are_the_biconnected_blocks_with_their_balances(seed):
    graph = instance(seed)
    whole = as_networkx(graph)
    islands = find_islands(graph)
    parts = islands.parts()
    assert len(parts) == islands.count
    expected = sorted(sorted(block) for block in nx.biconnected_components(nx.Graph(whole)))
    assert sorted(sorted(part.node.tolist()) for part in parts) == expected
    assert sorted(e for part in parts for e in part.edge.tolist()) == list(range(graph.m))
    for part in parts:
        assert (part.node[part.tail] == graph.tail[part.edge]).all()
        assert (part.node[part.head] == graph.head[part.edge]).all()
        outside = whole.copy()
        outside.remove_edges_from(
            (int(graph.tail[e]), int(graph.head[e]), int(e)) for e in part.edge
        )
        for node, p in zip(part.node.tolist(), part.p, strict=True):
            # All that hangs on the node outside the block reaches the block through it.
            behind = list(nx.node_connected_component(outside, node))
            assert p == pytest.approx(graph.p[behind].sum(), abs=1e-9)


def split_one_by_one(edges: nx.MultiGraph, sources: set[int]) -> list[list[int]]:
    """Edges of the pieces after splitting at one articulation source after another."""
    for source in sorted(sources & set(edges.nodes)):
        rest = edges.copy()
        rest.remove_node(source)
        pieces = list(nx.connected_components(rest))
        if len(pieces) > 1:
            return [
                found
                for piece in pieces
                for found in split_one_by_one(edges.subgraph({source, *piece}).copy(), sources)
            ]
    return [sorted(e for _, _, e in edges.edges(keys=True))]


@given(SEEDS)
@settings(max_examples=60, deadline=None)
def test_printed_islander_splits_at_sources_only(seed):
    graph = instance(seed)
    parts = find_islands(graph, at_sources_only=True).parts()
    sources = set(np.flatnonzero(graph.p > 0).tolist())
    expected = split_one_by_one(as_networkx(graph), sources)
    assert sorted(sorted(part.edge.tolist()) for part in parts) == sorted(expected)
    for part in parts:
        assert part.p.sum() == pytest.approx(0.0, abs=1e-9)


def test_two_triangles_share_a_sink():
    edges = [(0, 1), (1, 2), (2, 0), (2, 3), (3, 4), (4, 2)]
    graph = flow_graph(balanced_problem(edges, [4.0, -1.0, -1.0, -1.0, -1.0]))
    assert find_islands(graph, at_sources_only=True).count == 1
    near, far = sorted(find_islands(graph).parts(), key=lambda part: int(part.node.min()))
    # Node 2 takes 3 in the triangle of the source and hands 2 on in the other.
    assert dict(zip(near.node.tolist(), near.p, strict=True)) == {0: 4.0, 1: -1.0, 2: -3.0}
    assert dict(zip(far.node.tolist(), far.p, strict=True)) == {2: 2.0, 3: -1.0, 4: -1.0}


# Net-Concad


def test_condense_the_counterexample():
    forest = empty_forest(CYCLE)
    text = condense(CYCLE, forest)
    assert text.edge.tolist() == [1, 3]
    assert text.start.tolist() == [1, 0]
    assert text.end.tolist() == [2, 3]
    assert np.unique(text.super_node).size == 3
    printed = condense(CYCLE, forest, merge_adjacent_sources=True)
    assert printed.super_node[0] == printed.super_node[1] != printed.super_node[2]
    assert np.unique(printed.super_node).size == 2


def test_condense_turns_a_spent_tree_into_a_pseudo_sink():
    forest = join(empty_forest(CYCLE), 1, 2, 1, cost=25.0, tolerance=0.0)
    assert forest.balance.tolist() == [5.0, -3.0, -3.0, -2.0]
    condensed = condense(CYCLE, forest)
    assert condensed.is_source.tolist() == [True, False, False, False]
    assert condensed.edge.tolist() == [0, 3]


# Sampler


def test_sample_prefers_what_can_be_served_then_the_probable():
    forest = empty_forest(CYCLE)
    first = sample(CYCLE, condense(CYCLE, forest), forest, EQ3)
    assert (first.start, first.end, first.edge, first.cost) == (0, 3, 3, 4.0)
    # Step costs 10·1, 1·9 and 2·9; source 0 can serve each of them.
    edges = [(0, 1), (0, 2), (0, 3), (1, 2), (2, 3)]
    star = flow_graph(balanced_problem(edges, [7.0, -1.0, -3.0, -3.0], [10.0, 1.0, 2.0, 1.0, 1.0]))
    forest = empty_forest(star)
    assert sample(star, condense(star, forest), forest, EQ3).edge == 1
    # As printed, increasing order and pop: the least probable.
    assert sample(star, condense(star, forest), forest, EQ3, literal=True).edge == 2


def test_sample_takes_pendant_super_sources_first():
    # Source 0 touches sink 1 only; source 3 touches the components {1, 2} and {4}.
    edges = [(0, 1), (1, 2), (2, 3), (3, 4), (0, 3)]
    graph = flow_graph(balanced_problem(edges, [1.0, -3.0, -1.0, 5.0, -2.0]))
    forest = empty_forest(graph)
    first = sample(graph, condense(graph, forest), forest, EQ3)
    # Node 0 cannot serve node 1 and 3 → 2 has the largest weight; the pendant one comes first.
    assert (first.start, first.end) == (0, 1)


def test_sample_as_printed_deletes_edges_between_two_trees():
    forest = join(empty_forest(CYCLE), 0, 3, 3, cost=4.0, tolerance=0.0)
    step = sample(CYCLE, condense(CYCLE, forest, merge_adjacent_sources=True), forest, EQ3)
    assert step is not None
    forest = join(forest, 1, 2, 1, cost=25.0, tolerance=0.0)
    assert sample(CYCLE, condense(CYCLE, forest), forest, EQ3).start in (0, 3)
    assert sample(CYCLE, condense(CYCLE, forest), forest, EQ3, literal=True) is None


def test_accumulated_cost_enters_the_weight():
    # Tree {0} has spent 100; without that its step (cost 1) would beat that of tree {3} (cost 4).
    edges = [(0, 1), (1, 2), (2, 3), (3, 0)]
    graph = flow_graph(balanced_problem(edges, [2.0, -1.0, -2.0, 1.0], [1.0, 1.0, 1.0, 1.0]))
    fresh = empty_forest(graph)
    assert sample(graph, condense(graph, fresh), fresh, EQ3).start == 0
    costly = type(fresh)(fresh.tree, fresh.balance, np.array([1e6, 0, 0, 0]), fresh.closed)
    rule = PowerLawRule(supply_exponent=1.0, accumulation=0.0)
    assert sample(graph, condense(graph, costly), costly, rule).start == 0
    served = type(fresh)(fresh.tree, np.array([2.0, -1, -1, 1]), costly.accumulated, fresh.closed)
    assert sample(graph, condense(graph, served), served, EQ3).start == 3


# Weight rules


def test_weights_by_hand():
    p, r, d, h = (np.array(x) for x in ([6.0, 6.0], [0.5, 2.0], [2.0, 1.0], [1.0, 0.0]))
    eq2, eq3 = WEIGHT_RULES["eq2"], WEIGHT_RULES["eq3"]
    assert eq3.step_cost(r, d).tolist() == [2.0, 2.0]
    assert eq3.weight(p, eq3.step_cost(r, d), h).tolist() == [2.0, 3.0]
    assert eq2.weight(p, eq2.step_cost(r, d), h).tolist() == [1 / 3, 0.5]


def test_weights_without_cost_or_power():
    zero, one = np.zeros(1), np.ones(1)
    assert EQ3.weight(one, zero, zero)[0] == np.inf
    assert EQ3.weight(zero, zero, zero)[0] == 0.0


def test_unknown_rules_are_refused():
    with pytest.raises(InvalidOptionError, match="weight_rule: 'eq4' is none of eq2, eq3"):
        weight_rule_named("eq4")
    with pytest.raises(InvalidOptionError, match="weight_rule: int has no methods"):
        weight_rule_named(3)


# Closing Kruskal step


@given(SEEDS)
@settings(max_examples=30, deadline=None)
def test_complete_forest_is_a_minimum_spanning_tree_from_nothing(seed):
    graph = flow_graph(watts_strogatz(seed % 1000, 20, 3))
    closed = complete_forest(graph, np.zeros(graph.m, dtype=bool))
    whole = nx.Graph()
    whole.add_weighted_edges_from(
        zip(graph.tail.tolist(), graph.head.tolist(), graph.weight.tolist(), strict=True)
    )
    least = nx.minimum_spanning_tree(whole).size(weight="weight")
    assert int(closed.sum()) == graph.n - 1
    assert graph.weight[closed].sum() == pytest.approx(least)
    assert (complete_forest(graph, closed) == closed).all()
