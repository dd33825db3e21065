"""Reader of OpenDSS scripts (.dss) as single-phase equivalents."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pygridjl.core.errors import NetworkFormatError
from pygridjl.core.types import FloatArray, IntArray
from pygridjl.grid.io.opendss.elements import (
    Injection,
    Line,
    Transformer,
    read_generators,
    read_lines,
    read_loads,
    read_shunts,
    read_sources,
    read_transformers,
)
from pygridjl.grid.io.opendss.engine import compiled_circuit
from pygridjl.grid.io.opendss.process import read_apart
from pygridjl.grid.network import Branches, Buses, Generators, Loads, Network

__all__ = ["network_of_script", "read_opendss"]

BASE_MVA = 1.0

# Elements that carry no power of their own in a snapshot.
_CONTROLS = {
    "capcontrol",
    "energymeter",
    "fuse",
    "monitor",
    "recloser",
    "regcontrol",
    "relay",
    "sensor",
    "swtcontrol",
}
_READ = {"capacitor", "generator", "line", "load", "transformer", "vsource"}


def read_opendss(
    path: str | Path, *, root: str | Path | None = None, strict: bool = True
) -> Network:
    """Read an OpenDSS script as a single-phase equivalent.

    Two kinds of circuit have one: those where every line has one phase, which are taken as they
    are, and those where every line has three, which become their positive sequence (mean self
    minus mean mutual impedance; loads, generators and capacitors summed over the phases;
    single-phase regulators between the same buses as one transformer). A circuit in which only
    some lines have three phases has none and is refused.

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
        Not validated, on 1 MVA. Branch ids number the lines in the order of the script, then the
        transformers. Sources (Vsource) in service are slacks; generators deliver their kW. Lines
        opened by the script, and switches that are disabled, are open. If the script declares
        switches (``Switch=yes``) only they are switchable, else every line is; transformers
        never are.

    Raises
    ------
    NetworkFormatError
        If OpenDSS stops at the script, or the circuit has no single-phase equivalent; the message
        names the first elements concerned.

    Notes
    -----
    In a single-phase circuit the bases are that phase's: kV to neutral and MVA of one phase.
    Regulator taps are those the script leaves behind. A rating of 400 A is the default of
    OpenDSS and read as none. ``LineCode`` after ``Switch=yes`` is meant as the impedance of the
    switch (per unit of length), which OpenDSS overrides by that of its dummy switch; the line
    code is taken.
    """
    path = Path(path).resolve()
    folder = None if root is None else Path(root).resolve()
    network = read_apart("network", path, root=folder, strict=strict)
    assert isinstance(network, Network)
    return network


def network_of_script(path: Path, *, root: Path | None, strict: bool) -> Network:
    """Do in the engine's process what :func:`read_opendss` promises."""
    with compiled_circuit(path, root=root, strict=strict) as (engine, notes):
        _refuse_unknown(path, engine)
        lines = read_lines(engine, notes)
        phases = _phases(path, lines)
        transformers = read_transformers(path, engine, phases)
        sources = read_sources(engine, notes)
        generators = read_generators(engine)
        loads = read_loads(engine, notes)
        shunts = read_shunts(path, engine)
        ids = _bus_ids([*lines, *transformers], [*sources, *generators, *loads, *shunts])
        coordinates = _coordinates(engine, ids)
        nominal_kv = _nominal_kv(engine)
    position = {bus: row for row, bus in enumerate(ids)}
    base_kv = _voltages(path, position, lines, transformers, sources, nominal_kv)
    if not any(line.switch for line in lines):
        notes.append("the script declares no switches: every line is read as switchable")
    return Network(
        path.stem,
        BASE_MVA,
        Buses(
            np.array(ids, dtype=np.str_),
            base_kv,
            bs=_shunt_b(shunts, position, base_kv, phases),
            x=coordinates[:, 0],
            y=coordinates[:, 1],
        ),
        _branches(lines, transformers, position, base_kv, phases),
        _generators(sources, generators, position),
        Loads(
            np.array([load.name for load in loads], dtype=np.str_),
            _rows(position, [load.bus for load in loads]),
            np.array([load.p for load in loads], dtype=np.float64) / BASE_MVA,
            np.array([load.q for load in loads], dtype=np.float64) / BASE_MVA,
        ),
        source=f"OpenDSS script {path.name}",
        notes=tuple(notes),
    )


def _refuse_unknown(path: Path, engine: Any) -> None:
    """Stop at elements in service that carry power in a way not represented here."""
    for name in engine.Circuit.AllElementNames():
        kind = str(name).split(".")[0].lower()
        if kind in _READ or kind in _CONTROLS:
            continue
        engine.Circuit.SetActiveElement(name)
        if engine.CktElement.Enabled():
            raise NetworkFormatError(path, kind, f"{name} has no place in a single-phase network")


def _phases(path: Path, lines: list[Line]) -> int:
    """Phases of every line: 1 or 3, or an error that names the first lines that differ."""
    found = {line.phases for line in lines}
    if found == {1} or found == {3}:
        return found.pop()
    if not lines:
        raise NetworkFormatError(path, "line", "the circuit has none")
    odd = [line.name for line in lines if line.phases != 3]
    shown = ", ".join(odd[:3]) + (", …" if len(odd) > 3 else "")
    detail = (
        f"{len(odd)} of {len(lines)} do not have three phases ({shown}), so the circuit has no "
        "single-phase equivalent; read it as a three-phase feeder with pygridjl.load_feeder"
    )
    raise NetworkFormatError(path, "line", detail)


def _bus_ids(series: Sequence[Line | Transformer], shunt: Sequence[Injection]) -> list[str]:
    """Buses in the order in which the lines, then the other elements name them."""
    names = [bus for element in series for bus in (element.from_bus, element.to_bus)]
    return list(dict.fromkeys([*names, *(element.bus for element in shunt)]))


def _rows(position: dict[str, int], buses: Sequence[str]) -> IntArray:
    return np.array([position[bus] for bus in buses], dtype=np.int64)


def _coordinates(engine: Any, ids: list[str]) -> FloatArray:
    """Coordinates the script gives, NaN elsewhere, shape (n, 2)."""
    coordinates = np.full((len(ids), 2), np.nan)
    for row, bus in enumerate(ids):
        if engine.Circuit.SetActiveBus(bus) >= 0 and engine.Bus.Coorddefined():
            coordinates[row] = engine.Bus.X(), engine.Bus.Y()
    return coordinates


def _nominal_kv(engine: Any) -> float:
    """Voltage of the circuit's first source, in service or not."""
    engine.Circuit.SetActiveElement("Vsource.source")
    engine.Vsources.Name("source")
    return float(engine.Vsources.BasekV())


def _voltages(
    path: Path,
    position: dict[str, int],
    lines: list[Line],
    transformers: list[Transformer],
    sources: list[Injection],
    nominal_kv: float,
) -> FloatArray:
    """Return the base of each bus in kV: its source's, carried over lines and nominal ratios.

    The scripts' own ``Set VoltageBases`` is only a list of values to round to, and often wrong.
    """
    neighbours: list[list[tuple[int, float]]] = [[] for _ in position]
    ratios = [(e.from_bus, e.to_bus, 1.0) for e in lines]
    ratios += [(e.from_bus, e.to_bus, e.kv[1] / e.kv[0]) for e in transformers]
    for from_bus, to_bus, ratio in ratios:
        neighbours[position[from_bus]].append((position[to_bus], ratio))
        neighbours[position[to_bus]].append((position[from_bus], 1.0 / ratio))
    base = np.zeros(len(position))
    starts = [(position[s.bus], s.kv) for s in sources] or [(0, nominal_kv)]
    # What no source reaches gets the circuit's voltage; validation reports the island.
    starts += [(row, nominal_kv) for row in range(len(position))]
    for start, kv in starts:
        if base[start]:
            continue
        base[start] = kv
        queue = deque([start])
        while queue:
            at = queue.popleft()
            for other, ratio in neighbours[at]:
                if not base[other]:
                    # Twelve digits undo the rounding of a ratio and its inverse.
                    base[other] = float(f"{base[at] * ratio:.12g}")
                    queue.append(other)
    for from_bus, to_bus, ratio in ratios:
        expected = base[position[from_bus]] * ratio
        if abs(base[position[to_bus]] - expected) > 1e-6 * expected:
            detail = f"{from_bus} and {to_bus} are joined, but their voltage levels do not match"
            raise NetworkFormatError(path, "bus", detail)
    return base


def _shunt_b(
    shunts: list[Injection], position: dict[str, int], base_kv: FloatArray, phases: int
) -> FloatArray:
    b = np.zeros(len(position))
    for shunt in shunts:
        at = position[shunt.bus]
        to_neutral = phases == 3 and shunt.phases == 1
        rated = shunt.kv * 3.0**0.5 if to_neutral else shunt.kv
        b[at] += shunt.q / BASE_MVA * (base_kv[at] / rated) ** 2
    return b


def _branches(
    lines: list[Line],
    transformers: list[Transformer],
    position: dict[str, int],
    base_kv: FloatArray,
    phases: int,
) -> Branches:
    series: list[Line | Transformer] = [*lines, *transformers]
    from_bus = _rows(position, [e.from_bus for e in series])
    to_bus = _rows(position, [e.to_bus for e in series])
    n, k = len(lines), len(transformers)
    kv = base_kv[from_bus]
    z_base = (kv**2 / BASE_MVA)[:n]
    z = np.array([e.z for e in lines], dtype=np.complex128) / z_base
    # OpenDSS has the impedance between two ideal ratios, the π-model beyond the second.
    rated = np.array([e.kv[1] * e.tap[1] for e in transformers], dtype=np.float64)
    z_rated = np.array([e.z for e in transformers], dtype=np.complex128) * BASE_MVA
    z = np.concatenate([z, z_rated * (rated / base_kv[to_bus[n:]]) ** 2])
    amps = np.array([e.amps for e in lines], dtype=np.float64)
    mva = amps * kv[:n] * (3.0**0.5 if phases == 3 else 1.0) / 1e3
    declared = any(e.switch for e in lines)
    return Branches(
        np.arange(1, n + k + 1),
        from_bus,
        to_bus,
        z.real,
        z.imag,
        np.concatenate([np.array([e.b for e in lines]) * z_base, np.zeros(k)]),
        tap=np.array([1.0] * n + [e.tap[0] / e.tap[1] for e in transformers]),
        shift=np.array([0.0] * n + [e.shift for e in transformers]),
        rating=np.concatenate([mva, [e.mva for e in transformers]]) / BASE_MVA,
        closed=np.array([e.closed for e in lines] + [True] * k, dtype=np.bool_),
        switchable=np.array([e.switch or not declared for e in lines] + [False] * k),
    )


def _generators(
    sources: list[Injection], generators: list[Injection], position: dict[str, int]
) -> Generators:
    units = [*sources, *generators]
    repeated = Counter(unit.name for unit in units)
    names = [
        unit.name if repeated[unit.name] == 1 else f"{kind}.{unit.name}"
        for kind, group in (("vsource", sources), ("generator", generators))
        for unit in group
    ]
    slack = np.arange(len(units)) < len(sources)
    p = np.array([unit.p for unit in units], dtype=np.float64) / BASE_MVA
    q = np.array([unit.q for unit in units], dtype=np.float64) / BASE_MVA
    return Generators(
        np.array(names, dtype=np.str_),
        _rows(position, [unit.bus for unit in units]),
        p,
        q,
        np.where(slack, -np.inf, np.minimum(p, 0.0)),
        np.where(slack, np.inf, np.maximum(p, 0.0)),
        np.where(slack, -np.inf, np.minimum(q, 0.0)),
        np.where(slack, np.inf, np.maximum(q, 0.0)),
        v_set=np.array([unit.v_set for unit in units], dtype=np.float64),
        slack=slack,
    )
