"""A power flow for tests that shares no code with the package: fixed point on the Y-bus."""

from __future__ import annotations

import numpy as np

from pygridjl import Network

__all__ = ["power_flow"]


def power_flow(network: Network, iterations: int = 200) -> tuple[np.ndarray, float]:
    """Voltages in p.u. and total loss in kW, with constant-power loads and fixed slacks."""
    branch, gen, n = network.branches, network.generators, network.n_bus
    admittance = np.diag(network.buses.gs + 1j * network.buses.bs)
    for k in np.flatnonzero(branch.closed):
        f, t = branch.from_bus[k], branch.to_bus[k]
        y, half = 1.0 / (branch.r[k] + 1j * branch.x[k]), 0.5j * branch.b[k]
        ratio = branch.tap[k] * np.exp(1j * branch.shift[k])
        admittance[f, f] += (y + half) / abs(ratio) ** 2
        admittance[t, t] += y + half
        admittance[f, t] -= y / np.conj(ratio)
        admittance[t, f] -= y / ratio
    v = np.ones(n, complex)
    injection = -(network.load_p + 1j * network.load_q)
    for k in np.flatnonzero(gen.in_service):
        if gen.slack[k]:
            v[gen.bus[k]] = gen.v_set[k]
        else:
            injection[gen.bus[k]] += gen.p[k] + 1j * gen.q[k]
    slack = network.slack_buses
    free = np.setdiff1d(np.arange(n), slack)
    inverse = np.linalg.inv(admittance[np.ix_(free, free)])
    fed = inverse @ (admittance[np.ix_(free, slack)] @ v[slack])
    for _ in range(iterations):
        before = v[free]
        v[free] = inverse @ np.conj(injection[free] / before) - fed
        if np.abs(v[free] - before).max() < 1e-13:
            break
    loss = float((v * np.conj(admittance @ v)).sum().real)
    return v, loss * network.base_mva * 1e3
