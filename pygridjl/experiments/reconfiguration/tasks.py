"""The reconfiguration benchmark: Table I of FORWARD, the standard cases, growth with size."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pygridjl.experiments.forward.printed import BEST_KNOWN, FORWARD_TABLE_I
from pygridjl.grid.cases import get_case
from pygridjl.grid.cases.generators import feeder_like, watts_strogatz
from pygridjl.grid.network import Network
from pygridjl.reconfiguration import build_problem, reconfigure
from pygridjl.reconfiguration.forward import forward
from pygridjl.reconfiguration.heuristics import branch_exchange, max_flow_tree
from pygridjl.reconfiguration.problem import ProblemKind, RadialProblem
from pygridjl.reconfiguration.result import ReconfigurationResult
from pygridjl.study.store import TaskStore

__all__ = [
    "BEST_KNOWN",
    "FORWARD_TABLE_I",
    "SCALE_SIZES",
    "STANDARD_METHOD",
    "TABLE_METHODS",
    "compile_kernels",
    "random_rows",
    "scale_rows",
    "standard_rows",
    "table_rows",
]

Row = dict[str, Any]

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
# Phases that belong to the method itself; the others are set-up, bounds and checks.
_NOT_THE_METHOD = {"compile", "setup", "bound", "certify", "check", "base"}


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
            reconfigure(get_case(case), method, problem=problem)  # type: ignore[arg-type]
        reconfigure(get_case(case), "exact", problem=problem)  # type: ignore[arg-type]
    return time.perf_counter() - start


def _method_seconds(result: ReconfigurationResult) -> float:
    return sum(s for phase, s in result.seconds.items() if phase not in _NOT_THE_METHOD)


def table_rows(store: TaskStore, *, proof_seconds: float, seed: int) -> Iterator[Row]:
    """Yield one row per instance of Table I and method.

    Parameters
    ----------
    store : TaskStore
        Where finished rows are kept.
    proof_seconds : float
        Time limit of the cycle branch-and-bound on each instance.
    seed : int
        Seed of the random parts.

    Yields
    ------
    dict
        ``instance, method, feasible, objective_kw, bound_kw, proven, ratio, seconds`` beside the
        paper's ``paper_name, paper_forward_seconds, paper_knitro_seconds``; ``ratio`` is the cost
        over the best proven bound.
    """
    for instance, paper in FORWARD_TABLE_I.items():
        network = get_case(instance)
        bound = store.run(
            {"table": "bound", "instance": instance, "seconds": proof_seconds, "seed": seed},
            lambda n=network: _bound(n, proof_seconds, seed),  # type: ignore[misc]
        )
        for method in TABLE_METHODS:
            row = store.run(
                {"table": "I", "instance": instance, "method": method, "seed": seed},
                lambda n=network, m=method: _answer(n, m, "balanced", seed),  # type: ignore[misc]
            )
            feasible = not row["error"]
            yield {
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


def _bound(network: Network, seconds: float, seed: int) -> Row:
    result = reconfigure(network, "exact", problem="balanced", time_limit=seconds, seed=seed)
    return {
        "bound_kw": result.bound,
        "incumbent_kw": result.objective,
        "proven": result.status == "optimal",
        "bound_method": result.bound_method,
    }


def _answer(network: Network, method: str, problem: ProblemKind, seed: int) -> Row:
    result = reconfigure(network, method, problem=problem, seed=seed)
    return {
        "objective_kw": result.objective,
        "loss_kw": result.loss_kw,
        "seconds": _method_seconds(result),
        "open_branches": list(result.open_branches),
    }


def standard_rows(store: TaskStore, *, proof_seconds: float, seed: int) -> Iterator[Row]:
    """Yield one row per standard case: base, found, best known, bound, seconds.

    Parameters
    ----------
    store, proof_seconds, seed
        As in :func:`table_rows`; the limit covers search and proof together.

    Yields
    ------
    dict
        ``case, buses, branches, open, base_kw, found_kw, best_known_kw, objective_kw, bound_kw,
        gap, status, search_seconds, proof_seconds, open_branches``.
    """
    for case, known in BEST_KNOWN.items():
        network = get_case(case)
        row = store.run(
            {"table": "standard", "case": case, "limit": proof_seconds, "seed": seed},
            lambda n=network: _standard(n, proof_seconds, seed),  # type: ignore[misc]
        )
        yield {**row, "best_known_kw": known.loss_kw, "best_known_base_kw": known.base_kw}


def _standard(network: Network, seconds: float, seed: int) -> Row:
    result = reconfigure(network, STANDARD_METHOD, certify=True, time_limit=seconds, seed=seed)
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


def scale_rows(store: TaskStore, *, seed: int, sizes: Sequence[int] = SCALE_SIZES) -> Iterator[Row]:
    """Yield seconds of the fast methods on growing networks.

    Parameters
    ----------
    store, seed
        As in :func:`table_rows`.
    sizes : sequence of int
        Numbers of buses.

    Yields
    ------
    dict
        ``family, buses, branches, method, seconds, ratio`` with the cost over the electrical
        bound. Times are of the method alone: networks are built and validated before.
    """
    families: dict[str, tuple[Callable[[int], Network], ProblemKind]] = {
        "feeder-like": (lambda n: feeder_like(n, seed=seed), "substations"),
        "Watts–Strogatz": (
            lambda n: watts_strogatz(n, sources=max(2, n // 20), seed=seed),
            "balanced",
        ),
    }
    for family, (build, kind) in families.items():
        for n in sizes:
            task = {"table": "scale", "family": family, "buses": n, "seed": seed}
            problem: RadialProblem | None = None
            for method in ("forward", "maxflow", "maxflow+exchange"):
                if problem is None:
                    problem = build_problem(build(n), kind)
                yield store.run(
                    {**task, "method": method},
                    lambda p=problem, m=method: _timed(p, m),  # type: ignore[misc]
                )


def _timed(problem: RadialProblem, method: str) -> Row:
    from pygridjl.reconfiguration.certificates import electrical_bound

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


def random_rows(
    store: TaskStore, *, seed: int, sizes: Sequence[tuple[int, int]], instances: int
) -> Iterator[Row]:
    """Yield feasibility and cost of every method on random Watts–Strogatz instances.

    Parameters
    ----------
    store : TaskStore
        Where finished rows are kept.
    seed : int
        Seed of the first instance; the others follow.
    sizes : sequence of (int, int)
        Buses and sources.
    instances : int
        Instances per size.

    Yields
    ------
    dict
        ``buses, sources, instance, method, objective_kw, error``.
    """
    for buses, sources in sizes:
        for k in range(instances):
            network = watts_strogatz(buses, sources=sources, seed=seed + k)
            for method in TABLE_METHODS:
                yield store.run(
                    {
                        "table": "random",
                        "buses": buses,
                        "sources": sources,
                        "instance": seed + k,
                        "method": method,
                    },
                    lambda n=network, m=method: _answer(n, m, "balanced", seed),  # type: ignore[misc]
                )
