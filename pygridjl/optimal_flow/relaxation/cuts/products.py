"""Columns that stand for products of two columns, inside their McCormick envelope."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pygridjl.core.types import FloatArray, IntArray
from pygridjl.optimal_flow.relaxation.box import Box, product_range
from pygridjl.optimal_flow.relaxation.program import Block, Program

__all__ = ["BoundsOf", "add_envelope", "add_products", "at"]

BoundsOf = Callable[[Box], FloatArray]


@dataclass(frozen=True, eq=False)
class at:  # noqa: N801 - used as a function
    """Bounds of some of the columns that other bounds belong to."""

    bounds: BoundsOf
    index: IntArray

    def __call__(self, box: Box) -> FloatArray:
        """Return them for a box, shape (2, k)."""
        return self.bounds(box)[:, self.index]


@dataclass(frozen=True, eq=False)
class _Product:
    a: BoundsOf
    b: BoundsOf

    def __call__(self, box: Box) -> FloatArray:
        return product_range(self.a(box), self.b(box))


@dataclass(frozen=True, eq=False)
class _Envelope:
    """Entries of z, b, a in the four rows."""

    a: BoundsOf
    b: BoundsOf

    def __call__(self, box: Box) -> tuple[FloatArray, FloatArray]:
        (al, au), (bl, bu) = self.a(box), self.b(box)
        one = np.ones(al.size)
        values = [-one, al, bl, -one, au, bu, one, -al, -bu, one, -au, -bl]
        return np.concatenate(values), np.concatenate([al * bl, au * bu, -al * bu, -au * bl])


def add_envelope(
    program: Program, z: IntArray, a: IntArray, b: IntArray, bounds: tuple[BoundsOf, BoundsOf]
) -> None:
    """Add the four rows of McCormick's envelope of z = a b for columns that exist.

    Parameters
    ----------
    program : Program
        What to extend.
    z, a, b : ndarray of int, shape (k,)
        Columns.
    bounds : tuple of callable
        Bounds of a and of b for a box, shape (2, k).
    """
    k = z.size
    row = np.arange(k)
    rows = np.concatenate([np.tile(row + side * k, 3) for side in range(4)])
    cols = np.tile(np.concatenate([z, b, a]), 4)
    program.blocks.append(Block("nonnegative", (4 * k,), rows, cols, _Envelope(*bounds)))


def add_products(
    program: Program,
    name: str,
    a: IntArray,
    b: IntArray,
    bounds: tuple[BoundsOf, BoundsOf],
) -> tuple[IntArray, BoundsOf]:
    """Append columns for the products of columns, with their envelopes.

    Parameters
    ----------
    program : Program
        What to extend.
    name : str
        Name of the columns.
    a, b : ndarray of int, shape (k,)
        Columns.
    bounds : tuple of callable
        Their bounds for a box.

    Returns
    -------
    columns : ndarray of int, shape (k,)
        The new columns.
    bounds : callable
        Their bounds.
    """
    reach = _Product(*bounds)
    z = program.add_columns(name, a.size, reach)
    if a.size:
        add_envelope(program, z, a, b, bounds)
    return z, reach
