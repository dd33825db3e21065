"""Names of the methods and the grammar that chains them: ``start[+improver…]`` or an exact one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.types import BoolArray
from pygridjl.reconfiguration.problem import RadialProblem

__all__ = [
    "EXACT_METHODS",
    "IMPROVERS",
    "JULIA_METHODS",
    "START_METHODS",
    "Chain",
    "JuliaSolver",
    "parse_julia_method",
    "parse_method",
    "start_tree",
]

JuliaSolver = Literal["scip", "highs", "pajarito", "juniper", "juniper-plain"]

EXACT_METHODS = {
    "exact": "cycle branch-and-bound on the linear model",
    "highs": "HiGHS outer approximation of the linear model",
    "scip": "SCIP mixed-integer quadratic program of the linear model",
    "scip-ac": "SCIP mixed-integer second-order cone program of the AC branch flow",
}
START_METHODS = {
    "forward": "FORWARD, fast mode",
    "forward-faithful": "FORWARD as the text of the paper means it",
    "forward-literal": "FORWARD as its pseudo-code is printed; may fail",
    "maxflow": "maximum spanning tree on the meshed electrical flow",
    "mst": "minimum spanning tree on resistance",
    "spt": "shortest-path tree on resistance",
    "sequential": "sequential opening of the branch of least current",
    "base": "the base state of the network",
}
IMPROVERS = {
    "exchange": "branch exchange with exact deltas",
    "ils": "iterated local search",
}
# What backend "julia" has; all work on the linear model.
JULIA_METHODS: dict[JuliaSolver, str] = {
    "scip": "SCIP mixed-integer second-order cone program",
    "highs": "HiGHS outer approximation",
    "pajarito": "Pajarito outer approximation with HiGHS and Clarabel",
    "juniper": "Juniper nonlinear branch and bound with a tight Ipopt; proves nothing",
    "juniper-plain": "the same with Ipopt as it comes; has claimed false optima",
}


@dataclass(frozen=True)
class Chain:
    """A parsed method name: one exact method, or a start and its improvers."""

    start: str
    improvers: tuple[str, ...]

    @property
    def exact(self) -> bool:
        """Whether the method itself proves its answer."""
        return self.start in EXACT_METHODS


def parse_method(method: str) -> Chain:
    """Split a method name into its parts.

    Parameters
    ----------
    method : str
        For example ``"forward+exchange"``, ``"maxflow+ils"`` or ``"exact"``.

    Returns
    -------
    Chain
        The parts.

    Raises
    ------
    InvalidOptionError
        If a part is unknown or an exact method is chained.
    """
    start, *improvers = method.split("+")
    if start in EXACT_METHODS and improvers:
        raise InvalidOptionError(f"method: {start!r} proves its answer; nothing can follow it")
    if start not in EXACT_METHODS and start not in START_METHODS:
        known = ", ".join([*START_METHODS, *EXACT_METHODS])
        raise InvalidOptionError(f"method: {start!r} is none of {known}")
    for improver in improvers:
        if improver not in IMPROVERS:
            raise InvalidOptionError(
                f"method: {improver!r} cannot follow a '+'; only {', '.join(IMPROVERS)} can"
            )
    return Chain(start, tuple(improvers))


def parse_julia_method(method: str) -> tuple[Chain | None, JuliaSolver]:
    """Split a method of backend ``"julia"`` into its start, if any, and its solver.

    Parameters
    ----------
    method : str
        ``[start[+improver…]+]solver``, for example ``"scip"`` or ``"forward+exchange+juniper"``.

    Returns
    -------
    chain : Chain or None
        What finds the tree that the solver starts from.
    solver : str
        One of :data:`JULIA_METHODS`.

    Raises
    ------
    InvalidOptionError
        If the last part is no solver in Julia, or the others do not find a start.
    """
    before, _, last = method.rpartition("+")
    if last not in JULIA_METHODS:
        raise InvalidOptionError(
            f"method: {method!r} does not end in a solver of backend 'julia' "
            f"({', '.join(JULIA_METHODS)}), as in '{method}+scip'"
            if last in START_METHODS or last in IMPROVERS
            else f"method: {last!r} is no solver of backend 'julia' ({', '.join(JULIA_METHODS)})"
        )
    chain = parse_method(before) if before else None
    if chain is not None and chain.exact:
        raise InvalidOptionError(f"method: {before!r} proves its answer; nothing can follow it")
    return chain, last


def start_tree(problem: RadialProblem, name: str, weight_rule: str) -> BoolArray:
    """Build the first spanning tree.

    Parameters
    ----------
    problem : RadialProblem
        The problem.
    name : str
        One of :data:`START_METHODS`.
    weight_rule : str
        Weight rule of FORWARD; the other methods ignore it.

    Returns
    -------
    ndarray of bool, shape (m,)
        A spanning tree that holds all forced edges.

    Raises
    ------
    InvalidOptionError
        If ``base`` is asked for and the base state is not an allowed tree.
    UnservedNodesError
        If ``forward-literal`` fails, as it may.
    """
    from pygridjl.reconfiguration import heuristics

    if name.startswith("forward"):
        from pygridjl.reconfiguration.forward import forward

        mode = name.partition("-")[2] or "fast"
        return forward(problem, mode=mode, weight_rule=weight_rule)
    if name == "base":
        closed = problem.edge_states(problem.network.branches.closed)
        allowed = not (problem.forced & ~closed).any()
        if not (allowed and problem.is_spanning_tree(closed)):
            raise InvalidOptionError(
                f"method: the base state of network {problem.network.name!r} "
                "is not an allowed radial configuration"
            )
        return closed
    builders: dict[str, Callable[[RadialProblem], BoolArray]] = {
        "maxflow": heuristics.max_flow_tree,
        "mst": heuristics.minimum_spanning_tree,
        "spt": heuristics.shortest_path_tree,
        "sequential": heuristics.sequential_opening,
    }
    return builders[name](problem)
