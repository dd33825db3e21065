"""How cost grows with size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["growth_exponent"]


def growth_exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """Slope of log(seconds) over log(size): 1 is linear growth."""
    slope, _ = np.polyfit(np.log(sizes), np.log(seconds), 1)
    return float(slope)
