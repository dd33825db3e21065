"""Independent check of an AC operating point: the bus admittance matrix against the limits."""

from __future__ import annotations

import numpy as np

from pygridjl.core.types import FloatArray
from pygridjl.grid.network import Network
from pygridjl.powerflow.admittance import bus_admittance

__all__ = ["largest_violation"]


def largest_violation(
    network: Network,
    vm: FloatArray,
    va: FloatArray,
    pg: FloatArray,
    qg: FloatArray,
    *,
    loads: tuple[FloatArray, FloatArray] | None = None,
) -> float:
    """Return the largest violation of a power balance or a limit.

    Parameters
    ----------
    network : Network
        The network in its base state.
    vm, va : ndarray, shape (n_bus,)
        Voltage magnitude, p.u., and angle, rad.
    pg, qg : ndarray, shape (n_generator,)
        Injections, p.u.
    loads : tuple of ndarray, shape (n_bus,) each, optional
        Active and reactive demand by bus, p.u.; those of the network by default.

    Returns
    -------
    float
        In p.u. (power, voltage) or rad; 0 if everything is kept.
    """
    voltage = vm * np.exp(1j * va)
    injection = np.zeros(network.n_bus, dtype=complex)
    unit = network.generators
    serves = unit.in_service
    np.add.at(injection, unit.bus[serves], (pg + 1j * qg)[serves])
    load_p, load_q = (network.load_p, network.load_q) if loads is None else loads
    injection -= load_p + 1j * load_q
    residual = injection - voltage * np.conj(bus_admittance(network) @ voltage)
    excess = [
        np.abs(residual.real),
        np.abs(residual.imag),
        network.buses.v_min - vm,
        vm - network.buses.v_max,
        (unit.p_min - pg)[serves],
        (pg - unit.p_max)[serves],
        (unit.q_min - qg)[serves],
        (qg - unit.q_max)[serves],
        (np.hypot(pg, qg) - unit.s_max)[serves],
        np.abs(va[network.slack_buses] - network.slack_angles),
    ]
    branch = network.branches.take(network.branches.closed)
    difference = va[branch.from_bus] - va[branch.to_bus]
    excess += [branch.angle_min - difference, difference - branch.angle_max]
    # Currents from the terminal voltages, not from the admittance matrix.
    at_from = voltage[branch.from_bus] / (branch.tap * np.exp(1j * branch.shift))
    at_to = voltage[branch.to_bus]
    series = (at_from - at_to) / (branch.r + 1j * branch.x)
    charging = 0.5j * branch.b
    excess.append(np.abs(at_from * np.conj(series + charging * at_from)) - branch.rating)
    excess.append(np.abs(at_to * np.conj(charging * at_to - series)) - branch.rating)
    return max(0.0, *(float(values.max(initial=0.0)) for values in excess))
