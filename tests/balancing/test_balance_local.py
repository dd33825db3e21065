"""Local search: exact gains, kept rules, true local optima, repeatable answers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from balancing_toys import paths, risk
from hypothesis import given, settings, strategies as st

from pygridjl.balancing import balance, build_problem
from pygridjl.balancing.losses import objective_of
from pygridjl.balancing.neighbourhood import NOBODY, State


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    kind=st.sampled_from(["rms", "l1"]),
    draws=st.sampled_from([None, 3]),
)
def test_gains_are_exact(seed, kind, draws):
    rng = np.random.default_rng(seed)
    data = paths(8, 7, seed=seed, draws=draws)
    problem = build_problem(
        data,
        circuits=3,
        risk=kind,
        weights=rng.uniform(0, 1, (3, 7)),
        start=rng.integers(3, size=8),
        move_cost=rng.uniform(0, 1, 8),
        tail_weight=0.5 if draws else 0.0,
        tail=0.5,
    )
    state = State(problem, rng.integers(3, size=8))
    for a, b in itertools.permutations(range(3), 2):
        out = np.append(state.members[a], NOBODY)
        back = np.append(state.members[b], NOBODY)
        gains = state.gains(a, b, out, back)
        before = objective_of(problem, state.assignment)
        for p, q in np.ndindex(gains.shape):
            changed = state.assignment.copy()
            if out[p] != NOBODY:
                changed[out[p]] = b
            if back[q] != NOBODY:
                changed[back[q]] = a
            expected = before - objective_of(problem, changed)
            assert gains[p, q] == pytest.approx(expected, abs=1e-7)
        state.exchange(a, b, int(out[0]), int(back[0]))
        assert state.sums == pytest.approx(State(problem, state.assignment).sums)


def test_no_move_and_no_swap_improves_the_answer():
    data = paths(14, 20, seed=3)
    result = balance(data, circuits=3, cardinality=5, method="local", options={"kicks": 0})
    place = np.array([int(c[1:]) - 1 for c in result.assignment.values()])
    assert result.objective == pytest.approx(risk(data, place, 3, "rms"), rel=1e-12)
    for j, k in itertools.combinations(range(14), 2):
        other = place.copy()
        other[[j, k]] = other[[k, j]]
        assert risk(data, other, 3, "rms") >= result.objective * (1 - 1e-9)
    for j, i in itertools.product(range(14), range(3)):
        other = place.copy()
        other[j] = i
        if np.bincount(other, minlength=3).max() <= 5:
            assert risk(data, other, 3, "rms") >= result.objective * (1 - 1e-9)


def test_answers_repeat_and_keep_within_reach_of_the_optimum():
    data = paths(18, 48, seed=6)
    first, second = (
        balance(data, circuits=3, cardinality=6, method="local", seed=4) for _ in range(2)
    )
    assert first.assignment == second.assignment
    assert first.seed == 4
    exact = balance(data, circuits=3, cardinality=6, method="columns")
    assert exact.objective <= first.objective <= 1.01 * exact.objective
    assert first.bound <= exact.objective


def test_a_limit_of_moves_is_kept_and_exchangeable_circuits_keep_their_names():
    data = paths(20, 30, seed=8)
    start = np.arange(20) % 4
    result = balance(data, circuits=4, cardinality=5, start=start, max_moves=4, method="local")
    assert result.moved <= 4
    assert result.objective < result.rms_before
    # Nothing to gain: nothing moves, though any renaming of circuits is as good.
    again = np.array([int(c[1:]) - 1 for c in result.assignment.values()])
    best = balance(data, circuits=4, cardinality=5, start=again, max_moves=0, method="local")
    assert best.moved == 0


def test_a_large_problem_improves_without_time_to_finish():
    data = np.random.default_rng(1).normal(size=(3000, 24)).cumsum(axis=1)
    result = balance(
        data, circuits=12, cardinality=250, start=np.arange(3000) % 12, method="local",
        time_limit=1.0,
    )  # fmt: skip
    assert result.objective < result.rms_before
    assert result.seconds["local"] < 5.0
