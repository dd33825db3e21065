"""Sources of a pandapower net and their costs."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from pygridjl.core.errors import NetworkFormatError
from pygridjl.core.types import BoolArray, FloatArray, IntArray
from pygridjl.grid.io.columns import pad_points
from pygridjl.grid.io.pandapower.places import Places, active_rows, column, flags, in_service
from pygridjl.grid.network import Generators

__all__ = ["read_generators"]

_LIMITS = (
    ("p_min", "min_p_mw", -np.inf),
    ("p_max", "max_p_mw", np.inf),
    ("q_min", "min_q_mvar", -np.inf),
    ("q_max", "max_q_mvar", np.inf),
)
_POWERS_OF_COST = ("cp2_eur_per_mw2", "cp1_eur_per_mw", "cp0_eur")


def read_generators(
    name: str, net: Any, places: Places, xward_buses: tuple[Any, IntArray], notes: list[str]
) -> Generators:
    """External grids and slack generators as slacks; generators and DC lines hold their voltage.

    Parameters
    ----------
    name : str
        Name of the net, for messages.
    net : pandapowerNet
        The net.
    places : Places
        The buses.
    xward_buses : tuple
        Extended wards in service and the inner buses behind their impedances.
    notes : list of str
        Takes what is assumed.
    """
    parts = [_table(name, net, kind, places, notes) for kind in ("ext_grid", "gen", "sgen")]
    if "dcline" in net and len(net["dcline"]):
        parts.append(_dc_lines(net, places, notes))
    wards, behind = xward_buses
    if len(wards):
        ids = np.array([f"xward {index}" for index in wards.index], dtype=np.str_)
        v_set = column(wards, "vm_pu", 1.0)
        parts.append(
            Generators(
                ids,
                behind,
                p_min=np.zeros(len(ids)),
                p_max=np.zeros(len(ids)),
                v_set=v_set,
                holds_v=np.ones(len(ids), bool),
            )
        )
    return reduce(Generators.join, parts)


def _table(name: str, net: Any, kind: str, places: Places, notes: list[str]) -> Generators:
    table = active_rows(net[kind], places, "bus")
    active = in_service(table)
    scaling = column(table, "scaling", 1.0) / places.base_mva
    slack = np.full(len(table), kind == "ext_grid")
    if kind == "gen":
        slack |= flags(table, "slack", default=False)
    p, q = column(table, "p_mw", 0.0) * scaling, column(table, "q_mvar", 0.0) * scaling
    limits = {key: column(table, source, free) / places.base_mva for key, source, free in _LIMITS}
    if kind != "ext_grid":
        # What may not be controlled delivers what is scheduled, also in an optimal power flow.
        fixed = ~flags(table, "controllable", default=kind == "gen") & ~slack
        for low, high, value in (("p_min", "p_max", p), ("q_min", "q_max", q)):
            if kind == "sgen" or low == "p_min":
                limits[low] = np.where(fixed, value, limits[low])
                limits[high] = np.where(fixed, value, limits[high])
    cost, points = _costs(name, net, kind, table, places.base_mva, notes)
    return Generators(
        np.array([f"{kind} {index}" for index in table.index], dtype=np.str_),
        places.of(table["bus"]),
        p,
        q,
        v_set=column(table, "vm_pu", 1.0),
        slack=slack & active,
        cost=cost,
        cost_points=points,
        in_service=active,
        holds_v=np.full(len(table), kind == "gen") & ~slack,
        angle_set=np.radians(column(table, "va_degree", 0.0)),
        **limits,
    )


def _dc_lines(net: Any, places: Places, notes: list[str]) -> Generators:
    """Both ends of the DC lines: what is taken here is given there, less the losses."""
    table = active_rows(net["dcline"], places, "from_bus", "to_bus")
    table = table[in_service(table)]
    sent = column(table, "p_mw", np.nan)
    arriving = np.abs(sent) * (1.0 - column(table, "loss_percent", 0.0) / 100.0)
    arriving = arriving - column(table, "loss_mw", 0.0)
    forward = sent > 0
    power = {
        "from": np.where(forward, -sent, arriving),
        "to": np.where(forward, arriving, sent),
    }
    if len(table):
        notes.append(
            f"{len(table)} DC lines deliver what is scheduled; their losses are not in ours"
        )
    parts: dict[str, list[Any]] = {key: [] for key in ("id", "bus", "p", "q_min", "q_max", "v_set")}
    for end, p in power.items():
        parts["id"] += [f"dcline {index} {end}" for index in table.index]
        parts["bus"] += places.of(table[f"{end}_bus"]).tolist()
        parts["p"] += (p / places.base_mva).tolist()
        parts["q_min"] += (column(table, f"min_q_{end}_mvar", -np.inf) / places.base_mva).tolist()
        parts["q_max"] += (column(table, f"max_q_{end}_mvar", np.inf) / places.base_mva).tolist()
        parts["v_set"] += column(table, f"vm_{end}_pu", 1.0).tolist()
    scheduled = np.array(parts["p"], dtype=np.float64)
    return Generators(
        np.array(parts["id"], dtype=np.str_),
        np.array(parts["bus"], dtype=np.int64),
        scheduled,
        p_min=scheduled,
        p_max=scheduled,
        q_min=np.array(parts["q_min"], dtype=np.float64),
        q_max=np.array(parts["q_max"], dtype=np.float64),
        v_set=np.array(parts["v_set"], dtype=np.float64),
        holds_v=np.ones(len(scheduled), dtype=np.bool_),
    )


def _costs(
    name: str, net: Any, kind: str, table: Any, base_mva: float, notes: list[str]
) -> tuple[FloatArray, FloatArray]:
    """Cost of one table's units for P in p.u.: quadratic, and points of a piecewise-linear one.

    What a :class:`Network` cannot represent becomes NaN, which only an optimal power flow minds.
    """
    row = {index: k for k, index in enumerate(table.index)}
    cost = np.zeros((len(table), 3))
    points: list[list[tuple[float, float]]] = [[] for _ in range(len(table))]
    unknown = np.zeros(len(table), dtype=np.bool_)
    poly = net["poly_cost"] if "poly_cost" in net else table.iloc[:0]
    powers = base_mva ** np.array([2.0, 1.0, 0.0])
    values = np.column_stack([column(poly, key, 0.0) for key in _POWERS_OF_COST]) * powers
    reactive = np.zeros(len(poly), dtype=np.bool_)
    for field in ("cq2_eur_per_mvar2", "cq1_eur_per_mvar", "cq0_eur"):
        reactive |= column(poly, field, 0.0) != 0
    if len(poly):
        for k in np.flatnonzero(_of(poly, kind, row)):
            cost[row[poly["element"].iloc[k]]] = values[k]
            unknown[row[poly["element"].iloc[k]]] |= reactive[k]
    pwl = net["pwl_cost"] if "pwl_cost" in net else table.iloc[:0]
    if len(pwl):
        for k in np.flatnonzero(_of(pwl, kind, row)):
            here = row[pwl["element"].iloc[k]]
            if pwl["power_type"].iloc[k] == "p":
                points[here] = _breakpoints(name, pwl.index[k], pwl["points"].iloc[k], base_mva)
            else:
                unknown[here] = True
    priced = np.array([bool(p) for p in points], dtype=np.bool_)
    unknown |= priced & (cost != 0).any(axis=1)
    unknown &= in_service(table)
    if unknown.any():
        named = ", ".join(str(i) for i in table.index[unknown])
        notes.append(
            "costs of reactive power, and piecewise ones beside polynomials, cannot be "
            f"represented, so that the cost of these units is not known: {kind} {named}"
        )
    cost[unknown] = np.nan
    return cost, pad_points(points)


def _of(costs: Any, kind: str, row: dict[Any, int]) -> BoolArray:
    """Costs that belong to units of one table."""
    return np.array(
        [et == kind and e in row for et, e in zip(costs["et"], costs["element"], strict=True)],
        dtype=np.bool_,
    )


def _breakpoints(name: str, index: Any, pieces: Any, base_mva: float) -> list[tuple[float, float]]:
    """Points of ``[[from MW, to MW, price per MW], …]``."""
    found = np.array(pieces, dtype=np.float64).reshape(-1, 3)
    start, stop, price = found.T
    if not len(found) or (start[1:] != stop[:-1]).any():
        detail = f"{index}, field 'points': each piece must begin where the one before ends"
        raise NetworkFormatError(name, "pwl_cost", detail)
    powers = np.concatenate([start[:1], stop])
    costs = np.cumsum(np.concatenate([start[:1] * price[:1], (stop - start) * price]))
    return [(float(p), float(c)) for p, c in zip(powers / base_mva, costs, strict=True)]
