"""Proofs that a linear program has no solution, judged without the solver's tolerances."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from pygridjl.core.types import FloatArray

__all__ = ["farkas_margin", "without_rounding"]

# Entries of a ray this small beside its largest one are rounding, as are sums this small beside
# their terms: they would meet infinite bounds.
RAY_ROUNDING, SUM_ROUNDING = 1e-12, 1e-9


def without_rounding(ray: FloatArray) -> FloatArray:
    """Return a ray with entries that are rounding beside the largest one set to zero."""
    return np.where(abs(ray) <= RAY_ROUNDING * abs(ray).max(), 0.0, ray)


def farkas_margin(
    y: FloatArray,
    matrix: csr_array,
    row_lower: FloatArray,
    row_upper: FloatArray,
    col_lower: FloatArray,
    col_upper: FloatArray,
) -> float:
    """Return by how much multipliers of the rows show that no x keeps rows and columns.

    Parameters
    ----------
    y : ndarray, shape (m,)
        Multipliers.
    matrix : csr_array, shape (m, n)
        A of row_lower ≤ Ax ≤ row_upper.
    row_lower, row_upper, col_lower, col_upper : ndarray
        Bounds.

    Returns
    -------
    float
        Least yᵀAx the rows allow, less the largest the columns allow; positive is a proof.
    """
    slope = matrix.T @ y
    slope[abs(slope) <= SUM_ROUNDING * (abs(matrix).T @ abs(y))] = 0.0
    return _extreme(y, row_lower, row_upper) - _extreme(slope, col_upper, col_lower)


def _extreme(coefficient: FloatArray, positive: FloatArray, negative: FloatArray) -> float:
    """Σ coefficient × the bound that its sign selects, zero coefficients left out."""
    used = coefficient != 0
    bound = np.where(coefficient > 0, positive, negative)
    return float((coefficient[used] * bound[used]).sum())
