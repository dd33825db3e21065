"""Hourly load of ERCOT's weather zones.

El Paso lies outside ERCOT. Studies that take sun from there and load from ERCOT use the nearest
zone, Far West; so does the default here.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd

from pygridjl.core.errors import InvalidOptionError, NetworkFormatError
from pygridjl.core.files import read_bytes
from pygridjl.core.types import FloatArray
from pygridjl.scenarios.profile import number_column, read_csv_table, whole_year

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

_HOUR = ("HOURENDING", "HOUREND")


def read_ercot_load(path: str | Path, zone: str = "FWEST") -> FloatArray:
    """Read one year of hourly load of a zone, over its own peak.

    Parameters
    ----------
    path : str or Path
        The native-load workbook (``.xlsx``) or the same table as CSV. The column of times may be
        called ``Hour Ending``, ``HourEnding`` or ``Hour_End``; ``24:00`` and the mark ``DST`` of
        the repeated autumn hour are understood.
    zone : str
        A key of :data:`ERCOT_ZONES` or any spelling listed there.

    Returns
    -------
    ndarray, shape (8760,)
        Load over the highest of the year, so at most one.

    Raises
    ------
    InvalidOptionError
        If the zone is unknown.
    NetworkFormatError
        If the file is missing or cannot be understood; it names row and column.
    """
    wanted = _plain(zone)
    spellings = next((s for s in ERCOT_ZONES.values() if wanted in s), None)
    if spellings is None:
        raise InvalidOptionError(f"zone {zone!r} is none of {', '.join(ERCOT_ZONES)}")
    frame = _table(path)
    names = {_plain(str(c)): str(c) for c in frame.columns}
    hour_column = next((names[h] for h in _HOUR if h in names), None)
    if hour_column is None:
        raise NetworkFormatError(path, "header", "column 'Hour Ending' is missing")
    load_column = next((names[s] for s in spellings if s in names), None)
    if load_column is None:
        raise NetworkFormatError(path, "header", f"zone {zone!r} is missing")
    # A row without a time is a total or a remark at the end of the sheet.
    frame = frame[frame[hour_column].astype(str).str.strip() != ""]
    load = number_column(path, frame, load_column)
    start = _hour_start(path, frame[hour_column].astype(str))
    if len(set(start.year)) > 1:
        raise NetworkFormatError(path, hour_column, "spans more than one year")
    year = whole_year(load, start.month, start.day, start.hour)
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
    except (OSError, ValueError, KeyError) as error:
        raise NetworkFormatError(path, "file", f"is not a workbook: {error}") from None


def _hour_start(path: str | Path, cells: pd.Series[str]) -> pd.DatetimeIndex:
    """Turn hours named by their end into the times they begin at."""
    text = cells.str.upper().str.replace("DST", "", regex=False).str.strip()
    # 24:00 is the midnight that ends the day: read as 00:00 and moved on by a day.
    midnight = text.str.contains(r"(?:^|\D)24:00", regex=True)
    text = text.str.replace("24:00", "00:00", regex=False)
    end = pd.to_datetime(text, errors="coerce", format="mixed")
    wrong = np.flatnonzero(end.isna().to_numpy())
    if wrong.size:
        cell = cells.iloc[wrong[0]]
        row = int(cells.index[wrong[0]]) + 2
        raise NetworkFormatError(path, f"row {row}", f"{cell!r} is not a time")
    end = end + pd.to_timedelta(midnight.to_numpy().astype(int), unit="D")
    # Workbooks round the time to the second, so that an hour may end at 00:59:59.997.
    return pd.DatetimeIndex(end.dt.round("min") - pd.Timedelta(hours=1))
