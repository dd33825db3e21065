"""Feeders read from OpenDSS scripts against the engine's own snapshot of the same scripts."""

from __future__ import annotations

import numpy as np
import pytest
from opendss_circuits import FEEDERS
from opendss_truth import solved

import pygridjl
from pygridjl.grid import load_feeder

pytestmark = pytest.mark.validation

# Buses without ground: a delta winding leaves the neutral where the loads put it.
FLOATING = {
    "bank delta-delta": {"s_source", "s", "m", "low"},
    "open delta": {"s_source", "s", "m", "r"},
    "open wye, open delta": {"low"},
    "open wye, open delta, corner grounded": {"low"},
    "open wye, open delta, capacitor": {"low"},
    "floating neutral": {"low"},
    "open delta, low voltage": {"low"},
    "mixed services": {"low"},
}


def engine_voltages(feeder, truth):
    """Magnitudes of the engine, p.u., shape (n_bus, 3), NaN where it has no node."""
    vm = np.full((feeder.n_bus, 3), np.nan + 0j)
    for row, bus in enumerate(feeder.buses.id.tolist()):
        for phase in range(3):
            value = truth.volts.get(f"{bus}.{phase + 1}")
            if value is not None:
                vm[row, phase] = value / feeder.buses.kv_ln[row]
    return vm


@pytest.fixture(scope="module", params=FEEDERS)
def case(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("circuit") / "circuit.dss"
    path.write_text(FEEDERS[request.param])
    feeder = load_feeder(path)
    return request.param, feeder, pygridjl.power_flow(feeder, "z-bus"), solved(path)


def squared_voltage(result, bus, phases, connection):
    """Mean square of the voltages an element stands at, of nominal."""
    volts = result.vm[bus] * np.exp(1j * result.va[bus])
    rows = np.flatnonzero(phases)
    if connection == "wye":
        return np.mean(np.abs(volts[rows]) ** 2)
    pairs = [(i, j) for i in rows for j in rows if i < j]
    return np.mean([abs(volts[i] - volts[j]) ** 2 / 3 for i, j in pairs])


def test_totals(case):
    _, feeder, result, truth = case
    assert result.loss_kw == pytest.approx(truth.losses, rel=1e-3, abs=1e-3)
    generation = feeder.to_kw(feeder.generation_p.sum())
    assert generation == pytest.approx(truth.generation.real, rel=1e-3, abs=1e-3)
    into = np.zeros((feeder.n_bus, 3))
    np.add.at(into, feeder.branches.from_bus, result.p_from)
    np.add.at(into, feeder.branches.to_bus, result.p_to)
    imported = feeder.to_kw(into[feeder.source_bus].sum())
    load = imported + generation - result.loss_kw - result.source_loss_kw
    assert load == pytest.approx(truth.load.real, rel=1e-3)
    kvar = sum(
        feeder.to_kw(q.sum()) * squared_voltage(result, bus, q != 0, connection)
        for name, bus, q, connection in zip(
            *(getattr(feeder.capacitors, c) for c in ("id", "bus", "q", "connection")), strict=True
        )
        if name.startswith("capacitor.")
    )
    series = {"in series", "mixed, meshed"}
    if case[0] not in series:
        assert kvar == pytest.approx(truth.capacitors, rel=1e-3, abs=1e-3)


def test_voltages(case):
    name, feeder, result, truth = case
    theirs = engine_voltages(feeder, truth)
    ours = result.vm * np.exp(1j * result.va)
    floats = np.isin(feeder.buses.id, list(FLOATING.get(name, ())))
    pairs = [(0, 1), (1, 2), (2, 0)]
    for volts in (theirs, ours):
        across = np.stack([volts[:, i] - volts[:, j] for i, j in pairs], axis=1) / 3**0.5
        volts[floats] = across[floats]
    known = np.isfinite(theirs)
    assert known.sum() >= np.isfinite(ours).sum() - 3  # the bus behind the source is ours alone
    assert np.nanmax(np.abs(np.abs(ours) - np.abs(theirs))) <= 2e-3
