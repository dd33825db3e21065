"""AC power flow of a radial (or forest) configuration by backward/forward sweeps.

Each branch is the full π-model with complex ratio at its from side; loads are constant power.
One iteration sums the currents from the leaves to the roots at the present voltages, then walks
the voltages from the roots to the leaves. Cost per iteration O(n).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pygridjl.core.errors import PowerFlowError
from pygridjl.core.jit import kernel
from pygridjl.core.types import BoolArray, ComplexArray, FloatArray, IntArray
from pygridjl.graphs.forest import RootedForest, adjacency, rooted_forest
from pygridjl.grid.network import Network

__all__ = ["RadialPowerFlow", "SweepData", "radial_power_flow", "solve_sweep", "sweep_data"]

VOLTAGE_TOLERANCE = 1e-12
MAX_SWEEPS = 500


class SweepData(NamedTuple):
    """What a sweep needs of a network, whatever its switch states. Arrays in p.u.

    A named tuple of arrays, because compiled kernels take it as it is.
    """

    from_bus: IntArray
    z: ComplexArray
    half_b: FloatArray
    ratio: ComplexArray
    load: ComplexArray
    shunt: ComplexArray
    root_voltage: FloatArray


@dataclass(frozen=True, eq=False)
class RadialPowerFlow:
    """A solved radial power flow.

    Attributes
    ----------
    v : ndarray of complex, shape (n_bus,)
        Voltages, p.u.
    current : ndarray, shape (n_branch,)
        Larger of the current magnitudes at the two ends, p.u.; 0 for open branches.
    loss_kw : float
        Sum of the series losses Σ r |i|², kW.
    source : ndarray of complex, shape (n_bus,)
        Power delivered by each root, p.u.; 0 elsewhere.
    sweeps : int
        Iterations used.
    """

    v: ComplexArray
    current: FloatArray
    loss_kw: float
    source: ComplexArray
    sweeps: int


def sweep_data(network: Network, roots: IntArray) -> SweepData:
    """Collect the arrays of a sweep.

    Generators that are in service and do not sit on a root inject their scheduled power.

    Parameters
    ----------
    network : Network
        The network.
    roots : ndarray of int
        Positions of the buses whose voltage is held.

    Returns
    -------
    SweepData
        Roots hold the set-point of their generator (1 p.u. if they have none).
    """
    branch, gen = network.branches, network.generators
    load = network.load_p + 1j * network.load_q
    is_root = np.zeros(network.n_bus, dtype=bool)
    is_root[roots] = True
    injecting = gen.in_service & ~is_root[gen.bus]
    np.subtract.at(load, gen.bus[injecting], gen.p[injecting] + 1j * gen.q[injecting])
    root_voltage = np.zeros(network.n_bus)
    root_voltage[roots] = 1.0
    holding = gen.in_service & is_root[gen.bus]
    root_voltage[gen.bus[holding]] = gen.v_set[holding]
    return SweepData(
        from_bus=np.ascontiguousarray(branch.from_bus),
        z=branch.r + 1j * branch.x,
        half_b=branch.b / 2,
        ratio=branch.tap * np.exp(1j * branch.shift),
        load=load,
        shunt=network.buses.gs + 1j * network.buses.bs,
        root_voltage=root_voltage,
    )


@kernel
def solve_sweep(
    order: IntArray,
    parent: IntArray,
    via: IntArray,
    data: SweepData,
    tolerance: float,
    max_sweeps: int,
) -> tuple[ComplexArray, FloatArray, float, ComplexArray, int]:
    """Sweep until the largest voltage change is below ``tolerance`` (compiled; p.u. throughout).

    Returns ``(v, current, loss, source, sweeps)``; ``sweeps == -1`` says it did not converge.
    """
    n = parent.shape[0]
    m = data.z.shape[0]
    v = np.zeros(n, dtype=np.complex128)
    current = np.zeros(m)
    source = np.zeros(n, dtype=np.complex128)
    drawn = np.zeros(n, dtype=np.complex128)
    series = np.zeros(n, dtype=np.complex128)
    for u in order:
        if parent[u] < 0:
            v[u] = data.root_voltage[u]
        else:
            v[u] = v[parent[u]]
    sweeps = -1
    for sweep in range(max_sweeps):
        for u in order:
            drawn[u] = np.conj(data.load[u] / v[u]) + data.shunt[u] * v[u]
        for k in range(order.shape[0] - 1, -1, -1):
            u = order[k]
            up = parent[u]
            if up < 0:
                continue
            e = via[u]
            charging = 1j * data.half_b[e]
            # The ideal transformer sits at the from side; behind it a plain π at voltage v/ratio.
            if data.from_bus[e] == up:
                series[u] = drawn[u] + charging * v[u]
                inner = v[up] / data.ratio[e]
                drawn[up] += (series[u] + charging * inner) / np.conj(data.ratio[e])
            else:
                inner = v[u] / data.ratio[e]
                series[u] = drawn[u] * np.conj(data.ratio[e]) + charging * inner
                drawn[up] += series[u] + charging * v[up]
        change = 0.0
        for u in order:
            up = parent[u]
            if up < 0:
                continue
            e = via[u]
            if data.from_bus[e] == up:
                new = v[up] / data.ratio[e] - data.z[e] * series[u]
            else:
                new = (v[up] - data.z[e] * series[u]) * data.ratio[e]
            change = max(change, abs(new - v[u]))
            v[u] = new
            if not abs(new) > 1e-3:  # collapse; also catches NaN
                return v, current, np.inf, source, -1
        if change < tolerance:
            sweeps = sweep + 1
            break
    loss = 0.0
    for u in order:
        up = parent[u]
        if up < 0:
            source[u] = v[u] * np.conj(drawn[u])
            continue
        e = via[u]
        loss += data.z[e].real * abs(series[u]) ** 2
        if data.from_bus[e] == up:
            near = abs(series[u] + 1j * data.half_b[e] * v[up] / data.ratio[e]) / abs(data.ratio[e])
            far = abs(series[u] - 1j * data.half_b[e] * v[u])
        else:
            near = abs(series[u] + 1j * data.half_b[e] * v[up])
            far = abs(series[u] - 1j * data.half_b[e] * v[u] / data.ratio[e]) / abs(data.ratio[e])
        current[e] = max(near, far)
    return v, current, loss, source, sweeps


def radial_power_flow(
    network: Network, closed: BoolArray | None = None, roots: IntArray | None = None
) -> RadialPowerFlow:
    """Solve the AC power flow of a radial configuration.

    Parameters
    ----------
    network : Network
        The network.
    closed : ndarray of bool, shape (n_branch,), optional
        Switch states; the base state by default. The closed branches must form a forest in which
        every tree holds exactly one root.
    roots : ndarray of int, optional
        Buses that hold their voltage; the substations by default.

    Returns
    -------
    RadialPowerFlow
        Voltages, currents, losses, power of the sources.

    Raises
    ------
    PowerFlowError
        If the configuration is not radial, leaves buses without supply, or has no solution.
    """
    states = network.branches.closed if closed is None else closed
    held = network.slack_buses if roots is None else roots
    graph = adjacency(network.n_bus, network.branches.from_bus, network.branches.to_bus)
    forest = rooted_forest(graph, states, held)
    _assert_radial(network, states, held, forest)
    v, current, loss, source, sweeps = solve_sweep(
        forest.order,
        forest.parent,
        forest.edge,
        sweep_data(network, held),
        VOLTAGE_TOLERANCE,
        MAX_SWEEPS,
    )
    if sweeps < 0:
        raise PowerFlowError(
            f"network {network.name!r}: the AC power flow of this configuration does not converge "
            "(the load is beyond what the branches can carry)"
        )
    return RadialPowerFlow(v, current, float(loss) * network.base_mva * 1e3, source, sweeps)


def _assert_radial(
    network: Network, closed: BoolArray, roots: IntArray, forest: RootedForest
) -> None:
    if forest.order.size < network.n_bus:
        cut_off = np.setdiff1d(np.arange(network.n_bus), forest.order)
        name = network.buses.id[cut_off[0]]
        raise PowerFlowError(
            f"network {network.name!r}: {cut_off.size} buses have no supply, e.g. bus {name}"
        )
    surplus = int(closed.sum()) - (network.n_bus - roots.size)
    if surplus > 0:
        raise PowerFlowError(
            f"network {network.name!r}: the configuration is not radial: "
            f"{surplus} closed branches too many"
        )
