"""Reads loads, capacitors and generators of a compiled OpenDSS circuit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pygridjl.grid.io.opendss.circuit import Injection, count
from pygridjl.grid.io.opendss.common import SQRT3, bus_of, mask_of, phases_of
from pygridjl.grid.io.opendss.equivalents import parts_of, wye_equivalent
from pygridjl.grid.io.opendss.simplify import Builder

__all__ = ["read_injections"]

_SNAPSHOT = 0
_LOAD_MODELS = {
    1: "power",
    2: "impedance",
    3: "power-quadratic",
    4: "cvr",
    5: "current",
    6: "power-fixed-q",
    7: "power-fixed-x",
    8: "zip",
}


def read_injections(dss: Any, build: Builder, *, solved: bool) -> None:
    """Read loads, capacitors, generators, PV systems and storage.

    Parameters
    ----------
    dss : OpenDSSDirect
        The engine.
    build : Builder
        Receives the elements.
    solved : bool
        Whether the taps and capacitor steps come from a solution that converged.
    """
    state = (
        "those of the converged OpenDSS solution"
        if solved
        else "as they stood when OpenDSS's own solution failed to converge"
    )
    taps = [p.ratio[p.phases] for p in build.pieces if p.kind == "regulator"]
    if taps:
        every = np.concatenate(taps)
        build.notes.append(
            f"regulators are fixed ratios, {every.min():.4f} to {every.max():.4f}: {state}"
        )
    _read_loads(dss, build, solved=solved)
    _read_capacitors(dss, build, state)
    _read_generators(dss, build, solved=solved)
    if any(p.b.any() for p in build.pieces):
        build.notes.append("line charging is a constant reactive power at both ends of a line")


def _place(dss: Any, build: Builder, element: str, *, delta: bool, total: complex) -> Injection:
    nodes = phases_of(dss, build, element)
    parts = parts_of(nodes, int(dss.CktElement.NumPhases()), delta=delta)
    return Injection(
        id=element,
        bus=bus_of(dss.CktElement.BusNames()[0]),
        power=wye_equivalent(total, parts),
        total=total,
        phases=mask_of(nodes),
        parts=tuple(parts),
        connection="delta" if any(min(part) >= 0 for part in parts) else "wye",
    )


def _delivered(dss: Any) -> complex:
    """Power the active element delivers in the engine's solution, kW + j kvar."""
    powers = np.asarray(dss.CktElement.Powers(), dtype=np.float64)
    return -complex(powers[::2].sum(), powers[1::2].sum())


def _read_loads(dss: Any, build: Builder, *, solved: bool) -> None:
    scale = float(dss.Solution.LoadMult())
    if scale != 1.0:
        build.notes.append(f"loads are scaled by the script's load multiplier {scale:g}")
    shaped = solved and int(dss.Solution.Mode()) != _SNAPSHOT
    if shaped:
        build.notes.append("loads are those of the hour at which the script's solution ends")
    for _ in dss.Loads:
        element = f"load.{dss.Loads.Name().lower()}"
        # Fixed and exempt loads follow no multiplier.
        level = scale if int(dss.Loads.Status()) == 0 else 1.0
        total = complex(dss.Loads.kW(), dss.Loads.kvar()) * level
        if shaped:
            total = -_delivered(dss)
        load = _place(dss, build, element, delta=bool(dss.Loads.IsDelta()), total=total)
        load.kind = _LOAD_MODELS.get(int(dss.Loads.Model()), "other")
        build.loads.append(load)


def _read_capacitors(dss: Any, build: Builder, state: str) -> None:
    off = []
    for _ in dss.Capacitors:
        element = f"capacitor.{dss.Capacitors.Name().lower()}"
        n = int(dss.CktElement.NumPhases())
        nodes = phases_of(dss, build, element)
        buses = [bus_of(b) for b in dss.CktElement.BusNames()]
        delta = bool(dss.Capacitors.IsDelta())
        if not delta and (buses[0] != buses[1] or max(nodes[n:], default=-1) >= 0):
            raise build.fail(element, "is in series with the line: not supported")
        steps = list(dss.Capacitors.States())
        share = sum(s > 0 for s in steps) / len(steps)
        if share == 0:
            off.append(element)
            continue
        line_to_line = n > 1 or delta
        rated = float(dss.Capacitors.kV()) / (SQRT3 if line_to_line else 1.0)
        at_base = (build.buses[buses[0]].kv_ln / rated) ** 2
        total = 1j * float(dss.Capacitors.kvar()) * share * at_base
        live = nodes[: 2 if delta and n == 1 else n]
        power = wye_equivalent(total, parts_of(live, n, delta=delta))
        build.capacitors.append(Injection(element, buses[0], power, total, mask_of(live)))
    if off:
        build.notes.append(
            f"{count(len(off), 'capacitor')} switched off ({', '.join(off[:6])}): {state}"
        )


def _read_generators(dss: Any, build: Builder, *, solved: bool) -> None:
    """Read what units deliver in the engine's solution; by their own data if it has none."""
    for _ in dss.Generators:
        element = f"generator.{dss.Generators.Name().lower()}"
        total = complex(dss.Generators.kW(), dss.Generators.kvar())
        total = _delivered(dss) if solved else total
        delta = bool(dss.Generators.IsDelta())
        unit = _place(dss, build, element, delta=delta, total=total)
        unit.kind, unit.kva = "generator", float(dss.Generators.kVARated())
        build.generators.append(unit)
    for _ in dss.PVsystems:
        element = f"pvsystem.{dss.PVsystems.Name().lower()}"
        kva = float(dss.PVsystems.kVARated())
        kw = min(float(dss.PVsystems.Pmpp()) * float(dss.PVsystems.Irradiance()), kva)
        pf = float(dss.PVsystems.pf())
        kvar = math.copysign(kw * math.tan(math.acos(min(abs(pf), 1.0))), pf) if pf else 0.0
        total = _delivered(dss) if solved else complex(kw, kvar)
        unit = _place(dss, build, element, delta=False, total=total)
        unit.kind, unit.kva = "pv", kva
        build.generators.append(unit)
    idle = 0
    for _ in dss.Storages:
        element = f"storage.{dss.Storages.Name().lower()}"
        resting = str(dss.Properties.Value("state")).lower().startswith("i")
        total = 0j if resting or not solved else _delivered(dss)
        unit = _place(dss, build, element, delta=False, total=total)
        unit.kind, unit.kva = "storage", float(dss.Properties.Value("kva"))
        build.generators.append(unit)
        idle += resting
    if idle:
        build.notes.append(f"{count(idle, 'storage unit')} kept idle")
    pv = sum(unit.kind == "pv" for unit in build.generators)
    if pv:
        build.notes.append(f"{count(pv, 'PV system')} at the irradiance of the script")
