"""The Julia benchmark: what crossing costs, first calls, and both languages."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import cache, partial
from itertools import product
from typing import Any

import numpy as np

from pygridjl.bridge import runtime
from pygridjl.bridge.answer import JuliaAnswer
from pygridjl.bridge.problems.asking import JuliaOptions
from pygridjl.bridge.problems.feeder_opf import FeederFormulation, julia_feeder_opf
from pygridjl.bridge.problems.network_opf import julia_opf
from pygridjl.bridge.problems.radial import julia_reconfigure
from pygridjl.experiments.julia import Options
from pygridjl.experiments.julia.stage import StageOfBoth
from pygridjl.grid import Feeder
from pygridjl.grid.cases import get_case
from pygridjl.grid.load import load_feeder
from pygridjl.reconfiguration.build import build_problem
from pygridjl.reconfiguration.certificates import (
    Certificate,
    highs_outer_approximation,
    scip_linear,
)
from pygridjl.reconfiguration.problem import ProblemKind, RadialProblem
from pygridjl.siting.measures import Measure
from pygridjl.study.task import Plan, Row, Task

__all__ = ["SOLVERS", "crossing_tasks", "engine_tasks", "first_call_tasks", "plan"]

SOLVERS = ("Juniper", "SCIP", "Pajarito", "HiGHS")
# Instances of the mixed-integer programs that both languages build and solve.
PROGRAM_INSTANCES = ("forward18", "forward33", "case33bw")
FEEDER = "ieee123"
ARRAY_LENGTH = 1_000_000
SCENARIOS = 96
START = "start of Julia"
# Distributions whose versions the report names.
PACKAGES = ("JuMP", "HiGHS", "Ipopt", "SCIP", "Pajarito", "Juniper")


def plan(options: Options) -> Plan:
    """List the measurements; the first calls come first, in a Julia that has done nothing yet."""
    parts = {
        "first calls": first_call_tasks(),
        "crossing": crossing_tasks(),
        "engines": engine_tasks(time_limit=options.time_limit),
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
    solvers = [f"reconfigure forward18, {solver}" for solver in SOLVERS]
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


def _flow(feeder: Feeder, formulation: FeederFormulation) -> JuliaAnswer:
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
_PROGRAM_SOLVERS: dict[str, Callable[..., Certificate]] = {
    "SCIP": scip_linear,
    "HiGHS": highs_outer_approximation,
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
    ours = _PROGRAM_SOLVERS[asked["solver"]](problem, None, time_limit=time_limit)
    julia = _solve(problem, asked["solver"], time_limit)
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


def _excess(value: float, optimum: float) -> float:
    excess = (value - optimum) / optimum
    # Sums of the same terms in another order.
    return 0.0 if abs(excess) < 1e-9 else excess


# Instances of the FORWARD paper have fixed injections that sum to zero.
_BALANCED = "forward"


def _problem(name: str) -> RadialProblem:
    kind: ProblemKind = "balanced" if name.startswith(_BALANCED) else "substations"
    return build_problem(get_case(name), kind, limits=())


def _solve(problem: RadialProblem, solver: str, time_limit: float | None = None) -> JuliaAnswer:
    return julia_reconfigure(problem, JuliaOptions(solver, time_limit=time_limit))
