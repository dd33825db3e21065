"""Exact solvers in Julia behind the door to reconfiguration."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from pygridjl.core.methods import Method
from pygridjl.core.result import Status
from pygridjl.grid.network import Branches, Buses, Generators, Loads, Network
from pygridjl.reconfiguration.certificates import Certificate
from pygridjl.reconfiguration.problem import build_problem
from pygridjl.reconfiguration.search_state import Run

if TYPE_CHECKING:
    from pygridjl.bridge.problems.radial import RadialSolver

__all__ = ["solve", "start"]


def _in_julia(solver: str) -> RadialSolver:
    """Return what the bridge calls a solver."""
    return "highs-oa" if solver == "highs" else solver  # type: ignore[return-value]


@cache
def start(solver: str) -> None:
    """Start Julia, load a solver and let Julia compile it, once per process.

    Parameters
    ----------
    solver : str
        A registered finish of backend ``"julia"``.

    Raises
    ------
    JuliaNotFoundError, JuliaPackageError, JuliaForkError
        If Julia or the solver's package cannot be used.
    """
    from pygridjl.bridge.problems.radial import julia_reconfigure

    # Without it a time limit would be spent on compiling.
    julia_reconfigure(build_problem(_six_buses(), limits=()), _in_julia(solver), time_limit=60.0)


def solve(run: Run, method: Method) -> None:
    """Let a solver in Julia work until the deadline, from the best tree of the run if it has one.

    Bound and answer go into ``run``. What a local solver claims becomes a note, and
    the bound stays what Python has proven.

    Parameters
    ----------
    run : Run
        The run so far.
    method : Method
        The finish of backend ``"julia"``.

    Raises
    ------
    JuliaSolveError
        If the solver fails.
    """
    from pygridjl.bridge.problems.radial import julia_reconfigure

    solver = method.name
    run.say(f"{solver} in Julia")
    warm = min(run.candidates, key=run.problem.objective, default=None)
    found = julia_reconfigure(
        run.problem,
        _in_julia(solver),
        start=warm,
        time_limit=run.remaining,
    )
    seconds = run.watch.seconds
    seconds[solver] = found.seconds["solve"]
    seconds["crossing"] = found.seconds["crossing"]
    run.engine, run.versions = "julia", found.versions
    run.timed_out = found.status is Status.TIME_LIMIT
    run.exact = method.proves
    if not method.proves:
        # A local solver: its claims of optimality are none.
        claim = "without an answer" if found.objective is None else f"at {found.objective:.3f} kW"
        run.notes.append(f"{solver} ended with {found.raw} {claim}, which is no proof")
    bound = -np.inf if found.bound is None else found.bound
    if found.objective is not None:
        # The bound holds to the tolerance of the solver.
        bound = min(bound, found.objective)
    run.take(
        Certificate(
            bound=bound,
            incumbent=found.closed,
            objective=found.objective,
            status=found.status,
            nodes=found.nodes or 0,
            seconds=found.seconds["solve"],
            method=f"{solver} (Julia)",
            engine="julia",
        )
    )


def _six_buses() -> Network:
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
