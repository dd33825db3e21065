"""Restoration against every state of the switches of small networks, and on published cases."""

import itertools

import networkx as nx
import numpy as np
import pytest
from builders import random_network
from hypothesis import given, settings, strategies as st

import pygridjl
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.result import Status
from pygridjl.powerflow.newton import newton_power_flow


def judged(network, states):
    """(supplied load, AC limits kept) of switch states, or None if the live part is not radial."""
    branch = network.branches
    graph = nx.MultiGraph()
    graph.add_nodes_from(range(network.n_bus))
    rows = np.flatnonzero(states)
    graph.add_edges_from(zip(branch.from_bus[rows], branch.to_bus[rows], strict=True))
    roots = network.slack_buses.tolist()
    live = set()
    for root in roots:
        part = nx.node_connected_component(graph, root)
        if live & part or graph.subgraph(part).number_of_edges() != len(part) - 1:
            return None
        live |= part
    keep = np.array(sorted(live))
    inside = np.array([k for k in rows if int(branch.from_bus[k]) in live], dtype=int)
    if not inside.size:
        return float(network.load_p[keep].sum()) * network.base_mva * 1e3, True
    place = {int(bus): k for k, bus in enumerate(keep)}
    small = branch.take(inside).replace(
        from_bus=[place[int(branch.from_bus[k])] for k in inside],
        to_bus=[place[int(branch.to_bus[k])] for k in inside],
        closed=True,
    )
    part = pygridjl.Network(
        "live",
        network.base_mva,
        network.buses.take(keep),
        small,
        network.generators.replace(bus=[place[int(b)] for b in network.generators.bus]),
        pygridjl.Loads(
            id=network.buses.id[keep],
            bus=np.arange(keep.size),
            p=network.load_p[keep],
            q=network.load_q[keep],
        ),
    )
    flow = newton_power_flow(part)
    kept = bool((abs(flow.v) >= part.buses.v_min - 1e-9).all())
    return float(network.load_p[keep].sum()) * network.base_mva * 1e3, kept


def brute_force(network, fault):
    """Most load, then fewest operations, over all states of the switches."""
    today = network.branches.closed.copy()
    today[network.branches.id == fault] = False
    free = np.flatnonzero(network.branches.id != fault)
    best = (-1.0, 0)
    for bits in itertools.product((False, True), repeat=free.size):
        states = np.zeros(network.n_branch, dtype=bool)
        states[free] = bits
        outcome = judged(network, states)
        if outcome is not None and outcome[1]:
            rank = (round(outcome[0], 6), -int((states != today).sum()))
            best = max(best, rank)
    return best[0], -best[1]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.93, 0.999))
def test_against_every_state_of_the_switches(seed, least):
    network = random_network(seed, n=5, extra=2)
    network = network.replace(buses=network.buses.replace(v_min=least))
    fault = int(network.branches.id[network.branches.closed][seed % 4])
    load, operations = brute_force(network, fault)
    answer = pygridjl.restore(network, fault, limits=("voltage",))
    assert answer.status is Status.OPTIMAL
    assert answer.objective == pytest.approx(load, abs=1e-6)
    assert answer.bound == pytest.approx(load, rel=1e-6, abs=1e-3)
    assert answer.operations == answer.operations_bound == operations


@pytest.mark.parametrize(("fault", "dark"), [(18, False), (1, True)])
def test_case33bw(fault, dark):
    network = pygridjl.load_network("case33bw")
    answer = pygridjl.restore(network, fault, limits=())
    assert answer.status is Status.OPTIMAL
    assert (answer.lost_kw > 0) is dark
    total = float(network.load_p.sum()) * network.base_mva * 1e3
    assert answer.objective + answer.lost_kw == pytest.approx(total)
    if dark:
        # The one branch that leaves the substation.
        assert answer.operations == 0
        assert len(answer.dark_buses) == 32
    else:
        assert answer.operations == 1
        assert answer.lost_by_fault_kw == pytest.approx(360.0)
        assert "still dark" in answer.summary()


@pytest.mark.slow
@pytest.mark.parametrize("case", ["case33bw", "case70da", "case94tpc", "case136ma"])
def test_standard_cases_are_proven(case):
    network = pygridjl.load_network(case)
    for fault in network.branches.id[network.branches.closed][:: network.n_branch // 4]:
        answer = pygridjl.restore(network, int(fault), limits=("ampacity",), time_limit=60)
        assert answer.status is Status.OPTIMAL


@pytest.mark.parametrize("fault", [18, 1])
def test_a_picture_with_and_without_dark_buses(fault, tmp_path):
    network = pygridjl.load_network("case33bw")
    answer = pygridjl.restore(network, fault, limits=())
    picture = answer.plot(network, tmp_path / "restored.svg")
    assert picture.read_text().count("<svg") == 1


def test_what_cannot_be_used_is_refused():
    network = pygridjl.load_network("case33bw")
    with pytest.raises(InvalidOptionError, match="no branch 99"):
        pygridjl.restore(network, 99)
    with pytest.raises(InvalidOptionError, match="branch 33 is open"):
        pygridjl.restore(network, 33)
    with pytest.raises(InvalidOptionError, match="injects reactive power"):
        pygridjl.restore(pygridjl.load_network("case16ci"), 1)


def test_an_answer_within_the_limits_is_there_when_time_ends():
    # Today's voltages break their band, so even what the fault leaves supplied must shed.
    network = pygridjl.load_network("case118zh")
    fault = 1
    answer = pygridjl.restore(network, fault, time_limit=12)
    assert answer.status is Status.TIME_LIMIT
    states = network.branches.closed & (network.branches.id != fault)
    states &= ~np.isin(network.branches.id, answer.switched_open)
    states |= np.isin(network.branches.id, answer.switched_closed)
    load, kept = judged(network, states)
    assert kept
    assert load == pytest.approx(answer.objective)
    assert 0 < answer.objective <= answer.bound
