"""Loads, generators and shunts of a pandapower net."""

from __future__ import annotations

from typing import Any

import numpy as np

from pygridjl.core.errors import NetworkFormatError
from pygridjl.core.types import BoolArray, ComplexArray, FloatArray, IntArray
from pygridjl.grid.network import Generators, Loads

__all__ = [
    "column",
    "in_service",
    "placed",
    "read_generators",
    "read_loads",
    "read_shunts",
]

_VOLTAGE_DEPENDENT = (
    "const_z_percent",
    "const_i_percent",
    "const_z_p_percent",
    "const_i_p_percent",
    "const_z_q_percent",
    "const_i_q_percent",
)
_UNIT_TABLES = ("ext_grid", "gen", "sgen")


def column(table: Any, name: str, default: float) -> FloatArray:
    """Return a numeric column; the default where it or a cell of it is missing."""
    if name not in table.columns:
        return np.full(len(table), default)
    values: FloatArray = table[name].to_numpy(np.float64, na_value=np.nan)
    return np.where(np.isnan(values), default, values)


def in_service(table: Any) -> BoolArray:
    """Rows in service."""
    active: BoolArray = table["in_service"].to_numpy(np.bool_)
    return active


def placed(table: Any, position: dict[int, int], *columns: str) -> Any:
    """Rows whose buses are in service."""
    known = np.ones(len(table), dtype=np.bool_)
    for name in columns:
        known &= table[name].isin(position.keys()).to_numpy(np.bool_)
    return table[known]


def _bus(table: Any, position: dict[int, int]) -> IntArray:
    return np.array([position[index] for index in table["bus"]], dtype=np.int64)


def read_loads(net: Any, position: dict[int, int], base_mva: float, notes: list[str]) -> Loads:
    """Read the loads in service."""
    table = placed(net["load"], position, "bus")
    table = table[in_service(table)]
    if any(column(table, name, 0.0).any() for name in _VOLTAGE_DEPENDENT):
        notes.append("loads that depend on voltage are read as constant power")
    scaling = column(table, "scaling", 1.0) / base_mva
    ids = [str(index) for index in table.index]
    bus = [_bus(table, position)]
    # A missing figure stays NaN, for the validation to report.
    p = [table["p_mw"].to_numpy(np.float64, na_value=np.nan) * scaling]
    q = [table["q_mvar"].to_numpy(np.float64, na_value=np.nan) * scaling]
    for kind, names in (("storage", ("p_mw", "q_mvar")), ("ward", ("ps_mw", "qs_mvar"))):
        if kind not in net or not len(net[kind]):
            continue
        more = placed(net[kind], position, "bus")
        more = more[in_service(more)]
        scaling = column(more, "scaling", 1.0) / base_mva
        power = [column(more, name, 0.0) * scaling for name in names]
        busy = (power[0] != 0) | (power[1] != 0)
        if kind == "storage" and not busy.all():
            notes.append(f"{int((~busy).sum())} idle storages left out")
        ids += [f"{kind} {index}" for index in more.index[busy]]
        bus.append(_bus(more[busy], position))
        p.append(power[0][busy])
        q.append(power[1][busy])
    return Loads(
        np.array(ids, dtype=np.str_), np.concatenate(bus), np.concatenate(p), np.concatenate(q)
    )


def read_shunts(
    net: Any, position: dict[int, int], base_kv: FloatArray, base_mva: float
) -> ComplexArray:
    """Admittance of the shunts in service by bus, p.u., shape (n,)."""
    admittance = np.zeros(len(base_kv), dtype=np.complex128)
    table = placed(net["shunt"], position, "bus")
    table = table[in_service(table)]
    bus = _bus(table, position)
    power = column(table, "p_mw", 0.0) - 1j * column(table, "q_mvar", 0.0)
    rated = column(table, "vn_kv", np.nan)
    ratio = np.where(np.isnan(rated), 1.0, base_kv[bus] / rated)
    np.add.at(admittance, bus, power * column(table, "step", 1.0) * ratio**2 / base_mva)
    if "ward" in net and len(net["ward"]):
        ward = placed(net["ward"], position, "bus")
        ward = ward[in_service(ward)]
        power = column(ward, "pz_mw", 0.0) - 1j * column(ward, "qz_mvar", 0.0)
        np.add.at(admittance, _bus(ward, position), power / base_mva)
    return admittance


def read_generators(name: str, net: Any, position: dict[int, int], base_mva: float) -> Generators:
    """Read external grids and slack generators as slacks; generators hold their voltage."""
    columns: dict[str, list[Any]] = {
        key: []
        for key in ("id", "bus", "p", "q", "p_min", "p_max", "q_min", "q_max", "v_set", "slack")
    }
    columns["holds_v"], columns["in_service"], columns["cost"] = [], [], []
    for kind in _UNIT_TABLES:
        table = placed(net[kind], position, "bus")
        if kind == "ext_grid" and np.unique(column(table, "va_degree", 0.0)).size > 1:
            raise NetworkFormatError(name, kind, "field 'va_degree': angles that differ")
        scaling = column(table, "scaling", 1.0) / base_mva
        slack = np.full(len(table), kind == "ext_grid")
        if kind == "gen" and "slack" in table.columns:
            slack = table["slack"].to_numpy(np.bool_)
        columns["id"] += [f"{kind} {index}" for index in table.index]
        columns["bus"] += _bus(table, position).tolist()
        columns["p"] += (column(table, "p_mw", 0.0) * scaling).tolist()
        columns["q"] += (column(table, "q_mvar", 0.0) * scaling).tolist()
        for key, source, free in (
            ("p_min", "min_p_mw", -np.inf),
            ("p_max", "max_p_mw", np.inf),
            ("q_min", "min_q_mvar", -np.inf),
            ("q_max", "max_q_mvar", np.inf),
        ):
            columns[key] += (column(table, source, free) / base_mva).tolist()
        columns["v_set"] += column(table, "vm_pu", 1.0).tolist()
        columns["holds_v"] += (np.full(len(table), kind == "gen") & ~slack).tolist()
        columns["slack"] += (slack & in_service(table)).tolist()
        columns["in_service"] += in_service(table).tolist()
        columns["cost"] += _costs(name, net, kind, table, base_mva).tolist()
    cost = np.array(columns.pop("cost"), dtype=np.float64).reshape(-1, 3)
    ids = np.array(columns.pop("id"), dtype=np.str_)
    return Generators(ids, cost=cost, **{key: np.array(v) for key, v in columns.items()})


def _costs(name: str, net: Any, kind: str, table: Any, base_mva: float) -> FloatArray:
    """Quadratic costs of one table's units for P in p.u., shape (units, 3)."""
    cost = np.zeros((len(table), 3))
    if "poly_cost" not in net or not len(net["poly_cost"]):
        return cost
    poly = net["poly_cost"]
    elsewhere = ~poly["et"].isin(_UNIT_TABLES).to_numpy(np.bool_)
    reactive = column(poly, "cq1_eur_per_mvar", 0.0) + column(poly, "cq2_eur_per_mvar2", 0.0)
    for bad, what in ((elsewhere, "costs of other elements"), (reactive != 0, "reactive costs")):
        if bad.any():
            detail = f"{poly.index[bad][0]}: {what} cannot be represented"
            raise NetworkFormatError(name, "poly_cost", detail)
    row = {index: k for k, index in enumerate(table.index)}
    powers = base_mva ** np.array([2.0, 1.0, 0.0])
    names = ("cp2_eur_per_mw2", "cp1_eur_per_mw", "cp0_eur")
    values = np.column_stack([column(poly, key, 0.0) for key in names]) * powers
    for k, (element, of) in enumerate(zip(poly["element"], poly["et"], strict=True)):
        if of == kind and element in row:
            cost[row[element]] = values[k]
    return cost
