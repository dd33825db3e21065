"""The AC power flow of a feeder against OpenDSS, which shares nothing with it, and by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from feeder_builders import two_bus_feeder

import pygridjl
from pygridjl.core.errors import PowerFlowError
from pygridjl.grid import load_feeder
from pygridjl.grid.io.opendss.engine import compiled_circuit
from pygridjl.grid.io.opendss.write import write_opendss
from pygridjl.powerflow.feeder_sweep import feeder_power_flow


def by_opendss(feeder, folder: Path):
    """Voltages by node, p.u., and losses, kW."""
    path = folder / "own.dss"
    write_opendss(feeder, path)
    with compiled_circuit(path) as (dss, _):
        dss.Solution.Solve()
        assert dss.Solution.Converged()
        names = [name.lower() for name in dss.Circuit.AllNodeNames()]
        volts = dict(zip(names, dss.Circuit.AllBusMagPu(), strict=True))
        lost = dss.Circuit.Losses()[0] / 1e3
    nodes = (node.split(".") for node in feeder.node_ids)
    return np.array([volts[f"{bus}.{'abc'.index(phase) + 1}"] for bus, phase in nodes]), lost


@pytest.mark.parametrize("name", ["ieee13", "ieee34", "ieee37", "ieee123"])
def test_bundled_feeders_agree_with_opendss(name, tmp_path):
    feeder = load_feeder(name)
    volts, lost = by_opendss(feeder, tmp_path)
    ours = feeder_power_flow(feeder)
    np.testing.assert_allclose(np.abs(feeder.by_node(ours.v)), volts, atol=2e-6)
    assert ours.loss_kw == pytest.approx(lost, rel=1e-5)


@pytest.mark.parametrize(
    "opened",
    [
        ("line.l93", "line.sw5", "tie.48_250", "tie.450_105"),
        # Behind these the flow of lines and switches turns round.
        ("line.sw2", "line.sw3", "line.sw8", "tie.450_105"),
    ],
)
def test_other_trees_agree_too(opened, tmp_path):
    feeder = load_feeder("ieee123-ties").with_open(opened)
    volts, lost = by_opendss(feeder, tmp_path)
    ours = feeder_power_flow(feeder)
    np.testing.assert_allclose(np.abs(feeder.by_node(ours.v)), volts, atol=1e-5)
    assert ours.loss_kw == pytest.approx(lost, rel=1e-4)


def test_a_regulator_fed_from_behind(tmp_path):
    feeder = load_feeder("ieee34-ties").with_open(["line.l14", "tie.848_840"])
    assert feeder.tree.reversed.any()
    volts, lost = by_opendss(feeder, tmp_path)
    ours = feeder_power_flow(feeder)
    np.testing.assert_allclose(np.abs(feeder.by_node(ours.v)), volts, atol=1e-5)
    assert ours.loss_kw == pytest.approx(lost, rel=1e-4)


def test_powers_balance_at_every_bus():
    feeder = load_feeder("ieee123")
    flow = feeder_power_flow(feeder)
    net = np.zeros((feeder.n_bus, 3), dtype=complex)
    np.add.at(net, feeder.branches.from_bus, flow.s_from)
    np.add.at(net, feeder.branches.to_bus, flow.s_to)
    squared = np.abs(feeder.by_node(flow.v)) ** 2
    p, q = feeder.injection()
    shunt = feeder.shunt_p + 1j * feeder.shunt_q
    want = p + 1j * q + shunt * (squared - 1)
    away = feeder.node_bus != feeder.source_bus
    np.testing.assert_allclose(feeder.by_node(net)[away], want[away], atol=1e-8)


def test_a_load_beyond_the_limit_has_no_solution():
    feeder = two_bus_feeder()
    with pytest.raises(PowerFlowError, match="no AC power flow"):
        feeder_power_flow(feeder, load_scale=1e4)


def test_the_public_door_and_its_variations():
    feeder = load_feeder("ieee13")
    one = pygridjl.power_flow(feeder, "sweep")
    assert one.loss_kw == pytest.approx(feeder_power_flow(feeder).loss_kw)
    many = pygridjl.power_flow(feeder, "sweep", load_scale=[1.0, 0.5, 1e4])
    assert many.converged.tolist() == [True, True, False]
    assert many.loss_kw[0] == pytest.approx(float(one.loss_kw))
    lost = one.p_from + one.p_to
    assert feeder.to_kw(lost.sum()) == pytest.approx(float(one.loss_kw))
    assert np.isnan(one.vm[~feeder.buses.phases]).all()
