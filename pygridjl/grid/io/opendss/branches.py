"""Reads buses, source and series elements of a compiled OpenDSS circuit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pygridjl.core.types import ComplexArray, FloatArray
from pygridjl.grid.io.opendss.circuit import Bus, Injection, Piece, Service, count
from pygridjl.grid.io.opendss.common import SQRT3, bus_of, mask_of, phases_of
from pygridjl.grid.io.opendss.equivalents import (
    charging_per_phase,
    open_delta_ratio,
    wye_equivalent,
)
from pygridjl.grid.io.opendss.ratings import codes_with_rating, line_amps, reactor_amps
from pygridjl.grid.io.opendss.simplify import Builder

__all__ = ["read_branches"]

# Numbering of OpenDSS's ``Lines.Units``: mi, kft, km, m, ft, in, cm, mm.
_KM = {1: 1.609344, 2: 0.3048, 3: 1.0, 4: 1e-3, 5: 3.048e-4, 6: 2.54e-5, 7: 1e-5, 8: 1e-6}
_LOW_VOLTAGE_KV = 1.0


def read_branches(dss: Any, build: Builder) -> None:
    """Read buses, source, transformers, lines and series reactors."""
    _read_buses(dss, build)
    _read_source(dss, build)
    _read_lines(dss, build)
    _read_reactors(dss, build)
    build.settle_bases()
    _read_transformers(dss, build)


def _read_buses(dss: Any, build: Builder) -> None:
    for name in dss.Circuit.AllBusNames():
        dss.Circuit.SetActiveBus(name)
        bus = Bus(kv_ln=float(dss.Bus.kVBase()))
        if bus.kv_ln <= 0:
            raise build.fail(
                f"bus {name}", "has no voltage base: the script lacks CalcVoltageBases"
            )
        if dss.Bus.Coorddefined():
            bus.x, bus.y = float(dss.Bus.X()), float(dss.Bus.Y())
        build.buses[name.lower()] = bus


def _read_source(dss: Any, build: Builder) -> None:
    names = [n for n in dss.Circuit.AllElementNames() if n.lower().startswith("vsource.")]
    if len(names) != 1:
        raise build.fail("vsource", f"a feeder has one source, this circuit has {len(names)}")
    dss.Vsources.First()
    if dss.CktElement.NumPhases() != 3:
        raise build.fail(names[0], "the source must have three phases")
    build.source_bus = bus_of(dss.CktElement.BusNames()[0])
    build.v_set = float(dss.Vsources.PU())
    z = np.linalg.inv(_square(dss.CktElement.YPrim(), 6)[:3, :3])
    z1 = z[0, 0] - z[0, 1]
    kv = build.buses[build.source_bus].kv_ln
    build.notes.append(
        f"the source impedance ({abs(z1) / kv**2 * build.phase_mva:.2g} p.u.) is left out; "
        f"bus {build.source_bus} stays at {build.v_set:g} p.u."
    )


def _square(flat: Any, n: int) -> ComplexArray:
    values = np.asarray(flat, dtype=np.float64)
    return (values[::2] + 1j * values[1::2]).reshape(n, n)


# -------------------------------------------------------------------------------------- lines
def _read_lines(dss: Any, build: Builder) -> None:
    frequency = float(dss.Solution.Frequency())
    rated_codes = codes_with_rating(dss)
    for _ in dss.Lines:
        element = f"line.{dss.Lines.Name().lower()}"
        n = int(dss.CktElement.NumPhases())
        nodes = phases_of(build, element, list(dss.CktElement.NodeOrder()))
        here, there = nodes[:n], nodes[-n:]
        if here != there or min(here) < 0 or len(set(here)) != n:
            raise build.fail(element, "does not join the same phases at its two ends")
        start, end = (bus_of(b) for b in dss.CktElement.BusNames())
        is_open = bool(dss.CktElement.IsOpen(1, 0) or dss.CktElement.IsOpen(2, 0))
        length = float(dss.Lines.Length())
        r, x, nanofarad = (
            np.asarray(matrix).reshape(n, n) * length
            for matrix in (dss.Lines.RMatrix(), dss.Lines.XMatrix(), dss.Lines.CMatrix())
        )
        shunt = 2e-9 * np.pi * frequency * nanofarad
        build.pieces.append(
            Piece(
                id=element,
                from_bus=start,
                to_bus=end,
                phases=mask_of(here),
                z=_spread(np.asarray(r + 1j * x, dtype=np.complex128), here),
                kind="switch" if is_open or dss.Lines.IsSwitch() else "line",
                b=_charging(shunt, here),
                amps=np.full(3, line_amps(dss, rated_codes)),
                length_km=length * _KM.get(int(dss.Lines.Units()), 0.0),
                closed=not is_open,
            )
        )


def _spread(z: ComplexArray, phases: Sequence[int]) -> ComplexArray:
    full = np.zeros((3, 3), dtype=np.complex128)
    full[np.ix_(list(phases), list(phases))] = z
    return full


def _charging(shunt: FloatArray, phases: Sequence[int]) -> FloatArray:
    return np.where(
        mask_of(phases), charging_per_phase(_spread(shunt.astype(np.complex128), phases).real), 0.0
    )


def _read_reactors(dss: Any, build: Builder) -> None:
    for _ in dss.Reactors:
        element = f"reactor.{dss.Reactors.Name().lower()}"
        n = int(dss.CktElement.NumPhases())
        nodes = phases_of(build, element, list(dss.CktElement.NodeOrder()))
        start, end = (bus_of(b) for b in dss.CktElement.BusNames())
        here, there = nodes[:n], nodes[n:]
        if start == end and max(there, default=-1) < 0:
            total = -1j * float(dss.Reactors.kvar())
            power = wye_equivalent(total, here, n if dss.Reactors.IsDelta() else 0)
            build.capacitors.append(Injection(element, start, power, total, mask_of(here)))
            continue
        if here != there or min(here) < 0:
            raise build.fail(element, "does not join the same phases at its two ends")
        y = _square(dss.CktElement.YPrim(), 2 * n)
        z = np.asarray(np.linalg.inv(-y[:n, n:]), dtype=np.complex128)
        amps = np.full(3, reactor_amps(dss))
        build.pieces.append(
            Piece(element, start, end, mask_of(here), _spread(z, here), "line", amps=amps)
        )


# ------------------------------------------------------------------------------- transformers
def _read_transformers(dss: Any, build: Builder) -> None:
    regulated = {dss.RegControls.Transformer().lower() for _ in dss.RegControls}
    banks: dict[tuple[str, str], list[tuple[Piece, tuple[int, int]]]] = {}
    shifted, cored = [], []
    for _ in dss.Transformers:
        name = dss.Transformers.Name().lower()
        element = f"transformer.{name}"
        windings = _windings(dss)
        ends = [bus_of(b) for b in dss.CktElement.BusNames()]
        width = int(dss.CktElement.NumConductors())
        nodes = phases_of(build, element, list(dss.CktElement.NodeOrder()))
        terminals = [nodes[k * width : (k + 1) * width] for k in range(len(windings))]
        single = dss.CktElement.NumPhases() == 1
        if single and (len(windings) == 3 or windings[1]["kv"] < _LOW_VOLTAGE_KV):
            live = tuple(k for k in terminals[0] if k >= 0)
            build.services.append(Service(element, ends[0], live, tuple(ends[1:])))
            continue
        if len(windings) != 2:
            raise build.fail(element, f"has {len(windings)} windings: only two are supported")
        if float(dss.Properties.Value("%noloadloss")) or float(dss.Properties.Value("%imag")):
            cored.append(element)
        piece = _transformer(build, element, ends, windings, single=single)
        piece.kind = "regulator" if name in regulated else "transformer"
        here, there = ([k for k in t if k >= 0] for t in terminals)
        if single and len(here) == 2:
            if here != there:
                raise build.fail(element, "joins different phases at its two ends")
            banks.setdefault((ends[0], ends[1]), []).append((piece, (here[0], here[1])))
            continue
        if here != there:
            raise build.fail(element, "joins different phases at its two ends")
        if windings[0]["delta"] or windings[1]["delta"]:
            shifted.append(element)
        piece.phases = mask_of(here)
        piece.z = np.where(np.diag(piece.phases), piece.z, 0)
        piece.ratio = np.where(piece.phases, piece.ratio, 1.0)
        build.pieces.append(piece)
    for (start, end), units in banks.items():
        _open_delta(build, start, end, units)
    if shifted:
        build.notes.append(
            f"{count(len(shifted), 'transformer')} with a delta winding taken phase by phase: no "
            f"phase shift, zero sequence as positive ({', '.join(shifted[:6])})"
        )
    if cored:
        build.notes.append(f"core losses of {count(len(cored), 'transformer')} left out")


def _windings(dss: Any) -> list[dict[str, float]]:
    rows = []
    for w in range(1, int(dss.Transformers.NumWindings()) + 1):
        dss.Transformers.Wdg(w)
        rows.append(
            {
                "kv": float(dss.Transformers.kV()),
                "kva": float(dss.Transformers.kVA()),
                "r": float(dss.Transformers.R()) / 100,
                "tap": float(dss.Transformers.Tap()),
                "delta": float(bool(dss.Transformers.IsDelta())),
                "xhl": float(dss.Transformers.Xhl()) / 100,
            }
        )
    return rows


def _transformer(
    build: Builder, element: str, ends: list[str], windings: list[dict[str, float]], *, single: bool
) -> Piece:
    """Impedance (ohm) and ampacity on the second winding, and the ratio of each phase."""
    one, two = windings
    kv = [w["kv"] * w["tap"] for w in windings]
    z = (one["r"] + two["r"] + 1j * one["xhl"]) * kv[1] ** 2 * 1e3 / one["kva"]
    # Rated kV of both windings is line to line, or both line to neutral: the factor cancels.
    ratio = (kv[1] / build.buses[ends[1]].kv_ln) / (kv[0] / build.buses[ends[0]].kv_ln)
    amps = two["kva"] / (two["kv"] * (1.0 if single else SQRT3))
    return Piece(
        id=element,
        from_bus=ends[0],
        to_bus=ends[1],
        phases=np.ones(3, dtype=np.bool_),
        z=np.asarray(z * np.eye(3), dtype=np.complex128),
        kind="transformer",
        ratio=np.full(3, ratio),
        amps=np.full(3, amps),
    )


def _open_delta(
    build: Builder, start: str, end: str, units: list[tuple[Piece, tuple[int, int]]]
) -> None:
    """Turn line-to-line units between two buses into one bank of phase ratios.

    The phase both units share passes through a jumper, which is an element of its own and is
    joined to the bank when elements side by side are merged.
    """
    first = units[0][0]
    try:
        ratio = open_delta_ratio({pair: float(piece.ratio[0]) for piece, pair in units})
    except ValueError as error:
        raise build.fail(first.id, str(error)) from error
    common = set(units[0][1]) & set(units[1][1])
    bank = Piece(
        id="+".join([first.id, *(piece.id.split(".", 1)[1] for piece, _ in units[1:])]),
        from_bus=start,
        to_bus=end,
        phases=np.zeros(3, dtype=np.bool_),
        z=np.zeros((3, 3), dtype=np.complex128),
        kind=first.kind,
        ratio=ratio,
    )
    for piece, pair in units:
        (outer,) = set(pair) - common
        bank.phases[outer] = True
        bank.z[outer, outer] = piece.z[0, 0]
        bank.amps[outer] = piece.amps[0]
    build.pieces.append(bank)
    build.notes.append(
        f"open-delta bank {bank.id}: one ratio for each phase, taken about the centroid of the "
        f"regulated line voltages ({', '.join(f'{r:.4f}' for r in ratio)})"
    )
