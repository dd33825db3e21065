"""Order of operations: supplied and radial all the way, and what is said of each moment."""

import numpy as np
import pytest
from builders import random_network, spanning_trees
from hypothesis import given, settings, strategies as st

import pygridjl
from pygridjl.core.errors import InvalidOptionError
from pygridjl.powerflow.newton import newton_power_flow
from pygridjl.reconfiguration.build import build_problem


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 2), st.integers(0, 999))
def test_every_step_is_radial_supplied_and_judged(seed, substations, which):
    network = random_network(seed, n=8, extra=4, substations=substations)
    rating = np.where(np.arange(network.n_branch) % 2, np.inf, 0.3)
    network = network.replace(branches=network.branches.replace(rating=rating))
    problem = build_problem(network, limits=())
    trees = spanning_trees(problem)
    goal = problem.open_branches(trees[which % len(trees)])
    sequence = pygridjl.switching_sequence(network, goal)
    ids = network.branches.id
    states = network.branches.closed.copy()
    for step in sequence.steps:
        states[ids == step.close] = True
        meanwhile = abs(newton_power_flow(network, states).v).min()
        states[ids == step.open] = False
        report = pygridjl.check_configuration(network, ids[~states].tolist())
        assert report.ok
        assert step.loss_kw == pytest.approx(report.loss_kw, rel=1e-7)
        assert step.v_min == pytest.approx(min(meanwhile, report.v_min), rel=1e-7)
        assert step.loading > 0
    assert tuple(sorted(ids[~states].tolist())) == goal
    assert len(sequence.steps) == len(set(network.open_branches) - set(goal))
    if sequence.steps:
        assert sequence.worst_v_min == min(step.v_min for step in sequence.steps)


def test_joined_substations_are_named():
    network = pygridjl.load_network("case16ci")
    sequence = pygridjl.switching_sequence(network, (7, 8, 16))
    assert any(step.joins_substations for step in sequence.steps)
    assert "joins two substations" in sequence.summary()
    assert sequence.worst_loading is None


def test_nothing_to_do_and_what_is_refused():
    network = pygridjl.load_network("case33bw")
    assert pygridjl.switching_sequence(network, network.open_branches).steps == ()
    with pytest.raises(InvalidOptionError, match="no branch 99"):
        pygridjl.switching_sequence(network, (99,))
    with pytest.raises(InvalidOptionError, match="open_branches: .* not radial"):
        pygridjl.switching_sequence(network, (1, 2, 3, 4, 5))
