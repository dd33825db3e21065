"""The benchmark against the MINLP with a stand-in for Julia: what its figures mean."""

from __future__ import annotations

import pytest

from pygridjl.bridge.answer import JuliaAnswer
from pygridjl.bridge.errors import JuliaPackageError
from pygridjl.core.result import Status
from pygridjl.experiments.minlp import Options, instances, tasks as study
from pygridjl.experiments.minlp.page import judged, page, table_i
from pygridjl.grid.cases import get_case
from pygridjl.reconfiguration import reconfigure
from pygridjl.reconfiguration.heuristics import minimum_spanning_tree
from pygridjl.study.runner import run_here
from pygridjl.study.store import Store
from pygridjl.study.task import Plan

INSTANCE = "forward11"


def linear_solver(poor, best):
    """Answer with the best tree and a proof, but for Juniper, which claims a poor one."""

    def solve(problem, how, *, start=None):
        if how.solver == "Pajarito":
            raise JuliaPackageError("project has no Pajarito")
        local = how.solver == "Juniper"
        closed = poor if local else best
        value, first = problem.objective(closed), problem.objective(poor)
        end = ((1.0, value, None),)
        return JuliaAnswer(
            status=Status.FEASIBLE if local else Status.OPTIMAL,
            raw_status="LOCALLY_SOLVED" if local else "OPTIMAL",
            solver=how.solver,
            objective=value,
            bound=None if local else value,
            values={"closed": closed, "nodes": None},
            trace=end if local else ((0.25, first, None), (0.5, value, 0.9 * value), *end),
            seconds={"julia": 0.0, "build": 0.0, "solve": 1.0, "crossing": 0.0},
            versions={},
        )

    return solve


def feeder_solver(feeder, switchable, formulation, how, *, start, limits):
    """Keep the base state of a feeder and claim that it is the best."""
    closed = tuple(name for name in switchable if name not in ("tie.675_680", "tie.633_692"))
    return JuliaAnswer(
        status=Status.FEASIBLE,
        raw_status="LOCALLY_SOLVED",
        solver=how.solver or "",
        objective=0.115,
        bound=None,
        values={"opened": ("tie.675_680", "tie.633_692"), "closed": closed, "nodes": None},
        trace=((2.0, 0.115, None),),
        seconds={"solve": 2.0},
    )


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "NETWORKS", {INSTANCE: "balanced"})
        patch.setattr(study, "FEEDERS", ("ieee13-ties",))
        problem = instances.problem_of(INSTANCE)
        proven = reconfigure(get_case(INSTANCE), "exact", problem="balanced")
        best = problem.edge_states(
            get_case(INSTANCE).with_open(proven.open_branches).branches.closed
        )
        poor = minimum_spanning_tree(problem)
        patch.setattr(study, "julia_reconfigure", linear_solver(poor, best))
        patch.setattr(study, "julia_feeder_reconfigure", feeder_solver)
        store = Store(tmp_path_factory.mktemp("minlp") / "finished.sqlite", "s")
        made = study.plan(Options(time_limit=3.0)).parts
        plan = Plan({name: made[name] for name in ("linear", "feeders")})
        return run_here(store, plan)


@pytest.fixture(scope="module")
def linear(parts):
    rows = judged(parts["linear"], "objective_kw")
    return {(row["method"], row["start"]): row for row in rows}


def test_seconds_are_read_from_the_trace(linear):
    row = linear["SCIP", ""]
    assert (row["first_seconds"], row["best_seconds"], row["end_seconds"]) == (0.25, 0.5, 1.0)
    assert row["proven"]
    assert row["excess"] == 0.0
    assert not row["false_claim"]


def test_a_claim_above_the_optimum_is_called_false(linear):
    row = linear[study.AS_IT_COMES, ""]
    assert row["claim"] == "LOCALLY_SOLVED"
    assert row["false_claim"]
    assert row["excess"] > 0.01
    assert not row["proven"]
    assert row["first_seconds"] == 1.0


def test_a_missing_solver_is_a_row(linear):
    assert "has no Pajarito" in linear["Pajarito", "FORWARD"]["error"]


def test_our_own_lines_carry_the_proof(linear):
    assert linear["cycle branch and bound", ""]["proven"]
    assert linear["FORWARD", ""]["excess"] >= linear["FORWARD + exchange", ""]["excess"] >= 0.0
    assert not linear["FORWARD", ""]["proven"]
    assert not linear["FORWARD", ""]["false_claim"]


def test_every_solver_runs_from_every_start(linear):
    for method in study.LINEAR_METHODS:
        assert all((method, start) in linear for start in study.STARTS)


def test_feeders_are_judged_in_ac_by_two_engines(parts):
    rows = {row["method"]: row for row in judged(parts["feeders"], "loss_kw")}
    best = rows["every tree in AC"]
    assert best["trees"] == 15
    assert best["proven"]
    base = rows["acp, Juniper"]
    # Losses of the published feeder as OpenDSS finds them.
    assert base["opendss_kw"] == pytest.approx(base["loss_kw"], rel=1e-5)
    assert base["excess"] == pytest.approx(base["loss_kw"] / best["loss_kw"] - 1)
    assert base["false_claim"]
    # The linear model and a relaxation claim nothing about AC.
    assert not rows["lindist, HiGHS outer approximation"]["false_claim"]
    assert not rows["soc, Pajarito"]["false_claim"]


def test_the_paper_stands_beside_it(linear):
    rows = {row["method"]: row for row in table_i(list(linear.values()))}
    assert rows["SCIP"]["knitro_seconds"] == 118.21
    assert rows["SCIP"]["forward_seconds"] == 1.81
    assert all(not row["start"] for row in rows.values())


def test_the_page_shows_it(parts, tmp_path):
    versions = [{"JuMP": "1.31.2"}]
    made = page({**parts, "versions": versions}, Options(), tmp_path)
    assert "false optimum" in made.text
    assert "JuliaPackageError: project has no Pajarito" in made.text
    assert "JuMP 1.31.2" in made.text
    assert made.figures[0].read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert set(made.tables) == {"linear", "feeders", "table-I"}
