"""PowerModelsDistribution against our LinDistFlow, against OpenDSS and against itself."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from feeder_builders import two_bus_feeder

import pygridjl
from pygridjl.bridge.errors import JuliaSolveError
from pygridjl.bridge.problems.asking import JuliaOptions
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
    validate_feeder,
)
from pygridjl.grid.cases.ties import switches_of
from pygridjl.powerflow.feeder_sweep import feeder_power_flow
from pygridjl.powerflow.lindistflow import LinDistFlow3
from pygridjl.powerflow.losses import resistive_losses

pytestmark = pytest.mark.julia

DATA = Path(__file__).parents[1] / "data"
FEEDERS = ["ieee13", "ieee34", "ieee37", "ieee123"]


@pytest.mark.parametrize("name", FEEDERS)
def test_lindistflow_agrees_with_ours(name: str) -> None:
    feeder = load_feeder(name)
    theirs = julia_feeder_opf(feeder, "lindist", "pf")
    assert theirs.status is Status.OPTIMAL
    ours = np.sqrt(LinDistFlow3(feeder).voltages(*feeder.injection()))
    np.testing.assert_allclose(feeder.by_node(theirs.values["vm"]), ours, atol=1e-6)


@pytest.mark.parametrize("name", FEEDERS)
def test_three_forms_of_the_ac_equations_agree(name: str) -> None:
    feeder = load_feeder(name)
    polar = julia_feeder_opf(feeder, "acp", "pf")
    assert polar.status is Status.FEASIBLE
    # What flows in covers the demand and the losses.
    assert polar.values["p_source"].sum() > feeder.load_p.sum()
    for formulation in ("acr", "ivr"):
        other = julia_feeder_opf(feeder, formulation, "pf")
        np.testing.assert_allclose(other.values["vm"], polar.values["vm"], atol=1e-6)
        assert other.values["p_source"].sum() == pytest.approx(
            polar.values["p_source"].sum(), rel=1e-6
        )


@pytest.mark.parametrize("name", FEEDERS)
def test_opf_of_our_own_feeder_solves(name: str) -> None:
    feeder = load_feeder(name).with_band(0.85, 1.12)
    flow = julia_feeder_opf(feeder, "acp", "pf")
    for formulation in ("acp", "acr", "ivr"):
        answer = julia_feeder_opf(feeder, formulation, ampacity=False)
        assert answer.status is Status.FEASIBLE
        # Nothing to decide: the optimum is the power flow.
        assert answer.values["p_source"].sum() == pytest.approx(
            flow.values["p_source"].sum(), rel=1e-6
        )
    relaxed = julia_feeder_opf(feeder, "soc", ampacity=False)
    assert relaxed.status is Status.OPTIMAL
    assert feeder.load_p.sum() - 1e-6 <= relaxed.objective <= flow.values["p_source"].sum() + 1e-6
    linear = julia_feeder_opf(feeder, "lindist", ampacity=False)
    assert linear.objective == pytest.approx(feeder.load_p.sum(), rel=1e-9)


def test_a_generator_lowers_the_import_and_keeps_the_band() -> None:
    feeder = load_feeder("ieee13").with_band(0.95, 1.06)
    bus = int(np.flatnonzero(feeder.buses.id == "671")[0])
    unit = FeederGenerators(id=["pv"], bus=[bus], p=[[0.5] * 3], q=[[0.0] * 3], s_max=[[0.6] * 3])
    answer = julia_feeder_opf(feeder.replace(generators=unit), "acp", ampacity=False)
    assert answer.status is Status.FEASIBLE
    assert (answer.values["pg"] <= 0.5 + 1e-6).all()
    assert np.nanmin(answer.values["vm"]) >= 0.95 - 1e-6
    assert np.nanmax(np.delete(answer.values["vm"], feeder.source_bus, axis=0)) <= 1.06 + 1e-6
    alone = julia_feeder_opf(load_feeder("ieee13"), "acp", "pf")
    assert answer.objective < alone.values["p_source"].sum() - 1.4


def test_ampacities_that_exclude_every_answer_are_proven_so() -> None:
    feeder = load_feeder("ieee13")
    tight = feeder.replace(branches=feeder.branches.replace(rating=0.5))
    assert julia_feeder_opf(tight, "lindist").status is Status.INFEASIBLE
    assert julia_feeder_opf(tight, "acp").status is Status.NOT_FOUND


def trees_of(feeder: Feeder) -> dict[tuple[str, ...], tuple[float, float]]:
    """Losses of every tree of a feeder's switches: of nominal currents and in AC, kW."""
    found = {}
    count = int((~feeder.branches.closed).sum())
    for opened in combinations(switches_of(feeder), count):
        state = feeder.with_open(opened)
        if validate_feeder(state):
            continue
        model = LinDistFlow3(state)
        P, Q = model.flows(*state.injection())
        linear = float(feeder.to_kw(resistive_losses(model).value(P, Q)))
        found[opened] = (linear, feeder_power_flow(state).loss_kw)
    return found


@pytest.mark.parametrize("name", ["ieee13-ties", "ieee34-ties", "ieee123-ties"])
def test_reconfiguration_of_a_feeder_is_what_trying_every_tree_finds(name: str) -> None:
    feeder = load_feeder(name)
    trees = trees_of(feeder)
    assert len(trees) > 10
    answer = pygridjl.reconfigure(feeder, backend="julia", limits=["voltage"], time_limit=120)
    least = min(linear for linear, _ in trees.values())
    # Lines that are opened lose their charging, of IEEE 34 0.005 p.u. each: 7 % of the bound.
    assert feeder.branches.b[np.isin(feeder.branches.id, switches_of(feeder))].any()
    assert answer.status is Status.OPTIMAL
    assert answer.bound == pytest.approx(answer.objective, rel=1e-5)
    # The constant-power trees include some whose voltages leave the wide band.
    assert answer.objective >= least * (1 - 1e-6)
    assert trees[answer.open_branches][0] == pytest.approx(answer.objective, rel=1e-5)
    allowed = [
        linear
        for opened, (linear, _) in trees.items()
        if LinDistFlow3(feeder.with_open(opened)).voltages(*_injection(feeder, opened)).min()
        > 0.8**2
    ]
    assert answer.objective == pytest.approx(min(allowed), rel=1e-5)
    assert answer.loss_kw == pytest.approx(trees[answer.open_branches][1], rel=1e-9)
    assert any("without a voltage band" in note for note in answer.notes)
    assert "ampacities and angle differences are not kept" in answer.notes


def _injection(feeder: Feeder, opened: tuple[str, ...]):
    return feeder.with_open(opened).injection()


@pytest.mark.parametrize("formulation", ["acp", "acr", "ivr"])
def test_the_minlp_of_a_real_feeder_against_every_tree(formulation: str) -> None:
    feeder = load_feeder("ieee13-ties")
    trees = trees_of(feeder)
    best = min(ac for _, ac in trees.values())
    answer = pygridjl.reconfigure(
        feeder, formulation, backend="julia", limits=["voltage"], time_limit=60
    )
    assert answer.status in (Status.FEASIBLE, Status.TIME_LIMIT)
    assert answer.bound is None
    # Its own losses are those that our sweeps find for its states, and none of the best is missed.
    assert answer.objective == pytest.approx(trees[answer.open_branches][1], rel=1e-3)
    assert answer.objective <= 1.001 * best


def test_the_relaxation_bounds_the_losses_of_every_tree() -> None:
    feeder = load_feeder("ieee13-ties")
    best = min(ac for _, ac in trees_of(feeder).values())
    answer = pygridjl.reconfigure(feeder, "soc", backend="julia", limits=["voltage"], time_limit=60)
    assert answer.bound is None or answer.bound <= best * (1 + 1e-4)


@pytest.mark.parametrize("name", ["case33bw"])
def test_a_network_in_three_balanced_phases_is_the_network(name: str) -> None:
    network = pygridjl.load_network(name)
    feeder = pygridjl.balanced_feeder(network)
    ours = pygridjl.reconfigure(network, "exact", limits=())
    theirs = pygridjl.reconfigure(
        feeder,
        "lindist",
        backend="julia",
        switchable=feeder.branches.id.tolist(),
        limits=["voltage"],
        time_limit=200,
    )
    assert theirs.bound <= ours.objective * (1 + 1e-6)
    assert theirs.objective >= ours.objective * (1 - 1e-6)
    if theirs.status is Status.OPTIMAL:
        assert theirs.open_branches == tuple(map(str, ours.open_branches))


def test_what_cannot_be_switched_is_refused() -> None:
    with pytest.raises(InvalidOptionError, match="nowhere"):
        pygridjl.reconfigure(load_feeder("ieee13"), backend="julia", switchable=["nowhere"])


def test_a_script_is_solved_as_pmd_reads_it(script: Path) -> None:
    answer = pygridjl.opf(script, "acp", backend="julia", solution=True)
    assert answer.status is Status.FEASIBLE
    assert answer.bus.size == len(answer.vm)
    assert answer.solution["bus"]
    assert answer.p_source.sum() == pytest.approx(answer.objective)


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
        losses[(name,)] = float(flow.values["p_source"].sum() - feeder.load_p.sum())
    best = min(losses, key=lambda tree: losses[tree])
    start = [name for name in feeder.branches.id.tolist() if name not in best]
    answer = julia_feeder_reconfigure(
        feeder,
        feeder.branches.id.tolist(),
        formulation,
        JuliaOptions(time_limit=120),
        start=start if started else None,
    )
    # Juniper may be wrong, but never claims a proof, and its losses are those of its tree.
    assert answer.status is Status.FEASIBLE
    assert answer.bound is None
    assert answer.objective == pytest.approx(losses[answer.values["opened"]], rel=1e-4)
    assert answer.objective >= losses[best] * (1 - 1e-4)
    if started:
        assert answer.values["opened"] == best
    assert {"Juniper", "Ipopt", "HiGHS"} <= answer.versions.keys()


def test_time_limits_are_statuses() -> None:
    feeder = load_feeder("ieee123")
    hurried = julia_feeder_opf(feeder, "acp", "opf", JuliaOptions(time_limit=1e-3))
    assert hurried.status is Status.TIME_LIMIT
    assert hurried.objective is None
    switches = feeder.branches.id[feeder.branches.kind == "switch"].tolist()
    for seconds in (1e-3, 1e-2, 5e-2):
        # At full load a regulator's ampacity is passed: nothing is feasible with limits.
        answer = julia_feeder_reconfigure(
            feeder, switches, "lindist", JuliaOptions(time_limit=seconds), limits=False
        )
        assert answer.objective is not None or answer.status is Status.TIME_LIMIT


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
    ours = pd.Series(1e3 * answer.values["vm"] * answer.values["kv"], index=answer.values["node"])
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
    with pytest.raises(InvalidOptionError, match="no transformer reg9"):
        julia_dss_opf(script, "acp", "pf", taps={("REG9", 2): 1.05})
