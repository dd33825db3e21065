"""How both readers of OpenDSS elements take names and nodes apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pygridjl.core.types import BoolArray
from pygridjl.grid.io.opendss.simplify import Builder

__all__ = ["SQRT3", "bus_of", "mask_of", "phases_of"]

SQRT3 = float(np.sqrt(3.0))


def bus_of(name: str) -> str:
    """Bus part of a name with nodes."""
    return name.split(".", 1)[0].lower()


def phases_of(build: Builder, element: str, nodes: Sequence[int]) -> list[int]:
    """Return phases 0, 1, 2 of conductors, −1 for ground."""
    if any(node > 3 for node in nodes):
        raise build.fail(element, "has a conductor beyond phases 1, 2, 3: reduce the neutral first")
    return [node - 1 for node in nodes]


def mask_of(phases: Sequence[int]) -> BoolArray:
    """Return phases as a mask of shape (3,)."""
    mask = np.zeros(3, dtype=np.bool_)
    mask[list(phases)] = True
    return mask
