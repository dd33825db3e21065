"""Elements of a compiled OpenDSS circuit, reduced to what a single-phase equivalent needs.

Impedances are in ohms, susceptances in siemens, powers in MW and Mvar of the whole element.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pygridjl.core.errors import NetworkFormatError

__all__ = [
    "Injection",
    "Line",
    "Transformer",
    "bus_names",
    "read_generators",
    "read_lines",
    "read_loads",
    "read_shunts",
    "read_sources",
    "read_transformers",
]

_DEFAULT_AMPS = 400.0
_DUMMY_SWITCH_LENGTH = 0.001


@dataclass(frozen=True)
class Line:
    """A line: series ohms, charging siemens, amperes per phase."""

    name: str
    from_bus: str
    to_bus: str
    phases: int
    z: complex
    b: float
    amps: float
    closed: bool
    switch: bool


@dataclass(frozen=True)
class Transformer:
    """A two-winding transformer, or single-phase units between the same buses as one.

    ``z`` is in per unit on 1 MVA at the rated voltage of the second winding; ``kv`` (line to line
    in a three-phase circuit) and ``tap`` belong to the two windings; ``shift`` (rad) is by how
    much the first leads the second.
    """

    name: str
    from_bus: str
    to_bus: str
    z: complex
    kv: tuple[float, float]
    tap: tuple[float, float]
    shift: float
    mva: float


@dataclass(frozen=True)
class Injection:
    """A load, generator, capacitor or source; powers as the element's own sign has them."""

    name: str
    bus: str
    p: float = 0.0
    q: float = 0.0
    kv: float = 0.0
    phases: int = 1
    v_set: float = 1.0


def bus_names(engine: Any) -> list[str]:
    """Buses of the active element, without their node numbers."""
    return [str(bus).split(".")[0].lower() for bus in engine.CktElement.BusNames()]


def _elements(engine: Any, kind: str) -> Iterator[str]:
    """Make every element of a class active in turn, in the order of the script."""
    for name in engine.Circuit.AllElementNames():
        if str(name).lower().startswith(f"{kind}."):
            engine.Circuit.SetActiveElement(name)
            yield str(name).split(".", 1)[1]


def _enabled(engine: Any, kind: str) -> Iterator[str]:
    for name in _elements(engine, kind):
        if engine.CktElement.Enabled():
            yield name


def read_lines(engine: Any, notes: list[str]) -> list[Line]:
    """Read all lines; a disabled line that is no switch is left out."""
    lines, overridden, dummies = [], 0, 0
    frequency = float(engine.Solution.Frequency())
    for name in _elements(engine, "line"):
        engine.Lines.Name(name)
        enabled, switch = bool(engine.CktElement.Enabled()), bool(engine.Lines.IsSwitch())
        if not (enabled or switch):
            continue
        ends, phases = bus_names(engine), int(engine.Lines.Phases())
        closed = enabled and not any(engine.CktElement.IsOpen(terminal, 0) for terminal in (1, 2))
        length, code = float(engine.Lines.Length()), str(engine.Lines.LineCode())
        amps = float(engine.Lines.NormAmps())
        of = engine.Lines
        if switch and code:
            engine.LineCodes.Name(code)
            of = engine.LineCodes
            length = 1.0 if length == _DUMMY_SWITCH_LENGTH else length
            overridden += 1
        elif switch and length == _DUMMY_SWITCH_LENGTH:
            dummies += 1
        r, x, c = (
            _positive_sequence(matrix, phases)
            for matrix in (
                (of.RMatrix(), of.XMatrix(), of.CMatrix())
                if of is engine.Lines
                else (of.Rmatrix(), of.Xmatrix(), of.Cmatrix())
            )
        )
        b = 2.0 * np.pi * frequency * c * 1e-9 * length
        rating = np.inf if amps == _DEFAULT_AMPS else amps
        z = complex(r * length, x * length)
        lines.append(Line(name, ends[0], ends[1], phases, z, b, rating, closed, switch))
    if overridden:
        notes.append(f"{overridden} switches carry the impedance of their line code")
    if dummies:
        notes.append(f"{dummies} switches carry the milliohm that Switch=yes gives them")
    return lines


def _positive_sequence(matrix: Any, phases: int) -> float:
    """Mean of the diagonal minus mean of the rest."""
    square = np.asarray(matrix, dtype=np.float64).reshape(phases, phases)
    diagonal = float(np.trace(square)) / phases
    if phases == 1:
        return diagonal
    return diagonal - (float(square.sum()) - diagonal * phases) / (phases * (phases - 1))


def read_transformers(path: Path, engine: Any, phases: int) -> list[Transformer]:
    """Read the transformers in service; single-phase units of one place become one."""
    units: dict[tuple[str, str], list[Transformer]] = {}
    whole: list[Transformer] = []
    for name in _enabled(engine, "transformer"):
        engine.Transformers.Name(name)
        ends, unit_phases = bus_names(engine), int(engine.CktElement.NumPhases())
        if engine.Transformers.NumWindings() != 2:
            detail = f"{name} has {engine.Transformers.NumWindings()} windings, only 2 can be read"
            raise NetworkFormatError(path, "transformer", detail)
        transformer = _transformer(engine, name, ends, to_neutral=unit_phases < phases)
        if unit_phases == phases:
            whole.append(transformer)
        elif unit_phases == 1:
            units.setdefault((ends[0], ends[1]), []).append(transformer)
        else:
            detail = f"{name} has {unit_phases} phases, the lines have {phases}"
            raise NetworkFormatError(path, "transformer", detail)
    for bank in units.values():
        if len(bank) == 1:
            detail = f"{bank[0].name} is a single-phase unit alone in a three-phase circuit"
            raise NetworkFormatError(path, "transformer", detail)
        whole.append(_bank(bank))
    return whole


def _transformer(engine: Any, name: str, ends: list[str], *, to_neutral: bool) -> Transformer:
    r, kv, tap, kva, delta = 0.0, [], [], [], []
    reactance = float(engine.Transformers.Xhl()) / 100.0
    for winding in (1, 2):
        engine.Transformers.Wdg(winding)
        kva.append(float(engine.Transformers.kVA()))
        kv.append(float(engine.Transformers.kV()))
        tap.append(float(engine.Transformers.Tap()))
        delta.append(bool(engine.Transformers.IsDelta()))
        if to_neutral and not delta[-1]:
            kv[-1] *= 3.0**0.5
        r += float(engine.Transformers.R()) / 100.0 * kva[0] / kva[-1]
    mva = kva[0] / 1e3
    # A delta winding against a wye turns the angle: the lower voltage lags by 30 degrees.
    lead = 0.0 if delta[0] == delta[1] else np.copysign(np.pi / 6.0, kv[0] - kv[1])
    z = complex(r, reactance) / mva
    return Transformer(
        name, ends[0], ends[1], z, (kv[0], kv[1]), (tap[0], tap[1]), float(lead), mva
    )


def _bank(units: list[Transformer]) -> Transformer:
    """One transformer of the summed rating, the mean taps and the mean impedance on it."""
    count = len(units)
    mva = sum(unit.mva for unit in units)
    z = sum(unit.z * unit.mva for unit in units) / count / mva
    taps = [sum(unit.tap[w] for unit in units) / count for w in (0, 1)]
    first = units[0]
    name = "+".join(unit.name for unit in units)
    return Transformer(
        name, first.from_bus, first.to_bus, z, first.kv, (taps[0], taps[1]), first.shift, mva
    )


def read_sources(engine: Any, notes: list[str]) -> list[Injection]:
    """Read the voltage sources in service."""
    sources = []
    for name in _enabled(engine, "vsource"):
        engine.Vsources.Name(name)
        bus, kv = bus_names(engine)[0], float(engine.Vsources.BasekV())
        v_set, phases = float(engine.Vsources.PU()), int(engine.Vsources.Phases())
        sources.append(Injection(name, bus, kv=kv, phases=phases, v_set=v_set))
    if sources:
        notes.append("sources hold their voltage: their own impedance is not read")
    return sources


def read_generators(engine: Any) -> list[Injection]:
    """Read the generators in service; p and q are what they deliver."""
    generators = []
    for name in _enabled(engine, "generator"):
        engine.Generators.Name(name)
        p, q = float(engine.Generators.kW()) / 1e3, float(engine.Generators.kvar()) / 1e3
        generators.append(Injection(name, bus_names(engine)[0], p, q))
    return generators


def read_loads(engine: Any, notes: list[str]) -> list[Injection]:
    """Read the loads in service, at the load level of the script."""
    loads, other_models = [], 0
    level = float(engine.Solution.LoadMult()) / 1e3
    for name in _enabled(engine, "load"):
        engine.Loads.Name(name)
        other_models += int(engine.Loads.Model()) != 1
        p, q = float(engine.Loads.kW()) * level, float(engine.Loads.kvar()) * level
        loads.append(Injection(name, bus_names(engine)[0], p, q))
    if other_models:
        notes.append(f"{other_models} loads that are not constant power are read as such")
    return loads


def read_shunts(path: Path, engine: Any) -> list[Injection]:
    """Read the capacitors in service; q is what they deliver at their rated voltage."""
    shunts = []
    for name in _enabled(engine, "capacitor"):
        engine.Capacitors.Name(name)
        ends = bus_names(engine)
        if len(set(ends)) > 1:
            detail = f"{name} is in series ({ends[0]} to {ends[1]}) and cannot be represented"
            raise NetworkFormatError(path, "capacitor", detail)
        steps = np.asarray(engine.Capacitors.States(), dtype=np.float64)
        q = float(engine.Capacitors.kvar()) / 1e3 * float(steps.mean())
        kv, phases = float(engine.Capacitors.kV()), int(engine.CktElement.NumPhases())
        if phases == 1 and bool(engine.Capacitors.IsDelta()):
            kv /= 3.0**0.5
        shunts.append(Injection(name, ends[0], q=q, kv=kv, phases=phases))
    return shunts
