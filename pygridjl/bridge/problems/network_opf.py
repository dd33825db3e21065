"""Optimal power flow of a :class:`Network` by PowerModels."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from pygridjl.bridge import runtime
from pygridjl.bridge.answer import floats, number, status_of
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.result import Result, Status
from pygridjl.core.types import FloatArray
from pygridjl.grid.network import Network
from pygridjl.grid.network_checks import (
    assert_one_angle,
    assert_quadratic_costs,
    assert_valid,
)

__all__ = ["JuliaOpf", "NetworkFormulation", "julia_opf"]

NetworkFormulation = Literal["acp", "soc", "qc", "sdp", "dc"]


@dataclass(frozen=True, eq=False)
class JuliaOpf(Result):
    """What PowerModels found.

    Attributes
    ----------
    formulation : str
        As asked for.
    solver : str
        What solved it.
    status : Status
        ``optimal`` only for convex formulations solved by a solver that proves its optimum.
    raw : str
        How the solver itself names its end.
    objective : float or None
        Cost per hour.
    bound : float or None
        Proven lower bound on the cost of every AC operating point (``soc``, ``sdp``).
    vm, va : ndarray, shape (n_bus,)
        Voltage, p.u. and rad; NaN where the formulation has none.
    pg, qg : ndarray, shape (n_generator,)
        Injections, p.u.
    flows : ndarray, shape (4, n_branch)
        P and Q into the from end, P and Q into the to end, p.u.; 0 on open branches.
    notes : tuple of str
        What was assumed.
    seconds : dict
        Seconds by phase: ``julia`` start, ``build``, ``solve`` and ``crossing``.
    versions : dict
        Versions of Julia and the packages.
    """

    formulation: str
    solver: str
    status: Status
    raw: str
    objective: float | None
    bound: float | None
    vm: FloatArray
    va: FloatArray
    pg: FloatArray
    qg: FloatArray
    flows: FloatArray
    notes: tuple[str, ...]
    seconds: dict[str, float]
    versions: dict[str, str]


def julia_opf(
    network: Network, formulation: NetworkFormulation = "acp", *, time_limit: float | None = None
) -> JuliaOpf:
    """Solve an optimal power flow with PowerModels.

    Parameters
    ----------
    network : Network
        The network; its base state says which branches are closed.
    formulation : {"acp", "soc", "qc", "sdp", "dc"}
        AC equations in polar form (Ipopt); second-order cone and sparse semidefinite relaxation
        (Clarabel); quadratic-convex relaxation (Ipopt); linear approximation (HiGHS).
    time_limit : float, optional
        Seconds for the solver.

    Returns
    -------
    JuliaOpf
        The answer.

    Raises
    ------
    InvalidNetworkError
        If the data are not sound.
    InvalidOptionError
        If there is no such formulation.
    JuliaNotFoundError, JuliaPackageError, JuliaSolveError
        If Julia cannot be used or fails.
    """
    if formulation not in get_args(NetworkFormulation):
        known = ", ".join(get_args(NetworkFormulation))
        raise InvalidOptionError(f"formulation: {formulation!r} is none of {known}")
    assert_valid(network, use="opf")
    assert_quadratic_costs(network, "backend julia")
    assert_one_angle(network, "backend julia")
    begin = time.perf_counter()
    runtime.start()
    started = time.perf_counter()
    closed = np.flatnonzero(network.branches.closed)
    units = np.flatnonzero(network.generators.in_service)
    answer = runtime.call(
        "network_opf",
        network.base_mva,
        _bus_table(network),
        _branch_table(network, closed),
        _generator_table(network, units),
        formulation,
        np.inf if time_limit is None else float(time_limit),
    )
    ended = time.perf_counter()
    pg, qg = np.zeros((2, len(network.generators)))
    pg[units], qg[units] = floats(answer.pg), floats(answer.qg)
    flows = np.zeros((4, network.n_branch))
    flows[:, closed] = floats(answer.flows)
    build, solve = float(answer.build_seconds), float(answer.solve_seconds)
    solver = str(answer.solver)
    return JuliaOpf(
        formulation=formulation,
        solver=solver,
        status=status_of(answer.status),
        raw=str(answer.raw),
        objective=number(answer.objective),
        bound=number(answer.bound),
        vm=floats(answer.vm),
        va=floats(answer.va),
        pg=pg,
        qg=qg,
        flows=flows,
        notes=tuple(str(note) for note in answer.notes),
        seconds={
            "julia": started - begin,
            "build": build,
            "solve": solve,
            "crossing": max(0.0, ended - started - build - solve),
        },
        versions=runtime.versions("PowerModels", solver),
    )


def _bus_table(network: Network) -> FloatArray:
    """Columns: v_min, v_max, pd, qd, gs, bs, base_kv, slack (0 or 1)."""
    bus = network.buses
    slack = np.zeros(network.n_bus)
    slack[network.slack_buses] = 1.0
    columns = (bus.v_min, bus.v_max, network.load_p, network.load_q, bus.gs, bus.bs, bus.base_kv)
    return np.column_stack([*columns, slack])


def _branch_table(network: Network, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> FloatArray:
    """Columns: from, to (1-based), r, x, b, tap, shift, rating, angle_min, angle_max."""
    branch = network.branches.take(rows)
    return np.column_stack(
        [
            branch.from_bus + 1.0,
            branch.to_bus + 1.0,
            branch.r,
            branch.x,
            branch.b,
            branch.tap,
            branch.shift,
            branch.rating,
            branch.angle_min,
            branch.angle_max,
        ]
    )


def _generator_table(
    network: Network, rows: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> FloatArray:
    """Columns: bus (1-based), p_min, p_max, q_min, q_max, s_max, c2, c1, c0."""
    unit = network.generators.take(rows)
    limits = (unit.p_min, unit.p_max, unit.q_min, unit.q_max, unit.s_max)
    return np.column_stack([unit.bus + 1.0, *limits, unit.cost])
