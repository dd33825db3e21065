"""Networks written as scripts: the engine solves them as we do, our reader reads them back."""

from __future__ import annotations

import math

import numpy as np
import pytest
from builders import line_network, random_network
from hypothesis import HealthCheck, given, settings, strategies as st
from opendss_truth import solved

import pygridjl
from pygridjl import load_network, save_network
from pygridjl.core.errors import NetworkFormatError
from pygridjl.grid.io.opendss.write import opendss_names

pytestmark = pytest.mark.validation


def volts(network, truth):
    """Phasors of the engine's first phase, p.u. of our bases."""
    names = opendss_names(network.buses.id.tolist())
    base = network.buses.base_kv / 3**0.5
    return np.array([truth.volts[f"{name}.1"] for name in names]) / base


def agrees(network, path, *, loss=1e-9):
    """Write, let the engine solve, read back, and compare both with our own power flow."""
    save_network(network, path)
    ours, truth = pygridjl.power_flow(network), solved(path)
    np.testing.assert_allclose(np.abs(volts(network, truth)), ours.vm, atol=1e-9)
    assert truth.losses == pytest.approx(ours.loss_kw, rel=loss, abs=1e-7)
    back = load_network(path)
    again = pygridjl.power_flow(back)
    assert again.loss_kw == pytest.approx(ours.loss_kw, rel=loss, abs=1e-7)
    found = dict(zip(back.buses.id, again.vm, strict=True))
    names = opendss_names(network.buses.id.tolist())
    np.testing.assert_allclose([found[name] for name in names], ours.vm, atol=1e-9)
    return back


@pytest.mark.parametrize(
    "case", ["case16ci", "case33bw", "case69", "case70da", "case94tpc", "case118zh", "case136ma"]
)
def test_distribution_cases_keep_voltages_losses_and_switches(case, tmp_path):
    network = load_network(case)
    back = agrees(network, tmp_path / "written.dss")
    branch = network.branches

    assert back.branches.closed.tolist() == branch.closed.tolist()
    assert back.branches.switchable.tolist() == branch.switchable.tolist()
    # On another base the same amperes.
    rated = np.isfinite(branch.rating)
    assert (np.isfinite(back.branches.rating) == rated).all()
    np.testing.assert_allclose(
        back.branches.rating[rated] * back.base_mva, branch.rating[rated] * network.base_mva
    )


@pytest.mark.parametrize("case", ["case5pjm", "case9", "case14", "case30", "case57"])
def test_units_that_hold_their_voltage_and_transformers_of_meshed_cases(case, tmp_path):
    agrees(load_network(case), tmp_path / "written.dss")


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 2**32), substations=st.integers(1, 2))
def test_any_element(seed, substations, tmp_path):
    network = random_network(seed, n=9, substations=substations)
    rng = np.random.default_rng(seed)
    m, n = network.n_branch, network.n_bus
    tap = np.where(rng.random(m) < 0.3, rng.uniform(0.9, 1.1, m), 1.0)
    branches = network.branches.replace(
        tap=tap,
        b=rng.uniform(0, 0.05, m) * (rng.random(m) < 0.5),
        # Star points of transformers with three windings, lossless ones.
        x=network.branches.x * np.where(rng.random(m) < 0.15, -0.3, 1.0),
        r=network.branches.r * (rng.random(m) > 0.15),
        rating=np.where(rng.random(m) < 0.5, rng.uniform(0.5, 2, m), np.inf),
    )
    iron = rng.uniform(0, 0.01, n) * (rng.random(n) < 0.3)
    buses = network.buses.replace(
        bs=rng.uniform(-0.05, 0.05, n) * (rng.random(n) < 0.5), iron=iron,
        gs=iron + rng.uniform(0, 0.01, n) * (rng.random(n) < 0.3),
        base_kv=12.66, x=rng.random(n), y=rng.random(n),
    )  # fmt: skip
    # The engine is asked for 1e-8 of its voltages.
    back = agrees(network.replace(branches=branches, buses=buses), tmp_path / "any.dss", loss=1e-7)
    assert back.buses.iron.sum() * back.base_mva == pytest.approx(iron.sum())
    assert back.buses.gs.sum() * back.base_mva == pytest.approx(buses.gs.sum())
    assert np.isfinite(back.buses.x).sum() >= network.n_bus


@pytest.mark.parametrize("clock", [-1, 1])
def test_windings_turn_as_the_network_says(clock, tmp_path):
    network = line_network(3)
    shift = np.zeros(network.n_branch)
    shift[1] = clock * math.pi / 6
    branches = network.branches.replace(shift=shift, tap=np.where(shift, 0.98, 1.0))
    network = network.replace(branches=branches)
    agrees(network, tmp_path / "turned.dss")
    truth, ours = solved(tmp_path / "turned.dss"), pygridjl.power_flow(network)
    np.testing.assert_allclose(np.angle(volts(network, truth)), ours.va, atol=1e-8)


def test_an_open_transformer_ends_in_an_open_switch(tmp_path):
    network = random_network(3, n=6)
    (row, *_) = np.flatnonzero(~network.branches.closed)
    tap = np.where(np.arange(network.n_branch) == row, 1.05, 1.0)
    network = network.replace(branches=network.branches.replace(tap=tap))
    back = agrees(network, tmp_path / "open.dss")
    assert len(back.branches) == network.n_branch + 1
    assert (~back.branches.closed).sum() == (~network.branches.closed).sum()


def test_a_shift_that_no_windings_have_is_refused_and_nothing_written(tmp_path):
    network = line_network(3)
    network = network.replace(branches=network.branches.replace(shift=[0.0, 0.2]))
    with pytest.raises(NetworkFormatError, match=r"branch 2 \(shift\)"):
        save_network(network, tmp_path / "no.dss")
    assert not (tmp_path / "no.dss").exists()


def test_a_network_without_a_source_is_refused(tmp_path):
    with pytest.raises(NetworkFormatError, match="no slack"):
        save_network(load_network("forward11"), tmp_path / "no.dss")


def test_a_source_is_stiff_on_any_base(tmp_path):
    # 100 MVA at 1 kV: what is nothing in ohms may be much per unit.
    network = line_network(3)
    heavy = network.replace(
        base_mva=1e4 * network.base_mva, buses=network.buses.replace(base_kv=0.4)
    )
    agrees(heavy, tmp_path / "heavy.dss")


def test_charging_is_the_same_on_an_engine_set_to_50_hertz(tmp_path):
    network = line_network(3)
    network = network.replace(branches=network.branches.replace(b=0.3))
    save_network(network, tmp_path / "charged.dss")
    from opendssdirect import dss

    engine = dss.NewContext()
    engine.Basic.AllowChangeDir(False)
    engine.Text.Command("set defaultbasefrequency=50")
    engine.Text.Command(f'redirect "{tmp_path / "charged.dss"}"')
    engine.Circuit.SetActiveBus(opendss_names(network.buses.id.tolist())[-1])
    found = engine.Bus.VMagAngle()[0] / 1e3 * 3**0.5 / network.buses.base_kv[-1]
    assert found == pytest.approx(pygridjl.power_flow(network).vm[-1], abs=1e-9)
