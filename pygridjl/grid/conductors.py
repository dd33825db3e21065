"""Ampacities of standard overhead conductors, for lines whose data state none."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from pygridjl.core.types import FloatArray
from pygridjl.grid.feeder import Feeder

__all__ = ["CONDUCTORS", "standard_ampacity", "with_standard_ratings"]

CONDUCTORS: tuple[tuple[str, float, float], ...] = (
    ("ACSR #6 6/1", 3.98, 100.0),
    ("ACSR #4 6/1", 2.57, 140.0),
    ("ACSR #3 6/1", 2.07, 160.0),
    ("ACSR #2 6/1", 1.69, 180.0),
    ("ACSR #1 6/1", 1.38, 200.0),
    ("ACSR 1/0 6/1", 1.12, 230.0),
    ("ACSR 2/0 6/1", 0.895, 270.0),
    ("ACSR 3/0 6/1", 0.723, 300.0),
    ("ACSR 4/0 6/1", 0.592, 340.0),
    ("ACSR 266.8 kcmil 26/7", 0.385, 460.0),
    ("ACSR 336.4 kcmil 26/7", 0.306, 530.0),
    ("ACSR 397.5 kcmil 26/7", 0.259, 590.0),
    ("ACSR 477 kcmil 26/7", 0.216, 670.0),
    ("ACSR 556.5 kcmil 26/7", 0.1859, 730.0),
    ("ACSR 636 kcmil 26/7", 0.1618, 780.0),
    ("ACSR 795 kcmil 26/7", 0.1288, 900.0),
)
"""Name, resistance at 60 Hz and 50 °C (ohm/mile), ampacity (A) of the usual aluminium conductors.

Electrical Transmission and Distribution Reference Book (Westinghouse), characteristics of ACSR:
conductor at 75 °C, air at 25 °C, wind 1.4 miles/h. The IEEE test feeders are built of these.
"""

KM_A_MILE = 1.609344
# Resistance of the earth's return in the self impedance of a line at 60 Hz (Carson), ohm/mile.
EARTH = 0.0953
# A line whose resistance is further than this factor from every conductor's is something else.
FARTHEST = 1.25


def standard_ampacity(ohm_per_km: ArrayLike) -> FloatArray:
    """Return the ampacity of the standard conductor nearest in resistance.

    Parameters
    ----------
    ohm_per_km : array_like, shape (n,)
        Resistances of single conductors.

    Returns
    -------
    ndarray, shape (n,)
        A; infinity where no conductor of :data:`CONDUCTORS` is within a quarter.
    """
    table = np.array([[r, amps] for _, r, amps in CONDUCTORS])
    resistance = np.maximum(np.asarray(ohm_per_km, dtype=np.float64), 1e-12) * KM_A_MILE
    ratio = np.abs(np.log(resistance[:, None] / table[:, 0]))
    nearest = ratio.argmin(axis=1)
    near = ratio[np.arange(nearest.size), nearest] <= np.log(FARTHEST)
    return np.where(near, table[nearest, 1], np.inf)


def with_standard_ratings(feeder: Feeder) -> Feeder:
    """Return the feeder with the ampacity of a standard conductor where a line has none.

    The resistance of the conductor is the positive-sequence resistance of a line of several
    phases, in which the earth's part cancels, and the self resistance less the earth's part of
    one of a single phase. Lines of unknown length keep no limit.

    Parameters
    ----------
    feeder : Feeder
        The feeder.

    Returns
    -------
    Feeder
        A copy; stated ratings stay.
    """
    branch = feeder.branches
    unknown = branch.phases & ~np.isfinite(branch.rating)
    rows = np.flatnonzero((branch.kind == "line") & (branch.length_km > 0) & unknown.any(axis=1))
    if rows.size == 0:
        return feeder
    to = branch.to_bus[rows]
    per_km = branch.r[rows] * (feeder.z_base[to] / branch.length_km[rows])[:, None, None]
    n = branch.phases[rows].sum(axis=1)
    own = np.trace(per_km, axis1=1, axis2=2)
    mutual = (per_km.sum(axis=(1, 2)) - own) / np.maximum(n * (n - 1), 1)
    amps = standard_ampacity(own / n - np.where(n > 1, mutual, EARTH / KM_A_MILE))
    rating = branch.rating.copy()
    rating[rows] = np.where(unknown[rows], (amps / feeder.i_base[to])[:, None], branch.rating[rows])
    return feeder.replace(branches=branch.replace(rating=rating))
