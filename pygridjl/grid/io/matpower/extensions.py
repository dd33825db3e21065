"""Tables beside the classic four: DC lines, switches, storages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pygridjl.core.errors import NetworkFormatError
from pygridjl.core.types import FloatArray, IntArray
from pygridjl.grid.network import Branches, Generators, Loads

__all__ = ["SWITCH_R", "dc_lines", "positions_of", "storages", "switches"]

# MATPOWER's idx_dcline, then PowerModels' tables of switches and storages.
DC_FROM, DC_TO, DC_STATUS, DC_P, _DC_PT, _QF, _QT, DC_VF, DC_VT = range(9)
QMIN_F, QMAX_F, QMIN_T, QMAX_T, LOSS_0, LOSS_1 = range(11, 17)
SW_FROM, SW_TO, _PSW, _QSW, SW_STATE, SW_RATING, SW_STATUS = range(7)
ST_BUS, ST_P, ST_Q = range(3)
ST_STATUS = 16

# A switch has no impedance of its own, p.u.: losses through it vanish.
SWITCH_R = 1e-6


def positions_of(
    path: Path, table: str, numbers: FloatArray, field: str, positions: dict[str, int]
) -> IntArray:
    """Return the positions of the buses a column of a table names.

    Raises
    ------
    NetworkFormatError
        If there is no such bus.
    """
    found = np.empty(len(numbers), dtype=np.int64)
    for row, number in enumerate(numbers):
        position = positions.get(f"{number:.0f}") if number == np.round(number) else None
        if position is None:
            detail = f"row {row + 1}, field {field!r}: unknown bus {number:g}"
            raise NetworkFormatError(path, f"mpc.{table}", detail)
        found[row] = position
    return found


def _rows(
    path: Path, mpc: dict[str, Any], name: str, least: int, status: int
) -> tuple[FloatArray, IntArray]:
    """Rows in service of a table that need not be there, and their 1-based numbers."""
    table = mpc.get(name)
    if not isinstance(table, np.ndarray) or not table.size:
        return np.zeros((0, least)), np.zeros(0, dtype=np.int64)
    if table.shape[1] < least:
        detail = f"has {table.shape[1]} columns, needs at least {least}"
        raise NetworkFormatError(path, f"mpc.{name}", detail)
    kept = table[:, status] > 0
    return table[kept], np.flatnonzero(kept) + 1


def dc_lines(
    path: Path, mpc: dict[str, Any], positions: dict[str, int], base: float, notes: list[str]
) -> Generators:
    """Both ends of the DC lines in service: they hold their voltage and keep their schedule."""
    dc, number = _rows(path, mpc, "dcline", 17, DC_STATUS)
    ends = [
        positions_of(path, "dcline", dc[:, column], field, positions)
        for column, field in ((DC_FROM, "fbus"), (DC_TO, "tbus"))
    ]
    if len(dc):
        notes.append(
            f"{len(dc)} DC lines keep their schedule, also in an optimal power flow; their losses "
            "are not in ours"
        )
    sent = dc[:, DC_P]
    arriving = sent - (dc[:, LOSS_0] + dc[:, LOSS_1] * sent)
    power = np.concatenate([-sent, arriving]) / base
    return Generators(
        np.array([f"dcline {k} {end}" for end in ("from", "to") for k in number], dtype=np.str_),
        np.concatenate(ends),
        power,
        p_min=power,
        p_max=power,
        q_min=np.concatenate([dc[:, QMIN_F], dc[:, QMIN_T]]) / base,
        q_max=np.concatenate([dc[:, QMAX_F], dc[:, QMAX_T]]) / base,
        v_set=np.concatenate([dc[:, DC_VF], dc[:, DC_VT]]),
        holds_v=np.ones(2 * len(dc), dtype=np.bool_),
    )


def switches(
    path: Path,
    mpc: dict[str, Any],
    positions: dict[str, int],
    base: float,
    first: int,
    notes: list[str],
) -> Branches:
    """Switches in service, as branches of :data:`SWITCH_R`; ids go on after the branches."""
    table, number = _rows(path, mpc, "switch", 7, SW_STATUS)
    from_bus = positions_of(path, "switch", table[:, SW_FROM], "f_bus", positions)
    to_bus = positions_of(path, "switch", table[:, SW_TO], "t_bus", positions)
    if len(table):
        notes.append(f"{len(table)} switches are branches of {SWITCH_R:g} p.u.")
    rating = table[:, SW_RATING] / base
    return Branches(
        number + first,
        from_bus,
        to_bus,
        np.full(len(table), SWITCH_R),
        rating=np.where(rating > 0, rating, np.inf),
        closed=table[:, SW_STATE] > 0,
    )


def storages(
    path: Path, mpc: dict[str, Any], positions: dict[str, int], base: float, notes: list[str]
) -> Loads:
    """Storages in service that charge or discharge, as loads of what they take."""
    table, number = _rows(path, mpc, "storage", 17, ST_STATUS)
    bus = positions_of(path, "storage", table[:, ST_BUS], "storage_bus", positions)
    busy = (table[:, ST_P] != 0) | (table[:, ST_Q] != 0)
    if len(table):
        notes.append(
            f"{len(table)} storages take or give what they are scheduled to; {int((~busy).sum())} "
            "are idle"
        )
    return Loads(
        np.array([f"storage {k}" for k in number[busy]], dtype=np.str_),
        bus[busy],
        table[busy, ST_P] / base,
        table[busy, ST_Q] / base,
    )
