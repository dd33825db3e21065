"""Backward/forward sweeps of one radial configuration in many load states at a time.

The equations are those of :mod:`pygridjl.powerflow.sweep`; here a bus is a row and a state a
column, so that one pass over the buses moves all states of a block by array operations.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pygridjl.core.types import BoolArray, ComplexArray, FloatArray, IntArray
from pygridjl.graphs.forest import RootedForest
from pygridjl.powerflow.sweep import MAX_SWEEPS, SweepData

__all__ = ["RankedLoads", "StateFlows", "ranked_loads", "solve_states"]

# Numbers in an array of a block: what stays in the cache between two passes.
BLOCK = 65_536
# Largest change of a voltage in the last sweep, p.u. What is left to change is smaller by the
# factor by which sweeps converge, some hundredths.
VOLTAGE_TOLERANCE = 1e-9
# Sweeps in single precision before those that count: what it cannot tell, they put right.
ROUGH = 4
# Below this, p.u., a voltage has collapsed.
LEAST_VOLTAGE = 1e-3


@dataclass(frozen=True, eq=False)
class StateFlows:
    """Power flows of some states; buses and branches in the order of the forest.

    Attributes
    ----------
    states : ndarray of int, shape (s,)
        Which states they are.
    v : ndarray of complex, shape (k, s)
        Voltages, p.u.
    current : ndarray, shape (k, s)
        Larger current at the two ends of the branch that feeds each bus, p.u.; 0 for roots.
    loss : ndarray, shape (s,)
        Losses, p.u.
    source : ndarray of complex, shape (k, s)
        Power that each root delivers, p.u.; 0 for other buses.
    """

    states: IntArray
    v: ComplexArray
    current: FloatArray
    loss: FloatArray
    source: ComplexArray


class RankedLoads(NamedTuple):
    """Loads of many states as sweeps want them: states alike in demand need as many sweeps.

    Attributes
    ----------
    states : ndarray of int, shape (s,)
        States by rising demand.
    conjugate : ndarray of complex, shape (n_bus, s)
        p − jq of their net loads, p.u.
    """

    states: IntArray
    conjugate: ComplexArray

    def only(self, chosen: BoolArray) -> RankedLoads:
        """Take some of the states; ``chosen`` has shape (n_state,)."""
        kept = chosen[self.states]
        return RankedLoads(self.states[kept], self.conjugate[:, kept])


def ranked_loads(p: FloatArray, q: FloatArray) -> RankedLoads:
    """Rank the states of net loads ``p`` and ``q``, p.u., shape (n_state, n_bus)."""
    states = np.argsort(p.sum(axis=1), kind="stable")
    conjugate = np.empty(p.shape[::-1], dtype=np.complex128)
    conjugate.real, conjugate.imag = p[states].T, -q[states].T
    return RankedLoads(states, conjugate)


def solve_states(forest: RootedForest, data: SweepData, loads: RankedLoads) -> Iterator[StateFlows]:
    """Sweep until the largest voltage change of every state is below the tolerance.

    Parameters
    ----------
    forest : RootedForest
        The configuration.
    data : SweepData
        The network; its loads are not used.
    loads : RankedLoads
        The states to solve.

    Yields
    ------
    StateFlows
        States that are solved, some at a time. A state that never comes has no power flow.
    """
    tree = _Tree(forest, data)
    size = max(1, BLOCK // forest.order.size)
    for first in range(0, loads.states.size, size):
        block = slice(first, first + size)
        yield from tree.solve(loads.states[block], loads.conjugate[forest.order, block])


class _Tree:
    """A configuration and the network, by row.

    What lines charge and what shunts draw is one admittance a bus; ideal transformers, which sit
    at the from side of their branch, remain.
    """

    def __init__(self, forest: RootedForest, data: SweepData) -> None:
        order = forest.order
        row = np.full(forest.parent.size, -1, dtype=np.int64)
        row[order] = np.arange(order.size)
        parent, edge = forest.parent[order], forest.edge[order]
        fed = parent >= 0
        at = np.where(fed, edge, 0)
        up = np.where(fed, row[parent], -1)
        near = data.from_bus[at] == parent
        ratio = np.where(fed, data.ratio[at], 1.0)
        charging = np.where(fed, 1j * data.half_b[at], 0.0)
        behind = charging / np.abs(ratio) ** 2
        shunt = data.shunt[order].copy()
        shunt += np.where(near, charging, behind)
        np.add.at(shunt, up[fed], np.where(near, behind, charging)[fed])
        start = data.root_voltage[order].astype(np.complex128)
        for k in np.flatnonzero(fed).tolist():
            start[k] = start[up[k]]
        self.fed, self.up, self.ratio, self.charging = fed, up, ratio, charging
        self.near, self.start, self.shunt = near, start, shunt
        self.z = np.where(fed, data.z[at], 0.0)
        self.loss_r = np.where(fed, data.loss_r[at], 0.0)
        self.iron = data.iron[order]
        self._inward = [(k, int(up[k])) for k in np.flatnonzero(fed)[::-1].tolist()]
        self._turned = set(np.flatnonzero(ratio != 1.0).tolist())
        self._single = copy(self)
        for name in ("ratio", "shunt", "z"):
            setattr(self._single, name, getattr(self, name).astype(np.complex64))

    def solve(self, states: IntArray, load: ComplexArray) -> Iterator[StateFlows]:
        """Solve one block of conjugate loads; states leave it as they are done."""
        v = self._single.sweep(load.astype(np.complex64), self.start.astype(np.complex64))
        v = v.astype(np.complex128)
        # Sources hold their voltage; sweeps only carry it along.
        v[~self.fed] = self.start[~self.fed, None]
        squared = _squared(v)
        for _ in range(MAX_SWEEPS):
            drawn = self._drawn(load, v, squared)
            series = self._backward(drawn)
            new = self._forward(series, v)
            v -= new
            change = _squared(v).max(axis=0)
            v, squared = new, _squared(new)
            # The negation also catches NaN.
            lost = ~(squared.min(axis=0) > LEAST_VOLTAGE**2)
            done = (change < VOLTAGE_TOLERANCE**2) & ~lost
            if done.any():
                # States of about the same demand come next.
                self.start = v[:, done].mean(axis=1)
                yield self._flows(states[done], v[:, done], series[:, done], drawn[:, done])
            left = ~(done | lost)
            if not left.all():
                states, load = states[left], load[:, left]
                v, squared = v[:, left], squared[:, left]
                if not states.size:
                    return

    def sweep(self, load: ComplexArray, start: ComplexArray) -> ComplexArray:
        """Voltages after some sweeps from those of a state, shape (k, s)."""
        v = np.repeat(start[:, None], load.shape[1], axis=1)
        for _ in range(ROUGH):
            v = self._forward(self._backward(self._drawn(load, v, _squared(v))), v)
        return v

    def _drawn(self, load: ComplexArray, v: ComplexArray, squared: FloatArray) -> ComplexArray:
        """Sum what each bus draws: conj(s / v), and its admittance times v."""
        # Several times as quick as a division of complex numbers.
        scale = np.reciprocal(squared)
        drawn = load * v
        drawn.real *= scale
        drawn.imag *= scale
        if self.shunt.any():
            drawn += self.shunt[:, None] * v
        return drawn

    def _backward(self, drawn: ComplexArray) -> ComplexArray:
        """Sum the currents towards the roots, in place; return those in the impedances."""
        series = drawn.copy() if self._turned else drawn
        for k, up in self._inward:
            if k not in self._turned:
                if series is not drawn:
                    series[k] = drawn[k]
                drawn[up] += drawn[k]
            elif self.near[k]:
                series[k] = drawn[k]
                drawn[up] += drawn[k] / np.conj(self.ratio[k])
            else:
                series[k] = drawn[k] * np.conj(self.ratio[k])
                drawn[up] += series[k]
        return series

    def _forward(self, series: ComplexArray, v: ComplexArray) -> ComplexArray:
        """Walk the voltages from the roots."""
        new = self.z[:, None] * series
        new[~self.fed] = v[~self.fed]
        for k, up in reversed(self._inward):
            if k not in self._turned:
                np.subtract(new[up], new[k], out=new[k])
            elif self.near[k]:
                np.subtract(new[up] / self.ratio[k], new[k], out=new[k])
            else:
                new[k] = (new[up] - new[k]) * self.ratio[k]
        return new

    def _flows(
        self, states: IntArray, v: ComplexArray, series: ComplexArray, drawn: ComplexArray
    ) -> StateFlows:
        """Losses, currents and sources of states that are done."""
        series[~self.fed] = 0.0
        squared = _squared(series)
        loss = self.loss_r @ squared + self.iron @ _squared(v)
        current = np.sqrt(squared)
        for k in np.flatnonzero((self.charging != 0.0) | (self.ratio != 1.0)).tolist():
            charging, ratio, up = self.charging[k], self.ratio[k], self.up[k]
            # In the impedance the current is one; at the ends charging adds and the ratio scales.
            sending, receiving = (ratio, 1.0) if self.near[k] else (1.0, ratio)
            near = np.abs(series[k] + charging * v[up] / sending) / abs(sending)
            far = np.abs(series[k] - charging * v[k] / receiving) / abs(receiving)
            current[k] = np.maximum(near, far)
        source = np.zeros_like(v)
        roots = np.flatnonzero(~self.fed)
        source[roots] = v[roots] * np.conj(drawn[roots])
        return StateFlows(states, v, current, loss, source)


def _squared(values: ComplexArray) -> FloatArray:
    found: FloatArray = values.real**2
    found += values.imag**2
    return found
