"""Collects the pieces of an OpenDSS circuit, joins, lumps and prunes them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pygridjl.core.errors import NetworkFormatError
from pygridjl.core.types import BoolArray, IntArray
from pygridjl.grid.feeder import Feeder
from pygridjl.grid.feeder_tables import BRANCH_KINDS
from pygridjl.grid.io.opendss.assemble import assemble
from pygridjl.grid.io.opendss.circuit import Bus, Injection, Piece, Service, count, some
from pygridjl.grid.io.opendss.equivalents import through_bank, wye_equivalent

__all__ = ["Builder"]


class Builder:
    """Gathers the pieces; :meth:`feeder` joins, lumps, prunes and converts to per unit."""

    def __init__(self, path: Path, phase_mva: float) -> None:
        self.path, self.phase_mva = path, phase_mva
        self.buses: dict[str, Bus] = {}
        self.pieces: list[Piece] = []
        self.services: list[Service] = []
        self.banks: dict[str, list[Service]] = {}
        self.loads: list[Injection] = []
        self.capacitors: list[Injection] = []
        self.generators: list[Injection] = []
        self.grounded: set[tuple[str, int]] = set()
        self.source_bus = ""
        self.v_set = 1.0
        self.notes: list[str] = []

    def fail(self, component: str, detail: str) -> NetworkFormatError:
        """Return the error that names the script and the element."""
        return NetworkFormatError(self.path, component, detail)

    def settle_bases(self) -> None:
        """Give all buses that lines join one voltage base, that of most of them.

        The engine takes the base from a solution without load, which goes wrong at buses that
        also end an open switch.
        """
        number = {bus: k for k, bus in enumerate(self.buses)}
        links = [(number[p.from_bus], number[p.to_bus]) for p in self.pieces]
        _, island = _islands(links, len(number))
        by_island: dict[int, list[Bus]] = {}
        for k, bus in zip(island.tolist(), self.buses.values(), strict=True):
            by_island.setdefault(k, []).append(bus)
        changed = 0
        for members in by_island.values():
            ((common, _),) = Counter(bus.kv_ln for bus in members).most_common(1)
            for bus in members:
                changed += bus.kv_ln != common
                bus.kv_ln = common
        if changed:
            self.notes.append(
                f"the voltage base of {count(changed, 'bus', 'buses')} disagreed with the lines "
                "there and was taken from the neighbours"
            )

    # -------------------------------------------------------------------------- assembling
    def feeder(self, name: str) -> Feeder:
        """Assemble the feeder.

        Parameters
        ----------
        name : str
            Its name.
        """
        lumped = self._secondary_buses()
        for table in (self.loads, self.capacitors, self.generators):
            for row in table:
                self._lump(row, lumped)
        pieces = self._merge([p for p in self.pieces if p.from_bus not in lumped])
        fed = self._fed(pieces)
        pieces = self._prune(pieces, fed)
        return assemble(self, name, pieces, fed)

    def _secondary_buses(self) -> dict[str, Service]:
        """Return the service transformer of every bus behind one."""
        if not self.services:
            return {}
        number = {bus: k for k, bus in enumerate(self.buses)}
        links = [(number[p.from_bus], number[p.to_bus]) for p in self.pieces]
        links += [
            (number[s.secondary[0]], number[other]) for s in self.services for other in s.secondary
        ]
        _, island = _islands(links, len(number))
        owner: dict[int, Service] = {}
        for service in self.services:
            behind = int(island[number[service.secondary[0]]])
            mate = owner.get(behind)
            banked = mate is None or (mate.bus == service.bus and mate.nodes and service.nodes)
            if behind == island[number[service.bus]] or not banked:
                raise self.fail(service.id, "its low-voltage side is fed from somewhere else too")
            owner.setdefault(behind, service)
            self.banks.setdefault(owner[behind].id, []).append(service)
        lumped = {
            bus: owner[int(island[k])] for bus, k in number.items() if int(island[k]) in owner
        }
        for bus, service in lumped.items():
            if service.bus in lumped:
                raise self.fail(bus, "is behind two service transformers in a row")
        self.notes.append(
            f"{count(len(self.services), 'service transformer')} and the {len(lumped)} low-voltage "
            "buses behind are lumped onto the primary phase that feeds them; their series losses "
            "and voltage drops are left out"
        )
        return lumped

    def _lump(self, row: Injection, lumped: dict[str, Service]) -> None:
        if row.bus in lumped:
            service = lumped[row.bus]
            bank = self.banks[service.id]
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

    def _merge(self, pieces: list[Piece]) -> list[Piece]:
        """Join elements side by side that carry different phases: banks of single-phase units."""
        groups: dict[tuple[frozenset[str], bool], list[Piece]] = {}
        for piece in pieces:
            key = frozenset((piece.from_bus, piece.to_bus)), piece.closed
            mates = groups.setdefault(key, [])
            for mate in mates:
                if not (mate.phases & piece.phases).any():
                    self._absorb(mate, piece)
                    break
                if piece.closed and self._parallel(mate, piece):
                    break
            else:
                mates.append(piece)
        return [piece for mates in groups.values() for piece in mates]

    def _parallel(self, mate: Piece, piece: Piece) -> bool:
        """Put two closed elements side by side into one, if they carry the same phases."""
        same = (mate.phases == piece.phases).all() and np.allclose(mate.ratio, piece.ratio)
        if not same or (mate.from_bus != piece.from_bus and not (piece.ratio == 1.0).all()):
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
            most = np.minimum(mate.amps[rows] / shares[0], piece.amps[rows] / shares[1])
        mate.z, mate.b = mate.z.copy(), mate.b + piece.b
        mate.z[block] = z
        mate.amps = mate.amps.copy()
        mate.amps[rows] = most
        mate.id = f"{mate.id}+{piece.id.split('.', 1)[1]}"
        mate.kind = max(mate.kind, piece.kind, key=BRANCH_KINDS.index)
        mate.length_km = mate.length_km if mate.length_km == piece.length_km else 0.0
        self.notes.append(f"parallel elements are one branch: {mate.id}")
        return True

    def _absorb(self, mate: Piece, piece: Piece) -> None:
        if mate.from_bus != piece.from_bus:
            if not (piece.ratio == 1.0).all():
                raise self.fail(piece.id, f"is turned round beside {mate.id}")
            piece.from_bus, piece.to_bus = piece.to_bus, piece.from_bus
        rows = piece.phases
        mate.id = f"{mate.id}+{piece.id.split('.', 1)[1]}"
        mate.z = mate.z + piece.z
        mate.b = mate.b + piece.b
        # Phases an element does not carry have ratio 1, but for the common phase of an open delta.
        mate.ratio = mate.ratio * piece.ratio
        mate.kind = max(mate.kind, piece.kind, key=BRANCH_KINDS.index)
        mate.amps = np.where(rows, piece.amps, mate.amps)
        mate.phases = mate.phases | rows
        mate.length_km = mate.length_km if mate.length_km == piece.length_km else 0.0

    def _fed(self, pieces: list[Piece]) -> dict[str, BoolArray]:
        """Phases of each bus that closed elements connect to the source."""
        number = {bus: k for k, bus in enumerate(self.buses)}
        links = [
            (3 * number[p.from_bus] + k, 3 * number[p.to_bus] + k)
            for p in pieces
            if p.closed
            for k in np.flatnonzero(p.phases).tolist()
        ]
        # The three phases of the source itself hang together.
        root = 3 * number[self.source_bus]
        links += [(root, root + 1), (root, root + 2)]
        _, island = _islands(links, 3 * len(number))
        live = (island == island[root]).reshape(-1, 3)
        return {bus: live[k] for bus, k in number.items() if live[k].any()}

    def _prune(self, pieces: list[Piece], fed: dict[str, BoolArray]) -> list[Piece]:
        """Drop what no closed path feeds, and open switches that lead there."""
        kept, dropped = [], []
        none = np.zeros(3, dtype=np.bool_)
        for piece in pieces:
            common = piece.phases & fed.get(piece.from_bus, none) & fed.get(piece.to_bus, none)
            if not common.any():
                dropped.append(piece.id)
                continue
            piece.phases = common
            piece.z = np.where(common[:, None] & common, piece.z, 0)
            piece.b = np.where(common, piece.b, 0.0)
            kept.append(piece)
        if dropped:
            self.notes.append(
                f"{count(len(dropped), 'element')} without a closed path to the source left "
                f"out: {some(dropped)}"
            )
        open_ids = [p.id for p in kept if not p.closed]
        if open_ids:
            self.notes.append(
                f"{count(len(open_ids), 'open switch', 'open switches')} kept open: "
                f"{some(open_ids)}"
            )
        unrated = [p.id for p in kept if not np.isfinite(p.amps[p.phases]).all()]
        if unrated:
            self.notes.append(
                f"{count(len(unrated), 'branch', 'branches')} without a rating in force in the "
                f"script taken as unlimited: {some(unrated)}"
            )
        return kept


def _pair(service: Service) -> tuple[int, int]:
    """Return the primary phases of a service transformer; −1 for ground."""
    return (service.phases[0], service.phases[1] if len(service.phases) > 1 else -1)


def _islands(links: list[tuple[int, int]], n: int) -> tuple[int, IntArray]:
    """Return the number of connected parts, and the part of each of ``n`` vertices."""
    ends = np.array(links, dtype=np.int64).reshape(-1, 2).T
    graph = coo_array((np.ones(len(links)), (ends[0], ends[1])), shape=(n, n))
    parts, island = connected_components(graph, directed=False)
    return int(parts), np.asarray(island, dtype=np.int64)
