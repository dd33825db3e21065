"""Operations that cost or are limited, against enumeration."""

import numpy as np
import pytest
from builders import random_network, spanning_trees
from hypothesis import given, settings, strategies as st

import pygridjl
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.result import Status
from pygridjl.reconfiguration.build import build_problem


def enumerated(network, cost, most):
    """(loss + cost, operations) of every allowed tree, counted branch by branch."""
    problem = build_problem(network, limits=())
    found = []
    for closed in spanning_trees(problem):
        states = problem.branch_states(closed)
        operations = int((states != network.branches.closed).sum())
        if most is None or operations <= most:
            found.append((problem.objective(closed) + cost * operations, operations))
    return found


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(1, 2),
    st.sampled_from([0.0, 0.01, 0.3]),
    st.sampled_from([None, 0, 2, 3, 4]),
    st.booleans(),
)
def test_proves_the_enumerated_optimum(seed, substations, cost, most, meshed):
    network = random_network(seed, n=6, extra=3, substations=substations)
    if meshed:
        # The switches of today need not be radial.
        today = np.random.default_rng(seed).random(network.n_branch) < 0.8
        network = network.replace(branches=network.branches.replace(closed=today))
    found = enumerated(network, cost, most)
    answer = pygridjl.reconfigure(
        network, "exact", limits=(), max_operations=most, operation_cost=cost
    )
    if not found:
        assert answer.status is Status.INFEASIBLE
        return
    assert answer.status is Status.OPTIMAL
    assert answer.objective == pytest.approx(min(found)[0], rel=1e-8)
    assert answer.bound <= min(found)[0] * (1 + 1e-9)
    assert most is None or answer.operations <= most


def test_no_operation_is_the_base_state():
    network = pygridjl.load_network("case33bw")
    answer = pygridjl.reconfigure(network, certify=True, max_operations=0)
    assert answer.status is Status.OPTIMAL
    assert answer.operations == 0
    assert answer.loss_kw == pytest.approx(202.677, abs=1e-3)


def test_every_pair_of_operations_saves_less_than_the_pair_before():
    network = pygridjl.load_network("case33bw")
    losses = []
    for most in (0, 2, 4, 6, 8, 10):
        answer = pygridjl.reconfigure(network, "maxflow+ils+exact", limits=(), max_operations=most)
        assert answer.status is Status.OPTIMAL
        assert answer.operations <= most
        losses.append(answer.objective)
    assert (np.diff(losses) <= 0).all()
    free = pygridjl.reconfigure(network, "exact", limits=())
    assert free.operations <= 10
    assert losses[-1] == pytest.approx(free.objective)


def test_limits_and_states_together_with_operations():
    network = pygridjl.load_network("case33bw")
    states = pygridjl.load_states(network, pygridjl.generate_scenarios(33, 48, seed=3))
    answer = pygridjl.reconfigure(
        network, "exact", states=states, max_operations=4, operation_cost=0.2, limits=("voltage",)
    )
    assert answer.status is Status.OPTIMAL
    expected = float(states.share @ answer.by_state.objective) + 0.2 * answer.operations
    assert answer.objective == pytest.approx(expected)


def test_what_cannot_be_used_is_refused():
    network = pygridjl.load_network("case33bw")
    with pytest.raises(InvalidOptionError, match="only exact counts operations, not scip"):
        pygridjl.reconfigure(network, "scip", max_operations=2)
    with pytest.raises(InvalidOptionError, match="max_operations: must be a whole number"):
        pygridjl.reconfigure(network, max_operations=-1)
    with pytest.raises(InvalidOptionError, match="operation_cost: must be"):
        pygridjl.reconfigure(network, operation_cost=float("nan"))
