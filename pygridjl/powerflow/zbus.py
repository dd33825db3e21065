"""AC power flow of a three-phase feeder, radial or meshed, by the Z-bus method.

Voltages and branch currents are the unknowns of one linear system whose right side is what loads
and generators inject at the voltages of the last iteration: one factorisation for all iterations
and all variations (Chen, Chen, Hwang, Kotas and Chebli 1991; for its convergence see Bazrafshan and
Gatsis 2018). Because currents are unknowns too, ideal switches and regulators need no impedance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import coo_array, csc_array
from scipy.sparse.linalg import splu

from pygridjl.core.errors import PowerFlowError
from pygridjl.core.types import BoolArray, ComplexArray, FloatArray, IntArray
from pygridjl.grid.feeder import Feeder
from pygridjl.grid.feeder_tables import Capacitors, voltage_terms
from pygridjl.grid.nominal import BALANCED

__all__ = ["FeederPowerFlow", "feeder_power_flow"]

_PAIRS = np.array([(0, 1), (1, 2), (2, 0)])

# What a delta winding passes on, without its turn of the angle, by vector group: the difference
# to the phase behind (hour 1) or ahead (hour 11), or all but the common part.
_BACK = (np.eye(3) - np.roll(np.eye(3), -1, axis=1)) / np.sqrt(3.0)
_AHEAD = (np.eye(3) - np.roll(np.eye(3), 1, axis=1)) / np.sqrt(3.0)
_TURNS = {
    "Dy1": np.exp(1j * np.pi / 6) * _BACK,
    "Yd1": np.exp(1j * np.pi / 6) * _BACK,
    "Dy11": np.exp(-1j * np.pi / 6) * _AHEAD,
    "Yd11": np.exp(-1j * np.pi / 6) * _AHEAD,
    "Dd0": np.eye(3) - np.full((3, 3), 1 / 3),
}

VOLTAGE_TOLERANCE = 1e-11
MAX_ITERATIONS = 500
# Voltages beyond these are no solution any more.
_LOWEST, _HIGHEST = 1e-3, 1e3


@dataclass(frozen=True, eq=False)
class FeederPowerFlow:
    """Solutions of some variations, one row each; NaN where there is none.

    Attributes
    ----------
    v : ndarray of complex, shape (n_variation, n_node)
        Voltages, p.u.
    s_from, s_to : ndarray of complex, shape (n_variation, n_branch, 3)
        Powers into the branches at their two ends, p.u.; 0 where there is no current.
    loss : ndarray, shape (n_variation,)
        Active losses of branches and iron, p.u.; those of the source's impedance are not in it.
    iron : ndarray, shape (n_variation,)
        The part of ``loss`` in the iron of transformers, p.u.
    source : ndarray, shape (n_variation,)
        Active losses in the source's own impedance, p.u.
    """

    v: ComplexArray
    s_from: ComplexArray
    s_to: ComplexArray
    loss: FloatArray
    iron: FloatArray
    source: FloatArray


def feeder_power_flow(feeder: Feeder, scale: FloatArray) -> FeederPowerFlow:
    """Solve the AC power flow of a feeder for some variations of its loads.

    Loads follow the voltage dependence their ``model`` names (constant power, current, impedance,
    CVR, or constant active power with reactive power of an impedance; any other counts as constant
    power), and ``delta`` loads draw between phases.
    Generators deliver constant power, capacitors and cores are admittances.

    Parameters
    ----------
    feeder : Feeder
        The feeder; it may be meshed.
    scale : ndarray, shape (n_variation, n_bus)
        Factors on the loads.

    Returns
    -------
    FeederPowerFlow
        NaN where the iteration did not converge.

    Raises
    ------
    PowerFlowError
        If closed branches without impedance form a loop, where currents are not determined.
    """
    system = _System(feeder)
    loads = _Loads(feeder)
    generation = feeder.generation_p + 1j * feeder.generation_q
    count = len(scale)
    v = np.tile(feeder.nominal[feeder.node_bus, feeder.node_phase], (count, 1))
    current = np.full((count, system.n_current), np.nan + 0j)
    going = np.arange(count)
    for _ in range(MAX_ITERATIONS):
        drawn = loads.current(v[going], scale[going])
        injected = np.conj(generation / v[going]) - drawn
        new, current[going] = system.solve(injected)
        size = np.abs(new)
        sound = np.asarray(((size > _LOWEST) & (size < _HIGHEST)).all(axis=1))
        moved = np.abs(new - v[going]).max(axis=1, initial=0.0)
        v[going] = np.where(sound[:, None], new, np.nan)
        going = going[sound & (moved >= VOLTAGE_TOLERANCE)]
        if not going.size:
            break
    v[going] = np.nan
    current[np.isnan(v.real).any(axis=1)] = np.nan
    return _answer(feeder, system, v, current)


class _System:
    """The linear part: Kirchhoff's laws with the branch currents as unknowns."""

    def __init__(self, feeder: Feeder) -> None:
        branch, node, n = feeder.branches, feeder.node_of, feeder.n_node
        live = np.asarray(branch.phases & branch.closed[:, None])
        self.row, self.phase = np.nonzero(live)
        self.n_current = self.row.size
        number = np.full((feeder.n_branch, 3), -1, dtype=np.int64)
        number[self.row, self.phase] = np.arange(self.n_current)
        self.head = node[branch.to_bus[self.row], self.phase]
        self.charged = np.flatnonzero(branch.b[self.row, self.phase])
        row, phase = self.row[self.charged], self.phase[self.charged]
        self.half_b = branch.b[row, phase] / 2
        ends = node[branch.from_bus[row], phase], node[branch.to_bus[row], phase]
        self.to, self.of, self.gain = _gains(feeder, number)
        before = node[branch.from_bus[self.of[0]], self.of[1]]
        law = n + np.arange(self.n_current)
        one, other, column = _beside(number[self.row], self.row)
        z = (branch.r + 1j * branch.x)[self.row[one], self.phase[one], column]
        parts: list[tuple[Any, Any, Any]] = [
            *_shunts(feeder, feeder.capacitors),
            (ends[0], ends[0], 1j * self.half_b),
            (ends[1], ends[1], 1j * self.half_b),
            (before, law[self.to], np.conj(self.gain)),
            (self.head, law, -np.ones(self.n_current)),
            (law[self.to], before, self.gain),
            (law, self.head, -np.ones(self.n_current)),
            (law[one], n + other, -z),
        ]
        rows, columns, values = (np.concatenate(part) for part in zip(*parts, strict=True))
        held = node[feeder.source_bus]
        self._held = held[held >= 0]
        self._v_set = (feeder.v_set * BALANCED)[held >= 0]
        kept = ~np.isin(rows, self._held)
        rows = np.concatenate([rows[kept], self._held])
        columns = np.concatenate([columns[kept], self._held])
        values = np.concatenate([values[kept], np.ones(self._held.size)])
        size = n + self.n_current
        matrix = csc_array(coo_array((values, (rows, columns)), shape=(size, size)))
        try:
            self._lu = splu(matrix)
        except RuntimeError:
            raise PowerFlowError(
                f"{feeder.name!r}: closed branches without impedance form a loop, in which no "
                "current is determined; open one of them or give it an impedance"
            ) from None
        self._n = n

    def solve(self, injected: ComplexArray) -> tuple[ComplexArray, ComplexArray]:
        """Return voltages and branch currents of these currents into the nodes, by row."""
        right = np.zeros((self._n + self.n_current, len(injected)), dtype=np.complex128)
        right[: self._n] = injected.T
        right[self._held] = self._v_set[:, None]
        found = self._lu.solve(right).T
        return found[:, : self._n], found[:, self._n :]

    def before(self, current: ComplexArray, n_branch: int) -> ComplexArray:
        """Return the currents into the from sides that belong to those behind the ratios.

        By row, branch and phase.
        """
        out = np.zeros((len(current), n_branch, 3), dtype=np.complex128)
        drawn = (np.conj(self.gain) * current[:, self.to]).T
        np.add.at(out.transpose(1, 2, 0), self.of, drawn)
        return out


def _beside(numbers: IntArray, row: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Return, for each pair of currents of one branch, the first, the second and its phase."""
    one, column = np.nonzero(numbers >= 0)
    return one, numbers[one, column], column


def _gains(
    feeder: Feeder, number: IntArray
) -> tuple[IntArray, tuple[IntArray, IntArray], ComplexArray]:
    """Voltage behind the ratio of current ``to`` from that of branch and phase ``of`` before it."""
    branch = feeder.branches
    matrix = branch.gain.any(axis=(1, 2)) | (branch.group != "")
    row, phase = np.nonzero((number >= 0) & ~matrix[:, None])
    found = [(number[row, phase], row, phase, branch.ratio[row, phase] + 0j)]
    for k in np.flatnonzero(matrix & branch.closed).tolist():
        group = str(branch.group[k])
        gain = _TURNS[group] * branch.ratio[k][:, None] if group else branch.gain[k] + 0j
        i, j = np.nonzero(gain)
        found.append((number[k][i], np.full(i.size, k), j, gain[i, j]))
    to, row, phase, gain = (np.concatenate(part) for part in zip(*found, strict=True))
    return to, (row, phase), gain


def _split(nominal: ComplexArray) -> ComplexArray:
    """Columns: how a power between two phases divides over them at nominal voltages."""
    split = np.zeros((3, 3), dtype=np.complex128)
    for part, (i, j) in enumerate(_PAIRS):
        across = nominal[i] - nominal[j]
        if abs(across) < 1e-9:  # two nodes of one secondary winding: nothing stands between them
            continue
        split[i, part], split[j, part] = nominal[i] / across, -nominal[j] / across
    return split


def _between(power: ComplexArray, nominal: ComplexArray) -> tuple[BoolArray, ComplexArray]:
    """Return which powers, shape (rows, 3), can stand between phases, and their parts there."""
    sound, parts = np.zeros(len(power), dtype=np.bool_), np.zeros_like(power)
    # What turns or scales all three phases divides powers as balanced voltages do.
    first = nominal[np.arange(len(nominal)), (nominal != 0).argmax(axis=1)]
    turned = np.round(nominal / first[:, None], 9)
    for kind in np.unique(turned, axis=0):
        rows = np.flatnonzero((turned == kind).all(axis=1))
        even = np.allclose(kind, BALANCED)
        sound[rows], parts[rows] = _parts(power[rows], _split(BALANCED if even else kind))
    return sound, parts


def _parts(power: ComplexArray, split: ComplexArray) -> tuple[BoolArray, ComplexArray]:
    """Return the same for powers that all divide in one way."""
    # It has no inverse: a power that runs round the triangle divides into nothing.
    parts = _alike(power @ np.linalg.pinv(split).T, np.linalg.svd(split)[2][-1].conj())
    # What touches two phases lies between these.
    for pair, (i, j) in enumerate(_PAIRS):
        rest = 3 - i - j
        alone = (power[:, rest] == 0) & (power[:, i] != 0) & (power[:, j] != 0)
        parts[alone] = np.where(np.arange(3) == pair, power[alone].sum(axis=1)[:, None], 0)
    # Only what no current leaves to ground can.
    apart = np.abs(parts @ split.T - power).max(axis=1, initial=0.0)
    size = np.abs(power).max(axis=1, initial=0.0)
    parts[np.abs(parts) <= 1e-9 * size[:, None]] = 0.0
    return np.asarray((apart <= 1e-6 * size) & (size > 0)), parts


def _alike(parts: ComplexArray, around: ComplexArray) -> ComplexArray:
    """Add what runs round the triangle until all parts of an element have one power factor.

    Three equal parts have it; else the element stands between two of the three pairs (open delta).
    """
    there = np.flatnonzero(np.abs(around) > 1e-9).tolist()
    tried = [parts, *(parts - parts[:, [k]] / around[k] * around for k in there)]
    apart = np.stack(
        [np.abs((part * np.conj(part.sum(axis=1, keepdims=True))).imag).max(axis=1, initial=0.0)
         for part in tried]
    )  # fmt: skip
    size = np.abs(parts).max(axis=1, initial=0.0) ** 2
    sound = apart <= 1e-6 * size
    best = np.where(sound.any(axis=0), sound.argmax(axis=0), 0)
    return np.asarray(np.stack(tried)[best, np.arange(len(parts))])


def _shunts(feeder: Feeder, cap: Capacitors) -> list[tuple[IntArray, IntArray, ComplexArray]]:
    """Return the admittances of capacitors and cores as rows, columns and values."""
    power, node = cap.p + 1j * cap.q, feeder.node_of[cap.bus]
    between, parts = _between(power, feeder.nominal[cap.bus])
    between &= cap.connection == "delta"
    row, phase = np.nonzero((power != 0) & ~between[:, None])
    at = node[row, phase]
    found = [(at, at, -np.conj(power[row, phase]))]
    row, part = np.nonzero((parts != 0) & between[:, None])
    ends, value = node[row[:, None], _PAIRS[part]], -np.conj(parts[row, part]) / 3.0
    for one, two, sign in ((0, 0, 1), (1, 1, 1), (0, 1, -1), (1, 0, -1)):
        found.append((ends[:, one], ends[:, two], sign * value))
    return found


class _Loads:
    """What the loads draw at given voltages."""

    def __init__(self, feeder: Feeder) -> None:
        # A row for each part of a load that goes with its voltage in a way of its own.
        terms = [voltage_terms(model) for model in feeder.loads.model.tolist()]
        load = feeder.loads.take(np.repeat(np.arange(len(terms)), [len(term) for term in terms]))
        share_p, share_q, *powers = (
            np.array([row for term in terms for row in term]).reshape(-1, 4).T
        )
        exponent = np.column_stack(powers)
        self._bus = load.bus
        power = load.p + 1j * load.q
        node, nominal = feeder.node_of[load.bus], feeder.nominal[load.bus]
        delta, parts = _between(power, nominal)
        delta &= load.connection == "delta"
        power, parts = (
            x.real * share_p[:, None] + 1j * x.imag * share_q[:, None] for x in (power, parts)
        )
        wye, phase = np.nonzero((power != 0) & ~delta[:, None])
        size = np.abs(nominal[wye, phase])
        self._wye = node[wye, phase], power[wye, phase], exponent[wye], wye, size
        between, part = np.nonzero((parts != 0) & delta[:, None])
        ends = node[between[:, None], _PAIRS[part]]
        volts = nominal[between[:, None], _PAIRS[part]]
        size = np.abs(volts[:, 0] - volts[:, 1])
        self._delta = ends, parts[between, part], exponent[between], between, size

    def current(self, v: ComplexArray, scale: FloatArray) -> ComplexArray:
        """Return the currents out of the nodes, shape of ``v``."""
        drawn = np.zeros(v.shape, dtype=np.complex128)
        at, power, exponent, load, size = self._wye
        volts = v[:, at]
        taken = scale[:, self._bus[load]] * _at_voltage(power, np.abs(volts) / size, exponent)
        np.add.at(drawn.T, at, np.conj(taken / volts).T)
        ends, power, exponent, load, size = self._delta
        volts = v[:, ends[:, 0]] - v[:, ends[:, 1]]
        taken = scale[:, self._bus[load]] * _at_voltage(power, np.abs(volts) / size, exponent)
        current = np.conj(taken / volts).T
        np.add.at(drawn.T, ends[:, 0], current)
        np.add.at(drawn.T, ends[:, 1], -current)
        return drawn


def _at_voltage(power: ComplexArray, size: FloatArray, exponent: FloatArray) -> ComplexArray:
    """Return powers at voltages of this size, p.u."""
    return np.asarray(
        power.real * size ** exponent[:, 0] + 1j * power.imag * size ** exponent[:, 1]
    )


def _answer(
    feeder: Feeder, system: _System, v: ComplexArray, current: ComplexArray
) -> FeederPowerFlow:
    count, branch = len(v), feeder.branches
    by_bus = np.zeros((count, feeder.n_bus, 3), dtype=np.complex128)
    by_bus[:, feeder.node_bus, feeder.node_phase] = v
    at_from, at_to = by_bus[:, branch.from_bus], by_bus[:, branch.to_bus]
    into = system.before(current, feeder.n_branch), np.zeros_like(at_to)
    into[1][:, system.row, system.phase] = -current
    place = (slice(None), system.row[system.charged], system.phase[system.charged])
    ends = []
    for volts, drawn in zip((at_from, at_to), into, strict=True):
        drawn[place] += 1j * system.half_b * volts[place]
        ends.append(volts * np.conj(drawn))
    lost = (ends[0] + ends[1]).real.sum(axis=2)
    source = branch.kind == "source"
    iron = np.zeros(count)
    for row, column, value in _shunts(feeder, feeder.cores):
        iron += (v[:, row] * np.conj(value * v[:, column])).real.sum(axis=1)
    return FeederPowerFlow(
        v, ends[0], ends[1], lost[:, ~source].sum(axis=1) + iron, iron, lost[:, source].sum(axis=1)
    )
