"""The independent checker against hand-made mistakes and the methods' own arithmetic."""

import numpy as np
import pytest
from builders import line_network, random_network, spanning_trees
from hypothesis import given, settings, strategies as st

from pygridjl.reconfiguration import build_problem, check_configuration
from pygridjl.reconfiguration.ac.evaluate import AcEvaluator


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 3))
def test_checker_agrees_with_tree_flows_and_sweeps(seed, substations):
    network = random_network(seed, substations=substations)
    problem = build_problem(network)
    evaluator = AcEvaluator(problem)
    for closed in spanning_trees(problem)[:3]:
        report = check_configuration(network, problem.open_branches(closed))
        assert report.ok
        assert report.objective == pytest.approx(problem.objective(closed), rel=1e-9)
        assert report.loss_kw == pytest.approx(evaluator.rank(closed)[1], rel=1e-8)


def test_a_cycle_is_found():
    report = check_configuration(random_network(4), [])
    assert [(f.component, f.field) for f in report.findings] == [("network", "cycle")]
    assert np.isnan(report.objective)


def test_an_island_is_found_and_named():
    report = check_configuration(line_network(4), [2])
    assert [f.ids for f in report.findings] == [("2", "3")]
    assert "0 substations" in str(report.findings[0])


def test_joined_substations_are_found():
    network = random_network(0, substations=2)
    problem = build_problem(network)
    tree = spanning_trees(problem)[0]
    ids = set(problem.open_branches(tree))
    joining = [
        int(i)
        for i, f, t in zip(
            network.branches.id, network.branches.from_bus, network.branches.to_bus, strict=True
        )
        if {int(f), int(t)} == {0, 1}
    ]
    report = check_configuration(network, ids - set(joining))
    assert any("2 substations" in f.message for f in report.findings)
