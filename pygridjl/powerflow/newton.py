"""AC power flow by Newton's method in polar coordinates, for any topology.

The radial sweep is what searches use; this one serves meshed base states and the independent
check of answers, and shares no code with the sweep.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import block_array, csc_array, csr_array, diags_array
from scipy.sparse.linalg import SuperLU, splu

from pygridjl.core.errors import PowerFlowError
from pygridjl.core.types import BoolArray, ComplexArray, IntArray
from pygridjl.grid.network import Network
from pygridjl.powerflow.admittance import bus_admittance

__all__ = ["NewtonPowerFlow", "newton_power_flow"]

MISMATCH_TOLERANCE = 1e-11
MAX_ITERATIONS = 50


@dataclass(frozen=True, eq=False)
class NewtonPowerFlow:
    """A solved power flow.

    Attributes
    ----------
    v : ndarray of complex, shape (n_bus,)
        Voltages, p.u.
    loss_kw : float
        Power that enters all buses minus what shunts take, kW: the losses of the branches.
    injection : ndarray of complex, shape (n_bus,)
        Power from each bus into the branches and shunts, p.u.
    """

    v: ComplexArray
    loss_kw: float
    injection: ComplexArray


def newton_power_flow(
    network: Network, closed: BoolArray | None = None, roots: IntArray | None = None
) -> NewtonPowerFlow:
    """Solve the AC power flow with constant-power loads and units.

    Parameters
    ----------
    network : Network
        The network. Units that do not sit on a root inject their scheduled P and Q.
    closed : ndarray of bool, shape (n_branch,), optional
        Switch states; the base state by default. Every island needs a root.
    roots : ndarray of int, optional
        Buses that hold their voltage; the substations by default.

    Returns
    -------
    NewtonPowerFlow
        Voltages, losses, injections.

    Raises
    ------
    PowerFlowError
        If the iteration does not converge or its equations are singular.
    """
    held = network.slack_buses if roots is None else roots
    gen = network.generators
    y = bus_admittance(network, closed)
    wanted = -(network.load_p + 1j * network.load_q)
    on_root = np.isin(gen.bus, held)
    unit = gen.in_service & ~on_root
    np.add.at(wanted, gen.bus[unit], gen.p[unit] + 1j * gen.q[unit])
    magnitude = np.ones(network.n_bus)
    holding = gen.in_service & on_root
    magnitude[gen.bus[holding]] = gen.v_set[holding]
    free = np.setdiff1d(np.arange(network.n_bus), held)
    v = magnitude.astype(np.complex128)
    # Start at the no-load voltages: they follow ratios and phase shifts, where a flat start may
    # end in a low-voltage solution or nowhere.
    rows = y[free]
    v[free] = _factor(network, rows[:, free].tocsc()).solve(-(rows[:, held] @ v[held]))
    for _ in range(MAX_ITERATIONS):
        injection = v * np.conj(y @ v)
        mismatch = (injection - wanted)[free]
        if np.abs(mismatch).max(initial=0.0) < MISMATCH_TOLERANCE:
            shunt = (np.abs(v) ** 2 * network.buses.gs).sum()
            loss = float(injection.real.sum() - shunt) * network.base_mva * 1e3
            return NewtonPowerFlow(v, loss, injection)
        factor = _factor(network, _jacobian(y, v, free))
        step = factor.solve(-np.concatenate([mismatch.real, mismatch.imag]))
        if not np.isfinite(step).all():
            break
        angle = np.angle(v)
        size = np.abs(v)
        angle[free] += step[: free.size]
        size[free] += step[free.size :]
        v = size * np.exp(1j * angle)
    raise PowerFlowError(f"network {network.name!r}: Newton's power flow does not converge")


def _factor(network: Network, matrix: csc_array) -> SuperLU:
    try:
        return splu(matrix)
    except RuntimeError as error:
        raise PowerFlowError(
            f"network {network.name!r}: the equations are singular (is an island without source?)"
        ) from error


def _jacobian(y: csr_array, v: ComplexArray, free: IntArray) -> csc_array:
    current = diags_array(y @ v)
    voltage = diags_array(v)
    direction = diags_array(v / np.abs(v))
    by_angle = 1j * voltage @ (current - y @ voltage).conj()
    by_magnitude = voltage @ (y @ direction).conj() + current.conj() @ direction
    rows_angle = by_angle.tocsr()[free][:, free]
    rows_magnitude = by_magnitude.tocsr()[free][:, free]
    return block_array(
        [[rows_angle.real, rows_magnitude.real], [rows_angle.imag, rows_magnitude.imag]],
        format="csc",
    )
