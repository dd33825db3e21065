"""The door to the solvers in Julia, with a stand-in for Julia: what is made of its answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pygridjl.bridge.answer import JuliaAnswer
from pygridjl.bridge.errors import JuliaNotFoundError
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.result import Status
from pygridjl.grid.cases import get_case
from pygridjl.reconfiguration import build_problem, reconfigure
from pygridjl.reconfiguration.heuristics import minimum_spanning_tree
from pygridjl.reconfiguration.methods import METHODS

# kW; proven by SCIP and Pajarito when the method was studied.
OPTIMUM = 2196.0


@pytest.fixture
def julia(monkeypatch):
    """Answer like Julia with what a test puts into ``answer``; keeps what was asked."""

    class Julia:
        asked: list
        answer: JuliaAnswer

    stand_in = Julia()
    stand_in.asked = []

    def solve(problem, how, *, start=None):
        stand_in.asked.append((how, start))
        return replace(stand_in.answer, solver=how.solver)

    monkeypatch.setattr(
        "pygridjl.reconfiguration.certificates.julia_solvers.start", lambda how: None
    )
    monkeypatch.setattr("pygridjl.bridge.problems.radial.julia_reconfigure", solve)
    return stand_in


def answer(problem, closed, status, *, raw="", bound=None):
    objective = None if closed is None else problem.objective(closed)
    return JuliaAnswer(
        status=status,
        raw_status=raw,
        solver="",
        objective=objective,
        bound=bound,
        values={"closed": closed, "nodes": None},
        trace=((0.25, objective, None), (1.0, objective, bound)),
        seconds={"julia": 0.5, "solve": 1.0, "crossing": 0.1},
        versions={"julia": "1.10.8", "JuMP": "1.31.2"},
    )


@pytest.fixture
def problem():
    return build_problem(get_case("forward11"), "balanced")


@pytest.fixture
def poor_tree(problem):
    tree = minimum_spanning_tree(problem)
    assert problem.objective(tree) > 1.01 * OPTIMUM
    return tree


def run(method, **options):
    return reconfigure(
        get_case("forward11"), method, problem="balanced", backend="julia", **options
    )


@pytest.mark.parametrize("solver", ["juniper", "juniper-plain"])
def test_a_false_optimum_of_juniper_is_no_proof(julia, problem, poor_tree, solver):
    julia.answer = answer(problem, poor_tree, Status.FEASIBLE, raw="LOCALLY_SOLVED")
    result = run(solver)
    assert result.status is Status.FEASIBLE
    assert result.objective == pytest.approx(problem.objective(poor_tree))
    assert result.bound <= OPTIMUM
    assert result.bound_method == "electrical_bound"
    assert "LOCALLY_SOLVED" in result.notes[0]
    assert "no proof" in result.notes[0]
    assert result.notes[0] in result.summary()


def test_the_certificate_stands_beside_a_false_optimum(julia, problem, poor_tree):
    julia.answer = answer(problem, poor_tree, Status.FEASIBLE, raw="LOCALLY_SOLVED")
    result = run("juniper", certify=True)
    assert result.status is Status.OPTIMAL
    assert result.objective == pytest.approx(OPTIMUM)
    assert result.bound == pytest.approx(OPTIMUM)
    assert result.bound_method == "cycle_branch_and_bound"
    assert f"{problem.objective(poor_tree):.3f} kW" in result.notes[0]


def test_a_proof_is_taken_over_with_its_versions_and_seconds(julia, problem):
    best = reconfigure(get_case("forward11"), "exact", problem="balanced")
    closed = problem.edge_states(
        get_case("forward11").with_open(best.open_branches).branches.closed
    )
    julia.answer = answer(problem, closed, Status.OPTIMAL, bound=problem.objective(closed))
    result = run("scip")
    assert result.status is Status.OPTIMAL
    assert result.gap == 0.0
    assert result.bound == result.objective
    assert result.bound_method == "scip (Julia)"
    assert result.engine == "julia"
    assert result.versions["JuMP"] == "1.31.2"
    assert result.seconds["scip"] == 1.0
    assert "julia" in result.seconds
    assert result.notes == ()
    assert result.trace == julia.answer.trace


@pytest.mark.parametrize("start", ["forward", "maxflow+exchange", "mst"])
def test_what_precedes_the_solver_is_its_start(julia, problem, poor_tree, start):
    julia.answer = answer(problem, poor_tree, Status.FEASIBLE)
    result = run(f"{start}+highs")
    alone = reconfigure(get_case("forward11"), start, problem="balanced")
    how, tree = julia.asked[0]
    assert how.solver == "HiGHS"
    assert problem.open_branches(tree) == alone.open_branches
    # The better of start and answer is returned.
    assert result.objective == pytest.approx(min(alone.objective, problem.objective(poor_tree)))
    assert result.method == f"{start}+highs"


def test_without_a_start_there_is_none(julia, problem, poor_tree):
    julia.answer = answer(problem, poor_tree, Status.FEASIBLE)
    run("scip", time_limit=7.0)
    how, tree = julia.asked[0]
    assert tree is None
    assert 0 < how.time_limit <= 7.0


def test_juniper_as_it_comes_is_left_alone(julia, problem, poor_tree):
    julia.answer = answer(problem, poor_tree, Status.FEASIBLE, raw="LOCALLY_SOLVED")
    assert run("juniper-plain").raw_status == "LOCALLY_SOLVED"
    run("juniper")
    assert [(how.solver, how.as_it_comes) for how, _ in julia.asked] == [
        ("Juniper", True),
        ("Juniper", False),
    ]


def test_any_package_is_a_finish(julia, problem, poor_tree):
    julia.answer = answer(problem, poor_tree, Status.FEASIBLE, raw="LOCALLY_SOLVED")
    result = run("forward", solver="KNITRO", solver_options={"maxtimecpu": 5.0})
    how, tree = julia.asked[0]
    assert (how.solver, dict(how.solver_options)) == ("KNITRO", {"maxtimecpu": 5.0})
    assert tree is not None
    assert result.method == "forward"
    assert "KNITRO ended with LOCALLY_SOLVED" in result.notes[0]
    assert "no proof" in result.notes[0]
    julia.answer = answer(problem, poor_tree, Status.TIME_LIMIT, bound=2000.0)
    proven = run("forward", solver="Gurobi")
    assert proven.notes == ()
    assert proven.bound >= 2000.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "scip", "solver": "Gurobi"}, "'scip', which is a solver already"),
        ({"method": "forward", "solver": "no package"}, "is not the name of a Julia package"),
        ({"method": "forward", "solver": "A", "solver_options": {"x": []}}, "x must be a text"),
        ({"method": "exact", "backend": "python", "solver": "SCIP"}, "solver: needs backend="),
        ({"method": "exact", "backend": "python", "verbose": True}, "verbose: needs backend="),
        ({"method": "exact", "backend": "python", "start": ("1",)}, "only reconfiguration of a"),
    ],
)
def test_solvers_that_cannot_be_used(julia, arguments, message):
    with pytest.raises(InvalidOptionError, match=message):
        reconfigure(
            get_case("forward11"), **{"problem": "balanced", "backend": "julia", **arguments}
        )


def test_a_clock_that_ends_the_solver_is_a_status(julia, problem, poor_tree):
    julia.answer = answer(problem, poor_tree, Status.TIME_LIMIT, bound=2000.0)
    result = run("pajarito")
    assert result.status is Status.TIME_LIMIT
    assert 2000.0 <= result.bound <= OPTIMUM


def test_no_tree_in_time_is_a_status(julia, problem):
    julia.answer = answer(problem, None, Status.TIME_LIMIT, raw="TIME_LIMIT")
    result = run("juniper")
    assert result.status is Status.TIME_LIMIT
    assert result.open_branches == ()
    assert result.objective is None
    assert 0 < result.bound <= OPTIMUM
    assert "before there was a configuration" in result.summary()
    julia.answer = answer(problem, None, Status.NOT_FOUND, raw="OTHER_ERROR")
    assert run("juniper").status is Status.NOT_FOUND


def test_limits_are_judged_in_ac(julia):
    network = get_case("case33bw")
    tight = network.replace(
        buses=network.buses.replace(v_min=np.full(network.n_bus, 0.97)),
    )
    problem = build_problem(tight)
    tree = problem.edge_states(tight.branches.closed)
    julia.answer = answer(problem, tree, Status.OPTIMAL, bound=problem.objective(tree))
    result = reconfigure(tight, "scip", backend="julia")
    assert result.status is Status.NOT_FOUND
    assert result.violations


def test_switch_constraints_that_exclude_every_tree_need_no_julia(monkeypatch):
    def fail(_):
        raise AssertionError("Julia was started")

    monkeypatch.setattr("pygridjl.reconfiguration.certificates.julia_solvers.start", fail)
    result = reconfigure(get_case("case33bw"), "scip", backend="julia", keep_open=range(1, 38))
    assert result.status is Status.INFEASIBLE


def test_without_julia_the_search_does_not_begin(monkeypatch):
    def missing():
        raise JuliaNotFoundError("none")

    monkeypatch.setattr("pygridjl.bridge.runtime.start", missing)
    with pytest.raises(JuliaNotFoundError, match="pygridjl julia install"):
        run("forward+juniper")


@pytest.mark.parametrize(
    ("method", "before", "solver"),
    [
        ("scip", (), "scip"),
        ("forward+juniper", ("forward",), "juniper"),
        ("maxflow+ils+pajarito", ("maxflow", "ils"), "pajarito"),
    ],
)
def test_grammar(method, before, solver):
    chain = METHODS.parse(method, "julia")
    assert tuple(m.name for m in chain.methods) == (*before, solver)
    assert chain.finish is METHODS[solver]


@pytest.mark.parametrize(
    ("method", "message"),
    [
        (
            "maxflow+ils",
            r"does not run on backend 'julia', which has highs, .* as in 'maxflow\+ils\+highs'",
        ),
        ("gurobi", "'gurobi' is none of forward"),
        ("exact+scip", "nothing can follow 'exact'"),
        ("forward+exact", "'exact' does not run on backend 'julia'"),
        ("magic+scip", "'magic' is none of"),
        ("scip+ils+juniper", "nothing can follow 'scip'"),
    ],
)
def test_methods_that_are_none(method, message):
    with pytest.raises(InvalidOptionError, match=message):
        run(method)


def test_unknown_backend():
    with pytest.raises(InvalidOptionError, match="backend: 'matlab'"):
        reconfigure(get_case("case16ci"), backend="matlab")
