"""Optimal power flow of a :class:`Network` by PowerModels."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args

import numpy as np

from pygridjl.bridge.answer import JuliaAnswer, floats
from pygridjl.bridge.problems.asking import JuliaOptions, ask
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.types import FloatArray
from pygridjl.grid.network import Network
from pygridjl.grid.network_checks import (
    assert_one_angle,
    assert_quadratic_costs,
    assert_valid,
)

__all__ = ["NetworkFormulation", "julia_opf"]

NetworkFormulation = Literal["acp", "soc", "qc", "sdp", "dc"]


def julia_opf(
    network: Network, formulation: str = "acp", how: JuliaOptions | None = None
) -> JuliaAnswer:
    """Solve an optimal power flow with PowerModels.

    Parameters
    ----------
    network : Network
        The network; its base state says which branches are closed.
    formulation : {"acp", "soc", "qc", "sdp", "dc"}
        AC equations in polar form (by default Ipopt); second-order cone and sparse semidefinite
        relaxation (Clarabel); quadratic-convex relaxation (Ipopt); linear approximation (HiGHS).
    how : JuliaOptions, optional
        Solver, its options and limits.

    Returns
    -------
    JuliaAnswer
        Cost per hour, and a lower bound on that of every AC operating point where a relaxation
        was solved by a solver that proves its optimum. ``values``: ``vm``, ``va`` (n_bus,), p.u.
        and rad, ``pg``, ``qg`` (n_generator,), ``flows`` (4, n_branch): P and Q into the from
        end, P and Q into the to end, p.u.; NaN where there is none, 0 on open branches.

    Raises
    ------
    InvalidNetworkError
        If the data are not sound.
    InvalidOptionError
        If there is no such formulation, or the solver cannot be used.
    JuliaNotFoundError, JuliaPackageError, JuliaSolveError
        If Julia cannot be used or fails.
    """
    if formulation not in get_args(NetworkFormulation):
        known = ", ".join(get_args(NetworkFormulation))
        raise InvalidOptionError(f"formulation: {formulation!r} is none of {known}")
    assert_valid(network, use="opf")
    assert_quadratic_costs(network, "backend julia")
    assert_one_angle(network, "backend julia")
    closed = np.flatnonzero(network.branches.closed)
    units = np.flatnonzero(network.generators.in_service)
    raw, answer = ask(
        "network_opf",
        formulation,
        how or JuliaOptions(),
        (
            network.base_mva,
            _bus_table(network),
            _branch_table(network, closed),
            _generator_table(network, units),
            formulation,
        ),
        package="PowerModels",
    )
    pg, qg = np.zeros((2, len(network.generators)))
    pg[units], qg[units] = floats(raw.pg), floats(raw.qg)
    flows = np.zeros((4, network.n_branch))
    flows[:, closed] = floats(raw.flows)
    values = {"vm": floats(raw.vm), "va": floats(raw.va), "pg": pg, "qg": qg, "flows": flows}
    return replace(answer, values=values)


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
