"""Each solver on each instance, with and without a start; every answer judged in AC."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

from pygridjl.bridge import runtime
from pygridjl.bridge.answer import JuliaAnswer, Trace
from pygridjl.bridge.problems.asking import JuliaOptions
from pygridjl.bridge.problems.feeder_radial import julia_feeder_reconfigure
from pygridjl.bridge.problems.radial import julia_reconfigure
from pygridjl.core.errors import PowerFlowError
from pygridjl.experiments.minlp import Options
from pygridjl.experiments.minlp.instances import (
    FEEDERS,
    NETWORKS,
    ac_losses,
    every_tree,
    feeder_of,
    problem_of,
    start_of_feeder,
    start_of_network,
    switches,
)
from pygridjl.grid.cases import get_case
from pygridjl.reconfiguration import check_configuration, reconfigure
from pygridjl.reconfiguration.certificates import cycle_branch_and_bound
from pygridjl.reconfiguration.forward import forward
from pygridjl.reconfiguration.heuristics import branch_exchange
from pygridjl.study.task import Plan, Row, Task

__all__ = ["FEEDER_METHODS", "LINEAR_METHODS", "feeder_tasks", "linear_tasks", "plan"]

# An answer this close to the best is the best: losses are sums in another order.
SAME = 1e-6
AS_IT_COMES = "Juniper as it comes"
LINEAR_METHODS = (AS_IT_COMES, "Juniper", "SCIP", "Pajarito", "HiGHS outer approximation")
# Formulation and solver of PowerModelsDistribution's problem.
FEEDER_METHODS = {
    "lindist, HiGHS outer approximation": ("lindist", "HiGHS"),
    f"acp, {AS_IT_COMES}": ("acp", AS_IT_COMES),
    "acp, Juniper": ("acp", "Juniper"),
    "acr, SCIP": ("acr", "SCIP"),
    "soc, Pajarito": ("soc", "Pajarito"),
}
STARTS = ("", "FORWARD", "FORWARD + exchange")
PACKAGES = ("JuMP", "PowerModelsDistribution", "Juniper", "Ipopt", "HiGHS", "SCIP", "Pajarito")
# How solvers name an optimum, if only a local one.
CLAIMS = ("OPTIMAL", "LOCALLY_SOLVED", "ALMOST_LOCALLY_SOLVED")


def plan(options: Options) -> Plan:
    """List the runs; Julia starts before the first."""
    return Plan(
        {
            "linear": linear_tasks(time_limit=options.time_limit),
            "feeders": feeder_tasks(time_limit=options.time_limit),
            "versions": [Task({"table": "minlp versions"}, _versions)],
        },
        runtime.start,
    )


def _versions(_: Mapping[str, Any]) -> Row:
    runtime.start()
    return dict(runtime.versions(*PACKAGES))


def options_for(solver: str, limit: float) -> JuliaOptions:
    """Return the options of a solver as this study names it."""
    return JuliaOptions(solver.split()[0], time_limit=limit, as_it_comes=solver == AS_IT_COMES)


def linear_tasks(*, time_limit: float) -> list[Task]:
    """List our searches and each solver on the linear model of single-phase networks.

    Parameters
    ----------
    time_limit : float
        Seconds of a run.

    Returns
    -------
    list of Task
        Rows have ``instance, method, start, objective_kw, bound_kw, first_seconds, best_seconds,
        end_seconds, excess, claim, proven, false_claim, loss_kw, trace``; seconds of a start are
        not part of those of a solver. ``excess`` is relative to the optimum that our cycle branch
        and bound proves.
    """
    tasks = []
    for instance in NETWORKS:
        asked = {"table": "minlp linear", "instance": instance}
        tasks += [Task({**asked, "method": name, "start": ""}, _ours) for name in _OURS]
        tasks += [
            Task({**asked, "limit": time_limit, "method": method, "start": start}, _linear)
            for method, start in product(LINEAR_METHODS, STARTS)
        ]
    return tasks


def _forward(instance: str) -> Any:
    return forward(problem_of(instance))


def _exchanged(instance: str) -> Any:
    problem = problem_of(instance)
    return branch_exchange(problem, forward(problem))


_OURS: dict[str, Callable[[str], Any]] = {
    "FORWARD": _forward,
    "FORWARD + exchange": _exchanged,
    "cycle branch and bound": lambda instance: cycle_branch_and_bound(problem_of(instance)),
}


def _ours(asked: Mapping[str, Any]) -> Row:
    instance, name = asked["instance"], asked["method"]
    problem = problem_of(instance)
    _ = problem.graph
    start = time.perf_counter()
    found = _OURS[name](instance)
    seconds = time.perf_counter() - start
    proven = name == "cycle branch and bound" and found.status == "optimal"
    tree = found.incumbent if name == "cycle branch and bound" else found
    objective = problem.objective(tree)
    return {
        **_times((), seconds, objective),
        "objective_kw": objective,
        "bound_kw": found.bound if name == "cycle branch and bound" else None,
        "claim": "OPTIMAL" if proven else "",
        "proven": proven,
        "loss_kw": _network_loss(instance, problem.open_branches(tree)),
        "trace": [[seconds, objective, None]],
    }


def _network_loss(instance: str, opened: tuple[int, ...]) -> float | None:
    try:
        report = check_configuration(get_case(instance), opened, NETWORKS[instance])
    except PowerFlowError:
        return None
    return report.loss_kw if report.loss_kw == report.loss_kw else None


def _linear(asked: Mapping[str, Any]) -> Row:
    instance = asked["instance"]
    problem = problem_of(instance)
    found = julia_reconfigure(
        problem,
        options_for(asked["method"], asked["limit"]),
        start=start_of_network(instance, asked["start"]),
    )
    closed = found.values["closed"]
    opened = () if closed is None else problem.open_branches(closed)
    return {
        **_told(found),
        "loss_kw": None if closed is None else _network_loss(instance, opened),
    }


def feeder_tasks(*, time_limit: float) -> list[Task]:
    """List our answer and each formulation of PowerModelsDistribution on three-phase feeders.

    Parameters
    ----------
    time_limit : float
        Seconds of a run.

    Returns
    -------
    list of Task
        Rows as those of :func:`linear_tasks`, with ``opendss_kw`` and ``v_min`` of the answer;
        objective and bound are of the formulation.
    """
    tasks = []
    for instance in FEEDERS:
        tied = instance.endswith("-ties")
        asked = {"table": "minlp feeders", "instance": instance}
        tasks.append(Task({**asked, "method": _best_method(instance), "start": ""}, _best_in_ac))
        starts = ("", "base") if tied else STARTS
        tasks += [
            Task({**asked, "limit": time_limit, "method": method, "start": start}, _feeder)
            for method, start in product(FEEDER_METHODS, starts)
        ]
    return tasks


def _best_method(instance: str) -> str:
    return "every tree in AC" if instance.endswith("-ties") else "exact-ac"


def _best_in_ac(asked: Mapping[str, Any]) -> Row:
    """Give the tree of least loss: by looking at all, or by our own proof in AC."""
    instance, start = asked["instance"], time.perf_counter()
    if instance.endswith("-ties"):
        trees = every_tree(instance)
        (loss, opened), proven, count = trees[0], True, len(trees)
    else:
        found = reconfigure(get_case(instance), "exact-ac", limits=())
        assert found.loss_kw is not None, "these cases have solutions"
        loss, proven, count = found.loss_kw, found.status == "optimal", None
        opened = tuple(map(str, found.open_branches))
    seconds = time.perf_counter() - start
    return {
        **_times((), seconds, loss),
        "objective_kw": loss,
        "bound_kw": loss if proven else None,
        "claim": "OPTIMAL" if proven else "",
        "proven": proven,
        "trees": count,
        "open": list(opened),
        "trace": [[seconds, loss, None]],
        **ac_losses(feeder_of(instance), opened),
    }


def _feeder(asked: Mapping[str, Any]) -> Row:
    instance = asked["instance"]
    feeder, free = feeder_of(instance), switches(instance)
    formulation, solver = FEEDER_METHODS[asked["method"]]
    opened = start_of_feeder(instance, asked["start"])
    found = julia_feeder_reconfigure(
        feeder,
        free,
        formulation,
        options_for(solver, asked["limit"]),
        start=None if opened is None else [name for name in free if name not in opened],
        # Published feeders exceed their ampacities as they stand.
        limits=False,
    )
    row = _told(found, float(feeder.to_kw(1.0)))
    if found.objective is None:
        return row
    return {
        **row,
        "open": list(found.values["opened"]),
        **ac_losses(feeder, found.values["opened"]),
    }


def _told(found: JuliaAnswer, kw: float = 1.0) -> Row:
    """Return what a solver in Julia came to, in kW."""
    trace = tuple(
        (seconds, None if o is None else o * kw, None if b is None else b * kw)
        for seconds, o, b in found.trace
    )
    objective, bound = (None if v is None else v * kw for v in (found.objective, found.bound))
    ended = found.status != "time_limit"
    return {
        **_times(trace, found.seconds["solve"] if ended else None, objective),
        "objective_kw": objective,
        "bound_kw": bound,
        "claim": found.raw_status,
        "proven": found.status == "optimal",
        "trace": [list(point) for point in trace],
        "notes": list(found.notes),
    }


def _times(trace: Trace, end: float | None, objective: float | None) -> Row:
    """Return the seconds to the first answer, to the best and to the end."""
    answers = [(seconds, value) for seconds, value, _ in trace if value is not None]
    if objective is not None and not answers and end is not None:
        answers = [(end, objective)]
    best = [s for s, v in answers if objective is not None and v <= objective * (1 + SAME)]
    return {
        "first_seconds": answers[0][0] if answers else None,
        "best_seconds": best[0] if best else None,
        "end_seconds": end,
    }
