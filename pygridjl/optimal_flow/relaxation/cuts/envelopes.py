"""The QC relaxation's envelopes of squares, sines, cosines and their products."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pygridjl.core.types import FloatArray, IntArray
from pygridjl.graphs.cycles import Cycle
from pygridjl.optimal_flow.relaxation.base import interval
from pygridjl.optimal_flow.relaxation.box import Box, cosine_range, sine_range
from pygridjl.optimal_flow.relaxation.cuts.products import at
from pygridjl.optimal_flow.relaxation.cuts.trilinear import add_trilinear
from pygridjl.optimal_flow.relaxation.lifted import Lifted
from pygridjl.optimal_flow.relaxation.program import Block, Program, fixed

__all__ = ["add_quadratic_envelopes"]


def add_quadratic_envelopes(program: Program, lifted: Lifted, cycles: list[Cycle]) -> None:
    """Add columns for magnitudes, angles, sines and cosines, with convex envelopes.

    The envelopes are those of Coffrin, Hijazi, Van Hentenryck (2016), the products of magnitudes
    with cosines and sines those of :func:`add_trilinear`. Angles are columns by pair; around every
    cycle they sum to zero, which says the same as columns by bus.

    Parameters
    ----------
    program : Program
        What to extend.
    lifted : Lifted
        The pairs.
    cycles : list of Cycle
        A cycle basis of the branches' pairs.
    """
    n, k = lifted.n, lifted.n_pair
    w, c, s = program["w"], program["c"], program["s"]
    v = program.add_columns("v", n, interval("v"))
    angle = program.add_columns("angle", k, interval("angle"))
    cosine = program.add_columns("cosine", k, _Cosine())
    sine = program.add_columns("sine", k, _Sine())
    box_v = interval("v")
    add_trilinear(
        program,
        (v[lifted.i], v[lifted.j]),
        (cosine, sine),
        (c, s),
        (at(box_v, lifted.i), at(box_v, lifted.j), _Cosine(), _Sine()),
    )
    _add_square(program, v, w)
    row = np.arange(k)
    program.blocks.append(
        Block("nonnegative", (k,), np.tile(row, 2), np.r_[angle, cosine], _CosineBelow())
    )
    program.blocks.append(
        Block(
            "second_order",
            [3] * k,
            np.concatenate([3 * row, 3 * row + 1, 3 * row + 2]),
            np.concatenate([cosine, angle, cosine]),
            _CosineAbove(),
        )
    )
    places = np.concatenate([np.tile(row + side * k, 2) for side in range(4)])
    cols = np.tile(np.r_[angle, sine], 4)
    program.blocks.append(Block("nonnegative", (4 * k,), places, cols, _SineRows()))
    _add_closing(program, lifted, angle, cycles)


def _add_square(program: Program, v: IntArray, w: IntArray) -> None:
    """Add v² ≤ w ≤ (v_min + v_max) v − v_min v_max."""
    n = v.size
    one, row = np.ones(n), np.arange(n)
    rhs = np.zeros(3 * n)
    rhs[::3], rhs[2::3] = 1.0, -1.0
    program.blocks.append(
        Block(
            "second_order",
            [3] * n,
            np.concatenate([3 * row, 3 * row + 1, 3 * row + 2]),
            np.concatenate([w, v, w]),
            fixed(np.concatenate([-one, -2 * one, -one]), rhs),
        )
    )
    program.blocks.append(Block("nonnegative", (n,), np.tile(row, 2), np.r_[w, v], _Secant()))


class _Cosine:
    def __call__(self, box: Box) -> FloatArray:
        return cosine_range(box.angle)


class _Sine:
    def __call__(self, box: Box) -> FloatArray:
        return sine_range(box.angle)


class _Secant:
    def __call__(self, box: Box) -> tuple[FloatArray, FloatArray]:
        low, high = box.v
        return np.concatenate([np.ones(low.size), -(low + high)]), -low * high


def _quarter(box: Box) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Angle intervals, and 1 where they stay within a quarter turn: sine and cosine bend once."""
    low, high = box.angle
    held = ((low >= -np.pi / 2) & (high <= np.pi / 2)).astype(float)
    return np.where(held > 0, low, -1.0), np.where(held > 0, high, 1.0), held


class _CosineBelow:
    """Entries of angle and cosine: the cosine is concave, hence above its secant."""

    def __call__(self, box: Box) -> tuple[FloatArray, FloatArray]:
        low, high, held = _quarter(box)
        width = np.maximum(high - low, 1e-9)
        slope = np.where(high - low > 1e-9, (np.cos(high) - np.cos(low)) / width, 0.0)
        base = np.minimum(np.cos(low), np.cos(high) - slope * (high - low))
        rhs = np.where(held > 0, slope * low - base, 1.0)
        return np.concatenate([held * slope, -held]), rhs


class _CosineAbove:
    """cos θ ≤ 1 − κ θ² with κ = (1 − cos θ_m) / θ_m², as ‖(2√κ θ, −cos θ)‖ ≤ 2 − cos θ."""

    def __call__(self, box: Box) -> tuple[FloatArray, FloatArray]:
        low, high, held = _quarter(box)
        most = np.maximum(np.maximum(abs(low), abs(high)), 1e-4)
        root = np.sqrt((1 - np.cos(most)) / most**2) * (1 - 1e-12)
        rhs = np.zeros(3 * low.size)
        rhs[::3] = 2.0
        # (2 − c)² − (−c)² = 4 − 4c ≥ 4 κ θ².
        return np.concatenate([held, -2 * root * held, held]), rhs


class _SineRows:
    """Entries of angle and sine in four rows: two above, two below."""

    def __call__(self, box: Box) -> tuple[FloatArray, FloatArray]:
        low, high, held = _quarter(box)
        most = np.maximum(abs(low), abs(high))
        width = np.maximum(high - low, 1e-9)
        secant = np.where(high - low > 1e-9, (np.sin(high) - np.sin(low)) / width, 1.0)
        through = np.where(high - low > 1e-9, np.sin(low) - secant * low, 0.0)
        middle = (low + high) / 2
        tangent, touch = np.cos(middle), np.sin(middle) - np.cos(middle) * middle
        both, bend = np.cos(most / 2), np.sin(most / 2) - np.cos(most / 2) * most / 2
        positive, negative = low >= 0, high <= 0
        ends = np.cos(high), np.sin(high) - np.cos(high) * high
        starts = np.cos(low), np.sin(low) - np.cos(low) * low
        above = [
            (
                np.where(positive, tangent, np.where(negative, secant, both)),
                np.where(positive, touch, np.where(negative, through, bend)),
            ),
            (
                np.where(positive, ends[0], np.where(negative, secant, both)),
                np.where(positive, ends[1], np.where(negative, through, bend)),
            ),
        ]
        below = [
            (
                np.where(negative, tangent, np.where(positive, secant, both)),
                np.where(negative, touch, np.where(positive, through, -bend)),
            ),
            (
                np.where(negative, starts[0], np.where(positive, secant, both)),
                np.where(negative, starts[1], np.where(positive, through, -bend)),
            ),
        ]
        values, rhs = [], []
        for slope, base in above:
            values += [-held * slope, held]
            rhs.append(np.where(held > 0, base + 1e-12, 1.0))
        for slope, base in below:
            values += [held * slope, -held]
            rhs.append(np.where(held > 0, 1e-12 - base, 1.0))
        return np.concatenate(values), np.concatenate(rhs)


@dataclass(frozen=True, eq=False)
class _Closing:
    """±1 around cycles whose intervals leave no room for a whole turn; others are left empty."""

    cycle: IntArray
    pair: IntArray
    sign: FloatArray
    count: int

    def __call__(self, box: Box) -> tuple[FloatArray, FloatArray]:
        most = abs(box.angle).max(axis=0)
        reach = np.bincount(self.cycle, most[self.pair], self.count)
        return self.sign * (reach < 2 * np.pi)[self.cycle], np.zeros(self.count)


def _add_closing(program: Program, lifted: Lifted, angle: IntArray, cycles: list[Cycle]) -> None:
    if not cycles:
        return
    pair_of = lifted.pair_of()
    rows, pairs, signs = [], [], []
    for row, cycle in enumerate(cycles):
        for u, v in cycle.steps():
            rows.append(row)
            pairs.append(pair_of[min(u, v), max(u, v)])
            signs.append(1.0 if u < v else -1.0)
    closing = _Closing(np.array(rows), np.array(pairs), np.array(signs), len(cycles))
    program.blocks.append(
        Block("zero", (len(cycles),), closing.cycle, angle[closing.pair], closing)
    )
