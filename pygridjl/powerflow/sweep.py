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

__all__ = [
    "RadialPowerFlow",
    "SweepData",
    "VoltageHolders",
    "radial_power_flow",
    "solve_held_sweep",
    "solve_sweep",
    "sweep_data",
    "voltage_holders",
]

VOLTAGE_TOLERANCE = 1e-12
MAX_SWEEPS = 500
# Buses that hold their voltage: when they do, and corrections of their reactive power.
HELD_TOLERANCE = 1e-9
MAX_CORRECTIONS = 200


class SweepData(NamedTuple):
    """What a sweep needs of a network, whatever its switch states. Arrays in p.u.

    A named tuple of arrays, because compiled kernels take it as it is.
    """

    from_bus: IntArray
    z: ComplexArray
    loss_r: FloatArray
    half_b: FloatArray
    ratio: ComplexArray
    load: ComplexArray
    shunt: ComplexArray
    iron: FloatArray
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
        Losses of lines and transformers Σ r |i|², their iron included, kW; those in the
        impedances of sources are not the network's.
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
    # A substation's set-point counts before that of another unit at its bus.
    for holding in (gen.in_service, gen.in_service & gen.holds_v, gen.in_service & gen.slack):
        rows = holding & is_root[gen.bus]
        root_voltage[gen.bus[rows]] = gen.v_set[rows]
    return SweepData(
        from_bus=np.ascontiguousarray(branch.from_bus),
        z=branch.r + 1j * branch.x,
        loss_r=branch.loss_r,
        half_b=branch.b / 2,
        ratio=branch.tap * np.exp(1j * branch.shift),
        load=load,
        shunt=network.buses.gs + 1j * network.buses.bs,
        iron=np.ascontiguousarray(network.buses.iron),
        root_voltage=root_voltage,
    )


@kernel
def quotient(a: complex, b: complex) -> complex:
    """Return a / b by the same operations in both forms of a kernel.

    Dividing complex numbers differs in the last digit between NumPy and machine code, and an answer
    must not depend on how many calls came before it.
    """
    size = b.real * b.real + b.imag * b.imag
    return complex(
        (a.real * b.real + a.imag * b.imag) / size, (a.imag * b.real - a.real * b.imag) / size
    )


@kernel
def square(a: complex) -> float:
    """Return the square of a magnitude by the same operations in both forms of a kernel."""
    return a.real * a.real + a.imag * a.imag


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
            drawn[u] = np.conj(quotient(data.load[u], v[u])) + data.shunt[u] * v[u]
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
                inner = quotient(v[up], data.ratio[e])
                drawn[up] += quotient(series[u] + charging * inner, np.conj(data.ratio[e]))
            else:
                inner = quotient(v[u], data.ratio[e])
                series[u] = drawn[u] * np.conj(data.ratio[e]) + charging * inner
                drawn[up] += series[u] + charging * v[up]
        change = 0.0
        for u in order:
            up = parent[u]
            if up < 0:
                continue
            e = via[u]
            if data.from_bus[e] == up:
                new = quotient(v[up], data.ratio[e]) - data.z[e] * series[u]
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
        loss += data.iron[u] * square(v[u])
        up = parent[u]
        if up < 0:
            source[u] = v[u] * np.conj(drawn[u])
            continue
        e = via[u]
        loss += data.loss_r[e] * square(series[u])
        if data.from_bus[e] == up:
            near = abs(series[u] + 1j * data.half_b[e] * quotient(v[up], data.ratio[e]))
            near /= abs(data.ratio[e])
            far = abs(series[u] - 1j * data.half_b[e] * v[u])
        else:
            near = abs(series[u] + 1j * data.half_b[e] * v[up])
            far = abs(series[u] - 1j * data.half_b[e] * quotient(v[u], data.ratio[e]))
            far /= abs(data.ratio[e])
        current[e] = max(near, far)
    return v, current, loss, source, sweeps


@dataclass(frozen=True, eq=False)
class VoltageHolders:
    """Buses whose units hold a voltage, and with how much reactive power at most.

    Attributes
    ----------
    bus : ndarray of int, shape (k,)
        The buses; none of them a root.
    v_set, q_min, q_max, q : ndarray, shape (k,)
        Set-point, limits and scheduled reactive power of all units of the bus, p.u.
    """

    bus: IntArray
    v_set: FloatArray
    q_min: FloatArray
    q_max: FloatArray
    q: FloatArray


def voltage_holders(network: Network, roots: IntArray) -> VoltageHolders:
    """Collect the buses that hold their voltage (:attr:`Generators.holds_v`).

    Parameters
    ----------
    network : Network
        The network.
    roots : ndarray of int
        Positions of the buses whose voltage is held anyway.
    """
    gen = network.generators
    unit = gen.take(gen.in_service & gen.holds_v & ~np.isin(gen.bus, roots))
    bus, place = np.unique(unit.bus, return_inverse=True)
    sums = np.zeros((3, bus.size))
    for row, values in enumerate((unit.q_min, unit.q_max, unit.q)):
        np.add.at(sums[row], place, values)
    v_set = np.ones(bus.size)
    v_set[place] = unit.v_set
    return VoltageHolders(bus, v_set, *sums)


def solve_held_sweep(
    forest: RootedForest, data: SweepData, holders: VoltageHolders
) -> tuple[ComplexArray, FloatArray, float, ComplexArray, int]:
    """Sweep, and sweep again until every unit that holds a voltage does or is at its limit.

    The reactive powers are corrected by the reactances that the paths from the root share, which
    is the derivative of the voltages up to their losses.

    Parameters
    ----------
    forest : RootedForest
        The configuration.
    data : SweepData
        The network.
    holders : VoltageHolders
        Buses that hold their voltage; without any this is one sweep.

    Returns
    -------
    tuple
        As :func:`solve_sweep` returns it.
    """

    def solve(load: ComplexArray) -> tuple[ComplexArray, FloatArray, float, ComplexArray, int]:
        return solve_sweep(
            forest.order,
            forest.parent,
            forest.edge,
            data._replace(load=load),
            VOLTAGE_TOLERANCE,
            MAX_SWEEPS,
        )

    if not holders.bus.size:
        return solve(data.load)
    shared = _shared_reactance(forest, data, holders.bus)
    q = np.clip(holders.q, holders.q_min, holders.q_max)
    for _ in range(MAX_CORRECTIONS):
        load = data.load.copy()
        load[holders.bus] -= 1j * (q - holders.q)
        answer = solve(load)
        if answer[-1] < 0:
            return answer
        lack = holders.v_set - np.abs(answer[0][holders.bus])
        stuck = ((q >= holders.q_max) & (lack > 0)) | ((q <= holders.q_min) & (lack < 0))
        moves = np.flatnonzero(~stuck)
        if np.abs(lack[moves]).max(initial=0.0) < HELD_TOLERANCE:
            return answer
        step = np.linalg.solve(shared[np.ix_(moves, moves)], lack[moves])
        q[moves] = np.clip(q[moves] + step, holders.q_min[moves], holders.q_max[moves])
    return (*answer[:4], -1)


def _shared_reactance(forest: RootedForest, data: SweepData, buses: IntArray) -> FloatArray:
    """Reactance that the paths of two buses to their root have in common, shape (k, k)."""
    paths = []
    for bus in buses.tolist():
        path, at = [], bus
        while forest.parent[at] >= 0:
            path.append(int(forest.edge[at]))
            at = int(forest.parent[at])
        paths.append(set(path))
    x = np.maximum(np.abs(data.z.imag), np.abs(data.z) * 1e-3)
    shared = [[x[list(one & two)].sum() for two in paths] for one in paths]
    return np.array(shared) + 1e-9 * np.eye(buses.size)


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
    v, current, loss, source, sweeps = solve_held_sweep(
        forest, sweep_data(network, held), voltage_holders(network, held)
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
