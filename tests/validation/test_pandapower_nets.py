"""Nets of pandapower's, against pandapower's own power flow."""

from __future__ import annotations

import numpy as np
import pytest

from pygridjl import validate
from pygridjl.core.errors import NetworkFormatError
from pygridjl.grid.io import read_network
from pygridjl.grid.io.pandapower.net import from_pandapower

pytestmark = [pytest.mark.validation, pytest.mark.filterwarnings("ignore")]
pp = pytest.importorskip("pandapower")
networks = pytest.importorskip("pandapower.networks")

CABLE = "NA2XS2Y 1x185 RM/25 12/20 kV"


def small_net():
    """Tapped transformer with iron losses, parallel cables, switches of all kinds, a shunt."""
    net = pp.create_empty_network(sn_mva=2.0)
    bus = [pp.create_bus(net, 110 if i == 0 else 20) for i in range(7)]
    pp.create_ext_grid(net, bus[0], vm_pu=1.02)
    pp.create_transformer(net, bus[0], bus[1], "25 MVA 110/20 kV", tap_pos=3)
    for i in range(1, 5):
        pp.create_line(net, bus[i], bus[i + 1], 1.3 * i, CABLE, parallel=1 + i % 2)
    tie = pp.create_line(net, bus[1], bus[5], 2.0, CABLE)
    pp.create_switch(net, bus[1], tie, "l", closed=False)
    pp.create_switch(net, bus[5], tie, "l", closed=False)
    pp.create_switch(net, bus[5], bus[6], "b")
    pp.create_load(net, bus[6], 1.0, 0.3, scaling=0.7)
    pp.create_load(net, bus[2], 2.0, 0.5)
    pp.create_sgen(net, bus[3], 0.4, 0.1)
    pp.create_shunt(net, bus[4], -0.6, 0.01, vn_kv=21)
    return net


@pytest.mark.parametrize(
    "make",
    [
        small_net,
        networks.case33bw,
        networks.case9,
        networks.case14,
        networks.case57,
        networks.case118,
        networks.create_kerber_landnetz_freileitung_1,
    ],
)
def test_its_solution_solves_our_network(make):
    """Currents by our π-models at pandapower's voltages meet pandapower's injections."""
    net = make()
    network = from_pandapower(net)
    assert validate(network) == ()
    pp.runpp(net, trafo_model="pi", tolerance_mva=1e-10, calculate_voltage_angles=True)
    index = [int(i) for i in network.buses.id]
    angle = np.radians(net.res_bus.va_degree[index].to_numpy())
    v = net.res_bus.vm_pu[index].to_numpy() * np.exp(1j * angle)

    branch = network.branches
    current = (network.buses.gs + 1j * network.buses.bs) * v
    for k in np.flatnonzero(branch.closed):
        f, t = branch.from_bus[k], branch.to_bus[k]
        ratio = branch.tap[k] * np.exp(1j * branch.shift[k])
        behind, half = v[f] / ratio, 0.5j * branch.b[k]
        through = (behind - v[t]) / (branch.r[k] + 1j * branch.x[k])
        current[f] += (through + half * behind) / np.conj(ratio)
        current[t] += half * v[t] - through
    power = v * np.conj(current) * network.base_mva

    injected = -(network.load_p + 1j * network.load_q) * network.base_mva
    for unit, bus, active in zip(
        network.generators.id, network.generators.bus, network.generators.in_service, strict=True
    ):
        kind, number = unit.split()
        if active:
            result = net[f"res_{kind}"].loc[int(number)]
            injected[bus] += result.p_mw + 1j * result.q_mvar
    np.testing.assert_allclose(power, injected, atol=1e-6)


def test_switches_and_merged_buses():
    network = from_pandapower(small_net())
    assert network.n_bus == 6
    assert network.open_branches == (5,)
    assert network.branches.switchable.tolist() == [False] * 4 + [True, False]
    assert any("merged" in note for note in network.notes)


def test_open_ties_of_case33bw():
    assert from_pandapower(networks.case33bw()).open_branches == (33, 34, 35, 36, 37)


def test_costs_are_per_unit():
    net = networks.case9()
    network = from_pandapower(net)
    c2 = net.poly_cost.set_index("et").cp2_eur_per_mw2
    assert network.generators.cost[0, 0] == pytest.approx(c2["ext_grid"] * net.sn_mva**2)


def test_json_of_pandapower(tmp_path):
    pp.to_json(networks.case9(), str(tmp_path / "net.json"))
    assert read_network(tmp_path / "net.json").n_branch == 9
    head = '{"_module": "pandapower.auxiliary", "_class": "pandapowerNet", "_object": '
    (tmp_path / "net.json").write_text(head + '{"bus": 3}}')
    with pytest.raises(NetworkFormatError):
        read_network(tmp_path / "net.json")
