"""Products of two magnitudes with a cosine, and with a sine, in their joint convex hulls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pygridjl.core.types import FloatArray, IntArray
from pygridjl.optimal_flow.relaxation.box import Box
from pygridjl.optimal_flow.relaxation.cuts.products import BoundsOf
from pygridjl.optimal_flow.relaxation.program import Block, Program, fixed

__all__ = ["add_trilinear"]

# Corners of a box of three factors: which end of the first, the second and the third.
_CORNERS = np.array([[a, b, t] for a in (0, 1) for b in (0, 1) for t in (0, 1)]).T


class _Weight:
    """Bounds of weights."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __call__(self, _box: Box) -> FloatArray:
        return np.tile(np.array([[0.0], [1.0]]), self._count)


@dataclass(frozen=True, eq=False)
class _Corners:
    """Entries of the weights, then of the columns that they make, row after row."""

    factors: tuple[BoundsOf, BoundsOf, BoundsOf]
    kept: tuple[int, ...]

    def __call__(self, box: Box) -> tuple[FloatArray, FloatArray]:
        # Shape (3, 8, k): each factor at each corner.
        at = np.array([f(box)[ends] for f, ends in zip(self.factors, _CORNERS, strict=True)])
        rows = [*(at[number] for number in self.kept), at.prod(axis=0)]
        k = at.shape[2]
        values = np.concatenate([np.vstack([row, -np.ones(k)]).ravel() for row in rows])
        return values, np.zeros(k * len(rows))


def add_trilinear(
    program: Program,
    v: tuple[IntArray, IntArray],
    trigonometric: tuple[IntArray, IntArray],
    product: tuple[IntArray, IntArray],
    bounds: tuple[BoundsOf, BoundsOf, BoundsOf, BoundsOf],
) -> None:
    """Add c = v_i v_j cos θ and s = v_i v_j sin θ as weighted corners of their boxes.

    The hull of a trilinear term over a box is that of its eight corners (Rikun 1997); both terms
    put the same weight on each pair of ends of v_i and v_j, since both hold the product v_i v_j
    (Sundar, Nagarajan, Misra, Lu, Coffrin, Bent 2018, who link the product only).

    Parameters
    ----------
    program : Program
        What to extend.
    v : tuple of ndarray of int, shape (k,)
        Columns of v_i and v_j.
    trigonometric : tuple of ndarray of int, shape (k,)
        Columns of the cosines and sines.
    product : tuple of ndarray of int, shape (k,)
        Columns c and s.
    bounds : tuple of callable
        Bounds of v_i, v_j, the cosines and the sines for a box.
    """
    k = v[0].size
    if not k:
        return
    weights = []
    for name, factor, whole, own, kept in (
        ("cosine", trigonometric[0], product[0], bounds[2], (0, 1, 2)),
        # The other weights' ends of the magnitudes are these weights', too.
        ("sine", trigonometric[1], product[1], bounds[3], (2,)),
    ):
        weight = program.add_columns(f"corner-{name}", 8 * k, _Weight(8 * k)).reshape(8, k)
        weights.append(weight)
        made = [(*v, factor)[number] for number in kept] + [whole]
        cols = np.concatenate([np.vstack([weight, column]).ravel() for column in made])
        rows = np.concatenate([np.tile(k * r + np.arange(k), 9) for r in range(len(made))])
        values = _Corners((bounds[0], bounds[1], own), kept)
        program.blocks.append(Block("zero", (k * len(made),), rows, cols, values))
    row, one = np.arange(k), np.ones(8 * k)
    program.blocks.append(
        Block("zero", (k,), np.tile(row, 8), weights[0].ravel(), fixed(one, np.ones(k)))
    )
    ends = 2 * _CORNERS[0] + _CORNERS[1]
    rows = np.concatenate([k * end + row for end in ends.tolist()])
    program.blocks.append(
        Block(
            "zero",
            (4 * k,),
            np.tile(rows, 2),
            np.concatenate([weights[0].ravel(), weights[1].ravel()]),
            fixed(np.concatenate([one, -one]), np.zeros(4 * k)),
        )
    )
