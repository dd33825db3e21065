"""Hourly load and PV of one year, alike for all buses: what scenarios are made from."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from pygridjl.core.errors import InvalidScenariosError, NetworkFormatError
from pygridjl.core.files import read_csv_text, write_text
from pygridjl.core.findings import Finding
from pygridjl.core.types import FloatArray

__all__ = [
    "Fill",
    "HourlyProfile",
    "assert_valid_profile",
    "bundled_year",
    "read_profile",
    "save_profile",
]

Fill = Literal["interpolate"]

_BUNDLED = Path(__file__).parent / "data" / "year.csv"


@dataclass(frozen=True, eq=False)
class HourlyProfile:
    """Load and PV multipliers hour by hour, from the first hour of the first day.

    Attributes
    ----------
    load : ndarray, shape (H,)
        Load over its nominal value.
    pv : ndarray, shape (H,)
        PV output over its rating.
    name : str
        Name of the profile.
    provenance : str
        Where it comes from, in plain words.
    others : mapping of str to ndarray, shape (H,)
        Output over rating of units of other kinds, such as ``"wind"``.
    prices : mapping of str to ndarray, shape (H,)
        Prices of energy, $/MWh, by name.
    """

    load: FloatArray
    pv: FloatArray
    name: str = "profile"
    provenance: str = ""
    others: Mapping[str, FloatArray] = field(default_factory=dict)
    prices: Mapping[str, FloatArray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        both = sorted({"load", "pv", *self.others} & set(self.prices))
        if both:
            raise ValueError(f"{both[0]!r} cannot be a price and a profile too")
        curves = {"load": self.load, "pv": self.pv, **self.others, **self.prices}
        for name, given in curves.items():
            values = np.array(given, dtype=np.float64)
            if values.ndim != 1:
                raise ValueError(f"{name} has shape {values.shape}, expected (H,)")
            values.setflags(write=False)
            curves[name] = values
        for name in ("load", "pv"):
            object.__setattr__(self, name, curves.pop(name))
        prices = {name: curves.pop(name) for name in self.prices}
        object.__setattr__(self, "prices", prices)
        object.__setattr__(self, "others", curves)
        for name, values in {**self.outputs, **prices}.items():
            if self.load.shape != values.shape:
                raise ValueError(f"load has {self.load.size} hours, {name} has {values.size}")

    @property
    def outputs(self) -> dict[str, FloatArray]:
        """Output over rating by name, ``"pv"`` first; shapes (H,)."""
        return {"pv": self.pv, **self.others}

    def __len__(self) -> int:
        return int(self.load.size)

    @property
    def n_day(self) -> int:
        """Number of whole days."""
        return len(self) // 24


def assert_valid_profile(profile: HourlyProfile) -> None:
    """Raise one error that lists every hour that is wrong.

    Parameters
    ----------
    profile : HourlyProfile
        The profile.

    Raises
    ------
    InvalidScenariosError
        If a value is not finite or negative, or the hours do not make whole days.
    """
    findings = []
    if len(profile) == 0 or len(profile) % 24:
        text = f"{len(profile)} hours do not make whole days"
        findings.append(Finding("profile", (), "hours", text))
    curves = {"load": profile.load, **profile.outputs}
    for name, values in {**curves, **profile.prices}.items():
        for mask, text in (
            (~np.isfinite(values), "is not a finite number"),
            # A price may be below zero.
            ((values < 0) & (name in curves), "is negative"),
        ):
            hours = tuple(str(h) for h in np.flatnonzero(mask))
            if hours:
                findings.append(Finding("hour", hours, name, text))
    if findings:
        raise InvalidScenariosError(profile.name, findings)


def whole_year(
    what: object,
    values: ArrayLike,
    month: ArrayLike,
    day: ArrayLike,
    hour: ArrayLike,
    fill: Fill | None = None,
) -> FloatArray:
    """Put readings of one year into its 8760 hours.

    Readings of the same hour (the autumn clock change, or several an hour) are averaged, a single
    hour without any (the spring clock change) interpolated; 29 February is left out.

    Parameters
    ----------
    what : object
        Where the readings come from, for messages.
    values : array, shape (n,)
        Readings; NaN counts as none.
    month, day, hour : array of int, shape (n,)
        Calendar month and day from 1, hour 0…23 at whose start the reading's hour begins.
    fill : {"interpolate"}, optional
        What to do about longer gaps; without it they are refused.

    Returns
    -------
    ndarray, shape (8760,)
        A whole year.

    Raises
    ------
    NetworkFormatError
        If there is no reading at all, or hours are missing and ``fill`` is not given.
    """
    before = np.cumsum([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30])
    x = np.asarray(values, dtype=np.float64)
    m, d = np.asarray(month, dtype=np.int64), np.asarray(day, dtype=np.int64)
    slot = (before[m - 1] + d - 1) * 24 + np.asarray(hour, dtype=np.int64)
    kept = np.isfinite(x) & ~((m == 2) & (d == 29))
    total = np.bincount(slot[kept], weights=x[kept], minlength=8760)
    count = np.bincount(slot[kept], minlength=8760)
    there = np.flatnonzero(count)
    missing = np.flatnonzero(count == 0)
    if not there.size:
        raise NetworkFormatError(what, "hours", "there is no reading")
    # One hour may be missing at a time: the clock is set forward in spring.
    run = missing[:-1][np.diff(missing) == 1] if missing.size else missing
    if fill is None and (run.size or np.isin(missing, [0, 8759]).any() or missing.size > 24):
        begin = pd.Timestamp("2023-01-01") + pd.Timedelta(hours=int(missing[0]))
        detail = (
            f"{missing.size} of 8760 hours are missing, the first on {begin:%d %B at %H:00}; give "
            "a whole year, or fill='interpolate' (--fill interpolate)"
        )
        raise NetworkFormatError(what, "hours", detail)
    return np.interp(np.arange(8760), there, total[there] / count[there])


def save_profile(profile: HourlyProfile, path: str | Path) -> Path:
    """Write a profile as CSV with columns hour, load, pv, others and prices: all or nothing.

    Parameters
    ----------
    profile : HourlyProfile
        The profile.
    path : str or Path
        Where to.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    NetworkFormatError
        If it cannot be written.
    """
    curves = {"load": profile.load, **profile.outputs, **profile.prices}
    frame = pd.DataFrame({"hour": range(len(profile)), **curves})
    write_text(Path(path), frame.to_csv(index=False, lineterminator="\n"))
    return Path(path)


def read_profile(
    path: str | Path,
    *,
    name: str | None = None,
    others: Iterable[str] = (),
    prices: Iterable[str] = (),
) -> HourlyProfile:
    """Read a profile from CSV with columns load and pv, one row an hour.

    Parameters
    ----------
    path : str or Path
        The file.
    name : str, optional
        Name of the profile; by default that of the file.
    others : iterable of str
        More columns to read, the output over rating of units of other kinds.
    prices : iterable of str
        Columns that are prices of energy, $/MWh.

    Returns
    -------
    HourlyProfile
        Not yet validated: empty cells are NaN.

    Raises
    ------
    NetworkFormatError
        If the file or a column is missing or a cell is no number.
    """
    frame = read_csv_table(path)
    others, prices = tuple(others), tuple(prices)
    for column in ("load", "pv", *others, *prices):
        if column not in frame.columns:
            raise NetworkFormatError(path, "header", f"column {column!r} is missing")
    return HourlyProfile(
        number_column(path, frame, "load"),
        number_column(path, frame, "pv"),
        name or Path(path).stem,
        f"file {path}",
        {column: number_column(path, frame, column) for column in others},
        {column: number_column(path, frame, column) for column in prices},
    )


def read_csv_table(path: str | Path) -> pd.DataFrame:
    """Read a CSV file as text cells, names of columns trimmed; ``;`` or tabs may separate them.

    Raises
    ------
    NetworkFormatError
        If it is missing or no CSV.
    """
    try:
        text = read_csv_text(path)
        header = text.lstrip().partition("\n")[0]
        separator = max(",;\t", key=header.count)
        frame = pd.read_csv(
            io.StringIO(text),
            sep=separator,
            dtype=str,
            keep_default_na=False,
            skip_blank_lines=True,
        )
    except FileNotFoundError:
        raise NetworkFormatError(path, "file", "is missing") from None
    except (OSError, ValueError) as error:
        raise NetworkFormatError(path, "file", f"is not readable CSV: {error}") from None
    frame.attrs["separator"] = separator
    return frame.rename(columns=lambda c: str(c).strip())


def number_column(path: object, frame: pd.DataFrame, column: str) -> FloatArray:
    """Turn a column of text into numbers, empty cells into NaN.

    A comma separates thousands; where it cannot separate columns (``;`` does), it is the decimal
    sign.

    Raises
    ------
    NetworkFormatError
        If a cell is no number; it names row and column.
    """
    cells = frame[column].astype(str).str.strip()
    if frame.attrs.get("separator") == ";" and cells.str.contains(",", regex=False).any():
        cells = cells.str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
    cells = cells.str.replace(",", "", regex=False)
    cells = cells.mask(cells.str.lower().isin(["", "nan"]), "nan")
    # numpy reads text as Python does, to the last bit; pandas before version 3 does not.
    text = cells.to_numpy(dtype=np.str_)
    try:
        return text.astype(np.float64)
    except ValueError:
        row, cell = next((k, cell) for k, cell in enumerate(text) if not _is_number(cell))
        raise NetworkFormatError(
            path, f"row {row + 2}", f"column {column!r}: {str(cell)!r} is not a number"
        ) from None


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def bundled_year() -> HourlyProfile:
    """Return the year of load and sun that comes with the package: synthetic, not measured.

    :func:`pygridjl.scenarios.synthetic.synthetic_year` made it with seed 2023.

    Returns
    -------
    HourlyProfile
        8760 hours.
    """
    profile = read_profile(_BUNDLED, name="synthetic year")
    return HourlyProfile(
        profile.load,
        profile.pv,
        profile.name,
        "synthetic: seeded weather and habits at 31.8 °N 106.5 °W, PV by the PVWatts model",
    )
