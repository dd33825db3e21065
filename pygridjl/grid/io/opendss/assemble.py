"""Turns the pieces of an OpenDSS circuit into the per-unit tables of a feeder."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

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
from pygridjl.grid.io.opendss.circuit import Injection, Piece, count, some

if TYPE_CHECKING:
    from pygridjl.grid.io.opendss.simplify import Builder

__all__ = ["assemble"]


def assemble(build: Builder, name: str, pieces: list[Piece], fed: dict[str, BoolArray]) -> Feeder:
    """Return the feeder of these pieces on the buses and phases that are fed.

    Parameters
    ----------
    build : Builder
        Holds buses, injections and notes.
    name : str
        Name of the feeder.
    pieces : list of Piece
        Elements between buses, already joined and pruned.
    fed : dict
        From bus to a mask of the phases that are fed; the buses of the feeder.
    """
    rows = {bus: k for k, bus in enumerate(b for b in build.buses if b in fed)}
    places = [build.buses[bus] for bus in rows]
    buses = FeederBuses(
        id=_texts(list(rows)),
        kv_ln=np.array([place.kv_ln for place in places]),
        phases=np.array([fed[bus] for bus in rows]),
        x=np.array([place.x for place in places]),
        y=np.array([place.y for place in places]),
    )
    return Feeder(
        name=name,
        phase_mva=build.phase_mva,
        buses=buses,
        branches=_branches(pieces, rows, buses, build.phase_mva),
        loads=_loads(build, rows, fed),
        source_bus=rows[build.source_bus],
        v_set=np.full(3, build.v_set),
        capacitors=_capacitors(build, rows, fed),
        generators=_generators(build, rows, fed),
        source=f"OpenDSS script {build.path.name}",
        notes=tuple(build.notes),
    )


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
    )


def _kept(
    build: Builder,
    what: str,
    table: list[Injection],
    rows: dict[str, int],
    fed: dict[str, BoolArray],
) -> tuple[list[Injection], ComplexArray]:
    """Elements on phases that are fed, and their powers in p.u."""
    kept: list[Injection] = []
    dropped: list[Injection] = []
    for row in table:
        sound = row.bus in rows and not (row.phases & ~fed[row.bus]).any()
        (kept if sound else dropped).append(row)
    if dropped:
        build.notes.append(
            f"{count(len(dropped), what)} on phases that nothing feeds left out: "
            f"{some([row.id for row in dropped])}"
        )
    kva = np.array([row.power for row in kept], dtype=np.complex128).reshape(-1, 3)
    return kept, kva / (1e3 * build.phase_mva)


def _loads(build: Builder, rows: dict[str, int], fed: dict[str, BoolArray]) -> FeederLoads:
    kept, s = _kept(build, "load", build.loads, rows, fed)
    delta = sum(row.connection == "delta" for row in kept)
    if delta:
        build.notes.append(
            f"{count(delta, 'delta load')} replaced by the wye equivalent at balanced voltages"
        )
    models = Counter(row.kind for row in kept if row.kind != "power")
    if models:
        listed = ", ".join(f"{n} constant {kind}" for kind, n in sorted(models.items()))
        build.notes.append(
            "loads are constant power at their nominal value; in the script some are not "
            f"({listed})"
        )
    return FeederLoads(
        id=_texts([row.id for row in kept]),
        bus=_positions(kept, rows),
        p=s.real,
        q=s.imag,
        connection=_texts([row.connection for row in kept]),
        model=_texts([row.kind for row in kept]),
    )


def _capacitors(build: Builder, rows: dict[str, int], fed: dict[str, BoolArray]) -> Capacitors:
    kept, s = _kept(build, "capacitor", build.capacitors, rows, fed)
    capacitors = sum(row.id.startswith("capacitor.") for row in kept)
    if capacitors:
        build.notes.append(
            f"{count(capacitors, 'capacitor')} taken as constant reactive power at 1 p.u."
        )
    ids = _texts([row.id for row in kept])
    # What rounding leaves of the active power of a wye capacitor is none.
    p = np.where(np.abs(s.real) > 1e-12 * np.abs(s), s.real, 0.0)
    return Capacitors(id=ids, bus=_positions(kept, rows), q=s.imag, p=p)


def _generators(
    build: Builder, rows: dict[str, int], fed: dict[str, BoolArray]
) -> FeederGenerators:
    kept, s = _kept(build, "generator", build.generators, rows, fed)
    present = np.array([row.phases for row in kept], dtype=np.bool_).reshape(-1, 3)
    kva = np.array([row.kva for row in kept]) / np.maximum(present.sum(axis=1), 1)
    return FeederGenerators(
        id=_texts([row.id for row in kept]),
        bus=_positions(kept, rows),
        p=s.real,
        q=s.imag,
        s_max=np.where(present, kva[:, None] / (1e3 * build.phase_mva), 0.0),
        kind=_texts([row.kind for row in kept]),
    )
