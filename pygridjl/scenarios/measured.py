"""A year of measured load and sun from public files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pygridjl.scenarios.ercot import read_ercot_load
from pygridjl.scenarios.profile import Fill, HourlyProfile
from pygridjl.scenarios.pvwatts import PVWattsOptions, pvwatts_multiplier, read_nsrdb

__all__ = ["measured_year"]


def measured_year(
    nsrdb: str | Path,
    ercot: str | Path,
    *,
    zone: str = "FWEST",
    options: PVWattsOptions | None = None,
    arrays: Mapping[str, PVWattsOptions] | None = None,
    fill: Fill | None = None,
) -> HourlyProfile:
    """Join PV from NSRDB weather with the load of an ERCOT zone.

    The paper takes the weather of El Paso and the ERCOT load "of the same area", 2023. El Paso
    is not in ERCOT; its neighbour, the zone Far West, stands in by default.

    Parameters
    ----------
    nsrdb : path-like
        File of :func:`~pygridjl.scenarios.pvwatts.read_nsrdb`.
    ercot : path-like
        File of :func:`~pygridjl.scenarios.ercot.read_ercot_load`.
    zone : str
        ERCOT weather zone.
    options : PVWattsOptions, optional
        The PV system.
    arrays : mapping of str to PVWattsOptions, optional
        More PV systems under the same weather, of another tilt or azimuth, by the name of the
        profile that sites of that kind follow.
    fill : {"interpolate"}, optional
        What to do about hours that are missing in a file; without it they are refused.

    Returns
    -------
    HourlyProfile
        8760 hours: load over its peak, PV over its AC rating. NSRDB counts in standard time,
        ERCOT in the prevailing time; the hour between them in summer is left as it is.

    Raises
    ------
    NetworkFormatError, InvalidOptionError
        If a file cannot be read or the zone is unknown.
    """
    weather = read_nsrdb(nsrdb)
    place = f"{weather.latitude:g} °N {weather.longitude:g} °E"
    return HourlyProfile(
        read_ercot_load(ercot, zone, fill=fill),
        pvwatts_multiplier(weather, options, fill=fill),
        "measured year",
        f"PV: PVWatts on NSRDB weather at {place}; load: ERCOT zone {zone} over its peak "
        "(a proxy where the place lies outside ERCOT)",
        {name: pvwatts_multiplier(weather, own, fill=fill) for name, own in (arrays or {}).items()},
    )
