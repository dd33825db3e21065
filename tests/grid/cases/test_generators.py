"""Seeded random networks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from small_power_flow import power_flow

from pygridjl import validate
from pygridjl.core.errors import InvalidOptionError
from pygridjl.grid.cases import feeder_like, watts_strogatz

seeds = st.integers(0, 2**32)


def n_islands(network, rows=None):
    rows = slice(None) if rows is None else rows
    f, t = network.branches.from_bus[rows], network.branches.to_bus[rows]
    graph = coo_array((np.ones(len(f)), (f, t)), shape=(network.n_bus,) * 2)
    return connected_components(graph, directed=False, return_labels=False)


def assert_same_bytes(first, second):
    for table in ("buses", "branches", "generators", "loads"):
        for (name, a), (_, b) in zip(
            getattr(first, table).columns(), getattr(second, table).columns(), strict=True
        ):
            assert a.tobytes() == b.tobytes(), (table, name)


@settings(max_examples=50, deadline=None)
@given(
    n=st.integers(5, 200), share=st.floats(0, 0.9), seed=seeds, beta=st.sampled_from([0, 0.1, 1.0])
)
def test_small_worlds_are_connected_and_balanced(n, share, seed, beta):
    sources = 1 + int(share * (n - 2))
    network = watts_strogatz(n, sources=sources, seed=seed, beta=beta)
    assert validate(network) == ()
    assert network.n_branch == 2 * n
    assert n_islands(network) == 1
    assert len(network.generators) == sources
    assert len(network.loads) == n - sources
    assert network.generators.p.sum() == pytest.approx(network.loads.p.sum(), rel=1e-12)
    assert (network.generators.p > 0).all()
    pairs = np.sort(np.column_stack([network.branches.from_bus, network.branches.to_bus]), axis=1)
    assert len(np.unique(pairs, axis=0)) == network.n_branch


@settings(max_examples=20, deadline=None)
@given(n=st.integers(2, 400), seed=seeds, data=st.data())
def test_feeders_are_radial_and_sound_at_any_size(n, seed, data):
    substations = data.draw(st.none() | st.integers(1, n // 2))
    network = feeder_like(n, seed=seed, substations=substations)
    assert validate(network) == ()
    closed = network.branches.closed
    n_roots = len(network.slack_buses)
    assert closed.sum() == network.n_bus - n_roots
    assert n_islands(network, closed) == n_roots
    if network.loads.p.size:
        v, _ = power_flow(network)
        assert np.abs(v).min() >= 0.9


def test_large_feeder_is_sound_too():
    network = feeder_like(1000, seed=7, substations=1, ties=40)
    assert len(network.open_branches) == 40
    assert np.abs(power_flow(network, 30)[0]).min() >= 0.9
    q_to_p = network.loads.q / network.loads.p
    assert (np.cos(np.arctan(q_to_p)) > 0.849).all()
    x_to_r = network.branches.x / network.branches.r
    assert x_to_r.min() > 0.5
    assert x_to_r.max() < 2.5


def test_a_hundred_thousand_buses():
    network = feeder_like(100_000, seed=1)
    assert validate(network) == ()
    assert n_islands(network, network.branches.closed) == len(network.slack_buses)
    world = watts_strogatz(100_000, sources=1000, seed=1)
    assert n_islands(world) == 1


def test_same_seed_same_bytes():
    assert_same_bytes(feeder_like(500, seed=3), feeder_like(500, seed=3))
    first = watts_strogatz(100, sources=5, seed=3)
    assert_same_bytes(first, watts_strogatz(100, sources=5, seed=3))
    assert_same_bytes(first, watts_strogatz(100, sources=5, seed=np.random.default_rng(3)))
    assert (first.branches.r != watts_strogatz(100, sources=5, seed=4).branches.r).any()


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: watts_strogatz(10, sources=0, seed=1), "sources"),
        (lambda: watts_strogatz(10, sources=10, seed=1), "sources"),
        (lambda: watts_strogatz(10, sources=1, seed=1, k=3), "k must be even"),
        (lambda: watts_strogatz(4, sources=1, seed=1, k=4), "k must be even"),
        (lambda: watts_strogatz(10, sources=1, seed=1, beta=1.5), "beta"),
        (lambda: feeder_like(1, seed=1), "substations"),
        (lambda: feeder_like(10, seed=1, substations=6), "substations"),
        (lambda: feeder_like(10, seed=1, ties=-1), "ties"),
        (lambda: feeder_like(10, seed=1, ties=10_000), "ties"),
    ],
)
def test_numbers_that_do_not_fit(make, word):
    with pytest.raises(InvalidOptionError, match=word):
        make()


def test_a_ring_that_falls_apart_is_an_error(monkeypatch):
    monkeypatch.setattr("pygridjl.grid.cases.generators.small_world._ATTEMPTS", 1)
    with pytest.raises(InvalidOptionError, match="no connected network in 1 attempts"):
        watts_strogatz(5000, sources=1, seed=1, k=2, beta=1.0)
