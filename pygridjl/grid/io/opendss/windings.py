"""The windings of an OpenDSS transformer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Winding", "windings_of"]


@dataclass(frozen=True)
class Winding:
    """A winding: rated kV and kVA, resistance in p.u. of its own rating, tap, connection."""

    kv: float
    kva: float
    r: float
    tap: float
    delta: bool


def windings_of(dss: Any) -> list[Winding]:
    """Return the windings of the active transformer."""
    rows = []
    for w in range(1, int(dss.Transformers.NumWindings()) + 1):
        dss.Transformers.Wdg(w)
        rows.append(
            Winding(
                kv=float(dss.Transformers.kV()),
                kva=float(dss.Transformers.kVA()),
                r=float(dss.Transformers.R()) / 100,
                tap=float(dss.Transformers.Tap()),
                delta=bool(dss.Transformers.IsDelta()),
            )
        )
    return rows
