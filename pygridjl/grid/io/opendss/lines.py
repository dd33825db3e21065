"""Reads the lines, and what else lies in series, of a compiled OpenDSS circuit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pygridjl.core.types import ComplexArray, FloatArray
from pygridjl.grid.io.opendss.circuit import Circuit, Piece, count, some
from pygridjl.grid.io.opendss.common import (
    bus_of,
    element_names,
    mask_of,
    phases_of,
    spread,
    square,
)
from pygridjl.grid.io.opendss.equivalents import charging_per_phase
from pygridjl.grid.io.opendss.ratings import codes_with_rating, line_amps, reactor_amps

__all__ = ["read_lines", "read_series"]

# Numbering of OpenDSS's ``Lines.Units``: mi, kft, km, m, ft, in, cm, mm.
_KM = {1: 1.609344, 2: 0.3048, 3: 1.0, 4: 1e-3, 5: 3.048e-4, 6: 2.54e-5, 7: 1e-5, 8: 1e-6}
# The length that Switch=yes gives a line.
_DUMMY_LENGTH = 0.001
_SAME_PHASES = (
    "does not join the same phases at its two ends (bus1, bus2), which no model of phases can "
    "hold: list the same nodes in the same order, or disable it"
)


def read_lines(dss: Any, circuit: Circuit) -> None:
    """Read the lines; what is opened, or a switch that is disabled, becomes an open branch."""
    names = list(element_names(dss, "line"))
    declared, coded = _switches(dss)
    rated_codes = codes_with_rating(dss)
    frequency = float(dss.Solution.Frequency())
    poles, neutrals, dummies, disabled = [], [], [], []
    for name in names:
        dss.Circuit.SetActiveElement(f"line.{name}")
        dss.Lines.Name(name)
        element, enabled = f"line.{name}", bool(dss.CktElement.Enabled())
        if not enabled and declared and name not in declared:
            continue  # it is not there at all
        ends = [bus_of(bus) for bus in dss.CktElement.BusNames()]
        if not enabled and any(bus not in circuit.buses for bus in ends):
            continue
        n = int(dss.CktElement.NumPhases())
        nodes = phases_of(dss, circuit, element)
        here, there = nodes[:n], nodes[-n:]
        live = [k for k in range(n) if here[k] >= 0]
        phases = [here[k] for k in live]
        if here != there or not live or len(set(phases)) != len(live):
            raise circuit.fail(element, _SAME_PHASES)
        shut = [
            k
            for k in live
            if enabled and not (dss.CktElement.IsOpen(1, k + 1) or dss.CktElement.IsOpen(2, k + 1))
        ]
        z, charge = _matrices(dss, n, frequency, from_code=coded)
        base = float(dss.Properties.Value("basefreq") or frequency)
        if enabled and len(shut) == n and base != frequency:
            # Ground return goes with the frequency in a way of its own: the engine has done it.
            z = np.asarray(np.linalg.inv(-square(dss.CktElement.YPrim(), 2 * n)[:n, n:]))
        dummies += [element] * (name in declared and not coded and _is_dummy(dss))
        disabled += [element] * (not enabled)
        if len(live) < n:
            z = _without(z, live)
            neutrals.append(element)
        shunt = charge[np.ix_(live, live)]
        if shut and len(shut) < len(live):
            keep = [live.index(k) for k in shut]
            z, shunt = z[np.ix_(keep, keep)], shunt[np.ix_(keep, keep)]
            phases = [here[k] for k in shut]
            poles.append(element)
        circuit.pieces.append(
            Piece(
                id=element,
                from_bus=ends[0],
                to_bus=ends[1],
                phases=mask_of(phases),
                z=spread(z, phases),
                kind="switch" if not shut or name in declared else "line",
                b=_charging(shunt, phases),
                amps=np.full(3, line_amps(dss, rated_codes)),
                length_km=float(dss.Lines.Length()) * _KM.get(int(dss.Lines.Units()), 0.0),
                closed=bool(shut),
                declared=name in declared,
            )
        )
    _say(circuit, poles, neutrals, dummies, disabled, coded=len(declared) if coded else 0)


def _switches(dss: Any) -> tuple[set[str], bool]:
    """Return the lines declared as switches, and whether their line codes are meant.

    ``Switch=yes`` gives a line a dummy impedance, whatever its line code. A circuit all of whose
    lines are switches with a line code means the codes.
    """
    declared: set[str] = set()
    every = True
    for name in element_names(dss, "line"):
        dss.Lines.Name(name)
        if dss.Lines.IsSwitch():
            declared.add(name)
            every = every and bool(dss.Lines.LineCode())
        elif dss.CktElement.Enabled():
            every = False
    return declared, bool(declared) and every


def _is_dummy(dss: Any) -> bool:
    return float(dss.Lines.Length()) == _DUMMY_LENGTH


def _matrices(
    dss: Any, n: int, frequency: float, *, from_code: bool
) -> tuple[ComplexArray, FloatArray]:
    """Return series impedance, ohm, and shunt susceptance, S, of the active line, shape (n, n)."""
    length = float(dss.Lines.Length())
    if from_code:
        dss.LineCodes.Name(dss.Lines.LineCode())
        length = 1.0 if _is_dummy(dss) else length
        flat = dss.LineCodes.Rmatrix(), dss.LineCodes.Xmatrix(), dss.LineCodes.Cmatrix()
    else:
        flat = dss.Lines.RMatrix(), dss.Lines.XMatrix(), dss.Lines.CMatrix()
    r, x, nanofarad = (np.asarray(matrix).reshape(n, n) * length for matrix in flat)
    x = x * frequency / float(dss.Properties.Value("basefreq") or frequency)
    z = np.asarray(r + 1j * x, dtype=np.complex128)
    return z, np.asarray(2e-9 * np.pi * frequency * nanofarad, dtype=np.float64)


def _say(
    circuit: Circuit,
    poles: list[str],
    neutrals: list[str],
    dummies: list[str],
    disabled: list[str],
    *,
    coded: int,
) -> None:
    notes = [
        (neutrals, "the grounded neutral of {} is reduced"),
        (poles, "{} with an open pole carry the other phases"),
        (disabled, "{} that the script disables are open"),
        (dummies, "{} with the milliohm that Switch=yes gives"),
    ]
    for elements, text in notes:
        if elements:
            listed = f"{text.format(count(len(elements), 'line'))}: {some(elements)}"
            circuit.notes.append(listed)
    if coded:
        circuit.notes.append(
            f"{count(coded, 'switch', 'switches')}, all lines of the circuit, carry the impedance "
            "of their line code; OpenDSS itself gives them a milliohm"
        )


def _without(z: ComplexArray, kept: Sequence[int]) -> ComplexArray:
    """Kron's reduction: the conductors not kept are grounded at both ends."""
    gone = [k for k in range(z.shape[0]) if k not in kept]
    cross = z[np.ix_(kept, gone)]
    reduced = z[np.ix_(kept, kept)] - cross @ np.linalg.solve(z[np.ix_(gone, gone)], cross.T)
    return np.asarray(reduced, dtype=np.complex128)


def _charging(shunt: FloatArray, phases: Sequence[int]) -> FloatArray:
    full = spread(shunt.astype(np.complex128), phases).real
    return np.where(mask_of(phases), charging_per_phase(full), 0.0)


def read_series(dss: Any, circuit: Circuit) -> None:
    """Read the reactors and capacitors in series between two buses."""
    for kind in ("reactor", "capacitor"):
        for name in element_names(dss, kind):
            if not dss.CktElement.Enabled():
                continue
            element, n = f"{kind}.{name}", int(dss.CktElement.NumPhases())
            ends = [bus_of(b) for b in dss.CktElement.BusNames()]
            start, end = ends[0], ends[-1]
            nodes = phases_of(dss, circuit, element)
            here, there = nodes[:n], nodes[n:]
            if start == end or max(there, default=-1) < 0:
                continue  # a shunt
            if here != there or min(here) < 0:
                raise circuit.fail(element, _SAME_PHASES)
            y = square(dss.CktElement.YPrim(), 2 * n)
            z = np.asarray(np.linalg.inv(-y[:n, n:]), dtype=np.complex128)
            amps = np.full(3, reactor_amps(dss) if kind == "reactor" else np.inf)
            circuit.pieces.append(
                Piece(element, start, end, mask_of(here), spread(z, here), "line", amps=amps)
            )
