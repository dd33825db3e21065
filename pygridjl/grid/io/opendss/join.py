"""Puts elements side by side together, and lumps what service transformers feed."""

from __future__ import annotations

import numpy as np

from pygridjl.core.types import FloatArray
from pygridjl.grid.feeder_tables import BRANCH_KINDS
from pygridjl.grid.io.opendss.bases import islands
from pygridjl.grid.io.opendss.circuit import Circuit, Injection, Piece, Service, count
from pygridjl.grid.io.opendss.equivalents import through_bank, wye_equivalent

__all__ = ["lump_services", "side_by_side"]


def side_by_side(circuit: Circuit, pieces: list[Piece], *, parallel: bool) -> list[Piece]:
    """Join elements side by side that carry different phases: banks of single-phase units.

    Parameters
    ----------
    circuit : Circuit
        Receives notes.
    pieces : list of Piece
        The elements; those that others are joined to change.
    parallel : bool
        Whether closed elements that carry the same phases become one, too.

    Returns
    -------
    list of Piece
        In their order.
    """
    kept: list[Piece] = []
    groups: dict[tuple[frozenset[str], bool], list[Piece]] = {}
    for piece in pieces:
        mates = groups.setdefault((frozenset((piece.from_bus, piece.to_bus)), piece.closed), [])
        for mate in mates:
            if not (mate.phases & piece.phases).any():
                _absorb(circuit, mate, piece)
                break
            if parallel and piece.closed and _merged(circuit, mate, piece):
                break
        else:
            mates.append(piece)
            kept.append(piece)
    return kept


def _absorb(circuit: Circuit, mate: Piece, piece: Piece) -> None:
    if mate.from_bus != piece.from_bus:
        if piece.gain.any() or not (piece.ratio == 1.0).all():
            detail = f"is turned round beside {mate.id} (buses): give both in the same order"
            raise circuit.fail(piece.id, detail)
        piece.from_bus, piece.to_bus = piece.to_bus, piece.from_bus
    rows = piece.phases
    mate.id = f"{mate.id}+{piece.id.split('.', 1)[1]}"
    mate.z = mate.z + piece.z
    mate.b = mate.b + piece.b
    if mate.gain.any() or piece.gain.any():
        _absorb_gain(mate, piece)
    # Phases an element does not carry have ratio 1, but for the common phase of an open delta.
    mate.ratio = mate.ratio * piece.ratio
    mate.kind = max(mate.kind, piece.kind, key=BRANCH_KINDS.index)
    mate.amps = np.where(rows, piece.amps, mate.amps)
    mate.phases = mate.phases | rows
    mate.declared = mate.declared or piece.declared
    mate.length_km = mate.length_km if mate.length_km == piece.length_km else 0.0


def _absorb_gain(mate: Piece, piece: Piece) -> None:
    """Put the gains together; the phase that units in open delta share passes a jumper."""
    bank, jumper = (mate, piece) if mate.gain.any() else (piece, mate)
    if not bank.mixing:
        # What the units carry returns through it.
        mate.z = bank.z + jumper.z.sum()
    mate.gain = _gain(mate) + _gain(piece)


def _gain(piece: Piece) -> FloatArray:
    """Return what an element makes of the voltages before it."""
    return piece.gain if piece.gain.any() else np.diag(np.where(piece.phases, piece.ratio, 0.0))


def _merged(circuit: Circuit, mate: Piece, piece: Piece) -> bool:
    """Put two closed elements side by side into one, if they carry the same phases."""
    same = (mate.phases == piece.phases).all() and np.allclose(mate.ratio, piece.ratio)
    same = same and mate.group == piece.group and not (mate.gain.any() or piece.gain.any())
    turned = mate.from_bus != piece.from_bus
    if not same or (turned and not (piece.ratio == 1.0).all()):
        return False
    rows = np.flatnonzero(mate.phases)
    block = np.ix_(rows, rows)
    one, two = mate.z[block], piece.z[block]
    try:
        z = np.linalg.inv(np.linalg.inv(one) + np.linalg.inv(two))
    except np.linalg.LinAlgError:
        return False
    # Of each ampere of both, the shares in the two; the first at its limit limits both.
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = [np.abs(np.linalg.solve(part, z)).sum(axis=1) for part in (one, two)]
        most: FloatArray = np.minimum(mate.amps[rows] / shares[0], piece.amps[rows] / shares[1])
    mate.z, mate.b = mate.z.copy(), mate.b + piece.b
    mate.z[block] = z
    mate.amps = mate.amps.copy()
    mate.amps[rows] = most
    mate.id = f"{mate.id}+{piece.id.split('.', 1)[1]}"
    mate.kind = max(mate.kind, piece.kind, key=BRANCH_KINDS.index)
    mate.length_km = mate.length_km if mate.length_km == piece.length_km else 0.0
    circuit.notes.append(f"parallel elements are one branch: {mate.id}")
    return True


def lump_services(circuit: Circuit) -> None:
    """Move what hangs behind service transformers onto the primary phases that feed it.

    Raises
    ------
    NetworkFormatError
        If a low-voltage side is fed from two places, or through two service transformers.
    """
    lumped, banks = _behind(circuit)
    for row in circuit.injections:
        if row.bus in lumped:
            _lump(row, lumped[row.bus], banks[lumped[row.bus].id])
    behind = [p.id for p in circuit.pieces if p.from_bus in lumped]
    circuit.pieces = [p for p in circuit.pieces if p.from_bus not in lumped]
    if lumped:
        ids = [*behind, *(service.id for service in circuit.services)]
        lost = sum(circuit.losses.get(name, 0.0) for name in ids)
        told = f" ({lost:.4g} kW in OpenDSS's solution)" if circuit.losses else ""
        circuit.notes.append(
            f"{count(len(circuit.services), 'service transformer')} and the {len(lumped)} "
            "low-voltage buses behind are lumped onto the primary phase that feeds them; their "
            f"series losses{told} and voltage drops are left out"
        )


def _behind(circuit: Circuit) -> tuple[dict[str, Service], dict[str, list[Service]]]:
    """Return the service transformer of every bus behind one, and all units of its bank."""
    if not circuit.services:
        return {}, {}
    number = {bus: k for k, bus in enumerate(circuit.buses)}
    links = [(number[p.from_bus], number[p.to_bus]) for p in circuit.pieces]
    links += [
        (number[s.secondary[0]], number[other]) for s in circuit.services for other in s.secondary
    ]
    _, island = islands(links, len(number))
    owner: dict[int, Service] = {}
    banks: dict[str, list[Service]] = {}
    for service in circuit.services:
        behind = int(island[number[service.secondary[0]]])
        mate = owner.get(behind)
        banked = mate is None or (mate.bus == service.bus and mate.nodes and service.nodes)
        if behind == island[number[service.bus]] or not banked:
            detail = (
                f"its low-voltage side ({service.secondary[0]}) is fed from somewhere else too: "
                "open or disable one of the ways"
            )
            raise circuit.fail(service.id, detail)
        owner.setdefault(behind, service)
        banks.setdefault(owner[behind].id, []).append(service)
    lumped = {bus: owner[int(island[k])] for bus, k in number.items() if int(island[k]) in owner}
    for bus, service in lumped.items():
        if service.bus in lumped:
            detail = "is behind two service transformers in a row: leave out the second"
            raise circuit.fail(f"bus {bus}", detail)
    return lumped, banks


def _lump(row: Injection, service: Service, bank: list[Service]) -> None:
    row.bus = service.bus
    if len(bank) > 1:
        row.power = through_bank(
            row.total, row.parts, [unit.nodes for unit in bank], [_pair(u) for u in bank]
        )
    else:
        row.power = wye_equivalent(row.total, [_pair(service)])
    phases = [phase for unit in bank for phase in unit.phases]
    row.phases = np.isin(np.arange(3), phases)
    row.connection = "delta" if any(len(unit.phases) > 1 for unit in bank) else "wye"
    row.parts, row.rated = (), 0.0  # what it is behind the unit


def _pair(service: Service) -> tuple[int, int]:
    """Return the primary phases of a service transformer; −1 for ground."""
    return (service.phases[0], service.phases[1] if len(service.phases) > 1 else -1)
