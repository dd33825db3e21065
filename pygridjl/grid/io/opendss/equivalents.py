"""What a per-phase model makes of delta loads, open-delta regulators and line charging.

Everything here takes balanced voltages ``1, a², a`` (``a`` = 1 at 120°) as its reference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from pygridjl.core.types import ComplexArray, FloatArray
from pygridjl.grid.nominal import BALANCED

__all__ = ["charging_per_phase", "open_delta_ratio", "parts_of", "through_bank", "wye_equivalent"]


def parts_of(nodes: Sequence[int], n: int, *, delta: bool) -> list[tuple[int, int]]:
    """Return the equal parts of an element as pairs of phases; −1 for ground.

    Parameters
    ----------
    nodes : sequence of int
        Phases 0, 1, 2 of its conductors in order, −1 for ground.
    n : int
        Its number of phases.
    delta : bool
        Whether the parts lie between consecutive conductors (three of them close the triangle);
        else each lies between a conductor and the common one, the last if there is one more.
    """
    if delta and len(nodes) > 1:
        return [*pairwise(nodes), (nodes[-1], nodes[0])][: 1 if len(nodes) == 2 else n]
    common = nodes[n] if len(nodes) > n else -1
    return [(node, common) for node in nodes[:n]]


def wye_equivalent(
    power: complex, parts: Sequence[tuple[int, int]], nominal: ComplexArray = BALANCED
) -> ComplexArray:
    """Split the power of an element over the phases it touches.

    A part between phases i and j draws the current ``conj(S / (V_i − V_j))`` from i and returns
    it to j. At balanced voltages that is ``S·exp(∓j30°)/√3`` in the two phases: active and
    reactive power cross over, their sums stay.

    Parameters
    ----------
    power : complex
        Total of the element.
    parts : sequence of pairs
        As :func:`parts_of` returns them.
    nominal : ndarray of complex, shape (3,)
        Voltages of the phases.

    Returns
    -------
    ndarray of complex, shape (3,)
        Power between each phase and ground.
    """
    out = np.zeros(3, dtype=np.complex128)
    live = [(i, j) for i, j in parts if i != j]
    for i, j in live:
        ends = [nominal[k] if k >= 0 else 0.0 for k in (i, j)]
        across = ends[0] - ends[1]
        for k, sign, end in ((i, 1, ends[0]), (j, -1, ends[1])):
            if k >= 0:
                out[k] += sign * power / len(live) * end / across
    return out


def through_bank(
    power: complex,
    parts: Sequence[tuple[int, int]],
    secondary: Sequence[Sequence[int]],
    primary: Sequence[tuple[int, int]],
) -> ComplexArray:
    """Carry a power behind a bank of single-phase units to the primary phases.

    Parameters
    ----------
    power : complex
        Total of the element behind the bank.
    parts : sequence of pairs
        Its parts between secondary phases.
    secondary, primary : sequence
        Phases of each unit on both sides; −1 for ground.

    Returns
    -------
    ndarray of complex, shape (3,)
        Power between each primary phase and ground; losses of the units are left out.
    """
    volts = np.append(BALANCED, 0.0)  # the last entry is ground
    current = np.zeros(4, dtype=np.complex128)
    for i, j in parts:
        drawn = np.conj(power / len(parts) / (volts[i] - volts[j]))
        current[i] += drawn
        current[j] -= drawn
    feeds = np.zeros((4, len(secondary)))
    for unit, nodes in enumerate(secondary):
        feeds[nodes[0], unit] += 1.0
        feeds[nodes[1] if len(nodes) > 1 else -1, unit] -= 1.0
    shares = np.linalg.lstsq(feeds.astype(np.complex128), current, rcond=None)[0]
    out = np.zeros(3, dtype=np.complex128)
    for unit, nodes in enumerate(secondary):
        across = volts[nodes[0]] - volts[nodes[1] if len(nodes) > 1 else -1]
        out += wye_equivalent(complex(across * np.conj(shares[unit])), [primary[unit]])
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
