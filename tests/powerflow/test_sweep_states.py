"""Sweeps of many load states at a time beside sweeps and Newton's method of one."""

import numpy as np
import pytest
from builders import line_network, random_network
from hypothesis import given, settings, strategies as st

from pygridjl.graphs.forest import adjacency, rooted_forest
from pygridjl.powerflow.newton import newton_power_flow
from pygridjl.powerflow.sweep import radial_power_flow, sweep_data
from pygridjl.powerflow.sweep_states import ranked_loads, solve_states


def _solved(network, factors):
    """Flows of the base configuration with all loads multiplied by each factor."""
    branch = network.branches
    graph = adjacency(network.n_bus, branch.from_bus, branch.to_bus)
    forest = rooted_forest(graph, branch.closed, network.slack_buses)
    data = sweep_data(network, network.slack_buses)
    p, q = (np.outer(factors, part) for part in (network.load_p, network.load_q))
    return forest, solve_states(forest, data, ranked_loads(p, q))


def _scaled(network, factor):
    loads = network.loads
    return network.replace(loads=loads.replace(p=factor * loads.p, q=factor * loads.q))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 3), st.floats(0.9, 1.1), st.floats(-0.3, 0.3))
def test_every_state_is_that_of_newton_for_any_pi_model(seed, substations, tap, shift):
    network = random_network(seed, n=12, substations=substations)
    rng = np.random.default_rng(seed)
    m = network.n_branch
    branches = network.branches.replace(
        b=rng.uniform(0, 0.05, m), tap=np.where(rng.random(m) < 0.3, tap, 1.0),
        shift=np.where(rng.random(m) < 0.2, shift, 0.0),
    )  # fmt: skip
    buses = network.buses.replace(bs=rng.uniform(-0.02, 0.02, 12), gs=rng.uniform(0, 0.01, 12))
    network = network.replace(branches=branches, buses=buses)
    factors = rng.uniform(-0.5, 1.2, 5)
    forest, flows = _solved(network, factors)
    seen = []
    for part in flows:
        for k, state in enumerate(part.states.tolist()):
            seen.append(state)
            alone = _scaled(network, factors[state])
            newton, sweep = newton_power_flow(alone), radial_power_flow(alone)
            np.testing.assert_allclose(part.v[:, k], newton.v[forest.order], atol=1e-8)
            loss = part.loss[k] * network.base_mva * 1e3
            assert loss == pytest.approx(newton.loss_kw, abs=1e-5)
            fed = forest.parent[forest.order] >= 0
            edges = forest.edge[forest.order][fed]
            np.testing.assert_allclose(part.current[fed, k], sweep.current[edges], atol=1e-8)
            np.testing.assert_allclose(part.source[:, k], sweep.source[forest.order], atol=1e-8)
    assert sorted(seen) == [0, 1, 2, 3, 4]


def test_states_without_a_power_flow_never_come():
    _, flows = _solved(line_network(3), np.array([1.0, 500.0, 0.0, -2.0]))
    assert sorted(s for part in flows for s in part.states.tolist()) == [0, 2, 3]
