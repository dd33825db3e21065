"""Bounds that hold whatever a solver's accuracy: duals in their cones, minima over the box."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from pygridjl.core.types import FloatArray, IntArray
from pygridjl.optimal_flow.relaxation.program import Compiled, Numbers

__all__ = ["BoundEvaluator", "into_cone"]


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
        self._cone = into_cone_plan(compiled)

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
        dual = into_cone(self._cone, z[: self._n_row])
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


def into_cone_plan(compiled: Compiled) -> dict[str, list[tuple[int, IntArray]]]:
    """Rows of the cones by kind, those of one size as one array, shape (cones, rows)."""
    places: dict[tuple[str, int], list[int]] = {}
    start = 0
    for cone in compiled.cones:
        if start >= compiled.n_row:
            break
        places.setdefault((cone.kind, cone.size), []).append(start)
        start += cone.rows
    plan: dict[str, list[tuple[int, IntArray]]] = {}
    for (kind, size), starts in places.items():
        rows = size * (size + 1) // 2 if kind == "psd_triangle" else size
        block = np.array(starts)[:, None] + np.arange(rows)
        plan.setdefault(kind, []).append((size, block))
    return plan


def into_cone(plan: dict[str, list[tuple[int, IntArray]]], z: FloatArray) -> FloatArray:
    """Project multipliers onto the dual cone.

    Parameters
    ----------
    plan : dict
        From :func:`into_cone_plan`.
    z : ndarray, shape (m,)
        Multipliers.

    Returns
    -------
    ndarray, shape (m,)
        The nearest point; for PSD cones by eigenvalues, with a margin for their rounding.
    """
    z = z.copy()
    for _, rows in plan.get("nonnegative", []):
        z[rows] = np.maximum(z[rows], 0.0)
    for _, rows in plan.get("second_order", []):
        part = z[rows]
        length = np.sqrt((part[:, 1:] ** 2).sum(axis=1))
        # Lifting the head costs less than shortening the tail where they almost agree, and it is
        # exact; a unit in the last place pays for the square root.
        part[:, 0] = np.maximum(part[:, 0], length * (1 + 4e-16))
        z[rows] = part
    for size, rows in plan.get("psd_triangle", []):
        column, row = np.tril_indices(size)
        part = z[rows] / np.where(row == column, 1.0, np.sqrt(2.0))
        matrix = np.zeros((rows.shape[0], size, size))
        matrix[:, row, column] = part
        matrix[:, column, row] = part
        values, vectors = np.linalg.eigh(matrix)
        lifted = np.maximum(values, 0.0)
        matrix = (vectors * lifted[:, None, :]) @ vectors.transpose(0, 2, 1)
        matrix[:, np.arange(size), np.arange(size)] += (
            1e-14 * size * abs(values).max(axis=1, keepdims=True)
        )
        z[rows] = matrix[:, row, column] * np.where(row == column, 1.0, np.sqrt(2.0))
    return z
