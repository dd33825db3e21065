"""One door, two languages: reconfiguration in Julia against our own branch and bound."""

from __future__ import annotations

import pytest

from pygridjl.bridge.errors import JuliaSolverMissingError
from pygridjl.core.result import Status
from pygridjl.grid.cases import get_case
from pygridjl.reconfiguration import reconfigure

pytestmark = pytest.mark.julia

INSTANCES = [
    ("case16ci", "substations"),
    ("case33bw", "substations"),
    ("case70da", "substations"),
    ("forward11", "balanced"),
    ("forward18", "balanced"),
    ("forward33", "balanced"),
]


@pytest.mark.parametrize(("case", "problem"), INSTANCES)
def test_our_optimum_is_the_one_scip_proves_in_julia(case, problem):
    network = get_case(case)
    ours = reconfigure(network, "exact", problem=problem)
    theirs = reconfigure(
        network, "maxflow+exchange+scip", problem=problem, backend="julia", time_limit=300
    )
    assert ours.status is Status.OPTIMAL
    assert theirs.engine == "julia"
    assert {"julia", "PyGridJL", "JuMP", "SCIP"} <= theirs.versions.keys()
    # Either proof excludes anything better than the other's answer.
    assert theirs.objective == pytest.approx(ours.objective, rel=1e-9)
    assert theirs.bound <= ours.objective * (1 + 1e-9)
    assert ours.bound <= theirs.objective * (1 + 1e-9)
    assert theirs.gap <= 1e-4
    assert theirs.seconds["scip"] > 0


@pytest.mark.parametrize("method", ["scip", "highs", "pajarito"])
def test_every_solver_proves_without_a_start(method):
    ours = reconfigure(get_case("forward18"), "exact", problem="balanced")
    theirs = reconfigure(
        get_case("forward18"), method, problem="balanced", backend="julia", time_limit=120
    )
    assert theirs.objective == pytest.approx(ours.objective, rel=1e-9)
    assert theirs.bound_method == f"{method} (Julia)"
    assert theirs.gap <= 1e-4


def test_the_false_optimum_of_juniper_is_caught():
    """Its claim is a note; the bound beside it is ours, and the certificate finds better."""
    claim = reconfigure(get_case("forward11"), "juniper-plain", problem="balanced", backend="julia")
    # 2.196 Ω·MW², proven by SCIP and Pajarito when the method was studied.
    assert claim.objective > 1.02 * 2196
    assert "LOCALLY_SOLVED" in claim.notes[0]
    assert claim.status is Status.FEASIBLE
    assert claim.bound <= 2196
    assert claim.bound_method == "electrical_bound"
    certified = reconfigure(
        get_case("forward11"), "juniper-plain", problem="balanced", backend="julia", certify=True
    )
    assert certified.status is Status.OPTIMAL
    assert certified.objective == pytest.approx(2196, rel=1e-6)
    assert certified.bound_method == "cycle_branch_and_bound"
    assert f"{claim.objective:.3f} kW" in certified.notes[0]


def test_juniper_from_forward():
    ours = reconfigure(get_case("forward18"), "exact", problem="balanced")
    result = reconfigure(
        get_case("forward18"), "forward+juniper", problem="balanced", backend="julia"
    )
    assert result.bound <= ours.objective
    assert result.objective >= ours.objective * (1 - 1e-9)
    assert result.status in (Status.FEASIBLE, Status.TIME_LIMIT)


def test_a_time_limit_is_a_status():
    result = reconfigure(get_case("case70da"), "mst+pajarito", backend="julia", time_limit=2.0)
    assert result.status in (Status.TIME_LIMIT, Status.NOT_FOUND)
    assert result.bound <= result.objective


def test_a_missing_package_is_one_line_with_the_command_that_adds_it():
    with pytest.raises(JuliaSolverMissingError, match=r"Pkg.add\(\"NoSuchSolver\"\)") as caught:
        reconfigure(get_case("case16ci"), "maxflow", backend="julia", solver="NoSuchSolver")
    assert "\n" not in str(caught.value)


def test_any_package_finishes_a_method():
    ours = reconfigure(get_case("forward18"), "exact", problem="balanced")
    theirs = reconfigure(
        get_case("forward18"),
        "forward",
        problem="balanced",
        backend="julia",
        solver="SCIP",
        solver_options={"limits/gap": 1e-7},
    )
    assert theirs.objective == pytest.approx(ours.objective, rel=1e-9)
    assert theirs.bound_method == "SCIP (Julia)"
    assert theirs.raw_status == "OPTIMAL"
    assert theirs.trace[-1][1] == pytest.approx(theirs.objective)
