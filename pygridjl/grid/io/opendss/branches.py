"""Reads buses, source and series elements of a compiled OpenDSS circuit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pygridjl.core.types import ComplexArray, FloatArray
from pygridjl.grid.io.opendss.circuit import Bus, Injection, Piece, Service, count, some
from pygridjl.grid.io.opendss.common import (
    SQRT3,
    bus_of,
    grounded_neutrals,
    mask_of,
    phases_of,
)
from pygridjl.grid.io.opendss.equivalents import (
    charging_per_phase,
    open_delta_ratio,
    parts_of,
    wye_equivalent,
)
from pygridjl.grid.io.opendss.ratings import (
    codes_with_rating,
    line_amps,
    reactor_amps,
    stated_rating,
)
from pygridjl.grid.io.opendss.simplify import Builder

__all__ = ["read_branches"]

# Numbering of OpenDSS's ``Lines.Units``: mi, kft, km, m, ft, in, cm, mm.
_KM = {1: 1.609344, 2: 0.3048, 3: 1.0, 4: 1e-3, 5: 3.048e-4, 6: 2.54e-5, 7: 1e-5, 8: 1e-6}
_LOW_VOLTAGE_KV = 1.0
# A source impedance below this many p.u. changes no voltage that is written with five digits.
STIFF = 1e-5


def read_branches(dss: Any, build: Builder) -> None:
    """Read buses, source, transformers, lines and series reactors."""
    build.grounded = grounded_neutrals(dss)
    _read_buses(dss, build)
    _fill_bases(dss, build)
    _read_source(dss, build)
    _read_lines(dss, build)
    _read_reactors(dss, build)
    build.settle_bases()
    _read_transformers(dss, build)


def _read_buses(dss: Any, build: Builder) -> None:
    for name in dss.Circuit.AllBusNames():
        dss.Circuit.SetActiveBus(name)
        bus = Bus(kv_ln=float(dss.Bus.kVBase()))
        if dss.Bus.Coorddefined():
            bus.x, bus.y = float(dss.Bus.X()), float(dss.Bus.Y())
        build.buses[name.lower()] = bus


def _fill_bases(dss: Any, build: Builder) -> None:
    """Give buses without a voltage base the one that source, lines and transformers imply."""
    missing = [name for name, bus in build.buses.items() if bus.kv_ln <= 0]
    if not missing:
        return
    links: dict[str, list[tuple[str, float]]] = {}

    def join(one: str, two: str, ratio: float) -> None:
        links.setdefault(one, []).append((two, ratio))
        links.setdefault(two, []).append((one, 1.0 / ratio))

    for name in dss.Circuit.AllElementNames():
        if name.split(".", 1)[0].lower() in ("line", "reactor"):
            dss.Circuit.SetActiveElement(name)
            ends = [bus_of(bus) for bus in dss.CktElement.BusNames()]
            join(ends[0], ends[-1], 1.0)
    for _ in dss.Transformers:
        ends = [bus_of(bus) for bus in dss.CktElement.BusNames()]
        width, order = int(dss.CktElement.NumConductors()), list(dss.CktElement.NodeOrder())
        to_neutral = []
        for k, winding in enumerate(_windings(dss)):
            live = sum(node > 0 for node in order[k * width : (k + 1) * width])
            between = dss.CktElement.NumPhases() > 1 or live > 1
            to_neutral.append(winding["kv"] / (SQRT3 if between else 1.0))
        for end, kv in zip(ends[1:], to_neutral[1:], strict=True):
            join(ends[0], end, kv / to_neutral[0])
    dss.Vsources.First()
    start = bus_of(dss.CktElement.BusNames()[0])
    if build.buses[start].kv_ln <= 0:
        build.buses[start].kv_ln = float(dss.Vsources.BasekV()) / SQRT3
    queue = [name for name, bus in build.buses.items() if bus.kv_ln > 0]
    while queue:
        at = queue.pop()
        for other, ratio in links.get(at, ()):
            if build.buses[other].kv_ln <= 0:
                build.buses[other].kv_ln = build.buses[at].kv_ln * ratio
                queue.append(other)
    for name in missing:
        if build.buses[name].kv_ln <= 0:
            raise build.fail(f"bus {name}", "has no voltage base, and nothing leads to one")
    build.notes.append(
        f"the voltage base of {count(len(missing), 'bus', 'buses')} follows from the source and "
        "the transformers: the script does not calculate it"
    )


def _read_source(dss: Any, build: Builder) -> None:
    names = []
    for name in dss.Circuit.AllElementNames():
        if name.lower().startswith("vsource."):
            dss.Circuit.SetActiveElement(name)
            if dss.CktElement.Enabled():
                names.append(name)
    if len(names) != 1:
        detail = f"a feeder has one source, this circuit has {len(names)} in service"
        raise build.fail("vsource", f"{detail}; pygridjl.load_network takes several")
    dss.Vsources.First()
    if dss.CktElement.NumPhases() != 3:
        raise build.fail(names[0], "the source must have three phases")
    bus = bus_of(dss.CktElement.BusNames()[0])
    kv = build.buses[bus].kv_ln
    build.v_set = float(dss.Vsources.PU()) * float(dss.Vsources.BasekV()) / SQRT3 / kv
    z = np.asarray(np.linalg.inv(_square(dss.CktElement.YPrim(), 6)[:3, :3]), dtype=np.complex128)
    order = [int(node) - 1 for node in dss.CktElement.NodeOrder()[:3]]
    size = abs(z[0, 0] - z[0, 1]) / kv**2 * build.phase_mva
    if size < STIFF:
        build.source_bus = bus
        build.notes.append(
            f"the source impedance ({size:.2g} p.u.) is left out; bus {bus} stays at "
            f"{build.v_set:g} p.u."
        )
        return
    inner = f"{bus}_source"
    place = build.buses[bus]
    build.buses[inner] = Bus(kv_ln=kv, x=place.x, y=place.y)
    build.source_bus = inner
    everywhere = np.ones(3, dtype=np.bool_)
    build.pieces.append(
        Piece(names[0].lower(), inner, bus, everywhere, _spread(z, order), "source")
    )
    build.notes.append(
        f"the source impedance ({size:.2g} p.u.) is the branch {names[0].lower()}; {build.v_set:g} "
        "p.u. stand behind it, and its losses are not the feeder's"
    )


def _square(flat: Any, n: int) -> ComplexArray:
    values = np.asarray(flat, dtype=np.float64)
    return (values[::2] + 1j * values[1::2]).reshape(n, n)


# -------------------------------------------------------------------------------------- lines
def _read_lines(dss: Any, build: Builder) -> None:
    frequency = float(dss.Solution.Frequency())
    rated_codes = codes_with_rating(dss)
    poles, neutrals = [], []
    for _ in dss.Lines:
        element = f"line.{dss.Lines.Name().lower()}"
        n = int(dss.CktElement.NumPhases())
        nodes = phases_of(dss, build, element)
        here, there = nodes[:n], nodes[-n:]
        live = [k for k in range(n) if here[k] >= 0]
        phases = [here[k] for k in live]
        if here != there or not live or len(set(phases)) != len(live):
            raise build.fail(element, "does not join the same phases at its two ends")
        start, end = (bus_of(b) for b in dss.CktElement.BusNames())
        shut = [
            k
            for k in live
            if not (dss.CktElement.IsOpen(1, k + 1) or dss.CktElement.IsOpen(2, k + 1))
        ]
        length = float(dss.Lines.Length())
        r, x, nanofarad = (
            np.asarray(matrix).reshape(n, n) * length
            for matrix in (dss.Lines.RMatrix(), dss.Lines.XMatrix(), dss.Lines.CMatrix())
        )
        x = x * frequency / float(dss.Properties.Value("basefreq") or frequency)
        z = np.asarray(r + 1j * x, dtype=np.complex128)
        if len(live) < n:
            z = _without(z, live)
            neutrals.append(element)
        shunt = (2e-9 * np.pi * frequency * nanofarad)[np.ix_(live, live)]
        if shut and len(shut) < len(live):
            keep = [live.index(k) for k in shut]
            z, shunt = z[np.ix_(keep, keep)], shunt[np.ix_(keep, keep)]
            phases = [here[k] for k in shut]
            poles.append(element)
        build.pieces.append(
            Piece(
                id=element,
                from_bus=start,
                to_bus=end,
                phases=mask_of(phases),
                z=_spread(z, phases),
                kind="switch" if not shut or dss.Lines.IsSwitch() else "line",
                b=_charging(shunt, phases),
                amps=np.full(3, line_amps(dss, rated_codes)),
                length_km=length * _KM.get(int(dss.Lines.Units()), 0.0),
                closed=bool(shut),
            )
        )
    if neutrals:
        build.notes.append(
            f"the grounded neutral of {count(len(neutrals), 'line')} is reduced: {some(neutrals)}"
        )
    if poles:
        build.notes.append(
            f"{count(len(poles), 'line')} with an open pole carry the other phases: {some(poles)}"
        )


def _without(z: ComplexArray, kept: Sequence[int]) -> ComplexArray:
    """Kron's reduction: the conductors not kept are grounded at both ends."""
    gone = [k for k in range(z.shape[0]) if k not in kept]
    cross = z[np.ix_(kept, gone)]
    reduced = z[np.ix_(kept, kept)] - cross @ np.linalg.solve(z[np.ix_(gone, gone)], cross.T)
    return np.asarray(reduced, dtype=np.complex128)


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
        nodes = phases_of(dss, build, element)
        start, end = (bus_of(b) for b in dss.CktElement.BusNames())
        here, there = nodes[:n], nodes[n:]
        if max(nodes) < 0:  # it grounds a neutral, which counts as ground
            continue
        if start == end and max(there, default=-1) < 0:
            total = -1j * float(dss.Reactors.kvar())
            parts = parts_of(here, n, delta=bool(dss.Reactors.IsDelta()))
            power = wye_equivalent(total, parts)
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
        nodes = phases_of(dss, build, element)
        terminals = [nodes[k * width : (k + 1) * width] for k in range(len(windings))]
        single = dss.CktElement.NumPhases() == 1
        here, there = ([k for k in t if k >= 0] for t in terminals[:2])
        if single and (
            len(windings) == 3 or (windings[1]["kv"] < _LOW_VOLTAGE_KV and here != there)
        ):
            nodes_2 = tuple(terminals[1]) if len(windings) == 2 else ()
            build.services.append(Service(element, ends[0], tuple(here), tuple(ends[1:]), nodes_2))
            continue
        if len(windings) != 2:
            raise build.fail(element, f"has {len(windings)} windings: only two are supported")
        core = complex(
            float(dss.Properties.Value("%noloadloss")), float(dss.Properties.Value("%imag"))
        )
        if core:
            # The engine has the core at the last winding, at that winding's rated voltage.
            last = windings[-1]
            rated = last["kv"] * last["tap"] / (1.0 if single and len(there) == 1 else SQRT3)
            at_base = (build.buses[ends[-1]].kv_ln / rated) ** 2
            power = -core / 100 * last["kva"] * at_base
            build.capacitors.append(
                Injection(
                    f"{element} core",
                    ends[-1],
                    wye_equivalent(power, [(k, -1) for k in there]),
                    power,
                    mask_of(there),
                )
            )
            cored.append(element)
        piece = _transformer(build, element, ends, windings, single=single)
        if stated_kva := stated_rating(dss):
            piece.amps *= stated_kva / windings[1]["kva"]
        piece.kind = "regulator" if name in regulated else "transformer"
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
        build.notes.append(f"the cores of {count(len(cored), 'transformer')} are shunts")


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
