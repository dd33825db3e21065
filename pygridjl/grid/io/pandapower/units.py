"""Loads and shunts of a pandapower net."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pygridjl.core.types import ComplexArray
from pygridjl.grid.io.pandapower.places import Places, active_rows, column, in_service
from pygridjl.grid.network import Loads

__all__ = ["active", "read_loads", "read_shunts"]

_VOLTAGE_DEPENDENT = (
    "const_z_percent",
    "const_i_percent",
    "const_z_p_percent",
    "const_i_p_percent",
    "const_z_q_percent",
    "const_i_q_percent",
)


def active(net: Any, kind: str, places: Places) -> Any:
    """Rows of a table in service at a bus in service."""
    if kind not in net:
        return net["load"].iloc[:0]
    table = active_rows(net[kind], places, "bus")
    return table[in_service(table)]


def read_loads(net: Any, places: Places, notes: list[str]) -> Loads:
    """Read what takes constant power: loads, motors, storages, wards."""
    ids: list[str] = []
    bus, power = [], []
    for kind, of in _POWERS.items():
        table = active(net, kind, places)
        if not len(table):
            continue
        taken = of(table) / places.base_mva
        busy = taken != 0
        if kind == "storage" and not busy.all():
            notes.append(f"{int((~busy).sum())} idle storages left out")
        if kind == "load":
            busy[:] = True
            if any(column(table, field, 0.0).any() for field in _VOLTAGE_DEPENDENT):
                notes.append("loads that depend on voltage are read as constant power")
        if kind.startswith("asymmetric"):
            notes.append(f"{len(table)} {kind}: the sum of the three phases is taken")
        ids += [str(i) if kind == "load" else f"{kind} {i}" for i in table.index[busy]]
        bus.append(places.of(table["bus"])[busy])
        power.append(taken[busy])
    total = np.concatenate(power) if power else np.zeros(0, dtype=np.complex128)
    at = np.concatenate(bus) if bus else np.zeros(0, dtype=np.int64)
    return Loads(np.array(ids, dtype=np.str_), at, total.real, total.imag)


def _constant(table: Any, p: str = "p_mw", q: str = "q_mvar") -> ComplexArray:
    # A missing figure stays NaN, for the validation to report.
    power = column(table, p, np.nan) + 1j * column(table, q, np.nan)
    return np.asarray(power * column(table, "scaling", 1.0))


def _phases(table: Any) -> ComplexArray:
    power = np.zeros(len(table), dtype=np.complex128)
    for phase in "abc":
        power += _constant(table, f"p_{phase}_mw", f"q_{phase}_mvar")
    return power


def _motors(table: Any) -> ComplexArray:
    p = column(table, "pn_mech_mw", np.nan) / (column(table, "efficiency_percent", 100.0) / 100.0)
    p = p * column(table, "loading_percent", 100.0) / 100.0 * column(table, "scaling", 1.0)
    cosine = column(table, "cos_phi", np.nan)
    return np.asarray(p * (1.0 + 1j * np.sqrt(1.0 / cosine**2 - 1.0)))


_POWERS: Mapping[str, Callable[[Any], ComplexArray]] = {
    "load": _constant,
    "storage": _constant,
    "ward": lambda table: _constant(table, "ps_mw", "qs_mvar"),
    "xward": lambda table: _constant(table, "ps_mw", "qs_mvar"),
    "motor": _motors,
    "asymmetric_load": _phases,
    "asymmetric_sgen": lambda table: -_phases(table),
}


def read_shunts(net: Any, places: Places) -> None:
    """Hand the shunts in service, and those of wards, to ``places``."""
    table = active(net, "shunt", places)
    bus = places.of(table["bus"])
    power = column(table, "p_mw", 0.0) - 1j * column(table, "q_mvar", 0.0)
    kv = places.kv(bus)
    rated = column(table, "vn_kv", np.nan)
    ratio = np.where(np.isnan(rated), 1.0, kv / rated)
    step = column(table, "step", 1.0)
    places.shunt(bus, power * step * ratio**2 / places.base_mva, lost=False)
    for kind in ("ward", "xward"):
        table = active(net, kind, places)
        power = column(table, "pz_mw", 0.0) - 1j * column(table, "qz_mvar", 0.0)
        places.shunt(places.of(table["bus"]), power / places.base_mva, lost=False)
