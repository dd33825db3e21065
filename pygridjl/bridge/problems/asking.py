"""How a problem is put to PyGridJL: its solver, and the clock around the call."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pygridjl.bridge import runtime
from pygridjl.bridge.answer import JuliaAnswer, number, plain, status_of, trace_of
from pygridjl.core.errors import InvalidOptionError

__all__ = ["JuliaOptions", "ask", "julia_options", "prepare"]

OptionValue = bool | int | float | str

# What a solver itself is built on, for the versions of an answer.
_BUILT_ON = {"Juniper": ("Ipopt", "HiGHS"), "Pajarito": ("HiGHS", "Clarabel")}


@dataclass(frozen=True)
class JuliaOptions:
    """Options of every problem that is solved in Julia.

    Attributes
    ----------
    solver : str or None
        Name of a Julia package that has an ``Optimizer``, such as ``"Gurobi"``; by default the
        open one that fits the formulation.
    solver_options : mapping
        Options of that package, by its own names.
    time_limit : float or None
        Seconds for the solver.
    write_model : path-like or None
        Where to write the program that is solved; the name ends in ``.mof.json``, ``.lp``,
        ``.mps`` or ``.nl``.
    verbose : bool
        Whether the solver prints its log.
    as_it_comes : bool
        Whether the package keeps its own settings instead of those PyGridJL gives it.
    solution : bool
        Whether PowerModelsDistribution's own solution is returned too.

    Raises
    ------
    InvalidOptionError
        If an option is not a text, a number or true or false.
    """

    solver: str | None = None
    solver_options: Mapping[str, OptionValue] = field(default_factory=dict)
    time_limit: float | None = None
    write_model: str | Path | None = None
    verbose: bool = False
    as_it_comes: bool = False
    solution: bool = False

    def __post_init__(self) -> None:
        if self.solver is not None and not str(self.solver).isidentifier():
            raise InvalidOptionError(f"solver: {self.solver!r} is not the name of a Julia package")
        for name, value in self.solver_options.items():
            if not isinstance(value, bool | int | float | str):
                raise InvalidOptionError(
                    f"solver_options: {name} must be a text, a number or true or false, "
                    f"is {value!r}"
                )

    def package(self, problem: str, formulation: str) -> str:
        """Name of the package that solves a problem; Julia must run."""
        if self.solver is not None:
            return self.solver
        return str(runtime.call("default_solver", problem, formulation))

    @property
    def limit(self) -> float:
        """Seconds for the solver, infinite for none."""
        return np.inf if self.time_limit is None else float(self.time_limit)

    @property
    def model_file(self) -> str:
        """Absolute path of the file to write, or nothing."""
        return "" if self.write_model is None else str(Path(self.write_model).absolute())

    def solver_in_julia(self, package: str) -> Any:
        """Load the package and return what PyGridJL takes for a solver."""
        runtime.require(package)
        solver = runtime.call("named_solver", package, self.as_it_comes, self.verbose)
        for name, value in self.solver_options.items():
            solver = runtime.call("set_option_b", solver, name, value)
        return solver


def julia_options(
    backend: str,
    *,
    solver: str | None = None,
    solver_options: Mapping[str, OptionValue] | None = None,
    write_model: str | Path | None = None,
    verbose: bool = False,
    solution: bool = False,
    time_limit: float | None = None,
) -> JuliaOptions:
    """Return the options of a door, which all need ``backend="julia"``.

    Raises
    ------
    InvalidOptionError
        If one is given for another backend, or its value cannot be used.
    """
    given = {
        "solver": solver is not None,
        "solver_options": bool(solver_options),
        "write_model": write_model is not None,
        "verbose": verbose,
        "solution": solution,
    }
    if backend != "julia":
        for name, is_given in given.items():
            if is_given:
                raise InvalidOptionError(f"{name}: needs backend='julia', is {backend!r}")
    if solver_options and not isinstance(solver_options, Mapping):
        raise InvalidOptionError(f"solver_options: must be a mapping, is {solver_options!r}")
    return JuliaOptions(solver, solver_options or {}, time_limit, write_model, verbose,
                        solution=solution)  # fmt: skip


def prepare(problem: str, formulation: str, how: JuliaOptions) -> None:
    """Start Julia, load the solver of a problem and let Julia compile what it needs, once.

    Parameters
    ----------
    problem, formulation, how
        As for :func:`ask`.

    Raises
    ------
    JuliaNotFoundError, JuliaPackageError, JuliaForkError
        If Julia or the solver's package cannot be used.
    """
    runtime.start()
    solver = how.solver_in_julia(how.package(problem, formulation))
    runtime.call("prepare", problem, formulation, solver)


def ask(
    problem: str,
    formulation: str,
    how: JuliaOptions,
    arguments: tuple[Any, ...],
    after: tuple[Any, ...] = (),
    *,
    package: str = "PowerModelsDistribution",
    factor: float = 1.0,
) -> tuple[Any, JuliaAnswer]:
    """Call a problem of PyGridJL and translate what every answer has.

    Parameters
    ----------
    problem : str
        Name of its function in Julia.
    formulation : str
        Decides which package solves it by default.
    how : JuliaOptions
        Solver, limits, files.
    arguments, after : tuple
        What stands before and after solver and time limit.
    package : str
        Julia package that builds the model, for the versions.
    factor : float
        What objectives and bounds are multiplied by.

    Returns
    -------
    raw : object
        What Julia returned.
    answer : JuliaAnswer
        Without ``values``, which are the caller's.

    Raises
    ------
    JuliaNotFoundError, JuliaPackageError, JuliaSolveError
        If Julia or the solver's package cannot be used, or it fails.
    """
    begin = time.perf_counter()
    runtime.start()
    solver = how.package(problem, formulation)
    in_julia = how.solver_in_julia(solver)
    runtime.call("prepare", problem, formulation, in_julia)
    started = time.perf_counter()
    raw = runtime.call(problem, *arguments, in_julia, how.limit, *after, how.model_file)
    ended = time.perf_counter()
    build, solve = float(raw.build_seconds), float(raw.solve_seconds)
    objective, bound = (
        None if value is None else value * factor
        for value in (number(getattr(raw, name)) for name in ("objective", "bound"))
    )
    return raw, JuliaAnswer(
        status=status_of(raw.status),
        raw_status=str(raw.raw),
        solver=solver,
        objective=objective,
        bound=bound,
        values={},
        trace=trace_of(raw.trace, factor),
        notes=tuple(str(note) for note in raw.notes),
        solution=plain(raw.solution) if how.solution else {},
        seconds={
            "julia": started - begin,
            "build": build,
            "solve": solve,
            "crossing": max(0.0, ended - started - build - solve),
        },
        versions=runtime.versions("JuMP", package, solver, *_BUILT_ON.get(solver, ())),
    )
