"""How far slacks lie outside their cones, and multipliers moved into the dual ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pygridjl.core.types import FloatArray, IntArray
from pygridjl.solvers.conic import Cone

__all__ = ["DualCone", "outside"]


class DualCone:
    """The dual of a product of cones, equal ones handled together.

    Parameters
    ----------
    cones : sequence of Cone
        The cones, in the order of the rows.
    n_row : int, optional
        Only the cones of so many first rows.
    """

    def __init__(self, cones: Sequence[Cone], n_row: int | None = None) -> None:
        places: dict[tuple[str, int], list[int]] = {}
        start = 0
        for cone in cones:
            if n_row is not None and start >= n_row:
                break
            places.setdefault((cone.kind, cone.size), []).append(start)
            start += cone.rows
        self._plan: dict[str, list[tuple[int, IntArray]]] = {}
        for (kind, size), starts in places.items():
            block = np.array(starts)[:, None] + np.arange(Cone(kind, size).rows)  # type: ignore[arg-type]
            self._plan.setdefault(kind, []).append((size, block))

    def moved(self, z: FloatArray) -> FloatArray:
        """Return a point of the dual cone near some multipliers.

        Parameters
        ----------
        z : ndarray, shape (m,)
            Multipliers; those of zero cones are free.

        Returns
        -------
        ndarray, shape (m,)
            For PSD cones by eigenvalues, with a margin for their rounding.
        """
        z = z.copy()
        for _, rows in self._plan.get("nonnegative", []):
            z[rows] = np.maximum(z[rows], 0.0)
        for _, rows in self._plan.get("second_order", []):
            part = z[rows]
            length = np.sqrt((part[:, 1:] ** 2).sum(axis=1))
            # Lifting the head costs less than shortening the tail where they almost agree, and it
            # is exact; a unit in the last place pays for the square root.
            part[:, 0] = np.maximum(part[:, 0], length * (1 + 4e-16))
            z[rows] = part
        for size, rows in self._plan.get("psd_triangle", []):
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


def outside(cones: Sequence[Cone], s: FloatArray) -> float:
    """Return how far a slack lies outside its cones: the largest shortfall of any of them.

    Parameters
    ----------
    cones : sequence of Cone
        The cones, in the order of the rows.
    s : ndarray, shape (m,)
        The slack.

    Returns
    -------
    float
        0 inside; by the least eigenvalue for matrices; NaN if the slack is.
    """
    furthest, begin = 0.0, 0
    if np.isnan(s).any():
        return np.nan
    for cone in cones:
        part = s[begin : begin + cone.rows]
        if cone.kind == "zero":
            least = -float(abs(part).max())
        elif cone.kind == "psd_triangle":
            column, row = np.tril_indices(cone.size)
            matrix = np.zeros((cone.size, cone.size))
            matrix[row, column] = matrix[column, row] = part / np.where(
                row == column, 1.0, np.sqrt(2.0)
            )
            least = float(np.linalg.eigvalsh(matrix)[0])
        elif cone.kind == "second_order":
            least = float(part[0] - np.linalg.norm(part[1:]))
        else:
            least = float(part.min())
        furthest = max(furthest, -least)
        begin += cone.rows
    return furthest
