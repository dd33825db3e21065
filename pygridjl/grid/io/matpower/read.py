"""Reader of MATPOWER case files (.m, case format 2)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pygridjl.core.errors import NetworkFormatError
from pygridjl.core.types import BoolArray, FloatArray, IntArray, StrArray
from pygridjl.grid.io.columns import first_positions, pad_points
from pygridjl.grid.io.matpower.interpreter import run_case
from pygridjl.grid.io.supply import leave_out_unsupplied
from pygridjl.grid.io.text import read_text
from pygridjl.grid.network import Branches, Buses, Generators, Loads, Network

__all__ = ["read_matpower"]

# 0-based columns, named as in the MATPOWER manual, appendix B.
BUS_I, BUS_TYPE, PD, QD, GS, BS, _AREA, _VM, _VA, BASE_KV, _ZONE, VMAX, VMIN = range(13)
GEN_BUS, PG, QG, QMAX, QMIN, VG, _MBASE, GEN_STATUS, PMAX, PMIN = range(10)
F_BUS, T_BUS, BR_R, BR_X, BR_B, RATE_A, _RATE_B, _RATE_C, TAP, SHIFT, BR_STATUS = range(11)
ANGMIN, ANGMAX = 11, 12
MODEL, _STARTUP, _SHUTDOWN, NCOST, COST = range(5)
HOLDS, REF, ISOLATED = 2, 3, 4
PIECEWISE, POLYNOMIAL = 1, 2
DC_STATUS = 2

_LEAST_COLUMNS = {"bus": 13, "gen": 10, "branch": 11}


def read_matpower(path: str | Path) -> Network:
    """Read a MATPOWER case, units converted as the file itself says.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    Network
        Not validated. Branch ids are 1-based rows of ``mpc.branch``, generator ids of
        ``mpc.gen``, bus and load ids the bus numbers. Units at buses of type 2 hold their voltage.
        Every in-service generator at a reference
        bus (there may be several) is a slack. Branches out of service are open.

    Raises
    ------
    NetworkFormatError
        If the file cannot be read, holds a statement on ``mpc`` that is not understood, or
        something a :class:`Network` cannot represent: DC lines in service.

    Notes
    -----
    Conventions of the MATPOWER manual, appendix B: a rating of 0 is no limit, a ratio of 0 is 1,
    an angle limit of 0 or beyond ±360° is none. Isolated buses (type 4) are left out together
    with what is connected to them, and so are buses that no source can reach. A branch out of
    service without a usable impedance may not be switched. A bus without base voltage gets 1 kV.
    A cost that a :class:`Network` cannot represent (of reactive power, a polynomial of degree
    above two) becomes NaN, which only an optimal power flow minds.
    """
    path = Path(path)
    mpc = run_case(path, read_text(path))
    base = _base(path, mpc)
    bus, gen, branch = (_table(path, mpc, name) for name in ("bus", "gen", "branch"))
    _refuse_dc(path, mpc)

    notes: list[str] = []
    ids = _bus_ids(path, bus)
    positions = first_positions(ids.tolist())
    gen_bus = _lookup(path, "gen", gen[:, GEN_BUS], "bus", positions)
    ends = [
        _lookup(path, "branch", branch[:, column], name, positions)
        for column, name in ((F_BUS, "fbus"), (T_BUS, "tbus"))
    ]
    isolated = bus[:, BUS_TYPE] == ISOLATED
    cost, points = _costs(path, mpc, gen[:, GEN_STATUS] > 0, base, notes)
    branches = _branches(branch, ends[0], ends[1], base, notes)
    switchable = _switchable(path, mpc, len(branch))
    if switchable is not None:
        branches = branches.replace(switchable=branches.switchable & switchable)
    generators = _generators(gen, gen_bus, bus[gen_bus, BUS_TYPE] == REF, cost, base)
    holds = (bus[gen_bus, BUS_TYPE] == HOLDS) & generators.in_service
    generators = generators.replace(cost_points=points, holds_v=holds)
    demand = (bus[:, PD] != 0) | (bus[:, QD] != 0)
    if isolated.any():
        left_out = ", ".join(ids[isolated])
        notes.append(f"isolated buses (type 4) left out with all connected to them: {left_out}")
        branches = branches.take(~isolated[ends[0]] & ~isolated[ends[1]])
        generators = generators.take(~isolated[gen_bus])
        demand &= ~isolated
    kept = np.cumsum(~isolated) - 1
    load_rows = np.flatnonzero(demand)
    network = Network(
        path.stem,
        base,
        _buses(bus, ids, base, notes).take(~isolated),
        branches.replace(from_bus=kept[branches.from_bus], to_bus=kept[branches.to_bus]),
        generators.replace(bus=kept[generators.bus]),
        Loads(
            ids[load_rows], kept[load_rows], bus[load_rows, PD] / base, bus[load_rows, QD] / base
        ),
        source=f"MATPOWER case file {path.name}",
        notes=tuple(notes),
    )
    return leave_out_unsupplied(network)


def _base(path: Path, mpc: dict[str, Any]) -> float:
    version = mpc.get("version", "2")
    if version not in ("2", 2.0):
        raise NetworkFormatError(
            path, "mpc.version", f"case format {version!r} is not read, only 2"
        )
    base = mpc.get("baseMVA")
    if not isinstance(base, float):
        raise NetworkFormatError(path, "mpc.baseMVA", "is missing or not a number")
    if not base > 0:
        raise NetworkFormatError(path, "mpc.baseMVA", f"must be positive, is {base}")
    return base


def _table(path: Path, mpc: dict[str, Any], name: str) -> FloatArray:
    table = mpc.get(name)
    least = _LEAST_COLUMNS[name]
    if not isinstance(table, np.ndarray):
        raise NetworkFormatError(path, f"mpc.{name}", "is missing or not a matrix")
    if not len(table):
        return np.zeros((0, least))
    if table.shape[1] < least:
        detail = f"has {table.shape[1]} columns, needs at least {least}"
        raise NetworkFormatError(path, f"mpc.{name}", detail)
    return table


def _switchable(path: Path, mpc: dict[str, Any], rows: int) -> BoolArray | None:
    """Which branches may be switched, where the file says so (our own writer does)."""
    table = mpc.get("switchable")
    if table is None:
        return None
    if not isinstance(table, np.ndarray) or table.size != rows:
        raise NetworkFormatError(path, "mpc.switchable", f"must have one entry for {rows} branches")
    return np.asarray(table.ravel() != 0, dtype=np.bool_)


def _refuse_dc(path: Path, mpc: dict[str, Any]) -> None:
    dcline = mpc.get("dcline")
    if isinstance(dcline, np.ndarray) and dcline.shape[1] > DC_STATUS:
        rows = np.flatnonzero(dcline[:, DC_STATUS] > 0)
        if rows.size:
            detail = f"row {rows[0] + 1}: DC lines in service cannot be represented"
            raise NetworkFormatError(path, "mpc.dcline", detail)


def _bus_ids(path: Path, bus: FloatArray) -> StrArray:
    numbers = bus[:, BUS_I]
    bad = np.flatnonzero(~(np.isfinite(numbers) & (numbers == np.round(numbers))))
    if bad.size:
        detail = f"row {bad[0] + 1}, field 'bus_i': {numbers[bad[0]]} is not a whole number"
        raise NetworkFormatError(path, "mpc.bus", detail)
    return np.array([str(int(number)) for number in numbers], dtype=np.str_)


def _lookup(
    path: Path, table: str, numbers: FloatArray, field: str, positions: dict[str, int]
) -> IntArray:
    found = np.empty(len(numbers), dtype=np.int64)
    for row, number in enumerate(numbers):
        position = positions.get(f"{number:.0f}") if number == np.round(number) else None
        if position is None:
            detail = f"row {row + 1}, field {field!r}: unknown bus {number:g}"
            raise NetworkFormatError(path, f"mpc.{table}", detail)
        found[row] = position
    return found


def _buses(bus: FloatArray, ids: StrArray, base: float, notes: list[str]) -> Buses:
    without = bus[:, BASE_KV] == 0
    if without.any():
        notes.append(f"{int(without.sum())} buses without base voltage read as 1 kV")
    return Buses(
        ids,
        np.where(without, 1.0, bus[:, BASE_KV]),
        v_min=bus[:, VMIN],
        v_max=bus[:, VMAX],
        gs=bus[:, GS] / base,
        bs=bus[:, BS] / base,
    )


def _branches(
    branch: FloatArray, from_bus: IntArray, to_bus: IntArray, base: float, notes: list[str]
) -> Branches:
    closed = branch[:, BR_STATUS] > 0
    r, x = branch[:, BR_R], branch[:, BR_X]
    # Only a tie that could be closed has to make sense.
    usable = closed | (np.isfinite(r + x) & (r >= 0) & ((r != 0) | (x != 0)))
    if not usable.all():
        rows = ", ".join(str(k + 1) for k in np.flatnonzero(~usable))
        notes.append(
            f"branches out of service whose impedance is zero or negative stay open: {rows}"
        )
    rating, tap = branch[:, RATE_A] / base, branch[:, TAP]
    limits = {}
    if branch.shape[1] > ANGMAX:
        low, high = branch[:, ANGMIN], branch[:, ANGMAX]
        limits["angle_min"] = np.where((low == 0) | (low <= -360), -np.pi, np.radians(low))
        limits["angle_max"] = np.where((high == 0) | (high >= 360), np.pi, np.radians(high))
    return Branches(
        np.arange(1, len(branch) + 1),
        from_bus,
        to_bus,
        branch[:, BR_R],
        branch[:, BR_X],
        branch[:, BR_B],
        tap=np.where(tap == 0, 1.0, tap),
        shift=np.radians(branch[:, SHIFT]),
        rating=np.where(rating == 0, np.inf, rating),
        closed=closed,
        switchable=usable,
        **limits,
    )


def _generators(
    gen: FloatArray, bus: IntArray, at_reference: BoolArray, cost: FloatArray, base: float
) -> Generators:
    in_service = gen[:, GEN_STATUS] > 0
    return Generators(
        np.arange(1, len(gen) + 1).astype(np.str_),
        bus,
        gen[:, PG] / base,
        gen[:, QG] / base,
        gen[:, PMIN] / base,
        gen[:, PMAX] / base,
        gen[:, QMIN] / base,
        gen[:, QMAX] / base,
        v_set=gen[:, VG],
        slack=at_reference & in_service,
        cost=cost,
        in_service=in_service,
    )


def _costs(
    path: Path, mpc: dict[str, Any], in_service: BoolArray, base: float, notes: list[str]
) -> tuple[FloatArray, FloatArray]:
    """Cost of each generator for P in p.u.: quadratic (n_gen, 3) and points (n_gen, k, 2)."""
    n_gen = in_service.size
    cost = np.zeros((n_gen, 3))
    points: list[list[tuple[float, float]]] = [[] for _ in range(n_gen)]
    gencost = mpc.get("gencost")
    if not isinstance(gencost, np.ndarray) or not gencost.size:
        return cost, pad_points(points)
    if len(gencost) not in (n_gen, 2 * n_gen):
        detail = f"has {len(gencost)} rows for {n_gen} generators"
        raise NetworkFormatError(path, "mpc.gencost", detail)
    unknown = np.zeros(n_gen, dtype=np.bool_)
    for row, entry in enumerate(gencost):
        model, values = _cost_row(path, row, entry)
        if row >= n_gen:
            unknown[row - n_gen] |= bool(values.any())
        elif model == PIECEWISE:
            pairs = values.reshape(-1, 2) / (base, 1.0)
            points[row] = [(float(p), float(c)) for p, c in pairs]
        elif values[:-3].any():
            unknown[row] = True
        elif values.size:
            kept = values[-3:]
            cost[row, 3 - kept.size :] = kept * (base ** np.array([2.0, 1.0, 0.0]))[-kept.size :]
    if (unknown & in_service).any():
        rows = ", ".join(str(k + 1) for k in np.flatnonzero(unknown & in_service))
        notes.append(
            "costs of reactive power or of degree above two cannot be represented, so that the "
            f"cost of these generators is not known: {rows}"
        )
    cost[unknown] = np.nan
    return cost, pad_points(points)


def _cost_row(path: Path, row: int, entry: FloatArray) -> tuple[int, FloatArray]:
    """Model of one row of gencost and the numbers that belong to it."""
    if len(entry) < COST or entry[MODEL] not in (PIECEWISE, POLYNOMIAL):
        detail = f"row {row + 1}: the model is neither 1 (piecewise linear) nor 2 (polynomial)"
        raise NetworkFormatError(path, "mpc.gencost", detail)
    model, count = int(entry[MODEL]), entry[NCOST]
    width = count * (2 if model == PIECEWISE else 1)
    if not (count == np.round(count) and 0 <= width <= len(entry) - COST):
        detail = f"row {row + 1}, field 'n': {count:g} numbers do not fit the table"
        raise NetworkFormatError(path, "mpc.gencost", detail)
    return model, entry[COST : COST + int(width)]
