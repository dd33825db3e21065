"""Bounds that hold whatever a solver's accuracy: duals in their cones, minima over the box."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from pygridjl.core.types import FloatArray
from pygridjl.optimal_flow.relaxation.program import Compiled, Numbers
from pygridjl.solvers.dual_cone import DualCone

__all__ = ["BoundEvaluator"]


class BoundEvaluator:
    """Lagrangian bounds of a compiled program for one box.

    For any z in the dual cone of the rows, min over the box of
    ½ xᵀDx + (q + Aᵀz)ᵀx − bᵀz is a lower bound of the program: D is diagonal, so the minimum is
    taken column by column. The duals of the column bounds are not needed.

    Parameters
    ----------
    compiled : Compiled
        The program.
    numbers : Numbers
        Its numbers.
    """

    def __init__(self, compiled: Compiled, numbers: Numbers) -> None:
        self._n_row = compiled.n_row
        self._bounds = numbers.bounds
        self._rhs = numbers.rhs[: compiled.n_row]
        self._transposed = csr_array(compiled.rows(numbers).T)
        self._size = csr_array(abs(self._transposed))
        self._cone = DualCone(compiled.cones, compiled.n_row)

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
        slope = cost + self._transposed @ dual
        # What rounding may have added to each slope and to the sum: a few units in the last place.
        rounding = 1e-15 * (abs(cost) + self._size @ abs(dual))
        low, high = self._bounds
        d = np.zeros(cost.size) if curvature is None else curvature
        with np.errstate(invalid="ignore"):
            best = np.where(slope > 0, low, high)
            inside = np.clip(-slope / np.where(d > 0, d, 1.0), low, high)
            best = np.where(d > 0, inside, best)
            terms = np.where(slope == 0, 0.0, slope * best)
            terms += np.where(d > 0, 0.5 * d * best**2, 0.0)
            reach = np.maximum(abs(low), abs(high))
            loss = np.where(rounding > 0, rounding * reach, 0.0)
        constant = float(self._rhs @ dual)
        lost = float(loss.sum()) + 1e-15 * float(abs(self._rhs) @ abs(dual))
        value = float(terms.sum()) - constant - lost
        return value if np.isfinite(value) else -np.inf
