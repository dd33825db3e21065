"""Units that hold their voltage, in both engines, and losses that are told apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from pygridjl import Generators, get_case, load_network, save_network
from pygridjl.powerflow.newton import newton_power_flow
from pygridjl.powerflow.sweep import radial_power_flow

FIELD = Path(__file__).parents[1] / "data" / "field" / "networks"
BASE = get_case("case33bw")


def with_units(buses, v_set, q_max):
    g = len(buses)
    return BASE.replace(
        generators=Generators(
            id=["s", *(f"g{k}" for k in range(g))],
            bus=[0, *buses],
            p=[0, *[0.03] * g],
            q_min=[-np.inf, *(-np.asarray(q_max))],
            q_max=[np.inf, *q_max],
            v_set=[1.0, *v_set],
            holds_v=[False, *[True] * g],
            slack=[True, *[False] * g],
        )
    )


@settings(max_examples=30, deadline=None)
@given(
    buses=st.lists(st.integers(1, 32), min_size=1, max_size=4, unique=True),
    data=st.data(),
)
def test_both_engines_agree_and_units_hold_or_are_at_their_limit(buses, data):
    k = len(buses)
    v_set = data.draw(st.lists(st.floats(0.95, 1.03), min_size=k, max_size=k))
    q_max = data.draw(st.lists(st.floats(0.01, 0.3), min_size=k, max_size=k))
    network = with_units(buses, v_set, q_max)
    one, two = newton_power_flow(network), radial_power_flow(network)
    np.testing.assert_allclose(one.v, two.v, atol=3e-8)
    assert one.loss_kw == pytest.approx(two.loss_kw, rel=1e-5)
    lack = np.array(v_set) - np.abs(one.v[buses])
    q = one.q[1:]
    held = np.abs(lack) < 1e-7
    upper = (np.abs(q - q_max) < 1e-8) & (lack > -1e-7)
    lower = (np.abs(q + q_max) < 1e-8) & (lack < 1e-7)
    assert (held | upper | lower).all()
    assert (np.abs(q) <= np.array(q_max) + 1e-8).all()
    assert (
        set(one.limited) == set(np.array(buses)[~held]) or held[np.isin(buses, one.limited)].any()
    )


def test_limits_can_be_left_out():
    network = with_units([17], [1.0], [0.01])
    assert newton_power_flow(network).limited.tolist() == [17]
    free = newton_power_flow(network, reactive_limits=False)
    assert abs(free.v[17]) == pytest.approx(1.0)


@pytest.mark.parametrize(("name", "loss"), [("pv_bus.m", 45.43), ("pp_pv_gen.json", 271.05)])
def test_units_of_files_hold_their_voltage(name, loss):
    if name.endswith("json"):
        pytest.importorskip("pandapower")
    network = load_network(FIELD / name)
    assert newton_power_flow(network).loss_kw == pytest.approx(loss, abs=5e-3)
    assert radial_power_flow(network).loss_kw == pytest.approx(loss, abs=5e-3)


def test_an_exported_unit_stays_what_it_is(tmp_path):
    network = with_units([17, 30], [0.99, 1.0], [0.1, 0.1])
    holds = network.generators.replace(holds_v=[False, False, True])
    branches = BASE.branches.replace(switchable=np.arange(37) % 2 == 0)
    network = network.replace(generators=holds, branches=branches)
    save_network(network, tmp_path / "n.m")
    again = load_network(tmp_path / "n.m")
    assert again.generators.holds_v.tolist() == [False, False, True]
    assert again.branches.switchable.tolist() == branches.switchable.tolist()
    loss = newton_power_flow(network).loss_kw
    assert newton_power_flow(again).loss_kw == pytest.approx(loss, rel=1e-9)


def test_iron_is_a_loss_and_a_source_is_not():
    bus = BASE.buses.replace(gs=[0.001] * 33, iron=[0.0004] * 33)
    plain = newton_power_flow(BASE.replace(buses=bus.replace(iron=0.0)))
    apart = newton_power_flow(
        BASE.replace(buses=bus, branches=BASE.branches.replace(source=np.arange(37) == 0))
    )
    np.testing.assert_allclose(plain.v, apart.v)
    iron = 0.0004 * (np.abs(plain.v) ** 2).sum() * BASE.base_mva * 1e3
    assert apart.iron_kw == pytest.approx(iron)
    assert apart.loss_kw + apart.source_kw == pytest.approx(plain.loss_kw + iron)
    assert apart.source_kw == pytest.approx(
        BASE.branches.r[0]
        * abs((apart.v[0] - apart.v[1]) / complex(BASE.branches.r[0], BASE.branches.x[0])) ** 2
        * BASE.base_mva
        * 1e3
    )
    swept = radial_power_flow(
        BASE.replace(buses=bus, branches=BASE.branches.replace(source=np.arange(37) == 0))
    )
    assert swept.loss_kw == pytest.approx(apart.loss_kw, rel=1e-8)


@pytest.mark.parametrize("ohm", [1e-6, 1e-9])
def test_a_branch_of_almost_no_impedance(ohm):
    r = BASE.branches.r.copy()
    r[[5, 20]] = ohm
    network = BASE.replace(
        branches=BASE.branches.replace(r=r, x=np.where(r == ohm, 0, BASE.branches.x))
    )
    loss = newton_power_flow(network).loss_kw
    assert loss == pytest.approx(radial_power_flow(network).loss_kw, rel=1e-6)


def test_tiny_branch_of_a_file():
    assert newton_power_flow(load_network(FIELD / "tiny_1e-06.m")).loss_kw > 0
