"""Exchanges at a falling temperature: rules kept, sums exact, optima of small problems found."""

from __future__ import annotations

import numpy as np
import pytest
from balancing_toys import brute_force, paths

from pygridjl.balancing import balance, build_problem, cooling
from pygridjl.balancing.check import check_assignment
from pygridjl.balancing.losses import objective_of
from pygridjl.core.jit import kernels_run


@pytest.fixture
def small(monkeypatch):
    """Cool problems that brute force can solve, briefly."""
    monkeypatch.setattr(cooling, "FEWEST", 2)
    monkeypatch.setattr(cooling, "TRIES", 60)


def test_rules_are_kept_and_the_optimum_found(small):
    found = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        data = paths(8, 10, seed=seed)
        demand, start = rng.uniform(0.5, 2.0, 8), rng.integers(2, size=8)
        room = np.array([0.8, 0.7]) * demand.sum()
        price = rng.uniform(0, 0.2, 8)
        moves, most = int(rng.integers(3, 9)), int(rng.integers(5, 7))

        def allowed(x, demand=demand, start=start, room=room, moves=moves, most=most):
            load, count = np.bincount(x, weights=demand, minlength=2), np.bincount(x, minlength=2)
            kept = (load <= room).all() and count.max() <= most and (x != start).sum() <= moves
            return kept and x[0] == start[0]

        best = brute_force(data, 2, "rms", allowed, lambda x, p=price, s=start: p[x != s].sum())
        if best == np.inf:
            continue
        result = balance(
            data, circuits=["a", "b"], capacity=room, cardinality=most, demand=demand, start=start,
            max_moves=moves, move_cost=price, fixed={"SP1": "ab"[start[0]]}, method="local",
        )  # fmt: skip
        x = np.array(["ab".index(c) for c in result.assignment.values()])
        assert allowed(x)
        assert result.objective >= best * (1 - 1e-9)
        found += result.objective <= best * (1 + 1e-9)
    assert found >= 17


@pytest.mark.parametrize("start", [None, "random"])
def test_both_forms_go_the_same_way_and_know_what_they_found(start):
    rng = np.random.default_rng(1)
    data = paths(12, 20, seed=2)
    first = rng.integers(3, size=12)
    problem = build_problem(
        data, circuits=3, cardinality=6, demand=rng.uniform(0.5, 2, 12), capacity=9.0,
        start=None if start is None else first, max_moves=None if start is None else 7,
        move_cost=0.0 if start is None else 0.1, forbidden=[("SP2", "C1")],
    )  # fmt: skip
    first[1] = 2
    pair = rng.integers(12, size=4000), rng.integers(15, size=4000)
    rise = rng.exponential(0.05, 4000)
    ends = []
    for form in ("plain", "compiled"):
        chain = cooling.Chain(first.copy(), first.copy(), np.array([np.inf]))
        with kernels_run(form):
            cooling._exchange(cooling._terms(problem), chain, *pair, rise)
        ends.append(chain)
    for one, other in zip(*ends, strict=True):
        np.testing.assert_array_equal(one, other)
    chain = ends[0]
    assert not np.array_equal(chain.best, first)
    # A norm near zero is known to the root of the rounding of its square.
    assert chain.value[0] == pytest.approx(objective_of(problem, chain.best), abs=1e-7)
    assert chain.value[0] <= objective_of(problem, chain.assignment) + 1e-7
    if not check_assignment(problem, first):
        assert not check_assignment(problem, chain.best)


def test_it_goes_below_the_optima_of_the_descent_and_repeats(monkeypatch):
    data = paths(36, 30, seed=5)
    asked = {"circuits": 4, "cardinality": 9, "method": "local", "seed": 3}
    first, second = balance(data, **asked), balance(data, **asked)
    assert first.assignment == second.assignment
    monkeypatch.setattr(cooling, "FEWEST", 1000)
    alone = balance(data, **asked, options={"kicks": 0})
    assert first.objective < alone.objective
    assert first.bound <= first.objective


@pytest.mark.parametrize(("n", "seed"), [(36, 0), (48, 5)])
def test_it_finds_the_proven_optimum_where_each_point_reaches_two_circuits(n, seed):
    m = 6
    away = [
        (f"SP{j + 1}", f"C{i + 1}")
        for j in range(n)
        for i in range(m)
        if i not in (j % m, (j + (1 if (j // m) % 2 else -1)) % m)
    ]
    asked = {"circuits": m, "cardinality": n // m, "forbidden": away, "start": np.arange(n) % m}
    data = paths(n, 30, seed=seed)
    proven = balance(data, method="columns", **asked)
    assert proven.status.value == "optimal"
    found = balance(data, method="local", **asked)
    assert proven.bound * (1 - 1e-9) <= found.objective <= proven.objective * (1 + 1e-9)


def test_paths_that_cancel_everywhere_end_at_once():
    result = balance(np.zeros((40, 5)), circuits=4, cardinality=10, method="local")
    assert result.objective == 0.0
