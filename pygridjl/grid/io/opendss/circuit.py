"""An OpenDSS circuit between reading and assembling, in the engine's units.

The engine is read once, by :mod:`pygridjl.grid.io.opendss.read`; feeders and networks are
assembled from what stands here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pygridjl.core.errors import NetworkFormatError
from pygridjl.core.types import BoolArray, ComplexArray, FloatArray

__all__ = ["Bus", "Circuit", "Injection", "Piece", "Service", "Source", "count", "some"]


@dataclass
class Bus:
    """A bus of the circuit with its base and place."""

    kv_ln: float
    x: float = np.nan
    y: float = np.nan


@dataclass
class Source:
    """A voltage source in service: kV to neutral behind its impedance (ohm), angle in rad."""

    id: str
    bus: str
    kv_ln: float
    angle: float
    phases: BoolArray
    z: ComplexArray


@dataclass
class Piece:
    """One element between two buses, in ohm, S and A of its *to* side.

    ``shift`` is by how much (rad) the from side leads, ``group`` the vector group if a winding is a
    delta, ``declared`` whether the script calls a line a switch.
    """

    id: str
    from_bus: str
    to_bus: str
    phases: BoolArray
    z: ComplexArray
    kind: str
    ratio: FloatArray = field(default_factory=lambda: np.ones(3))
    b: FloatArray = field(default_factory=lambda: np.zeros(3))
    amps: FloatArray = field(default_factory=lambda: np.full(3, np.inf))
    length_km: float = 0.0
    closed: bool = True
    shift: float = 0.0
    group: str = ""
    declared: bool = False
    gain: FloatArray = field(default_factory=lambda: np.zeros((3, 3)))

    @property
    def mixing(self) -> bool:
        """Whether a gain takes the place of its ratios."""
        return bool(self.gain.any()) and self.kind != "regulator"


@dataclass
class Injection:
    """A load, capacitor or generator: power of each phase, kW + j kvar.

    A generator that holds its voltage has a set-point ``v_set`` (p.u.) and limits ``kvar``; a load
    draws its power at ``rated`` kV across each of its parts.
    """

    id: str
    bus: str
    power: ComplexArray
    total: complex
    phases: BoolArray
    kind: str = ""
    parts: tuple[tuple[int, int], ...] = ()
    connection: str = "wye"
    kva: float = np.inf
    v_set: float = 0.0
    kvar: tuple[float, float] = (-np.inf, np.inf)
    rated: float = 0.0


@dataclass
class Service:
    """A single-phase unit that joins other phases at its two sides, or has two secondaries.

    Each secondary winding lies between two phases of ``ends`` (−1 for ground), at ``ratios`` of the
    voltage between those of ``start``, behind impedances ``z`` in ohm. A feeder takes it as it is
    where it can; else, if it is ``low`` enough, what hangs on ``secondary`` is lumped onto its
    primary phases.
    """

    id: str
    bus: str
    start: tuple[int, int]
    secondary: tuple[str, ...]
    ends: tuple[tuple[int, int], ...]
    ratios: tuple[float, ...]
    z: ComplexArray
    amps: float
    cores: list[Injection]
    low: bool

    @property
    def phases(self) -> tuple[int, ...]:
        """Primary phases."""
        return tuple(phase for phase in self.start if phase >= 0)

    @property
    def nodes(self) -> tuple[int, ...]:
        """Secondary phases of a unit with one secondary."""
        return tuple(phase for phase in self.ends[0] if phase >= 0) if len(self.ends) == 1 else ()


@dataclass
class Circuit:
    """All that is read of a circuit, and what had to be said about it.

    ``pieces`` holds lines in the order of the script, then series reactors, then transformers;
    ``shunts`` capacitors, reactors and cores; ``floating`` are buses whose voltages to ground
    nothing holds. ``solved`` says whether taps, steps and injections come from a solution of the
    engine that can be believed; ``volts`` (kV by node) and ``losses`` (kW by element) are that
    solution.
    """

    path: Path
    name: str = ""
    solved: bool = False
    buses: dict[str, Bus] = field(default_factory=dict)
    sources: list[Source] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    services: list[Service] = field(default_factory=list)
    loads: list[Injection] = field(default_factory=list)
    shunts: list[Injection] = field(default_factory=list)
    generators: list[Injection] = field(default_factory=list)
    grounded: set[tuple[str, int]] = field(default_factory=set)
    floating: set[str] = field(default_factory=set)
    volts: dict[str, complex] = field(default_factory=dict)
    losses: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def fail(self, component: str, detail: str) -> NetworkFormatError:
        """Return the error that names the script and the element."""
        return NetworkFormatError(self.path, component, detail)

    @property
    def injections(self) -> list[Injection]:
        """Loads, shunts and generators."""
        return [*self.loads, *self.shunts, *self.generators]


def count(n: int, one: str, many: str = "") -> str:
    """Return the number with its noun."""
    return f"{n} {one if n == 1 else many or one + 's'}"


def some(ids: list[str]) -> str:
    """List the first ids."""
    return ", ".join(ids[:6]) + (", …" if len(ids) > 6 else "")
