"""Small scripts, one feature each, against OpenDSS's own snapshot: load taken and losses.

The losses are those of the AC solution of our model.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import pygridjl
from pygridjl.grid import load_feeder

pytestmark = pytest.mark.validation
FIELD = Path(__file__).parents[2] / "data" / "field"

# Load taken and losses, kW. Loads that depend on their voltage (what a feeder simplifies, as its
# notes say) have no loss here.
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
    "phase_loop": (180, 0.244),
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
    "xf_ll_primary": (30, 0.258),
}


@pytest.mark.parametrize("name", RIGHT)
def test_load_and_losses(name):
    feeder = load_feeder(FIELD / "feeders" / f"{name}.dss")
    load, loss = RIGHT[name]
    assert feeder.to_kw(feeder.load_p.sum()) == pytest.approx(load, rel=1e-4)
    assert pygridjl.power_flow(feeder, "z-bus").loss_kw == pytest.approx(loss, rel=2e-3, abs=2e-3)


@pytest.mark.parametrize(
    ("name", "loss"),
    [
        ("source_impedance", 47.593),
        ("mutual_line", 24.148),
        ("bank_of_single_phase", 0.921),
        ("open_wye_open_delta", 0.3424),
        ("neutral_reactor", 7.271),
        ("parallel_lines", 9.236),
        ("disabled_fault", 13.596),
    ],
)
def test_losses(name, loss):
    feeder = load_feeder(FIELD / f"{name}.dss")
    result = pygridjl.power_flow(feeder, "z-bus")
    assert result.loss_kw == pytest.approx(loss, rel=1e-3)
    lowest = {"source_impedance": 0.99215, "bank_of_single_phase": 0.99005}.get(name)
    if lowest is not None:
        assert np.nanmin(result.vm) == pytest.approx(lowest, abs=1e-4)


def test_a_load_of_two_phases_in_delta_stands_between_two_pairs():
    """Half of 900 kW from a to b, half from b to c: not the least-norm share of all three pairs."""
    feeder = load_feeder(FIELD / "feeders" / "ph2_delta_load.dss")
    assert pygridjl.power_flow(feeder, "z-bus").loss_kw == pytest.approx(7.394, abs=6e-4)


def test_a_bank_of_two_units_feeds_the_phases_it_stands_on():
    """Open wye, open delta: the two units carry S/√3 at ±30°."""
    feeder = load_feeder(FIELD / "open_wye_open_delta.dss", lump_services=True)
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
