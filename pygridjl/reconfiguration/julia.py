"""Exact solvers in Julia behind the door to reconfiguration."""

from __future__ import annotations

import numpy as np

from pygridjl.reconfiguration.certificates import Certificate
from pygridjl.reconfiguration.methods import JuliaSolver
from pygridjl.reconfiguration.run import Run
from pygridjl.results import Status

__all__ = ["solve", "start"]

# Local solvers: their claims of optimality are none.
_UNPROVEN = ("juniper", "juniper-plain")


def start() -> None:
    """Start Julia unless it runs.

    Raises
    ------
    JuliaNotFoundError, JuliaPackageError, JuliaForkError
        If it cannot be used.
    """
    from pygridjl.bridge import runtime

    runtime.start()


def solve(run: Run, solver: JuliaSolver) -> None:
    """Let a solver in Julia work until the deadline, from the best tree of the run if it has one.

    Bound and answer go into ``run``. Juniper proves nothing: what it claims becomes a note, and
    the bound stays what Python has proven.

    Parameters
    ----------
    run : Run
        The run so far.
    solver : {"scip", "highs", "pajarito", "juniper", "juniper-plain"}
        Which solver.

    Raises
    ------
    JuliaPackageError, JuliaSolveError
        If the solver is missing or fails.
    """
    from pygridjl.bridge.radial import julia_reconfigure

    run.say(f"{solver} in Julia")
    warm = min(run.candidates, key=run.problem.objective, default=None)
    found = julia_reconfigure(
        run.problem,
        "highs-oa" if solver == "highs" else solver,
        start=warm,
        time_limit=run.remaining,
    )
    seconds = run.watch.seconds
    seconds["julia"] += found.seconds["julia"]
    seconds[solver] = found.seconds["solve"]
    seconds["crossing"] = found.seconds["crossing"]
    run.engine, run.versions = "julia", found.versions
    run.timed_out = found.status is Status.TIME_LIMIT
    run.exact = solver not in _UNPROVEN
    if solver in _UNPROVEN:
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
