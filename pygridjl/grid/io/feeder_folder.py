"""A feeder as a folder of CSV tables in everyday units (kV, km, ohm, A, kW, kvar).

``params.json``
    format, name, phase_mva, source_bus, v_set, source (credits), notes.
``buses.csv``
    id, kv_ln, phases (such as ``ac``), v_min, v_max, x, y.
``codes.csv``
    id and the upper triangles of R and X in ohm, the charging b of each phase in µS: per km
    where the branch has a length, else for the whole branch. On the *to* side of a ratio.
``branches.csv``
    id, from_bus, to_bus, phases, kind, closed, code, length_km, amps_a … amps_c (ampacity),
    ratio_a … ratio_c, and group where a transformer has a delta winding.
``loads.csv``
    id, bus, connection, model, kw_a … kw_c, kvar_a … kvar_c (wye equivalents).
``capacitors.csv``
    id, bus, kvar_a … kvar_c, kw_a … kw_c where a shunt has active power, and connection where
    one stands between phases.
``generators.csv``
    id, bus, kind, kw_a … kw_c, kvar_a … kvar_c, kva_a … kva_c (capacity).

A blank cell means the default of the column: 0, or ratio 1, or no limit. Numbers are written with
ten significant digits, so a feeder that was read back differs by less than 1e-9 relative.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pygridjl.core.errors import NetworkFormatError
from pygridjl.core.files import replacing_folder
from pygridjl.core.types import BoolArray, FloatArray
from pygridjl.grid.feeder import Feeder
from pygridjl.grid.feeder_tables import PHASES

__all__ = ["CODE_COLUMNS", "FORMAT", "UPPER", "per_phase", "save_feeder"]

FORMAT = "pygridjl-feeder-1"
UPPER = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]


def per_phase(prefix: str) -> list[str]:
    """Return the column names of one quantity by phase."""
    return [f"{prefix}_{p}" for p in PHASES]


CODE_COLUMNS = [
    *(f"{prefix}_{PHASES[i]}{PHASES[j]}" for prefix in "rx" for i, j in UPPER),
    *per_phase("b"),
]


def save_feeder(feeder: Feeder, path: str | Path) -> Path:
    """Write a feeder as a folder of CSV tables or as an OpenDSS script, all of it or nothing.

    Parameters
    ----------
    feeder : Feeder
        The feeder.
    path : str or Path
        ``*.dss`` for a script (see :func:`pygridjl.grid.io.opendss.write.write_opendss`), a name
        without extension for the folder. A feeder that is there already is replaced.

    Returns
    -------
    Path
        What was written.

    Raises
    ------
    NetworkFormatError
        If the extension is unknown.
    OutputError
        If it cannot be written or something else than a feeder is in the way.

    Examples
    --------
    >>> from pygridjl import load_feeder, save_feeder
    >>> folder = save_feeder(load_feeder("ieee13"), "my-feeder")
    >>> load_feeder(folder).n_bus == load_feeder("ieee13").n_bus
    True
    """
    target = Path(path)
    if target.suffix.lower() == ".dss":
        from pygridjl.grid.io.opendss.write import write_opendss

        write_opendss(feeder, target)
        return target
    if target.suffix:
        detail = f"extension {target.suffix!r} is not .dss or none (a folder of tables)"
        raise NetworkFormatError(target, "file", detail)
    with replacing_folder(target, marker="params.json") as fresh:
        _write_all(feeder, fresh)
    return target


def _write_all(feeder: Feeder, folder: Path) -> None:
    params = {
        "format": FORMAT,
        "name": feeder.name,
        "phase_mva": feeder.phase_mva,
        "source_bus": str(feeder.buses.id[feeder.source_bus]),
        "v_set": feeder.v_set.tolist(),
        "source": feeder.source,
        "notes": list(feeder.notes),
    }
    text = json.dumps(params, indent=1, ensure_ascii=False)
    (folder / "params.json").write_text(text + "\n", encoding="utf-8")
    bus = feeder.buses
    _write(
        folder / "buses.csv",
        ["id", "kv_ln", "phases", "v_min", "v_max", "x", "y"],
        zip(
            bus.id,
            _cells(bus.kv_ln),
            _letters(bus.phases),
            _cells(bus.v_min, 0.0),
            _cells(bus.v_max, np.inf),
            _cells(bus.x),
            _cells(bus.y),
            strict=True,
        ),
    )
    _write_branches(feeder, folder)
    kw = feeder.phase_mva * 1e3
    load, cap, gen = feeder.loads, feeder.capacitors, feeder.generators
    _write(
        folder / "loads.csv",
        ["id", "bus", "connection", "model", *per_phase("kw"), *per_phase("kvar")],
        zip(
            load.id,
            bus.id[load.bus],
            load.connection,
            load.model,
            *_phase_cells(load.p * kw),
            *_phase_cells(load.q * kw),
            strict=True,
        ),
    )
    active, between = bool(cap.p.any()), bool((cap.connection != "wye").any())
    _write(
        folder / "capacitors.csv",
        [
            *("id", "bus", *per_phase("kvar"), *(per_phase("kw") if active else ())),
            *(("connection",) if between else ()),
        ],
        zip(
            cap.id,
            bus.id[cap.bus],
            *_phase_cells(cap.q * kw),
            *(_phase_cells(cap.p * kw) if active else ()),
            *((cap.connection,) if between else ()),
            strict=True,
        ),
    )
    _write(
        folder / "generators.csv",
        ["id", "bus", "kind", *per_phase("kw"), *per_phase("kvar"), *per_phase("kva")],
        zip(
            gen.id,
            bus.id[gen.bus],
            gen.kind,
            *_phase_cells(gen.p * kw),
            *_phase_cells(gen.q * kw),
            *_phase_cells(gen.s_max * kw, np.inf),
            strict=True,
        ),
    )


def _write_branches(feeder: Feeder, folder: Path) -> None:
    """Branches, and one code for all that share their matrices to the digits written."""
    branch, bus = feeder.branches, feeder.buses
    grouped = bool((branch.group != "").any())
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
    names = []
    for row in values:
        key = tuple(_cells(row, 0.0))
        names.append(codes.setdefault(key, f"z{len(codes) + 1}"))
    _write(
        folder / "codes.csv",
        ["id", *CODE_COLUMNS],
        ((name, *key) for key, name in codes.items()),
    )
    _write(
        folder / "branches.csv",
        [
            *("id", "from_bus", "to_bus", "phases", "kind", "closed", "code", "length_km"),
            *per_phase("amps"),
            *per_phase("ratio"),
            *(("group",) if grouped else ()),
        ],
        zip(
            branch.id,
            bus.id[branch.from_bus],
            bus.id[branch.to_bus],
            _letters(branch.phases),
            branch.kind,
            branch.closed.astype(np.int64),
            names,
            _cells(branch.length_km, 0.0),
            *_phase_cells(branch.rating * feeder.i_base[branch.to_bus][:, None], np.inf),
            *_phase_cells(branch.ratio, 1.0),
            *((branch.group,) if grouped else ()),
            strict=True,
        ),
    )


def _cells(values: FloatArray, blank: float = np.nan) -> list[str]:
    """Ten digits; the blank value empty. NaN is written out unless it is the blank itself."""
    nan_is_blank = math.isnan(blank)
    return [
        "" if v == blank or (nan_is_blank and math.isnan(v)) else f"{v:.10g}"
        for v in np.asarray(values, dtype=np.float64).tolist()
    ]


def _phase_cells(values: FloatArray, blank: float = 0.0) -> list[list[str]]:
    return [_cells(values[:, k], blank) for k in range(3)]


def _letters(phases: BoolArray) -> list[str]:
    return ["".join(p for p, there in zip(PHASES, row, strict=True) if there) for row in phases]


def _write(path: Path, header: Sequence[str], rows: Iterable[Iterable[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
