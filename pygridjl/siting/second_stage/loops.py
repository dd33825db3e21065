"""The condensed second stages of a block of scenarios, one after the other in compiled code."""

from __future__ import annotations

import numpy as np

from pygridjl.core.jit import kernel
from pygridjl.core.types import FloatArray, IntArray
from pygridjl.siting.second_stage.limits import Columns, Limits, State
from pygridjl.siting.second_stage.loss import solve_loss
from pygridjl.siting.second_stage.voltage import solve_voltage

__all__ = ["loss_loop", "voltage_loop"]


@kernel
def voltage_loop(
    index: IntArray,
    base: State,
    u_ref: float,
    fixed: FloatArray,
    reward: float,
    cap: FloatArray,
    columns: Columns,
    limits: Limits,
    first_label: IntArray,
    warm: IntArray,
    n_warm: IntArray,
    x: FloatArray,
    by: State,
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Call :func:`~pygridjl.siting.second_stage.voltage.solve_voltage` for each scenario.

    ``base``, ``warm`` and ``n_warm`` are by scenario of the set, everything else by row of the
    block. A scenario without an earlier optimum starts from that of the scenario before it.
    """
    value, lower = np.empty(index.size), np.empty(index.size)
    lazy = np.empty(index.size, dtype=np.int64)
    before = -1
    m = columns.site_of.size
    for b in range(index.size):
        s = index[b]
        if n_warm[s] == 0 and before >= 0:
            for j in range(m):
                warm[s, j] = warm[before, j]
            n_warm[s] = m
        value[b], lower[b], lazy[b] = solve_voltage(
            State(base.P[s], base.Q[s], base.U[s]),
            u_ref,
            fixed[b],
            reward,
            cap[b],
            columns,
            limits,
            first_label,
            warm[s],
            n_warm[s],
            x[b],
            State(by.P[b], by.Q[b], by.U[b]),
        )
        if lazy[b] >= 0:
            n_warm[s] = m
            before = s
    return value, lower, lazy


@kernel
def loss_loop(
    index: IntArray,
    base: State,
    constant: FloatArray,
    linear: FloatArray,
    hessian: FloatArray,
    cap: FloatArray,
    columns: Columns,
    limits: Limits,
    warm: IntArray,
    x: FloatArray,
    by: State,
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Call :func:`~pygridjl.siting.second_stage.loss.solve_loss` for each scenario.

    ``base``, ``constant`` and ``warm`` are by scenario of the set, the rest by row of the block.
    """
    value, lower = np.empty(index.size), np.empty(index.size)
    lazy = np.empty(index.size, dtype=np.int64)
    for b in range(index.size):
        s = index[b]
        value[b], lower[b], lazy[b] = solve_loss(
            State(base.P[s], base.Q[s], base.U[s]),
            constant[s],
            linear[b],
            hessian,
            cap[b],
            columns,
            limits,
            warm[s],
            x[b],
            State(by.P[b], by.Q[b], by.U[b]),
        )
    return value, lower, lazy
