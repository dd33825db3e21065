"""Feeders written as scripts: read back the same, and solved by OpenDSS as our model says."""

from __future__ import annotations

import numpy as np
import pytest
from feeder_builders import random_feeder
from hypothesis import given, settings, strategies as st
from opendss_circuits import FEEDERS
from opendss_truth import solved

from pygridjl.core.errors import InvalidNetworkError
from pygridjl.grid import load_feeder
from pygridjl.grid.io.opendss.engine import compiled_circuit
from pygridjl.grid.io.opendss.write import opendss_names, write_opendss
from pygridjl.grid.services import lump_services
from pygridjl.powerflow.lindistflow import LinDistFlow3
from pygridjl.powerflow.losses import resistive_losses


# A seventh of what ieee34 draws is lost on its way, which the linear model leaves out.
@pytest.mark.parametrize(
    ("name", "apart", "less"),
    [
        ("ieee13", 0.02, 0.12),
        ("ieee34", 0.04, 0.3),
        ("ieee37", 0.02, 0.15),
        ("ieee123", 0.02, 0.12),
    ],
)
def test_opendss_solves_what_we_write(tmp_path, name, apart, less):
    feeder = load_feeder(name)
    path = tmp_path / "own.dss"
    write_opendss(feeder, path)
    model = LinDistFlow3(feeder)
    P, Q = model.flows(*feeder.injection())
    U = model.voltages_of_flows(P, Q)
    with compiled_circuit(path) as (dss, _):
        assert dss.Solution.Converged()
        names = [n.lower() for n in dss.Circuit.AllNodeNames()]
        volts = dict(zip(names, dss.Circuit.AllBusMagPu(), strict=True))
        lost = dss.Circuit.Losses()[0] / 1e3
    buses = opendss_names(feeder.buses.id.tolist())
    theirs = np.array(
        [
            volts[f"{buses[b]}.{p + 1}"]
            for b, p in zip(feeder.node_bus, feeder.node_phase, strict=True)
        ]
    )
    assert np.abs(np.sqrt(U) - theirs).max() < apart
    # The linear loss is that at 1 p.u., without the losses of what is lost: always less.
    kva = feeder.phase_mva * 1e3
    linear = kva * float(resistive_losses(model).value(P, Q))
    assert (1 - less) * lost < linear < lost


@pytest.mark.parametrize(
    "name",
    [
        "source impedance",
        "iron, wye-wye",
        "bank of regulators",
        "neutral",
        "ring",
        "units",
        "poles between phases",
        "centre-tapped",
        "centre-tapped between phases",
    ],
)
def test_a_script_written_again_loses_the_same(tmp_path, name):
    """Source's impedance, iron, ratios and generators; loads to ground of constant power."""
    (tmp_path / "theirs.dss").write_text(FEEDERS[name])
    write_opendss(load_feeder(tmp_path / "theirs.dss"), tmp_path / "ours.dss")
    theirs, ours = solved(tmp_path / "theirs.dss"), solved(tmp_path / "ours.dss")
    assert ours.losses == pytest.approx(theirs.losses, rel=1e-3)
    assert ours.generation.real == pytest.approx(theirs.generation.real, rel=1e-3, abs=1e-3)


def test_what_comes_from_several_windings_is_not_written(tmp_path):
    (tmp_path / "theirs.dss").write_text(FEEDERS["lighting leg"])
    feeder = load_feeder(tmp_path / "theirs.dss")
    with pytest.raises(InvalidNetworkError, match=r"transformer\.l\+p gain: .*phase c.*several"):
        write_opendss(feeder, tmp_path / "ours.dss")
    assert not (tmp_path / "ours.dss").exists()
    write_opendss(lump_services(feeder), tmp_path / "ours.dss")


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_a_light_feeder_has_the_voltages_of_the_linear_model(tmp_path_factory, seed):
    """Without losses to speak of both models are the same."""
    rng = np.random.default_rng(seed)
    feeder = random_feeder(rng, 8)
    light = 1e-3
    loads, caps, units = feeder.loads, feeder.capacitors, feeder.generators
    feeder = feeder.replace(
        loads=loads.replace(p=light * loads.p, q=light * loads.q),
        capacitors=caps.replace(q=light * caps.q),
        generators=units.replace(p=light * units.p),
        branches=feeder.branches.replace(b=0 * feeder.branches.b),
    )
    path = tmp_path_factory.mktemp("dss") / "light.dss"
    write_opendss(feeder, path)
    ours = np.sqrt(LinDistFlow3(feeder).voltages(*feeder.injection()))
    with compiled_circuit(path) as (dss, _):
        names = [n.lower() for n in dss.Circuit.AllNodeNames()]
        volts = dict(zip(names, dss.Circuit.AllBusMagPu(), strict=True))
    buses = opendss_names(feeder.buses.id.tolist())
    for value, b, p in zip(ours, feeder.node_bus, feeder.node_phase, strict=True):
        assert volts[f"{buses[b]}.{p + 1}"] == pytest.approx(value, abs=2e-4)


def test_names_stay_apart():
    assert opendss_names(["A.1", "a 1", "b", ""]) == ["a_1", "a_1_2", "b", "_"]
