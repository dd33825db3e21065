"""PowerModelsDistribution's AC power flow against the OpenDSS engine.

The bundled feeders are written as OpenDSS scripts here and solved by both. The published scripts
themselves are not part of the package: name the folder that holds ``13Bus``, ``34Bus``, ``37Bus``
and ``123Bus`` of the OpenDSS distribution in ``PYGRIDJL_IEEE_SCRIPTS`` to have them solved too.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from pygridjl.bridge.answer import JuliaAnswer
from pygridjl.bridge.errors import JuliaSolveError
from pygridjl.bridge.problems.asking import JuliaOptions
from pygridjl.bridge.problems.dss_opf import julia_dss_opf
from pygridjl.bridge.problems.feeder_opf import julia_feeder_opf
from pygridjl.core.result import Status
from pygridjl.grid import load_feeder
from pygridjl.grid.io.opendss.engine import compiled_circuit
from pygridjl.grid.io.opendss.write import write_opendss

pytestmark = pytest.mark.julia

SCRIPTS = os.environ.get("PYGRIDJL_IEEE_SCRIPTS")
published = pytest.mark.skipif(
    SCRIPTS is None, reason="PYGRIDJL_IEEE_SCRIPTS names no folder of published scripts"
)


def by_opendss(path: Path) -> tuple[dict[str, float], dict[tuple[str, int], float]]:
    """Voltage by node, p.u., and every tap that is not 1, by transformer and winding."""
    # The published scripts read their line codes from the folder above theirs.
    with compiled_circuit(path, root=path.parents[1]) as (dss, _):
        dss.Solution.Solve()
        assert dss.Solution.Converged()
        names = [name.lower() for name in dss.Circuit.AllNodeNames()]
        volts = dict(zip(names, dss.Circuit.AllBusMagPu(), strict=True))
        taps = {}
        for name in dss.Transformers.AllNames():
            dss.Transformers.Name(name)
            for winding in range(1, dss.Transformers.NumWindings() + 1):
                dss.Transformers.Wdg(winding)
                taps[name, winding] = dss.Transformers.Tap()
    return volts, {key: tap for key, tap in taps.items() if tap != 1.0}


def largest_difference(answer: JuliaAnswer, volts: dict[str, float], *floating: str) -> float:
    """Largest difference over all nodes but those of buses that float."""
    found = dict(zip(answer.values["node"], answer.values["vm"], strict=True))
    common = [node for node in found if node in volts and node.split(".")[0] not in floating]
    assert len(common) >= 0.9 * len(volts)
    return max(abs(found[node] - volts[node]) for node in common)


@pytest.mark.parametrize("name", ["ieee13", "ieee34", "ieee37", "ieee123"])
def test_our_feeder_in_pmd_agrees_with_opendss(name: str, tmp_path: Path) -> None:
    feeder = load_feeder(name)
    path = tmp_path / "own.dss"
    write_opendss(feeder, path)
    volts, _ = by_opendss(path)
    theirs = [
        volts[f"{i}.{'abc'.index(p) + 1}"] for i, p in (n.split(".") for n in feeder.node_ids)
    ]
    answer = julia_feeder_opf(feeder, "acp", "pf")
    assert answer.status is Status.FEASIBLE
    np.testing.assert_allclose(feeder.by_node(answer.values["vm"]), theirs, atol=1e-4)
    raw = julia_dss_opf(path, "acp", "pf")
    assert raw.status is Status.FEASIBLE
    assert largest_difference(raw, volts) <= 1e-4


@published
def test_published_ieee123_with_the_taps_of_opendss() -> None:
    """Bus 610 floats behind a delta-delta transformer: its voltage to ground means nothing."""
    path = Path(str(SCRIPTS)) / "123Bus" / "IEEE123Master.dss"
    volts, taps = by_opendss(path)
    answer = julia_dss_opf(path, "acp", "pf", taps=taps, root=path.parents[1])
    assert answer.status is Status.FEASIBLE
    assert largest_difference(answer, volts, "610") <= 1e-3


@published
def test_published_ieee34_with_the_taps_of_opendss(tmp_path: Path) -> None:
    """With loads of model 1 for model 4, which PMD does not have.

    Without a band PMD ends at a solution of low voltage.
    """
    script = (Path(str(SCRIPTS)) / "34Bus" / "ieee34Mod1.dss").read_text(encoding="utf-8")
    path = _variant(tmp_path, "34Bus", script.replace("Model=4", "Model=1"))
    volts, taps = by_opendss(path)
    answer = julia_dss_opf(
        path,
        "acp",
        "opf",
        JuliaOptions(time_limit=60),
        v_min=0.8,
        v_max=1.2,
        taps=taps,
        root=path.parents[1],
    )
    assert answer.status is Status.FEASIBLE
    assert largest_difference(answer, volts) <= 1e-3


@published
def test_published_ieee13_from_bus_650(tmp_path: Path) -> None:
    """The source behind the substation, and two wye loads for the delta load at bus 646.

    With either as it is, PMD's power flow ends nowhere or at a solution of low voltage.
    """
    script = (Path(str(SCRIPTS)) / "13Bus" / "IEEE13Nodeckt.dss").read_text(encoding="utf-8")
    script = script.replace("basekv=115", "basekv=4.16").replace("bus1=SourceBus", "bus1=650")
    transformer = script.index("New Transformer.Sub")
    script = script[:transformer] + script[script.index("New Transformer.Reg1") :]
    half = "phases=1 model=2 kv=2.4 kw=115 kvar=66"
    wye = f"new load.646b bus1=646.2 {half}\nnew load.646c bus1=646.3 {half}"
    path = _variant(tmp_path, "13Bus", re.sub(r"(?im)^new load\.646 .*$", wye, script))
    volts, taps = by_opendss(path)
    answer = julia_dss_opf(path, "acp", "pf", taps=taps, root=path.parents[1])
    assert answer.status is Status.FEASIBLE
    assert largest_difference(answer, volts) <= 1e-3


@published
def test_published_ieee37_is_beyond_pmd() -> None:
    """Open-delta regulators: PMD stops at them, and that is an error in plain words."""
    path = Path(str(SCRIPTS)) / "37Bus" / "ieee37.dss"
    with pytest.raises(JuliaSolveError, match="dss_opf"):
        julia_dss_opf(path, "acp", "pf", root=path.parents[1])


def _variant(folder: Path, case: str, script: str) -> Path:
    """The script in a copy of the folder of its case, beside what that reads from above."""
    codes = Path(str(SCRIPTS)) / "IEEELineCodes.DSS"
    if codes.is_file():
        shutil.copy(codes, folder)
    path = shutil.copytree(Path(str(SCRIPTS)) / case, folder / case) / "variant.dss"
    kept = [line for line in script.splitlines() if not line.lower().startswith("buscoords")]
    path.write_text("\n".join(kept), encoding="utf-8")
    return path
