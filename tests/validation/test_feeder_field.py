"""Small scripts, one feature each, against OpenDSS's own snapshot: load taken and losses.

The losses are those of the AC solution of our model, found by a fixed point that shares no code
with the package.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pygridjl.grid import load_feeder

pytestmark = pytest.mark.validation
FIELD = Path(__file__).parents[1] / "data" / "field"
BALANCED = np.exp(-2j * np.pi / 3 * np.arange(3))


def solve(feeder):
    """Voltages (n_node,) and losses in kW without the source's own."""
    n, branch, node = feeder.n_node, feeder.branches, feeder.node_of
    y = np.zeros((n, n), dtype=complex)
    parts = []
    for k in np.flatnonzero(branch.closed):
        rows = np.flatnonzero(branch.phases[k])
        block = np.ix_(rows, rows)
        inner = np.linalg.inv((branch.r + 1j * branch.x)[k][block])
        ratio = np.diag(branch.ratio[k][rows])
        f, t = node[branch.from_bus[k]][rows], node[branch.to_bus[k]][rows]
        half = np.diag(0.5j * branch.b[k][rows])
        y[np.ix_(f, f)] += ratio @ inner @ ratio + half
        y[np.ix_(t, t)] += inner + half
        y[np.ix_(f, t)] -= ratio @ inner
        y[np.ix_(t, f)] -= inner @ ratio
        parts.append((k, f, t, inner, ratio, branch.r[k][block]))
    cap = np.zeros((feeder.n_bus, 3), dtype=complex)
    np.add.at(cap, feeder.capacitors.bus, feeder.capacitors.p + 1j * feeder.capacitors.q)
    y -= np.diag(np.conj(feeder.by_node(cap)))
    demand = feeder.load_p - feeder.generation_p + 1j * (feeder.load_q - feeder.generation_q)
    held = node[feeder.source_bus]
    v = BALANCED[feeder.node_phase].copy()
    v[held] = feeder.v_set * BALANCED
    free = np.setdiff1d(np.arange(n), held)
    inverse = np.linalg.inv(y[np.ix_(free, free)])
    for _ in range(300):
        before = v[free]
        drawn = -np.conj(demand[free] / before) - y[np.ix_(free, held)] @ v[held]
        v[free] = inverse @ drawn
        if np.abs(v[free] - before).max() < 1e-12:
            break
    loss = 0.0
    for k, f, t, inner, ratio, r in parts:
        if branch.kind[k] != "source":
            current = inner @ (ratio @ v[f] - v[t])
            loss += float((current.conj() @ r @ current).real)
    return v, float(feeder.to_kw(loss))


# Load taken and losses, kW. Loads that depend on their voltage and lumped service transformers
# (what a feeder simplifies, as its notes say) have no loss here.
RIGHT = {
    "bank_1ph_lv": (150, 0.760),
    "bom": (900, 5.903),
    "cap_steps": (900, 5.565),
    "crlf_tabs": (900, 5.903),
    "basefreq": (900, 5.895),
    "eng_buscoords": (900, 5.903),
    "eng_duplicate": (900, 5.903),
    "eng_isource_zero": (900, 5.903),
    "eng_meter": (900, 5.903),
    "eng_monitor": (900, 5.903),
    "eng_open_missing": (900, 5.903),
    "existing_pv": (900, 1.778),
    "fault_disabled": (900, 5.903),
    "gen_negpf": (900, 3.238),
    "gen_notforced_off": (900, 5.903),
    "genmult": (900, 4.781),
    "geometry": (900, 5.510),
    "gndY_neutralR": (150, 0.339),
    "latin1": (900, 5.903),
    "line_r1": (900, 5.897),
    "ll_load": (900, 12.050),
    "load_daily": (90, 0.064),
    "load_disabled": (900, 5.903),
    "load_neutral": (900, 5.903),
    "load_xfkva": (528, 2.009),
    "loadmult_exempt": (1050, 8.553),
    "loadmult_fixed": (1050, 8.553),
    "name_dots": (900, 5.903),
    "no_calcv": (900, 5.903),
    "novbases": (900, 5.903),
    "parallel_lines": (900, 2.922),
    "ph2_delta_load": (900, 7.394),
    "ph2_load": (900, 11.225),
    "pv_kvar": (900, 2.452),
    "reg_1ph_open": (900, 5.918),
    "source_angle": (900, 5.558),
    "source_seqneg": (900, 5.903),
    "switch_default": (900, 5.909),
    "units_mix": (900, 5.903),
    "units_none": (900, 5.903),
    "utf16": (900, 5.903),
    "xf3ph_lv": (150, 0.760),
    "xf_kv_ln_mix": (150, 1.101),
}


@pytest.mark.parametrize("name", RIGHT)
def test_load_and_losses(name):
    feeder = load_feeder(FIELD / "feeders" / f"{name}.dss")
    load, loss = RIGHT[name]
    assert feeder.to_kw(feeder.load_p.sum()) == pytest.approx(load, rel=1e-4)
    # The wye equivalent of a load between two phases knows only balanced voltages.
    rel = 1e-2 if name in ("ll_load", "ph2_delta_load") else 2e-3
    assert solve(feeder)[1] == pytest.approx(loss, rel=rel, abs=2e-3)


@pytest.mark.parametrize(
    ("name", "loss"),
    [
        ("source_impedance", 47.593),
        ("mutual_line", 24.148),
        ("bank_of_single_phase", 0.921),
        ("neutral_reactor", 7.271),
        ("parallel_lines", 9.236),
        ("disabled_fault", 13.596),
    ],
)
def test_losses(name, loss):
    feeder = load_feeder(FIELD / f"{name}.dss")
    v, ours = solve(feeder)
    assert ours == pytest.approx(loss, rel=1e-3)
    lowest = {"source_impedance": 0.99215, "bank_of_single_phase": 0.99005}.get(name)
    if lowest is not None:
        assert np.abs(v).min() == pytest.approx(lowest, abs=1e-4)


def test_a_bank_of_two_units_feeds_the_phases_it_stands_on():
    """Open wye, open delta: the two units carry S/√3 at ±30°."""
    feeder = load_feeder(FIELD / "open_wye_open_delta.dss")
    drawn = feeder.to_kw(feeder.loads.p[0]) + 1j * feeder.to_kw(feeder.loads.q[0])
    turned = (45 + 20j) / 3**0.5 * np.exp([1j * np.pi / 6, -1j * np.pi / 6])
    np.testing.assert_allclose(drawn, [*turned, 0], atol=1e-9)


@pytest.mark.parametrize(("name", "kw"), [("pv_eff", 192), ("pv_pctpmpp", 200)])
def test_pv_delivers_what_its_curves_leave(name, kw):
    feeder = load_feeder(FIELD / "feeders" / f"{name}.dss")
    assert feeder.to_kw(feeder.generation_p.sum()) == pytest.approx(kw, rel=1e-3)


def test_a_transformer_states_its_rating():
    feeder = load_feeder(FIELD / "feeders" / "xf_normhkva.dss")
    (row,) = np.flatnonzero(feeder.branches.kind == "transformer")
    kva = 3 * feeder.branches.rating[row, 0] * feeder.phase_mva * 1e3
    assert kva == pytest.approx(600, rel=1e-3)
