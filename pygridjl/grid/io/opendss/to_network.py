"""Single-phase networks from OpenDSS scripts, read by the OpenDSS engine itself."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from pygridjl.core.errors import CaseNotFoundError
from pygridjl.core.types import FloatArray, IntArray
from pygridjl.grid.io.opendss.circuit import Bus, Circuit, Injection, Piece, Source, count, some
from pygridjl.grid.io.opendss.common import SQRT3
from pygridjl.grid.io.opendss.engine import compiled_circuit
from pygridjl.grid.io.opendss.join import lump_services, side_by_side
from pygridjl.grid.io.opendss.process import read_apart
from pygridjl.grid.io.opendss.read import read_circuit
from pygridjl.grid.io.opendss.sources import STIFF
from pygridjl.grid.io.opendss.units import refuse_unheld
from pygridjl.grid.io.supply import leave_out_unsupplied
from pygridjl.grid.network import Branches, Buses, Generators, Loads, Network

__all__ = ["network_of_script", "read_opendss"]

# Megavolt-ampere of all phases there are.
BASE_MVA = 1.0
# Share of the power of a shunt below which its active part is rounding.
ROUNDING = 1e-9


def read_opendss(
    path: str | Path, *, root: str | Path | None = None, strict: bool = True
) -> Network:
    """Read an OpenDSS script as a single-phase equivalent.

    Two kinds of circuit have one: those where every element has the same one phase, which are
    taken as they are, and those where every line and transformer has three (single-phase units
    side by side make one), which become their positive sequence: mean self minus mean mutual
    impedance; loads, generators and capacitors summed over the phases. Any other circuit is
    refused.

    Parameters
    ----------
    path : str or Path
        The script; other files it names are found beside it.
    root : str or Path, optional
        Folder below which all files the script reads must lie; its own unless given.
    strict : bool
        Whether a command that the engine refuses ends the reading; if not it becomes a note.

    Returns
    -------
    Network
        Not validated, on 1 MVA. Branch ids number the lines in the order of the script, then
        series reactors, transformers and the impedances of sources. Sources (Vsource) in service
        are slacks behind their impedance; generators of model 3 hold their voltage, others
        deliver what OpenDSS's solution says. Lines opened by the script, and switches that are
        disabled, are open. If the script declares switches (``Switch=yes``) these and open lines
        are switchable, else every line is; transformers never are.

    Raises
    ------
    CaseNotFoundError
        If there is no such file.
    NetworkFormatError
        If OpenDSS stops at the script, or the circuit has no single-phase equivalent; the message
        names the first elements concerned.

    Notes
    -----
    In a single-phase circuit the bases are that phase's: kV to neutral and MVA of one phase.
    Regulators and switched capacitors stand where OpenDSS's solution leaves them. Ratings are
    those the script states. A circuit all of whose lines are switches with a line code means the
    codes, although OpenDSS overrides them.
    """
    path = Path(path).resolve()
    if not path.exists():
        raise CaseNotFoundError(f"no OpenDSS script at {path}")
    folder = None if root is None else Path(root).resolve()
    network = read_apart("network", path, root=folder, strict=strict)
    assert isinstance(network, Network)
    return network


def network_of_script(path: Path, *, root: Path | None, strict: bool) -> Network:
    """Do in the engine's process what :func:`read_opendss` promises."""
    with compiled_circuit(path, root=root, strict=strict) as (dss, notes):
        circuit = read_circuit(dss, path, notes)
    return leave_out_unsupplied(_network(circuit))


def _network(circuit: Circuit) -> Network:
    refuse_unheld(circuit)
    lump_services(circuit)
    pieces = side_by_side(circuit, circuit.pieces, parallel=False)
    phases = _phases(circuit, pieces)
    # Line-to-line bases of three phases, that of the phase itself in a circuit of one.
    scale = SQRT3 if len(phases) == 3 else 1.0
    named = [bus for piece in pieces for bus in (piece.from_bus, piece.to_bus)]
    named += [source.bus for source in circuit.sources]
    named += [row.bus for row in circuit.injections]
    slacks = []
    for source in circuit.sources:
        bus, more = _behind(circuit, source, phases)
        slacks.append((source, bus))
        pieces += more
        named.append(bus)
    ids = list(dict.fromkeys(named))
    position = {bus: row for row, bus in enumerate(ids)}
    places = [circuit.buses[bus] for bus in ids]
    base_kv = np.array([float(f"{place.kv_ln * scale:.12g}") for place in places])
    iron, gs, bs = _shunts(circuit, position)
    _say(circuit, pieces)
    loads = circuit.loads
    return Network(
        circuit.path.stem,
        BASE_MVA,
        Buses(
            np.array(ids, dtype=np.str_),
            base_kv,
            gs=gs,
            bs=bs,
            x=np.array([place.x for place in places]),
            y=np.array([place.y for place in places]),
            iron=iron,
        ),
        _branches(pieces, position, base_kv, phases),
        _generators(slacks, circuit, position),
        Loads(
            np.array([_short(load) for load in loads], dtype=np.str_),
            _rows(position, [load.bus for load in loads]),
            np.array([load.total.real for load in loads], dtype=np.float64) / 1e3 / BASE_MVA,
            np.array([load.total.imag for load in loads], dtype=np.float64) / 1e3 / BASE_MVA,
        ),
        source=f"OpenDSS script {circuit.path.name}",
        notes=tuple(circuit.notes),
    )


def _short(row: Injection | Source) -> str:
    return row.id.split(".", 1)[1]


def _phases(circuit: Circuit, pieces: list[Piece]) -> list[int]:
    """Phases of every element: one or three, or an error that names the first that differ."""
    wired = [p for p in pieces if not p.id.startswith("transformer.")]
    if not pieces:
        raise circuit.fail("line", "the circuit has none")
    found = {tuple(np.flatnonzero(p.phases).tolist()) for p in wired or pieces}
    phases = found.pop() if len(found) == 1 else ()
    advice = "read it as a three-phase feeder with pygridjl.load_feeder"
    if len(phases) not in (1, 3):
        odd = [p.id for p in wired if not p.phases.all()]
        detail = (
            f"{len(odd)} of {len(wired)} do not have three phases ({some(odd)}), so the circuit "
            f"has no single-phase equivalent; {advice}"
        )
        raise circuit.fail("line", detail)
    for piece in pieces:
        if tuple(np.flatnonzero(piece.phases).tolist()) != phases:
            detail = (
                f"has {int(piece.phases.sum())} of the {len(phases)} phases of the lines "
                f"(phases); complete its bank, or {advice}"
            )
            raise circuit.fail(piece.id, detail)
    for source in circuit.sources:
        if len(phases) == 3 and not source.phases.all():
            detail = (
                "has one phase (phases) in a circuit of three, which then has no single-phase "
                "equivalent: give it three, or one source for each phase at the same bus"
            )
            raise circuit.fail(source.id, detail)
    return list(phases)


def _sequence(matrix: FloatArray, phases: list[int]) -> float:
    """Mean self less mean mutual value; of one phase its own."""
    block = matrix[np.ix_(phases, phases)]
    own = float(np.trace(block)) / len(phases)
    if len(phases) == 1:
        return own
    return own - (float(block.sum()) - own * len(phases)) / (len(phases) * (len(phases) - 1))


def _behind(circuit: Circuit, source: Source, phases: list[int]) -> tuple[str, list[Piece]]:
    """Return the bus that a source holds, and its impedance as a branch to the source's bus."""
    kv = circuit.buses[source.bus].kv_ln
    base = kv**2 * len(phases) / BASE_MVA
    size = abs(complex(_sequence(source.z.real, phases), _sequence(source.z.imag, phases))) / base
    if size < STIFF:
        circuit.notes.append(f"the impedance of {source.id} ({size:.2g} p.u.) is left out")
        return source.bus, []
    inner = f"{source.bus}_source"
    while inner in circuit.buses:
        inner += "_"
    place = circuit.buses[source.bus]
    circuit.buses[inner] = Bus(kv, place.x, place.y)
    circuit.notes.append(
        f"the impedance of {source.id} ({size:.2g} p.u.) is a branch of its own; its losses are "
        "not the network's"
    )
    return inner, [Piece(source.id, inner, source.bus, source.phases, source.z, "source")]


def _rows(position: dict[str, int], buses: list[str]) -> IntArray:
    return np.array([position[bus] for bus in buses], dtype=np.int64)


def _shunts(
    circuit: Circuit, position: dict[str, int]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return iron, conductance and susceptance by bus, p.u."""
    total = np.zeros((2, len(position)), dtype=np.complex128)
    for row in circuit.shunts:
        total[int(row.kind == "core"), position[row.bus]] += row.total / 1e3 / BASE_MVA
    iron, drawn = -total[1].real, -total[0].real
    # What rounding leaves of the active power of a capacitor is none.
    drawn[np.abs(drawn) <= ROUNDING * np.abs(total[0])] = 0.0
    return iron, iron + drawn, total.sum(axis=0).imag


def _branches(
    pieces: list[Piece], position: dict[str, int], base_kv: FloatArray, phases: list[int]
) -> Branches:
    wired = np.array([p.id.startswith("line.") for p in pieces])
    to_bus = _rows(position, [p.to_bus for p in pieces])
    kv = base_kv[to_bus]
    z_base = kv**2 / BASE_MVA
    r = np.array([_sequence(p.z.real, phases) for p in pieces])
    x = np.array([_sequence(p.z.imag, phases) for p in pieces])
    amps = np.array([p.amps[phases].min() for p in pieces])
    closed = np.array([p.closed for p in pieces], dtype=np.bool_)
    declared = np.array([p.declared for p in pieces], dtype=np.bool_)
    source = np.array([p.kind == "source" for p in pieces], dtype=np.bool_)
    return Branches(
        np.arange(1, len(pieces) + 1),
        _rows(position, [p.from_bus for p in pieces]),
        to_bus,
        r / z_base,
        x / z_base,
        np.array([p.b[phases].mean() for p in pieces]) * z_base,
        # A ratio stands before the impedance here as there, but the other way up.
        tap=1.0 / np.array([p.ratio[phases].mean() for p in pieces]),
        shift=np.array([p.shift for p in pieces]),
        rating=amps * kv * (SQRT3 if len(phases) == 3 else 1.0) / 1e3 / BASE_MVA,
        closed=closed,
        switchable=wired & (declared | ~closed if declared.any() else True),
        source=source,
    )


def _say(circuit: Circuit, pieces: list[Piece]) -> None:
    if not any(p.declared for p in pieces):
        circuit.notes.append("the script declares no switches: every line is read as switchable")
    models = Counter(load.kind.split(":")[0] for load in circuit.loads if load.kind != "power")
    if models:
        listed = ", ".join(f"{n} constant {kind}" for kind, n in sorted(models.items()))
        circuit.notes.append(
            "loads are constant power at their nominal value; in the script some are not "
            f"({listed})"
        )
    phased = [row.id for row in circuit.loads if not row.phases.all()]
    if phased and any(p.phases.all() for p in pieces):
        circuit.notes.append(
            f"{count(len(phased), 'load')} of fewer than three phases count as balanced: "
            f"{some(phased)}"
        )


def _generators(
    slacks: list[tuple[Source, str]], circuit: Circuit, position: dict[str, int]
) -> Generators:
    units = circuit.generators
    rows: list[Injection | Source] = [*(source for source, _ in slacks), *units]
    names = [_short(row) for row in rows]
    repeated = Counter(names)
    ids = [name if repeated[name] == 1 else row.id for name, row in zip(names, rows, strict=True)]
    n, k = len(slacks), len(units)
    total = np.array([0j] * n + [unit.total for unit in units], dtype=np.complex128)
    p, q = total.real / 1e3 / BASE_MVA, total.imag / 1e3 / BASE_MVA
    holds = np.array([False] * n + [unit.v_set > 0 for unit in units], dtype=np.bool_)
    kvar = np.array([(0.0, 0.0)] * n + [unit.kvar for unit in units]).reshape(-1, 2).T
    slack = np.arange(n + k) < n
    v_source = [source.kv_ln / circuit.buses[source.bus].kv_ln for source, _ in slacks]
    least_q = np.where(holds, kvar[0] / 1e3 / BASE_MVA, np.minimum(q, 0.0))
    most_q = np.where(holds, kvar[1] / 1e3 / BASE_MVA, np.maximum(q, 0.0))
    return Generators(
        np.array(ids, dtype=np.str_),
        _rows(position, [*(bus for _, bus in slacks), *(unit.bus for unit in units)]),
        p,
        q,
        np.where(slack, -np.inf, np.minimum(p, 0.0)),
        np.where(slack, np.inf, np.maximum(p, 0.0)),
        np.where(slack, -np.inf, least_q),
        np.where(slack, np.inf, most_q),
        v_set=np.array([*v_source, *(unit.v_set or 1.0 for unit in units)]),
        # The first source is the reference of all angles.
        angle_set=np.array([s.angle - slacks[0][0].angle for s, _ in slacks] + [0.0] * k),
        slack=slack,
        holds_v=holds,
    )
