"""Reads the transformers of a compiled OpenDSS circuit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pygridjl.grid.io.opendss.circuit import Circuit, Injection, Piece, Service, count, some
from pygridjl.grid.io.opendss.common import SQRT3, bus_of, mask_of, phases_of
from pygridjl.grid.io.opendss.equivalents import open_delta_ratio, wye_equivalent
from pygridjl.grid.io.opendss.ratings import stated_rating
from pygridjl.grid.io.opendss.units import LEAST_RATIO, MOST_RATIO
from pygridjl.grid.io.opendss.windings import Winding, windings_of

__all__ = ["read_transformers"]

_LOW_VOLTAGE_KV = 1.0
# Rated voltages this near are those of a regulator.
_SAME_LEVEL = 0.2


@dataclass
class _Unit:
    """One transformer between two buses with the phases at both, −1 left out."""

    piece: Piece
    windings: list[Winding]
    here: list[int]
    there: list[int]
    core: complex
    terminals: list[list[int]]

    @property
    def id(self) -> str:
        return self.piece.id


def read_transformers(dss: Any, circuit: Circuit) -> None:
    """Read the transformers; single-phase units between two phases are put together."""
    regulated = {dss.RegControls.Transformer().lower() for _ in dss.RegControls}
    banks: dict[tuple[str, str], list[_Unit]] = {}
    mixed = _mixed(dss, circuit)
    for _ in dss.Transformers:
        element = f"transformer.{dss.Transformers.Name().lower()}"
        windings = windings_of(dss)
        ends = [bus_of(b) for b in dss.CktElement.BusNames()]
        width = int(dss.CktElement.NumConductors())
        # Of a wye and a delta no current leaves the neutral, as our vector groups have it.
        ungrounded = len({w.delta for w in windings}) == 2 and dss.CktElement.NumPhases() == 3
        nodes = phases_of(dss, circuit, element, may_float=ungrounded)
        terminals = [nodes[k * width : (k + 1) * width] for k in range(len(windings))]
        single = dss.CktElement.NumPhases() == 1
        here, there = ([k for k in t if k >= 0] for t in terminals[:2])
        if single and len(windings) == 3:
            circuit.services.append(_service(dss, circuit, element, ends, windings, terminals))
            continue
        if len(windings) != 2:
            detail = (
                f"has {len(windings)} windings (windings), only two are supported: leave out the "
                "one that carries nothing, or model it as two transformers"
            )
            raise circuit.fail(element, detail)
        unit = _unit(dss, circuit, element, ends, windings, terminals, single=single)
        if element.split(".", 1)[1] in regulated:
            unit.piece.kind = "regulator"
        if (ends[0], ends[1]) in mixed:
            banks.setdefault((ends[0], ends[1]), []).append(unit)
            continue
        if here != there:
            detail = "joins different phases at its two ends (buses): list the same nodes at both"
            raise circuit.fail(element, detail)
        piece = unit.piece
        piece.phases = mask_of(here)
        piece.z = np.where(np.diag(piece.phases), piece.z, 0)
        piece.ratio = np.where(piece.phases, piece.ratio, 1.0)
        _add(circuit, piece, [unit])
    for units in banks.values():
        _bank(circuit, units)
    cored = [row.id.removesuffix(" core") for row in circuit.shunts if row.kind == "core"]
    if cored:
        circuit.notes.append(
            f"the cores of {count(len(cored), 'transformer')} are shunts: {some(cored)}"
        )


def _mixed(dss: Any, circuit: Circuit) -> set[tuple[str, str]]:
    """Buses between which a single-phase unit joins other phases than the same one to ground."""
    found = set()
    for _ in dss.Transformers:
        if dss.CktElement.NumPhases() == 1:
            ends = [bus_of(b) for b in dss.CktElement.BusNames()]
            element = f"transformer.{dss.Transformers.Name().lower()}"
            nodes = phases_of(dss, circuit, element)
            live = [[k for k in nodes[at : at + 2] if k >= 0] for at in (0, 2)]
            if live[0] != live[1] or len(live[0]) != 1 or len(ends) > 2:
                found.add((ends[0], ends[1]))
    return found


def _service(
    dss: Any,
    circuit: Circuit,
    element: str,
    ends: list[str],
    windings: list[Winding],
    terminals: list[list[int]],
) -> Service:
    """Return the active single-phase unit with the ends of its windings."""
    one, *others = windings
    # Leakage between each two windings, p.u. of the first one's rating.
    leak = [float(dss.Transformers.Xhl()) / 100]
    if len(others) == 2:
        leak += [float(dss.Transformers.Xht()) / 100, float(dss.Transformers.Xlt()) / 100]
    z = np.zeros((len(others), len(others)), dtype=np.complex128)
    for k, winding in enumerate(others):
        z[k, k] = complex(one.r + winding.r * one.kva / winding.kva, leak[k])
    if len(others) == 2:
        z[0, 1] = z[1, 0] = complex(one.r, (leak[0] + leak[1] - leak[2]) / 2)
    kv = np.array([winding.kv * winding.tap for winding in others])
    places = [_pair(terminal) for terminal in terminals[1:]]
    core = _core(dss)
    return Service(
        id=element,
        bus=ends[0],
        start=_pair(terminals[0]),
        secondary=tuple(ends[1:]),
        ends=tuple(places),
        ratios=tuple((kv / (one.kv * one.tap)).tolist()),
        z=z * np.outer(kv, kv) * 1e3 / one.kva,
        amps=(stated_rating(dss) or one.kva) / sum(winding.kv for winding in others),
        cores=[_iron(circuit, element, ends[-1], core, others[-1], places[-1])] if core else [],
        low=all(winding.kv < _LOW_VOLTAGE_KV for winding in others),
    )


def _pair(nodes: list[int]) -> tuple[int, int]:
    """Return the phases between which a winding lies; −1 for ground."""
    return (nodes[0], nodes[1])


def _core(dss: Any) -> complex:
    """Iron and magnetising current of the active transformer, % of its rating."""
    return complex(float(dss.Properties.Value("%noloadloss")), float(dss.Properties.Value("%imag")))


def _iron(
    circuit: Circuit, element: str, bus: str, core: complex, last: Winding, ends: tuple[int, int]
) -> Injection:
    """Return the core of a single-phase unit, which the engine has at the last winding."""
    between = min(ends) >= 0
    rated = last.kv * last.tap / (SQRT3 if between else 1.0)
    power = -core / 100 * last.kva * (circuit.buses[bus].kv_ln / rated) ** 2
    return Injection(
        f"{element} core",
        bus,
        wye_equivalent(power, [ends]),
        power,
        mask_of(ends),
        kind="core",
        parts=(ends,),
        connection="delta" if between else "wye",
    )


def _add(circuit: Circuit, piece: Piece, units: list[_Unit]) -> None:
    """Add what some units make together, with their cores."""
    one, two = units[0].windings
    bases = [circuit.buses[end].kv_ln for end in (piece.from_bus, piece.to_bus)]
    if not (piece.ratio > LEAST_RATIO).all() or not (piece.ratio < MOST_RATIO).all():
        detail = (
            f"kVs {one.kv:g} and {two.kv:g}: the voltage levels do not match those of its buses "
            f"({piece.from_bus} {bases[0] * SQRT3:.4g} kV, {piece.to_bus} {bases[1] * SQRT3:.4g} "
            "kV line to line); check kVs, the buses and the lines that join them"
        )
        raise circuit.fail(piece.id, detail)
    circuit.pieces.append(piece)
    for unit in units:
        if unit.core:
            there = unit.there
            # The engine has the core at the last winding, at that winding's rated voltage.
            last = unit.windings[-1]
            neutral = len(units) > 1 or unit.piece.phases.sum() == 1
            rated = last.kv * last.tap / (1.0 if neutral and len(there) == 1 else SQRT3)
            power = -unit.core / 100 * last.kva * (bases[1] / rated) ** 2
            between = len(units) > 1 and len(there) == 2
            parts = [(there[0], there[1])] if between else [(k, -1) for k in there]
            circuit.shunts.append(
                Injection(
                    f"{unit.id} core",
                    piece.to_bus,
                    wye_equivalent(power, parts),
                    power,
                    mask_of(there),
                    kind="core",
                )
            )


def _unit(
    dss: Any,
    circuit: Circuit,
    element: str,
    ends: list[str],
    windings: list[Winding],
    terminals: list[list[int]],
    *,
    single: bool,
) -> _Unit:
    """Impedance (ohm) and ampacity on the second winding, and the ratio of each phase."""
    one, two = windings
    here, there = ([k for k in t if k >= 0] for t in terminals)
    # A single-phase unit between two phases is rated line to line, others as their fellows.
    scale = [SQRT3 if single and len(t) == 2 else 1.0 for t in (here, there)]
    kv = [w.kv * w.tap / s for w, s in zip(windings, scale, strict=True)]
    percent = complex(one.r + two.r * one.kva / two.kva, float(dss.Transformers.Xhl()) / 100)
    z = percent * (two.kv * two.tap) ** 2 * 1e3 / one.kva
    # Rated kV of both windings is line to line, or both line to neutral: the factor cancels.
    bases = [circuit.buses[end].kv_ln for end in ends]
    ratio = (kv[1] / bases[1]) / (kv[0] / bases[0])
    amps = (stated_rating(dss) or two.kva) / (two.kv * (1.0 if single else SQRT3))
    group = ""
    if not single and (one.delta or two.delta):
        # The lower voltage lags the higher by 30 degrees, or leads where the script says so.
        leads = str(dss.Properties.Value("leadlag")).lower()[:2] in ("le", "eu")
        hour = 0 if one.delta == two.delta else 11 if (one.kv < two.kv) != leads else 1
        group = f"{'D' if one.delta else 'Y'}{'d' if two.delta else 'y'}{hour}"
    piece = Piece(
        id=element,
        from_bus=ends[0],
        to_bus=ends[1],
        phases=np.ones(3, dtype=np.bool_),
        z=np.asarray(z * np.eye(3), dtype=np.complex128),
        kind="transformer",
        ratio=np.full(3, ratio),
        amps=np.full(3, amps),
        shift=_TURN[group[2:]],
        group=group,
    )
    return _Unit(piece, windings, here, there, _core(dss), terminals)


def _bank(circuit: Circuit, units: list[_Unit]) -> None:
    """Put units together of which some stand between two phases."""
    if len(units) == 3 and _group(units):
        _add(circuit, _whole(units), units)
    elif len(units) == 2 and all(map(_regulates, units)):
        _add(circuit, _open_delta(circuit, units), units)
    else:
        circuit.services += [_of_unit(circuit, unit) for unit in units]


def _regulates(unit: _Unit) -> bool:
    """Whether a unit joins two phases to the same two at one voltage level."""
    one, two = unit.windings
    level = abs(one.kv - two.kv) < _SAME_LEVEL * two.kv
    return level and len(unit.here) == 2 and unit.here == unit.there


def _of_unit(circuit: Circuit, unit: _Unit) -> Service:
    """Return a unit of two windings with the ends of its windings."""
    one, two = unit.windings
    start, end = (_pair(terminal) for terminal in unit.terminals)
    bus = unit.piece.to_bus
    return Service(
        id=unit.id,
        bus=unit.piece.from_bus,
        start=start,
        secondary=(bus,),
        ends=(end,),
        ratios=(two.kv * two.tap / (one.kv * one.tap),),
        z=unit.piece.z[:1, :1],
        amps=float(unit.piece.amps[0]),
        cores=[_iron(circuit, unit.id, bus, unit.core, two, end)] if unit.core else [],
        low=two.kv < _LOW_VOLTAGE_KV,
    )


# By how much the from side leads at an hour of the vector group, rad.
_TURN = {"": 0.0, "0": 0.0, "1": np.pi / 6, "11": -np.pi / 6}


def _group(units: list[_Unit]) -> str:
    """Return the vector group that three units make, one a phase; empty if they make none."""
    hours = set()
    for unit in units:
        here, there = unit.here, unit.there
        if len(here) == len(there) == 2 and here == there:
            hours.add(("Dd0", here[0], (here[1] - here[0]) % 3))
        elif len(here) == 2 and len(there) == 1 and here[0] == there[0]:
            # From a to b is 30 degrees ahead of a, from a to c behind it.
            step = (here[1] - here[0]) % 3
            hours.add(("Dy11" if step == 1 else "Dy1", here[0], step))
        elif len(here) == 1 and len(there) == 2 and here[0] == there[0]:
            step = (there[1] - there[0]) % 3
            hours.add(("Yd1" if step == 1 else "Yd11", here[0], step))
    alike = len({(name, step) for name, _, step in hours}) == 1
    return next(iter(hours))[0] if alike and len(hours) == 3 else ""


def _whole(units: list[_Unit]) -> Piece:
    """Three units with a triangle on one side at least, as one three-phase transformer."""
    one = units[0]
    there, piece = len(one.there) == 2, one.piece
    # A triangle of impedances is a star of a third of each.
    z = np.mean([unit.piece.z[0, 0] for unit in units]) / (3.0 if there else 1.0)
    group = _group(units)
    return Piece(
        id=_together(units),
        from_bus=piece.from_bus,
        to_bus=piece.to_bus,
        phases=np.ones(3, dtype=np.bool_),
        z=np.asarray(z * np.eye(3), dtype=np.complex128),
        kind=piece.kind,
        ratio=np.full(3, float(np.mean([unit.piece.ratio[0] for unit in units]))),
        amps=np.full(3, min(u.piece.amps[0] for u in units) * (SQRT3 if there else 1.0)),
        shift=_TURN[group[2:]],
        group=group,
    )


def _open_delta(circuit: Circuit, units: list[_Unit]) -> Piece:
    """Return one bank for line-to-line units between two buses, with ratios of phases besides.

    The phase both units share passes through a jumper, which is an element of its own and is
    joined to the bank when elements side by side are merged.
    """
    first = units[0].piece
    pairs = [(unit.here[0], unit.here[1]) for unit in units]
    ratios = [float(unit.piece.ratio[0]) for unit in units]
    try:
        ratio = open_delta_ratio(dict(zip(pairs, ratios, strict=True)))
    except ValueError as error:
        raise circuit.fail(first.id, str(error)) from error
    common = set(pairs[0]) & set(pairs[1])
    bank = Piece(
        id=_together(units),
        from_bus=first.from_bus,
        to_bus=first.to_bus,
        phases=np.zeros(3, dtype=np.bool_),
        z=np.zeros((3, 3), dtype=np.complex128),
        kind="regulator",
        ratio=ratio,
    )
    (shared,) = common
    for unit, pair in zip(units, pairs, strict=True):
        (outer,) = set(pair) - common
        bank.phases[outer] = True
        bank.gain[outer, outer] = unit.piece.ratio[0]
        bank.gain[outer, shared] = 1.0 - unit.piece.ratio[0]
        bank.z[outer, outer] = unit.piece.z[0, 0]
        bank.amps[outer] = unit.piece.amps[0]
    listed = ", ".join(f"{r:.4f}" for r in ratio)
    circuit.notes.append(
        f"open-delta bank {bank.id}: but for the AC power flow one ratio for each phase, taken "
        f"about the centroid of the regulated line voltages ({listed})"
    )
    return bank


def _together(units: list[_Unit]) -> str:
    return "+".join([units[0].id, *(unit.id.split(".", 1)[1] for unit in units[1:])])
