"""Cycle branch-and-bound against enumeration, and what it promises when it is cut short."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from reconfiguration.certificates.small_problems import (
    enumerate_trees,
    least_loss,
    linear_loss,
    random_problem,
)

from pygridjl.core.errors import InvalidOptionError, SolverError
from pygridjl.core.result import Status, relative_gap
from pygridjl.reconfiguration.certificates import (
    cycle_branch_and_bound,
    cycles as cycles_module,
    electrical_bound,
)

problems = st.builds(
    random_problem,
    st.integers(0, 2**32),
    n=st.integers(2, 6),
    extra=st.integers(0, 4),
    slacks=st.integers(1, 2),
    forced=st.booleans(),
    equal=st.booleans(),
)


@settings(max_examples=150, deadline=None)
@given(problems)
def test_proves_the_enumerated_optimum(problem):
    best = least_loss(problem)
    answer = cycle_branch_and_bound(problem)
    assert answer.status is Status.OPTIMAL
    assert linear_loss(problem, answer.incumbent) == pytest.approx(best, rel=1e-8, abs=1e-9)
    assert answer.objective == pytest.approx(best, rel=1e-8, abs=1e-9)
    assert answer.bound <= best * (1 + 1e-12) + 1e-12
    assert relative_gap(answer.objective, answer.bound) == 0.0
    assert answer.incumbent[problem.forced].all()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_balanced_problem(seed):
    problem = random_problem(seed, n=6, extra=4, kind="balanced")
    answer = cycle_branch_and_bound(problem)
    assert answer.objective == pytest.approx(least_loss(problem), rel=1e-8, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(problems, st.integers(0, 2**32))
def test_lazy_constraint_against_enumeration(problem, seed):
    # An arbitrary rule over whole configurations, which couples all blocks.
    price = np.random.default_rng(seed).random(problem.m)
    limit = 0.5 * price.sum() * (problem.n - 1) / max(problem.m, 1)

    def accept(closed):
        return bool(price[closed].sum() <= limit)

    allowed = [loss for closed, loss in enumerate_trees(problem) if accept(closed)]
    answer = cycle_branch_and_bound(problem, accept=accept)
    if not allowed:
        assert answer.status is Status.INFEASIBLE
        assert answer.incumbent is None
        assert answer.bound == np.inf
    else:
        assert answer.status is Status.OPTIMAL
        assert accept(answer.incumbent)
        assert answer.objective == pytest.approx(min(allowed), rel=1e-8, abs=1e-9)


def test_every_configuration_is_shown_to_accept_before_infeasible():
    problem = random_problem(5, n=6, extra=4)
    seen = set()

    def reject(closed):
        seen.add(closed.tobytes())
        return False

    answer = cycle_branch_and_bound(problem, accept=reject)
    assert answer.status is Status.INFEASIBLE
    assert seen == {closed.tobytes() for closed, _ in enumerate_trees(problem)}


@settings(max_examples=40, deadline=None)
@given(problems, st.floats(0, 1e-3))
def test_bound_holds_whenever_the_clock_stops(problem, time_limit):
    best = least_loss(problem)
    answer = cycle_branch_and_bound(problem, time_limit=time_limit)
    assert answer.bound <= best * (1 + 1e-12) + 1e-12
    assert answer.objective >= best * (1 - 1e-12) - 1e-12
    assert problem.is_spanning_tree(answer.incumbent)
    assert answer.status in (Status.OPTIMAL, Status.TIME_LIMIT)


@settings(max_examples=60, deadline=None)
@given(problems)
def test_electrical_bound_is_below_every_tree(problem):
    assert electrical_bound(problem).bound <= least_loss(problem) * (1 + 1e-9) + 1e-9


def test_stopped_search_is_between_electrical_bound_and_proof():
    problem = random_problem(3, n=60, extra=28)
    proof = cycle_branch_and_bound(problem)
    stopped = cycle_branch_and_bound(problem, time_limit=1e-3)
    assert proof.status is Status.OPTIMAL
    assert electrical_bound(problem).bound * (1 - 1e-9) <= stopped.bound <= proof.objective
    assert stopped.objective >= proof.objective


def test_crowded_memory_changes_the_order_not_the_proof(monkeypatch):
    problem = random_problem(3, n=40, extra=20)
    plain = cycle_branch_and_bound(problem)
    monkeypatch.setattr(cycles_module, "MEMORY", 2000)
    monkeypatch.setattr(cycles_module, "FIRST_CAPACITY", 1)
    crowded = cycle_branch_and_bound(problem)
    assert crowded.status is plain.status is Status.OPTIMAL
    assert crowded.objective == pytest.approx(plain.objective, rel=1e-9)


def test_too_meshed_network_gets_the_electrical_bound(monkeypatch):
    monkeypatch.setattr(cycles_module, "MOST_CYCLES", 3)
    problem = random_problem(1, n=6, extra=4)
    answer = cycle_branch_and_bound(problem)
    assert answer.status is Status.FEASIBLE
    assert answer.method == "electrical_bound"
    assert answer.bound <= least_loss(problem) <= answer.objective


def test_bad_options():
    problem = random_problem(1)
    tree = problem.edge_states(problem.network.branches.closed)
    with pytest.raises(InvalidOptionError, match="time_limit"):
        cycle_branch_and_bound(problem, time_limit=float("nan"))
    with pytest.raises(InvalidOptionError, match="spanning tree"):
        cycle_branch_and_bound(problem, np.ones(problem.m, dtype=bool))
    forced = dataclasses.replace(problem, forced=~tree)
    with pytest.raises(InvalidOptionError, match="must stay closed"):
        cycle_branch_and_bound(forced, tree)


def test_wrong_arithmetic_is_noticed(monkeypatch):
    problem = random_problem(3, n=40, extra=20)
    exact = cycles_module.replay
    monkeypatch.setattr(cycles_module, "replay", lambda *a: exact(*a) * (1 + 1e-6))
    with pytest.raises(SolverError, match="rank-1"):
        cycle_branch_and_bound(problem)
