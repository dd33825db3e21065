"""Lines and transformers that are connected at one end only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pygridjl.core.types import BoolArray, IntArray
from pygridjl.grid.io.pandapower.places import Ends, Places

__all__ = ["Connected", "connect"]


@dataclass(frozen=True)
class Connected:
    """Branches of a table between the buses they lead to.

    Attributes
    ----------
    from_bus, to_bus : ndarray of int
        Positions; -1 where the branch leads nowhere.
    closed : ndarray of bool
        Whether current can enter the branch at all.
    ties : list of tuple
        Row in ``net.switch``, inner bus and bus of every open switch that could close.
    """

    from_bus: IntArray
    to_bus: IntArray
    closed: BoolArray
    ties: list[tuple[int, int, int]]

    @property
    def kept(self) -> BoolArray:
        """Branches with two buses."""
        return (self.from_bus >= 0) & (self.to_bus >= 0)


def connect(
    places: Places, name: str, table: Any, active: BoolArray, ends: tuple[Ends, Ends]
) -> Connected:
    """Give branches in service that hang at one end an inner bus at the other.

    A line with an open switch at one end stays under voltage from the other, and charges; this is
    also what pandapower does.

    Parameters
    ----------
    places : Places
        Takes the inner buses.
    name : str
        Name of the table.
    table : DataFrame
        The branches.
    active : ndarray of bool
        Which are in service.
    ends : tuple of Ends
        Both ends.
    """
    cut = [end.is_open | (end.bus < 0) for end in ends]
    closed = active & ~(cut[0] & cut[1])
    bus = [end.bus.copy() for end in ends]
    ties = []
    for here, (end, other) in enumerate((ends, ends[::-1])):
        for row in np.flatnonzero(closed & cut[here]):
            near, far = int(end.bus[row]), int(other.bus[row])
            kv = places.base_kv[near if near >= 0 else far]
            inner = places.inner_bus(f"{name} {table.index[row]} open {('from', 'to')[here]}", kv)
            bus[here][row] = inner
            if near >= 0:
                ties.append((int(end.switch[row]), inner, near))
    return Connected(bus[0], bus[1], closed, ties)
