"""Bounds that hold whatever a solver's accuracy: duals in their cones, minima over the box."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array

from pygridjl.core.types import FloatArray
from pygridjl.optimal_flow.relaxation.program import Compiled, Numbers
from pygridjl.solvers.conic import Cone
from pygridjl.solvers.dual_cone import DualCone

__all__ = ["BoundEvaluator", "Lagrangian", "bound_evaluator"]


class Lagrangian:
    """Σ_j slope_j x_j + ½ d_j x_j² − constant, and its least terms over a box, rounding included.

    Parameters
    ----------
    rows : csr_array, shape (n, m)
        Aᵀ.
    sizes : csr_array, shape (n, m)
        Absolute values of its entries, which measure the rounding.
    rhs : ndarray, shape (m,)
        b.
    bounds : ndarray, shape (2, n)
        The box.
    cost, dual : ndarray, shape (n,) and (m,)
        q, and z in the dual cone.
    curvature : ndarray, shape (n,), optional
        d.

    Attributes
    ----------
    slope : ndarray, shape (n,)
        q + Aᵀz.
    least : ndarray, shape (n,)
        Smallest value of each term within the box; ±infinity or NaN where a bound is missing.
    lost : ndarray, shape (n,)
        What rounding may have added to each term.
    constant : float
        bᵀz and what rounding may have taken from it.
    """

    def __init__(
        self,
        rows: csr_array,
        sizes: csr_array,
        rhs: FloatArray,
        bounds: FloatArray,
        cost: FloatArray,
        dual: FloatArray,
        curvature: FloatArray | None = None,
    ) -> None:
        self.slope = cost + rows @ dual
        # What rounding may have added to each slope and to the sum: a few units in the last place.
        rounding = 1e-15 * (abs(cost) + sizes @ abs(dual))
        low, high = bounds
        d = np.zeros(cost.size) if curvature is None else curvature
        with np.errstate(invalid="ignore"):
            best = np.where(self.slope > 0, low, high)
            inside = np.clip(-self.slope / np.where(d > 0, d, 1.0), low, high)
            best = np.where(d > 0, inside, best)
            self.least = np.where(self.slope == 0, 0.0, self.slope * best)
            self.least += np.where(d > 0, 0.5 * d * best**2, 0.0)
            self.lost = np.where(rounding > 0, rounding * np.maximum(abs(low), abs(high)), 0.0)
        self.constant = float(rhs @ dual) + 1e-15 * float(abs(rhs) @ abs(dual))


class BoundEvaluator:
    """Lagrangian bounds of rows b − Ax ∈ K over one box.

    For any z in the dual cone of the rows, min over the box of
    ½ xᵀDx + (q + Aᵀz)ᵀx − bᵀz is a lower bound of the program: D is diagonal, so the minimum is
    taken column by column. The duals of the column bounds are not needed.

    Parameters
    ----------
    rows : csr_array, shape (m, n)
        A.
    rhs : ndarray, shape (m,)
        b.
    cones : sequence of Cone
        K; cones behind the last row are left out.
    bounds : ndarray, shape (2, n)
        The box.
    """

    def __init__(
        self, rows: csr_array, rhs: FloatArray, cones: Sequence[Cone], bounds: FloatArray
    ) -> None:
        self._n_row = rhs.size
        self._bounds, self._rhs = bounds, rhs
        self._transposed = csr_array(rows.T)
        self._sizes = abs(self._transposed)
        self._cone = DualCone(cones, rhs.size)

    def __call__(
        self, cost: FloatArray, z: FloatArray, curvature: FloatArray | None = None
    ) -> float:
        """Return the bound that a dual point proves.

        Parameters
        ----------
        cost : ndarray, shape (n,)
            q.
        z : ndarray, shape (m,) or longer
            Multipliers of the rows; those of the column bounds may follow.
        curvature : ndarray, shape (n,), optional
            Diagonal of D.

        Returns
        -------
        float
            −∞ if a column without a bound would have to be at infinity, or z is not finite.
        """
        if not np.isfinite(z[: self._n_row]).all():
            return -np.inf
        dual = self._cone.moved(z[: self._n_row])
        part = Lagrangian(
            self._transposed, self._sizes, self._rhs, self._bounds, cost, dual, curvature
        )
        value = float(part.least.sum()) - part.constant - float(part.lost.sum())
        return value if np.isfinite(value) else -np.inf

    def excludes(self, z: FloatArray) -> bool:
        """Say whether multipliers prove, with room to spare, that no point of the box is kept."""
        size = float(abs(z[: self._n_row]).max(initial=0.0)) or 1.0
        return self(np.zeros(self._bounds.shape[1]), z / size) > 0


def bound_evaluator(compiled: Compiled, numbers: Numbers) -> BoundEvaluator:
    """Return the bounds of a compiled program."""
    rhs = numbers.rhs[: compiled.n_row]
    return BoundEvaluator(compiled.rows(numbers), rhs, compiled.cones, numbers.bounds)
