"""Reconfiguration of a three-phase feeder on PowerModelsDistribution's equations."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from pygridjl.bridge import runtime
from pygridjl.bridge.answer import number, status_of
from pygridjl.bridge.problems.feeder_opf import feeder_tables
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.result import Result, Status
from pygridjl.grid import Feeder

__all__ = ["FeederRadialFormulation", "JuliaFeederRadial", "julia_feeder_reconfigure"]

FeederRadialFormulation = Literal["lindist", "acp", "acr"]


@dataclass(frozen=True, eq=False)
class JuliaFeederRadial(Result):
    """Switch states of a feeder.

    Attributes
    ----------
    feeder, formulation : str
        What was solved.
    status : Status
        ``optimal`` or ``infeasible`` only with ``lindist``.
    raw : str
        How the solver itself names its end; Juniper's claims are no proof.
    opened, closed : tuple of str
        Ids of the switchable branches; both empty without an answer.
    objective : float or None
        Losses, p.u. of one phase: r(P² + Q²) at 1 p.u. with ``lindist``, those of the AC
        equations else.
    bound : float or None
        Proven lower bound on the losses of the same model; only with ``lindist``.
    seconds : dict
        Seconds by phase.
    versions : dict
        Versions of Julia and the packages.
    """

    feeder: str
    formulation: str
    status: Status
    raw: str
    opened: tuple[str, ...]
    closed: tuple[str, ...]
    objective: float | None
    bound: float | None
    seconds: dict[str, float]
    versions: dict[str, str]


def julia_feeder_reconfigure(
    feeder: Feeder,
    switchable: Collection[str],
    formulation: FeederRadialFormulation = "lindist",
    *,
    start: Collection[str] | None = None,
    time_limit: float | None = None,
) -> JuliaFeederRadial:
    """Choose which switchable branches are closed, so that losses are least.

    Parameters
    ----------
    feeder : Feeder
        The feeder; branches that are not switchable keep their base state.
    switchable : collection of str
        Ids of branches.
    formulation : {"lindist", "acp", "acr"}
        LinDist3Flow, proven by outer approximation with HiGHS; or the AC equations in polar or
        rectangular form, a mixed-integer nonlinear program for Juniper with Ipopt, the baseline of
        the literature.
    start : collection of str, optional
        Switchable branches that are closed to begin with.
    time_limit : float, optional
        Seconds for the solver.

    Returns
    -------
    JuliaFeederRadial
        The states and what was proven about them.

    Raises
    ------
    InvalidOptionError
        If a branch or the formulation is unknown.
    JuliaNotFoundError, JuliaPackageError, JuliaSolveError
        If Julia cannot be used or fails.
    """
    if formulation not in get_args(FeederRadialFormulation):
        known = ", ".join(get_args(FeederRadialFormulation))
        raise InvalidOptionError(f"formulation: {formulation!r} is none of {known}")
    ids = feeder.branches.id
    for name in sorted({*switchable, *(start or ())}):
        if name not in ids or name not in switchable:
            raise InvalidOptionError(f"branch {name!r} is not a switchable branch of the feeder")
    free = np.isin(ids, list(switchable))
    present = np.flatnonzero(free | feeder.branches.closed)
    rows = np.flatnonzero(free[present])
    chosen = ids[present[rows]]
    begin = time.perf_counter()
    runtime.start()
    if formulation != "lindist":
        runtime.require("Juniper")
    started = time.perf_counter()
    answer = runtime.call(
        "feeder_reconfigure",
        *feeder_tables(feeder, present),
        rows + 1,
        np.zeros(0, dtype=np.bool_) if start is None else np.isin(chosen, list(start)),
        formulation,
        np.inf if time_limit is None else float(time_limit),
    )
    ended = time.perf_counter()
    closed = np.array(answer.closed, dtype=np.bool_)
    answered = closed.size == rows.size
    solvers = ("HiGHS",) if formulation == "lindist" else ("Juniper", "Ipopt", "HiGHS")
    solve = float(answer.seconds)
    return JuliaFeederRadial(
        feeder=feeder.name,
        formulation=formulation,
        status=status_of(answer.status),
        raw=str(answer.raw),
        opened=tuple(map(str, chosen[~closed])) if answered else (),
        closed=tuple(map(str, chosen[closed])) if answered else (),
        objective=number(answer.objective),
        bound=number(answer.bound),
        seconds={
            "julia": started - begin,
            "solve": solve,
            "build and crossing": max(0.0, ended - started - solve),
        },
        versions=runtime.versions("PowerModelsDistribution", *solvers),
    )
