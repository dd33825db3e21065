"""Lines, switches and impedances of a pandapower net."""

from __future__ import annotations

from typing import Any

import numpy as np

from pygridjl.core.errors import NetworkFormatError
from pygridjl.grid.io.pandapower.open_ends import connect
from pygridjl.grid.io.pandapower.places import Places, active_rows, column, in_service
from pygridjl.grid.network import Branches

__all__ = ["read_impedances", "read_lines", "read_switches", "row_ids"]

# A tie without an impedance of its own, p.u.: losses through it vanish.
TIE_R = 1e-6
# R and X of a bus-bus switch from its impedance, pandapower's default ratio of two.
SWITCH_R, SWITCH_X = 2.0 / np.sqrt(5.0), 1.0 / np.sqrt(5.0)

Tie = tuple[int, int, int]


def row_ids(table: Any, kept: Any, offset: int) -> Any:
    """1-based rows of the whole table for the rows kept of it."""
    row = {index: k for k, index in enumerate(table.index, start=1 + offset)}
    return np.array([row[index] for index in kept.index], dtype=np.int64)


def read_lines(net: Any, places: Places, notes: list[str]) -> tuple[Branches, list[Tie]]:
    """Read the lines, and the open switches that could close them at a dead end."""
    table = net["line"]
    ends = (places.ends(net, "l", table, "from_bus"), places.ends(net, "l", table, "to_bus"))
    active = in_service(table)
    found = connect(places, "line", table, active, ends)
    has = [end.switch >= 0 for end in ends]
    # At a dead end the tie is the switch; the line itself has only what is at its other end.
    dead = [end.is_open & found.closed for end in ends]
    switch = (has[0] & ~dead[0]) | (has[1] & ~dead[1])
    any_switch = bool((has[0] | has[1]).any())
    if len(table) and not any_switch and active.all():
        notes.append("no line has a switch: every line is read as switchable")
    switchable = switch | ~active if any_switch else np.ones(len(table), dtype=np.bool_)

    kept = found.kept
    rows, from_bus, to_bus = table[kept], found.from_bus[kept], found.to_bus[kept]
    closed = found.closed[kept]
    kv = places.kv(from_bus)
    z_base = kv**2 / places.base_mva
    length, parallel = column(rows, "length_km", np.nan), column(rows, "parallel", 1.0)
    per_km = length / parallel / z_base
    to_ground = length * parallel * z_base
    leak = np.where(closed, column(rows, "g_us_per_km", 0.0) * 1e-6 * to_ground / 2.0, 0.0)
    places.shunt(from_bus, leak, lost=True)
    places.shunt(to_bus, leak, lost=True)
    amps = column(rows, "max_i_ka", np.inf) * column(rows, "df", 1.0) * parallel
    amps = amps * column(rows, "max_loading_percent", 100.0) / 100.0
    omega = 2.0 * np.pi * float(net["f_hz"])
    branches = Branches(
        row_ids(table, rows, 0),
        from_bus,
        to_bus,
        column(rows, "r_ohm_per_km", np.nan) * per_km,
        column(rows, "x_ohm_per_km", np.nan) * per_km,
        omega * column(rows, "c_nf_per_km", 0.0) * 1e-9 * to_ground,
        rating=np.sqrt(3.0) * kv * amps / places.base_mva,
        closed=closed,
        switchable=switchable[kept],
    )
    return branches, found.ties


def read_switches(
    net: Any, places: Places, first: int, ties: list[Tie], notes: list[str]
) -> Branches:
    """Bus-bus switches that have an impedance or are open, and the open switches of dead ends.

    Parameters
    ----------
    net : pandapowerNet
        The net.
    places : Places
        The buses.
    first : int
        Id of the first row of ``net.switch``.
    ties : list of tuple
        Row in ``net.switch`` and the buses of open line switches.
    notes : list of str
        Takes a note on ties without impedance.
    """
    table = net["switch"].assign(_row=np.arange(len(net["switch"])))
    table = table[(table["et"] == "b").to_numpy(np.bool_)]
    table = active_rows(table, places, "bus", "element")
    closed, ohm = table["closed"].to_numpy(np.bool_), column(table, "z_ohm", 0.0)
    near, far = places.of(table["bus"]), places.of(table["element"])
    kept = ((ohm > 0) | ~closed) & (near != far)
    ideal = int((ohm[kept] == 0).sum())
    if ideal:
        notes.append(f"{ideal} open bus-bus switches without impedance are ties of {TIE_R:g} p.u.")
    z = ohm[kept] / (places.kv(near[kept]) ** 2 / places.base_mva)
    row = np.array([tie[0] for tie in ties], dtype=np.int64)
    return Branches(
        np.concatenate([table["_row"].to_numpy(np.int64)[kept], row]) + first,
        np.concatenate([near[kept], [tie[1] for tie in ties]]).astype(np.int64),
        np.concatenate([far[kept], [tie[2] for tie in ties]]).astype(np.int64),
        np.concatenate([np.where(z > 0, SWITCH_R * z, TIE_R), np.full(len(ties), TIE_R)]),
        np.concatenate([SWITCH_X * z, np.zeros(len(ties))]),
        closed=np.concatenate([closed[kept], np.zeros(len(ties), dtype=np.bool_)]),
    )


def read_impedances(name: str, net: Any, places: Places, first: int) -> Branches:
    """Impedances that are the same seen from both ends."""
    table = active_rows(net["impedance"], places, "from_bus", "to_bus")
    active = in_service(table)
    for one, other in (("rft_pu", "rtf_pu"), ("xft_pu", "xtf_pu")):
        differ = active & (column(table, one, 0.0) != column(table, other, 0.0))
        if differ.any():
            detail = (
                f"{table.index[differ][0]}, field {other!r}: differs from {one!r}, which no branch "
                "of ours can; give both the same value"
            )
            raise NetworkFormatError(name, "impedance", detail)
    from_bus, to_bus = places.of(table["from_bus"]), places.of(table["to_bus"])
    scale = places.base_mva / column(table, "sn_mva", np.nan)
    for side, bus in (("f", from_bus), ("t", to_bus)):
        there = column(table, f"g{side}_pu", 0.0) + 1j * column(table, f"b{side}_pu", 0.0)
        y = np.where(active, there / scale, 0.0)
        places.shunt(bus, y, lost=True)
    return Branches(
        row_ids(net["impedance"], table, first - 1),
        from_bus,
        to_bus,
        column(table, "rft_pu", np.nan) * scale,
        column(table, "xft_pu", np.nan) * scale,
        closed=active,
        switchable=np.zeros(len(table), dtype=np.bool_),
    )
