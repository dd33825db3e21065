"""One sparse conic program that every relaxation extends by columns and rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import csc_array, csr_array, diags_array

from pygridjl.core.types import FloatArray, IntArray
from pygridjl.optimal_flow.relaxation.box import Box
from pygridjl.solvers.conic import Cone, ConeKind, ConicModel

__all__ = ["Block", "Compiled", "Numbers", "Program", "fixed"]

# Columns narrower than this leave an interior-point method no inside: their rows are widened.
THIN = 1e-7

Values = Callable[[Box], tuple[FloatArray, FloatArray]]


def fixed(values: FloatArray, rhs: FloatArray) -> Values:
    """Return entries and right-hand sides that no box moves."""
    return _Fixed(values, rhs)


@dataclass(frozen=True, eq=False)
class _Fixed:
    values: FloatArray
    rhs: FloatArray

    def __call__(self, _box: Box) -> tuple[FloatArray, FloatArray]:
        return self.values, self.rhs


@dataclass(frozen=True, eq=False)
class Block:
    """Rows rhs − A x ∈ K with a fixed pattern, whose numbers may follow the box.

    Attributes
    ----------
    kind : {"zero", "nonnegative", "second_order", "psd_triangle"}
        K; see :class:`pygridjl.solvers.conic.Cone`.
    sizes : sequence of int
        Sizes of the cones, one after the other.
    rows, cols : ndarray of int, shape (e,)
        Places of the entries; each place once.
    values : callable
        Entries (e,) and right-hand sides (rows,) for a box; see :func:`fixed`.
    """

    kind: ConeKind
    sizes: Sequence[int]
    rows: IntArray
    cols: IntArray
    values: Values

    @property
    def n_row(self) -> int:
        """Number of rows."""
        return sum(Cone(self.kind, size).rows for size in self.sizes)


@dataclass
class Program:
    """Columns, rows and an objective ½ xᵀ diag(d) x + qᵀx + constant, growing.

    Attributes
    ----------
    blocks : list of Block
        Rows.
    """

    blocks: list[Block] = field(default_factory=list)
    constant: float = 0.0

    def __post_init__(self) -> None:
        self._where: dict[str, IntArray] = {}
        self._bounds: list[Callable[[Box], FloatArray]] = []
        self._cost: list[FloatArray] = []
        self._curvature: list[FloatArray] = []

    @property
    def n_col(self) -> int:
        """Number of columns."""
        return sum(part.size for part in self._cost)

    def __getitem__(self, name: str) -> IntArray:
        """Return the positions of the columns of a name."""
        return self._where[name]

    def __contains__(self, name: str) -> bool:
        return name in self._where

    def add_columns(
        self,
        name: str,
        count: int,
        bounds: Callable[[Box], FloatArray],
        cost: FloatArray | None = None,
        curvature: FloatArray | None = None,
    ) -> IntArray:
        """Append columns.

        Parameters
        ----------
        name : str
            What they are called.
        count : int
            How many.
        bounds : callable
            Lower and upper bounds, shape (2, count), for a box.
        cost, curvature : ndarray, shape (count,), optional
            q and d.

        Returns
        -------
        ndarray of int
            Their positions.
        """
        place = np.arange(self.n_col, self.n_col + count)
        self._where[name] = place
        self._bounds.append(bounds)
        self._cost.append(np.zeros(count) if cost is None else cost)
        self._curvature.append(np.zeros(count) if curvature is None else curvature)
        return place

    def bounds(self, box: Box) -> FloatArray:
        """Return the bounds of all columns for a box, shape (2, n_col)."""
        return np.concatenate([part(box) for part in self._bounds], axis=1)

    @property
    def cost(self) -> FloatArray:
        """Linear costs q."""
        return np.concatenate(self._cost)

    @property
    def curvature(self) -> FloatArray:
        """Second derivatives d."""
        return np.concatenate(self._curvature)


@dataclass(frozen=True, eq=False)
class Numbers:
    """The numbers of a compiled program for one box.

    Attributes
    ----------
    data, rhs : ndarray
        Entries of the matrix in the order of its sorted columns, right-hand sides; the rows of
        the column bounds are the last.
    bounds : ndarray, shape (2, n)
        Column bounds.
    """

    data: FloatArray
    rhs: FloatArray
    bounds: FloatArray


class Compiled:
    """The pattern of a program: built once, filled anew for every box.

    Parameters
    ----------
    program : Program
        The program; blocks added later are not seen.
    box : Box
        Columns without a bound in this box have no row for it.

    Attributes
    ----------
    n_row : int
        Rows without those of the column bounds, which are the last.
    cones : list of Cone
        Of all rows.
    places : tuple of ndarray of int
        Rows and columns of the entries.
    """

    def __init__(self, program: Program, box: Box) -> None:
        self.program = program
        self._blocks = tuple(program.blocks)
        starts = np.cumsum([0, *(block.n_row for block in self._blocks)])
        self.n_row, n = int(starts[-1]), program.n_col
        bounds = program.bounds(box)
        self._high = np.flatnonzero(np.isfinite(bounds[1]))
        self._low = np.flatnonzero(np.isfinite(bounds[0]))
        n_bound = self._high.size + self._low.size
        rows = np.concatenate(
            [
                *(block.rows + start for block, start in zip(self._blocks, starts, strict=False)),
                np.arange(self.n_row, self.n_row + n_bound),
            ]
        )
        cols = np.concatenate([*(block.cols for block in self._blocks), self._high, self._low])
        self.places = rows, cols
        self._order = np.lexsort((rows, cols))
        self._indices = rows[self._order].astype(np.int64)
        counts = np.bincount(cols, minlength=n)
        self._indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        self.shape = (self.n_row + n_bound, n)
        self.cones = [
            Cone(block.kind, int(size)) for block in self._blocks for size in block.sizes if size
        ]
        if n_bound:
            self.cones.append(Cone("nonnegative", n_bound))

    def numbers(self, box: Box) -> Numbers:
        """Fill the pattern for a box."""
        filled = [block.values(box) for block in self._blocks]
        bounds = self.program.bounds(box)
        width = bounds[1] - bounds[0]
        slack = np.where(width < THIN, THIN, 0.0)
        values = np.concatenate(
            [
                *(values for values, _ in filled),
                np.ones(self._high.size),
                -np.ones(self._low.size),
            ]
        )
        rhs = np.concatenate(
            [
                *(rhs for _, rhs in filled),
                (bounds[1] + slack)[self._high],
                (slack - bounds[0])[self._low],
            ]
        )
        return Numbers(values[self._order], rhs, bounds)

    def matrix(self, numbers: Numbers) -> csc_array:
        """Return A, the rows of the column bounds included."""
        return csc_array((numbers.data, self._indices, self._indptr), shape=self.shape)

    def model(self, numbers: Numbers) -> ConicModel:
        """Return the whole conic model."""
        program = self.program
        curved = program.curvature
        return ConicModel(
            cost=program.cost,
            matrix=self.matrix(numbers),
            rhs=numbers.rhs,
            cones=self.cones,
            quadratic=csc_array(diags_array(curved)) if curved.any() else None,
        )

    def rows(self, numbers: Numbers) -> csr_array:
        """Return A without the rows of the column bounds, by rows."""
        return csr_array(self.matrix(numbers))[: self.n_row]
