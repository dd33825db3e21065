"""Electrical flow: against a dense solve, Kirchhoff's laws, and every spanning tree."""

import dataclasses

import numpy as np
import pytest
from builders import random_network, spanning_trees
from hypothesis import given, settings, strategies as st

from pygridjl.grid.cases import watts_strogatz
from pygridjl.reconfiguration import build_problem, electrical
from pygridjl.reconfiguration.electrical import electrical_flow


def dense_energy(problem) -> float:
    """Return the dissipation bᵀ L⁺ b by a dense pseudo-inverse."""
    incidence = np.zeros((problem.m, problem.n))
    incidence[np.arange(problem.m), problem.tail] = 1
    incidence[np.arange(problem.m), problem.head] = -1
    pinv = np.linalg.pinv(incidence.T @ (incidence / problem.weight[:, None]))
    return float(problem.p @ pinv @ problem.p + problem.q @ pinv @ problem.q)


def imbalance(problem, flow, injection) -> float:
    out = np.bincount(problem.tail, flow, problem.n) - np.bincount(problem.head, flow, problem.n)
    return float(np.abs(out - injection).max())


@pytest.fixture(params=["direct", "iterative"])
def solver(request, monkeypatch):
    if request.param == "iterative":
        monkeypatch.setattr(electrical, "DIRECT_CYCLES", 0)
    return request.param


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("balanced", [True, False])
def test_agrees_with_a_dense_solve_and_balances(solver, seed, balanced):
    network = random_network(seed, n=30, extra=25, substations=2, balanced=balanced)
    problem = build_problem(network, "balanced" if balanced else "substations")
    flow = electrical_flow(problem)
    assert flow.energy == pytest.approx(dense_energy(problem), rel=1e-9)
    assert imbalance(problem, flow.flow[:, 0], problem.p) < 1e-6
    assert imbalance(problem, flow.flow[:, 1], problem.q) < 1e-6


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_energy_bounds_every_spanning_tree(seed, balanced):
    network = random_network(seed, n=7, substations=2, balanced=balanced)
    problem = build_problem(network, "balanced" if balanced else "substations")
    energy = electrical_flow(problem).energy * problem.kw
    assert all(energy <= problem.objective(t) * (1 + 1e-12) for t in spanning_trees(problem))


@pytest.mark.parametrize("spread", [0, 8])
def test_both_solvers_agree_whatever_the_spread_of_resistances(spread, monkeypatch):
    problem = build_problem(watts_strogatz(1500, sources=50, seed=1), "balanced")
    weight = 10.0 ** np.random.default_rng(0).uniform(-spread, 0, problem.m)
    problem = dataclasses.replace(problem, weight=weight)
    exact = electrical_flow(problem)
    monkeypatch.setattr(electrical, "DIRECT_CYCLES", 0)
    iterative = electrical_flow(problem)
    assert iterative.energy == pytest.approx(exact.energy, rel=1e-10)
    error = problem.weight @ (iterative.flow[:, 0] - exact.flow[:, 0]) ** 2
    assert error < 1e-12 * exact.energy


def test_a_tree_and_a_single_node_leave_no_choice():
    tree = build_problem(random_network(3, extra=0))
    flow = electrical_flow(tree)
    everything = np.ones(tree.m, dtype=bool)
    np.testing.assert_allclose(flow.flow, tree.flows(everything), atol=1e-12)
    assert flow.energy * tree.kw == pytest.approx(tree.objective(everything))
    alone = dataclasses.replace(
        tree,
        n=1,
        branch=tree.branch[:0],
        tail=tree.tail[:0],
        head=tree.head[:0],
        weight=tree.weight[:0],
        p=np.zeros(1),
        q=np.zeros(1),
        forced=tree.forced[:0],
    )
    assert electrical_flow(alone).energy == 0.0
