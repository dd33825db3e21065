"""The relaxation as a bound of the local search, and sets that are listed against the clock."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from balancing_toys import brute_force, paths
from hypothesis import given, settings, strategies as st

from pygridjl.balancing import balance, build_problem, sets, solve
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.result import Status


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(3, 8))
def test_the_bound_is_below_every_assignment_whatever_the_rules(seed, n):
    rng = np.random.default_rng(seed)
    data = paths(n, 10, seed=seed)
    most = rng.integers(1, n + 1, size=2)
    most[0] = max(most[0], n - most[1])
    demand, start = rng.uniform(0.5, 2.0, n), rng.integers(2, size=n)
    price, moves = rng.uniform(0, 0.2, n), int(rng.integers(1, n + 1))
    room = rng.uniform(0.5, 1.0, 2) * demand.sum()

    def allowed(x):
        count, load = np.bincount(x, minlength=2), np.bincount(x, weights=demand, minlength=2)
        return (count <= most).all() and (load <= room).all() and (x != start).sum() <= moves

    best = brute_force(data, 2, "rms", allowed, lambda x: price[x != start].sum())
    rules = {"capacity": room, "demand": demand, "start": start, "max_moves": moves}
    result = balance(
        data, circuits=2, cardinality=most, move_cost=price, method="local+relaxation", **rules
    )
    if result.objective is None:
        return
    assert result.bound <= best * (1 + 1e-9)
    alone = balance(data, circuits=2, cardinality=most, move_cost=price, method="local", **rules)
    assert result.objective == alone.objective
    assert result.bound >= alone.bound


def test_auto_bounds_by_the_relaxation_where_sets_are_too_many(monkeypatch):
    data = paths(12, 24, seed=12)
    rules = {"circuits": 3, "cardinality": 4}
    proven = balance(data, method="columns", **rules)
    monkeypatch.setattr(solve, "FEW_SETS", 1)
    result = balance(data, **rules)
    assert proven.status is Status.OPTIMAL
    assert (result.method, result.bound_method) == (
        "local+relaxation",
        "doubly nonnegative relaxation",
    )
    triangle = np.sqrt((data.sum(axis=0) ** 2).mean())
    assert triangle < result.bound <= proven.objective <= result.objective * (1 + 1e-9)
    assert balance(data, measure="l1", **rules).method == "local"


@pytest.mark.parametrize(
    ("data", "rules"),
    [
        (paths(4, 6), {"measure": "l1"}),
        (paths(4, 6, draws=2), {}),
        (paths(4, 6), {"weights": [1.0, 2.0]}),
        (paths(81, 6), {}),
    ],
)
def test_what_it_does_not_bound_is_refused(data, rules):
    with pytest.raises(InvalidOptionError, match="relaxation: bounds the rms risk"):
        balance(data, circuits=2, method="local+relaxation", **rules)


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_blocks_of_sets_are_all_sets_that_fit(size, monkeypatch):
    monkeypatch.setattr(sets, "LISTED", size)
    monkeypatch.setattr(sets, "FEWEST_LISTED", 1)
    data, demand = paths(7, 9, seed=3), np.arange(1.0, 8.0)
    problem = build_problem(
        data, circuits=2, cardinality=[5, 4], demand=demand, capacity=16.0,
        forbidden=[("SP2", "C1")],
    )  # fmt: skip
    listed = sets.list_sets(problem, lambda: 1.0)
    wanted = [(0, range(3, 6), [0, 2, 3, 4, 5, 6]), (1, range(2, 5), range(7))]
    for found, (circuit, counts, free) in zip(listed, wanted, strict=True):
        assert found.circuits.tolist() == [circuit]
        costs = {
            tuple(row[row < 7].tolist()): cost
            for row, cost in zip(found.members, found.cost, strict=True)
        }
        fit = {
            chosen: np.sqrt((data[list(chosen)].sum(axis=0) ** 2).mean())
            for k in counts
            for chosen in itertools.combinations(free, k)
            if demand[list(chosen)].sum() <= 16.0
        }
        assert costs == pytest.approx(fit)
        assert len(found) == len(fit)


def test_a_list_that_the_clock_ends_leaves_the_answer_of_the_search(monkeypatch):
    looks = itertools.count()
    monkeypatch.setattr(sets, "LISTED", 10)
    monkeypatch.setattr(sets, "FEWEST_LISTED", 1)
    problem = build_problem(paths(9, 12), circuits=3, cardinality=3)
    assert sets.list_sets(problem, lambda: 3.0 - next(looks)) is None
    assert next(looks) == 4
    # A thousand draws of 28,000 sets take far longer than a second.
    data = paths(24, 24, draws=1000)
    result = balance(data, circuits=4, cardinality=6, method="columns", time_limit=1.0)
    spent = sum(v for k, v in result.seconds.items() if k != "compile")
    assert spent < 2.5
    assert result.status is Status.TIME_LIMIT
    assert result.bound <= result.objective
