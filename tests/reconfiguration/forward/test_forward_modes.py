"""The modes of FORWARD: the counterexample, spanning trees everywhere, forced edges, options."""

from __future__ import annotations

import dataclasses

import networkx as nx
import numpy as np
import pytest
from reconfiguration.forward import forward_instances as instances
from reconfiguration.forward.forward_instances import balanced_problem, is_spanning_tree

from pygridjl.core.errors import InvalidOptionError, UnservedNodesError
from pygridjl.reconfiguration.forward import (
    WEIGHT_RULES,
    PowerLawRule,
    complete_forest,
    contract_forced,
    flow_graph,
    forward,
    stepwise,
)

COUNTEREXAMPLE = balanced_problem([(0, 1), (1, 2), (2, 3), (3, 0)], [5.0, 2.0, -5.0, -2.0])
ALWAYS = ("fast", "faithful")


class ConductanceRule:
    """An own rule: the plain random walk, transitions in proportion to 1/R."""

    def step_cost(self, resistance, demand):
        return resistance

    def weight(self, supply, cost, accumulated):
        return 1.0 / cost


def test_literal_fails_on_the_counterexample_to_lemma_3_3():
    with pytest.raises(UnservedNodesError) as caught:
        forward(COUNTEREXAMPLE, mode="literal")
    # 0 → 3 leaves +3 and 1 → 2 leaves −3; then 0-1 and 2-3 are deleted.
    assert caught.value.nodes == ("0+3", "1+2")
    assert "0+3" in str(caught.value)


@pytest.mark.parametrize("mode", ALWAYS)
@pytest.mark.parametrize("rule", list(WEIGHT_RULES))
def test_other_modes_solve_the_counterexample(mode, rule):
    closed = forward(COUNTEREXAMPLE, mode=mode, weight_rule=rule)
    assert is_spanning_tree(COUNTEREXAMPLE, closed)


# 8 families × 125 seeds = 1,000 instances.
FAMILIES = {
    "watts-strogatz": lambda s: instances.watts_strogatz(s, 10 + s % 50, 1 + s % 7),
    "watts-strogatz-zeros": lambda s: instances.watts_strogatz(s, 30, 4, zero_share=0.7),
    "feeder-like": lambda s: instances.feeder_like(s, 10 + s % 90, 1 + s % 3, s % 12),
    "multigraph": lambda s: instances.multigraph(s, 5 + s % 20, 1 + s % 4, 40),
    "single-source": lambda s: instances.multigraph(s, 20, 1, 45),
    "many-sources": lambda s: instances.watts_strogatz(s, 40, 30),
    "adjacent-sources": lambda s: instances.adjacent_sources(s, 24, 4 + s % 9),
    "substations": lambda s: instances.substations(s, 30, 1 + s % 3, s % 9),
}


@pytest.mark.parametrize("family", list(FAMILIES))
def test_fast_always_gives_a_spanning_tree(family):
    for seed in range(125):
        problem = FAMILIES[family](seed)
        closed = forward(problem)
        assert closed.dtype == bool
        assert is_spanning_tree(problem, closed), (family, seed)


@pytest.mark.parametrize("family", list(FAMILIES))
def test_faithful_always_gives_a_spanning_tree(family):
    for seed in range(1000, 1010):
        problem = FAMILIES[family](seed)
        assert is_spanning_tree(problem, forward(problem, mode="faithful")), (family, seed)


def literal_outcome(problem):
    """Return the configuration, or the names of what it leaves unserved."""
    try:
        return forward(problem, mode="literal"), ()
    except UnservedNodesError as error:
        return None, error.nodes


@pytest.mark.parametrize("family", list(FAMILIES))
def test_literal_gives_a_spanning_tree_or_names_who_is_unserved(family):
    for seed in range(2000, 2010):
        problem = FAMILIES[family](seed)
        closed, unserved = literal_outcome(problem)
        if closed is None:
            # A surplus somewhere is a lack elsewhere.
            assert len(unserved) >= 2
            known = set(problem.network.buses.id.tolist())
            assert all(set(name.split("+")) <= known for name in unserved)
        else:
            assert is_spanning_tree(problem, closed)


@pytest.mark.parametrize("rule", list(WEIGHT_RULES))
def test_the_modes_agree_where_there_is_one_source(rule):
    # With one source every candidate can be served and shares its tree, so that the heaps and the
    # queue of the pseudo-code must take the same edges.
    for seed in range(20):
        problem = instances.watts_strogatz(seed, 40, 1)
        fast = forward(problem, weight_rule=rule)
        assert (fast == forward(problem, mode="faithful", weight_rule=rule)).all()


def test_literal_serves_all_where_there_is_one_source():
    # All edges with both ends in V(S) are edges within the one tree.
    for seed in range(10):
        problem = instances.watts_strogatz(seed, 30, 1)
        assert is_spanning_tree(problem, forward(problem, mode="literal"))


@pytest.mark.parametrize("mode", [*ALWAYS, "literal"])
def test_a_tree_is_taken_as_it_is(mode):
    problem = balanced_problem([(0, 1), (1, 2), (1, 3)], [1.0, 0.0, -2.0, 1.0])
    assert forward(problem, mode=mode).all()


@pytest.mark.parametrize("mode", ALWAYS)
def test_nothing_to_deliver(mode):
    # A network whose loads are all zero still needs a configuration: the least resistant one.
    problem = instances.substations(3, 12, 1, 6)
    idle = dataclasses.replace(problem, p=np.zeros(problem.n))
    closed = forward(idle, mode=mode)
    assert is_spanning_tree(idle, closed)
    whole = nx.MultiGraph()
    ends = zip(idle.tail.tolist(), idle.head.tolist(), idle.weight.tolist(), strict=True)
    whole.add_weighted_edges_from(ends)
    least = nx.minimum_spanning_tree(whole).size(weight="weight")
    assert idle.weight[closed].sum() == pytest.approx(least)


@pytest.mark.parametrize("mode", ALWAYS)
def test_forced_edges_are_closed(mode):
    for seed in range(10):
        free = instances.watts_strogatz(seed, 24, 4)
        tree = np.flatnonzero(complete_forest(flow_graph(free), np.zeros(free.m, dtype=bool)))
        forced = np.random.default_rng(seed).choice(tree, 8, replace=False)
        problem = dataclasses.replace(free, forced=np.isin(np.arange(free.m), forced))
        closed = forward(problem, mode=mode)
        assert closed[problem.forced].all()
        assert is_spanning_tree(problem, closed)


def spanning_trees(problem) -> int:
    """Count them by the matrix-tree theorem."""
    laplacian = np.zeros((problem.n, problem.n))
    for u, v in zip(problem.tail, problem.head, strict=True):
        laplacian[[u, v], [u, v]] += 1
        laplacian[u, v] -= 1
        laplacian[v, u] -= 1
    return round(np.linalg.det(laplacian[1:, 1:]))


def test_contraction_keeps_the_spanning_trees_that_hold_the_forced_edges():
    edges = [(0, 1), (1, 2), (2, 0), (2, 3), (3, 0), (0, 1)]
    problem = balanced_problem(edges, [3.0, -1.0, -1.0, -1.0], keep_closed=[1, 4])
    small = contract_forced(problem)
    assert small.problem.n == 2
    assert sorted(small.problem.p.tolist()) == [-2.0, 2.0]
    # Branch 6 lies beside the closed branch 1 and can never be closed.
    assert small.problem.network.branches.id[small.problem.branch].tolist() == [2, 3, 5]
    assert not small.problem.forced.any()
    assert small.problem.node_of_bus.tolist() in ([0, 0, 1, 1], [1, 1, 0, 0])
    assert spanning_trees(small.problem) == 3
    for k in range(3):
        assert is_spanning_tree(problem, small.expand(np.arange(3) == k))


def test_unserved_nodes_of_a_contracted_problem_are_named_by_bus():
    # The counterexample with node 2 stretched into the buses 2 and 4, joined by a forced branch.
    edges = [(0, 1), (1, 2), (4, 3), (3, 0), (2, 4)]
    problem = balanced_problem(edges, [5.0, 2.0, -3.0, -2.0, -2.0], keep_closed=[5])
    with pytest.raises(UnservedNodesError) as caught:
        forward(problem, mode="literal")
    assert set(caught.value.nodes) == {"0+3", "1+2+4"}


def test_jobs_do_not_change_the_answer(monkeypatch):
    edges = []
    for offset in (0, 12):
        ring = nx.connected_watts_strogatz_graph(12, 4, 0.1, seed=offset).edges
        edges += [(u + offset, v + offset) for u, v in sorted(ring)]
    rng = np.random.default_rng(0)
    problem = balanced_problem([*edges, (11, 12)], instances.injections(rng, 24, 4))
    monkeypatch.setattr(stepwise, "PARALLEL_NODES", 2)
    alone = forward(problem, mode="faithful")
    assert (alone == forward(problem, mode="faithful", jobs=2)).all()


@pytest.mark.parametrize("mode", ALWAYS)
def test_same_problem_same_bytes(mode):
    first, again = (forward(instances.adjacent_sources(7, 60, 9), mode=mode) for _ in range(2))
    assert first.tobytes() == again.tobytes()


def test_an_own_rule_runs_step_by_step_and_is_refused_by_the_heaps():
    problem = instances.watts_strogatz(1, 30, 3)
    stepwise = forward(problem, mode="faithful", weight_rule=ConductanceRule())
    assert is_spanning_tree(problem, stepwise)
    with pytest.raises(InvalidOptionError, match="mode 'fast' takes a PowerLawRule"):
        forward(problem, weight_rule=ConductanceRule())


def test_a_power_law_of_conductance_is_prim_where_there_is_one_source():
    # w = 1/R grows one tree by its least resistant edge: the minimum spanning tree.
    problem = instances.watts_strogatz(5, 40, 1)
    rule = PowerLawRule(supply_exponent=0.0, demand_exponent=0.0, accumulation=0.0)
    whole = nx.Graph()
    ends = zip(problem.tail.tolist(), problem.head.tolist(), problem.weight.tolist(), strict=True)
    whole.add_weighted_edges_from(ends)
    least = nx.minimum_spanning_tree(whole).size(weight="weight")
    for mode in ALWAYS:
        closed = forward(problem, mode=mode, weight_rule=rule)
        assert problem.weight[closed].sum() == pytest.approx(least)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "exact"}, "mode: 'exact' is none of fast, faithful, literal"),
        ({"jobs": 0}, "jobs: 0 is less than 1"),
        ({"weight_rule": "eq1"}, "weight_rule: 'eq1' is none of eq2, eq3"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(InvalidOptionError, match=message):
        forward(COUNTEREXAMPLE, **options)


def feasible_share(mode: str, n: int, n_sources: int, count: int) -> float:
    problems = [instances.watts_strogatz(seed, n, n_sources) for seed in range(count)]
    if mode == "literal":
        return sum(literal_outcome(problem)[0] is not None for problem in problems) / count
    return sum(is_spanning_tree(p, forward(p, mode=mode)) for p in problems) / count


def test_feasibility_rates_on_small_worlds():
    assert feasible_share("literal", 40, 4, 30) == 0.0
    assert feasible_share("faithful", 40, 4, 30) == 1.0


@pytest.mark.slow
@pytest.mark.parametrize(("n", "n_sources"), [(40, 4), (120, 10), (240, 10), (400, 20)])
def test_feasibility_and_cost_on_the_papers_small_worlds(n, n_sources):
    from pygridjl.reconfiguration.heuristics.exchange import branch_exchange

    assert feasible_share("literal", n, n_sources, 10) == 0.0
    for mode in ALWAYS:
        ratios = []
        for seed in range(20):
            problem = instances.watts_strogatz(seed, n, n_sources)
            closed = forward(problem, mode=mode)
            assert is_spanning_tree(problem, closed)
            polished = branch_exchange(problem, closed)
            ratios.append(problem.objective(closed) / problem.objective(polished))
        # An independent prototype found medians of 2.8 to 3.5 on its own draw of such graphs.
        assert 2.0 < np.median(ratios) < 5.0


@pytest.mark.slow
def test_a_hundred_thousand_nodes():
    problem = instances.feeder_like(1, 100_000, 100, 20_000)
    assert problem.is_spanning_tree(forward(problem))
