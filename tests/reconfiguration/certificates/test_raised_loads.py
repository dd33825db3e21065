"""The bound of raised loads against AC power flows of trees."""

import numpy as np
import pytest
from builders import spanning_trees
from hypothesis import assume, given, settings, strategies as st
from reconfiguration.certificates.small_problems import consuming_network

from pygridjl.core.errors import PowerFlowError
from pygridjl.grid.cases import get_case
from pygridjl.powerflow.sweep import radial_power_flow
from pygridjl.reconfiguration.build import build_problem
from pygridjl.reconfiguration.certificates.raised_loads import raised_loads
from pygridjl.reconfiguration.heuristics import branch_exchange, kruskal_tree, max_flow_tree

CASES = ("case33bw", "case69", "case70da", "case94tpc", "case118zh", "case136ma")


def ac_loss(problem, closed):
    """AC loss in kW, infinite without a power flow."""
    try:
        return radial_power_flow(problem.network, problem.branch_states(closed)).loss_kw
    except PowerFlowError:
        return np.inf


@pytest.mark.parametrize("case", CASES)
def test_no_random_tree_loses_less(case):
    _assert_below(case, 100)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_none_of_ten_thousand_random_trees_loses_less(case):
    _assert_below(case, 10_000 // len(CASES) + 1)


def _assert_below(case, count):
    """Half of the trees at random, half a few exchanges from the best."""
    problem = build_problem(get_case(case), limits=())
    best = branch_exchange(problem, max_flow_tree(problem))
    lower = raised_loads(problem, best)
    rng = np.random.default_rng(1)
    for k in range(count):
        cost = rng.random(problem.m) - (k % 2) * best * rng.uniform(0.8, 1.0)
        closed = kruskal_tree(problem, cost)
        assert lower.bound(lower.problem.objective(closed)) <= ac_loss(problem, closed)
    # Near the tree it is made for, the bound is worth its name.
    assert lower.bound(lower.problem.objective(best)) > 0.96 * ac_loss(problem, best)
    assert lower.bound(lower.problem.objective(best)) > problem.objective(best)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 2), st.integers(0, 1000))
def test_no_tree_of_a_small_network_loses_less(seed, substations, which):
    problem = build_problem(consuming_network(seed, substations=substations), limits=())
    trees = spanning_trees(problem)
    lower = raised_loads(problem, trees[which % len(trees)])
    for closed in trees:
        bound = lower.bound(lower.problem.objective(closed))
        assert bound <= ac_loss(problem, closed) * (1 + 1e-11) + 1e-12


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_never_below_the_linear_loss_at_its_own_tree(seed):
    network = consuming_network(seed)
    network = network.replace(generators=network.generators.replace(v_set=1.0))
    problem = build_problem(network, limits=())
    assume((network.branches.loss_r > 0).all())
    closed = spanning_trees(problem)[0]
    lower = raised_loads(problem, closed)
    assert lower.bound(lower.problem.objective(closed)) >= problem.objective(closed) * (1 - 1e-12)
