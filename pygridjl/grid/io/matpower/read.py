"""Reader of MATPOWER case files (.m, case formats 1 and 2)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pygridjl.core.errors import NetworkFormatError
from pygridjl.core.types import BoolArray, FloatArray, IntArray, StrArray
from pygridjl.grid.io.columns import first_positions, pad_points
from pygridjl.grid.io.matpower.extensions import dc_lines, positions_of, storages, switches
from pygridjl.grid.io.matpower.interpreter import run_case
from pygridjl.grid.io.supply import leave_out_unsupplied, named, without_buses
from pygridjl.grid.io.text import read_text
from pygridjl.grid.network import Branches, Buses, Generators, Loads, Network

__all__ = ["read_matpower"]

# 0-based columns, named as in the MATPOWER manual, appendix B.
BUS_I, BUS_TYPE, PD, QD, GS, BS, _AREA, VM, VA, BASE_KV, _ZONE, VMAX, VMIN = range(13)
GEN_BUS, PG, QG, QMAX, QMIN, VG, _MBASE, GEN_STATUS, PMAX, PMIN = range(10)
F_BUS, T_BUS, BR_R, BR_X, BR_B, RATE_A, _RATE_B, _RATE_C, TAP, SHIFT, BR_STATUS = range(11)
ANGMIN, ANGMAX = 11, 12
MODEL, _STARTUP, _SHUTDOWN, NCOST, COST = range(5)
HOLDS, REF, ISOLATED = 2, 3, 4
PIECEWISE, POLYNOMIAL = 1, 2

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
        Not validated. Branch ids are 1-based rows of ``mpc.branch``, then those of ``mpc.switch``;
        generator ids are rows of ``mpc.gen``, bus and load ids the bus numbers. Units at buses of
        type 2 hold their voltage. Every in-service generator at a reference bus (there may be
        several, each with the angle of its bus) is a slack. Branches out of service are open.

    Raises
    ------
    NetworkFormatError
        If the file cannot be read or holds a statement on ``mpc`` that is not understood.

    Notes
    -----
    Conventions of the MATPOWER manual, appendix B: a rating of 0 is no limit, a ratio of 0 is 1,
    an angle limit of 0 or beyond ±360° is none. Isolated buses (type 4) are left out together
    with what is connected to them, and so are buses that no source can reach. A branch out of
    service without a usable impedance may not be switched. A bus without base voltage gets 1 kV.
    A cost that a :class:`Network` cannot represent (of reactive power, a polynomial of degree
    above two) becomes NaN, which only an optimal power flow minds. Both ends of a DC line are units
    that hold their voltage and keep their schedule. Tables of PowerModels are read too: switches
    are branches of 1e-6 p.u., storages the load they are scheduled to be. Voltages that differ from
    a flat start are kept as the start of iterations.
    """
    path = Path(path)
    mpc = run_case(path, read_text(path))
    base = _base(path, mpc)
    bus, gen, branch = (_table(path, mpc, name) for name in ("bus", "gen", "branch"))
    _assert_types(path, bus)

    notes: list[str] = []
    ids = _bus_ids(path, bus)
    positions = first_positions(ids.tolist())
    gen_bus = positions_of(path, "gen", gen[:, GEN_BUS], "bus", positions)
    ends = [
        positions_of(path, "branch", branch[:, column], name, positions)
        for column, name in ((F_BUS, "fbus"), (T_BUS, "tbus"))
    ]
    branches = _branches(branch, ends[0], ends[1], base, notes)
    switchable = _switchable(path, mpc, len(branch))
    if switchable is not None:
        branches = branches.replace(switchable=branches.switchable & switchable)
    branches = branches.join(switches(path, mpc, positions, base, len(branch), notes))
    cost, points = _costs(path, mpc, gen[:, GEN_STATUS] > 0, base, notes)
    generators = _generators(gen, gen_bus, bus, base).replace(cost=cost, cost_points=points)
    generators = generators.join(dc_lines(path, mpc, positions, base, notes))
    demand = np.flatnonzero((bus[:, PD] != 0) | (bus[:, QD] != 0))
    loads = Loads(ids[demand], demand, bus[demand, PD] / base, bus[demand, QD] / base)
    network = Network(
        path.stem,
        base,
        _buses(bus, ids, base, notes),
        branches,
        generators,
        loads.join(storages(path, mpc, positions, base, notes)),
        source=f"MATPOWER case file {path.name}",
        notes=tuple(notes),
    )
    isolated = bus[:, BUS_TYPE] == ISOLATED
    if isolated.any():
        left_out = named(ids[isolated])
        note = f"isolated buses (type 4) left out with all connected to them: {left_out}"
        network = without_buses(network, isolated, note)
    return leave_out_unsupplied(network)


def _base(path: Path, mpc: dict[str, Any]) -> float:
    version = mpc.get("version", "2")
    if version not in ("1", 1.0, "2", 2.0):
        detail = f"case format {version!r:.40} is not read, only 1 and 2"
        raise NetworkFormatError(path, "mpc.version", detail)
    if version in ("1", 1.0) and isinstance(mpc.get("branch"), np.ndarray):
        # What follows in format 1 are flows, where format 2 has limits of angles.
        mpc["branch"] = mpc["branch"][:, :ANGMIN]
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
    table = np.atleast_2d(table) if isinstance(table, float) else table
    if not isinstance(table, np.ndarray) or table.size != rows:
        raise NetworkFormatError(path, "mpc.switchable", f"must have one entry for {rows} branches")
    return np.asarray(table.ravel() != 0, dtype=np.bool_)


def _assert_types(path: Path, bus: FloatArray) -> None:
    unknown = np.flatnonzero(~np.isin(bus[:, BUS_TYPE], (1, HOLDS, REF, ISOLATED)))
    if unknown.size:
        row = unknown[0]
        detail = (
            f"row {row + 1}, field 'type': {bus[row, BUS_TYPE]:g} is none of 1 (load), 2 (holds "
            "its voltage), 3 (reference) and 4 (isolated)"
        )
        raise NetworkFormatError(path, "mpc.bus", detail)


def _bus_ids(path: Path, bus: FloatArray) -> StrArray:
    numbers = bus[:, BUS_I]
    bad = np.flatnonzero(~(np.isfinite(numbers) & (numbers == np.round(numbers))))
    if bad.size:
        detail = f"row {bad[0] + 1}, field 'bus_i': {numbers[bad[0]]} is not a whole number"
        raise NetworkFormatError(path, "mpc.bus", detail)
    return np.array([str(int(number)) for number in numbers], dtype=np.str_)


def _buses(bus: FloatArray, ids: StrArray, base: float, notes: list[str]) -> Buses:
    without = bus[:, BASE_KV] == 0
    if without.any():
        notes.append(f"{int(without.sum())} buses without base voltage read as 1 kV")
    # 1 p.u. and no angle everywhere is not a state that somebody knows.
    known = ~((bus[:, VM] == 1) & (bus[:, VA] == 0)).all()
    return Buses(
        ids,
        np.where(without, 1.0, bus[:, BASE_KV]),
        v_min=bus[:, VMIN],
        v_max=bus[:, VMAX],
        gs=bus[:, GS] / base,
        bs=bus[:, BS] / base,
        v_start=np.where(known, bus[:, VM], np.nan),
        angle_start=np.where(known, np.radians(bus[:, VA]), np.nan),
    )


def _branches(
    branch: FloatArray, from_bus: IntArray, to_bus: IntArray, base: float, notes: list[str]
) -> Branches:
    closed = branch[:, BR_STATUS] > 0
    r, x = branch[:, BR_R], branch[:, BR_X]
    # Only a tie that could be closed has to make sense.
    usable = closed | (np.isfinite(r + x) & (r >= 0) & ((r != 0) | (x != 0)))
    if not usable.all():
        rows = named(np.flatnonzero(~usable) + 1)
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


def _generators(gen: FloatArray, at: IntArray, bus: FloatArray, base: float) -> Generators:
    in_service = gen[:, GEN_STATUS] > 0
    kind = bus[at, BUS_TYPE]
    return Generators(
        np.arange(1, len(gen) + 1).astype(np.str_),
        at,
        gen[:, PG] / base,
        gen[:, QG] / base,
        gen[:, PMIN] / base,
        gen[:, PMAX] / base,
        gen[:, QMIN] / base,
        gen[:, QMAX] / base,
        v_set=gen[:, VG],
        slack=(kind == REF) & in_service,
        in_service=in_service,
        holds_v=(kind == HOLDS) & in_service,
        angle_set=np.where(kind == REF, np.radians(bus[at, VA]), 0.0),
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
        rows = named(np.flatnonzero(unknown & in_service) + 1)
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
