"""A seeded year of load and sun, for work without measured data."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pygridjl.core.arguments import generator
from pygridjl.core.types import FloatArray
from pygridjl.scenarios.profile import HourlyProfile
from pygridjl.scenarios.pvwatts import PVWattsOptions, Weather, pvwatts_multiplier

__all__ = ["synthetic_year"]

# Three decimals are finer than the model and equal on every machine.
DECIMALS = 3
_CALENDAR_YEAR = 2023  # begins on a Sunday; sets the weekends


def synthetic_year(
    seed: int = 2023,
    *,
    latitude: float = 31.8,
    longitude: float = -106.5,
    altitude: float = 1140.0,
    options: PVWattsOptions | None = None,
) -> HourlyProfile:
    """Make a year of load and PV multipliers: plausible, not measured.

    Sun: clear-sky irradiance (Ineichen) dimmed by a cloudiness that drifts from day to day and
    flickers from hour to hour, temperature by season, hour and a drift, PV by PVWatts. Load: an
    evening peak, lower weekends, heating below 15 °C and cooling above 22 °C of the same
    weather, a drift; over its own peak. Load and sun therefore move together as they do in
    data. The bundled year is this function's answer for its default arguments.

    Parameters
    ----------
    seed : int
        Seed of the weather and the habits.
    latitude, longitude : float
        Degrees north and east.
    altitude : float
        Metres above the sea.
    options : PVWattsOptions, optional
        The PV system.

    Returns
    -------
    HourlyProfile
        8760 hours in the time zone nearest the longitude, three decimals.
    """
    from pvlib.location import Location

    rng = generator(seed)
    zone = round(longitude / 15)
    times = pd.date_range(
        f"{_CALENDAR_YEAR}-01-01 00:30", periods=8760, freq="h", tz=f"Etc/GMT{-zone:+d}"
    )
    place = Location(latitude, longitude, altitude=altitude)
    clear = place.get_clearsky(times, model="ineichen", linke_turbidity=3.0)
    day = np.arange(8760) // 24
    hour = np.arange(8760) % 24
    cloud = np.repeat(_drift(rng, 365, 0.6), 24) + 0.35 * _drift(rng, 8760, 0.7)
    # Most days are clear: only the upper third of the drift becomes cloud.
    cover = np.clip(0.55 * (cloud - 0.4), 0.0, 0.95)
    season = np.cos(2 * np.pi * (day - 200) / 365) * (1.0 if latitude >= 0 else -1.0)
    swing = np.cos(2 * np.pi * (hour - 15) / 24)
    temperature = 18.5 + 10.5 * season + 7.0 * swing * (1 - 0.5 * cover)
    temperature = temperature + 2.5 * np.repeat(_drift(rng, 365, 0.8), 24)
    wind = np.clip(3.0 + 1.2 * _drift(rng, 8760, 0.9), 0.3, None)
    weather = Weather(
        pd.DataFrame(
            {
                "ghi": clear["ghi"] * (1 - 0.75 * cover),
                "dni": clear["dni"] * (1 - cover),
                "dhi": clear["dhi"] + 0.25 * clear["ghi"] * cover * (1 - cover),
                "temp_air": temperature,
                "wind_speed": wind,
            },
            index=times,
        ),
        latitude,
        longitude,
        altitude,
    )
    weekend = times.day_of_week.to_numpy() >= 5
    evening = np.exp(-0.5 * ((hour - 19) / 2.6) ** 2)
    morning = np.exp(-0.5 * ((hour - 7.5) / 1.8) ** 2)
    habit = 0.42 + 0.20 * evening + 0.07 * morning + 0.06 * ((hour > 7) & (hour < 18))
    weather_load = 0.012 * np.clip(15 - temperature, 0, None) + 0.022 * np.clip(
        temperature - 22, 0, None
    )
    load = habit * np.where(weekend, 0.93, 1.0) + weather_load
    load = load * (1 + 0.02 * _drift(rng, 8760, 0.95))
    return HourlyProfile(
        np.round(load / load.max(), DECIMALS),
        np.round(pvwatts_multiplier(weather, options), DECIMALS),
        "synthetic year",
        f"synthetic: seeded weather and habits (seed {seed}) at {latitude:g} °N {longitude:g} °E, "
        "PV by the PVWatts model",
    )


def _drift(rng: np.random.Generator, n: int, memory: float) -> FloatArray:
    """First-order autoregression with unit variance."""
    steps = rng.standard_normal(n)
    values = np.empty(n)
    values[0] = steps[0]
    scale = np.sqrt(1 - memory**2)
    for k in range(1, n):
        values[k] = memory * values[k - 1] + scale * steps[k]
    return values
