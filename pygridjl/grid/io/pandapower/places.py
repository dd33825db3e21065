"""Where the elements of a pandapower net stand: rows, ends, and buses of our own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pygridjl.core.types import BoolArray, ComplexArray, FloatArray, IntArray

__all__ = ["Ends", "Places", "active_rows", "column", "flags", "in_service"]


def column(table: Any, name: str, default: float) -> FloatArray:
    """Return a numeric column; the default where it or a cell of it is missing."""
    if name not in table.columns:
        return np.full(len(table), default)
    values: FloatArray = table[name].to_numpy(np.float64, na_value=np.nan)
    return np.where(np.isnan(values), default, values)


def flags(table: Any, name: str, default: bool) -> BoolArray:
    """Return a column of yes and no; the default where it or a cell of it is missing."""
    return np.asarray(column(table, name, float(default)) != 0)


def in_service(table: Any) -> BoolArray:
    """Rows in service."""
    return flags(table, "in_service", default=True)


@dataclass(frozen=True)
class Ends:
    """One end of the branches of a table.

    Attributes
    ----------
    bus : ndarray of int
        Position of the bus, -1 where it is out of service.
    is_open : ndarray of bool
        Whether a switch at this end is open.
    switch : ndarray of int
        Row of that switch in ``net.switch``, -1 where there is none.
    """

    bus: IntArray
    is_open: BoolArray
    switch: IntArray


@dataclass(eq=False)
class Places:
    """Positions of the buses, to which elements add inner buses and shunts.

    Attributes
    ----------
    position : dict
        Position of each bus in service by pandapower's index.
    ids : list of str
        Bus ids by position.
    base_kv : list of float
        Voltage bases, kV.
    base_mva : float
        Power base.
    """

    position: dict[int, int]
    ids: list[str]
    base_kv: list[float]
    base_mva: float
    _shunts: list[tuple[IntArray, ComplexArray, bool]] = field(default_factory=list)

    def inner_bus(self, name: str, base_kv: float) -> int:
        """Add a bus that pandapower makes for itself too, such as the star of three windings."""
        self.ids.append(name)
        self.base_kv.append(float(base_kv))
        return len(self.ids) - 1

    def kv(self, bus: IntArray) -> FloatArray:
        """Voltage bases at positions, kV."""
        return np.array(self.base_kv, dtype=np.float64)[bus]

    def shunt(self, bus: IntArray, admittance: ComplexArray | FloatArray, *, lost: bool) -> None:
        """Add admittances to ground, p.u.; ``lost`` where their power is a loss of branches."""
        self._shunts.append((bus, np.asarray(admittance, dtype=np.complex128), lost))

    def shunts(self) -> tuple[ComplexArray, FloatArray]:
        """Sum by bus: the whole admittance, and the conductance whose power is a loss, p.u."""
        total = np.zeros(len(self.ids), dtype=np.complex128)
        lost = np.zeros(len(self.ids))
        for bus, admittance, is_loss in self._shunts:
            np.add.at(total, bus, admittance)
            if is_loss:
                np.add.at(lost, bus, admittance.real)
        return total, lost

    def of(self, buses: Iterable[int]) -> IntArray:
        """Positions of buses, -1 for those out of service."""
        return np.array([self.position.get(int(b), -1) for b in buses], dtype=np.int64)

    def ends(self, net: Any, kind: str, table: Any, field: str) -> Ends:
        """One end of the branches of a table, with its switch.

        Parameters
        ----------
        net : pandapowerNet
            The net.
        kind : str
            What ``net.switch`` calls the element: ``l``, ``t`` or ``t3``.
        table : DataFrame
            The branches.
        field : str
            The column with the bus of this end.
        """
        rows = {int(index): row for row, index in enumerate(table.index)}
        bus = table[field].to_numpy()
        is_open, switch = np.zeros(len(table), dtype=np.bool_), np.full(len(table), -1)
        of_kind = net["switch"]["et"] == kind
        for row, (at, element, closed, match) in enumerate(
            zip(
                net["switch"]["bus"],
                net["switch"]["element"],
                net["switch"]["closed"],
                of_kind,
                strict=True,
            )
        ):
            if match and int(element) in rows and bus[rows[int(element)]] == at:
                here = rows[int(element)]
                if not closed:
                    is_open[here], switch[here] = True, row
                elif not is_open[here]:
                    switch[here] = row
        return Ends(self.of(bus), is_open, switch)


def active_rows(table: Any, places: Places, *fields: str) -> Any:
    """Rows whose buses are all in service."""
    known = np.ones(len(table), dtype=np.bool_)
    for name in fields:
        known &= places.of(table[name]) >= 0
    return table[known]
