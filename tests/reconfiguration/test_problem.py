"""Building the problem: contraction, balance, forced and forbidden branches."""

import numpy as np
import pytest
from builders import cycle_network, line_network, random_network, spanning_trees
from hypothesis import given, settings, strategies as st

from pygridjl.core.errors import (
    InfeasibleConfigurationError,
    InvalidNetworkError,
    InvalidOptionError,
)
from pygridjl.reconfiguration import build_problem


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_tree_flows_balance_every_node(seed, balanced):
    network = random_network(seed, substations=2, balanced=balanced)
    problem = build_problem(network, "balanced" if balanced else "substations")
    for closed in spanning_trees(problem)[:5]:
        for flow, injection in zip(problem.flows(closed).T, (problem.p, problem.q), strict=True):
            out = np.zeros(problem.n)
            np.add.at(out, problem.tail, flow)
            np.subtract.at(out, problem.head, flow)
            np.testing.assert_allclose(out, injection, atol=1e-12)


def test_number_of_trees_is_kirchhoffs_determinant():
    # Guards the enumeration that other tests take as truth.
    problem = build_problem(random_network(5, n=7, extra=5))
    laplacian = np.zeros((problem.n, problem.n))
    for a, b in zip(problem.tail, problem.head, strict=True):
        laplacian[[a, b], [a, b]] += 1
        laplacian[[a, b], [b, a]] -= 1
    assert len(spanning_trees(problem)) == round(np.linalg.det(laplacian[1:, 1:]))


def test_substations_are_one_node_and_branches_between_them_stay_open():
    network = random_network(1, substations=3)
    problem = build_problem(network)
    assert problem.n == network.n_bus - 2
    assert (problem.node_of_bus[network.slack_buses] == 0).all()
    between = np.isin(network.branches.from_bus, network.slack_buses) & np.isin(
        network.branches.to_bus, network.slack_buses
    )
    assert between.any()
    assert not np.isin(np.flatnonzero(between), problem.branch).any()


def test_balanced_sums_must_match():
    network = cycle_network((5.0, 2.0, -5.0, -1.0))
    with pytest.raises(InvalidNetworkError, match=r"sources inject 7 MW but sinks take 6 MW"):
        build_problem(network, "balanced")


def test_a_single_substation_takes_up_the_balance():
    problem = build_problem(line_network(4), "balanced")
    assert problem.p == pytest.approx([0.3, -0.1, -0.1, -0.1])
    assert not problem.q.any()


def test_no_substation_is_an_error():
    with pytest.raises(InvalidNetworkError, match="generator slack: no substation"):
        build_problem(cycle_network())


def test_fixed_branches():
    network = random_network(2, n=6, extra=3)
    problem = build_problem(network, keep_open=[7], keep_closed=[1])
    assert 7 not in network.branches.id[problem.branch]
    assert network.branches.id[problem.branch[problem.forced]].tolist() == [1]


def test_not_switchable_keeps_the_base_state():
    network = random_network(2, n=6, extra=3)
    problem = build_problem(network, switchable=[5, 6, 7])
    forced = network.branches.id[problem.branch[problem.forced]]
    assert forced.tolist() == [1, 2, 3, 4]
    assert sorted(network.branches.id[problem.branch]) == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keep_open": [99]}, "keep_open: network 'random2' has no branch 99"),
        ({"keep_open": [1], "keep_closed": [1]}, "branch 1 would have to be both"),
        ({"limits": ["thermal"]}, "limits: 'thermal' is none of"),
        ({"kind": "meshed"}, "problem: 'meshed' is none of"),
    ],
)
def test_bad_options_name_themselves(options, message):
    with pytest.raises(InvalidOptionError, match=message):
        build_problem(random_network(2, n=6, extra=3), **options)


def test_cut_off_buses_and_forced_cycles_are_infeasible():
    line = line_network(4)
    with pytest.raises(InfeasibleConfigurationError, match="buses 2, 3 are cut off|0, 1 are cut"):
        build_problem(line, keep_open=[2])
    cycle = random_network(2, n=6, extra=3)
    with pytest.raises(InfeasibleConfigurationError, match="form a cycle"):
        build_problem(cycle, keep_closed=range(1, 9))


def test_two_substations_may_not_be_joined():
    with pytest.raises(InfeasibleConfigurationError, match="joins two substations"):
        build_problem(random_network(1, substations=3), keep_closed=[1])


def test_invalid_data_never_reach_a_method():
    network = line_network(3, r=np.array([np.nan, 0.1]))
    with pytest.raises(InvalidNetworkError, match="branch 1 r: is not a finite number"):
        build_problem(network)
