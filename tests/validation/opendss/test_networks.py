"""Networks read from OpenDSS scripts against the engine's own snapshot of the same scripts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from opendss_circuits import NETWORKS
from opendss_truth import solved

import pygridjl
from pygridjl.grid import load_network

pytestmark = pytest.mark.validation
TURN = np.exp(2j * np.pi / 3)


def positive_sequence(network, truth):
    """Magnitudes of the engine, p.u. of our bases, NaN at buses that are ours alone."""
    single = all(name.endswith(".1") for name in truth.volts)
    found = np.full(network.n_bus, np.nan)
    for row, bus in enumerate(network.buses.id.tolist()):
        if f"{bus}.1" not in truth.volts:
            continue
        volts = [truth.volts[f"{bus}.{k}"] for k in ((1,) if single else (1, 2, 3))]
        kv = volts[0] if single else np.dot([1, TURN, TURN**2], volts) / 3
        found[row] = abs(kv) / network.buses.base_kv[row] * (1 if single else 3**0.5)
    return found


@pytest.mark.parametrize("name", NETWORKS)
def test_totals_and_voltages(tmp_path, name):
    path = tmp_path / "circuit.dss"
    path.write_text(NETWORKS[name])
    network, truth = load_network(path), solved(path)
    result = pygridjl.power_flow(network)
    assert result.loss_kw == pytest.approx(truth.losses, rel=1e-3)
    load = network.loads.p.sum() + 1j * network.loads.q.sum()
    assert load * 1e3 == pytest.approx(truth.load, rel=1e-3)
    units = ~network.generators.slack
    generation = network.generators.p[units].sum() * 1e3
    assert generation == pytest.approx(truth.generation.real, rel=1e-3, abs=1e-3)
    shunts = network.buses.bs * result.vm**2
    if "iron" not in name and "reactors" not in name:
        assert 1e3 * shunts.sum() == pytest.approx(truth.capacitors, rel=1e-3, abs=1e-3)
    theirs = positive_sequence(network, truth)
    assert np.isfinite(theirs).sum() >= network.n_bus - len(network.slack_buses)
    assert np.nanmax(np.abs(result.vm - theirs)) <= 1e-5


FIELD = Path(__file__).parents[2] / "data" / "field" / "networks"


@pytest.mark.parametrize("name", [path.stem for path in sorted(FIELD.glob("*.dss"))])
def test_small_scripts_lose_what_the_engine_says(name):
    network, truth = load_network(FIELD / f"{name}.dss"), solved(FIELD / f"{name}.dss")
    assert pygridjl.power_flow(network).loss_kw == pytest.approx(truth.losses, rel=1e-4)


def test_what_is_disabled_or_unrated_in_them():
    disabled = load_network(FIELD / "disabled_line.dss")
    assert disabled.open_branches == (3,)
    assert disabled.branches.switchable.all()
    assert np.isinf(load_network(FIELD / "line_normamps_zero.dss").branches.rating).all()


def test_iron_and_the_sources_losses_stand_apart(tmp_path):
    path = tmp_path / "circuit.dss"
    path.write_text(NETWORKS["source impedance, iron"])
    network, truth = load_network(path), solved(path)
    (row,) = np.flatnonzero(network.branches.source)
    assert not network.branches.switchable[row]
    result = pygridjl.power_flow(network)
    # 0.4 % of 3 MVA at the voltage of the low side.
    low = result.vm[network.buses.id == "low"][0]
    rated = 4.16 * 1.025
    assert result.iron_kw == pytest.approx(0.004 * 3000 * (low * 4.16 / rated) ** 2, rel=1e-6)
    behind = truth.imported.real - truth.load.real - truth.losses
    assert behind == pytest.approx(0, abs=0.1)  # the engine imports at the source's terminals
    assert result.source_loss_kw > 1


def test_a_generator_of_model_3_holds_its_voltage(tmp_path):
    path = tmp_path / "circuit.dss"
    path.write_text(NETWORKS["generator holds voltage"])
    network = load_network(path)
    result = pygridjl.power_flow(network)
    (unit,) = np.flatnonzero(network.generators.holds_v)
    assert result.vm[network.generators.bus[unit]] == pytest.approx(1.01, abs=1e-9)
    assert network.generators.q_max[unit] == pytest.approx(2.0)


def test_the_16_bus_system_in_its_best_configuration(tmp_path):
    """Published: 466.1 kW with 1 p.u. at the substation, which the source drops to.

    Written from the bundled case: one source at 1.00685 p.u. behind the engine's default
    short-circuit power, the published best tree closed.
    """
    case = pygridjl.load_network("case16ci").with_open((7, 8, 16))
    branch, kv = case.branches, 23.0
    ohm = kv**2 / case.base_mva
    name = np.array([f"b{bus}" for bus in case.buses.id])
    name[case.slack_buses] = "s"
    lines = [f"clear\nnew circuit.t bus1=s basekv={kv} pu=1.00685"]
    for k in np.flatnonzero(branch.closed).tolist():
        lines.append(
            f"new line.l{branch.id[k]} phases=3 bus1={name[branch.from_bus[k]]} "
            f"bus2={name[branch.to_bus[k]]} r1={branch.r[k] * ohm} x1={branch.x[k] * ohm} "
            f"r0={branch.r[k] * ohm} x0={branch.x[k] * ohm} c1=0 c0=0 length=1"
        )
    mega = 1e3 * case.base_mva
    for bus, (p, q) in enumerate(zip(case.load_p * mega, case.load_q * mega, strict=True)):
        if p or q:
            lines.append(f"new load.d{bus} bus1={name[bus]} phases=3 kv={kv} kw={p} kvar={q}")
    for bus, b in enumerate(case.buses.bs * mega):
        if b:
            lines.append(f"new capacitor.c{bus} bus1={name[bus]} phases=3 kv={kv} kvar={b}")
    path = tmp_path / "sixteen.dss"
    path.write_text("\n".join([*lines, f"set voltagebases=[{kv}]", "calcvoltagebases", ""]))
    truth, network = solved(path), load_network(path)
    result = pygridjl.power_flow(network)
    assert result.vm[network.buses.id == "s"][0] == pytest.approx(1.0, abs=1e-4)
    assert result.loss_kw == pytest.approx(truth.losses, rel=1e-6)
    assert result.loss_kw == pytest.approx(466.1, abs=0.2)
