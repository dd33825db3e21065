"""Pieces of a program around a few columns; multipliers price what is left out.

Bounds of one pair of buses hardly feel what is far away, except through the cost. Let q + Aᵀz and
bᵀz be the Lagrangian of the rows that a piece leaves out: every point below the cut-off keeps

    Σ_piece slope_j x_j ≤ cut-off + bᵀz − Σ_others min over the box of slope_j x_j,

whatever z in the dual cone. At the multipliers of the whole program a piece with this row is as
tight at its optimum as the program, and many times smaller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csc_array, csr_array, vstack

from pygridjl.core.types import BoolArray, FloatArray, IntArray
from pygridjl.optimal_flow.relaxation.box import Box
from pygridjl.optimal_flow.relaxation.program import Compiled
from pygridjl.optimal_flow.relaxation.safe_bound import BoundEvaluator, Lagrangian
from pygridjl.solvers.conic import Cone, ConicModel, joined
from pygridjl.solvers.dual_cone import DualCone

__all__ = ["Piece", "Pieces", "Prices"]


@dataclass(frozen=True, eq=False)
class Prices:
    """What the solved relaxation says about the cost of its rows.

    Attributes
    ----------
    x, z : ndarray
        Its point and multipliers.
    cut_off : float
        Points that cost more are of no interest; +∞ for none.
    """

    x: FloatArray
    z: FloatArray
    cut_off: float


@dataclass(frozen=True, eq=False)
class Piece:
    """A program over some of the columns, without an objective.

    Attributes
    ----------
    columns : ndarray of int
        Its columns, ascending.
    model : ConicModel
        Rows that lie within the piece, the row of the cut-off, bounds.
    evaluate : BoundEvaluator
        Safe bounds of its objectives.
    """

    columns: IntArray
    model: ConicModel
    evaluate: BoundEvaluator

    def at(self, columns: Sequence[int]) -> IntArray:
        """Return the positions of columns of the whole program, which the piece must hold."""
        return np.searchsorted(self.columns, columns)


class Pieces:
    """A compiled program for one box, ready to be cut.

    Parameters
    ----------
    compiled : Compiled
        The program.
    prices : Prices
        Of its last solution.
    """

    def __init__(self, compiled: Compiled, prices: Prices) -> None:
        program = compiled.program
        self._compiled = compiled
        # The smallest sets of rows that can be kept or left: a linear row, or a cone.
        unit: list[IntArray] = []
        self._cone: list[Cone] = []
        for cone in compiled.cones:
            count = cone.size if cone.linear else 1
            own = np.arange(len(self._cone), len(self._cone) + count)
            unit.append(own if cone.linear else np.repeat(own, cone.rows))
            self._cone += [Cone(cone.kind, 1)] * count if cone.linear else [cone]
        self._unit = np.concatenate(unit)
        rows, cols = compiled.places
        touches = csr_array(
            (np.ones(rows.size), (self._unit[rows], cols)),
            shape=(len(self._cone), program.n_col),
        )
        touches.data[:] = 1.0
        self._touches, self._touched = touches, csr_array(touches.T)
        self._count = np.bincount(np.repeat(np.arange(len(self._cone)), np.diff(touches.indptr)))
        self._count.resize(len(self._cone))
        n_row = compiled.n_row
        z = prices.z[:n_row]
        self._dual = DualCone(compiled.cones, n_row).moved(np.where(np.isfinite(z), z, 0.0))
        # The cost is convex: what costs less than the cut-off is below it on every tangent, too.
        self._slope = program.cost + program.curvature * prices.x
        self._level = (
            prices.cut_off - program.constant + 0.5 * float(program.curvature @ prices.x**2)
        )

    def grown(self, columns: IntArray, hops: int) -> BoolArray:
        """Return the columns that share a row with given ones, and so on, as a mask."""
        inside = np.zeros(self._touches.shape[1], dtype=np.bool_)
        inside[columns] = True
        for _ in range(hops):
            touched = (self._touches @ inside.astype(float)) > 0
            wider = inside | ((self._touched @ touched.astype(float)) > 0)
            if (wider == inside).all():
                break
            inside = wider
        return inside

    def cut(self, box: Box, inside: BoolArray) -> Piece:
        """Return the piece of some columns.

        Parameters
        ----------
        box : Box
            Present bounds.
        inside : ndarray of bool, shape (n_col,)
            Its columns.

        Returns
        -------
        Piece
            Every point of the program below the cut-off is one of the piece.
        """
        compiled = self._compiled
        numbers = compiled.numbers(box)
        matrix = csr_array(compiled.matrix(numbers))
        kept_unit = (self._touches @ inside.astype(float)) == self._count
        kept = kept_unit[self._unit]
        n_row, columns = compiled.n_row, np.flatnonzero(inside)
        rows = np.flatnonzero(kept[:n_row])
        limits = n_row + np.flatnonzero(kept[n_row:])
        own, bounds = matrix[rows][:, columns], matrix[limits][:, columns]
        priced = csr_array(matrix[:n_row].T)
        price = Lagrangian(
            priced,
            abs(priced),
            numbers.rhs[:n_row],
            numbers.bounds,
            self._slope,
            np.where(kept[:n_row], 0.0, self._dual),
        )
        with np.errstate(invalid="ignore"):
            level = self._level + price.constant - price.least[~inside].sum() + price.lost.sum()
        slope = price.slope[columns]
        size = float(abs(slope).max(initial=0.0))
        cut, rhs = csr_array((0, columns.size)), np.zeros(0)
        if size > 0 and np.isfinite(level):
            cut, rhs = csr_array(slope[None, :] / size), np.array([level / size])
        cones = joined(self._cone[k] for k in np.unique(self._unit[rows]).tolist())
        if rhs.size:
            cones.append(Cone("nonnegative", 1))
        held = csr_array(vstack([own, cut]))
        held_rhs = np.concatenate([numbers.rhs[rows], rhs])
        whole = csc_array(vstack([held, bounds]))
        whole.sort_indices()
        return Piece(
            columns,
            ConicModel(
                np.zeros(columns.size),
                whole,
                np.concatenate([held_rhs, numbers.rhs[limits]]),
                [*cones, Cone("nonnegative", limits.size)] if limits.size else cones,
            ),
            BoundEvaluator(held, held_rhs, cones, numbers.bounds[:, columns]),
        )
