"""Hourly load of ERCOT's weather zones.

El Paso lies outside ERCOT. Studies that take sun from there and load from ERCOT use the nearest
zone, Far West; so does the default here.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pandas as pd

from pygridjl.core.errors import InvalidOptionError, NetworkFormatError
from pygridjl.core.files import read_bytes
from pygridjl.core.types import FloatArray
from pygridjl.scenarios.profile import Fill, number_column, read_csv_table, whole_year
from pygridjl.scenarios.times import interval_starts

__all__ = ["ERCOT_ZONES", "read_ercot_load"]

ERCOT_ZONES = {
    "COAST": ("COAST",),
    "EAST": ("EAST",),
    "FWEST": ("FWEST", "FARWEST"),
    "NORTH": ("NORTH",),
    "NCENT": ("NCENT", "NORTHC", "NORTHCENTRAL"),
    "SOUTH": ("SOUTH", "SOUTHERN"),
    "SCENT": ("SCENT", "SOUTHC", "SOUTHCENTRAL"),
    "WEST": ("WEST",),
    "ERCOT": ("ERCOT", "TOTAL"),
}
"""Zone to the spellings met over the years, without spaces and underscores."""

_ENDING = ("HOURENDING", "HOUREND")
_BEGINNING = ("HOURBEGINNING", "TIMESTAMP", "DATETIME", "TIME")
_DAY = ("OPERDAY", "DELIVERYDATE", "DATE", "DAY")


def read_ercot_load(
    path: str | Path, zone: str = "FWEST", *, fill: Fill | None = None
) -> FloatArray:
    """Read one year of load of a zone, over its own peak.

    Parameters
    ----------
    path : str or Path
        The native-load workbook (``.xlsx``) or the same table as CSV, hourly or finer. The column
        of times may be called ``Hour Ending``, ``HourEnding`` or ``Hour_End``; ``24:00`` and the
        mark ``DST`` of the repeated autumn hour are understood. A column of days may stand beside
        it, as in market reports. Columns called ``Timestamp``, ``Datetime`` or ``Time`` name the
        beginning of intervals.
    zone : str
        A key of :data:`ERCOT_ZONES`, any spelling listed there, or another column of the file.
    fill : {"interpolate"}, optional
        What to do about missing hours; without it they are refused.

    Returns
    -------
    ndarray, shape (8760,)
        Load over the highest of the year, so at most one.

    Raises
    ------
    InvalidOptionError
        If the zone is unknown.
    NetworkFormatError
        If the file is missing, does not cover a year or cannot be understood; it names row and
        column.
    """
    frame = _table(path)
    names = {_plain(str(c)): str(c) for c in frame.columns}
    wanted = _plain(zone)
    spellings = next((s for s in ERCOT_ZONES.values() if wanted in s), (wanted,))
    known = any(wanted in s for s in ERCOT_ZONES.values())
    if not known and wanted not in names:
        raise InvalidOptionError(f"zone {zone!r} is none of {', '.join(ERCOT_ZONES)}")
    hour_column = next((names[h] for h in (*_ENDING, *_BEGINNING) if h in names), None)
    if hour_column is None:
        detail = "column 'Hour Ending' (or 'Timestamp', for the beginning) is missing"
        raise NetworkFormatError(path, "header", detail)
    load_column = next((names[s] for s in spellings if s in names), None)
    if load_column is None:
        raise NetworkFormatError(path, "header", f"zone {zone!r} is missing")
    # A row without a time is a total or a remark at the end of the sheet.
    frame = frame[frame[hour_column].astype(str).str.strip() != ""]
    load = number_column(path, frame, load_column)
    cells = frame[hour_column].astype(str).str.strip()
    day_column = next((names[d] for d in _DAY if d in names), None)
    if day_column is not None:
        # Hours alone, 1 to 24 or 01:00 to 24:00, beside their day.
        hours = cells.where(cells.str.contains(":", regex=False), cells + ":00")
        cells = frame[day_column].astype(str).str.strip() + " " + hours
    ending = _plain(hour_column) in _ENDING
    start = interval_starts(path, hour_column, cells, ending=ending, sparse=fill is not None)
    if len(set(start.year)) > 1:
        raise NetworkFormatError(path, hour_column, "spans more than one year")
    year = whole_year(path, load, start.month, start.day, start.hour, fill)
    peak = year.max()
    if not peak > 0:
        raise NetworkFormatError(path, load_column, "holds no positive load")
    return np.asarray(year / peak)


def _plain(name: str) -> str:
    return "".join(ch for ch in name.upper() if ch.isalnum())


def _table(path: str | Path) -> pd.DataFrame:
    if Path(path).suffix.lower() not in {".xlsx", ".xls"}:
        return read_csv_table(path)
    try:
        return pd.read_excel(io.BytesIO(read_bytes(path)), dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise NetworkFormatError(path, "file", "is missing") from None
    except ImportError as error:
        detail = f"needs a package to be read ({error}); or save the sheet as CSV"
        raise NetworkFormatError(path, "file", detail) from None
    # What the zip and the XML of a broken workbook end in.
    except (
        AttributeError,
        EOFError,
        LookupError,
        OSError,
        SyntaxError,
        TypeError,
        ValueError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise NetworkFormatError(path, "file", f"is not a workbook: {error}") from None
