"""Many load states: against enumeration with one state at a time, and against brute force in AC."""

from dataclasses import replace

import numpy as np
import pytest
from builders import random_network, spanning_trees
from hypothesis import given, settings, strategies as st

import pygridjl
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.result import Status
from pygridjl.powerflow.newton import newton_power_flow
from pygridjl.reconfiguration.build import build_problem
from pygridjl.reconfiguration.certificates import cycles
from pygridjl.reconfiguration.states.evaluate import StatesEvaluator
from pygridjl.reconfiguration.states.moments import problem_of_states


def random_states(network, count, seed, *, generation=0.0):
    """Loads that differ bus by bus and state by state, some of them generation."""
    rng = np.random.default_rng(seed)
    factor = rng.uniform(0.2, 1.5, (count, network.n_bus))
    p = factor * network.load_p - generation * rng.uniform(0, 0.02, factor.shape)
    q = rng.uniform(0.2, 1.5, (count, network.n_bus)) * network.load_q
    return pygridjl.LoadStates(p, q, rng.uniform(0.5, 3.0, count))


def one_by_one(network, states, function):
    """Mean over the states of what a function says of the network of each."""
    values = [
        function(states.network_of(network, (states.p[s], states.q[s]))) for s in range(len(states))
    ]
    return float(states.share @ values)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 2), st.integers(1, 9))
def test_proves_the_enumerated_optimum(seed, substations, count):
    network = random_network(seed, n=7, extra=3, substations=substations)
    states = random_states(network, count, seed, generation=float(seed % 2))
    free = build_problem(network, limits=())
    trees = spanning_trees(free)
    losses = [
        one_by_one(network, states, lambda n, c=c: build_problem(n, limits=()).objective(c))
        for c in trees
    ]
    answer = pygridjl.reconfigure(network, "exact", states=states, limits=())
    assert answer.status is Status.OPTIMAL
    assert answer.objective == pytest.approx(min(losses), rel=1e-9)
    assert answer.bound <= min(losses) * (1 + 1e-9)
    assert (answer.objective - answer.bound) <= 1e-6 * answer.objective
    case = problem_of_states(free, states)
    for closed, loss in zip(trees, losses, strict=True):
        assert case.objective(closed) == pytest.approx(loss, rel=1e-9)
        assert case.problem.objective(closed) <= loss * (1 + 1e-9)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 2), st.integers(1, 1000))
def test_few_leading_columns_prove_the_same(seed, leading, patience):
    network = random_network(seed, n=7, extra=4)
    states = random_states(network, 9, seed, generation=1.0)
    free = build_problem(network, limits=())
    problem = replace(problem_of_states(free, states).problem, leading=leading)
    losses = [problem.objective(c) for c in spanning_trees(free)]
    with pytest.MonkeyPatch.context() as patch:
        # Sooner or later the search gives up on the leading columns.
        patch.setattr(cycles, "MOST_MISSED", patience % 4 + 1)
        found = cycles.cycle_branch_and_bound(problem)
    assert found.status is Status.OPTIMAL
    assert found.objective == pytest.approx(min(losses), rel=1e-9)
    assert min(losses) * (1 - 1e-6) <= found.bound <= min(losses) * (1 + 1e-9)
    lead = problem.led
    assert lead.injection.shape[1] == min(leading, problem.injection.shape[1])
    for closed, loss in zip(spanning_trees(free), losses, strict=True):
        assert lead.objective(closed) <= loss * (1 + 1e-9)


def test_ac_losses_and_voltages_are_those_of_every_state():
    network = random_network(5, n=9, extra=4)
    states = random_states(network, 12, 5)
    answer = pygridjl.reconfigure(network, "maxflow+ils", states=states, limits=())
    closed = network.with_open(answer.open_branches).branches.closed
    flows = [
        newton_power_flow(states.network_of(network, (states.p[s], states.q[s])), closed)
        for s in range(12)
    ]
    table = answer.by_state
    np.testing.assert_allclose(table.loss_kw, [f.loss_kw for f in flows], rtol=1e-7)
    np.testing.assert_allclose(table.v_min, [abs(f.v).min() for f in flows], rtol=1e-9)
    assert answer.loss_kw == pytest.approx(float(states.share @ table.loss_kw))
    assert answer.v_min == pytest.approx(table.v_min.min())
    assert table.energy_mwh == pytest.approx(answer.loss_kw * states.hours.sum() / 1e3)
    assert answer.objective == pytest.approx(float(states.share @ table.objective))
    assert answer.base_loss_kw == pytest.approx(float(states.share @ table.base_loss_kw))
    assert list(table.to_frame().columns)[:2] == ["state", "hours"]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.1, 0.9))
def test_limits_hold_in_every_state(seed, quantile):
    network = random_network(seed, n=7, extra=3)
    states = random_states(network, 30, seed)
    free = build_problem(network, limits=())
    judge = StatesEvaluator(problem_of_states(free, states))
    trees = spanning_trees(free)
    lowest = np.array([judge.state(closed).v_min for closed in trees])
    limit = float(np.quantile(lowest, quantile)) - 1e-5
    buses = network.buses.replace(v_min=np.full(network.n_bus, limit))
    kept = [judge.case.objective(c) for c, v in zip(trees, lowest, strict=True) if v >= limit]
    answer = pygridjl.reconfigure(network.replace(buses=buses), "exact", states=states)
    assert answer.status is Status.OPTIMAL
    assert answer.objective == pytest.approx(min(kept), rel=1e-6)
    assert not answer.violations
    assert answer.v_min >= limit * (1 - 1e-7)


def test_what_no_tree_keeps_names_limit_and_state():
    network = random_network(4, n=7, extra=3)
    buses = network.buses.replace(v_min=np.full(7, 1.05), v_max=np.full(7, 1.1))
    states = random_states(network, 3, 4)
    answer = pygridjl.reconfigure(network.replace(buses=buses), "exact", states=states)
    assert answer.status is Status.INFEASIBLE
    assert "in state" in answer.violations[0].component
    narrow = network.replace(branches=network.branches.replace(rating=1e-3))
    answer = pygridjl.reconfigure(narrow, states=states, limits=("ampacity",))
    assert answer.status is Status.NOT_FOUND
    assert answer.violations[0].limit == "ampacity"


def test_one_state_is_the_ordinary_problem():
    network = pygridjl.load_network("case33bw")
    single = pygridjl.LoadStates(network.load_p[None], network.load_q[None], np.ones(1))
    ours = pygridjl.reconfigure(network, "exact", states=single, limits=())
    plain = pygridjl.reconfigure(network, "exact", limits=())
    assert ours.open_branches == plain.open_branches == (7, 9, 14, 32, 37)
    assert ours.objective == pytest.approx(plain.objective, rel=1e-9)
    assert ours.loss_kw == pytest.approx(plain.loss_kw, rel=1e-9)


@pytest.mark.parametrize("method", ["forward+exchange", "sequential+exchange", "base", "mst+ils"])
def test_every_start_and_step_takes_states(method):
    network = pygridjl.load_network("case33bw")
    states = random_states(network, 20, 1)
    answer = pygridjl.reconfigure(network, method, states=states, limits=(), certify=True)
    assert answer.status is Status.OPTIMAL


@pytest.mark.slow
@pytest.mark.parametrize("case", ["case33bw", "case118zh", "case136ma"])
def test_a_year_is_proven_and_beats_mean_and_peak(case):
    network = pygridjl.load_network(case)
    year = pygridjl.load_states(network, pygridjl.generate_scenarios(network.n_bus, 8760, seed=1))
    answer = pygridjl.reconfigure(network, certify=True, limits=(), states=year)
    assert answer.status is Status.OPTIMAL
    assert len(answer.by_state.loss_kw) == 8760
    judge = problem_of_states(build_problem(network, limits=()), year)
    for demand in (year.mean(), year.peak()):
        alone = pygridjl.reconfigure(year.network_of(network, demand), "exact", limits=())
        closed = network.with_open(alone.open_branches).branches.closed
        assert judge.objective(judge.problem.edge_states(closed)) >= answer.bound


def test_what_cannot_be_used_is_refused():
    network = pygridjl.load_network("case33bw")
    states = random_states(network, 3, 1)
    for method in ("scip-ac", "highs", "exact-ac"):
        with pytest.raises(InvalidOptionError, match=f"states: .*{method}"):
            pygridjl.reconfigure(network, method, states=states)
    other = pygridjl.load_network("case69")
    with pytest.raises(InvalidOptionError, match="states: .* 33 buses"):
        pygridjl.reconfigure(other, states=states)
    with pytest.raises(InvalidOptionError, match="substations"):
        pygridjl.reconfigure(network, states=states, problem="balanced")
