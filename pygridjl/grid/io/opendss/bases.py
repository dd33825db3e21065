"""Voltage bases of an OpenDSS circuit: what its script declares, as far as it can be believed."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pygridjl.core.types import IntArray
from pygridjl.grid.io.opendss.circuit import Bus, Circuit, count
from pygridjl.grid.io.opendss.common import SQRT3, bus_of
from pygridjl.grid.io.opendss.windings import windings_of

__all__ = ["islands", "read_buses", "settle_bases"]

# A declared base this far from what source and transformers imply is none of this bus: scripts
# list bases, and the engine takes the nearest of the list however far.
_FAR = 0.2


def read_buses(dss: Any, circuit: Circuit) -> None:
    """Read the buses with their bases and places."""
    for name in dss.Circuit.AllBusNames():
        dss.Circuit.SetActiveBus(name)
        bus = Bus(kv_ln=float(dss.Bus.kVBase()))
        if dss.Bus.Coorddefined():
            bus.x, bus.y = float(dss.Bus.X()), float(dss.Bus.Y())
        circuit.buses[name.lower()] = bus
    implied = _implied(dss, circuit)
    missing = 0
    for name, bus in circuit.buses.items():
        told = implied.get(name, bus.kv_ln)
        if bus.kv_ln <= 0 or abs(bus.kv_ln / told - 1.0) > _FAR:
            if told <= 0:
                detail = "has no voltage base, and nothing leads to one: connect or disable it"
                raise circuit.fail(f"bus {name}", detail)
            # Twelve digits undo the rounding of a ratio and its inverse.
            bus.kv_ln = float(f"{told:.12g}")
            missing += 1
    if missing:
        circuit.notes.append(
            f"the voltage base of {count(missing, 'bus', 'buses')} follows from the source and "
            "the transformers: the script does not calculate it"
        )


def _implied(dss: Any, circuit: Circuit) -> dict[str, float]:
    """Return kV to neutral of the buses as sources, lines and rated windings imply it."""
    links: dict[str, list[tuple[str, float]]] = {}

    def join(one: str, two: str, ratio: float) -> None:
        links.setdefault(one, []).append((two, ratio))
        links.setdefault(two, []).append((one, 1.0 / ratio))

    for name in dss.Circuit.AllElementNames():
        if name.split(".", 1)[0].lower() in ("line", "reactor", "capacitor"):
            dss.Circuit.SetActiveElement(name)
            ends = [bus_of(bus) for bus in dss.CktElement.BusNames()]
            join(ends[0], ends[-1], 1.0)
    for _ in dss.Transformers:
        ends = [bus_of(bus) for bus in dss.CktElement.BusNames()]
        width, order = int(dss.CktElement.NumConductors()), list(dss.CktElement.NodeOrder())
        to_neutral = []
        for k, winding in enumerate(windings_of(dss)):
            live = sum(node > 0 for node in order[k * width : (k + 1) * width])
            between = dss.CktElement.NumPhases() > 1 or live > 1
            to_neutral.append(winding.kv / (SQRT3 if between else 1.0))
        for end, kv in zip(ends[1:], to_neutral[1:], strict=True):
            join(ends[0], end, kv / to_neutral[0])
    implied: dict[str, float] = {}
    for bus, kv in _starts(dss):
        if bus in implied or bus not in circuit.buses:
            continue
        implied[bus], queue = kv, [bus]
        while queue:
            at = queue.pop()
            for other, ratio in links.get(at, ()):
                if other not in implied and other in circuit.buses:
                    implied[other] = implied[at] * ratio
                    queue.append(other)
    return implied


def _starts(dss: Any) -> list[tuple[str, float]]:
    """Buses of the sources with their kV to neutral, those in service first."""
    found = []
    for name in dss.Circuit.AllElementNames():
        if name.split(".", 1)[0].lower() == "vsource":
            dss.Circuit.SetActiveElement(name)
            dss.Vsources.Name(name.split(".", 1)[1])
            on = bool(dss.CktElement.Enabled())
            kv = float(dss.Vsources.BasekV()) / (1.0 if dss.CktElement.NumPhases() == 1 else SQRT3)
            found.append((not on, bus_of(dss.CktElement.BusNames()[0]), kv))
    return [(bus, kv) for _, bus, kv in sorted(found, key=lambda row: row[0])]


def settle_bases(circuit: Circuit) -> None:
    """Give all buses that lines join one voltage base, that of most of them.

    The engine takes the base from a solution without load, which goes wrong at buses that also
    end an open switch.
    """
    number = {bus: k for k, bus in enumerate(circuit.buses)}
    links = [(number[p.from_bus], number[p.to_bus]) for p in circuit.pieces]
    _, island = islands(links, len(number))
    by_island: dict[int, list[Bus]] = {}
    for k, bus in zip(island.tolist(), circuit.buses.values(), strict=True):
        by_island.setdefault(k, []).append(bus)
    changed = 0
    for members in by_island.values():
        ((common, _),) = Counter(bus.kv_ln for bus in members).most_common(1)
        for bus in members:
            changed += bus.kv_ln != common
            bus.kv_ln = common
    if changed:
        circuit.notes.append(
            f"the voltage base of {count(changed, 'bus', 'buses')} disagreed with the lines "
            "there and was taken from the neighbours"
        )


def islands(links: list[tuple[int, int]], n: int) -> tuple[int, IntArray]:
    """Return the number of connected parts, and the part of each of ``n`` vertices."""
    ends = np.array(links, dtype=np.int64).reshape(-1, 2).T
    graph = coo_array((np.ones(len(links)), (ends[0], ends[1])), shape=(n, n))
    parts, island = connected_components(graph, directed=False)
    return int(parts), np.asarray(island, dtype=np.int64)
