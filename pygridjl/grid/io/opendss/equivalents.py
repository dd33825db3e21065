"""What a per-phase model makes of delta loads, open-delta regulators and line charging.

Everything here takes balanced voltages ``1, a², a`` (``a`` = 1 at 120°) as its reference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from pygridjl.core.types import ComplexArray, FloatArray

__all__ = ["charging_per_phase", "open_delta_ratio", "wye_equivalent"]

BALANCED = np.exp(-2j * np.pi / 3 * np.arange(3))


def wye_equivalent(power: complex, phases: Sequence[int], delta_elements: int = 0) -> ComplexArray:
    """Split the power of an element over the phases it touches.

    A delta element between phases i and j draws the current ``conj(S / (V_i − V_j))`` from i and
    returns it to j. At balanced voltages that is ``S·exp(∓j30°)/√3`` in the two phases: active
    and reactive power cross over, their sums stay.

    Parameters
    ----------
    power : complex
        Total of the element.
    phases : sequence of int
        Phases 0, 1, 2 of its conductors in order; −1 for ground.
    delta_elements : int
        Number of equal parts connected between consecutive conductors (the third closes the
        triangle); 0 for an element between its conductors and ground.

    Returns
    -------
    ndarray of complex, shape (3,)
        Power between each phase and ground.
    """
    out = np.zeros(3, dtype=np.complex128)
    live = [k for k in phases if k >= 0]
    if not delta_elements or len(live) == 1:
        for k in live:
            out[k] += power / len(live)
        return out
    pairs = [*pairwise(live), (live[-1], live[0])][:delta_elements]
    for i, j in pairs:
        across = BALANCED[i] - BALANCED[j]
        out[i] += power / len(pairs) * BALANCED[i] / across
        out[j] -= power / len(pairs) * BALANCED[j] / across
    return out


def open_delta_ratio(ratios: Mapping[tuple[int, int], float]) -> FloatArray:
    """Phase ratios of two line-to-line regulators in open delta.

    The two regulated line voltages fix the third. The phase voltages are taken about the centroid
    of the triangle (no zero sequence), since a delta system leaves the neutral undefined.

    Parameters
    ----------
    ratios : mapping
        From the two pairs of phases to their ratios, e.g. ``{(0, 1): 1.05, (2, 1): 1.04}``.

    Returns
    -------
    ndarray, shape (3,)
        Magnitude of each phase voltage behind the bank when 1 p.u. balanced stands before it.

    Raises
    ------
    ValueError
        If there are not exactly two units that share one phase.
    """
    pairs = list(ratios)
    shared = set(pairs[0]) & set(pairs[-1])
    if len(pairs) != 2 or len(shared) != 1:
        raise ValueError("an open-delta bank has two units that share one phase")
    (common,) = shared
    to_common = np.zeros(3, dtype=np.complex128)
    for (i, j), ratio in ratios.items():
        outer = i if j == common else j
        to_common[outer] = ratio * (BALANCED[outer] - BALANCED[common])
    return np.asarray(np.abs(to_common - to_common.mean()), dtype=np.float64)


def charging_per_phase(susceptance: FloatArray) -> FloatArray:
    """Susceptance that each phase shows at balanced voltages.

    Parameters
    ----------
    susceptance : ndarray, shape (3, 3)
        Shunt susceptance matrix with its couplings.

    Returns
    -------
    ndarray, shape (3,)
        Reactive power injected by each phase at 1 p.u.; the active powers that the couplings
        exchange cancel over the phases and are left out.
    """
    return np.asarray(np.real(BALANCED * np.conj(susceptance @ BALANCED)))
