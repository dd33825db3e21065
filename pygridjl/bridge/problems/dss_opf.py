"""OpenDSS scripts solved by PowerModelsDistribution as it reads them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np

from pygridjl.bridge import runtime
from pygridjl.bridge.answer import floats, number, status_of
from pygridjl.bridge.problems.feeder_opf import FeederFormulation, FeederProblem
from pygridjl.core.errors import CaseNotFoundError, InvalidOptionError
from pygridjl.core.result import Result, Status
from pygridjl.core.types import FloatArray

__all__ = ["JuliaDssOpf", "julia_dss_opf"]


@dataclass(frozen=True, eq=False)
class JuliaDssOpf(Result):
    """What PowerModelsDistribution found for an OpenDSS script.

    Attributes
    ----------
    path, formulation, problem : str
        What was solved.
    solver : str
        What solved it.
    status : Status
        As for a feeder.
    raw : str
        How the solver itself names its end.
    node : tuple of str
        ``bus.phase``.
    vm, va : ndarray, by node
        Voltage, p.u. and rad; NaN where the formulation has none.
    kv : ndarray, by node
        Base of ``vm``, kV line to neutral. PowerModelsDistribution derives it from the source and
        the ratings of transformers, not from the script's ``voltagebases``.
    p_source, q_source : float or None
        Import, kW and kvar.
    notes : tuple of str
        Warnings of PowerModelsDistribution while it read the script.
    seconds : dict
        Seconds by phase.
    versions : dict
        Versions of Julia and the packages.
    """

    path: str
    formulation: str
    problem: str
    solver: str
    status: Status
    raw: str
    node: tuple[str, ...]
    vm: FloatArray
    va: FloatArray
    kv: FloatArray
    p_source: float | None
    q_source: float | None
    notes: tuple[str, ...]
    seconds: dict[str, float]
    versions: dict[str, str]


def julia_dss_opf(
    path: str | Path,
    formulation: FeederFormulation = "acp",
    problem: FeederProblem = "opf",
    *,
    v_min: float = 0.0,
    v_max: float = np.inf,
    taps: Mapping[tuple[str, int], float] | None = None,
    time_limit: float | None = None,
) -> JuliaDssOpf:
    """Solve an OpenDSS script with PowerModelsDistribution's own reader.

    This is the road for what PowerModelsDistribution supports. It skips controls, takes loads of
    model 4 for constant power, and stops at open-delta regulators and at the command ``open``. A
    power flow may end at a solution of low voltage; ``opf`` with a band does not. A
    :class:`Feeder` from the same script goes further
    (:func:`pygridjl.bridge.problems.feeder_opf.julia_feeder_opf`).

    Parameters
    ----------
    path : path-like
        The script.
    formulation, problem
        As for a feeder.
    v_min, v_max : float
        Voltage band of every bus, p.u.
    taps : mapping of (str, int) to float, optional
        Tap by transformer and winding (from 1). PowerModelsDistribution leaves regulators at
        their initial taps; give those that OpenDSS found.
    time_limit : float, optional
        Seconds for the solver.

    Returns
    -------
    JuliaDssOpf
        The answer.

    Raises
    ------
    CaseNotFoundError
        If there is no such file.
    InvalidOptionError
        If there is no such formulation or problem.
    JuliaSolveError
        If the script cannot be read or the model not be built.
    JuliaNotFoundError, JuliaPackageError
        If Julia cannot be used.
    """
    if not Path(path).is_file():
        raise CaseNotFoundError(f"{path}: no such file")
    for name, value, known in (
        ("formulation", formulation, get_args(FeederFormulation)),
        ("problem", problem, get_args(FeederProblem)),
    ):
        if value not in known:
            raise InvalidOptionError(f"{name}: {value!r} is none of {', '.join(known)}")
    begin = time.perf_counter()
    runtime.start()
    started = time.perf_counter()
    taps = taps or {}
    answer = runtime.call(
        "dss_opf",
        str(Path(path).absolute()),
        formulation,
        problem,
        np.inf if time_limit is None else float(time_limit),
        float(v_min),
        float(v_max),
        [name.lower() for name, _ in taps],
        [winding for _, winding in taps],
        [float(tap) for tap in taps.values()],
    )
    ended = time.perf_counter()
    build, solve = float(answer.build_seconds), float(answer.solve_seconds)
    solver = str(answer.solver)
    return JuliaDssOpf(
        path=str(path),
        formulation=formulation,
        problem=problem,
        solver=solver,
        status=status_of(answer.status),
        raw=str(answer.raw),
        node=tuple(str(node) for node in answer.node),
        vm=floats(answer.vm),
        va=floats(answer.va),
        kv=floats(answer.kv),
        p_source=number(answer.p_source),
        q_source=number(answer.q_source),
        notes=tuple(str(note) for note in answer.notes),
        seconds={
            "julia": started - begin,
            "build": build,
            "solve": solve,
            "read and crossing": max(0.0, ended - started - build - solve),
        },
        versions=runtime.versions("PowerModelsDistribution", solver),
    )
