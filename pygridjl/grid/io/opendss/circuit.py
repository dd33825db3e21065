"""The pieces of an OpenDSS circuit between reading and assembling, in the engine's units."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pygridjl.core.types import BoolArray, ComplexArray, FloatArray

__all__ = ["Bus", "Injection", "Piece", "Service", "count", "some"]


@dataclass
class Bus:
    """A bus of the circuit with its base and place."""

    kv_ln: float
    x: float = np.nan
    y: float = np.nan


@dataclass
class Piece:
    """One element between two buses, in ohm, S and A of its *to* side."""

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


@dataclass
class Injection:
    """A load, capacitor or generator: power of each phase, kW + j kvar."""

    id: str
    bus: str
    power: ComplexArray
    total: complex
    phases: BoolArray
    kind: str = ""
    parts: tuple[tuple[int, int], ...] = ()
    connection: str = "wye"
    kva: float = np.inf


@dataclass
class Service:
    """A service transformer: what hangs on ``secondary`` is lumped onto its primary phases."""

    id: str
    bus: str
    phases: tuple[int, ...]
    secondary: tuple[str, ...]
    nodes: tuple[int, ...] = ()


def count(n: int, one: str, many: str = "") -> str:
    """Return the number with its noun."""
    return f"{n} {one if n == 1 else many or one + 's'}"


def some(ids: list[str]) -> str:
    """List the first ids."""
    return ", ".join(ids[:6]) + (", …" if len(ids) > 6 else "")
