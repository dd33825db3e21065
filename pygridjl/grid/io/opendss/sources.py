"""Reads the voltage sources of a compiled OpenDSS circuit."""

from __future__ import annotations

from typing import Any

import numpy as np

from pygridjl.grid.io.opendss.circuit import Circuit, Source
from pygridjl.grid.io.opendss.common import (
    SQRT3,
    bus_of,
    element_names,
    mask_of,
    phases_of,
    spread,
    square,
)

__all__ = ["STIFF", "read_sources"]

# A source impedance below this many p.u. changes no voltage that is written with five digits.
STIFF = 1e-5


def read_sources(dss: Any, circuit: Circuit) -> None:
    """Read the sources in service; one-phase sources that stand side by side become one."""
    single: dict[str, list[Source]] = {}
    for name in element_names(dss, "vsource"):
        if not dss.CktElement.Enabled():
            continue
        element = f"vsource.{name}"
        dss.Vsources.Name(name)
        n = int(dss.CktElement.NumPhases())
        phases = phases_of(dss, circuit, element)[:n]
        if n not in (1, 3) or min(phases) < 0:
            detail = f"has {n} phases (bus1, phases): a source has one or three, all to ground"
            raise circuit.fail(element, detail)
        z = np.linalg.inv(square(dss.CktElement.YPrim(), 2 * n)[:n, :n])
        # Rated line to line, a one-phase source to neutral.
        kv = float(dss.Vsources.PU()) * float(dss.Vsources.BasekV()) / (SQRT3 if n == 3 else 1.0)
        source = Source(
            element,
            bus_of(dss.CktElement.BusNames()[0]),
            kv,
            float(np.radians(float(dss.Vsources.AngleDeg()))),
            mask_of(phases),
            spread(np.asarray(z, dtype=np.complex128), phases),
        )
        (circuit.sources if n == 3 else single.setdefault(source.bus, [])).append(source)
    for units in single.values():
        circuit.sources += _joined(units)


def _joined(units: list[Source]) -> list[Source]:
    """Return one source if three of one phase each make a balanced one."""
    if len(units) != 3 or not np.logical_or.reduce([unit.phases for unit in units]).all():
        return units
    units = sorted(units, key=lambda unit: int(np.flatnonzero(unit.phases)[0]))
    apart = np.exp(1j * np.array([unit.angle for unit in units])) * np.exp(
        2j * np.pi / 3 * np.arange(3)
    )
    same = np.allclose([unit.kv_ln for unit in units], units[0].kv_ln, rtol=1e-6)
    if not same or np.abs(apart - apart[0]).max() > 1e-6:
        return units
    first = units[0]
    name = "+".join([first.id, *(unit.id.split(".", 1)[1] for unit in units[1:])])
    z = np.sum([unit.z for unit in units], axis=0)
    return [Source(name, first.bus, first.kv_ln, first.angle, np.ones(3, dtype=np.bool_), z)]
