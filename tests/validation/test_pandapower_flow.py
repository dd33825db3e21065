"""Networks that pandapower ships: our power flow against theirs, or a refusal by name."""

from __future__ import annotations

import numpy as np
import pytest

from pygridjl.core.errors import NetworkFormatError
from pygridjl.grid.io.pandapower.net import from_pandapower
from pygridjl.powerflow.newton import newton_power_flow

pytestmark = [pytest.mark.validation, pytest.mark.filterwarnings("ignore")]
pp = pytest.importorskip("pandapower")
networks = pytest.importorskip("pandapower.networks")

SMALL = (
    "case4gs case5 case6ww case9 case14 case24_ieee_rts case30 case_ieee30 case33bw case39 case57 "
    "case89pegase case118 case_illinois200 case300 GBreducednetwork iceland "
    "create_cigre_network_hv create_cigre_network_lv create_kerber_landnetz_freileitung_1 "
    "create_kerber_landnetz_kabel_1 create_kerber_dorfnetz"
)
LARGE = "case1354pegase case1888rte case2848rte case2869pegase GBnetwork case6470rte case6515rte"


def compare(make):
    net = make()
    network = from_pandapower(net)
    pp.runpp(
        net, trafo_model="pi", tolerance_mva=1e-9, calculate_voltage_angles=True, max_iteration=50
    )
    ours = newton_power_flow(network, reactive_limits=False)
    theirs = net.res_bus.vm_pu.loc[[int(i) for i in network.buses.id]].to_numpy()
    loss = 1e3 * sum(net[f"res_{kind}"].pl_mw.sum() for kind in ("line", "trafo", "impedance"))
    np.testing.assert_allclose(np.abs(ours.v), theirs, atol=1e-6)
    # 1e-6 kW, or what their own tolerance of 1e-6 kW a bus leaves of a loss of gigawatts.
    assert ours.loss_kw == pytest.approx(loss, abs=1e-6, rel=1e-9)


@pytest.mark.parametrize("name", SMALL.split())
def test_power_flow(name):
    compare(getattr(networks, name))


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE.split())
def test_power_flow_of_large_networks(name):
    compare(getattr(networks, name))


def test_a_refusal_names_table_row_and_column():
    with pytest.raises(NetworkFormatError, match=r"trafo3w: 0, field 'in_service'"):
        from_pandapower(networks.example_multivoltage())


def test_an_open_tie_of_buses_can_close():
    net = networks.case33bw()
    bus = pp.create_bus(net, 12.66)
    pp.create_switch(net, 17, bus, "b", closed=False)
    pp.create_switch(net, 32, bus, "b", closed=True)
    network = from_pandapower(net)
    assert len(network.branches) == 38
    assert not network.branches.closed[-1]
    assert network.branches.switchable[-1]


def test_storages_wards_and_loading_limits():
    net = networks.case33bw()
    pp.create_storage(net, 5, 0.0, 1.0)
    pp.create_storage(net, 6, 0.3, 1.0, q_mvar=0.1)
    pp.create_ward(net, 7, 0.1, 0.05, 0.02, -0.01)
    pp.create_sgen(net, 8, 0.2, 0.0, scaling=0.5)
    net.line["max_loading_percent"] = 50.0
    network = from_pandapower(net)
    assert any("1 idle storages" in note for note in network.notes)
    before = from_pandapower(networks.case33bw())
    np.testing.assert_allclose(network.branches.rating, before.branches.rating / 2)
    pp.runpp(net, tolerance_mva=1e-9)
    ours = newton_power_flow(network)
    np.testing.assert_allclose(np.abs(ours.v), net.res_bus.vm_pu.to_numpy(), atol=1e-8)
