"""The bundled feeders against what their authors publish."""

import json
from pathlib import Path

import numpy as np
import pytest

import pygridjl
from pygridjl.grid import list_feeders, load_feeder

# Spot plus distributed load of the IEEE PES Test Feeder Working Group's data sheets (13: 3466 kW,
# 2102 kvar; 34: 1769, 1044; 37: 2457, 1201; 123: 3490, 1920) and of Arritt and Dugan, "The IEEE
# 8500-Node Test Feeder", 2010, balanced case (10773 kW, 2700 kvar). The 9500-node script sums to
# the last row when its ``new Load`` lines are added up as text.
TOTALS = {
    "ieee13": (3466.0, 2102.0),
    "ieee34": (1769.0, 1044.0),
    "ieee37": (2457.0, 1201.0),
    "ieee123": (3490.0, 1920.0),
    "ieee8500": (10773.2, 2700.0),
    "ieee9500": (12302.351, 3437.954),
}
# Capacitors: 600 + 100; 300 + 450; none; 600 + 3·50; 2·900 + 1200 + 900 for the two large ones.
KVAR = {"ieee13": 700, "ieee34": 750, "ieee37": 0, "ieee123": 750, "ieee8500": 3900}
KVAR |= {"ieee9500": 3900}


@pytest.fixture(scope="module", params=[feeder.name for feeder in list_feeders()])
def feeder(request):
    return load_feeder(request.param)


def test_total_load(feeder):
    kw, kvar = TOTALS[feeder.name]
    assert feeder.to_kw(feeder.load_p.sum()) == pytest.approx(kw, abs=0.05)
    assert feeder.to_kw(feeder.load_q.sum()) == pytest.approx(kvar, abs=0.05)
    assert feeder.to_kw(feeder.capacitors.q.sum()) == pytest.approx(KVAR[feeder.name], rel=1e-3)


def test_radial_and_every_simplification_named(feeder):
    assert len(feeder.tree.order) == feeder.n_bus
    assert feeder.branches.closed.sum() == feeder.n_bus - 1
    notes = " ".join(feeder.notes)
    assert "source impedance" in notes
    assert "line charging" in notes
    regulated = feeder.branches.kind == "regulator"
    assert ("regulators are fixed ratios" in notes) == bool(regulated.any())
    delta = (feeder.loads.connection == "delta").sum()
    assert (f"{delta} delta load" in notes) == bool(delta)
    assert "BSD-3-Clause" in feeder.source


def test_drawing_coordinates(feeder):
    known = np.isfinite(feeder.buses.x)
    assert known.mean() > 0.9


def test_sizes():
    """130 and 2744 buses are what a published siting study has (ours keeps two open ends)."""
    assert load_feeder("ieee9500").n_bus == 2744
    ieee123 = load_feeder("ieee123")
    dead_ends = np.isin(ieee123.buses.id, ["300_open", "94_open"])
    assert ieee123.n_bus - dead_ends.sum() == 130


def test_ratings_are_those_the_scripts_state(feeder):
    """Counted in the scripts as text; the engine would say 400 A wherever nothing is stated.

    The small feeders rate transformers only. IEEE 8500 rates two line codes (95 and 18 lines) and
    its source reactor. IEEE 9500 rates all but the lines of 111 ``CNCables`` statements, whose
    cable is rated 0.
    """
    branch = feeder.branches
    wired = np.isin(branch.kind, ("line", "switch"))
    amps = (branch.rating * feeder.i_base[branch.to_bus][:, None])[wired].min(axis=1)
    values, counts = np.unique(amps[np.isfinite(amps)].round(6), return_counts=True)
    found = dict(zip(values.tolist(), counts.tolist(), strict=True))
    unlimited = int(np.isinf(amps).sum())
    if feeder.name == "ieee9500":
        assert unlimited == 111
        assert max(found) == 630
    else:
        assert found == ({220: 95, 190: 18, 400: 1} if feeder.name == "ieee8500" else {})
    bank = feeder.name == "ieee37"  # one phase of its open-delta bank passes through a jumper
    assert f"{unlimited + bank} branches without a rating in force" in " ".join(feeder.notes)


def test_phase_loads_of_ieee13_and_ieee123():
    """Spot loads by phase where all are wye: the data sheet of IEEE 123, bus by bus."""
    feeder = load_feeder("ieee123")
    kw = dict(zip(feeder.node_ids, feeder.to_kw(feeder.load_p), strict=True))
    assert {k: round(v, 6) for k, v in kw.items() if k.startswith(("48.", "65.", "47."))} == {
        "47.a": 35.0,
        "47.b": 35.0,
        "47.c": 35.0,
        "48.a": 70.0,
        "48.b": 70.0,
        "48.c": 70.0,
        # Delta at 65: ab 35 + j25, bc 35 + j25, ca 70 + j50 kVA, turned by ∓30° over √3.
        "65.a": pytest.approx(35 / 2 + 25 / 12**0.5 + 70 / 2 - 50 / 12**0.5),
        "65.b": pytest.approx(35 / 2 - 25 / 12**0.5 + 35 / 2 + 25 / 12**0.5),
        "65.c": pytest.approx(35 / 2 - 25 / 12**0.5 + 70 / 2 + 50 / 12**0.5),
    }


def test_line_601_of_ieee13():
    """Configuration 601 (ohm/mile) times 2000 ft, straight from the data sheet."""
    feeder = load_feeder("ieee13")
    row = int(np.flatnonzero(feeder.branches.id == "line.650632")[0])
    r = np.array([[0.3465, 0.1560, 0.1580], [0.1560, 0.3375, 0.1535], [0.1580, 0.1535, 0.3414]])
    ohm = feeder.branches.r[row] * (4.16**2 / 3)
    np.testing.assert_allclose(ohm, r * 2000 / 5280, rtol=1e-6)


def test_sound_folders_and_small_files():
    folder = Path(pygridjl.__file__).parent / "grid" / "cases" / "feeders"
    for name in (feeder.name for feeder in list_feeders()):
        files = list((folder / name).iterdir())
        assert sum(f.stat().st_size for f in files) < 1e6
        assert json.loads((folder / name / "params.json").read_text())["name"] == name
