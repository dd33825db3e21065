"""Feeders from what was read of an OpenDSS circuit."""

from __future__ import annotations

from collections import Counter

import numpy as np

from pygridjl.core.types import BoolArray, ComplexArray, IntArray
from pygridjl.grid.feeder import Feeder
from pygridjl.grid.feeder_tables import (
    Capacitors,
    FeederBranches,
    FeederBuses,
    FeederGenerators,
    FeederLoads,
)
from pygridjl.grid.io.opendss.bases import islands
from pygridjl.grid.io.opendss.circuit import Bus, Circuit, Injection, Piece, count, some
from pygridjl.grid.io.opendss.join import lump_services, side_by_side
from pygridjl.grid.io.opendss.measure import measured
from pygridjl.grid.io.opendss.rated import at_rated_voltages
from pygridjl.grid.io.opendss.sources import STIFF
from pygridjl.grid.io.opendss.units import at_nominal_voltages, keep_services, refuse_unheld

__all__ = ["feeder_of"]


def feeder_of(circuit: Circuit, name: str | None, phase_mva: float) -> Feeder:
    """Assemble a feeder: lump, join, leave out what nothing feeds, and convert to per unit.

    Parameters
    ----------
    circuit : Circuit
        As read; it changes.
    name : str, optional
        Name of the feeder; that of the circuit unless given.
    phase_mva : float
        Power base of one phase, MVA.

    Raises
    ------
    NetworkFormatError
        If there is not one three-phase source.
    """
    source_bus, v_set = _source(circuit, phase_mva)
    keep_services(circuit)
    refuse_unheld(circuit)
    lump_services(circuit)
    pieces = side_by_side(circuit, circuit.pieces, parallel=True)
    fed = _fed(circuit, pieces, source_bus)
    pieces = _prune(circuit, pieces, fed)
    for piece in pieces:
        if piece.gain.any() and not piece.mixing and not piece.phases.all():
            piece.gain = np.zeros((3, 3))  # an open delta without its third conductor
    at_rated_voltages(circuit, at_nominal_voltages(circuit, pieces, source_bus))
    shifted = [p.id for p in pieces if p.group]
    if shifted:
        circuit.notes.append(
            f"{count(len(shifted), 'transformer')} with a delta winding taken phase by phase, but "
            f"for the AC power flow: no phase shift, zero sequence as positive ({some(shifted)})"
        )
    if any(p.b.any() for p in pieces):
        circuit.notes.append("line charging is a constant reactive power at both ends of a line")
    rows = {bus: k for k, bus in enumerate(b for b in circuit.buses if b in fed)}
    places = [circuit.buses[bus] for bus in rows]
    buses = FeederBuses(
        id=_texts(list(rows)),
        kv_ln=np.array([place.kv_ln for place in places]),
        phases=np.array([fed[bus] for bus in rows]),
        x=np.array([place.x for place in places]),
        y=np.array([place.y for place in places]),
    )
    kva = 1e3 * phase_mva
    feeder = Feeder(
        name=name or circuit.name,
        phase_mva=phase_mva,
        buses=buses,
        branches=_branches(pieces, rows, buses, phase_mva),
        loads=_loads(circuit, rows, fed, kva),
        source_bus=rows[source_bus],
        v_set=np.full(3, v_set),
        capacitors=_capacitors(circuit, rows, fed, kva),
        generators=_generators(circuit, rows, fed, kva),
        source=f"OpenDSS script {circuit.path.name}",
    )
    radial = int(feeder.branches.closed.sum()) == feeder.n_bus - 1
    return feeder.replace(notes=(*circuit.notes, *measured(circuit, feeder, radial=radial)))


def _source(circuit: Circuit, phase_mva: float) -> tuple[str, float]:
    """Return the bus that holds its voltage and the voltage; it may be one of its own."""
    if len(circuit.sources) != 1:
        listed = f" ({some([s.id for s in circuit.sources])})" if circuit.sources else ""
        detail = (
            f"a feeder has one source, this circuit has {len(circuit.sources)} in service{listed}: "
            "enable one only, or read it by pygridjl.load_network, which takes several"
        )
        raise circuit.fail("vsource", detail)
    (source,) = circuit.sources
    if not source.phases.all():
        detail = (
            "has one phase (phases), a feeder's source has three; pygridjl.load_network reads "
            "circuits of one phase"
        )
        raise circuit.fail(source.id, detail)
    kv = circuit.buses[source.bus].kv_ln
    v_set = source.kv_ln / kv
    size = abs(source.z[0, 0] - source.z[0, 1]) / kv**2 * phase_mva
    if size < STIFF:
        circuit.notes.append(
            f"the source impedance ({size:.2g} p.u.) is left out; bus {source.bus} stays at "
            f"{v_set:g} p.u."
        )
        return source.bus, v_set
    inner, place = f"{source.bus}_source", circuit.buses[source.bus]
    circuit.buses[inner] = Bus(kv_ln=kv, x=place.x, y=place.y)
    circuit.pieces.insert(0, Piece(source.id, inner, source.bus, source.phases, source.z, "source"))
    circuit.notes.append(
        f"the source impedance ({size:.2g} p.u.) is the branch {source.id}; {v_set:g} p.u. stand "
        "behind it, and its losses are not the feeder's"
    )
    return inner, v_set


def _fed(circuit: Circuit, pieces: list[Piece], source_bus: str) -> dict[str, BoolArray]:
    """Phases of each bus that closed elements connect to the source."""
    number = {bus: k for k, bus in enumerate(circuit.buses)}
    links = [
        (3 * number[p.from_bus] + k, 3 * number[p.to_bus] + k)
        for p in pieces
        if p.closed and not p.mixing
        for k in np.flatnonzero(p.phases).tolist()
    ]
    links += [
        (3 * number[p.from_bus] + j, 3 * number[p.to_bus] + i)
        for p in pieces
        if p.closed and p.mixing
        for i, j in np.argwhere(p.gain).tolist()
    ]
    # The three phases of the source itself hang together.
    root = 3 * number[source_bus]
    links += [(root, root + 1), (root, root + 2)]
    _, island = islands(links, 3 * len(number))
    live = (island == island[root]).reshape(-1, 3)
    return {bus: live[k] for bus, k in number.items() if live[k].any()}


def _prune(circuit: Circuit, pieces: list[Piece], fed: dict[str, BoolArray]) -> list[Piece]:
    """Drop what no closed path feeds, and open switches that lead there."""
    kept, dropped = [], []
    none = np.zeros(3, dtype=np.bool_)
    for piece in pieces:
        before, behind = (fed.get(bus, none) for bus in (piece.from_bus, piece.to_bus))
        common = piece.phases & behind
        if not piece.mixing:
            common &= before
        elif (piece.gain.any(axis=0) & ~before).any():  # a unit without one of its phases is dead
            common = none
        if not common.any():
            dropped.append(piece.id)
            continue
        piece.phases = common
        piece.z = np.where(common[:, None] & common, piece.z, 0)
        piece.b = np.where(common, piece.b, 0.0)
        kept.append(piece)
    if dropped:
        circuit.notes.append(
            f"{count(len(dropped), 'element')} without a closed path to the source left "
            f"out: {some(dropped)}"
        )
    open_ids = [p.id for p in kept if not p.closed]
    if open_ids:
        circuit.notes.append(
            f"{count(len(open_ids), 'open switch', 'open switches')} kept open: {some(open_ids)}"
        )
    wired = [p for p in kept if p.kind != "source"]
    unrated = [p.id for p in wired if not np.isfinite(p.amps[p.phases]).all()]
    if unrated:
        circuit.notes.append(
            f"{count(len(unrated), 'branch', 'branches')} without a rating in force in the "
            f"script taken as unlimited: {some(unrated)}"
        )
    return kept


def _texts(values: list[str]) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    return np.array(values, dtype=np.str_)


def _positions(table: list[Injection], rows: dict[str, int]) -> IntArray:
    return np.array([rows[row.bus] for row in table], dtype=np.int64)


def _branches(
    pieces: list[Piece], rows: dict[str, int], buses: FeederBuses, phase_mva: float
) -> FeederBranches:
    to_bus = np.array([rows[p.to_bus] for p in pieces], dtype=np.int64)
    z_base = buses.kv_ln[to_bus] ** 2 / phase_mva
    i_base = 1e3 * phase_mva / buses.kv_ln[to_bus]
    z = np.array([p.z for p in pieces]).reshape(-1, 3, 3) / z_base[:, None, None]
    phases = np.array([p.phases for p in pieces], dtype=np.bool_).reshape(-1, 3)
    amps = np.array([p.amps for p in pieces]).reshape(-1, 3)
    ratio = np.array([p.ratio for p in pieces]).reshape(-1, 3)
    return FeederBranches(
        id=_texts([p.id for p in pieces]),
        from_bus=np.array([rows[p.from_bus] for p in pieces], dtype=np.int64),
        to_bus=to_bus,
        r=z.real,
        x=z.imag,
        phases=phases,
        kind=_texts([p.kind for p in pieces]),
        ratio=np.where(phases, ratio, 1.0),
        b=np.array([p.b for p in pieces]).reshape(-1, 3) * z_base[:, None],
        rating=np.where(phases, amps, np.inf) / i_base[:, None],
        length_km=np.array([p.length_km for p in pieces]),
        closed=np.array([p.closed for p in pieces], dtype=np.bool_),
        group=_texts([p.group for p in pieces]),
        gain=np.array([p.gain for p in pieces]).reshape(-1, 3, 3),
    )


def _kept(
    circuit: Circuit,
    what: str,
    table: list[Injection],
    rows: dict[str, int],
    fed: dict[str, BoolArray],
    kva: float,
) -> tuple[list[Injection], ComplexArray]:
    """Elements on phases that are fed, and their powers in p.u."""
    kept: list[Injection] = []
    dropped: list[Injection] = []
    for row in table:
        sound = row.bus in rows and not (row.phases & ~fed[row.bus]).any()
        (kept if sound else dropped).append(row)
    if dropped:
        circuit.notes.append(
            f"{count(len(dropped), what)} on phases that nothing feeds left out: "
            f"{some([row.id for row in dropped])}"
        )
    power = np.array([row.power for row in kept], dtype=np.complex128).reshape(-1, 3)
    return kept, power / kva


def _loads(
    circuit: Circuit, rows: dict[str, int], fed: dict[str, BoolArray], kva: float
) -> FeederLoads:
    kept, s = _kept(circuit, "load", circuit.loads, rows, fed, kva)
    delta = sum(row.connection == "delta" for row in kept)
    if delta:
        circuit.notes.append(
            f"{count(delta, 'delta load')} replaced by the wye equivalent at balanced voltages"
        )
    models = Counter(row.kind.split(":")[0] for row in kept if row.kind != "power")
    if models:
        listed = ", ".join(f"{n} constant {kind}" for kind, n in sorted(models.items()))
        circuit.notes.append(
            "loads are constant power at their nominal value, but for the AC power flow; in the "
            f"script some are not ({listed})"
        )
    return FeederLoads(
        id=_texts([row.id for row in kept]),
        bus=_positions(kept, rows),
        p=s.real,
        q=s.imag,
        connection=_texts([row.connection for row in kept]),
        model=_texts([row.kind for row in kept]),
    )


def _capacitors(
    circuit: Circuit, rows: dict[str, int], fed: dict[str, BoolArray], kva: float
) -> Capacitors:
    kept, s = _kept(circuit, "capacitor", circuit.shunts, rows, fed, kva)
    capacitors = sum(row.id.startswith("capacitor.") for row in kept)
    if capacitors:
        circuit.notes.append(
            f"{count(capacitors, 'capacitor')} taken as constant reactive power at 1 p.u."
        )
    ids = _texts([row.id for row in kept])
    # What rounding leaves of the active power of a wye capacitor is none.
    p = np.where(np.abs(s.real) > 1e-12 * np.abs(s), s.real, 0.0)
    connection = _texts([row.connection for row in kept])
    return Capacitors(ids, _positions(kept, rows), q=s.imag, p=p, connection=connection)


def _generators(
    circuit: Circuit, rows: dict[str, int], fed: dict[str, BoolArray], kva: float
) -> FeederGenerators:
    kept, s = _kept(circuit, "generator", circuit.generators, rows, fed, kva)
    present = np.array([row.phases for row in kept], dtype=np.bool_).reshape(-1, 3)
    each = np.array([row.kva for row in kept]) / np.maximum(present.sum(axis=1), 1)
    holding = [row.id for row in kept if row.v_set]
    if holding:
        circuit.notes.append(
            f"{count(len(holding), 'generator')} of model 3 keep the powers of OpenDSS's solution, "
            f"not their voltage: {some(holding)}"
        )
    return FeederGenerators(
        id=_texts([row.id for row in kept]),
        bus=_positions(kept, rows),
        p=s.real,
        q=s.imag,
        s_max=np.where(present, each[:, None] / kva, 0.0),
        kind=_texts([row.kind for row in kept]),
    )
