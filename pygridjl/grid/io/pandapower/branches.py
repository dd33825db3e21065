"""All branches of a pandapower net and the ids they get."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from pygridjl.grid.io.pandapower.lines import read_impedances, read_lines, read_switches
from pygridjl.grid.io.pandapower.places import Places, column
from pygridjl.grid.io.pandapower.transformers import read_three_windings, read_two_windings
from pygridjl.grid.network import Branches

__all__ = ["first_ids", "read_branches"]

# The order in which ids are given, and how many a row gets.
_ORDER = (("line", 1), ("trafo", 1), ("switch", 1), ("impedance", 1), ("trafo3w", 3), ("xward", 1))


def first_ids(net: Any) -> dict[str, int]:
    """Branch id of the first row of each table."""
    first, ids = 1, {}
    for table, each in _ORDER:
        ids[table] = first
        first += each * len(net[table])
    return ids


def read_branches(
    name: str, net: Any, places: Places, xward_buses: tuple[Any, Any], notes: list[str]
) -> Branches:
    """Read all branches; inner buses and shunts go to ``places``.

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
    first = first_ids(net)
    lines, ties = read_lines(net, places, notes)
    wards, behind = xward_buses
    scale = places.base_mva / places.kv(places.of(wards["bus"])) ** 2
    parts = [
        lines,
        read_two_windings(name, net, places, first["trafo"]),
        read_switches(net, places, first["switch"], ties, notes),
        read_impedances(name, net, places, first["impedance"]),
        read_three_windings(name, net, places, first["trafo3w"]),
        Branches(
            first["xward"] + np.flatnonzero(net["xward"].index.isin(wards.index)),
            places.of(wards["bus"]),
            behind,
            column(wards, "r_ohm", np.nan) * scale,
            column(wards, "x_ohm", np.nan) * scale,
            switchable=np.zeros(len(wards), dtype=np.bool_),
            # What an equivalent of a neighbour loses is no loss of this network.
            source=np.ones(len(wards), dtype=np.bool_),
        ),
    ]
    return reduce(Branches.join, parts)
