"""How the tables of a feeder are spelled out in our own JSON and CSV, in everyday units.

kV, km, ohm, A, kW, kvar. In a folder each table is a file and the head is ``params.json``; in a
JSON file all stand side by side.

head
    format, name, phase_mva, source_bus, v_set, source (credits), notes.
``buses``
    id, kv_ln, phases (such as ``ac``), v_min, v_max, x, y.
``codes``
    id and the upper triangles of R and X in ohm, the charging b of each phase in µS: per km
    where the branch has a length, else for the whole branch. On the *to* side of a ratio.
``branches``
    id, from_bus, to_bus, phases, kind, closed, code, length_km, amps_a … amps_c (ampacity),
    ratio_a … ratio_c, group where a transformer has a delta winding, and gain_aa, gain_ab …
    gain_cc (phase of the to side, then of the from side) where a branch has a gain.
``loads``
    id, bus, connection, model, kw_a … kw_c, kvar_a … kvar_c (wye equivalents).
``capacitors``
    id, bus, kvar_a … kvar_c, kw_a … kw_c where a shunt has active power, and connection where
    one stands between phases.
``generators``
    id, bus, kind, kw_a … kw_c, kvar_a … kvar_c, kva_a … kva_c (capacity).

A blank cell means the default of the column: 0, or ratio 1, or no limit. Numbers have ten
significant digits in CSV, so that a feeder that was read back differs by less than 1e-9 relative,
and all their digits in JSON.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pygridjl.core.types import BoolArray, FloatArray
from pygridjl.grid.feeder import Feeder
from pygridjl.grid.feeder_tables import PHASES

__all__ = [
    "CODE_COLUMNS",
    "DIGITS",
    "FORMAT",
    "GAIN_COLUMNS",
    "HEAD",
    "OPTIONAL",
    "TABLES",
    "UPPER",
    "encode_feeder",
    "per_phase",
]

FORMAT = "pygridjl-feeder-1"
OPTIONAL = ("capacitors", "generators")
DIGITS = ".10g"
UPPER = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]


def per_phase(prefix: str) -> list[str]:
    """Return the column names of one quantity by phase."""
    return [f"{prefix}_{p}" for p in PHASES]


CODE_COLUMNS = [
    *(f"{prefix}_{PHASES[i]}{PHASES[j]}" for prefix in "rx" for i, j in UPPER),
    *per_phase("b"),
]


GAIN_COLUMNS = [f"gain_{i}{j}" for i in PHASES for j in PHASES]

# What the head, and each table, may hold.
HEAD = ("format", "name", "phase_mva", "source_bus", "v_set", "source", "notes")
TABLES: dict[str, tuple[str, ...]] = {
    "buses": ("id", "kv_ln", "phases", "v_min", "v_max", "x", "y"),
    "codes": ("id", *CODE_COLUMNS),
    "branches": (
        *("id", "from_bus", "to_bus", "phases", "kind", "closed", "code", "length_km"),
        *per_phase("amps"),
        *per_phase("ratio"),
        "group",
        *GAIN_COLUMNS,
    ),
    "loads": ("id", "bus", "connection", "model", *per_phase("kw"), *per_phase("kvar")),
    "capacitors": ("id", "bus", *per_phase("kvar"), *per_phase("kw"), "connection"),
    "generators": (
        *("id", "bus", "kind"),
        *per_phase("kw"),
        *per_phase("kvar"),
        *per_phase("kva"),
    ),
}

Columns = dict[str, list[Any]]


def encode_feeder(feeder: Feeder) -> tuple[dict[str, Any], dict[str, Columns]]:
    """Return the head and ``{table: {column: values}}`` with plain values, None where blank."""
    head = {
        "format": FORMAT,
        "name": feeder.name,
        "phase_mva": feeder.phase_mva,
        "source_bus": str(feeder.buses.id[feeder.source_bus]),
        "v_set": feeder.v_set.tolist(),
        "source": feeder.source,
        "notes": list(feeder.notes),
    }
    codes, branches = _branches(feeder)
    kw = feeder.phase_mva * 1e3
    bus, load, cap, gen = feeder.buses, feeder.loads, feeder.capacitors, feeder.generators
    capacitors = {
        "id": cap.id.tolist(),
        "bus": bus.id[cap.bus].tolist(),
        **_phase_columns("kvar", cap.q * kw),
    }
    if cap.p.any():
        capacitors |= _phase_columns("kw", cap.p * kw)
    if (cap.connection != "wye").any():
        capacitors["connection"] = cap.connection.tolist()
    tables = {
        "buses": {
            "id": bus.id.tolist(),
            "kv_ln": _numbers(bus.kv_ln),
            "phases": _letters(bus.phases),
            "v_min": _numbers(bus.v_min, 0.0),
            "v_max": _numbers(bus.v_max, np.inf),
            "x": _numbers(bus.x),
            "y": _numbers(bus.y),
        },
        "codes": codes,
        "branches": branches,
        "loads": {
            "id": load.id.tolist(),
            "bus": bus.id[load.bus].tolist(),
            "connection": load.connection.tolist(),
            "model": load.model.tolist(),
            **_phase_columns("kw", load.p * kw),
            **_phase_columns("kvar", load.q * kw),
        },
        "capacitors": capacitors,
        "generators": {
            "id": gen.id.tolist(),
            "bus": bus.id[gen.bus].tolist(),
            "kind": gen.kind.tolist(),
            **_phase_columns("kw", gen.p * kw),
            **_phase_columns("kvar", gen.q * kw),
            **_phase_columns("kva", gen.s_max * kw, np.inf),
        },
    }
    return head, tables


def _branches(feeder: Feeder) -> tuple[Columns, Columns]:
    """Branches, and one code for all that share their matrices to the digits of CSV."""
    branch, bus = feeder.branches, feeder.buses
    per_length = np.where(branch.length_km > 0, branch.length_km, 1.0)
    z_base = feeder.z_base[branch.to_bus]
    ohm = (z_base / per_length)[:, None, None]
    micro_siemens = (1e6 / z_base / per_length)[:, None]
    upper = tuple(zip(*UPPER, strict=True))
    values = np.hstack(
        [
            (branch.r * ohm)[:, upper[0], upper[1]],
            (branch.x * ohm)[:, upper[0], upper[1]],
            branch.b * micro_siemens,
        ]
    )
    codes: dict[tuple[str, ...], str] = {}
    rows, names = [], []
    for row in values:
        key = tuple(format(value, DIGITS) for value in row.tolist())
        if key not in codes:
            codes[key] = f"z{len(codes) + 1}"
            rows.append(row)
        names.append(codes[key])
    shared = np.array(rows).reshape(-1, len(CODE_COLUMNS))
    code_columns = {name: _numbers(shared[:, k], 0.0) for k, name in enumerate(CODE_COLUMNS)}
    table = {
        "id": branch.id.tolist(),
        "from_bus": bus.id[branch.from_bus].tolist(),
        "to_bus": bus.id[branch.to_bus].tolist(),
        "phases": _letters(branch.phases),
        "kind": branch.kind.tolist(),
        "closed": branch.closed.astype(np.int64).tolist(),
        "code": names,
        "length_km": _numbers(branch.length_km, 0.0),
        **_phase_columns("amps", branch.rating * feeder.i_base[branch.to_bus][:, None], np.inf),
        **_phase_columns("ratio", branch.ratio, 1.0),
    }
    if (branch.group != "").any():
        table["group"] = [group or None for group in branch.group.tolist()]
    if branch.gain.any():
        flat = branch.gain.reshape(-1, 9)
        table |= {name: _numbers(flat[:, k], 0.0) for k, name in enumerate(GAIN_COLUMNS)}
    return {"id": list(codes.values()), **code_columns}, table


def _numbers(values: FloatArray, blank: float = np.nan) -> list[float | None]:
    """Return numbers, None for the blank value. NaN stays unless it is the blank itself."""
    nan_is_blank = math.isnan(blank)
    return [
        None if v == blank or (nan_is_blank and math.isnan(v)) else v
        for v in np.asarray(values, dtype=np.float64).tolist()
    ]


def _phase_columns(prefix: str, values: FloatArray, blank: float = 0.0) -> Columns:
    return {name: _numbers(values[:, k], blank) for k, name in enumerate(per_phase(prefix))}


def _letters(phases: BoolArray) -> list[str]:
    return ["".join(p for p, there in zip(PHASES, row, strict=True) if there) for row in phases]
