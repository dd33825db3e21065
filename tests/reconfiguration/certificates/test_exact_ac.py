"""Proofs in AC against enumeration, publications, and what they promise when they are cut short."""

import numpy as np
import pytest
from builders import spanning_trees
from hypothesis import given, settings, strategies as st
from reconfiguration.certificates.small_problems import consuming_network
from reconfiguration.certificates.test_raised_loads import ac_loss

import pygridjl
from pygridjl.core.errors import InvalidOptionError, SolverError
from pygridjl.core.result import Status
from pygridjl.grid.cases import get_case
from pygridjl.reconfiguration.ac.evaluate import AcEvaluator
from pygridjl.reconfiguration.build import build_problem
from pygridjl.reconfiguration.certificates import (
    ac_branch_and_bound,
    exact_ac as module,
    scip_branch_flow,
)

# Published AC optimum, kW.
QUICK = {
    "case16ci": 466.13,
    "case33bw": 139.551,
    "case69": 98.605,
    "case70da": 301.65,
    "case94tpc": 469.878,
}
LONG = {"case118zh": 869.730, "case136ma": 280.193}


def optimum(problem):
    """Least AC loss of all trees, kW."""
    return min(ac_loss(problem, closed) for closed in spanning_trees(problem))


def assert_proves_enumerated_optimum(seed, substations):
    problem = build_problem(consuming_network(seed, substations=substations), limits=())
    best = optimum(problem)
    answer = ac_branch_and_bound(problem)
    assert answer.model == "ac"
    assert answer.bound <= best * (1 + 1e-10) + 1e-12
    if np.isfinite(best):
        assert answer.status is Status.OPTIMAL
        assert answer.objective == pytest.approx(best, rel=1e-8, abs=1e-9)
        assert answer.bound == pytest.approx(best, rel=1e-8, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 2))
def test_proves_the_enumerated_optimum(seed, substations):
    assert_proves_enumerated_optimum(seed, substations)


@pytest.mark.slow
def test_proves_the_enumerated_optimum_of_a_thousand_networks():
    for seed in range(1000):
        assert_proves_enumerated_optimum(seed, 1 + seed % 2)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.floats(0, 2e-3))
def test_bound_holds_whenever_the_clock_stops(seed, time_limit):
    problem = build_problem(consuming_network(seed), limits=())
    answer = ac_branch_and_bound(problem, time_limit=time_limit)
    assert answer.bound <= optimum(problem) * (1 + 1e-10) + 1e-12


@pytest.mark.parametrize("case", QUICK)
def test_proves_published_optima(case):
    _prove(case, QUICK[case])


@pytest.mark.slow
@pytest.mark.parametrize("case", LONG)
def test_proves_published_optima_of_large_cases(case):
    _prove(case, LONG[case])


def _prove(case, published):
    answer = pygridjl.reconfigure(get_case(case), "exact-ac", limits=(), time_limit=600)
    assert answer.status is Status.OPTIMAL
    assert answer.loss_kw == pytest.approx(published, abs=0.01)
    assert (answer.loss_kw - answer.ac_bound) / answer.loss_kw <= 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("case", ["case16ci", "case33bw"])
def test_equals_scip(case):
    problem = build_problem(get_case(case), limits=())
    ours = ac_branch_and_bound(problem)
    theirs = scip_branch_flow(problem, ours.incumbent, time_limit=400)
    assert theirs.status is ours.status is Status.OPTIMAL
    assert theirs.objective == pytest.approx(ours.objective, rel=1e-6)
    assert theirs.bound <= ours.objective


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.05, 0.95))
def test_limits_against_enumeration(seed, quantile):
    network = consuming_network(seed)
    free = build_problem(network, limits=())
    evaluator = AcEvaluator(free)
    trees = spanning_trees(free)
    lowest = np.array([evaluator.state(closed).v_min for closed in trees])
    if np.isnan(lowest).any():
        return
    limit = float(np.quantile(lowest, quantile)) - 1e-4
    buses = network.buses.replace(v_min=np.full(network.n_bus, limit))
    problem = build_problem(network.replace(buses=buses), limits=("voltage",))
    judge = AcEvaluator(problem)
    losses = [judge.rank(closed)[1] for closed in trees if judge.rank(closed)[0] == 0.0]
    answer = ac_branch_and_bound(problem)
    assert answer.status is Status.OPTIMAL
    assert answer.objective == pytest.approx(min(losses), rel=1e-8, abs=1e-9)


def test_limits_that_nothing_keeps():
    network = consuming_network(4)
    buses = network.buses.replace(v_min=np.full(network.n_bus, 1.06), v_max=np.full(6, 1.1))
    answer = ac_branch_and_bound(build_problem(network.replace(buses=buses), limits=("voltage",)))
    assert answer.status is Status.INFEASIBLE
    assert answer.bound == np.inf


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_capacitors_and_generation_are_enumerated(seed):
    network = consuming_network(seed)
    rng = np.random.default_rng(seed)
    loads = network.loads.replace(p=network.loads.p - rng.uniform(0, 0.05, len(network.loads)))
    problem = build_problem(network.replace(loads=loads), limits=())
    answer = ac_branch_and_bound(problem)
    best = optimum(problem)
    if np.isfinite(best):
        assert answer.status is Status.OPTIMAL
        assert answer.objective == pytest.approx(best, rel=1e-8, abs=1e-9)


def test_injection_in_a_large_network_is_refused_by_name():
    network = get_case("case118zh")
    q = network.loads.q.copy()
    q[4] = -0.1
    capacitor = network.replace(loads=network.loads.replace(q=q))
    bus = network.buses.id[network.loads.bus[4]]
    with pytest.raises(InvalidOptionError, match=f"bus {bus} injects reactive power"):
        pygridjl.reconfigure(capacitor, "exact-ac", limits=())
    # Few switches leave few configurations.
    ties = network.open_branches
    answer = pygridjl.reconfigure(
        capacitor, "exact-ac", limits=(), keep_open=ties[:12], switchable=[1, 2, 3, *ties]
    )
    assert answer.status is Status.OPTIMAL


def test_too_meshed_network_gets_a_bound_without_a_search(monkeypatch):
    monkeypatch.setattr(module, "MOST_CYCLES", 3)
    problem = build_problem(get_case("case33bw"), limits=())
    answer = ac_branch_and_bound(problem)
    assert answer.status is Status.FEASIBLE
    assert answer.nodes == 0
    assert 0 < answer.bound < 139.552


def test_wrong_arithmetic_is_noticed(monkeypatch):
    exact = module.replay
    monkeypatch.setattr(module, "replay", lambda *a: exact(*a) * (1 + 1e-6))
    with pytest.raises(SolverError, match="rank-1"):
        ac_branch_and_bound(build_problem(get_case("case33bw"), limits=()))


def test_not_modelled_is_refused():
    network = consuming_network(1)
    charged = network.branches.replace(b=np.full(network.n_branch, 0.01))
    with pytest.raises(InvalidOptionError, match="branch 1: .* b is 0.01"):
        ac_branch_and_bound(build_problem(network.replace(branches=charged), limits=()))
