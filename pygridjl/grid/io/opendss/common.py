"""How names, nodes and matrices of OpenDSS elements are taken apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from pygridjl.core.types import BoolArray, ComplexArray
from pygridjl.grid.io.opendss.circuit import Circuit

__all__ = [
    "SQRT3",
    "bus_of",
    "element_names",
    "grounded_neutrals",
    "mask_of",
    "phases_of",
    "spread",
    "square",
]

SQRT3 = float(np.sqrt(3.0))


def bus_of(name: str) -> str:
    """Bus part of a name with nodes."""
    return name.split(".", 1)[0].lower()


def element_names(dss: Any, kind: str) -> Iterator[str]:
    """Make every element of a class active in turn, in service or not; yield its short name."""
    for name in dss.Circuit.AllElementNames():
        if name.split(".", 1)[0].lower() == kind:
            dss.Circuit.SetActiveElement(name)
            yield name.split(".", 1)[1].lower()


def phases_of(dss: Any, circuit: Circuit, element: str, *, may_float: bool = False) -> list[int]:
    """Return phases 0, 1, 2 of the active element's conductors, −1 for ground.

    A neutral conductor (node 4 and up) that a path leads from to ground counts as ground, and so
    does one that may float because the element drives no current through it.
    """
    names = dss.CktElement.BusNames()
    width = int(dss.CktElement.NumConductors())
    if dss.CktElement.Enabled():
        nodes = [int(node) for node in dss.CktElement.NodeOrder()]
    else:  # the engine numbers the nodes of what is in service only
        nodes = []
        for name in names:
            given = [int(node) for node in name.split(".")[1:]]
            nodes += (given + list(range(len(given) + 1, width + 1)))[:width]
    phases = []
    for k, node in enumerate(nodes):
        bus = bus_of(names[k // width])
        if node > 3 and (bus, node) not in circuit.grounded and not may_float:
            detail = (
                f"conductor {node} at bus {bus} floats: a neutral has to be grounded "
                "(node 0, or a reactor to it) to be reduced"
            )
            raise circuit.fail(element, detail)
        phases.append(-1 if node > 3 else node - 1)
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


def square(flat: Any, n: int) -> ComplexArray:
    """Return a matrix that the engine lists as real and imaginary parts in turn."""
    values = np.asarray(flat, dtype=np.float64)
    return (values[::2] + 1j * values[1::2]).reshape(n, n)


def spread(matrix: ComplexArray, phases: Sequence[int]) -> ComplexArray:
    """Return a matrix on some phases as one on all three, zero elsewhere."""
    full = np.zeros((3, 3), dtype=np.complex128)
    full[np.ix_(list(phases), list(phases))] = matrix
    return full
