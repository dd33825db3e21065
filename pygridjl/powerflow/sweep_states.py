"""Backward/forward sweeps of one radial configuration in many load states at a time.

The equations are those of :mod:`pygridjl.powerflow.sweep`. States of like demand go side by side
through the tree, some dozens at a time: their voltages stay in the cache, each step of a sweep is
one short loop over them, and the next begin where these ended. What is kept of a state are its
losses and lowest voltage, and what it adds to the extremes over all states.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pygridjl.core.jit import kernel
from pygridjl.core.types import BoolArray, ComplexArray, FloatArray, IntArray
from pygridjl.graphs.forest import RootedForest
from pygridjl.powerflow.sweep import MAX_SWEEPS, SweepData, square

__all__ = [
    "ACTIVE",
    "APPARENT",
    "CURRENT",
    "HIGHEST",
    "LOWEST",
    "RankedLoads",
    "StateExtremes",
    "ranked_loads",
    "solve_states",
]

# Rows of the extremes.
LOWEST, HIGHEST, CURRENT, ACTIVE, APPARENT = range(5)

# Numbers in an array of the states that go side by side: what stays in the cache between two
# passes over the tree.
BLOCK = 16_384
# Sweeps in one call of a kernel. Plain Python, which a kernel begins in, must not be left alone
# with the hundreds of sweeps of a state that has no power flow.
ROUND = 10
# Largest change of a voltage in the last sweep, p.u. What is left to change is smaller by the
# factor by which sweeps converge, some hundredths.
VOLTAGE_TOLERANCE = 1e-9
# Below this, p.u., a voltage has collapsed.
LEAST_VOLTAGE = 1e-3
# Extremes that are found as squares: all but active power.
SQUARED = [LOWEST, HIGHEST, CURRENT, APPARENT]


class RankedLoads(NamedTuple):
    """Loads of many states as sweeps want them: states alike in demand need as many sweeps.

    Attributes
    ----------
    states : ndarray of int, shape (s,)
        States by rising demand.
    p, q : ndarray, shape (blocks, n_bus, lanes)
        Their net loads, p.u.; the last block is filled up with its last state.
    """

    states: IntArray
    p: FloatArray
    q: FloatArray


class StateExtremes(NamedTuple):
    """Power flows of many states in short; buses in the order of the forest.

    Attributes
    ----------
    loss : ndarray, shape (s,)
        Losses by rank of the state, p.u.; infinite without a power flow.
    v_min : ndarray, shape (s,)
        Lowest voltage, p.u.; NaN without a power flow.
    v_min_row : ndarray of int, shape (s,)
        Where it occurs.
    extreme : ndarray, shape (5, k)
        Lowest and highest voltage of each bus, largest current of the branch that feeds it (the
        larger of its ends; 0 for roots), largest active and apparent power that it delivers as a
        root (−inf for other buses), p.u.
    at : ndarray of int, shape (5, k)
        Ranks of the states in which they occur.
    """

    loss: FloatArray
    v_min: FloatArray
    v_min_row: IntArray
    extreme: FloatArray
    at: IntArray


class _Tree(NamedTuple):
    """A configuration and its network by row, parents before children.

    With d what a bus draws, the row above draws ``up_factor`` d more, the impedance carries the
    current of squared magnitude ``squared`` |d|², and the voltage is ``down_factor`` times that
    above less ``drop`` d. Ideal transformers sit at the from side of their branch; what lines
    charge and what shunts draw is one admittance a bus.
    """

    up: IntArray
    plain: BoolArray
    start: ComplexArray
    shunt: ComplexArray
    up_factor: ComplexArray
    down_factor: ComplexArray
    drop: ComplexArray
    loss: FloatArray
    iron: FloatArray
    squared: FloatArray
    ends: BoolArray
    near: ComplexArray
    far: ComplexArray


def ranked_loads(p: FloatArray, q: FloatArray, states: IntArray | None = None) -> RankedLoads:
    """Rank states by their demand.

    Parameters
    ----------
    p, q : ndarray, shape (n_state, n_bus)
        Net loads, p.u.
    states : ndarray of int, optional
        The states to take; all by default.
    """
    chosen = np.arange(p.shape[0]) if states is None else states
    ranked = chosen[np.argsort(p[chosen].sum(axis=1), kind="stable")]
    lanes = max(1, min(BLOCK // p.shape[1], ranked.size))
    blocks = -(-ranked.size // lanes)
    filled = np.append(ranked, np.repeat(ranked[-1:], blocks * lanes - ranked.size))
    side_by_side = [
        np.ascontiguousarray(part[filled].reshape(blocks, lanes, -1).transpose(0, 2, 1))
        for part in (p, q)
    ]
    return RankedLoads(ranked, *side_by_side)


def solve_states(forest: RootedForest, data: SweepData, loads: RankedLoads) -> StateExtremes:
    """Sweep until the largest voltage change of every state is below the tolerance.

    Parameters
    ----------
    forest : RootedForest
        The configuration.
    data : SweepData
        The network; its loads are not used.
    loads : RankedLoads
        The states to solve.

    Returns
    -------
    StateExtremes
        Losses by state, and extremes over the states that have a power flow.
    """
    count, rows = loads.states.size, forest.order.size
    found = StateExtremes(
        loss=np.full(count, np.inf),
        v_min=np.full(count, np.nan),
        v_min_row=np.zeros(count, dtype=np.int64),
        extreme=np.full((5, rows), -np.inf),
        at=np.zeros((5, rows), dtype=np.int64),
    )
    found.extreme[LOWEST] = np.inf
    found.extreme[CURRENT] = 0.0
    tree, lost = _tree(forest, data), np.ones(loads.p.shape[2], dtype=np.bool_)
    v = np.empty((2, rows, lost.size))
    for block in range(loads.p.shape[0]):
        load = np.array([loads.p[block, forest.order], loads.q[block, forest.order]])
        # States of about the same demand came before, but for the first block.
        v[:, :, lost] = np.array([tree.start.real, tree.start.imag])[:, :, None]
        lost[:] = False
        drawn, change = np.empty_like(v), np.empty(lost.size)
        for _ in range(0, MAX_SWEEPS, ROUND):
            if _sweep(tree, load, v, drawn, lost, change):
                break
        lost |= ~(change < VOLTAGE_TOLERANCE**2)
        first = block * lost.size
        _take(tree, v, drawn, lost, first, min(lost.size, count - first), found)
    size = found.extreme
    # The sign keeps what is still at minus infinity.
    size[SQUARED] = np.sign(size[SQUARED]) * np.sqrt(np.abs(size[SQUARED]))
    return found._replace(v_min=np.sqrt(found.v_min))


def _tree(forest: RootedForest, data: SweepData) -> _Tree:
    order = forest.order
    row = np.full(forest.parent.size, -1, dtype=np.int64)
    row[order] = np.arange(order.size)
    parent, edge = forest.parent[order], forest.edge[order]
    fed = parent >= 0
    at = np.where(fed, edge, 0)
    up = np.where(fed, row[parent], -1)
    near = data.from_bus[at] == parent
    ratio = np.where(fed, data.ratio[at], 1.0)
    size = np.abs(ratio)
    charging = np.where(fed, 1j * data.half_b[at], 0.0)
    behind = charging / size**2
    shunt = data.shunt[order].copy()
    shunt += np.where(near, charging, behind)
    np.add.at(shunt, up[fed], np.where(near, behind, charging)[fed])
    start = data.root_voltage[order].astype(np.complex128)
    for k in np.flatnonzero(fed).tolist():
        start[k] = start[up[k]]
    # Current in the impedance for what the bus draws, and its size at the two ends.
    series = np.where(near, 1.0, np.conj(ratio))
    z = np.where(fed, data.z[at], 0.0)
    loss_r = np.where(fed, data.loss_r[at], 0.0)
    squared = np.where(fed, np.abs(series) ** 2, 0.0)
    sending, receiving = np.where(near, ratio, 1.0), np.where(near, 1.0, ratio)
    return _Tree(
        up=up,
        plain=ratio == 1.0,
        start=start,
        shunt=shunt,
        up_factor=np.where(near, 1.0 / np.conj(ratio), np.conj(ratio)),
        down_factor=np.where(near, 1.0 / ratio, ratio),
        drop=np.where(near, z, z * size**2),
        loss=loss_r * squared,
        iron=data.iron[order],
        squared=squared,
        ends=fed & ((charging != 0.0) | (ratio != 1.0)),
        near=np.stack([series, charging / sending]).astype(np.complex128) / np.abs(sending),
        far=np.stack([series, charging / receiving]).astype(np.complex128) / np.abs(receiving),
    )


@kernel
def _sweep(
    tree: _Tree,
    load: FloatArray,
    v: FloatArray,
    drawn: FloatArray,
    lost: BoolArray,
    change: FloatArray,
) -> bool:
    """Sweep some times, in place; whether all states have settled or are lost."""
    for _ in range(ROUND):
        _backward(tree, load, v, drawn)
        _forward(tree, v, drawn, change)
        settled = True
        for i in range(lost.size):
            if not change[i] < np.inf:
                # What has collapsed moves on as if without load.
                lost[i] = True
                for k in range(v.shape[1]):
                    load[0, k, i] = load[1, k, i] = 0.0
                    v[0, k, i], v[1, k, i] = tree.start[k].real, tree.start[k].imag
            elif not change[i] < VOLTAGE_TOLERANCE**2:
                settled = False
        if settled:
            return True
    return False


@kernel
def _backward(tree: _Tree, load: FloatArray, v: FloatArray, drawn: FloatArray) -> None:
    """Sum what the buses draw, conj(s / v) and their admittance times v, towards the roots."""
    rows, lanes = v.shape[1], v.shape[2]
    for k in range(rows):
        g, b = tree.shunt[k].real, tree.shunt[k].imag
        for i in range(lanes):
            x, y = v[0, k, i], v[1, k, i]
            size = np.reciprocal(x * x + y * y)
            drawn[0, k, i] = (load[0, k, i] * x + load[1, k, i] * y) * size + (g * x - b * y)
            drawn[1, k, i] = (load[0, k, i] * y - load[1, k, i] * x) * size + (g * y + b * x)
    for k in range(rows - 1, -1, -1):
        up = tree.up[k]
        if up < 0:
            continue
        if tree.plain[k]:
            for i in range(lanes):
                drawn[0, up, i] += drawn[0, k, i]
                drawn[1, up, i] += drawn[1, k, i]
        else:
            g, b = tree.up_factor[k].real, tree.up_factor[k].imag
            for i in range(lanes):
                drawn[0, up, i] += g * drawn[0, k, i] - b * drawn[1, k, i]
                drawn[1, up, i] += g * drawn[1, k, i] + b * drawn[0, k, i]


@kernel
def _forward(tree: _Tree, v: FloatArray, drawn: FloatArray, change: FloatArray) -> None:
    """Walk the voltages from the roots; the largest squared change, infinite after a collapse."""
    rows, lanes = v.shape[1], v.shape[2]
    change[:] = 0.0
    for k in range(rows):
        up = tree.up[k]
        if up < 0:
            for i in range(lanes):
                v[0, k, i], v[1, k, i] = tree.start[k].real, tree.start[k].imag
            continue
        r, x = tree.drop[k].real, tree.drop[k].imag
        g, b = tree.down_factor[k].real, tree.down_factor[k].imag
        for i in range(lanes):
            real = g * v[0, up, i] - b * v[1, up, i] - (r * drawn[0, k, i] - x * drawn[1, k, i])
            imag = g * v[1, up, i] + b * v[0, up, i] - (r * drawn[1, k, i] + x * drawn[0, k, i])
            more, most = real - v[0, k, i], imag - v[1, k, i]
            moved = more * more + most * most
            # What has collapsed or is no number compares as false.
            moved = moved if real * real + imag * imag > LEAST_VOLTAGE**2 else np.inf
            change[i] = moved if moved > change[i] else change[i]
            v[0, k, i] = real
            v[1, k, i] = imag


@kernel
def _take(
    tree: _Tree,
    v: FloatArray,
    drawn: FloatArray,
    lost: BoolArray,
    first: int,
    count: int,
    found: StateExtremes,
) -> None:
    """Take the solved states of a block into what is found."""
    for i in range(count):
        if not lost[i]:
            found.loss[first + i] = 0.0
            found.v_min[first + i] = np.inf
    for k in range(v.shape[1]):
        up = tree.up[k]
        for i in range(count):
            if lost[i]:
                continue
            x, y, re, im = v[0, k, i], v[1, k, i], drawn[0, k, i], drawn[1, k, i]
            size = x * x + y * y
            current = re * re + im * im
            found.loss[first + i] += tree.loss[k] * current + tree.iron[k] * size
            if size < found.v_min[first + i]:
                found.v_min[first + i] = size
                found.v_min_row[first + i] = k
            if size < found.extreme[LOWEST, k]:
                found.extreme[LOWEST, k] = size
                found.at[LOWEST, k] = first + i
            if size > found.extreme[HIGHEST, k]:
                found.extreme[HIGHEST, k] = size
                found.at[HIGHEST, k] = first + i
            current *= tree.squared[k]
            if up < 0:
                active, reactive = x * re + y * im, y * re - x * im
                if active > found.extreme[ACTIVE, k]:
                    found.extreme[ACTIVE, k] = active
                    found.at[ACTIVE, k] = first + i
                current = active * active + reactive * reactive
            elif tree.ends[k]:
                # In the impedance the current is one; at the ends charging adds and ratios scale.
                d, here, above = complex(re, im), complex(x, y), complex(v[0, up, i], v[1, up, i])
                current = max(
                    square(tree.near[0, k] * d + tree.near[1, k] * above),
                    square(tree.far[0, k] * d - tree.far[1, k] * here),
                )
            kind = APPARENT if up < 0 else CURRENT
            if current > found.extreme[kind, k]:
                found.extreme[kind, k] = current
                found.at[kind, k] = first + i
