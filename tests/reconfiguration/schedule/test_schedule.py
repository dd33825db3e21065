"""Schedules against trying every sequence of configurations."""

import itertools
import json

import numpy as np
import pytest
from builders import random_network, spanning_trees
from click.testing import CliRunner
from hypothesis import given, settings, strategies as st

import pygridjl
from pygridjl.cli import cli
from pygridjl.core import stopping
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.result import Status
from pygridjl.reconfiguration.build import build_problem
from pygridjl.reconfiguration.certificates.enumeration import trees_below
from pygridjl.reconfiguration.schedule import solve
from pygridjl.reconfiguration.schedule.periods import split_periods
from pygridjl.reconfiguration.states.evaluate import StatesEvaluator
from pygridjl.reconfiguration.states.moments import problem_of_states


def changing_states(network, periods, each, seed):
    """Load that moves about the network from period to period."""
    rng = np.random.default_rng(seed)
    factor = np.repeat(rng.uniform(0.05, 3.0, (periods, network.n_bus)), each, axis=0)
    factor *= rng.uniform(0.8, 1.2, factor.shape)
    count = periods * each
    return pygridjl.LoadStates(
        factor * network.load_p, factor * network.load_q, rng.uniform(0.5, 2.0, count)
    )


def best_of_all(network, states, names, *, price, most=None, each=None, limits=()):
    """Least energy and switching of all sequences of trees, kWh, by looking at every one."""
    problem = build_problem(network, limits=limits)
    trees = spanning_trees(problem)
    today = network.branches.closed[problem.branch]
    costs = []
    for part in split_periods(states, names):
        hours = part.states.hours
        case = problem_of_states(problem, part.states)
        keeps = StatesEvaluator(case).keeps if limits else lambda tree: True
        cost = []
        for tree in trees:
            losses = [
                build_problem(
                    part.states.network_of(network, (part.states.p[s], part.states.q[s])), limits=()
                ).objective(tree)
                for s in range(len(hours))
            ]
            cost.append(float(hours @ losses) if keeps(tree) else np.inf)
        costs.append(cost)
    apart = np.array([[int((a != b).sum()) for b in trees] for a in trees])
    first = np.array([int((today != b).sum()) for b in trees])
    best = np.inf
    for way in itertools.product(range(len(trees)), repeat=len(costs)):
        steps = [first[way[0]], *(apart[a, b] for a, b in itertools.pairwise(way))]
        if (most is not None and sum(steps) > most) or (each is not None and max(steps) > each):
            continue
        best = min(best, sum(c[k] for c, k in zip(costs, way, strict=True)) + price * sum(steps))
    return best


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32),
    st.sampled_from([0.0, 0.3, 3.0, 30.0]),
    st.sampled_from([None, 0, 2, 4, 6]),
    st.sampled_from([None, 2, 4]),
)
def test_proves_the_best_of_all_sequences(seed, share, most, each):
    network = random_network(seed, n=6, extra=2, substations=1 + seed % 2)
    states = changing_states(network, 3, 2, seed)
    scale = pygridjl.reconfigure(network, "base", states=states, limits=()).objective
    price = share * 1e-2 * scale * float(states.hours.sum())
    names = np.repeat(["night", "day", "evening"], 2)
    best = best_of_all(network, states, names, price=price, most=most, each=each)
    rules = {"max_operations": most, "max_operations_each": each, "operation_cost": price}
    plan = pygridjl.schedule(network, states, names, limits=(), **rules)
    if not np.isfinite(best):
        assert plan.status is Status.INFEASIBLE
        return
    assert plan.status is Status.OPTIMAL
    assert plan.objective == pytest.approx(best, rel=1e-8)
    assert plan.bound <= best * (1 + 1e-9)
    if plan.one_configuration is not None:
        assert plan.objective <= plan.one_configuration * (1 + 1e-9)
    assert plan.periods == ("night", "day", "evening")
    at = [set(network.open_branches), *map(set, plan.open_branches)]
    assert plan.operations == tuple(len(a ^ b) for a, b in itertools.pairwise(at))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32))
def test_where_switching_is_dear_one_configuration_is_the_schedule_to_the_last_digit(seed):
    network = random_network(seed, n=6, extra=2)
    states = changing_states(network, 3, 2, seed)
    plan = pygridjl.schedule(network, states, 3, limits=(), operation_cost=1e3)
    assert len(set(plan.open_branches)) == 1
    # Rounding must not make a schedule look dearer than what it contains.
    assert plan.bound <= plan.objective == plan.one_configuration


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.6, 0.98))
def test_limits_hold_in_every_state_of_a_period(seed, quantile):
    network = random_network(seed, n=6, extra=2)
    states = changing_states(network, 3, 1, seed)
    # A limit that some configurations break in some period.
    free = pygridjl.schedule(network, states, 3, limits=())
    low = float(np.quantile(free.v_min, quantile))
    buses = network.buses
    tight = network.replace(
        buses=type(buses)(id=buses.id, v_min=np.full(network.n_bus, low), v_max=buses.v_max)
    )
    best = best_of_all(tight, states, ["1", "2", "3"], price=0.0, limits=("voltage",))
    plan = pygridjl.schedule(tight, states, 3, limits=("voltage",))
    if np.isfinite(best):
        assert plan.status is Status.OPTIMAL
        assert plan.objective == pytest.approx(best, rel=1e-8)
        assert plan.v_min.min() >= low - 1e-6
    else:
        assert plan.status is Status.INFEASIBLE


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.floats(0, 1))
def test_trees_below_a_loss_are_all_there_are(seed, place):
    problem = build_problem(random_network(seed, n=7, extra=3), limits=())
    trees = {tree.tobytes(): problem.objective(tree) for tree in spanning_trees(problem)}
    losses = np.sort(list(trees.values()))
    limit = losses[0] + place * (losses[-1] - losses[0])
    found = trees_below(problem, limit, most=10**6, deadline=np.inf)
    listed = {tree.tobytes() for tree in found.closed}
    assert listed <= set(trees)
    assert len(listed) == len(found.closed)
    assert {key for key, loss in trees.items() if loss <= limit} <= listed
    left = [loss for key, loss in trees.items() if key not in listed]
    assert found.complete_to <= min(left, default=np.inf) * (1 + 1e-9)
    few = trees_below(problem, limit, most=2, deadline=np.inf)
    left = [loss for key, loss in trees.items() if key not in {t.tobytes() for t in few.closed}]
    assert few.complete_to <= min(left, default=np.inf) * (1 + 1e-9)


def test_the_clock_leaves_a_bound():
    network = pygridjl.load_network("case136ma")
    states = changing_states(network, 6, 1, 3)
    cut = pygridjl.schedule(network, states, 6, limits=(), operation_cost=1.0, time_limit=0.05)
    best = pygridjl.schedule(network, states, 6, limits=(), operation_cost=1.0)
    assert cut.bound <= best.objective * (1 + 1e-9)
    assert best.bound <= best.objective
    if cut.objective is not None:
        assert cut.objective >= best.bound * (1 - 1e-9)


def test_what_is_known_of_one_configuration_is_held_as_a_schedule(monkeypatch):
    """The search for it counts kW, and its bound is none on schedules."""
    network = pygridjl.load_network("case33bw")
    states = changing_states(network, 3, 2, 0)
    ask = {"limits": (), "operation_cost": 2.0}
    whole = pygridjl.schedule(network, states, 3, **ask)

    def broken_off(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(solve.Stage, "begin", broken_off)
    with pytest.raises(KeyboardInterrupt), stopping.answering():
        pygridjl.schedule(network, states, 3, **ask)
    held = stopping.held()
    stopping.forget()
    assert "bound" not in held
    assert len(held["open_branches"]) == 3
    assert held["objective"] == pytest.approx(whole.one_configuration, rel=1e-6)


def test_after_the_clock_only_what_is_known_to_keep_the_limits_is_taken(monkeypatch):
    network = random_network(6, n=6, extra=2)
    states = changing_states(network, 3, 1, 6)
    low = 0.999 * float(pygridjl.schedule(network, states, 3, limits=()).v_min.min())
    buses = network.buses
    tight = network.replace(
        buses=type(buses)(id=buses.id, v_min=np.full(network.n_bus, low), v_max=buses.v_max)
    )
    best = pygridjl.schedule(tight, states, 3, limits=("voltage",))
    plain = solve._kept
    monkeypatch.setattr(solve, "_kept", lambda stages, rules, _: plain(stages, rules, -np.inf))
    plan = pygridjl.schedule(tight, states, 3, limits=("voltage",), time_limit=0.5)
    assert plan.status is Status.TIME_LIMIT
    assert plan.objective == pytest.approx(plan.one_configuration)
    assert plan.bound <= best.objective < plan.objective
    assert plan.v_min.min() >= low - 1e-6


def test_what_cannot_be_used_is_refused():
    network = pygridjl.load_network("case33bw")
    states = changing_states(network, 2, 1, 0)
    for arguments, text in (
        ({"periods": 3}, "periods: must be 1 to 2"),
        ({"periods": ["a"]}, "1 names for 2 load states"),
        ({"periods": 2, "max_operations": -1}, "max_operations: must be a whole number"),
        ({"periods": 2, "operation_cost": -1.0}, "operation_cost: must be kWh"),
        ({"periods": 2, "time_limit": 0}, "time_limit: must be positive"),
    ):
        with pytest.raises(InvalidOptionError, match=text):
            pygridjl.schedule(network, states, **arguments)


def test_a_name_that_comes_back_is_another_period():
    network = pygridjl.load_network("case33bw")
    states = changing_states(network, 3, 1, 0)
    parts = split_periods(states, ["winter", "summer", "winter"])
    assert [part.name for part in parts] == ["winter", "summer", "winter (2)"]


def test_on_the_command_line(tmp_path):
    table = tmp_path / "day.csv"
    table.write_text("hours,load\n6,0.4\n6,1.0\n6,0.9\n6,0.6\n")
    ask = ["schedule", "case33bw", "--states", str(table), "--periods", "2"]
    picture = tmp_path / "plan.png"
    answer = CliRunner().invoke(cli, [*ask, "--plot", str(picture), "--operation-cost", "2"])
    assert answer.exit_code == 0, answer.output
    assert "proven bound" in answer.output
    assert picture.stat().st_size > 1000
    answer = CliRunner().invoke(cli, [*ask, "--max-operations", "0", "--json", "--limit", "none"])
    found = json.loads(answer.stdout)
    assert found["operations"] == [0, 0]
    assert found["open_branches"] == [[33, 34, 35, 36, 37]] * 2
