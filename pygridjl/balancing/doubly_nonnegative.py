"""Inner products that bound the norms of sets from below and are far larger for all together.

For x, the indicator of a set of K service points, x_j = x_j · Σ_l x_l / K, and products x_j x_l are
not negative. So with any λ and any N ≥ 0 of empty diagonal

    Q = G − diag(λ) + (λ1ᵀ + 1λᵀ) / 2K − N    has    xᵀQx ≤ xᵀGx = ‖Δ_S‖²,

with λ ≥ 0 for smaller sets, too. Where Q is positive semidefinite, √(xᵀQx) is a norm, and by the
triangle inequality Σ_i ‖Δ_i‖ ≥ √(1ᵀQ1). The best Q is the answer of a semidefinite program, the
dual of the doubly nonnegative relaxation. Any Q that passes the test of its eigenvalues proves its
bound, however exactly the program was solved.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array, csc_array

from pygridjl.core.types import FloatArray
from pygridjl.solvers.conic import Cone, ConicModel, solve_conic

__all__ = ["MOST_POINTS", "lifted_products"]

# The program has n² / 2 dense rows in its factor: at 60 points seconds, beyond this minutes.
MOST_POINTS = 80
# Least eigenvalue that is asked for, as large as the tolerance of the solver, and that is checked,
# which makes up for rounding; both relative to the largest of G.
MARGIN, ROUNDING = 1e-8, 1e-12


def lifted_products(
    inner: FloatArray, size: int, *, exact: bool, time_limit: float
) -> FloatArray | None:
    """Return Q with the largest 1ᵀQ1; None if none was found in time.

    Parameters
    ----------
    inner : ndarray, shape (n, n)
        G, the inner products of the deviations.
    size : int
        K, most service points of a set.
    exact : bool
        Whether all sets have that size.
    time_limit : float
        Seconds.
    """
    n = inner.shape[0]
    scale = float(np.linalg.eigvalsh(inner)[-1])
    if not scale > 0 or n < 2 or size < 1:
        return None
    # Columns: λ, then N above the diagonal. Rows: signs of N (and λ), then Q in columns of its
    # upper triangle.
    row, column = np.tril_indices(n)[::-1]
    root = np.where(row == column, 1.0, np.sqrt(2.0))
    off = np.flatnonzero(row != column)
    pairs = off.size
    signs = np.arange(n if exact else 0, n + pairs)
    triangle = signs.size + np.arange(row.size)
    # Q = rhs − matrix · (λ, N); an entry (j, l) holds (λ_j + λ_l) / 2K.
    matrix = csc_array(
        coo_array(
            (
                np.concatenate(
                    [
                        -np.ones(signs.size),
                        -root / (2 * size),
                        -root / (2 * size),
                        np.ones(n),
                        root[off],
                    ]
                ),
                (
                    np.concatenate(
                        [
                            np.arange(signs.size),
                            triangle,
                            triangle,
                            triangle[row == column],
                            triangle[off],
                        ]
                    ),
                    np.concatenate([signs, row, column, np.arange(n), n + np.arange(pairs)]),
                ),
            ),
            shape=(signs.size + row.size, n + pairs),
        )
    )
    target = inner / scale - MARGIN * np.eye(n)
    answer = solve_conic(
        ConicModel(
            cost=np.concatenate([np.full(n, 1.0 - n / size), np.full(pairs, 2.0)]),
            matrix=matrix,
            rhs=np.concatenate([np.zeros(signs.size), root * target[row, column]]),
            cones=[Cone("nonnegative", signs.size), Cone("psd_triangle", n)],
        ),
        time_limit=time_limit,
        tolerance=MARGIN,
    )
    if not np.isfinite(answer.x).all():
        return None
    points = answer.x[:n] if exact else np.maximum(answer.x[:n], 0.0)
    products = np.zeros((n, n))
    products[row[off], column[off]] = np.maximum(answer.x[n:], 0.0)
    products += products.T
    lifted: FloatArray = scale * (
        inner / scale
        - np.diag(points)
        + (points[:, None] + points[None, :]) / (2 * size)
        - products
    )
    if float(np.linalg.eigvalsh(lifted)[0]) < ROUNDING * scale or lifted.sum() <= inner.sum():
        return None
    return lifted
