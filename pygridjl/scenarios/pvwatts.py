"""PV output over its rating from weather, by the PVWatts model (version 5) as pvlib has it."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pygridjl.core.errors import InvalidOptionError, NetworkFormatError
from pygridjl.core.files import read_bytes
from pygridjl.core.types import FloatArray
from pygridjl.scenarios.profile import Fill, whole_year

__all__ = ["PVWattsOptions", "Weather", "pvwatts_multiplier", "read_nsrdb"]


@dataclass(frozen=True)
class PVWattsOptions:
    """A PV system; defaults are those of PVWatts for a fixed open rack.

    Attributes
    ----------
    tilt : float or None
        Degrees from the horizontal; the latitude unless given.
    azimuth : float
        Degrees east of north.
    temperature_coefficient : float
        Of the power at the maximum power point, 1/K.
    losses : float
        Share of the DC power lost to soiling, wiring and the like.
    dc_ac_ratio : float
        DC rating over AC rating; output is over the AC rating, so it never exceeds one.
    inverter_efficiency : float
        Nominal efficiency of the inverter.
    albedo : float
        Share of light the ground reflects.
    """

    tilt: float | None = None
    azimuth: float = 180.0
    temperature_coefficient: float = -0.0047
    losses: float = 0.1408
    dc_ac_ratio: float = 1.1
    inverter_efficiency: float = 0.96
    albedo: float = 0.2

    def __post_init__(self) -> None:
        if not 0 <= self.losses < 1:
            raise InvalidOptionError(f"losses must lie in [0, 1), not {self.losses}")
        if not self.dc_ac_ratio > 0:
            raise InvalidOptionError(f"dc_ac_ratio must be positive, not {self.dc_ac_ratio}")
        if not 0 < self.inverter_efficiency <= 1:
            raise InvalidOptionError(
                f"inverter_efficiency must lie in (0, 1], not {self.inverter_efficiency}"
            )


@dataclass(frozen=True, eq=False)
class Weather:
    """Irradiance, temperature and wind at a place.

    Attributes
    ----------
    table : DataFrame
        Columns ghi, dni, dhi (W/m²), temp_air (°C), wind_speed (m/s), indexed by time with a
        zone. A time is the middle of its reading.
    latitude, longitude : float
        Degrees north and east.
    altitude : float
        Metres above the sea.
    """

    table: pd.DataFrame
    latitude: float
    longitude: float
    altitude: float = 0.0


_COLUMNS = ("ghi", "dni", "dhi", "temp_air", "wind_speed")


def read_nsrdb(path: str | Path) -> Weather:
    """Read a file of the National Solar Radiation Database (PSM v4, CSV).

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    Weather
        In the local standard time that the file names.

    Raises
    ------
    NetworkFormatError
        If the file is missing, is not of that format or lacks a quantity.
    """
    from pvlib import iotools

    try:
        read_bytes(path)  # only to refuse what is no regular file
        table, about = iotools.read_nsrdb_psm4(str(path), map_variables=True)
    except FileNotFoundError:
        raise NetworkFormatError(path, "file", "is missing") from None
    except (OSError, ValueError, KeyError, StopIteration, IndexError) as error:
        detail = f"is not an NSRDB file: {type(error).__name__} {error}"
        raise NetworkFormatError(path, "file", detail) from None
    for column in _COLUMNS:
        if column not in table.columns:
            raise NetworkFormatError(path, "header", f"quantity {column!r} is missing")
    local = about.get("Local Time Zone")
    if (
        isinstance(local, int | float)
        and np.isfinite(local)
        and isinstance(table.index, pd.DatetimeIndex)
    ):
        # The file may count in UTC; loads do not.
        table = table.tz_convert(datetime.timezone(datetime.timedelta(hours=float(local))))
    return Weather(
        table[list(_COLUMNS)],
        float(about["latitude"]),
        float(about["longitude"]),
        float(about["altitude"]),
    )


def pvwatts_multiplier(
    weather: Weather, options: PVWattsOptions | None = None, *, fill: Fill | None = None
) -> FloatArray:
    """Return the AC output over the AC rating for each hour of a year.

    Chain: sun position, irradiance on the tilted plane (isotropic sky), cell temperature (Sandia
    model, open rack), DC power, losses, inverter.

    Parameters
    ----------
    weather : Weather
        One year, hourly or finer.
    options : PVWattsOptions, optional
        The system.
    fill : {"interpolate"}, optional
        What to do about missing hours; without it they are refused.

    Returns
    -------
    ndarray, shape (8760,)
        Between 0 and 1, from the first hour of 1 January in the zone of the weather.

    Raises
    ------
    InvalidOptionError
        If the weather has no times with a zone or lacks a quantity.
    NetworkFormatError
        If it does not cover a year.
    """
    from pvlib import inverter, irradiance, pvsystem, solarposition, temperature

    options = options or PVWattsOptions()
    table = weather.table
    times = table.index
    if not isinstance(times, pd.DatetimeIndex) or times.tz is None:
        raise InvalidOptionError("weather needs an index of times with a zone")
    missing = [c for c in _COLUMNS if c not in table.columns]
    if missing:
        raise InvalidOptionError(f"weather lacks column {missing[0]!r}")
    sun = solarposition.get_solarposition(
        times, weather.latitude, weather.longitude, weather.altitude
    )
    plane = irradiance.get_total_irradiance(
        weather.latitude if options.tilt is None else options.tilt,
        options.azimuth,
        sun["apparent_zenith"],
        sun["azimuth"],
        table["dni"],
        table["ghi"],
        table["dhi"],
        albedo=options.albedo,
    )
    # In the twilight hour the beam may reach the plane from below the horizon by rounding.
    light = plane["poa_global"].fillna(0.0).clip(lower=0.0)
    rack = temperature.TEMPERATURE_MODEL_PARAMETERS["sapm"]["open_rack_glass_polymer"]
    cell = temperature.sapm_cell(light, table["temp_air"], table["wind_speed"], **rack)
    dc = pvsystem.pvwatts_dc(light, cell, options.dc_ac_ratio, options.temperature_coefficient)
    dc = dc * (1.0 - options.losses)
    ac = inverter.pvwatts(dc, 1.0 / options.inverter_efficiency, options.inverter_efficiency)
    output = np.clip(np.asarray(ac, dtype=np.float64), 0.0, 1.0)
    known = table[list(_COLUMNS)].notna().all(axis=1).to_numpy()
    output = np.where(known, output, np.nan)
    return whole_year("weather", output, times.month, times.day, times.hour, fill)
