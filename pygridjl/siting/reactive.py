"""Power factors as people write them and angles as the model takes them."""

from __future__ import annotations

import math

from pygridjl.core.errors import InvalidOptionError

__all__ = ["angle_of", "power_factor_of"]


def angle_of(power_factor: float) -> float:
    """Return θ of (46) for a power factor.

    Parameters
    ----------
    power_factor : float
        In size above 0 and at most 1: positive where units inject reactive power (lagging, in the
        convention of generators), negative where they absorb it (leading), as in OpenDSS.

    Returns
    -------
    float
        rad, negative where reactive power is absorbed.

    Raises
    ------
    InvalidOptionError
        If it is no such number.
    """
    if not 0 < abs(power_factor) <= 1:
        raise InvalidOptionError(
            f"power_factor: must lie in 0…1 without 0, negative to absorb, is {power_factor:g}"
        )
    return math.copysign(math.acos(abs(power_factor)), power_factor)


def power_factor_of(angle: float) -> float:
    """Return the power factor for θ, as :func:`angle_of` takes it."""
    return math.cos(angle) if angle >= 0 else -math.cos(angle)
