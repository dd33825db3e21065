"""Bounds of voltages, angle differences and their products: what tightening moves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pygridjl.core.types import FloatArray, IntArray
from pygridjl.optimal_flow.relaxation.lifted import Lifted

__all__ = ["Box", "first_box", "product_range"]

# Sides that should meet may cross by this much, p.u. or rad.
ROUNDING = 1e-12


@dataclass(eq=False)
class Box:
    """Intervals that hold every operating point (of those cheaper than the cut-off).

    Attributes
    ----------
    v : ndarray, shape (2, n)
        Voltage magnitudes, p.u.; row 0 the lower, row 1 the upper bounds.
    angle : ndarray, shape (2, k)
        Angle differences θ_i − θ_j of the pairs, rad; (−π, π) where nothing is known.
    c, s : ndarray, shape (2, k)
        Products by pair.
    p, q : ndarray, shape (2, g)
        Injections of the units in service, p.u.
    """

    v: FloatArray
    angle: FloatArray
    c: FloatArray
    s: FloatArray
    p: FloatArray
    q: FloatArray

    def copy(self) -> Box:
        """Return a box of its own arrays."""
        return Box(*(array.copy() for array in self.arrays()))

    def arrays(self) -> tuple[FloatArray, ...]:
        """Return the arrays in the order of the fields."""
        return self.v, self.angle, self.c, self.s, self.p, self.q

    def meet(self, other: Box) -> None:
        """Keep what lies in another box, too."""
        for mine, theirs in zip(self.arrays(), other.arrays(), strict=True):
            mine[0] = np.maximum(mine[0], theirs[0])
            mine[1] = np.minimum(mine[1], theirs[1])

    @property
    def empty(self) -> bool:
        """Whether some interval holds nothing, rounding apart."""
        return any(bool((array[0] > array[1] + ROUNDING).any()) for array in self.arrays())

    def propagate(self, lifted: Lifted, triangles: IntArray, passes: int = 3) -> None:
        """Let the intervals of a pair, and the angles of a triangle, tighten each other.

        Parameters
        ----------
        lifted : Lifted
            The pairs.
        triangles : ndarray of int, shape (t, 3)
            Pairs (i, j), (j, k) and (i, k) of triangles i < j < k.
        passes : int
            How often.
        """
        ij, jk, ik = triangles.T
        for _ in range(passes):
            self._angles_from_products(lifted)
            if triangles.size:
                for whole, one, two in ((ik, ij, jk), (ij, ik, -jk - 1), (jk, ik, -ij - 1)):
                    total = self._angle_of(one) + self._angle_of(two)
                    inside = (total[0] >= -np.pi) & (total[1] <= np.pi)
                    _meet(self.angle, whole[inside], total[:, inside])
            self._products_from_angles(lifted)

    def _angle_of(self, code: IntArray) -> FloatArray:
        """Angle intervals of pairs; a pair k written as −k − 1 is meant backwards."""
        backwards = code < 0
        interval = self.angle[:, np.where(backwards, -code - 1, code)]
        return np.where(backwards, -interval[::-1], interval)

    def _products_from_angles(self, lifted: Lifted) -> None:
        low, high = self.v[:, lifted.i] * self.v[:, lifted.j]
        cosine, sine = cosine_range(self.angle), sine_range(self.angle)
        for target, factor in ((self.c, cosine), (self.s, sine)):
            product = product_range(np.array([low, high]), factor)
            target[0] = np.maximum(target[0], product[0])
            target[1] = np.minimum(target[1], product[1])

    def _angles_from_products(self, lifted: Lifted) -> None:
        low, high = self.v[:, lifted.i] * self.v[:, lifted.j]
        # Over a box with c > 0 the angle is greatest and least in a corner.
        ahead = self.c[0] > 0
        c, s = self.c, self.s
        top = np.arctan2(s[1], np.where(s[1] >= 0, c[0], c[1]))
        bottom = np.arctan2(s[0], np.where(s[0] <= 0, c[0], c[1]))
        self.angle[1] = np.where(ahead, np.minimum(self.angle[1], top), self.angle[1])
        self.angle[0] = np.where(ahead, np.maximum(self.angle[0], bottom), self.angle[0])
        # The sine alone: |θ| ≤ π / 2 where the cosine is not negative.
        ahead = (self.c[0] >= 0) & (low > 0)
        safe = np.where(low > 0, low, 1.0)
        ratio_top = np.where(s[1] >= 0, s[1] / safe, s[1] / np.where(high > 0, high, 1.0))
        ratio_bottom = np.where(s[0] <= 0, s[0] / safe, s[0] / np.where(high > 0, high, 1.0))
        top, bottom = np.arcsin(np.clip(ratio_top, -1, 1)), np.arcsin(np.clip(ratio_bottom, -1, 1))
        self.angle[1] = np.where(ahead, np.minimum(self.angle[1], top), self.angle[1])
        self.angle[0] = np.where(ahead, np.maximum(self.angle[0], bottom), self.angle[0])


def _meet(target: FloatArray, at: IntArray, interval: FloatArray) -> None:
    """Intersect intervals; positions may repeat."""
    np.maximum.at(target[0], at, interval[0])
    np.minimum.at(target[1], at, interval[1])


def product_range(a: FloatArray, b: FloatArray) -> FloatArray:
    """Interval of the product of two intervals, shape (2, k)."""
    corners = np.array([a[0] * b[0], a[0] * b[1], a[1] * b[0], a[1] * b[1]])
    return np.array([corners.min(axis=0), corners.max(axis=0)])


def cosine_range(angle: FloatArray) -> FloatArray:
    """Interval of the cosine over intervals inside (−π, π)."""
    ends = np.cos(angle)
    over_zero = (angle[0] <= 0) & (angle[1] >= 0)
    return np.array([ends.min(axis=0), np.where(over_zero, 1.0, ends.max(axis=0))])


def sine_range(angle: FloatArray) -> FloatArray:
    """Interval of the sine over intervals inside (−π, π)."""
    ends = np.sin(angle)
    peak = (angle[0] <= np.pi / 2) & (angle[1] >= np.pi / 2)
    pit = (angle[0] <= -np.pi / 2) & (angle[1] >= -np.pi / 2)
    return np.array([np.where(pit, -1.0, ends.min(axis=0)), np.where(peak, 1.0, ends.max(axis=0))])


def first_box(lifted: Lifted) -> Box:
    """Bounds that the data of a network give.

    Angle limits of parallel branches meet; a rating holds the drop over the series impedance,
    hence the angle, too. A unit without limits gets what its bus and the branches there can take.

    Parameters
    ----------
    lifted : Lifted
        The pairs.

    Returns
    -------
    Box
        Not yet propagated.
    """
    network, branch = lifted.network, lifted.branch
    v = np.array([network.buses.v_min, network.buses.v_max])
    k = lifted.n_pair
    angle = np.tile(np.array([[-np.pi], [np.pi]]), k)
    limits = np.array([branch.angle_min, branch.angle_max])
    limits = np.where(lifted.sign > 0, limits, -limits[::-1])
    bent = np.where(lifted.sign > 0, branch.shift, -branch.shift)
    reach = _rated_reach(lifted, v)
    for low, high in ((limits[0], limits[1]), (bent - reach, bent + reach)):
        inside = (low >= -np.pi) & (high <= np.pi)
        _meet(angle, lifted.pair[inside], np.array([low[inside], high[inside]]))
    top = v[1, lifted.i] * v[1, lifted.j]
    box = Box(
        v,
        angle,
        np.array([-top, top]),
        np.array([-top, top]),
        np.array([lifted.unit.p_min, lifted.unit.p_max]),
        np.array([lifted.unit.q_min, lifted.unit.q_max]),
    )
    _close_units(lifted, box)
    return box


def _rated_reach(lifted: Lifted, v: FloatArray) -> FloatArray:
    """Largest angle over each branch (less its shift) that its rating allows; 4 for no limit."""
    branch = lifted.branch
    z = np.abs(branch.r + 1j * branch.x)
    low = np.array([v[0, branch.from_bus] / branch.tap, v[0, branch.to_bus]])
    high = np.array([v[1, branch.from_bus] / branch.tap, v[1, branch.to_bus]])
    with np.errstate(divide="ignore", invalid="ignore"):
        drop = z * (branch.rating / low + 0.5 * np.abs(branch.b) * high)
        # A chord no longer than d from a circle of radius a subtends at most arcsin(d / a).
        ratio = drop.min(axis=0) / low.max(axis=0)
    return np.where(ratio < 1, np.arcsin(np.clip(ratio, 0, 1)), 4.0)


def _close_units(lifted: Lifted, box: Box) -> None:
    """Give finite limits to units without any, from the balance of their bus."""
    network, branch = lifted.network, lifted.branch
    n = network.n_bus
    w = box.v**2
    pair = product_range(
        np.array([np.zeros(lifted.n_pair), box.v[1, lifted.i] * box.v[1, lifted.j]]),
        np.tile([[-1.0], [1.0]], lifted.n_pair),
    )
    for row, bounds, load, shunt in (
        (0, box.p, network.load_p, network.buses.gs),
        (1, box.q, network.load_q, -network.buses.bs),
    ):
        if np.isfinite(bounds).all():
            continue
        total = np.tile(load, (2, 1)) + np.sort(shunt * w, axis=0)
        for at, flow, own in (
            (branch.from_bus, lifted.flow[row], 0),
            (branch.to_bus, lifted.flow[2 + row], 1),
        ):
            reach = np.sort(flow[own] * w[:, at], axis=0)
            wide = np.hypot(flow[2], flow[3]) * pair[1, lifted.pair]
            reach += np.array([-wide, wide])
            reach = np.clip(reach, -branch.rating, branch.rating)
            total += np.array([np.bincount(at, part, n) for part in reach])
        # A unit has no more than what leaves its bus, less what the others there must give. Two
        # without limits at one bus could trade without end: they keep none.
        unit = lifted.unit
        opposite = np.where(np.isfinite(bounds[::-1]), bounds[::-1], 0.0)
        missing = ~np.isfinite(bounds)
        blind = np.array([np.bincount(unit.bus, part, n) for part in missing[::-1]])
        for side in (0, 1):
            rest = np.bincount(unit.bus, opposite[side], n)[unit.bus] - opposite[side]
            alone = blind[side, unit.bus] - missing[1 - side] == 0
            loose = missing[side] & alone
            most = total[side, unit.bus] - rest
            bounds[side, loose] = most[loose]
    for bounds in (box.p, box.q):
        bounds[:] = np.clip(bounds, -lifted.unit.s_max, lifted.unit.s_max)
