"""The reconfiguration benchmark: Table I of FORWARD, the standard cases, growth with size."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import product
from typing import Any

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.jit import kernels_run
from pygridjl.experiments.forward.printed import BEST_KNOWN, FORWARD_TABLE_I
from pygridjl.experiments.reconfiguration import Options
from pygridjl.experiments.reconfiguration.ac_proof import ac_proof_tasks
from pygridjl.experiments.reconfiguration.year import year_tasks
from pygridjl.grid.cases import get_case
from pygridjl.grid.cases.generators import feeder_like, watts_strogatz
from pygridjl.grid.network import Network
from pygridjl.reconfiguration import build_problem, reconfigure
from pygridjl.reconfiguration.forward import forward
from pygridjl.reconfiguration.heuristics import branch_exchange, max_flow_tree
from pygridjl.reconfiguration.methods import METHODS
from pygridjl.reconfiguration.problem import RadialProblem
from pygridjl.reconfiguration.result import ReconfigurationResult
from pygridjl.study.task import Plan, Row, Task

__all__ = [
    "SCALE_METHODS",
    "SCALE_SIZES",
    "STANDARD_METHOD",
    "TABLE_METHODS",
    "compile_kernels",
    "join_standard",
    "join_table",
    "plan",
    "random_tasks",
    "scale_tasks",
    "table_parts",
]

TABLE_METHODS = (
    "forward-literal",
    "forward-faithful",
    "forward",
    "maxflow",
    "forward+exchange",
    "maxflow+exchange",
    "maxflow+ils",
)
STANDARD_METHOD = "maxflow+ils"
SCALE_SIZES = (100, 1_000, 10_000, 100_000)
SCALE_METHODS = ("forward", "maxflow", "maxflow+exchange")
SCALE_FAMILIES = ("feeder-like", "Watts–Strogatz")
# Time limit of one proof: most cases need well under a second, three Watts–Strogatz ones all of it.
PROOF_SECONDS = 10.0
# Phases that belong to the method itself; the others are set-up, bounds and checks.
_NOT_THE_METHOD = {"compile", "setup", "bound", "certify", "check", "base"}


def plan(options: Options) -> Plan:
    """List the benchmark: both tables, or what is asked for instead.

    Raises
    ------
    InvalidOptionError
        If more than one of them is.
    """
    instead = [name for name in ("scale", "year", "ac_proof") if getattr(options, name)]
    if len(instead) > 1:
        raise InvalidOptionError(f"{', '.join(instead)}: one of them at a time")
    if options.year:
        return Plan({"year": year_tasks(seed=options.seed)}, compile_kernels)
    if options.ac_proof:
        return Plan({"proofs": ac_proof_tasks()}, compile_kernels)
    if options.scale:
        return Plan({"networks": scale_tasks(seed=options.seed)}, compile_kernels)
    return Plan(table_parts(seed=options.seed), compile_kernels)


@kernels_run("compiled")
def compile_kernels() -> float:
    """Call every method once on small cases, so that no row pays for compilation.

    Returns
    -------
    float
        Seconds it took; a fraction of a second once the machine code is cached.
    """
    start = time.perf_counter()
    for case, problem in (("case16ci", "substations"), ("forward18", "balanced")):
        for method in TABLE_METHODS[1:]:
            reconfigure(get_case(case), method, problem=problem)  # type: ignore[call-overload]
        reconfigure(get_case(case), "exact", problem=problem)  # type: ignore[call-overload]
    return time.perf_counter() - start


def _method_seconds(result: ReconfigurationResult) -> float:
    return sum(s for phase, s in result.seconds.items() if phase not in _NOT_THE_METHOD)


def table_parts(*, seed: int) -> dict[str, list[Task]]:
    """List Table I of FORWARD, the bounds of its instances, and the standard cases.

    Parameters
    ----------
    seed : int
        Seed of the random parts.

    Returns
    -------
    dict
        Parts of a plan, for :func:`join_table` and :func:`join_standard`.
    """
    limit = PROOF_SECONDS
    return {
        "bounds": [
            Task({"table": "bound", "instance": name, "seconds": limit, "seed": seed}, _bound)
            for name in FORWARD_TABLE_I
        ],
        "Table I": [
            Task({"table": "I", "instance": name, "method": method, "seed": seed}, _table_row)
            for name, method in product(FORWARD_TABLE_I, TABLE_METHODS)
        ],
        "standard cases": [
            Task({"table": "standard", "case": case, "limit": limit, "seed": seed}, _standard)
            for case in BEST_KNOWN
        ],
    }


def _bound(asked: Mapping[str, Any]) -> Row:
    result = reconfigure(
        get_case(asked["instance"]),
        "exact",
        problem="balanced",
        time_limit=asked["seconds"],
    )
    return {
        "bound_kw": result.bound,
        "incumbent_kw": result.objective,
        "proven": result.status == "optimal",
        "bound_method": result.bound_method,
    }


def _balanced(network: Network, asked: Mapping[str, Any]) -> ReconfigurationResult:
    """Run the method asked for; what is random in it takes the seed."""
    method = asked["method"]
    seed = asked["seed"] if METHODS.parse(method).seeded else None
    return reconfigure(network, method, problem="balanced", seed=seed)


def _table_row(asked: Mapping[str, Any]) -> Row:
    network = get_case(asked["instance"])
    return _answer(_balanced(network, asked))


def _answer(result: ReconfigurationResult) -> Row:
    return {
        "objective_kw": result.objective,
        "loss_kw": result.loss_kw,
        "seconds": _method_seconds(result),
        "open_branches": list(result.open_branches),
    }


def join_table(rows: Iterable[Row], bounds: Iterable[Row]) -> list[Row]:
    """Put the rows of Table I beside the proven bounds and the paper's figures.

    Parameters
    ----------
    rows, bounds : iterable of dict
        Rows of the parts of :func:`table_parts`.

    Returns
    -------
    list of dict
        ``instance, method, feasible, objective_kw, bound_kw, proven, ratio, seconds`` beside the
        paper's ``paper_name, paper_forward_seconds, paper_knitro_seconds``; ``ratio`` is the cost
        over the best proven bound.
    """
    by_instance = {bound["instance"]: bound for bound in bounds}
    joined = []
    for row in rows:
        bound, paper = by_instance[row["instance"]], FORWARD_TABLE_I[row["instance"]]
        feasible = not row["error"]
        joined.append(
            {
                **row,
                "feasible": feasible,
                "bound_kw": bound["bound_kw"],
                "proven": bound["proven"],
                "ratio": row["objective_kw"] / bound["bound_kw"] if feasible else None,
                "paper_name": paper.name,
                "paper_forward_seconds": paper.forward_seconds,
                "paper_knitro_seconds": paper.knitro_seconds,
                "paper_forward_cost": paper.forward_cost,
            }
        )
    return joined


def join_standard(rows: Iterable[Row]) -> list[Row]:
    """Put the rows of the standard cases beside the best known.

    Returns
    -------
    list of dict
        ``case, buses, branches, open, base_kw, found_kw, best_known_kw, objective_kw, bound_kw,
        gap, status, search_seconds, proof_seconds, open_branches``.
    """
    return [
        {
            **row,
            "best_known_kw": BEST_KNOWN[row["case"]].loss_kw,
            "best_known_base_kw": BEST_KNOWN[row["case"]].base_kw,
        }
        for row in rows
    ]


def _standard(asked: Mapping[str, Any]) -> Row:
    network = get_case(asked["case"])
    result = reconfigure(
        network, STANDARD_METHOD, certify=True, time_limit=asked["limit"], seed=asked["seed"]
    )
    return {
        "buses": network.n_bus,
        "branches": network.n_branch,
        "open": len(result.open_branches),
        "base_kw": result.base_loss_kw,
        "found_kw": result.loss_kw,
        "objective_kw": result.objective,
        "bound_kw": result.bound,
        "bound_method": result.bound_method,
        "gap": result.gap,
        "status": result.status.value,
        "search_seconds": _method_seconds(result),
        "proof_seconds": result.seconds.get("certify", 0.0),
        "open_branches": list(result.open_branches),
    }


def scale_tasks(*, seed: int, sizes: Sequence[int] = SCALE_SIZES) -> list[Task]:
    """List the fast methods on growing networks.

    Parameters
    ----------
    seed : int
        Seed of the networks.
    sizes : sequence of int
        Numbers of buses.

    Returns
    -------
    list of Task
        Their rows have ``family, buses, branches, method, seconds, ratio`` with the cost over the
        electrical bound. Times are of the method alone: networks are built and validated before.
    """
    return [
        Task(
            {"table": "scale", "family": family, "buses": n, "seed": seed, "method": method}, _timed
        )
        for family, n, method in product(SCALE_FAMILIES, sizes, SCALE_METHODS)
    ]


@lru_cache(maxsize=1)
def _scale_problem(family: str, buses: int, seed: int) -> RadialProblem:
    if family == "feeder-like":
        return build_problem(feeder_like(buses, seed=seed), "substations")
    network = watts_strogatz(buses, sources=max(2, buses // 20), seed=seed)
    return build_problem(network, "balanced")


def _timed(asked: Mapping[str, Any]) -> Row:
    from pygridjl.reconfiguration.certificates import electrical_bound

    problem = _scale_problem(asked["family"], asked["buses"], asked["seed"])
    method = asked["method"]
    # The adjacency is part of the problem, not of the method that asks for it first.
    _ = problem.graph
    start = time.perf_counter()
    closed = forward(problem) if method == "forward" else max_flow_tree(problem)
    if method.endswith("+exchange"):
        closed = branch_exchange(problem, closed)
    seconds = time.perf_counter() - start
    return {
        "branches": problem.m,
        "seconds": seconds,
        "ratio": problem.objective(closed) / electrical_bound(problem).bound,
    }


def random_tasks(*, seed: int, sizes: Sequence[tuple[int, int]], instances: int) -> list[Task]:
    """List every method on random Watts–Strogatz instances.

    Parameters
    ----------
    seed : int
        Seed of the first instance; the others follow.
    sizes : sequence of (int, int)
        Buses and sources.
    instances : int
        Instances per size.

    Returns
    -------
    list of Task
        Their rows have ``buses, sources, instance, method, objective_kw, error``.
    """
    return [
        Task(
            {
                "table": "random",
                "buses": buses,
                "sources": sources,
                "instance": seed + k,
                "method": method,
                "seed": seed,
            },
            _random_row,
        )
        for (buses, sources), k, method in product(sizes, range(instances), TABLE_METHODS)
    ]


def _random_row(asked: Mapping[str, Any]) -> Row:
    network = watts_strogatz(asked["buses"], sources=asked["sources"], seed=asked["instance"])
    return _answer(_balanced(network, asked))
