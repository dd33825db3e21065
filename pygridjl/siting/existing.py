"""What becomes of the units a feeder has already."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pygridjl.core.errors import InvalidPlanningError
from pygridjl.core.findings import Finding
from pygridjl.grid.feeder import Feeder

__all__ = ["existing_from_text", "profiles_named", "with_existing"]

CONSTANT, REMOVED, REST = "constant", "removed", "*"


def with_existing(feeder: Feeder, units: Mapping[str, str]) -> Feeder:
    """Return the feeder with existing units that follow a profile, stay constant or are removed.

    A unit that is removed makes way: new ones may stand at its bus.

    Parameters
    ----------
    feeder : Feeder
        The feeder.
    units : mapping of str to str
        Id of a unit, or ``"*"`` for all that are not named, and the profile of the scenarios that
        its output follows (``"pv"``, ``"wind"``, …), ``"constant"`` or ``"removed"``.

    Returns
    -------
    Feeder
        A copy; the kind of a unit is the name of its profile.

    Raises
    ------
    InvalidPlanningError
        If the feeder has no such unit.
    """
    generators = feeder.generators
    ids = generators.id.tolist()
    unknown = tuple(name for name in units if name != REST and name not in ids)
    if unknown or not ids:
        there = f"has {', '.join(ids[:20])}" if ids else "has none"
        finding = Finding("unit", unknown, "id", f"is none of the feeder, which {there}")
        raise InvalidPlanningError(feeder.name, [finding])
    kinds = [
        units.get(name, units.get(REST, kind))
        for name, kind in zip(ids, generators.kind.tolist(), strict=True)
    ]
    kept = np.array([kind != REMOVED for kind in kinds], dtype=np.bool_)
    named = np.array(["generator" if k == CONSTANT else k for k in kinds], dtype=np.str_)
    return feeder.replace(generators=generators.replace(kind=named).take(kept))


def existing_from_text(text: str) -> dict[str, str]:
    """Read ``"dg1=wind, dg2=removed, *=constant"``.

    Parameters
    ----------
    text : str
        Pairs of unit and profile, separated by commas.

    Returns
    -------
    dict of str to str
        As :func:`with_existing` takes it.

    Raises
    ------
    ValueError
        If a part is no pair, or a unit is named twice.
    """
    units: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        unit, equals, profile = (piece.strip() for piece in part.rpartition("="))
        if not (unit and equals and profile):
            raise ValueError(f"{part!r} is not of the form unit=profile")
        if unit in units:
            raise ValueError(f"{unit!r} is named twice")
        units[unit] = profile
    return units


def profiles_named(units: Mapping[str, str]) -> set[str]:
    """Return the profiles of :func:`with_existing` that scenarios must have."""
    return set(units.values()) - {CONSTANT, REMOVED}
