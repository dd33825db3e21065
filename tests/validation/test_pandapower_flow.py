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

QUICK = (
    "case9 case14 case33bw case57 case145 case300 create_cigre_network_mv "
    "example_simple simple_mv_open_ring_net"
)
# All others that pandapower ships and solves itself (of case11_iwamoto it finds no solution).
OTHERS = (
    "case4gs case5 case6ww case24_ieee_rts case30 case_ieee30 case39 case89pegase case118 "
    "case_illinois200 iceland create_cigre_network_hv create_cigre_network_lv "
    "create_dickert_lv_network create_kerber_dorfnetz create_kerber_landnetz_freileitung_1 "
    "create_kerber_landnetz_freileitung_2 create_kerber_landnetz_kabel_1 "
    "create_kerber_landnetz_kabel_2 create_kerber_vorstadtnetz_kabel_1 "
    "create_kerber_vorstadtnetz_kabel_2 create_synthetic_voltage_control_lv_network "
    "four_loads_with_branches_out ieee_european_lv_asymmetric kb_extrem_dorfnetz "
    "kb_extrem_dorfnetz_trafo kb_extrem_landnetz_freileitung kb_extrem_landnetz_freileitung_trafo "
    "kb_extrem_landnetz_kabel kb_extrem_landnetz_kabel_trafo kb_extrem_vorstadtnetz_1 "
    "kb_extrem_vorstadtnetz_2 kb_extrem_vorstadtnetz_trafo_1 kb_extrem_vorstadtnetz_trafo_2 "
    "lv_schutterwald panda_four_load_branch simple_four_bus_system GBnetwork case1354pegase "
    "GBreducednetwork example_multivoltage mv_oberrhein "
    "case1888rte case2848rte case2869pegase case3120sp case6470rte case6495rte case6515rte "
    "case9241pegase"
)


def compare(net, tolerance_mva=1e-9):
    """Voltages to 1e-6 p.u., losses to 1e-6 kW."""
    network = from_pandapower(net)
    pp.runpp(
        net,
        trafo_model="pi",
        tolerance_mva=tolerance_mva,
        calculate_voltage_angles=True,
        max_iteration=50,
        numba=False,  # what it compiles takes longer than all these networks
    )
    ours = newton_power_flow(network, reactive_limits=False)
    theirs = np.array([i.isdigit() for i in network.buses.id])
    expected = net.res_bus.loc[[int(i) for i in network.buses.id[theirs]]]
    v = expected.vm_pu.to_numpy() * np.exp(1j * np.radians(expected.va_degree.to_numpy()))
    np.testing.assert_allclose(np.abs(ours.v[theirs]), np.abs(v), atol=1e-6)
    np.testing.assert_allclose(ours.v[theirs], v * np.exp(1j * turn(net)), atol=1e-6)
    kinds = ("line", "trafo", "trafo3w", "impedance")
    loss = 1e3 * sum(net[f"res_{kind}"].pl_mw.sum() for kind in kinds)
    if len(net.res_switch):
        loss += 1e3 * (net.res_switch.p_from_mw + net.res_switch.p_to_mw).sum()
    # 1e-6 kW, or what their own tolerance of 1e-6 kW a bus leaves of a loss of gigawatts.
    assert ours.loss_kw == pytest.approx(loss, abs=1e-6, rel=1e-9)
    return network


def turn(net):
    """Angle of our first slack, which is 0, against theirs."""
    first = net.ext_grid.va_degree[net.ext_grid.in_service]
    return -np.radians(first.iloc[0]) if len(first) else 0.0


@pytest.mark.parametrize("name", QUICK.split())
def test_power_flow(name):
    compare(getattr(networks, name)())


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS.split())
def test_power_flow_of_all_networks(name):
    made = getattr(networks, name)()
    net = made if isinstance(made, pp.pandapowerNet) else made[0]
    # 907 buses at 1e-6 kW each would be more than the losses are compared to.
    compare(net, 1e-12 if name == "ieee_european_lv_asymmetric" else 1e-9)


def base_net():
    net = pp.create_empty_network(sn_mva=10.0)
    bus = [pp.create_bus(net, kv) for kv in (110, 110, 20, 20, 20, 10)]
    pp.create_ext_grid(net, bus[0], vm_pu=1.02)
    pp.create_line(net, bus[0], bus[1], 10.0, "149-AL1/24-ST1A 110.0")
    pp.create_transformer(net, bus[1], bus[2], "25 MVA 110/20 kV")
    for i in (2, 3):
        pp.create_line(net, bus[i], bus[i + 1], 5.0, "NA2XS2Y 1x185 RM/25 12/20 kV")
    pp.create_load(net, bus[4], 4.0, 1.0)
    net.trafo["shift_degree"] = 0.0
    return net


def three_windings(net, **changes):
    values = {
        "vn_hv_kv": 110, "vn_mv_kv": 20.5, "vn_lv_kv": 10.2, "sn_hv_mva": 40, "sn_mv_mva": 25,
        "sn_lv_mva": 15, "vk_hv_percent": 10.1, "vk_mv_percent": 6.3, "vk_lv_percent": 11.4,
        "vkr_hv_percent": 0.3, "vkr_mv_percent": 0.31, "vkr_lv_percent": 0.32, "pfe_kw": 30,
        "i0_percent": 0.1, "shift_mv_degree": 30, "shift_lv_degree": -30, "tap_neutral": 0,
        "tap_step_percent": 1.5, "tap_changer_type": "Ratio",
    }  # fmt: skip
    values |= changes
    pp.create_transformer3w_from_parameters(net, 1, 3, 5, **values)
    pp.create_load(net, 5, 2.0, 0.7)


def dc_line(net):
    pp.create_dcline(net, 2, 4, 1.5, 2.0, 0.01, 1.01, 1.0, max_q_from_mvar=5, min_q_from_mvar=-5)


def tapped(net, **changes):
    for field, value in changes.items():
        net.trafo[field] = value


def converted_ward(net):
    pp.create_xward(net, 3, 0.2, 0.1, 0.05, -0.02, r_ohm=0.3, x_ohm=2.0, vm_pu=1.01)


def line_at_an_isolated_bus(net):
    bus = pp.create_bus(net, 20, in_service=False)
    pp.create_line(net, 4, bus, 8.0, "NA2XS2Y 1x185 RM/25 12/20 kV")


def open_at_one_end(net, kind):
    if kind == "l":
        pp.create_line(net, 2, 4, 9.0, "NA2XS2Y 1x185 RM/25 12/20 kV")
    else:
        pp.create_transformer(net, 1, 3, "25 MVA 110/20 kV")
    element, bus = {"l": (3, 4), "t": (1, 3)}[kind]
    pp.create_switch(net, bus, element, kind, closed=False)


CHANGES = {
    "vector group": lambda n: tapped(n, shift_degree=150.0),
    "three windings": three_windings,
    "tap at the medium voltage": lambda n: three_windings(n, tap_side="mv", tap_pos=2),
    "tap at the star": lambda n: three_windings(
        n, tap_side="hv", tap_pos=-3, tap_at_star_point=True, tap_step_degree=20.0
    ),
    "iron at the low voltage": lambda n: (
        three_windings(n),
        n.trafo3w.insert(0, "loss_side", "lv"),
    ),
    "winding switched off": lambda n: (
        three_windings(n),
        pp.create_switch(n, 5, 0, "t3", closed=False),
        n.load.drop(1, inplace=True),
    ),
    "tap with an angle": lambda n: tapped(n, tap_pos=3, tap_step_degree=60.0),
    "ideal phase shifter": lambda n: tapped(
        n, tap_pos=2, tap_step_degree=1.5, tap_step_percent=np.nan, tap_changer_type="Ideal"
    ),
    "ideal shifter in percent": lambda n: tapped(n, tap_pos=2, tap_changer_type="Ideal"),
    "no changer": lambda n: tapped(n, tap_pos=5, tap_changer_type=None),
    "tap at the low voltage": lambda n: tapped(n, tap_pos=-4, tap_side="lv"),
    "DC line": dc_line,
    "DC line backwards": lambda n: (dc_line(n), n.dcline.__setitem__("p_mw", -1.5)),
    "extended ward": converted_ward,
    "ward": lambda n: pp.create_ward(n, 3, 0.2, 0.1, 0.05, -0.02),
    "motor": lambda n: pp.create_motor(
        n, 4, 0.5, 0.85, efficiency_percent=95, loading_percent=80, scaling=0.9
    ),
    "asymmetric load": lambda n: pp.create_asymmetric_load(
        n, 4, 0.1, 0.2, 0.3, 0.03, 0.02, 0.01, scaling=0.5
    ),
    "asymmetric generation": lambda n: pp.create_asymmetric_sgen(n, 4, 0.1, 0.2, 0.3),
    "storage": lambda n: pp.create_storage(n, 4, -0.3, 1.0, q_mvar=0.1, scaling=0.5),
    "scaled generation": lambda n: pp.create_sgen(n, 4, 2.0, 0.3, scaling=0.4),
    "two sources with angles": lambda n: pp.create_ext_grid(n, 3, 1.01, va_degree=2.0),
    "generator": lambda n: pp.create_gen(n, 3, 1.0, vm_pu=1.01, scaling=0.5),
    "slack generator": lambda n: pp.create_gen(n, 3, 1.0, vm_pu=1.01, slack=True),
    "conducting line": lambda n: n.line.__setitem__("g_us_per_km", 30.0),
    "impedance": lambda n: pp.create_impedance(
        n, 2, 4, 0.01, 0.05, 20.0, gf_pu=0.001, bf_pu=0.02, gt_pu=0.003, bt_pu=-0.01
    ),
    "shunt": lambda n: pp.create_shunt(n, 4, -0.5, 0.01, step=2, vn_kv=21.0),
    "line open at one end": lambda n: open_at_one_end(n, "l"),
    "transformer open at one end": lambda n: open_at_one_end(n, "t"),
    "line to a bus out of service": line_at_an_isolated_bus,
    "parallel transformers": lambda n: tapped(n, parallel=2),
    "switch with impedance": lambda n: (
        pp.create_bus(n, 20),
        pp.create_switch(n, 4, 6, "b", z_ohm=0.1),
        pp.create_load(n, 6, 0.5),
    ),
    "out of service": lambda n: (
        [
            (make(n), n[table].__setitem__("in_service", False))
            for make, table in ((three_windings, "trafo3w"), (dc_line, "dcline"))
        ]
        + [n.load.drop(1, inplace=True)]
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_each_kind_of_element(change):
    net = base_net()
    CHANGES[change](net)
    compare(net)


def test_a_line_open_at_one_end_charges_and_can_close():
    net = base_net()
    open_at_one_end(net, "l")
    network = from_pandapower(net)
    # The line has no other switch: it stays in, and its tie is the switch.
    assert network.open_branches == (len(net.line) + len(net.trafo) + 1,)
    assert network.branches.switchable.tolist().count(True) == 1
    net.switch["closed"] = True
    pp.runpp(net, trafo_model="pi", tolerance_mva=1e-9, numba=False)
    ours = newton_power_flow(network.with_open([]))
    at = [list(network.buses.id).index(str(bus)) for bus in range(5)]
    np.testing.assert_allclose(np.abs(ours.v[at]), net.res_bus.vm_pu[:5], atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda n: pp.create_svc(n, 4, 1.0, -10.0, 1.0, 90.0),
            r"svc: 0, field 'in_service': .* set it to False and put a generator",
        ),
        (
            lambda n: n.trafo.__setitem__("tap_dependency_table", True),
            r"trafo: 0, field 'tap_dependency_table': .* set it to False and give",
        ),
        (
            lambda n: pp.create_impedance(n, 2, 4, 0.01, 0.05, 20.0, rtf_pu=0.02),
            r"impedance: 0, field 'rtf_pu': differs from 'rft_pu'.* give both the same",
        ),
        (
            lambda n: pp.create_pwl_cost(n, 0, "ext_grid", [[0, 10, 1], [12, 20, 2]]),
            r"pwl_cost: 0, field 'points': each piece must begin",
        ),
    ],
)
def test_a_refusal_names_table_row_and_column_and_what_to_do(change, message):
    net = base_net()
    change(net)
    with pytest.raises(NetworkFormatError, match=message):
        from_pandapower(net)


def test_piecewise_costs_and_what_may_not_be_controlled():
    net = base_net()
    pp.create_pwl_cost(net, 0, "ext_grid", [[-10, 0, 1], [0, 10, 3], [10, 30, 4]])
    pp.create_sgen(net, 4, 1.0, 0.2)
    pp.create_sgen(net, 4, 1.0, 0.2, controllable=True, min_p_mw=0, max_p_mw=2)
    pp.create_poly_cost(net, 1, "sgen", 5.0, cq1_eur_per_mvar=1.0)
    gen = from_pandapower(net).generators
    np.testing.assert_allclose(gen.cost_points[0], [[-1, -10], [0, 0], [1, 30], [3, 110]])
    assert (gen.p_min[1], gen.p_max[1], gen.q_max[1]) == pytest.approx((0.1, 0.1, 0.02))
    assert (gen.p_min[2], gen.p_max[2]) == (0.0, 0.2)
    assert np.isnan(gen.cost[2]).all()


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
    pp.runpp(net, tolerance_mva=1e-9, numba=False)
    ours = newton_power_flow(network)
    np.testing.assert_allclose(np.abs(ours.v), net.res_bus.vm_pu.to_numpy(), atol=1e-8)
