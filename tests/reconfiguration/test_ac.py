"""AC evaluation: limits, what counts as violated, and the descent that repairs."""

import numpy as np
import pytest
from builders import line_network, random_network, spanning_trees
from hypothesis import given, settings, strategies as st

from pygridjl import load_network
from pygridjl.powerflow.sweep import radial_power_flow
from pygridjl.reconfiguration import build_problem
from pygridjl.reconfiguration.ac.descent import ac_descent, all_exchanges
from pygridjl.reconfiguration.ac.evaluate import AcEvaluator
from pygridjl.reconfiguration.ac.feeders import Feeders


def _state(network):
    problem = build_problem(network)
    return AcEvaluator(problem).state(np.ones(problem.m, dtype=bool))


def test_voltage_violations_name_the_buses():
    network = line_network(4)
    v = np.abs(radial_power_flow(network).v)
    tight = network.replace(buses=network.buses.replace(v_min=float(v[2]) + 1e-4))
    state = _state(tight)
    assert {violation.component for violation in state.violations} == {"bus 2", "bus 3"}
    assert state.violations[0].component == "bus 3"
    assert state.excess == pytest.approx(sum(1 - v[k] / (v[2] + 1e-4) for k in (2, 3)))


def test_ampacity_and_capacity():
    network = line_network(4)
    flow = radial_power_flow(network)
    rating = np.array([float(flow.current[0]) * 0.99, 1.0, 1.0])
    units = network.generators.replace(s_max=abs(flow.source[0]) * 0.5)
    limited = network.replace(branches=network.branches.replace(rating=rating), generators=units)
    state = _state(limited)
    assert [v.limit for v in state.violations] == ["capacity", "ampacity"]
    assert state.violations[0].component == "source at bus 0"


def test_limits_just_met_are_kept():
    network = line_network(4)
    flow = radial_power_flow(network)
    exact = network.replace(
        branches=network.branches.replace(rating=np.maximum(flow.current, 1e-6)),
        buses=network.buses.replace(v_min=float(np.abs(flow.v).min())),
    )
    assert _state(exact).excess == 0.0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_descent_never_worsens_and_ends_in_a_local_optimum(seed):
    problem = build_problem(random_network(seed, n=7, extra=3))
    evaluator = AcEvaluator(problem)
    trees = spanning_trees(problem)
    for start in trees[:: max(1, len(trees) // 3)]:
        end = ac_descent(problem, start, evaluator)
        assert problem.is_spanning_tree(end)
        assert evaluator.rank(end) <= evaluator.rank(start)


def test_descent_repairs_a_violated_limit_where_brute_force_says_it_can():
    network = random_network(11, n=7, extra=3)
    problem = build_problem(network)
    trees = spanning_trees(problem)
    evaluator = AcEvaluator(problem)
    lowest = [evaluator.state(tree).v_min for tree in trees]
    band = network.buses.replace(v_min=float(np.quantile(lowest, 0.7)))
    limited = build_problem(network.replace(buses=band))
    judge = AcEvaluator(limited)
    worst = trees[int(np.argmin(lowest))]
    assert judge.rank(worst)[0] > 0
    assert judge.rank(ac_descent(limited, worst, judge))[0] == 0


@pytest.mark.parametrize("case", ["case16ci", "case33bw", "case94tpc"])
def test_feeders_rank_exchanges_as_the_whole_network_is_ranked(case):
    network = load_network(case)
    low = network.buses.replace(v_min=0.97)
    problem = build_problem(network.replace(buses=low))
    evaluator = AcEvaluator(problem)
    closed = problem.edge_states(network.branches.closed)
    feeders = Feeders(evaluator, closed)
    rng = np.random.default_rng(1)
    for _ in range(12):
        assert feeders.rank == pytest.approx(evaluator.rank(feeders.closed), rel=1e-9)
        _, tie, opened = all_exchanges(problem, feeders.closed)
        for k in rng.permutation(tie.size)[:3]:
            after = feeders.closed
            after[tie[k]], after[opened[k]] = True, False
            pair = int(problem.branch[tie[k]]), int(problem.branch[opened[k]])
            found, trial = feeders.attempt(*pair)
            assert found == pytest.approx(evaluator.rank(after), rel=1e-9)
        feeders.accept(trial)
        np.testing.assert_array_equal(feeders.closed, after)
