"""When a search with a bound may stop: by the possible improvement, or by the whole value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["WITHOUT_REFERENCE", "Tolerance"]

# What a gap of the whole value is without one asked for, where there is no value without units.
WITHOUT_REFERENCE = 1e-3
# Below these shares of the value and of the improvement a difference is rounding or the tolerance
# of the solver of a master.
LEAST, LEAST_IMPROVED = 1e-9, 1e-6


@dataclass(frozen=True)
class Tolerance:
    """How far a bound may stay below the incumbent.

    Attributes
    ----------
    improvement_gap : float or None
        Share of the possible improvement, value without units minus bound, that may stay open.
    gap : float or None
        Share of the value of the incumbent. Where both are given both must be reached; where the
        feeder has no value without units only this one counts, 1e-3 unless given.
    """

    improvement_gap: float | None
    gap: float | None

    def allowed(self, value: float, no_dg: float) -> float:
        """Return how far below ``value`` a bound may stay.

        Parameters
        ----------
        value : float
            Of the incumbent; infinite if there is none.
        no_dg : float
            Value without units; infinite if there is none.

        Returns
        -------
        float
            Never less than rounding; 0 without an incumbent.
        """
        if not np.isfinite(value):
            return 0.0
        shares = []
        if self.improvement_gap is not None and np.isfinite(no_dg):
            # value − bound ≤ s (no_dg − bound), solved for the bound.
            share = self.improvement_gap
            shares.append(share / (1 - share) * max(no_dg - value, 0.0))
        if self.gap is not None or not shares:
            shares.append((WITHOUT_REFERENCE if self.gap is None else self.gap) * abs(value))
        improved = no_dg - value if np.isfinite(no_dg) else 0.0
        return max(min(shares), LEAST * abs(value), LEAST_IMPROVED * improved)
