"""A network as a feeder of three balanced phases is the network."""

from __future__ import annotations

import numpy as np
import pytest

import pygridjl
from pygridjl.core.errors import InvalidNetworkError
from pygridjl.grid import validate_feeder
from pygridjl.grid.cases import get_case
from pygridjl.powerflow.feeder_sweep import feeder_power_flow
from pygridjl.reconfiguration import check_configuration


@pytest.mark.parametrize("name", ["case16ci", "case33bw", "case69", "case70da"])
def test_losses_and_voltages_are_those_of_newton(name):
    network = get_case(name)
    feeder = pygridjl.balanced_feeder(network)
    assert validate_feeder(feeder) == ()
    report = check_configuration(network, network.open_branches)
    flow = feeder_power_flow(feeder)
    assert flow.loss_kw == pytest.approx(report.loss_kw, rel=1e-8)
    size = np.abs(flow.v)
    assert size.min() == pytest.approx(report.v_min, abs=1e-8)
    np.testing.assert_allclose(size, size[:, :1] * np.ones(3), atol=1e-9)
    assert feeder.to_kw(feeder.load_p.sum()) == pytest.approx(
        1e3 * network.base_mva * network.load_p.sum()
        - (1e3 * network.base_mva * network.load_p[network.slack_buses[1:]].sum())
    )


def test_switches_keep_their_ids_and_states():
    network = get_case("case33bw")
    feeder = pygridjl.balanced_feeder(network)
    assert feeder.branches.id.tolist() == [str(i) for i in network.branches.id]
    opened = feeder.branches.id[~feeder.branches.closed].tolist()
    assert opened == [str(i) for i in network.open_branches]


def test_phase_shifts_are_refused():
    network = get_case("case9")
    shifted = network.replace(branches=network.branches.replace(shift=0.1))
    with pytest.raises(InvalidNetworkError, match="no phase shifts"):
        pygridjl.balanced_feeder(shifted)
