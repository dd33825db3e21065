"""Three-phase optimal power flow and power flow by PowerModelsDistribution."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal, get_args

import numpy as np

from pygridjl.bridge.answer import JuliaAnswer, floats
from pygridjl.bridge.problems.asking import JuliaOptions, ask
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.types import IntArray
from pygridjl.grid import Feeder, assert_valid_feeder
from pygridjl.grid.services import LUMPED, refuse_gains

__all__ = [
    "FeederFormulation",
    "FeederProblem",
    "assert_feeder_problem",
    "feeder_tables",
    "julia_feeder_opf",
]

FeederFormulation = Literal["acp", "acr", "ivr", "lindist", "soc"]
FeederProblem = Literal["opf", "pf"]


def assert_feeder_problem(formulation: str, problem: str) -> None:
    """Refuse a formulation or a problem that PowerModelsDistribution is not asked for.

    Raises
    ------
    InvalidOptionError
        If there is no such formulation or problem, or not both together.
    """
    for name, value, known in (
        ("formulation", formulation, get_args(FeederFormulation)),
        ("problem", problem, get_args(FeederProblem)),
    ):
        if value not in known:
            raise InvalidOptionError(f"{name}: {value!r} is none of {', '.join(known)}")
    if formulation == "soc" and problem == "pf":
        raise InvalidOptionError("formulation: 'soc' is a relaxation and has no power flow")


def julia_feeder_opf(
    feeder: Feeder,
    formulation: str = "acp",
    problem: str = "opf",
    how: JuliaOptions | None = None,
    *,
    ampacity: bool = True,
) -> JuliaAnswer:
    """Solve a three-phase optimal power flow, or a power flow, with PowerModelsDistribution.

    The feeder becomes an ENGINEERING dictionary: ratios are ideal transformers, loads constant
    power between phase and ground. Capacitors, cores and line charging are admittances, except in
    ``lindist``, where they inject constant power as in :class:`LinDistFlow3`.

    Parameters
    ----------
    feeder : Feeder
        The feeder; its base state says which branches are closed.
    formulation : {"acp", "acr", "ivr", "lindist", "soc"}
        AC equations in polar, rectangular or current-voltage form (by default Ipopt);
        LinDist3Flow (HiGHS); second-order cone relaxation (Clarabel).
    problem : {"opf", "pf"}
        ``opf``: least import from the source within voltage bands and ampacities; generators may
        be curtailed and use what their capacity leaves for reactive power. ``pf``: no limits,
        generators as given.
    how : JuliaOptions, optional
        Solver, its options and limits.
    ampacity : bool
        Whether ampacities are limits. The published IEEE feeders exceed theirs as they stand, and
        no load can be shed here.

    Returns
    -------
    JuliaAnswer
        Import from the source, all phases, p.u. of one phase (``pf``: of no meaning).
        ``values``: ``vm``, ``va`` (n_bus, 3), p.u. and rad, NaN on absent phases and where the
        formulation has none; ``p_source``, ``q_source`` (3,), ``pg``, ``qg`` (n_generator, 3),
        p.u.

    Raises
    ------
    InvalidNetworkError
        If the data are not sound.
    InvalidOptionError
        If there is no such formulation or problem, or the solver cannot be used.
    JuliaNotFoundError, JuliaPackageError, JuliaSolveError
        If Julia cannot be used or fails.
    """
    assert_feeder_problem(formulation, problem)
    assert_valid_feeder(feeder)
    raw, answer = ask(
        "feeder_opf",
        formulation,
        how or JuliaOptions(),
        (
            *feeder_tables(feeder, np.flatnonzero(feeder.branches.closed)),
            formulation,
            problem,
        ),
        (ampacity,),
    )
    values = {name: floats(getattr(raw, name)) for name in ("vm", "va", "p_source", "q_source")}
    given = (feeder.generators.p, feeder.generators.q)
    found = (raw.pg, raw.qg) if problem == "opf" else given
    values |= {name: floats(table) for name, table in zip(("pg", "qg"), found, strict=True)}
    return replace(answer, values=values)


def feeder_tables(feeder: Feeder, rows: IntArray) -> tuple[Any, ...]:
    """Return arrays in the layout of ``FeederArrays`` in Julia, with these rows of branches."""
    refuse_gains(feeder, f"backend 'julia' does not take: {LUMPED}")
    bus, generator = feeder.buses, feeder.generators
    branch = feeder.branches.take(rows)
    n, m = feeder.n_bus, len(branch)
    buses = np.column_stack([bus.kv_ln, bus.v_min, bus.v_max, bus.phases])
    branches = np.column_stack(
        [branch.from_bus + 1.0, branch.to_bus + 1.0, branch.phases, branch.ratio, branch.rating]
    )
    load, shunt = np.zeros((n, 6)), np.zeros((n, 6))
    np.add.at(load, feeder.loads.bus, np.hstack([feeder.loads.p, feeder.loads.q]))
    shunt[feeder.node_bus, feeder.node_phase] = feeder.shunt_q
    shunt[feeder.node_bus, 3 + feeder.node_phase] = feeder.shunt_p
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
