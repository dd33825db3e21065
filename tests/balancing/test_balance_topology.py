"""Voltage limits: LinDistFlow against the AC equations, optima against trying everything."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from balancing_toys import brute_force, paths

from pygridjl.balancing import couple, feeder_problem, solve_problem
from pygridjl.core.errors import InvalidBalancingError
from pygridjl.core.result import Status
from pygridjl.grid.network import Branches, Buses, Generators, Loads, Network
from pygridjl.powerflow.newton import newton_power_flow


def _feeders(m, length, *, v_min=0.0, r=0.02):
    """Chains of buses s0-0, s0-1 … for each circuit, ties between neighbours' ends open."""
    names = [f"s{i}-{k}" for i in range(m) for k in range(length)]
    tail = [i * length + k for i in range(m) for k in range(length - 1)]
    head = [t + 1 for t in tail]
    ties = [(i * length + length - 1, (i + 1) % m * length + length - 1) for i in range(m)]
    count = len(tail)
    both = np.array(ties) if m > 2 else np.array(ties[:1])
    closed = np.append(np.ones(count, bool), np.zeros(len(both), bool))
    roots = np.arange(m) * length
    return Network(
        "chains",
        1.0,
        Buses(id=np.array(names), v_min=v_min),
        Branches(
            id=np.arange(count + len(both)) + 1,
            from_bus=np.append(tail, both[:, 0]),
            to_bus=np.append(head, both[:, 1]),
            r=r,
            x=r / 2,
            closed=closed,
        ),
        Generators(id=np.array([f"g{i}" for i in range(m)]), bus=roots, v_set=1.02, slack=True),
        Loads(id=np.array(["own"]), bus=np.array([1]), p=np.array([0.05]), q=np.array([0.01])),
    )


def _lowest(coupling, place):
    """Lowest squared voltage over buses and steps."""
    return min(
        tree.voltages(np.where((place == i)[:, None], coupling.load, 0.0)).min()
        for i, tree in enumerate(coupling.trees)
    )


def _coupled(n, m, length, steps, *, v_min, seed=0, r=0.02):
    rng = np.random.default_rng(seed)
    circuits = [f"s{i}-0" for i in range(m)]
    connection = [
        {line: f"s{i}-{rng.integers(1, length)}" for i, line in enumerate(circuits)}
        for _ in range(n)
    ]
    return couple(
        _feeders(m, length, v_min=v_min, r=r),
        connection,
        rng.uniform(0.02, 0.12, (n, steps)),
        circuits=circuits,
        service_points=[f"SP{j + 1}" for j in range(n)],
    )


def test_voltages_are_those_of_the_ac_equations_for_small_loads():
    coupling = _coupled(6, 2, 4, 1, v_min=0.0, seed=1)
    place = np.array([0, 1, 0, 1, 1, 0])
    network = coupling.network
    p, q = network.load_p.copy(), network.load_q.copy()
    for j, i in enumerate(place):
        p[coupling.connection[j, i]] += coupling.load[j, 0]
        q[coupling.connection[j, i]] += coupling.tan_phi * coupling.load[j, 0]
    loaded = Network(
        "loaded", 1.0, network.buses, network.branches, network.generators,
        Loads(id=network.buses.id, bus=np.arange(network.n_bus), p=p, q=q),
    )  # fmt: skip
    ac = np.abs(newton_power_flow(loaded).v)
    for i, tree in enumerate(coupling.trees):
        u = tree.voltages(np.where((place == i)[:, None], coupling.load, 0.0))[:, 0]
        assert np.sqrt(u) == pytest.approx(ac[tree.buses], abs=5e-4)
        assert (np.sqrt(u) >= ac[tree.buses] - 1e-12).all()


def test_the_program_finds_the_optimum_under_voltage_limits():
    free = _coupled(6, 2, 4, 3, v_min=0.0, seed=2)
    every = [np.array(x) for x in itertools.product((0, 1), repeat=6)]
    # A band that a tenth of all assignments keep.
    band = np.sqrt(np.quantile([_lowest(free, x) for x in every], 0.9))
    coupling = _coupled(6, 2, 4, 3, v_min=band, seed=2)
    rules = {"circuits": ["s0-0", "s1-0"], "cardinality": 4}

    def fits(x):
        return np.bincount(x, minlength=2).max() <= 4

    binding = 0
    for seed in (3, 4, 5):
        data = paths(6, 12, seed=seed)
        best = brute_force(data, 2, "rms", lambda x: fits(x) and not coupling.findings(x))
        binding += best > brute_force(data, 2, "rms", fits) * (1 + 1e-3)
        problem = feeder_problem(coupling, data, **rules)
        exact = solve_problem(problem, "cuts")
        assert exact.status is Status.OPTIMAL
        assert exact.objective == pytest.approx(best, rel=1e-6)
        near = solve_problem(problem, "local")
        assert near.objective >= best * (1 - 1e-9)
        assert near.bound <= best
    assert binding


def test_limits_that_nothing_keeps_are_proven():
    coupling = _coupled(4, 2, 3, 2, v_min=1.019, seed=4)
    problem = feeder_problem(coupling, paths(4, 6), circuits=["s0-0", "s1-0"])
    assert solve_problem(problem, "cuts").status is Status.INFEASIBLE
    assert solve_problem(problem, "local").status is Status.NOT_FOUND


def test_local_search_on_large_feeders_keeps_the_band():
    coupling = _coupled(120, 4, 30, 24, v_min=0.0, seed=5, r=3e-4)
    rules = {"circuits": [f"s{i}-0" for i in range(4)], "cardinality": 40}
    data = paths(120, 24, seed=6)
    start = np.zeros(120, dtype=int)
    start[30:60], start[60:90], start[90:] = 1, 2, 3
    free = feeder_problem(coupling, data, start=start, **rules)
    free = solve_problem(free, "local", options={"kicks": 0})
    # A band that today's assignment just breaks: the search must first repair it.
    band = np.sqrt(_lowest(coupling, start)) + 0.002
    tight = _coupled(120, 4, 30, 24, v_min=band, seed=5, r=3e-4)
    assert tight.findings(start)
    result = solve_problem(
        feeder_problem(tight, data, start=start, **rules), "local", options={"kicks": 0}
    )
    assert result.status is Status.FEASIBLE
    place = np.array([rules["circuits"].index(c) for c in result.assignment.values()])
    assert tight.findings(place) == []
    assert result.objective >= free.bound
    assert result.objective < result.rms_before


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"circuits": ["s0-0", "s1-1"]}, "circuit s1-1 substation: is no slack bus"),
        ({"connection": [{"s0-0": "s1-1"}]}, "bus s1-1 does not lie on circuit s0-0"),
        ({"connection": [{"s0-0": "nowhere"}]}, "bus nowhere does not lie"),
        ({"load": [1.0, 2.0]}, r"load: must be finite numbers of shape \(1, n_time\)"),
    ],
)
def test_connections_that_cannot_be(change, says):
    given = {
        "connection": [{"s0-0": "s0-1"}],
        "load": [[0.1]],
        "circuits": ["s0-0", "s1-0"],
        "service_points": ["a"],
        **change,
    }
    with pytest.raises(InvalidBalancingError, match=says):
        couple(_feeders(2, 3), given.pop("connection"), given.pop("load"), **given)


def test_meshed_networks_are_refused():
    network = _feeders(2, 3)
    meshed = Network(
        "meshed", 1.0, network.buses, network.branches.replace(closed=True),
        network.generators, network.loads,
    )  # fmt: skip
    with pytest.raises(InvalidBalancingError, match="closes a loop or joins two circuits"):
        couple(meshed, [{}], [[0.1]], circuits=["s0-0", "s1-0"], service_points=["a"])
