"""What hangs behind branches with a gain, moved to the phases that feed it."""

import numpy as np
import pytest
from feeder_builders import random_feeder, two_bus_feeder, with_services
from hypothesis import given, settings, strategies as st

from pygridjl.bridge.problems.feeder_opf import feeder_tables
from pygridjl.core.errors import InvalidNetworkError
from pygridjl.grid import FeederGenerators, validate_feeder
from pygridjl.grid.services import lump_services
from pygridjl.powerflow.lindistflow import LinDistFlow3


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_flows_before_them_stay(seed):
    rng = np.random.default_rng(seed)
    feeder = with_services(random_feeder(rng, 8), rng)
    unit = FeederGenerators(
        id=["roof"], bus=[feeder.n_bus - 1], p=[[0.01, 0.02, 0.03]], s_max=[[1, 2, 3]]
    )
    feeder = feeder.replace(generators=feeder.generators.join(unit))
    lumped = lump_services(feeder)
    assert validate_feeder(lumped) == ()
    assert not lumped.branches.mixing.any()
    assert lumped.buses.id.tolist() == [b for b in feeder.buses.id if b.startswith("bus")]
    assert lumped.load_p.sum() == pytest.approx(feeder.load_p.sum())
    assert np.abs(lumped.generators.s_max).sum() >= 1.0
    ours, theirs = ({}, {})
    for found, grid in ((ours, lumped), (theirs, feeder)):
        P, Q = LinDistFlow3(grid).flows(*grid.injection())
        found.update(zip(grid.node_ids, P + 1j * Q, strict=True))
    for name, flow in ours.items():
        assert flow == pytest.approx(theirs[name], abs=1e-12)
    assert any(
        "6 branches with a gain and the 12 buses behind them" in note for note in lumped.notes
    )


def test_a_feeder_without_them_stays_itself():
    feeder = two_bus_feeder()
    assert lump_services(feeder) is feeder


def test_what_goes_to_julia_has_none():
    feeder = with_services(two_bus_feeder(), np.random.default_rng(0), ["tapped"])
    with pytest.raises(InvalidNetworkError, match=r"branch unit0 gain: .*lump_services=True"):
        feeder_tables(feeder, np.arange(feeder.n_branch))
    feeder_tables(lump_services(feeder), np.arange(1))
