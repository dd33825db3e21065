"""Single-phase units between other phases at one side than at the other, as gain matrices.

Winding k of a bank has ``N_k V_to = t_k M_k V_from − Σ z_kl i_l``, N and M being the rows of
incidences of its ends. With ``I = Nᵀ i`` the phases behind it see

    V_to = N⁺ t M V_from − (Nᵀ z⁻¹ N)⁺ I,

which is exact where ``t M V`` lies in the range of N for every V: no current circulates in the bank
by itself. A secondary that nothing grounds has its voltages about their centroid.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from pygridjl.core.types import ComplexArray, FloatArray
from pygridjl.grid.io.opendss.bases import islands
from pygridjl.grid.io.opendss.circuit import Circuit, Piece, Service, count, some
from pygridjl.grid.io.opendss.common import SQRT3
from pygridjl.grid.io.opendss.equivalents import wye_equivalent
from pygridjl.grid.nominal import BALANCED, behind_gain

__all__ = ["at_nominal_voltages", "keep_services", "refuse_unheld"]

# A ratio beyond these joins buses whose voltage levels contradict it.
LEAST_RATIO, MOST_RATIO = 0.5, 2.0
# What this share of the voltages of a bank cannot cancel drives a current round it.
_CIRCULATES = 1e-6


@dataclass(frozen=True)
class _Bank:
    """What some units make together: gain in V per V, impedance in ohm of the secondary."""

    gain: FloatArray
    z: ComplexArray
    floats: bool


def keep_services(circuit: Circuit) -> None:
    """Turn the single-phase units of a circuit into branches with a gain, where they are ones.

    Those that are none (the voltages of the units drive a current round the bank, something stands
    between a phase and the ground behind units that ground nothing, secondaries end at two buses)
    stay what they are.

    Parameters
    ----------
    circuit : Circuit
        As read; it changes.
    """
    banks: dict[tuple[str, ...], list[Service]] = {}
    for service in circuit.services:
        banks.setdefault((service.bus, *dict.fromkeys(service.secondary)), []).append(service)
    circuit.services = []
    kept: list[str] = []
    for ends, units in banks.items():
        bank = _together(units) if len(ends) == 2 else None
        if bank is not None and bank.floats and not _leave_out_ground(circuit, units):
            bank = None
        if bank is None:
            circuit.services += units
            continue
        circuit.pieces.append(_piece(circuit, bank, units))
        circuit.shunts += [core for unit in units for core in unit.cores]
        kept.append(circuit.pieces[-1].id)
    if kept:
        circuit.notes.append(
            f"{count(len(kept), 'bank')} of single-phase units between other phases at one side "
            "than at the other are branches with a gain; a, b, c behind them are the conductors 1, "
            f"2, 3 of the script, whatever phases feed those, and cores are shunts: {some(kept)}"
        )


def _together(units: list[Service]) -> _Bank | None:
    """Return the bank that some units make between two buses; None if current circulates in it."""
    before, behind = [], []
    for unit in units:
        for end, ratio in zip(unit.ends, unit.ratios, strict=True):
            before.append(ratio * _incidence(unit.start))
            behind.append(_incidence(end))
    z = np.zeros((len(behind), len(behind)), dtype=np.complex128)
    at = 0
    for unit in units:
        span = slice(at, at + len(unit.z))
        z[span, span], at = unit.z, span.stop
    M, N = np.array(before), np.array(behind)
    inverse = np.linalg.pinv(N)
    if np.abs(N @ inverse @ M - M).max() > _CIRCULATES * np.abs(M).max():
        return None
    gain = inverse @ M
    gain[np.abs(gain) <= 1e-9 * np.abs(gain).max()] = 0.0
    touched = N.any(axis=0)
    if not gain[touched].any(axis=1).all():
        return None
    admittance = N.T @ np.linalg.solve(z, N.astype(np.complex128))
    found = np.asarray(np.linalg.pinv(admittance, rcond=1e-9), dtype=np.complex128)
    return _Bank(gain, (found + found.T) / 2, bool(np.linalg.matrix_rank(N) < touched.sum()))


def _incidence(ends: tuple[int, int]) -> FloatArray:
    row = np.zeros(3)
    for phase, sign in zip(ends, (1.0, -1.0), strict=True):
        if phase >= 0:
            row[phase] += sign
    return row


def _leave_out_ground(circuit: Circuit, units: list[Service]) -> bool:
    """Whether no current flows to ground behind units that ground nothing.

    What grounds one conductor there carries nothing, and is left out. What stands alike between all
    three and the ground holds the centroid there.
    """
    number = {name: k for k, name in enumerate(circuit.buses)}
    wired = [p for p in circuit.pieces if p.kind in ("line", "switch") and p.closed]
    _, island = islands([(number[p.from_bus], number[p.to_bus]) for p in wired], len(number))
    here = island[number[units[0].secondary[0]]]
    if island[number[units[0].bus]] == here:  # a conductor leads past them
        return False
    circuit.floating |= {name for name, k in number.items() if island[k] == here}
    grounding = [
        row
        for row in circuit.injections
        if island[number[row.bus]] == here and any(-1 in part for part in row.parts)
    ]
    if all(len(row.parts) == 3 and len(set(row.parts)) == 3 for row in grounding):
        loads = [row.id for row in grounding if row.kind]
        if loads:
            circuit.notes.append(
                f"{some(loads)} in wye behind units that ground nothing: ours hold the centroid at "
                "ground, in OpenDSS it drifts"
            )
        return True
    shunts = [row for row in grounding if row.kind == ""]
    touched = {phase for row in grounding for part in row.parts for phase in part}
    if len(shunts) == len(grounding) and len(touched - {-1}) == 1:
        gone = {row.id for row in shunts}
        circuit.shunts = [row for row in circuit.shunts if row.id not in gone]
        circuit.notes.append(
            f"{some(sorted(gone))} left out: no current flows where one conductor is grounded; "
            "voltages to ground there are those to the centroid"
        )
        return True
    if shunts:
        detail = (
            f"grounds what {units[0].id} leaves floating, and something else stands to ground "
            "there: ground the winding itself (node 0 in its buses) instead"
        )
        raise circuit.fail(shunts[0].id, detail)
    return False


def _piece(circuit: Circuit, bank: _Bank, units: list[Service]) -> Piece:
    first = units[0]
    ends = first.bus, first.secondary[0]
    kv = [circuit.buses[end].kv_ln for end in ends]
    gain = bank.gain * kv[0] / kv[1]
    phases = np.asarray(bank.gain.any(axis=1))
    sizes = np.abs(gain @ BALANCED)[phases]
    if not (sizes > LEAST_RATIO).all() or not (sizes < MOST_RATIO).all():
        detail = (
            f"kVs: the voltage levels do not match those of its buses ({ends[0]} "
            f"{kv[0] * SQRT3:.4g} kV, {ends[1]} {kv[1] * SQRT3:.4g} kV line to line); check kVs, "
            "the buses and the lines that join them"
        )
        raise circuit.fail(first.id, detail)
    amps = np.full(3, np.inf)
    for unit in units:
        touched = [phase for end in unit.ends for phase in end if phase >= 0]
        amps[touched] = np.minimum(amps[touched], unit.amps)
    return Piece(
        id="+".join([first.id, *(unit.id.split(".", 1)[1] for unit in units[1:])]),
        from_bus=ends[0],
        to_bus=ends[1],
        phases=phases,
        z=bank.z,
        kind="transformer",
        amps=amps,
        gain=gain,
    )


def refuse_unheld(circuit: Circuit) -> None:
    """Refuse the banks that are neither branches with a gain nor small enough to be lumped.

    Parameters
    ----------
    circuit : Circuit
        As read.

    Raises
    ------
    NetworkFormatError
        If there is one; it is named.
    """
    for service in circuit.services:
        if not service.low:
            detail = (
                f"joins different phases at its two ends (buses {service.bus} and "
                f"{service.secondary[0]}) in a bank that cannot be held: three equal units, one a "
                "phase, two units in open delta, and in a feeder units in which no current "
                "circulates and behind which nothing stands to ground that they do not ground, "
                "can be read"
            )
            raise circuit.fail(service.id, detail)


def at_nominal_voltages(
    circuit: Circuit, pieces: list[Piece], source_bus: str
) -> dict[str, ComplexArray]:
    """Divide powers between phases as the nominal voltages behind a gain do.

    Parameters
    ----------
    circuit : Circuit
        Its injections change.
    pieces : list of Piece
        What is left of its elements.
    source_bus : str
        Where voltages are balanced.

    Returns
    -------
    dict of str to ndarray
        Nominal voltages by bus, p.u.; empty where all are balanced.
    """
    if not any(piece.mixing for piece in pieces):
        return {}
    links: dict[str, list[Piece]] = {}
    for piece in pieces:
        if piece.closed:
            links.setdefault(piece.from_bus, []).append(piece)
            links.setdefault(piece.to_bus, []).append(piece)
    nominal, queue = {source_bus: BALANCED}, deque([source_bus])
    while queue:
        bus = queue.popleft()
        for piece in links.get(bus, ()):
            back = piece.to_bus == bus
            other = piece.from_bus if back else piece.to_bus
            if other not in nominal:
                volts = nominal[bus]
                if piece.mixing:
                    if back:
                        detail = (
                            "is fed from its second winding (buses), which a feeder does not take: "
                            "give the winding nearer to the source first"
                        )
                        raise circuit.fail(piece.id, detail)
                    volts = behind_gain(piece.gain, volts)
                nominal[other] = volts
                queue.append(other)
    for row in circuit.injections:
        volts = nominal.get(row.bus, BALANCED)
        if volts is not BALANCED and row.parts:
            row.power = wye_equivalent(row.total, row.parts, volts)
    return nominal
