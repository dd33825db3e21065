"""AC power flow by Newton's method in polar coordinates, for any topology.

The radial sweep is what searches use; this one serves meshed base states and the independent
check of answers, and shares no code with the sweep.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csc_array, csr_array
from scipy.sparse.linalg import SuperLU, splu

from pygridjl.core.errors import PowerFlowError
from pygridjl.core.types import BoolArray, ComplexArray, FloatArray, IntArray
from pygridjl.graphs.laplacian import laplacian_matrix
from pygridjl.grid.network import Network
from pygridjl.powerflow.admittance import bus_admittance

__all__ = ["NewtonPowerFlow", "newton_power_flow"]

MISMATCH_TOLERANCE = 1e-11
MAX_ITERATIONS = 50
# Rounds in which units reach a reactive limit or leave it again.
MAX_ROUNDS = 50
LIMIT_TOLERANCE = 1e-9
STEPS = (1.0, 0.5, 0.25, 0.125)
COLLAPSED = 1e-3


@dataclass(frozen=True, eq=False)
class NewtonPowerFlow:
    """A solved power flow.

    Attributes
    ----------
    v : ndarray of complex, shape (n_bus,)
        Voltages, p.u.
    loss_kw : float
        Losses of lines and transformers, their iron included, kW.
    iron_kw : float
        The part of them that is iron.
    source_kw : float
        Losses in the impedances of the sources, which are no losses of the network, kW.
    injection : ndarray of complex, shape (n_bus,)
        Power from each bus into the branches and shunts, p.u.
    q : ndarray, shape (n_generator,)
        Reactive power of each unit, p.u.: scheduled, or what holds the voltage of its bus (shared
        by the units of the bus in proportion to their ranges). 0 out of service.
    limited : ndarray of int
        Buses whose units reached a reactive limit and could not hold their voltage.
    """

    v: ComplexArray
    loss_kw: float
    iron_kw: float
    source_kw: float
    injection: ComplexArray
    q: FloatArray
    limited: IntArray


def newton_power_flow(
    network: Network,
    closed: BoolArray | None = None,
    roots: IntArray | None = None,
    *,
    reactive_limits: bool = True,
) -> NewtonPowerFlow:
    """Solve the AC power flow with constant-power loads and units.

    Units that hold their voltage (:attr:`Generators.holds_v`) do so within their reactive limits;
    beyond them they deliver the limit.

    Parameters
    ----------
    network : Network
        The network. Units that neither sit on a root nor hold their voltage inject P and Q.
    closed : ndarray of bool, shape (n_branch,), optional
        Switch states; the base state by default. Every island needs a root.
    roots : ndarray of int, optional
        Buses that hold their voltage; the substations by default.
    reactive_limits : bool
        Whether units that hold their voltage keep their reactive limits.

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
    gen, n = network.generators, network.n_bus
    y = bus_admittance(network, closed)
    on_root = np.isin(gen.bus, held)
    unit = gen.in_service & ~on_root
    holding = unit & gen.holds_v
    wanted = -(network.load_p + 1j * network.load_q)
    np.add.at(wanted, gen.bus[unit], gen.p[unit] + 1j * np.where(holding, 0.0, gen.q)[unit])
    magnitude = np.ones(n)
    # The set-point of a slack counts before that of another unit at its bus.
    for steady in (gen.in_service & on_root, holding, gen.in_service & gen.slack):
        magnitude[gen.bus[steady]] = gen.v_set[steady]
    least, most = np.zeros(n), np.zeros(n)
    np.add.at(least, gen.bus[holding], gen.q_min[holding])
    np.add.at(most, gen.bus[holding], gen.q_max[holding])
    v = np.where(np.isin(np.arange(n), held), magnitude, 1.0).astype(np.complex128)
    v[network.slack_buses] *= np.exp(1j * network.slack_angles)
    free = np.setdiff1d(np.arange(n), held)
    keeps = np.unique(gen.bus[holding])
    tolerance = MISMATCH_TOLERANCE + 16 * np.finfo(float).eps * np.asarray(abs(y).sum(axis=1))
    if not reactive_limits:
        least, most = np.full(n, -np.inf), np.full(n, np.inf)
    limited: dict[int, float] = {}
    released: set[int] = set()
    starts = [_no_load_start(network, y, v, free, held, keeps, magnitude)]
    if keeps.size:
        starts.insert(0, _direct_start(network, y, wanted.real, free, v, magnitude))
    known = network.buses.v_start * np.exp(1j * network.buses.angle_start)
    if closed is None and np.isfinite(known).all() and (known != 0).all():
        known[held] = v[held]
        starts.insert(0, known)
    start = starts.pop(0)
    for _ in range(MAX_ROUNDS):
        holds = np.setdiff1d(keeps, list(limited))
        given = wanted + 1j * _at(n, limited)
        try:
            v = _iterate(network, y, given, start, free, holds, magnitude, tolerance)
        except PowerFlowError:
            if not starts:
                raise
            start = starts.pop(0)
            continue
        injection = v * np.conj(y @ v)
        q = injection.imag - wanted.imag
        changed = False
        for bus in holds[
            (q < least - LIMIT_TOLERANCE)[holds] | (q > most + LIMIT_TOLERANCE)[holds]
        ]:
            limited[int(bus)] = float(np.clip(q[bus], least[bus], most[bus]))
            changed = True
        if not changed:
            # A unit at its upper limit whose bus is above the set-point can hold it again.
            for bus, value in list(limited.items()):
                above = abs(v[bus]) - magnitude[bus]
                upper = value >= most[bus]
                back = above > LIMIT_TOLERANCE if upper else above < -LIMIT_TOLERANCE
                # Once: two buses side by side may push each other over their limits for ever.
                if back and bus not in released:
                    del limited[bus]
                    released.add(bus)
                    changed = True
        if not changed:
            reactive = _shared(network, holding, unit, q, least, most)
            return _answer(network, closed, v, injection, reactive, sorted(limited))
        start = v
    raise PowerFlowError(
        f"network {network.name!r}: the units that hold voltages do not settle at their limits"
    )


def _at(n: int, values: dict[int, float]) -> FloatArray:
    out = np.zeros(n)
    out[list(values)] = list(values.values())
    return out


def _no_load_start(
    network: Network,
    y: csr_array,
    v: ComplexArray,
    free: IntArray,
    held: IntArray,
    keeps: IntArray,
    magnitude: FloatArray,
) -> ComplexArray:
    """Voltages without load: they follow ratios and phase shifts.

    A flat start may end in a low-voltage solution or nowhere.
    """
    rows = y[free]
    start = v.copy()
    start[free] = _factor(network, rows[:, free].tocsc()).solve(-(rows[:, held] @ start[held]))
    start[keeps] *= magnitude[keeps] / np.abs(start[keeps])
    return start


def _direct_start(
    network: Network,
    y: csr_array,
    p: FloatArray,
    free: IntArray,
    v: ComplexArray,
    magnitude: FloatArray,
) -> ComplexArray:
    """Angles of the direct-current power flow, for networks whose units hold their voltages."""
    branch = network.branches.take(network.branches.closed)
    weight = 1.0 / np.where(branch.x != 0, branch.x, branch.r) / branch.tap
    n, f, t = network.n_bus, branch.from_bus, branch.to_bus
    laplacian = laplacian_matrix(n, f, t, weight).tocsr()
    power = p - network.buses.gs
    np.add.at(power, f, weight * branch.shift)
    np.subtract.at(power, t, weight * branch.shift)
    angle = np.angle(v)
    angle[free] = 0.0
    power -= laplacian @ angle
    angle[free] = _factor(network, laplacian[free][:, free].tocsc()).solve(power[free])
    return np.asarray(magnitude * np.exp(1j * angle))


def _iterate(
    network: Network,
    y: csr_array,
    wanted: ComplexArray,
    start: ComplexArray,
    free: IntArray,
    holds: IntArray,
    magnitude: FloatArray,
    tolerance: FloatArray,
) -> ComplexArray:
    """Newton's method with the buses of ``holds`` at their set-points."""
    moves = np.setdiff1d(free, holds)
    v = start.copy()
    v[holds] *= magnitude[holds] / np.abs(v[holds])
    rows = np.concatenate([free, moves])
    active = np.arange(rows.size) < free.size

    def off(at: ComplexArray) -> FloatArray:
        mismatch = (at * np.conj(y @ at) - wanted)[rows]
        return np.asarray(np.where(active, mismatch.real, mismatch.imag), dtype=np.float64)

    miss, jacobian = off(v), _Jacobian(y, free, moves)
    for _ in range(MAX_ITERATIONS):
        if (np.abs(miss) / tolerance[rows]).max(initial=0.0) < 1.0:
            return v
        step = _factor(network, jacobian.at(v)).solve(-miss)
        if not np.isfinite(step).all():
            break
        # A shorter step where the full one leads away.
        for length in STEPS:
            angle, size = np.angle(v), np.abs(v)
            angle[free] += length * step[: free.size]
            size[moves] += length * step[free.size :]
            tried = size * np.exp(1j * angle)
            left = off(tried)
            if np.abs(left).max(initial=0.0) < 2 * np.abs(miss).max(initial=0.0):
                break
        v, miss = tried, left
        if not (np.abs(v) > COLLAPSED).all():
            break
    raise PowerFlowError(
        f"network {network.name!r}: Newton's power flow does not converge "
        "(the load may be beyond what the branches can carry)"
    )


def _shared(
    network: Network,
    holding: BoolArray,
    unit: BoolArray,
    total: FloatArray,
    least: FloatArray,
    most: FloatArray,
) -> FloatArray:
    """Reactive power of each unit; units of one bus share its need in proportion to their range."""
    gen = network.generators
    q = np.where(gen.in_service, gen.q, 0.0)
    at = gen.bus[holding]
    count = np.bincount(at, minlength=network.n_bus)[at]
    room = (most - least)[at]
    even = ~np.isfinite(room) | (room <= 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (total[at] - least[at]) / room
        own = gen.q_min[holding] + share * (gen.q_max - gen.q_min)[holding]
    q[holding] = np.where(even, total[at] / count, own)
    return q


def _answer(
    network: Network,
    closed: BoolArray | None,
    v: ComplexArray,
    injection: ComplexArray,
    q: FloatArray,
    limited: list[int],
) -> NewtonPowerFlow:
    branch = network.branches.take(network.branches.closed if closed is None else closed)
    ratio = branch.tap * np.exp(1j * branch.shift)
    # Branch by branch: the sum of the injections would lose its digits beside a tiny impedance.
    current = (v[branch.from_bus] / ratio - v[branch.to_bus]) / (branch.r + 1j * branch.x)
    series = branch.r * np.abs(current) ** 2
    kw = network.base_mva * 1e3
    iron = float((network.buses.iron * np.abs(v) ** 2).sum()) * kw
    loss = float(series[~branch.source].sum()) * kw + iron
    source = float(series[branch.source].sum()) * kw
    return NewtonPowerFlow(v, loss, iron, source, injection, q, np.array(limited, dtype=np.int64))


def _factor(network: Network, matrix: csc_array) -> SuperLU:
    try:
        return splu(matrix)
    except RuntimeError as error:
        raise PowerFlowError(
            f"network {network.name!r}: the equations are singular (is an island without source?)"
        ) from error


class _Jacobian:
    """Derivatives of the powers of ``free`` and of the reactive ones of ``moves``.

    By the angles of the former and the magnitudes of the latter; its pattern is found once.
    """

    def __init__(self, y: csr_array, free: IntArray, moves: IntArray) -> None:
        n = y.shape[0]
        self._y, self._size = y, free.size + moves.size
        entries, each = y.tocoo(), np.arange(n)
        self._row, self._column, self._value = entries.row, entries.col, entries.data
        row, column = np.append(entries.row, each), np.append(entries.col, each)
        angle, magnitude = np.full(n, -1), np.full(n, -1)
        angle[free] = np.arange(free.size)
        magnitude[moves] = free.size + np.arange(moves.size)
        self._blocks = []
        for equation, imaginary in ((angle, False), (magnitude, True)):
            for unknown, by_angle in ((angle, True), (magnitude, False)):
                kept = np.flatnonzero((equation[row] >= 0) & (unknown[column] >= 0))
                place = equation[row[kept]], unknown[column[kept]]
                self._blocks.append((kept, place, imaginary, by_angle))

    def at(self, v: ComplexArray) -> csc_array:
        """Return the matrix at some voltages."""
        current, row, column = self._y @ v, self._row, self._column
        direction = np.exp(1j * np.angle(v))  # of a dark bus too, whose voltage is zero
        by_angle = np.append(
            -1j * v[row] * np.conj(self._value * v[column]), 1j * v * np.conj(current)
        )
        by_magnitude = np.append(
            v[row] * np.conj(self._value * direction[column]), np.conj(current) * direction
        )
        values, places = [], []
        for kept, place, imaginary, angle in self._blocks:
            part = (by_angle if angle else by_magnitude)[kept]
            values.append(part.imag if imaginary else part.real)
            places.append(place)
        shape = (self._size, self._size)
        return coo_array((np.concatenate(values), np.hstack(places)), shape=shape).tocsc()
