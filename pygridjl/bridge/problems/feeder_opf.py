"""Three-phase optimal power flow and power flow by PowerModelsDistribution."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from pygridjl.bridge import runtime
from pygridjl.bridge.answer import floats, number, status_of
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.result import Result, Status
from pygridjl.core.types import FloatArray, IntArray
from pygridjl.grid import Feeder, assert_valid_feeder

__all__ = [
    "FeederFormulation",
    "FeederProblem",
    "JuliaFeederOpf",
    "feeder_tables",
    "julia_feeder_opf",
]

FeederFormulation = Literal["acp", "acr", "ivr", "lindist", "soc"]
FeederProblem = Literal["opf", "pf"]


@dataclass(frozen=True, eq=False)
class JuliaFeederOpf(Result):
    """What PowerModelsDistribution found for a feeder.

    Attributes
    ----------
    feeder, formulation, problem : str
        What was solved.
    solver : str
        What solved it.
    status : Status
        ``optimal`` only for ``lindist`` and ``soc``, whose solvers prove their optimum.
    raw : str
        How the solver itself names its end.
    objective : float or None
        Import from the source, all phases, p.u. (``pf``: of no meaning).
    vm, va : ndarray, shape (n_bus, 3)
        Voltage magnitude, p.u., and angle, rad; NaN on absent phases and where the formulation
        has none.
    p_source, q_source : ndarray, shape (3,)
        Import by phase, p.u.
    pg, qg : ndarray, shape (n_generator, 3)
        Injection of the generators, p.u.
    notes : tuple of str
        What was assumed.
    seconds : dict
        Seconds by phase.
    versions : dict
        Versions of Julia and the packages.
    """

    feeder: str
    formulation: str
    problem: str
    solver: str
    status: Status
    raw: str
    objective: float | None
    vm: FloatArray
    va: FloatArray
    p_source: FloatArray
    q_source: FloatArray
    pg: FloatArray
    qg: FloatArray
    notes: tuple[str, ...]
    seconds: dict[str, float]
    versions: dict[str, str]


def julia_feeder_opf(
    feeder: Feeder,
    formulation: FeederFormulation = "acp",
    problem: FeederProblem = "opf",
    *,
    ampacity: bool = True,
    time_limit: float | None = None,
) -> JuliaFeederOpf:
    """Solve a three-phase optimal power flow, or a power flow, with PowerModelsDistribution.

    The feeder becomes an ENGINEERING dictionary: ratios are ideal transformers, loads constant
    power between phase and ground. Capacitors and line charging are admittances, except in
    ``lindist``, where they inject constant reactive power as in :class:`LinDistFlow3`.

    Parameters
    ----------
    feeder : Feeder
        The feeder; its base state says which branches are closed.
    formulation : {"acp", "acr", "ivr", "lindist", "soc"}
        AC equations in polar, rectangular or current-voltage form (Ipopt); LinDist3Flow (HiGHS);
        second-order cone relaxation (Clarabel).
    problem : {"opf", "pf"}
        ``opf``: least import from the source within voltage bands and ampacities; generators may
        be curtailed and use what their capacity leaves for reactive power. ``pf``: no limits,
        generators as given.
    ampacity : bool
        Whether ampacities are limits. The published IEEE feeders exceed theirs as they stand, and
        no load can be shed here.
    time_limit : float, optional
        Seconds for the solver.

    Returns
    -------
    JuliaFeederOpf
        The answer.

    Raises
    ------
    InvalidNetworkError
        If the data are not sound.
    InvalidOptionError
        If there is no such formulation or problem.
    JuliaNotFoundError, JuliaPackageError, JuliaSolveError
        If Julia cannot be used or fails.
    """
    for name, value, known in (
        ("formulation", formulation, get_args(FeederFormulation)),
        ("problem", problem, get_args(FeederProblem)),
    ):
        if value not in known:
            raise InvalidOptionError(f"{name}: {value!r} is none of {', '.join(known)}")
    if formulation == "soc" and problem == "pf":
        raise InvalidOptionError("formulation: 'soc' is a relaxation and has no power flow")
    assert_valid_feeder(feeder)
    begin = time.perf_counter()
    runtime.start()
    started = time.perf_counter()
    answer = runtime.call(
        "feeder_opf",
        *feeder_tables(feeder, np.flatnonzero(feeder.branches.closed)),
        formulation,
        problem,
        np.inf if time_limit is None else float(time_limit),
        ampacity,
    )
    ended = time.perf_counter()
    build, solve = float(answer.build_seconds), float(answer.solve_seconds)
    solver = str(answer.solver)
    return JuliaFeederOpf(
        feeder=feeder.name,
        formulation=formulation,
        problem=problem,
        solver=solver,
        status=status_of(answer.status),
        raw=str(answer.raw),
        objective=number(answer.objective),
        vm=floats(answer.vm),
        va=floats(answer.va),
        p_source=floats(answer.p_source),
        q_source=floats(answer.q_source),
        pg=floats(answer.pg) if problem == "opf" else np.array(feeder.generators.p),
        qg=floats(answer.qg) if problem == "opf" else np.array(feeder.generators.q),
        notes=tuple(str(note) for note in answer.notes),
        seconds={
            "julia": started - begin,
            "build": build,
            "solve": solve,
            "crossing": max(0.0, ended - started - build - solve),
        },
        versions=runtime.versions("PowerModelsDistribution", solver),
    )


def feeder_tables(feeder: Feeder, rows: IntArray) -> tuple[Any, ...]:
    """Return arrays in the layout of ``FeederArrays`` in Julia, with these rows of branches."""
    bus, generator = feeder.buses, feeder.generators
    branch = feeder.branches.take(rows)
    n, m = feeder.n_bus, len(branch)
    buses = np.column_stack([bus.kv_ln, bus.v_min, bus.v_max, bus.phases])
    branches = np.column_stack(
        [branch.from_bus + 1.0, branch.to_bus + 1.0, branch.phases, branch.ratio, branch.rating]
    )
    load, shunt = np.zeros((n, 6)), np.zeros((n, 3))
    np.add.at(load, feeder.loads.bus, np.hstack([feeder.loads.p, feeder.loads.q]))
    shunt[feeder.node_bus, feeder.node_phase] = feeder.shunt_q
    generators = np.column_stack(
        [generator.bus + 1.0, generator.p, generator.q, generator.s_max]
    ).reshape(len(generator), 10)
    tables = (
        buses,
        branches,
        branch.r.reshape(m, 9),
        branch.x.reshape(m, 9),
        load,
        shunt,
        generators,
    )
    # Of one kind (own memory, columns first), so that Julia compiles one conversion and not four.
    return (
        feeder.phase_mva,
        int(feeder.source_bus) + 1,
        np.array(feeder.v_set),
        *(np.array(table, order="F") for table in tables),
    )
