"""Compile the kernels a call needs before its clock starts."""

from __future__ import annotations

from functools import cache

import numpy as np

from pygridjl.core.methods import NoOptions
from pygridjl.grid.network import Branches, Buses, Generators, Loads, Network
from pygridjl.reconfiguration.ac.evaluate import AcEvaluator
from pygridjl.reconfiguration.methods import METHODS
from pygridjl.reconfiguration.problem import build_problem

__all__ = ["compile_kernels", "six_buses"]


@cache
def compile_kernels(names: frozenset[str], *, certify: bool) -> None:
    """Run the parts of a call on a network of six buses, once per process.

    Numba compiles a kernel at its first call and keeps the machine code on disk: after an
    installation this takes half a minute, later a fraction of a second. Without it a time limit
    would be spent on compiling.

    Parameters
    ----------
    names : frozenset of str
        Methods that will run in Python.
    certify : bool
        Whether the cycle branch-and-bound will run.
    """
    from pygridjl.reconfiguration import certificates, heuristics

    problem = build_problem(six_buses(), limits=())
    evaluator = AcEvaluator(problem)
    finishing = any(METHODS[name].role == "finish" for name in names)
    start = next((METHODS[name] for name in names if METHODS[name].role == "start"), None)
    if start is None:
        tree = heuristics.max_flow_tree(problem)
    else:
        arguments = () if start.options is NoOptions else (start.options(),)
        tree = start.load()(problem, *arguments)
    if "exchange" in names or (finishing and start is None):
        tree = heuristics.branch_exchange(problem, tree)
    if "ils" in names:
        rng = np.random.default_rng(0)
        heuristics.iterated_local_search(problem, tree, rng=rng, iterations=10)
    if certify or "exact" in names:
        certificates.cycle_branch_and_bound(problem)
    elif names & {"highs", "scip"}:
        certificates.electrical_bound(problem)
    evaluator.rank(tree)


def six_buses() -> Network:
    """Return two overlapping cycles and a pendant bus."""
    ends = np.array([[0, 1], [1, 2], [2, 3], [3, 0], [1, 3], [3, 4], [4, 5], [5, 2]])
    place = np.arange(6)
    return Network(
        "six buses",
        1.0,
        Buses(id=place.astype(np.str_)),
        Branches(
            id=np.arange(1, 9),
            from_bus=ends[:, 0],
            to_bus=ends[:, 1],
            r=np.linspace(0.01, 0.02, 8),
            closed=np.array([True, True, True, False, False, True, True, False]),
        ),
        Generators(id=np.array(["substation"]), bus=place[:1], slack=np.array([True])),
        Loads(id=place[1:].astype(np.str_), bus=place[1:], p=np.linspace(0.01, 0.02, 5)),
    )
