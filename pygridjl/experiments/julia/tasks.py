"""The Julia benchmark: what crossing costs, first calls, both languages, FORWARD and the MINLP."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import cache, partial
from itertools import product
from typing import Any

import numpy as np

from pygridjl.bridge import runtime
from pygridjl.bridge.problems.feeder_opf import FeederFormulation, JuliaFeederOpf, julia_feeder_opf
from pygridjl.bridge.problems.network_opf import julia_opf
from pygridjl.bridge.problems.radial import JuliaRadial, RadialSolver, julia_reconfigure
from pygridjl.core.types import BoolArray
from pygridjl.experiments.julia import Options
from pygridjl.experiments.julia.stage import StageOfBoth
from pygridjl.grid import Feeder
from pygridjl.grid.cases import get_case
from pygridjl.grid.load import load_feeder
from pygridjl.reconfiguration.certificates import (
    Certificate,
    cycle_branch_and_bound,
    highs_outer_approximation,
    scip_linear,
)
from pygridjl.reconfiguration.forward import forward
from pygridjl.reconfiguration.problem import ProblemKind, RadialProblem, build_problem
from pygridjl.siting.problem import Measure
from pygridjl.study.task import Plan, Row, Task

__all__ = [
    "BASELINE_INSTANCES",
    "BASELINE_SOLVERS",
    "baseline_tasks",
    "crossing_tasks",
    "engine_tasks",
    "first_call_tasks",
    "join_baselines",
    "plan",
]

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


START = "start of Julia"
# Distributions whose versions the report names.
PACKAGES = ("JuMP", "HiGHS", "Ipopt", "SCIP", "Pajarito", "Juniper")


def plan(options: Options) -> Plan:
    """List the measurements; the first calls come first, in a Julia that has done nothing yet."""
    parts = {
        "first calls": first_call_tasks(),
        "crossing": crossing_tasks(),
        "engines": engine_tasks(time_limit=options.time_limit),
        "baselines": baseline_tasks(time_limit=options.time_limit),
        "versions": [Task({"table": "versions"}, _versions)],
    }
    return Plan(parts, start_julia)


def _versions(_: Mapping[str, Any]) -> Row:
    return dict(runtime.versions(*PACKAGES))


@cache
def start_julia() -> float:
    """Start Julia unless it runs; return the seconds the first start took."""
    began = time.perf_counter()
    runtime.start()
    return time.perf_counter() - began


def first_call_tasks() -> list[Task]:
    """List what the first call of each kind costs in a process, and what the next ones do.

    Returns
    -------
    list of Task
        Their rows have ``call, first_seconds, warm_seconds``; the latter is the best of three and
        None for the start of Julia.
    """
    solvers = [f"reconfigure forward18, {solver}" for solver in BASELINE_SOLVERS]
    return [
        Task({"table": "first call", "call": call}, _first_call)
        for call in (START, *_CALLS, *solvers)
    ]


def _first_call(asked: Mapping[str, Any]) -> Row:
    name = asked["call"]
    if name == START:
        return {"first_seconds": start_julia(), "warm_seconds": None}
    if name in _CALLS:
        # Data are read before the clock starts.
        call = _CALLS[name]()
    else:
        problem, solver = _problem("forward18"), name.rsplit(" ", 1)[1]
        call = partial(_solve, problem, solver)
    first = _seconds(call)
    return {"first_seconds": first, "warm_seconds": min(_seconds(call) for _ in range(3))}


def _flow(feeder: Feeder, formulation: FeederFormulation) -> JuliaFeederOpf:
    # The published feeders exceed their ampacities as they stand.
    return julia_feeder_opf(feeder, formulation, ampacity=False)


def _feeder_flow(name: str, formulation: FeederFormulation) -> Callable[[], object]:
    feeder = load_feeder(name)
    return lambda: _flow(feeder, formulation)


def _network_flow() -> Callable[[], object]:
    network = get_case("case14")
    return lambda: julia_opf(network, "acp")


# What reads its data and returns what is timed.
_CALLS: dict[str, Callable[[], Callable[[], object]]] = {
    "LinDistFlow OPF, IEEE 13 (PMD)": lambda: _feeder_flow("ieee13", "lindist"),
    "AC-OPF, IEEE 13 (PMD)": lambda: _feeder_flow("ieee13", "acp"),
    "LinDistFlow OPF, IEEE 123 (PMD)": lambda: _feeder_flow(FEEDER, "lindist"),
    "AC-OPF, case14 (PowerModels)": _network_flow,
    "second stage, 24 scenarios": lambda: lambda: StageOfBoth(FEEDER, 24).julia(),
}


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


def crossing_tasks() -> list[Task]:
    """List what it costs to cross from Python to Julia and back, once everything is warm.

    Returns
    -------
    list of Task
        Their rows have ``what, seconds, juliacall_seconds, numpy_copy_seconds``: by the bridge,
        by juliacall alone, and of a copy of the same array by numpy.
    """
    return [Task({"table": "crossing", "what": what}, _crossing) for what in _CROSSINGS]


def _crossing(asked: Mapping[str, Any]) -> Row:
    runtime.start()
    return _CROSSINGS[asked["what"]]()


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


_CROSSINGS: dict[str, Callable[[], Row]] = {
    "empty call": _empty_call,
    "1e6 floats in": _array_in,
    "1e6 floats out": _array_out,
    "IEEE 123 feeder in, solution out": _feeder_crossing,
}


def engine_tasks(*, time_limit: float) -> list[Task]:
    """List the problems that Python and JuMP both build and solve.

    Parameters
    ----------
    time_limit : float
        Seconds for each mixed-integer program.

    Returns
    -------
    list of Task
        Their rows have ``problem, solver, python_build_seconds, python_solve_seconds,
        julia_build_seconds, julia_solve_seconds, difference``; the last is relative, between the
        two objectives. Mixed-integer programs of the two halves differ in their formulation and
        their build is part of ``solve`` in Python; a search that its time limit ended has
        ``python_ended`` or ``julia_ended`` false.
    """
    stages = [
        Task(
            {
                "table": "engines",
                "problem": f"second stage {FEEDER} × {SCENARIOS}, {objective}",
                "solver": solver,
                "objective": objective,
            },
            _second_stages,
        )
        for objective, solver in _STAGE_SOLVERS.items()
    ]
    programs = [
        Task(
            {"table": "engines", "problem": name, "solver": solver, "limit": time_limit},
            _programs,
        )
        for name, solver in product(PROGRAM_INSTANCES, _PROGRAM_SOLVERS)
    ]
    return [*stages, *programs]


_STAGE_SOLVERS: dict[Measure, str] = {"voltage": "HiGHS", "loss": "Clarabel"}
_PROGRAM_SOLVERS: dict[str, tuple[Callable[..., Certificate], RadialSolver]] = {
    "SCIP": (scip_linear, "scip"),
    "HiGHS": (highs_outer_approximation, "highs-oa"),
}


def _second_stages(asked: Mapping[str, Any]) -> Row:
    stage = StageOfBoth(FEEDER, SCENARIOS, asked["objective"])
    python, julia = stage.python(), stage.julia()
    return {
        **{f"python_{name}_seconds": python[name] for name in ("build", "solve")},
        **{f"julia_{name}_seconds": julia[name] for name in ("build", "solve")},
        "difference": abs(julia["value"] - python["value"]) / abs(python["value"]),
        "python_ended": True,
        "julia_ended": True,
    }


def _programs(asked: Mapping[str, Any]) -> Row:
    problem, time_limit = _problem(asked["problem"]), asked["limit"]
    python, solver = _PROGRAM_SOLVERS[asked["solver"]]
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


def baseline_tasks(*, time_limit: float) -> list[Task]:
    """List FORWARD and our certificate, and each solver in Julia with and without its tree.

    When a solver has its first answer and when the optimum is found out by time limits that
    double from 0.05 s, so both are known up to a factor of two, unless the solver ended by itself.

    Parameters
    ----------
    time_limit : float
        Longest time limit of a solver, s.

    Returns
    -------
    list of Task
        For :func:`join_baselines`.
    """
    tasks = []
    for instance in BASELINE_INSTANCES:
        asked = {"table": "baselines", "instance": instance, "limit": time_limit}
        tasks.append(Task({**asked, "method": "ours", "start": ""}, _ours))
        tasks += [
            Task({**asked, "method": solver, "start": start}, _baseline)
            for solver, start in product(BASELINE_SOLVERS, ("", "FORWARD"))
        ]
    return tasks


def join_baselines(rows: list[Row]) -> list[Row]:
    """Give our row of each instance a line a method, and add FORWARD's seconds to those it started.

    Parameters
    ----------
    rows : list of dict
        Rows of :func:`baseline_tasks`.

    Returns
    -------
    list of dict
        ``instance, method, start, feasible_seconds, optimal_seconds, end_seconds, excess, claim,
        proven, false_claim``. Seconds are None where it did not come so far in time; with a start
        they include FORWARD's. ``excess`` is relative to the proven optimum, ``claim`` how the
        solver names its end, ``proven`` whether its bound proves its answer, ``false_claim``
        whether it claims an optimum that is none.
    """
    joined: list[Row] = []
    ours: dict[str, Row] = {row["instance"]: row for row in rows if row["method"] == "ours"}
    for row in rows:
        if row["method"] == "ours":
            asked = {name: row[name] for name in ("table", "instance", "limit", "start")}
            joined += [
                {**asked, "method": method, **row[method], "error": ""}
                for method in ("FORWARD", "cycle B&B")
                if not row["error"]
            ]
        elif row["start"] and not row["error"] and not ours[row["instance"]]["error"]:
            joined.append(_after(row, ours[row["instance"]]["FORWARD"]))
        else:
            joined.append(row)
    return joined


def _after(row: Row, heuristic: Row) -> Row:
    """Count a search from the beginning of the heuristic that gave its start."""
    before = heuristic["end_seconds"]
    times = {
        name: None if row[name] is None else before + row[name]
        for name in ("optimal_seconds", "end_seconds")
    }
    if heuristic["optimal_seconds"] is not None:
        times["optimal_seconds"] = heuristic["optimal_seconds"]
    return {**row, **times, "feasible_seconds": before}


@cache
def _proven(instance: str) -> float:
    """Return the proven optimum, kW."""
    problem = _problem(instance)
    proof = cycle_branch_and_bound(problem)
    assert proof.incumbent is not None, "these instances are solved in milliseconds"
    return problem.objective(proof.incumbent)


def _ours(asked: Mapping[str, Any]) -> Row:
    problem = _problem(asked["instance"])
    _ = problem.graph
    seconds = min(_seconds(lambda: forward(problem)) for _ in range(3))
    optimum = _proven(asked["instance"])
    proof = cycle_branch_and_bound(problem)
    excess = _excess(problem.objective(forward(problem)), optimum)
    return {
        "optimum_kw": optimum,
        "FORWARD": _line(seconds, seconds if excess <= SAME else None, seconds, excess),
        "cycle B&B": _line(
            None, proof.seconds, proof.seconds, 0.0, "OPTIMAL", proven=proof.status == "optimal"
        ),
    }


def _baseline(asked: Mapping[str, Any]) -> Row:
    runtime.start()
    problem, optimum = _problem(asked["instance"]), _proven(asked["instance"])
    solver, time_limit = asked["method"], asked["limit"]
    start = forward(problem) if asked["start"] else None
    feasible: float | None = None
    optimal: float | None = None
    limit = SHORTEST
    while True:
        limit = min(limit, time_limit)
        found = _solve(problem, solver, start, limit)
        spent = found.seconds["solve"]
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
