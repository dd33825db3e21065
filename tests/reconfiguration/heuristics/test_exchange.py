"""Branch exchange: exact prices, never worse, and a true local optimum."""

from itertools import combinations

import numpy as np
import pytest
from builders import random_network, spanning_trees
from hypothesis import given, settings, strategies as st

from pygridjl.core.jit import working_time
from pygridjl.grid.cases import feeder_like, get_case
from pygridjl.reconfiguration import build_problem
from pygridjl.reconfiguration.heuristics import (
    branch_exchange,
    max_flow_tree,
    minimum_spanning_tree,
)
from pygridjl.reconfiguration.heuristics.local import close_tie, exchange, price, tree_of


def random_problem(seed, balanced, keep=0, n=9, extra=5):
    network = random_network(seed, n=n, extra=extra, substations=2, balanced=balanced)
    kept = network.branches.id[network.branches.closed][-keep:] if keep else []
    return build_problem(network, "balanced" if balanced else "substations", keep_closed=kept)


def neighbours(problem, closed):
    """Trees that differ from ``closed`` in one exchange, by trying every pair."""
    for tie in np.flatnonzero(~closed):
        for opened in np.flatnonzero(closed & ~problem.forced):
            other = closed.copy()
            other[tie], other[opened] = True, False
            if problem.is_spanning_tree(other):
                yield tie, opened, other


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.booleans(), st.integers(0, 2))
def test_price_is_the_best_exact_change_on_the_cycle(seed, balanced, keep):
    problem = random_problem(seed, balanced, keep)
    closed = minimum_spanning_tree(problem)
    before = problem.objective(closed)
    tree = tree_of(problem, closed)
    changes = {tie: {} for tie in np.flatnonzero(~closed)}
    for tie, opened, other in neighbours(problem, closed):
        changes[tie][opened] = problem.objective(other) - before
    for tie, by_opened in changes.items():
        close_tie(tree, int(tie))
        change, _, _ = price(tree)
        best = min(0.0, min(by_opened.values(), default=0.0))
        assert change * problem.kw == pytest.approx(best, abs=1e-9 * before)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.booleans(), st.lists(st.integers(0, 1000), max_size=12))
def test_any_chain_of_exchanges_keeps_flows_and_pointers_right(seed, balanced, picks):
    problem = random_problem(seed, balanced)
    closed = minimum_spanning_tree(problem)
    tree = tree_of(problem, closed)
    for pick in picks:
        ties = np.flatnonzero(~closed)
        tie = int(ties[pick % ties.size])
        close_tie(tree, tie)
        side = int(tree.size[1] > 0 and (pick % 2 or tree.size[0] == 0))
        before = problem.objective(closed)
        opened, change = exchange(tree, side, pick % int(tree.size[side]))
        closed[tie], closed[opened] = True, False
        assert problem.is_spanning_tree(closed)
        scale = before + problem.objective(closed)
        assert change * problem.kw == pytest.approx(
            problem.objective(closed) - before, abs=1e-11 * scale
        )
    fresh = tree_of(problem, closed)
    np.testing.assert_array_equal(tree.parent, fresh.parent)
    np.testing.assert_array_equal(tree.via, fresh.via)
    np.testing.assert_allclose(tree.up, fresh.up, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.booleans(), st.integers(0, 3))
def test_result_is_no_worse_and_no_exchange_improves_it(seed, balanced, keep):
    problem = random_problem(seed, balanced, keep)
    start = minimum_spanning_tree(problem)
    untouched = start.copy()
    closed = branch_exchange(problem, start)
    np.testing.assert_array_equal(start, untouched)
    assert problem.is_spanning_tree(closed)
    assert closed[problem.forced].all()
    value = problem.objective(closed)
    assert value <= problem.objective(start) * (1 + 1e-12)
    others = [problem.objective(other) for _, _, other in neighbours(problem, closed)]
    assert all(value <= other * (1 + 1e-10) for other in others)


@pytest.mark.parametrize("seed", range(5))
def test_never_below_the_best_of_all_trees(seed):
    problem = random_problem(seed, balanced=True)
    best = min(problem.objective(t) for t in spanning_trees(problem))
    assert problem.objective(branch_exchange(problem, max_flow_tree(problem))) >= best * (1 - 1e-12)


def test_case33bw_from_the_max_flow_tree():
    # Merlin and Back's and all later papers' answer for the 33-bus network.
    problem = build_problem(get_case("case33bw"), limits=())
    closed = branch_exchange(problem, max_flow_tree(problem))
    assert problem.open_branches(closed) == (7, 9, 14, 32, 37)


@pytest.mark.slow
def test_case33bw_is_the_best_of_all_trees():
    problem = build_problem(get_case("case33bw"), limits=())
    trees, best = 0, (np.inf, ())
    for opened in combinations(range(problem.m), problem.m - problem.n + 1):
        closed = np.ones(problem.m, dtype=bool)
        closed[list(opened)] = False
        if problem.is_spanning_tree(closed):
            trees += 1
            best = min(best, (problem.objective(closed), problem.open_branches(closed)))
    assert trees == 50_751
    assert best[1] == (7, 9, 14, 32, 37)
    found = branch_exchange(problem, max_flow_tree(problem))
    assert problem.objective(found) == pytest.approx(best[0], rel=1e-12)


def test_a_past_deadline_returns_the_start():
    problem = build_problem(feeder_like(500, seed=1), limits=())
    start = minimum_spanning_tree(problem)
    closed = branch_exchange(problem, start, deadline=working_time() - 1)
    np.testing.assert_array_equal(closed, start)


def test_what_is_no_tree_is_refused():
    problem = random_problem(0, balanced=True)
    with pytest.raises(ValueError, match="not a spanning tree"):
        branch_exchange(problem, np.ones(problem.m, dtype=bool))
