"""PowerModelsDistribution against our LinDistFlow, against OpenDSS and against itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from feeder_builders import two_bus_feeder

from pygridjl.bridge.errors import JuliaSolveError
from pygridjl.bridge.problems.dss_opf import julia_dss_opf
from pygridjl.bridge.problems.feeder_opf import julia_feeder_opf
from pygridjl.bridge.problems.feeder_radial import julia_feeder_reconfigure
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.result import Status
from pygridjl.grid import (
    Feeder,
    FeederBranches,
    FeederBuses,
    FeederGenerators,
    FeederLoads,
    load_feeder,
)
from pygridjl.powerflow.lindistflow import LinDistFlow3

pytestmark = pytest.mark.julia

DATA = Path(__file__).parents[1] / "data"
FEEDERS = ["ieee13", "ieee34", "ieee37", "ieee123"]


@pytest.mark.parametrize("name", FEEDERS)
def test_lindistflow_agrees_with_ours(name: str) -> None:
    feeder = load_feeder(name)
    theirs = julia_feeder_opf(feeder, "lindist", "pf")
    assert theirs.status is Status.OPTIMAL
    ours = np.sqrt(LinDistFlow3(feeder).voltages(*feeder.injection()))
    np.testing.assert_allclose(feeder.by_node(theirs.vm), ours, atol=1e-6)


@pytest.mark.parametrize("name", FEEDERS)
def test_three_forms_of_the_ac_equations_agree(name: str) -> None:
    feeder = load_feeder(name)
    polar = julia_feeder_opf(feeder, "acp", "pf")
    assert polar.status is Status.FEASIBLE
    # What flows in covers the demand and the losses.
    assert polar.p_source.sum() > feeder.load_p.sum()
    for formulation in ("acr", "ivr"):
        other = julia_feeder_opf(feeder, formulation, "pf")
        np.testing.assert_allclose(other.vm, polar.vm, atol=1e-6)
        assert other.p_source.sum() == pytest.approx(polar.p_source.sum(), rel=1e-6)


@pytest.mark.parametrize("name", FEEDERS)
def test_opf_of_our_own_feeder_solves(name: str) -> None:
    feeder = load_feeder(name).with_band(0.85, 1.12)
    flow = julia_feeder_opf(feeder, "acp", "pf")
    for formulation in ("acp", "acr", "ivr"):
        answer = julia_feeder_opf(feeder, formulation, ampacity=False)
        assert answer.status is Status.FEASIBLE
        # Nothing to decide: the optimum is the power flow.
        assert answer.p_source.sum() == pytest.approx(flow.p_source.sum(), rel=1e-6)
    relaxed = julia_feeder_opf(feeder, "soc", ampacity=False)
    assert relaxed.status is Status.OPTIMAL
    assert feeder.load_p.sum() - 1e-6 <= relaxed.objective <= flow.p_source.sum() + 1e-6
    linear = julia_feeder_opf(feeder, "lindist", ampacity=False)
    assert linear.objective == pytest.approx(feeder.load_p.sum(), rel=1e-9)


def test_a_generator_lowers_the_import_and_keeps_the_band() -> None:
    feeder = load_feeder("ieee13").with_band(0.95, 1.06)
    bus = int(np.flatnonzero(feeder.buses.id == "671")[0])
    unit = FeederGenerators(id=["pv"], bus=[bus], p=[[0.5] * 3], q=[[0.0] * 3], s_max=[[0.6] * 3])
    answer = julia_feeder_opf(feeder.replace(generators=unit), "acp", ampacity=False)
    assert answer.status is Status.FEASIBLE
    assert (answer.pg <= 0.5 + 1e-6).all()
    assert np.nanmin(answer.vm) >= 0.95 - 1e-6
    assert np.nanmax(np.delete(answer.vm, feeder.source_bus, axis=0)) <= 1.06 + 1e-6
    alone = julia_feeder_opf(load_feeder("ieee13"), "acp", "pf")
    assert answer.objective < alone.p_source.sum() - 1.4


def test_ampacities_that_exclude_every_answer_are_proven_so() -> None:
    feeder = load_feeder("ieee13")
    tight = feeder.replace(branches=feeder.branches.replace(rating=0.5))
    assert julia_feeder_opf(tight, "lindist").status is Status.INFEASIBLE
    assert julia_feeder_opf(tight, "acp").status is Status.NOT_FOUND


def test_reconfiguration_of_a_feeder_by_its_switches() -> None:
    """On IEEE 123 with every switch free, the trees are few enough to try with our LinDistFlow."""
    feeder = load_feeder("ieee123")
    switches = [str(name) for name in feeder.branches.id[feeder.branches.kind == "switch"]]
    answer = julia_feeder_reconfigure(feeder, switches, "lindist", time_limit=120)
    assert answer.status is Status.OPTIMAL
    assert answer.bound <= answer.objective
    assert answer.objective == pytest.approx(_linear_loss(feeder, answer.opened), rel=1e-4)
    assert answer.objective <= _linear_loss(feeder, tuple(_open(feeder))) * (1 + 1e-6)
    with pytest.raises(InvalidOptionError, match="nowhere"):
        julia_feeder_reconfigure(feeder, ["nowhere"])


def ring() -> Feeder:
    """Four buses in a ring, of which any line may be open."""
    line = two_bus_feeder().branches
    return Feeder(
        name="ring",
        phase_mva=1.0,
        buses=FeederBuses(id=["src", "a", "b", "c"], kv_ln=2.4, v_min=0.8, v_max=1.2),
        branches=FeederBranches(
            id=["l0", "l1", "l2", "l3"],
            from_bus=[0, 1, 2, 0],
            to_bus=[1, 2, 3, 3],
            r=line.r * np.array([1.0, 0.8, 1.2, 1.5])[:, None, None],
            x=line.x * np.ones((4, 1, 1)),
        ),
        loads=FeederLoads(
            id=["da", "db", "dc"],
            bus=[1, 2, 3],
            p=[[0.3, 0.2, 0.1], [0.1, 0.2, 0.2], [0.2, 0.2, 0.3]],
            q=[[0.1, 0.0, 0.05], [0.0, 0.1, 0.1], [0.1, 0.1, 0.1]],
        ),
        source_bus=0,
        v_set=1.0,
    )


@pytest.mark.parametrize("formulation", ["acp", "acr"])
@pytest.mark.parametrize("started", [False, True])
def test_the_minlp_baseline_against_every_tree(formulation: str, started: bool) -> None:
    feeder = ring()
    losses = {}
    for name in feeder.branches.id.tolist():
        flow = julia_feeder_opf(feeder.with_open([name]), "acp", "pf")
        losses[(name,)] = float(flow.p_source.sum() - feeder.load_p.sum())
    best = min(losses, key=lambda tree: losses[tree])
    start = [name for name in feeder.branches.id.tolist() if name not in best]
    answer = julia_feeder_reconfigure(
        feeder,
        feeder.branches.id.tolist(),
        formulation,
        start=start if started else None,
        time_limit=120,
    )
    # Juniper may be wrong, but never claims a proof, and its losses are those of its tree.
    assert answer.status is Status.FEASIBLE
    assert answer.bound is None
    assert answer.objective == pytest.approx(losses[answer.opened], rel=1e-4)
    assert answer.objective >= losses[best] * (1 - 1e-4)
    if started:
        assert answer.opened == best
    assert {"Juniper", "Ipopt", "HiGHS"} <= answer.versions.keys()


def test_time_limits_are_statuses() -> None:
    feeder = load_feeder("ieee123")
    assert julia_feeder_opf(feeder, "acp", time_limit=1e-3).status is Status.TIME_LIMIT
    switches = feeder.branches.id[feeder.branches.kind == "switch"].tolist()
    for seconds in (1e-3, 1e-2, 5e-2):
        answer = julia_feeder_reconfigure(feeder, switches, "lindist", time_limit=seconds)
        assert answer.objective is not None or answer.status is Status.TIME_LIMIT


def _open(feeder: Feeder) -> list[str]:
    return [str(name) for name in feeder.branches.id[~feeder.branches.closed]]


def _linear_loss(feeder: Feeder, opened: tuple[str, ...]) -> float:
    """Σ r (P² + Q²) over the phases, by our tree sweeps."""
    feeder = feeder.with_open(opened)
    model = LinDistFlow3(feeder)
    P, Q = model.flows(*feeder.injection())
    resistance = np.array(
        [
            feeder.branches.r[edge, phase, phase] if edge >= 0 else 0.0
            for edge, phase in zip(model.branch, feeder.node_phase, strict=True)
        ]
    )
    return float(resistance @ (P**2 + Q**2))


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A circuit without its open line: PMD 0.16 does not know OpenDSS's command ``open``."""
    lines = (DATA / "balanced_three_phase.dss").read_text(encoding="utf-8").splitlines()
    path = tmp_path / "balanced.dss"
    kept = (line for line in lines if "line.op" not in line)
    path.write_text("\n".join(kept), encoding="utf-8")
    return path


def test_raw_script_agrees_with_opendss(script: Path) -> None:
    dss = pytest.importorskip("opendssdirect")
    dss.Text.Command("clear")
    dss.Text.Command(f'redirect "{script}"')
    dss.Solution.Solve()
    names, volts = dss.Circuit.AllNodeNames(), dss.Circuit.AllBusVMag()
    theirs = pd.Series(volts, index=[name.lower() for name in names])
    answer = julia_dss_opf(script, "acp", "pf")
    assert answer.status is Status.FEASIBLE
    # In volts: behind a transformer rated 12 kV at a bus of 12.47 kV the bases differ.
    ours = pd.Series(1e3 * answer.vm * answer.kv, index=answer.node)
    both = theirs.index.intersection(ours.index)
    assert len(both) >= 6
    np.testing.assert_allclose(ours[both], theirs[both], rtol=1e-3)


def test_a_script_that_cannot_be_read_is_our_error(tmp_path: Path) -> None:
    path = tmp_path / "broken.dss"
    path.write_text("new line.x bus1=a bus2=b linecode=nowhere\n", encoding="utf-8")
    with pytest.raises(JuliaSolveError) as caught:
        julia_dss_opf(path, "acp", "pf")
    assert "Stacktrace" in str(caught.value.julia_trace)


def test_unknown_taps_are_named(script: Path) -> None:
    with pytest.raises(JuliaSolveError, match="no transformer reg9"):
        julia_dss_opf(script, "acp", "pf", taps={("REG9", 2): 1.05})
