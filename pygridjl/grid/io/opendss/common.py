"""How both readers of OpenDSS elements take names and nodes apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pygridjl.core.types import BoolArray
from pygridjl.grid.io.opendss.simplify import Builder

__all__ = ["SQRT3", "bus_of", "grounded_neutrals", "mask_of", "phases_of"]

SQRT3 = float(np.sqrt(3.0))


def bus_of(name: str) -> str:
    """Bus part of a name with nodes."""
    return name.split(".", 1)[0].lower()


def phases_of(dss: Any, build: Builder, element: str) -> list[int]:
    """Return phases 0, 1, 2 of the active element's conductors, −1 for ground.

    A neutral conductor (node 4 and up) that a path leads from to ground counts as ground.
    """
    buses = [bus_of(name) for name in dss.CktElement.BusNames()]
    width = int(dss.CktElement.NumConductors())
    phases = []
    for k, node in enumerate(dss.CktElement.NodeOrder()):
        if node > 3 and (buses[k // width], int(node)) not in build.grounded:
            detail = (
                f"conductor {node} at bus {buses[k // width]} floats: a neutral has to be grounded "
                "(node 0, or a reactor to it) to be reduced"
            )
            raise build.fail(element, detail)
        phases.append(-1 if node > 3 else int(node) - 1)
    return phases


def grounded_neutrals(dss: Any) -> set[tuple[str, int]]:
    """Neutral nodes that lines and reactors connect to ground, as bus and node."""
    links: dict[tuple[str, int], set[tuple[str, int]]] = {}
    for name in dss.Circuit.AllElementNames():
        if name.split(".", 1)[0].lower() not in ("line", "reactor"):
            continue
        dss.Circuit.SetActiveElement(name)
        if not dss.CktElement.Enabled():
            continue
        order = [int(node) for node in dss.CktElement.NodeOrder()]
        buses = [bus_of(bus) for bus in dss.CktElement.BusNames()]
        n = int(dss.CktElement.NumConductors())
        if len(buses) < 2 or not any(node > 3 for node in order):
            continue
        for here, there in zip(order[:n], order[n : 2 * n], strict=True):
            one = (buses[0], here) if here else ("", 0)
            two = (buses[1], there) if there else ("", 0)
            links.setdefault(one, set()).add(two)
            links.setdefault(two, set()).add(one)
    found, queue = {("", 0)}, [("", 0)]
    while queue:
        for other in links.get(queue.pop(), ()):
            if other not in found and (other[1] > 3):
                found.add(other)
                queue.append(other)
    return found - {("", 0)}


def mask_of(phases: Sequence[int]) -> BoolArray:
    """Return phases as a mask of shape (3,)."""
    mask = np.zeros(3, dtype=np.bool_)
    mask[[phase for phase in phases if phase >= 0]] = True
    return mask
