"""Every exact method against trying all assignments, under every rule of the problem."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from balancing_toys import brute_force, paths
from hypothesis import given, settings, strategies as st

from pygridjl.balancing import balance, build_problem, rms, set_sources
from pygridjl.balancing.check import check_assignment
from pygridjl.balancing.doubly_nonnegative import lifted_products
from pygridjl.balancing.set_search import SetSearch
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.jit import working_time
from pygridjl.core.result import Status
from pygridjl.solvers.scip import ScipModel

EXACT = {"rms": ("columns", "cuts", "scip"), "l1": ("columns", "cuts", "pathwise")}


def _agrees(result, best):
    assert result.status is Status.OPTIMAL
    assert result.objective == pytest.approx(best, rel=1e-6)
    assert result.bound <= best * (1 + 1e-9)
    assert result.gap <= 1e-6


@pytest.mark.parametrize(
    ("kind", "method"), [(kind, method) for kind, names in EXACT.items() for method in names]
)
def test_optimum_with_cardinality(kind, method):
    data = paths(7, 24, seed=4)
    best = brute_force(data, 3, kind, lambda x: np.bincount(x, minlength=3).max() <= 3)
    _agrees(balance(data, circuits=3, cardinality=3, measure=kind, method=method), best)


# Where there are more sets than may be listed, they are searched for.
SETS = {"listed": {}, "searched": {"max_sets": 1}}


@settings(max_examples=24, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(3, 6),
    case=st.sampled_from([("rms", "listed"), ("l1", "listed"), ("rms", "searched")]),
)
def test_columns_find_the_optimum_whatever_the_rules(seed, n, case):
    kind, sets = case
    rng = np.random.default_rng(seed)
    data = paths(n, 10, seed=seed)
    demand = rng.uniform(0.5, 2.0, n)
    start = rng.integers(2, size=n)
    room = np.array([0.75, 0.65]) * demand.sum()
    moves = int(rng.integers(1, n + 1))
    price = rng.uniform(0, 0.2, n)

    def allowed(x):
        load = np.bincount(x, weights=demand, minlength=2)
        return (load <= room).all() and (x != start).sum() <= moves and x[0] == start[0]

    best = brute_force(data, 2, kind, allowed, lambda x: price[x != start].sum())
    result = balance(
        data,
        circuits=["a", "b"],
        capacity=room,
        demand=demand,
        start=start,
        max_moves=moves,
        move_cost=price,
        fixed={"SP1": "ab"[start[0]]},
        measure=kind,
        method="columns",
        options=SETS[sets],
    )
    if best == np.inf:
        assert result.status is Status.INFEASIBLE
        assert result.assignment == {}
    else:
        _agrees(result, best)


@pytest.mark.parametrize(("n", "circuits", "cap"), [(12, 3, 4), (10, 5, 2)])
def test_searched_sets_prove_what_listed_ones_do(n, circuits, cap):
    data = paths(n, 24, seed=n)
    rules = {"circuits": circuits, "cardinality": cap, "method": "columns", "time_limit": 100}
    listed = balance(data, **rules)
    searched = balance(data, options=SETS["searched"], **rules)
    assert listed.status is searched.status is Status.OPTIMAL
    assert searched.objective == pytest.approx(listed.objective, rel=1e-9)
    assert searched.bound == pytest.approx(listed.bound, rel=1e-6)


def test_a_search_finds_the_sets_below_its_level_and_no_others():
    rng = np.random.default_rng(3)
    path, profit = rng.normal(size=(10, 14)), rng.uniform(1.0, 5.0, 10)
    demand = rng.uniform(0.5, 1.5, 10)
    allowed = np.array([0, 1, 2, 4, 5, 6, 8, 9])
    search = SetSearch(
        path @ path.T, profit, allowed, demand, 4.0, range(2, 5), level=-0.5, room=10_000
    )
    while not search.finished:
        search.go_on()
    wanted = {}
    for size in range(2, 5):
        for members in itertools.combinations(allowed.tolist(), size):
            chosen = list(members)
            value = np.linalg.norm(path[chosen].sum(axis=0)) - profit[chosen].sum()
            if value < -0.5 and demand[chosen].sum() <= 4.0:
                wanted[members] = value
    found = search.found()
    got = {
        tuple(sorted(m for m in row.tolist() if m < 10)): value
        for row, value in zip(found.members, found.value, strict=True)
    }
    assert len(got) == found.value.size > 20
    assert got == pytest.approx(wanted)

    # With little room the best are kept, and the level says down to where they are complete.
    small = SetSearch(path @ path.T, profit, allowed, demand, 4.0, range(2, 5), level=-0.5, room=12)
    while not small.finished:
        small.go_on()
    kept = small.found().value
    assert small.level < -0.5
    assert kept[kept < small.level] == pytest.approx(
        [v for v in sorted(wanted.values()) if v < small.level]
    )


@pytest.mark.parametrize("method", ["cuts", "pathwise", "scip"])
def test_rules_in_the_mixed_integer_programs(method):
    kind = "l1" if method == "pathwise" else "rms"
    data = paths(6, 12, seed=9)
    demand = np.array([1.0, 2.0, 1.5, 1.0, 0.5, 1.0])
    start = np.array([0, 0, 0, 1, 1, 1])

    def allowed(x):
        load = np.bincount(x, weights=demand, minlength=2)
        return load[0] <= 4.5 and load[1] <= 3.5 and (x != start).sum() <= 3 and x[2] != 1

    best = brute_force(data, 2, kind, allowed, lambda x: 0.05 * (x != start).sum())
    result = balance(
        data,
        circuits=2,
        capacity=[4.5, 3.5],
        demand=demand,
        start=start,
        max_moves=3,
        move_cost=0.05,
        forbidden=[("SP3", "C2")],
        measure=kind,
        method=method,
    )
    _agrees(result, best)


@pytest.mark.parametrize("kind", ["rms", "l1"])
def test_tail_over_draws(kind):
    data = paths(6, 6, seed=2, draws=5)
    rules = {"tail_weight": 0.7, "tail": 0.6}
    best = brute_force(data, 2, kind, lambda x: abs(x.sum() - 3) == 0, **rules)
    for method in ("cuts", "pathwise") if kind == "l1" else ("cuts", "scip"):
        result = balance(data, circuits=2, cardinality=3, measure=kind, method=method, **rules)
        _agrees(result, best)


def test_weights_that_depend_on_circuit_and_step():
    data, rng = paths(6, 5, seed=5), np.random.default_rng(6)
    weights = rng.uniform(0, 1, (3, 5))
    for kind in ("rms", "l1"):
        best = brute_force(data, 3, kind, weights=weights)
        for method in ("columns", "cuts"):
            result = balance(data, circuits=3, weights=weights, measure=kind, method=method)
            _agrees(result, best)


def test_infeasible_is_proven():
    # Three service points of 2 do not fit on two circuits of 3, though 6 of demand fits 6.
    result = balance(paths(3, 5), circuits=2, capacity=3.0, demand=[2.0, 2.0, 2.0], method="local")
    assert result.status is Status.INFEASIBLE
    assert result.bound is None
    assert "no assignment" in result.reason


def test_the_check_names_every_broken_rule():
    problem = build_problem(
        paths(4, 5),
        circuits=2,
        cardinality=2,
        capacity=2.5,
        demand=[1.0, 1.0, 1.0, 1.0],
        start=[0, 0, 1, 1],
        max_moves=0,
        forbidden=[("SP3", "C1")],
    )
    fields = {f.field for f in check_assignment(problem, np.array([0, 0, 0, 1]))}
    assert fields == {"circuit", "cardinality", "capacity", "max_moves"}
    assert check_assignment(problem, np.array([0, 0, 1, 1])) == []
    assert check_assignment(problem, np.array([0, 0, 1]))[0].field == "shape"


@pytest.mark.parametrize(
    ("method", "kind"), [("pathwise", "rms"), ("scip", "l1"), ("local+columns", "rms"), ("x", "l1")]
)
def test_methods_refuse_what_they_do_not_solve(method, kind):
    with pytest.raises(InvalidOptionError, match=r"pathwise|scip|columns|method"):
        balance(paths(4, 5), circuits=2, cardinality=2, measure=kind, method=method)


def test_unknown_options_are_refused_by_name():
    with pytest.raises(InvalidOptionError, match=r"no option 'bogus'.*kicks"):
        balance(paths(4, 5), circuits=2, cardinality=2, method="local", options={"bogus": 1})


def test_the_clock_ends_a_search_for_sets_in_time_whatever_form_its_kernel_has():
    # 7.5e10 sets a circuit; a search that is plain Python at first must look at the clock often.
    drawn = np.random.default_rng(0).normal(size=(60, 24))
    begun = working_time()
    result = balance(drawn, circuits=6, cardinality=10, method="columns", time_limit=3.0)
    assert working_time() - begun <= 3.0 * 1.05 + 2.0  # modules are imported in it too
    assert result.status is Status.TIME_LIMIT
    assert 0 < result.bound < result.objective


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(3, 9), size=st.integers(1, 4), exact=st.booleans())
def test_lifted_products_stay_below_every_set_and_their_bound_below_every_assignment(
    seed, n, size, exact
):
    data = np.random.default_rng(seed).normal(size=(n, 12)) + paths(n, 12, seed=seed)
    inner = data @ data.T
    size = min(size, n)
    lifted = lifted_products(inner, size, exact=exact, time_limit=60)
    if lifted is None:
        return
    assert lifted.sum() >= inner.sum()
    assert np.linalg.eigvalsh(lifted)[0] >= 0
    for k in range(size if exact else 1, size + 1):
        for members in itertools.combinations(range(n), k):
            x = np.isin(np.arange(n), members).astype(float)
            assert x @ lifted @ x <= x @ inner @ x * (1 + 1e-9)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), looks=st.integers(0, 6))
def test_a_search_that_is_stopped_bounds_what_it_has_not_seen(seed, looks):
    rng = np.random.default_rng(seed)
    path, profit = rng.normal(size=(11, 14)), rng.uniform(0.0, 5.0, 11)
    least = int(rng.integers(0, 4))
    search = SetSearch(
        path @ path.T, profit, np.arange(11), np.ones(11), 9.0, range(least, 6),
        level=-0.1, room=50,
    )  # fmt: skip
    for _ in range(looks):
        search.go_on()
    values = [
        np.linalg.norm(path[list(members)].sum(axis=0)) - profit[list(members)].sum()
        for size in range(least, 6)
        for members in itertools.combinations(range(11), size)
    ]
    assert search.floor() <= min(-0.1, *values) + 1e-9
    if search.finished:
        assert search.floor() == pytest.approx(min(-0.1, *values))


@pytest.mark.parametrize(("n", "circuits", "cap"), [(12, 3, 4), (10, 5, 2)])
def test_columns_ended_by_the_clock_keep_the_answer_of_the_search_and_a_bound_that_holds(
    n, circuits, cap, monkeypatch
):
    data = paths(n, 24, seed=n)
    rules = {"circuits": circuits, "cardinality": cap}
    proven = balance(data, method="scip", **rules)
    local = balance(data, method="local", **rules)
    assert proven.status is Status.OPTIMAL
    # The clock ends every search for sets before its first look.
    monkeypatch.setattr(set_sources.Searched, "price", _out_of_time(set_sources.Searched.price))
    ended = balance(data, method="columns", options=SETS["searched"], **rules)
    assert ended.objective <= local.objective * (1 + 1e-12)
    assert local.bound < ended.bound <= proven.objective * (1 + 1e-9)


def _out_of_time(price):
    def first_round(self, prices):
        self._run.deadline = 0.0
        return price(self, prices)

    return first_round


def test_a_program_that_takes_all_of_the_time_to_build_is_not_built(monkeypatch):
    clock = itertools.count(0.0, 100.0)
    monkeypatch.setattr(rms, "working_time", lambda: next(clock))
    monkeypatch.setattr(ScipModel, "solve", None)
    found = balance(paths(12, 24, seed=0), circuits=3, method="scip", time_limit=60.0)
    assert found.status is Status.TIME_LIMIT
    assert found.bound < found.objective
    assert any("not begun" in note for note in found.notes)
