"""Solvers in Julia behind the door to reconfiguration."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pygridjl.core.methods import Method
from pygridjl.core.result import Status
from pygridjl.reconfiguration.certificates import Certificate
from pygridjl.reconfiguration.search_state import Run

if TYPE_CHECKING:
    from pygridjl.bridge.problems.asking import JuliaOptions

__all__ = ["named_solver", "options_of", "solve", "start"]

# Julia package of each registered finish.
_PACKAGES = {
    "highs": "HiGHS",
    "scip": "SCIP",
    "pajarito": "Pajarito",
    "juniper": "Juniper",
    "juniper-plain": "Juniper",
}


def named_solver(package: str) -> Method:
    """Return the finish that a Julia package is."""
    return Method(package, f"{package} in Julia", role="finish", backends=("julia",))


def options_of(method: Method, how: JuliaOptions) -> JuliaOptions:
    """Return the options with the solver that a finish names."""
    package = _PACKAGES.get(method.name, method.name)
    return replace(how, solver=package, as_it_comes=method.name == "juniper-plain")


def start(how: JuliaOptions) -> None:
    """Start Julia, load the solver and let Julia compile it, once per process.

    Raises
    ------
    JuliaNotFoundError, JuliaPackageError, JuliaForkError
        If Julia or the solver's package cannot be used.
    """
    from pygridjl.bridge.problems.asking import prepare

    prepare("radial_reconfigure", "", how)


def solve(run: Run, method: Method, how: JuliaOptions) -> None:
    """Let a solver in Julia work until the deadline, from the best tree of the run if it has one.

    Bound and answer go into ``run``. What a solver claims without a bound becomes a note, and the
    bound stays what Python has proven.

    Parameters
    ----------
    run : Run
        The run so far.
    method : Method
        The finish of backend ``"julia"``.
    how : JuliaOptions
        Solver and its options.

    Raises
    ------
    JuliaSolveError
        If the solver fails.
    """
    from pygridjl.bridge.problems.radial import julia_reconfigure

    solver = method.name
    run.say(f"{solver} in Julia")
    warm = min(run.candidates, key=run.problem.objective, default=None)
    found = julia_reconfigure(run.problem, replace(how, time_limit=run.remaining), start=warm)
    seconds = run.watch.seconds
    seconds[solver], seconds["crossing"] = found.seconds["solve"], found.seconds["crossing"]
    run.engine, run.versions = "julia", found.versions
    run.raw_status, run.trace = found.raw_status, found.trace
    run.timed_out = found.status is Status.TIME_LIMIT
    run.notes += found.notes
    run.exact = found.bound is not None or found.status is Status.INFEASIBLE
    if not run.exact:
        claim = "without an answer" if found.objective is None else f"at {found.objective:.3f} kW"
        run.notes.append(f"{solver} ended with {found.raw_status} {claim}, which is no proof")
    run.take(
        Certificate(
            bound=-np.inf if found.bound is None else found.bound,
            incumbent=found.values["closed"],
            objective=found.objective,
            status=found.status,
            nodes=found.values["nodes"] or 0,
            seconds=found.seconds["solve"],
            method=f"{solver} (Julia)",
            engine="julia",
        )
    )
