"""The voltages about which a feeder is linear: balanced, and behind a gain what the gain makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pygridjl.core.types import ComplexArray, FloatArray
from pygridjl.grid.radial_tree import search_tree

if TYPE_CHECKING:
    from pygridjl.grid.feeder import Feeder

__all__ = ["BALANCED", "behind_gain", "linear_gain", "nominal_voltages"]

BALANCED = np.exp(-2j * np.pi / 3 * np.arange(3))
# Within so much of 1 a size is that of a tap, which is none of the nominal voltage.
_TAP = 0.1


def behind_gain(gain: FloatArray, before: ComplexArray) -> ComplexArray:
    """Return the nominal voltages behind a gain matrix.

    Parameters
    ----------
    gain : ndarray, shape (3, 3)
        As :attr:`FeederBranches.gain`, or what undoes it.
    before : ndarray of complex, shape (3,)
        Nominal voltages before it, p.u.

    Returns
    -------
    ndarray of complex, shape (3,)
        Zero where the gain has nothing; taps are left out, as those of ratios are.
    """
    found = np.asarray(gain @ before)
    found = np.where(np.abs(found) > 1e-9, found, 0.0)
    size = np.abs(found[found != 0]).mean() if found.any() else 1.0
    return found / size if abs(size - 1.0) < _TAP else found


def linear_gain(gain: FloatArray, before: ComplexArray) -> tuple[ComplexArray, FloatArray]:
    """Return what a gain does to powers and to squared voltages near the nominal ones.

    With ``W = G V`` at nominal V, ``S_j = Σ_k (G_kj V_j / W_k) S_k`` is the power before it, and
    ``U_k = Σ_j Re(W_k* G_kj V_j) / |V_j|² U_j`` the squared voltage behind it for small changes of
    the magnitudes before it.

    Parameters
    ----------
    gain : ndarray, shape (3, 3)
        As :attr:`FeederBranches.gain`.
    before : ndarray of complex, shape (3,)
        Nominal voltages before it, p.u.

    Returns
    -------
    powers : ndarray of complex, shape (3, 3)
        By phase before and phase behind it; its columns add up to 1.
    squares : ndarray, shape (3, 3)
        By phase behind and phase before it.
    """
    parts = gain * before
    behind = parts.sum(axis=1)
    size = np.abs(before) ** 2
    powers = np.divide(parts.T, behind, out=np.zeros((3, 3), complex), where=behind != 0)
    squares = np.divide(
        (behind.conj()[:, None] * parts).real, size, out=np.zeros((3, 3)), where=size != 0
    )
    return powers, squares


def nominal_voltages(feeder: Feeder) -> ComplexArray:
    """Return the nominal voltage of every phase of every bus, p.u.

    Parameters
    ----------
    feeder : Feeder
        The feeder.

    Returns
    -------
    ndarray of complex, shape (n_bus, 3)
        ``1, e^{-j120°}, e^{+j120°}``, but behind branches with a gain, where absent phases have
        none. Vector groups turn nothing, and taps raise nothing.
    """
    nominal = np.tile(BALANCED, (feeder.n_bus, 1))
    branch = feeder.branches
    mixing = branch.mixing
    if not mixing.any():
        return nominal
    tree, _ = search_tree(feeder)
    for bus in tree.order[1:].tolist():
        row, before = int(tree.branch[bus]), nominal[tree.parent[bus]]
        if not mixing[row]:
            nominal[bus] = before
            continue
        gain = branch.gain[row]
        nominal[bus] = behind_gain(np.linalg.pinv(gain) if tree.reversed[bus] else gain, before)
    return nominal
