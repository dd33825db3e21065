"""Times of measured tables: their order, step and zone are found, never guessed in silence."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from pygridjl.core.errors import NetworkFormatError

__all__ = ["interval_starts"]

_DATE = re.compile(r"^\s*(\d{1,4})([./-])(\d{1,2})[./-](\d{1,4})\b")
_CLOCK = re.compile(r"\d{1,2}:\d{2}")
_OFFSET = re.compile(r"(Z|[+-]\d{2}:?\d{2})$")
_HOUR = pd.Timedelta(hours=1)


def interval_starts(
    path: str | Path,
    column: str,
    cells: pd.Series[str],
    *,
    ending: bool,
    sparse: bool = False,
) -> pd.DatetimeIndex:
    """Return the local times at which the intervals of a table begin.

    Parameters
    ----------
    path : path-like
        The file, for messages.
    column : str
        The column, for messages.
    cells : Series of str
        Its cells; the index counts rows of the table from 0.
    ending : bool
        Whether intervals are named by their end, as ``Hour Ending`` is, or by their beginning.
    sparse : bool
        Whether a step of more than an hour is taken for hours with gaps between them.

    Returns
    -------
    DatetimeIndex
        As the clock on the wall shows them; offsets from UTC are left out.

    Raises
    ------
    NetworkFormatError
        If a cell is no time, has no date, or all are in UTC; if day and month could be either; if
        the step is longer than an hour.

    Notes
    -----
    Dots between numbers mean day, month, year. With slashes or dashes the numbers above 12 decide,
    and where there are none, the order in which the times rise.
    """
    text = cells.str.upper().str.replace("DST", "", regex=False).str.strip()
    offsets = text.str.extract(_OFFSET)[0].where(text.str.contains(_CLOCK))
    if offsets.notna().all() and offsets.isin(["Z", "+00:00", "+0000"]).all() and len(text):
        detail = "all times are UTC: give the local times of the load"
        raise NetworkFormatError(path, column, detail)
    text = text.where(offsets.isna(), text.str.replace(_OFFSET, "", regex=True))
    # 24:00 is the midnight that ends the day: read as 00:00 and moved on by a day.
    midnight = text.str.contains(r"(?:^|\D)24:00", regex=True).to_numpy()
    text = text.str.replace("24:00", "00:00", regex=False)
    dated = text.str.match(_DATE)
    if len(text) and not dated.any():
        cell = cells.iloc[0]
        if pd.isna(pd.to_datetime(text, errors="coerce", format="mixed")).all() or _CLOCK.match(
            text.iloc[0]
        ):
            raise NetworkFormatError(path, column, f"{cell!r} has no date")
    times = _parsed(path, cells, text, midnight)
    step = _step(times)
    if step > _HOUR and not sparse:
        detail = (
            f"a step of {step / _HOUR:g} hours is longer than one; give every hour, or "
            "fill='interpolate' (--fill interpolate)"
        )
        raise NetworkFormatError(path, column, detail)
    step = min(step, _HOUR)
    # Workbooks round the time to the second, so that an hour may end at 00:59:59.997.
    return pd.DatetimeIndex(times.round("min") - (step if ending else pd.Timedelta(0)))


def _step(times: pd.DatetimeIndex) -> pd.Timedelta:
    """Usual distance of two readings, an hour where there is just one."""
    apart = np.diff(np.sort(times.round("min").to_numpy()))
    apart = apart[apart > np.timedelta64(0)]
    if not apart.size:
        return _HOUR
    values, counts = np.unique(apart, return_counts=True)
    return pd.Timedelta(values[counts.argmax()])


def _parsed(
    path: str | Path, cells: pd.Series[str], text: pd.Series[str], midnight: np.ndarray
) -> pd.DatetimeIndex:
    parts = text.str.extract(_DATE)
    first = pd.to_numeric(parts[0], errors="coerce")
    second = pd.to_numeric(parts[2], errors="coerce")
    starts_with_year = parts[0].str.len().eq(4)
    days_first: list[bool] = [False]
    if not starts_with_year.all():
        could_be_month = not (first[~starts_with_year] > 12).any()
        could_be_day = not (second[~starts_with_year] > 12).any()
        dots = bool(parts[1][~starts_with_year].eq(".").any())
        if not could_be_month and not could_be_day:
            row = int(cells.index[int((first > 12).to_numpy().argmax())]) + 2
            detail = "days and months are in different orders"
            raise NetworkFormatError(path, f"row {row}", detail)
        if dots or not could_be_month:
            days_first = [True]
        elif could_be_day:
            days_first = [False, True]
    found = [_times(path, cells, text, midnight, dayfirst=day) for day in days_first]
    if len(found) == 1:
        return found[0]
    rising = [bool((np.diff(times.to_numpy()) >= np.timedelta64(0)).all()) for times in found]
    return found[1] if rising == [False, True] else found[0]


def _times(
    path: str | Path,
    cells: pd.Series[str],
    text: pd.Series[str],
    midnight: np.ndarray,
    *,
    dayfirst: bool,
) -> pd.DatetimeIndex:
    times = pd.to_datetime(text, errors="coerce", format="mixed", dayfirst=dayfirst)
    wrong = np.flatnonzero(times.isna().to_numpy())
    if wrong.size:
        row = int(cells.index[wrong[0]]) + 2
        cell = str(cells.iloc[wrong[0]])[:40]
        raise NetworkFormatError(path, f"row {row}", f"{cell!r} is not a time")
    return pd.DatetimeIndex(times + pd.to_timedelta(midnight.astype(int), unit="D"))
