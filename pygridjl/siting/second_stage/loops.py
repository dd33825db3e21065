"""The condensed second stages of a block of scenarios, one after the other in compiled code."""

from __future__ import annotations

import numpy as np

from pygridjl.core.jit import kernel
from pygridjl.core.types import FloatArray, IntArray
from pygridjl.siting.second_stage.loss import solve_loss
from pygridjl.siting.second_stage.voltage import solve_voltage

__all__ = ["loss_loop", "voltage_loop"]


@kernel
def voltage_loop(
    index: IntArray,
    P: FloatArray,
    Q: FloatArray,
    U: FloatArray,
    sign: IntArray,
    fixed: FloatArray,
    reward: float,
    cap: FloatArray,
    site_of: IntArray,
    col_id: IntArray,
    site_id: IntArray,
    first_label: IntArray,
    sensitivity: FloatArray,
    steepest: float,
    path_start: IntArray,
    path_node: IntArray,
    tan: float,
    u_ref: float,
    limit: FloatArray,
    kinds: FloatArray,
    warm: IntArray,
    n_warm: IntArray,
    x: FloatArray,
    by_u: FloatArray,
    by_p: FloatArray,
    by_q: FloatArray,
    value: FloatArray,
    lower: FloatArray,
) -> IntArray:
    """Call :func:`~pygridjl.siting.second_stage.voltage.solve_voltage` for each scenario.

    States and warm starts are by scenario of the set, everything else by row of the block. A
    scenario without an earlier optimum starts from that of the scenario before it.
    """
    lazy = np.empty(index.shape[0], dtype=np.int64)
    before = -1
    m = site_of.shape[0]
    for b in range(index.shape[0]):
        s = index[b]
        if n_warm[s] == 0 and before >= 0:
            for j in range(m):
                warm[s, j] = warm[before, j]
            n_warm[s] = m
        value[b], lower[b], lazy[b] = solve_voltage(
            P[s],
            Q[s],
            U[s],
            sign[b],
            fixed[b],
            reward,
            cap[b],
            site_of,
            col_id,
            site_id,
            first_label,
            sensitivity,
            steepest,
            path_start,
            path_node,
            tan,
            u_ref,
            limit,
            kinds,
            warm[s],
            n_warm[s],
            x[b],
            by_u[b],
            by_p[b],
            by_q[b],
        )
        if lazy[b] >= 0:
            n_warm[s] = m
            before = s
    return lazy


@kernel
def loss_loop(
    index: IntArray,
    P: FloatArray,
    Q: FloatArray,
    U: FloatArray,
    constant: FloatArray,
    linear: FloatArray,
    hessian: FloatArray,
    cap: FloatArray,
    site_of: IntArray,
    sensitivity: FloatArray,
    path_start: IntArray,
    path_node: IntArray,
    tan: float,
    limit: FloatArray,
    kinds: FloatArray,
    warm: IntArray,
    x: FloatArray,
    by_u: FloatArray,
    by_p: FloatArray,
    by_q: FloatArray,
    value: FloatArray,
    lower: FloatArray,
) -> IntArray:
    """Call :func:`~pygridjl.siting.second_stage.loss.solve_loss` for each scenario.

    States, constants and warm starts are by scenario of the set, the rest by row of the block.
    """
    lazy = np.empty(index.shape[0], dtype=np.int64)
    for b in range(index.shape[0]):
        s = index[b]
        n_warm = 0
        while n_warm < warm.shape[1] and warm[s, n_warm] >= 0:
            n_warm += 1
        value[b], lower[b], lazy[b] = solve_loss(
            P[s],
            Q[s],
            U[s],
            constant[s],
            linear[b],
            hessian,
            cap[b],
            site_of,
            sensitivity,
            path_start,
            path_node,
            tan,
            limit,
            kinds,
            warm[s],
            n_warm,
            x[b],
            by_u[b],
            by_p[b],
            by_q[b],
        )
    return lazy
