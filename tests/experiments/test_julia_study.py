"""The Julia benchmark with a stand-in for Julia: what its figures mean."""

from __future__ import annotations

import pytest

from pygridjl.bridge.errors import JuliaPackageError
from pygridjl.bridge.problems.radial import JuliaRadial
from pygridjl.core.result import Status
from pygridjl.experiments.julia import tasks as study
from pygridjl.experiments.julia.page import baseline_columns, plot_julia
from pygridjl.grid.cases import get_case
from pygridjl.reconfiguration import reconfigure
from pygridjl.reconfiguration.heuristics import minimum_spanning_tree
from pygridjl.report.tables import text_table
from pygridjl.study.runner import run_here
from pygridjl.study.store import Store
from pygridjl.study.task import Plan


def solver_that(problem_tree, best_tree, first, best, end):
    """A solver that has a tree after ``first`` seconds, the best after ``best``, a proof at end."""

    def solve(problem, solver, *, start=None, time_limit):
        if solver == "pajarito":
            raise JuliaPackageError("project has no Pajarito")
        proves = not solver.startswith("juniper")
        ended = time_limit >= end
        closed = best_tree if time_limit >= best and proves else problem_tree
        closed = closed if time_limit >= first else None
        status = Status.OPTIMAL if proves else Status.FEASIBLE
        return JuliaRadial(
            solver=solver,
            status=status if ended else Status.TIME_LIMIT,
            raw=("OPTIMAL" if proves else "LOCALLY_SOLVED") if ended else "TIME_LIMIT",
            closed=closed,
            objective=None if closed is None else problem.objective(closed),
            bound=None,
            nodes=None,
            seconds={"julia": 0.0, "solve": min(time_limit, end), "crossing": 0.0},
            versions={},
        )

    return solve


@pytest.fixture
def rows(monkeypatch, tmp_path):
    monkeypatch.setattr(study, "BASELINE_INSTANCES", {"forward11": "balanced"})
    monkeypatch.setattr(study.runtime, "start", lambda: None)
    network = get_case("forward11")
    problem = study._problem("forward11")
    best = reconfigure(network, "exact", problem="balanced").open_branches
    tree = problem.edge_states(network.with_open(best).branches.closed)
    poor = minimum_spanning_tree(problem)
    monkeypatch.setattr(study, "julia_reconfigure", solver_that(poor, tree, 0.2, 0.8, 1.0))
    store = Store(tmp_path / "finished.sqlite", "s")
    plan = Plan({"baselines": study.baseline_tasks(time_limit=3.0)})
    found = study.join_baselines(run_here(store, plan)["baselines"])
    return {(row["method"], row["start"]): row for row in found}


def test_times_are_those_of_the_first_limit_that_sufficed(rows):
    row = rows["scip", ""]
    assert row["feasible_seconds"] == pytest.approx(0.2)
    assert row["optimal_seconds"] == pytest.approx(0.8)
    assert row["end_seconds"] == pytest.approx(1.0)
    assert row["proven"]
    assert not row["false_claim"]


def test_a_start_is_feasible_at_once(rows):
    forward, row = rows["FORWARD", ""], rows["scip", "FORWARD"]
    assert row["feasible_seconds"] == forward["end_seconds"]
    assert row["end_seconds"] == pytest.approx(1.0 + forward["end_seconds"])
    assert row["optimal_seconds"] <= 0.8 + forward["end_seconds"]


def test_a_claim_above_the_optimum_is_called_false(rows):
    row = rows["juniper-plain", ""]
    assert row["claim"] == "LOCALLY_SOLVED"
    assert row["false_claim"]
    assert row["optimal_seconds"] is None
    assert not row["proven"]


def test_our_own_lines_carry_the_proof(rows):
    assert rows["cycle B&B", ""]["proven"]
    assert rows["FORWARD", ""]["excess"] >= 0.0
    assert not rows["FORWARD", ""]["proven"]


def test_the_table_and_the_figure_show_it(rows, tmp_path):
    text = text_table(list(rows.values()), baseline_columns())
    lines = {line.split()[1]: line for line in text.splitlines()[2:]}
    assert lines["juniper-plain"].endswith("false optimum")
    assert lines["cycle"].endswith("proven")
    assert "JuliaPackageError: project has no Pajarito" in lines["pajarito"]
    calls = [
        {"call": "start", "first_seconds": 2.0, "warm_seconds": None, "error": ""},
        {"call": "solve", "first_seconds": 1.0, "warm_seconds": 1e-3, "error": ""},
    ]
    path = plot_julia(calls, list(rows.values()), tmp_path / "julia.png")
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
