"""Sweeps of many load states at a time beside sweeps and Newton's method of one."""

import numpy as np
import pytest
from builders import line_network, random_network
from hypothesis import given, settings, strategies as st

from pygridjl.core.jit import kernels_run
from pygridjl.graphs.forest import adjacency, rooted_forest
from pygridjl.powerflow.newton import newton_power_flow
from pygridjl.powerflow.sweep import radial_power_flow, sweep_data
from pygridjl.powerflow.sweep_states import BLOCK, ranked_loads, solve_states


def _solved(network, factors, states=None):
    """Flows of the base configuration with all loads multiplied by each factor."""
    branch = network.branches
    graph = adjacency(network.n_bus, branch.from_bus, branch.to_bus)
    forest = rooted_forest(graph, branch.closed, network.slack_buses)
    data = sweep_data(network, network.slack_buses)
    p, q = (np.outer(factors, part) for part in (network.load_p, network.load_q))
    loads = ranked_loads(p, q, states)
    return forest, loads.states, solve_states(forest, data, loads)


def _any_pi_model(network, rng, tap, shift):
    m, n = network.n_branch, network.n_bus
    branches = network.branches.replace(
        b=rng.uniform(0, 0.05, m), tap=np.where(rng.random(m) < 0.3, tap, 1.0),
        shift=np.where(rng.random(m) < 0.2, shift, 0.0),
    )  # fmt: skip
    buses = network.buses.replace(bs=rng.uniform(-0.02, 0.02, n), gs=rng.uniform(0, 0.01, n))
    return network.replace(branches=branches, buses=buses)


def _scaled(network, factor):
    loads = network.loads
    return network.replace(loads=loads.replace(p=factor * loads.p, q=factor * loads.q))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 3), st.floats(0.9, 1.1), st.floats(-0.3, 0.3))
def test_every_state_is_that_of_newton_for_any_pi_model(seed, substations, tap, shift):
    rng = np.random.default_rng(seed)
    network = _any_pi_model(random_network(seed, n=12, substations=substations), rng, tap, shift)
    factors = rng.uniform(-0.5, 1.2, 5)
    forest, states, together = _solved(network, factors)
    assert sorted(states) == [0, 1, 2, 3, 4]
    each = np.zeros((5, 5, 12))
    for rank, state in enumerate(states):
        alone = _scaled(network, factors[state])
        newton, sweep = newton_power_flow(alone), radial_power_flow(alone)
        size, root = np.abs(newton.v[forest.order]), forest.parent[forest.order] < 0
        edges = forest.edge[forest.order]
        each[state, 0] = each[state, 1] = size
        each[state, 2] = np.where(root, 0.0, sweep.current[edges])
        source = sweep.source[forest.order]
        each[state, 3] = np.where(root, source.real, -np.inf)
        each[state, 4] = np.where(root, np.abs(source), -np.inf)
        # Of one state the extremes are the state.
        _, _, single = _solved(network, factors, np.array([state]))
        np.testing.assert_allclose(single.extreme, each[state], atol=1e-8)
        for flow, k in ((single, 0), (together, rank)):
            assert flow.loss[k] * network.base_mva * 1e3 == pytest.approx(newton.loss_kw, abs=1e-5)
            assert flow.v_min[k] == pytest.approx(size.min(), abs=1e-8)
            assert size[flow.v_min_row[k]] == pytest.approx(size.min(), abs=1e-8)
    np.testing.assert_allclose(together.extreme[0], each[:, 0].min(axis=0), atol=1e-8)
    np.testing.assert_allclose(together.extreme[1:], each[:, 1:].max(axis=0), atol=1e-8)
    # Where an extreme is said to occur it does.
    at = np.take_along_axis(each, states[together.at][None], axis=0)[0]
    np.testing.assert_allclose(at, together.extreme, atol=1e-8)


def test_states_without_a_power_flow_are_marked_and_leave_the_others_alone():
    network = line_network(3)
    factors = np.array([1.0, 500.0, 0.0, -2.0, 500.0])
    _, states, flows = _solved(network, factors)
    lost = factors[states] == 500.0
    np.testing.assert_array_equal(np.isinf(flows.loss), lost)
    np.testing.assert_array_equal(np.isnan(flows.v_min), lost)
    _, _, without = _solved(network, factors, np.array([0, 2, 3]))
    np.testing.assert_allclose(flows.extreme, without.extreme, atol=1e-12)


@pytest.mark.parametrize("more", [-1, 0, 1, 5 + BLOCK // 6])
def test_blocks_of_states_are_no_matter(more):
    network = random_network(3, n=12)
    count = BLOCK // 12 + more
    factors = np.linspace(-0.5, 1.2, count)
    _, states, flows = _solved(network, factors)
    assert states.size == flows.loss.size == count
    for k in {0, count // 2, count - 1}:
        expected = radial_power_flow(_scaled(network, factors[states[k]])).loss_kw
        assert flows.loss[k] * network.base_mva * 1e3 == pytest.approx(expected, abs=1e-6)


def test_machine_code_and_plain_python_agree_to_the_last_digit():
    network = _any_pi_model(random_network(5, n=8), np.random.default_rng(5), 0.95, 0.2)
    found = {}
    for form in ("plain", "compiled"):
        with kernels_run(form):
            found[form] = _solved(network, np.linspace(0.1, 1.0, 3))[2]
    for plain, compiled in zip(found["plain"], found["compiled"], strict=True):
        np.testing.assert_array_equal(plain, compiled)
