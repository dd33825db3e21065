"""A configuration back in pandapower has the losses that we computed."""

from __future__ import annotations

import copy

import pytest

import pygridjl
from pygridjl.core.errors import InvalidOptionError
from pygridjl.powerflow.newton import newton_power_flow

pytestmark = [pytest.mark.validation, pytest.mark.filterwarnings("ignore")]
pp = pytest.importorskip("pandapower")
networks = pytest.importorskip("pandapower.networks")
nets_equal = pytest.importorskip("pandapower.toolbox").nets_equal


def losses_of(net):
    pp.runpp(
        net,
        trafo_model="pi",
        tolerance_mva=1e-9,
        calculate_voltage_angles=True,
        numba=False,
    )
    return 1e3 * (net.res_line.pl_mw.sum() + net.res_trafo.pl_mw.sum())


@pytest.mark.parametrize("name", ["case33bw", "create_cigre_network_mv", "simple_mv_open_ring_net"])
def test_losses_after_the_way_back(name):
    net = getattr(networks, name)()
    before = copy.deepcopy(net)
    network = pygridjl.from_pandapower(net)
    # Some stand at their best already: one tie has to close.
    closed = network.open_branches[:1]
    result = pygridjl.reconfigure(network, limits=(), time_limit=5, keep_closed=closed)
    assert result.switched_open
    answer = pygridjl.to_pandapower(net, result.open_branches)
    # What the net says of itself, not what our model says of the change.
    again = pygridjl.from_pandapower(answer)
    assert losses_of(answer) == pytest.approx(
        newton_power_flow(again, reactive_limits=False).loss_kw, abs=1e-6
    )
    # A line that is opened may charge from one end afterwards, which the search leaves out.
    assert losses_of(answer) == pytest.approx(result.loss_kw, rel=2e-3)
    assert nets_equal(net, before)
    assert list(answer.line.name) == list(net.line.name)


def test_the_base_state_changes_nothing():
    net = networks.create_cigre_network_mv()
    network = pygridjl.from_pandapower(net)
    assert nets_equal(pygridjl.to_pandapower(net, network.open_branches), net)


def test_an_unknown_branch_is_refused():
    with pytest.raises(InvalidOptionError, match="no branch 999"):
        pygridjl.to_pandapower(networks.case33bw(), [999])
