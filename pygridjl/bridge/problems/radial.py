"""Radial reconfiguration by JuMP with any solver that has integers.

The problem comes as a :class:`RadialArrays`, anything with the arrays of
:class:`pygridjl.reconfiguration.problem.RadialProblem`, so that this package stays below the
methods.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import numpy as np

from pygridjl.bridge.answer import JuliaAnswer
from pygridjl.bridge.problems.asking import JuliaOptions, ask
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.types import BoolArray, FloatArray, IntArray

__all__ = ["RadialArrays", "julia_reconfigure"]


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


def julia_reconfigure(
    problem: RadialArrays,
    how: JuliaOptions | None = None,
    *,
    start: BoolArray | None = None,
) -> JuliaAnswer:
    """Find the spanning tree of least linear loss with a solver in Julia.

    Parameters
    ----------
    problem : RadialArrays
        The problem, e.g. from :func:`pygridjl.reconfiguration.build.build_problem`. Limits on
        voltages and currents are not part of this model.
    how : JuliaOptions, optional
        Solver, its options and limits. Solvers with cones or quadratic constraints get the
        perspective of the loss, those with quadratic objectives that, mixed-integer linear ones
        outer approximation. HiGHS unless given. With ``as_it_comes`` the data come in megawatts,
        as in the literature, instead of in units that suit tolerances.
    start : ndarray of bool, shape (m,), optional
        A spanning tree to start from.

    Returns
    -------
    JuliaAnswer
        Objective (computed from the tree) and bound in kW; ``values``: ``closed`` (ndarray of
        bool, shape (m,), or None) and ``nodes`` (of branch and bound, or None).

    Raises
    ------
    InvalidOptionError
        If the solver cannot be used, or ``start`` is no spanning tree.
    JuliaNotFoundError, JuliaPackageError, JuliaSolveError
        If Julia or the solver's package cannot be used, or it fails.
    """
    how = how or JuliaOptions()
    m = problem.tail.size
    if start is not None and start.shape != (m,):
        raise InvalidOptionError(f"start: shape {start.shape}, expected ({m},)")
    # PyGridJL scales the data itself unless a solver is to be seen as it comes.
    unit = problem.kw / 1000 if how.as_it_comes else 1.0
    raw, answer = ask(
        "radial_reconfigure",
        "",
        how,
        (
            problem.n,
            problem.root + 1,
            problem.tail + 1,
            problem.head + 1,
            problem.weight / unit,
            problem.p * unit,
            problem.q * unit,
            problem.forced,
            np.zeros(0, dtype=np.bool_) if start is None else start,
        ),
        package="JuMP",
        factor=problem.kw / unit,
    )
    closed, nodes = np.array(raw.closed, dtype=np.bool_), int(raw.nodes)
    values = {"closed": closed if closed.size else None, "nodes": None if nodes < 0 else nodes}
    return replace(answer, values=values)
