"""The Julia benchmark: what crossing costs, first calls, both languages, FORWARD and the MINLP."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from pygridjl.bridge import runtime
from pygridjl.bridge.problems.feeder_opf import FeederFormulation, JuliaFeederOpf, julia_feeder_opf
from pygridjl.bridge.problems.network_opf import julia_opf
from pygridjl.bridge.problems.radial import JuliaRadial, RadialSolver, julia_reconfigure
from pygridjl.core.types import BoolArray
from pygridjl.experiments.julia.stage import StageOfBoth
from pygridjl.grid import Feeder
from pygridjl.grid.cases import get_case
from pygridjl.grid.cases.feeder_loading import load_feeder
from pygridjl.reconfiguration.certificates import (
    Certificate,
    cycle_branch_and_bound,
    highs_outer_approximation,
    scip_linear,
)
from pygridjl.reconfiguration.forward import forward
from pygridjl.reconfiguration.problem import ProblemKind, RadialProblem, build_problem
from pygridjl.siting.problem import Objective
from pygridjl.study.store import TaskStore

__all__ = [
    "BASELINE_INSTANCES",
    "BASELINE_SOLVERS",
    "baseline_rows",
    "crossing_rows",
    "engine_rows",
    "first_call_rows",
]

Row = dict[str, Any]

BASELINE_INSTANCES: dict[str, ProblemKind] = {
    "forward11": "balanced",
    "forward18": "balanced",
    "case16ci": "substations",
    "forward33": "balanced",
    "case33bw": "substations",
}
BASELINE_SOLVERS: tuple[RadialSolver, ...] = (
    "juniper-plain",
    "juniper",
    "scip",
    "pajarito",
    "highs-oa",
)
# Instances of the mixed-integer programs that both languages build and solve.
PROGRAM_INSTANCES = ("forward18", "forward33", "case33bw")
FEEDER = "ieee123"
ARRAY_LENGTH = 1_000_000
SCENARIOS = 96
# An answer this close to the proven optimum is the optimum: the loss is summed in another order.
SAME = 1e-6
# A solver's first time limit when its first answer is looked for; then doubled.
SHORTEST = 0.05


def first_call_rows(store: TaskStore, *, started: float) -> Iterator[Row]:
    """Yield what the first call of each kind costs in this process, and what the next ones do.

    Nothing but the start of Julia may come before.

    Parameters
    ----------
    store : TaskStore
        Where finished rows are kept.
    started : float
        Seconds the start of Julia took.

    Yields
    ------
    dict
        ``call, first_seconds, warm_seconds``; the latter is the best of three and None for the
        start of Julia.
    """
    network, feeder = get_case("case14"), load_feeder(FEEDER)
    small = load_feeder("ieee13")
    radial = _problem("forward18")
    calls: dict[str, Callable[[], object]] = {
        "LinDistFlow OPF, IEEE 13 (PMD)": lambda: _flow(small, "lindist"),
        "AC-OPF, IEEE 13 (PMD)": lambda: _flow(small, "acp"),
        "LinDistFlow OPF, IEEE 123 (PMD)": lambda: _flow(feeder, "lindist"),
        "AC-OPF, case14 (PowerModels)": lambda: julia_opf(network, "acp"),
        "second stage, 24 scenarios": lambda: StageOfBoth(FEEDER, 24).julia(),
        **{
            f"reconfigure forward18, {solver}": lambda s=solver: _solve(radial, s)  # type: ignore[misc]
            for solver in BASELINE_SOLVERS
        },
    }
    yield store.run(
        {"table": "first call", "call": "start of Julia"},
        lambda: {"first_seconds": started, "warm_seconds": None},
    )
    for name, call in calls.items():
        yield store.run(
            {"table": "first call", "call": name},
            lambda c=call: {  # type: ignore[misc]
                "first_seconds": _seconds(c),
                "warm_seconds": min(_seconds(c) for _ in range(3)),
            },
        )


def _flow(feeder: Feeder, formulation: FeederFormulation) -> JuliaFeederOpf:
    # The published feeders exceed their ampacities as they stand.
    return julia_feeder_opf(feeder, formulation, ampacity=False)


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _repeated(call: Callable[[], object], repeats: int) -> float:
    """Seconds of one call: the best of five loops."""
    best = np.inf
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(repeats):
            call()
        best = min(best, (time.perf_counter() - start) / repeats)
    return float(best)


def crossing_rows(store: TaskStore) -> Iterator[Row]:
    """Yield what it costs to cross from Python to Julia and back, once everything is warm.

    Parameters
    ----------
    store : TaskStore
        Where finished rows are kept.

    Yields
    ------
    dict
        ``what, seconds, juliacall_seconds, numpy_copy_seconds``: by the bridge, by juliacall
        alone, and of a copy of the same array by numpy.
    """
    runtime.start()
    tasks: dict[str, Callable[[], Row]] = {
        "empty call": _empty_call,
        "1e6 floats in": _array_in,
        "1e6 floats out": _array_out,
        "IEEE 123 feeder in, solution out": _feeder_crossing,
    }
    for what, compute in tasks.items():
        yield store.run({"table": "crossing", "what": what}, compute)


def _empty_call() -> Row:
    from juliacall import Base

    identity = Base.identity
    return {
        "seconds": _repeated(lambda: runtime.call("identity", None), 20_000),
        "juliacall_seconds": _repeated(lambda: identity(None), 20_000),
    }


def _array_in() -> Row:
    from juliacall import Base

    array, target, length = np.ones(ARRAY_LENGTH), np.empty(ARRAY_LENGTH), Base.length
    return {
        "seconds": _repeated(lambda: runtime.call("length", array), 2_000),
        "juliacall_seconds": _repeated(lambda: length(array), 2_000),
        "numpy_copy_seconds": _repeated(lambda: np.copyto(target, array), 50),
    }


def _array_out() -> Row:
    from juliacall import Base

    inside, identity = runtime.call("zeros", ARRAY_LENGTH), Base.identity
    array, target = np.ones(ARRAY_LENGTH), np.empty(ARRAY_LENGTH)
    return {
        "seconds": _repeated(lambda: np.asarray(runtime.call("identity", inside)), 2_000),
        "juliacall_seconds": _repeated(lambda: np.asarray(identity(inside)), 2_000),
        "numpy_copy_seconds": _repeated(lambda: np.copyto(target, array), 50),
    }


def _feeder_crossing() -> Row:
    feeder = load_feeder(FEEDER)
    return {"seconds": min(_flow(feeder, "lindist").seconds["crossing"] for _ in range(5))}


def engine_rows(store: TaskStore, *, time_limit: float) -> Iterator[Row]:
    """Yield build and solve seconds of the same problems in Python and by JuMP.

    Parameters
    ----------
    store : TaskStore
        Where finished rows are kept.
    time_limit : float
        Seconds for each mixed-integer program.

    Yields
    ------
    dict
        ``problem, solver, python_build_seconds, python_solve_seconds, julia_build_seconds,
        julia_solve_seconds, difference``; the last is relative, between the two objectives.
        Mixed-integer programs of the two halves differ in their formulation and their build is
        part of ``solve`` in Python; a search that its time limit ended has ``python_ended`` or
        ``julia_ended`` false.
    """
    runtime.start()
    stages: dict[Objective, str] = {"voltage": "HiGHS", "loss": "Clarabel"}
    for objective, solver in stages.items():
        name = f"second stage {FEEDER} × {SCENARIOS}, {objective}"
        yield store.run(
            {"table": "engines", "problem": name, "solver": solver},
            lambda o=objective: _second_stages(o),  # type: ignore[misc]
        )
    both: dict[str, tuple[Callable[..., Certificate], RadialSolver]] = {
        "SCIP": (scip_linear, "scip"),
        "HiGHS": (highs_outer_approximation, "highs-oa"),
    }
    for name in PROGRAM_INSTANCES:
        for solver, (python, julia) in both.items():
            yield store.run(
                {"table": "engines", "problem": name, "solver": solver, "limit": time_limit},
                lambda n=name, p=python, j=julia: _programs(n, p, j, time_limit),  # type: ignore[misc]
            )


def _second_stages(objective: Objective) -> Row:
    stage = StageOfBoth(FEEDER, SCENARIOS, objective)
    python, julia = stage.python(), stage.julia()
    return {
        **{f"python_{name}_seconds": python[name] for name in ("build", "solve")},
        **{f"julia_{name}_seconds": julia[name] for name in ("build", "solve")},
        "difference": abs(julia["value"] - python["value"]) / abs(python["value"]),
        "python_ended": True,
        "julia_ended": True,
    }


def _programs(
    name: str, python: Callable[..., Certificate], solver: RadialSolver, time_limit: float
) -> Row:
    problem = _problem(name)
    ours = python(problem, None, time_limit=time_limit)
    julia = _solve(problem, solver, time_limit=time_limit)
    return {
        "python_build_seconds": None,
        "python_solve_seconds": ours.seconds,
        "julia_build_seconds": julia.seconds["crossing"],
        "julia_solve_seconds": julia.seconds["solve"],
        "difference": (
            None
            if julia.objective is None or ours.objective is None
            else abs(_excess(julia.objective, ours.objective))
        ),
        "python_ended": ours.status == "optimal",
        "julia_ended": julia.status == "optimal",
    }


def baseline_rows(store: TaskStore, *, time_limit: float) -> Iterator[Row]:
    """Yield FORWARD, our certificate, and each solver in Julia with and without FORWARD's tree.

    When a solver has its first answer and when the optimum is found out by time limits that
    double from 0.05 s, so both are known up to a factor of two, unless the solver ended by itself.

    Parameters
    ----------
    store : TaskStore
        Where finished rows are kept.
    time_limit : float
        Longest time limit of a solver, s.

    Yields
    ------
    dict
        ``instance, method, start, feasible_seconds, optimal_seconds, end_seconds, excess, claim,
        proven, false_claim``. Seconds are None where it did not come so far in time; with a start
        they include FORWARD's. ``excess`` is relative to the proven optimum, ``claim`` how the
        solver names its end, ``proven`` whether its bound proves its answer, ``false_claim``
        whether it claims an optimum that is none.
    """
    runtime.start()
    for instance in BASELINE_INSTANCES:
        problem = _problem(instance)
        task = {"table": "baselines", "instance": instance, "limit": time_limit}
        ours = store.run({**task, "method": "ours", "start": ""}, lambda p=problem: _ours(p))  # type: ignore[misc]
        tree = forward(problem)
        for method in ("FORWARD", "cycle B&B"):
            yield {**task, "method": method, "start": "", **ours[method], "error": ""}
        for solver in BASELINE_SOLVERS:
            for start in ("", "FORWARD"):
                yield store.run(
                    {**task, "method": solver, "start": start},
                    lambda p=problem, s=solver, t=tree if start else None, o=ours: _baseline(  # type: ignore[misc]
                        p, s, t, o["FORWARD"], o["optimum_kw"], time_limit
                    ),
                )


def _ours(problem: RadialProblem) -> Row:
    _ = problem.graph
    seconds = min(_seconds(lambda: forward(problem)) for _ in range(3))
    cycle_branch_and_bound(problem)
    proof = cycle_branch_and_bound(problem)
    assert proof.incumbent is not None, "these instances are solved in milliseconds"
    optimum = problem.objective(proof.incumbent)
    excess = _excess(problem.objective(forward(problem)), optimum)
    return {
        "optimum_kw": optimum,
        "FORWARD": _line(seconds, seconds if excess <= SAME else None, seconds, excess),
        "cycle B&B": _line(
            None, proof.seconds, proof.seconds, 0.0, "OPTIMAL", proven=proof.status == "optimal"
        ),
    }


def _baseline(
    problem: RadialProblem,
    solver: RadialSolver,
    start: BoolArray | None,
    heuristic: Row,
    optimum: float,
    time_limit: float,
) -> Row:
    before = 0.0 if start is None else heuristic["end_seconds"]
    feasible = None if start is None else before
    optimal = None if start is None else heuristic["optimal_seconds"]
    limit = SHORTEST
    while True:
        limit = min(limit, time_limit)
        found = _solve(problem, solver, start, limit)
        spent = before + found.seconds["solve"]
        excess = None if found.objective is None else _excess(found.objective, optimum)
        if feasible is None and excess is not None:
            feasible = spent
        if optimal is None and excess is not None and excess <= SAME:
            optimal = spent
        ended = found.status != "time_limit"
        if ended or limit >= time_limit:
            break
        limit *= 2.0
    claims = ended and found.raw in ("OPTIMAL", "LOCALLY_SOLVED", "ALMOST_LOCALLY_SOLVED")
    return _line(
        feasible,
        optimal,
        spent if ended else None,
        excess,
        found.raw,
        proven=found.status == "optimal",
        false=claims and excess is not None and excess > SAME,
    )


def _line(
    feasible: float | None,
    optimal: float | None,
    end: float | None,
    excess: float | None,
    claim: str = "",
    *,
    proven: bool = False,
    false: bool = False,
) -> Row:
    return {
        "feasible_seconds": feasible,
        "optimal_seconds": optimal,
        "end_seconds": end,
        "excess": excess,
        "claim": claim,
        "proven": proven,
        "false_claim": false,
    }


def _excess(value: float, optimum: float) -> float:
    excess = (value - optimum) / optimum
    # Sums of the same terms in another order.
    return 0.0 if abs(excess) < 1e-9 else excess


def _problem(name: str) -> RadialProblem:
    return build_problem(get_case(name), BASELINE_INSTANCES[name], limits=())


def _solve(
    problem: RadialProblem,
    solver: RadialSolver,
    start: BoolArray | None = None,
    time_limit: float | None = None,
) -> JuliaRadial:
    return julia_reconfigure(problem, solver, start=start, time_limit=time_limit)
