"""Iterated local search: finds proven optima, is repeatable, and keeps distinct good trees."""

import numpy as np
import pytest
from builders import line_network, random_network, spanning_trees

from pygridjl.core.jit import working_time
from pygridjl.experiments.forward.printed import BEST_KNOWN
from pygridjl.grid.cases import get_case, watts_strogatz
from pygridjl.powerflow.sweep import radial_power_flow
from pygridjl.reconfiguration import build_problem
from pygridjl.reconfiguration.heuristics import (
    branch_exchange,
    iterated_local_search,
    max_flow_tree,
    minimum_spanning_tree,
)


@pytest.mark.parametrize("name", BEST_KNOWN)
@pytest.mark.parametrize("seed", range(3))
def test_standard_cases(name, seed):
    known_best = BEST_KNOWN[name]
    network = get_case(name)
    problem = build_problem(network, limits=())
    trees = iterated_local_search(problem, max_flow_tree(problem), rng=np.random.default_rng(seed))
    known = problem.edge_states(~np.isin(network.branches.id, known_best.open_branches))
    assert problem.objective(trees[0]) <= problem.objective(known) * (1 + 1e-9)
    losses = [radial_power_flow(network, problem.branch_states(t)).loss_kw for t in trees]
    assert min(losses) == pytest.approx(known_best.loss_kw, abs=0.01)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("balanced", [True, False])
def test_small_networks_reach_the_best_of_all_trees(seed, balanced):
    network = random_network(seed, n=9, extra=5, substations=2, balanced=balanced)
    kept = network.branches.id[network.branches.closed][: seed % 3]
    problem = build_problem(network, "balanced" if balanced else "substations", keep_closed=kept)
    trees = iterated_local_search(
        problem, minimum_spanning_tree(problem), rng=np.random.default_rng(seed), iterations=1000
    )
    ranking = sorted(problem.objective(t) for t in spanning_trees(problem))
    values = [problem.objective(t) for t in trees]
    assert values[0] == pytest.approx(ranking[0], rel=1e-9)
    assert values == sorted(values)
    assert len({t.tobytes() for t in trees}) == len(trees)
    for tree in trees:
        assert problem.is_spanning_tree(tree)
        assert tree[problem.forced].all()


def test_same_seed_same_bytes():
    problem = build_problem(watts_strogatz(200, sources=10, seed=4), "balanced")
    start = max_flow_tree(problem)
    first, second = (
        iterated_local_search(problem, start, rng=np.random.default_rng(7), iterations=2000)
        for _ in range(2)
    )
    assert [t.tobytes() for t in first] == [t.tobytes() for t in second]


def test_improves_on_branch_exchange_and_reports_progress():
    problem = build_problem(watts_strogatz(200, sources=10, seed=4), "balanced")
    start = branch_exchange(problem, max_flow_tree(problem))
    seen = []
    trees = iterated_local_search(
        problem,
        start,
        rng=np.random.default_rng(0),
        iterations=2100,
        on_progress=lambda done, objective: seen.append((done, objective)),
    )
    value = problem.objective(trees[0])
    assert value < problem.objective(start)
    assert seen[-1][0] == 2100
    assert [best for _, best in seen] == sorted((best for _, best in seen), reverse=True)
    # Losses are updated by exact changes: after thousands of exchanges they still are the losses.
    assert seen[-1][1] == pytest.approx(value, rel=1e-9)


def test_elites_are_limited_and_the_best_is_a_local_optimum():
    problem = build_problem(watts_strogatz(200, sources=10, seed=4), "balanced")
    trees = iterated_local_search(
        problem, max_flow_tree(problem), rng=np.random.default_rng(1), iterations=500, elites=3
    )
    assert 1 <= len(trees) <= 3
    np.testing.assert_array_equal(branch_exchange(problem, trees[0]), trees[0])


def test_nothing_to_switch_and_no_time():
    tree = build_problem(line_network(5))
    only = iterated_local_search(tree, np.ones(tree.m, bool), rng=np.random.default_rng(0))
    assert len(only) == 1
    assert only[0].all()
    problem = build_problem(random_network(2, n=20, extra=10))
    start = minimum_spanning_tree(problem)
    late = working_time() - 1
    trees = iterated_local_search(problem, start, rng=np.random.default_rng(0), deadline=late)
    np.testing.assert_array_equal(trees[0], start)
