"""Subgradients of the norm of a circuit: what cuts and first-order scores are made of."""

from __future__ import annotations

import numpy as np

from pygridjl.core.types import FloatArray

__all__ = ["subgradients"]


def subgradients(sums: FloatArray, weights: FloatArray, risk: str) -> FloatArray:
    """Return a subgradient of the norm at every row of ``sums``; zero where the row is zero.

    Parameters
    ----------
    sums : ndarray, shape (..., n_time)
        Circuit sums Δ.
    weights : ndarray, shape (..., n_time)
        Weights of the norm.
    risk : {"rms", "l1"}
        The norm.

    Returns
    -------
    ndarray, shape of ``sums``
        g with ‖Δ'‖ ≥ ⟨g, Δ'⟩ for every Δ', and equality at Δ.
    """
    if risk == "l1":
        found: FloatArray = weights * np.sign(sums)
        return found
    size = np.sqrt((weights * sums**2).sum(axis=-1, keepdims=True))
    return weights * sums / np.where(size > 0, size, 1.0)
