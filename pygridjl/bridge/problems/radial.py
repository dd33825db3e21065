"""Radial reconfiguration by JuMP: second-order cones, outer approximation, and Juniper.

The problem comes as a :class:`RadialArrays`, anything with the arrays of
:class:`pygridjl.reconfiguration.problem.RadialProblem`, so that this package stays below the
methods.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import numpy as np

from pygridjl.bridge import runtime
from pygridjl.bridge.answer import number, status_of
from pygridjl.bridge.probe import OPTIONAL
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.result import Result, Status
from pygridjl.core.types import BoolArray, FloatArray, IntArray

__all__ = ["JuliaRadial", "RadialArrays", "RadialSolver", "julia_reconfigure"]

RadialSolver = Literal["highs-oa", "scip", "pajarito", "juniper", "juniper-plain"]

_PACKAGES = {
    "highs-oa": ("JuMP", "HiGHS"),
    "scip": ("JuMP", "SCIP"),
    "pajarito": ("JuMP", "Pajarito", "HiGHS", "Clarabel"),
    "juniper": ("JuMP", "Juniper", "Ipopt", "HiGHS"),
    "juniper-plain": ("JuMP", "Juniper", "Ipopt", "HiGHS"),
}


class RadialArrays(Protocol):
    """What a reconfiguration problem has to offer; see ``RadialProblem`` for the meaning."""

    @property
    def n(self) -> int:
        """Number of nodes."""

    @property
    def root(self) -> int:
        """Node of the sources."""

    @property
    def tail(self) -> IntArray:
        """From-ends of the edges."""

    @property
    def head(self) -> IntArray:
        """To-ends of the edges."""

    @property
    def weight(self) -> FloatArray:
        """Resistances, p.u."""

    @property
    def p(self) -> FloatArray:
        """Active injections, p.u."""

    @property
    def q(self) -> FloatArray:
        """Reactive injections, p.u."""

    @property
    def forced(self) -> BoolArray:
        """Edges that must be closed."""

    @property
    def kw(self) -> float:
        """Kilowatts in one p.u."""


@dataclass(frozen=True, eq=False)
class JuliaRadial(Result):
    """A spanning tree found in Julia.

    Attributes
    ----------
    solver : str
        As asked for.
    status : Status
        Never ``optimal`` or ``infeasible`` with ``juniper``, which proves nothing.
    raw : str
        How the solver itself names its end. A claim of ``juniper`` is no proof: it has ended with
        ``LOCALLY_SOLVED`` and bound = objective 3 % above the optimum of a convex instance.
    closed : ndarray of bool or None, shape (m,)
        The closed edges.
    objective : float or None
        Loss of the linear model, Σ r (p² + q²), kW, computed from the tree.
    bound : float or None
        Proven lower bound, kW; None with ``juniper``.
    nodes : int or None
        Nodes of branch and bound, where the solver tells.
    seconds : dict
        Seconds by phase.
    versions : dict
        Versions of Julia and the packages.
    """

    solver: str
    status: Status
    raw: str
    closed: BoolArray | None
    objective: float | None
    bound: float | None
    nodes: int | None
    seconds: dict[str, float]
    versions: dict[str, str]


def julia_reconfigure(
    problem: RadialArrays,
    solver: RadialSolver = "scip",
    *,
    start: BoolArray | None = None,
    time_limit: float | None = None,
) -> JuliaRadial:
    """Find the spanning tree of least linear loss with a solver in Julia.

    Parameters
    ----------
    problem : RadialArrays
        The problem, e.g. from :func:`pygridjl.reconfiguration.problem.build_problem`. Limits on
        voltages and currents are not part of this model.
    solver : {"scip", "highs-oa", "pajarito", "juniper", "juniper-plain"}
        Mixed-integer second-order cone by SCIP; outer approximation with HiGHS; outer
        approximation by Pajarito with HiGHS and Clarabel; nonlinear branch and bound by Juniper
        with Ipopt and HiGHS, the baseline of the literature (``juniper-plain`` as it comes:
        Ipopt's own tolerances, no feasibility pump, data in megawatts).
    start : ndarray of bool, shape (m,), optional
        A spanning tree to start from.
    time_limit : float, optional
        Seconds for the solver.

    Returns
    -------
    JuliaRadial
        The tree and what was proven about it.

    Raises
    ------
    InvalidOptionError
        If there is no such solver, or ``start`` has the wrong shape.
    JuliaSolveError
        If Julia fails, also if ``start`` is not a spanning tree.
    JuliaNotFoundError, JuliaPackageError
        If Julia or the solver's package cannot be used.
    """
    if solver not in get_args(RadialSolver):
        raise InvalidOptionError(
            f"solver: {solver!r} is none of {', '.join(get_args(RadialSolver))}"
        )
    m = problem.tail.size
    if start is not None and start.shape != (m,):
        raise InvalidOptionError(f"start: shape {start.shape}, expected ({m},)")
    begin = time.perf_counter()
    runtime.start()
    for package in _PACKAGES[solver]:
        if package in OPTIONAL:
            runtime.require(package)
    # Megawatts for the baseline; PyGridJL scales the data itself for all others.
    unit = problem.kw / 1000 if solver == "juniper-plain" else 1.0
    started = time.perf_counter()
    answer = runtime.call(
        "radial_reconfigure",
        problem.n,
        problem.root + 1,
        problem.tail + 1,
        problem.head + 1,
        problem.weight / unit,
        problem.p * unit,
        problem.q * unit,
        problem.forced,
        solver,
        np.zeros(0, dtype=np.bool_) if start is None else start,
        np.inf if time_limit is None else float(time_limit),
    )
    ended = time.perf_counter()
    closed = np.array(answer.closed, dtype=np.bool_)
    objective, bound, nodes = number(answer.objective), number(answer.bound), int(answer.nodes)
    solve = float(answer.seconds)
    return JuliaRadial(
        solver=solver,
        status=status_of(answer.status),
        raw=str(answer.raw),
        closed=closed if closed.size else None,
        objective=None if objective is None else objective * problem.kw / unit,
        bound=None if bound is None else bound * problem.kw / unit,
        nodes=None if nodes < 0 else nodes,
        seconds={
            "julia": started - begin,
            "solve": solve,
            "crossing": max(0.0, ended - started - solve),
        },
        versions=runtime.versions(*_PACKAGES[solver]),
    )
