"""Scenarios as the options of ``pygridjl site`` ask for them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pygridjl.cli.options import count_of

if TYPE_CHECKING:
    from pygridjl.grid.feeder import Feeder
    from pygridjl.scenarios.model import ScenarioSet
    from pygridjl.scenarios.profile import Fill, HourlyProfile
    from pygridjl.scenarios.pvwatts import PVWattsOptions

__all__ = ["asked_scenarios"]


def asked_scenarios(
    text: str, feeder: Feeder, others: set[str], prices: set[str], options: Mapping[str, Any]
) -> ScenarioSet:
    """Make or read the scenarios, with the profiles and prices that the problem names."""
    from pygridjl.scenarios.files import read_scenarios
    from pygridjl.scenarios.generate import generate_scenarios

    if not text.isdecimal():
        for name in options:
            flag = f"--{name.replace('_', '-')}"
            raise click.UsageError(f"{flag} has no effect on scenarios read from a folder")
        read = read_scenarios(text, feeder.buses.id)
        for name in sorted(others - set(read.others)):
            raise click.UsageError(f"{name!r} is no profile of the scenarios in {text}")
        for name in sorted(prices - set(read.prices)):
            raise click.UsageError(f"{name!r} is no price of the scenarios in {text}")
        return read
    renamed = {"deviation": "deviation", "scenario_seed": "seed"}
    return generate_scenarios(
        feeder.n_bus,
        count_of(text, "--scenarios"),
        profile=_year(
            options.get("profile"),
            options.get("nsrdb"),
            options.get("ercot"),
            options.get("zone"),
            options.get("fill"),
            _arrays(options.get("array", ())),
            others,
            prices,
        ),
        **{renamed[name]: value for name, value in options.items() if name in renamed},
    )


def _year(
    profile: Path | None,
    nsrdb: Path | None,
    ercot: Path | None,
    zone: str | None,
    fill: Fill | None,
    arrays: dict[str, PVWattsOptions],
    others: set[str],
    prices: set[str],
) -> HourlyProfile | None:
    """Return the year of hours asked for; None for the bundled one."""
    from pygridjl.scenarios.measured import measured_year
    from pygridjl.scenarios.profile import read_profile

    if (nsrdb is None) != (ercot is None):
        raise click.UsageError("--nsrdb and --ercot belong together")
    if zone is not None and ercot is None:
        raise click.UsageError("--zone needs --ercot")
    if fill is not None and ercot is None:
        raise click.UsageError("--fill needs --nsrdb and --ercot")
    if arrays and nsrdb is None:
        raise click.UsageError("--array needs --nsrdb and --ercot")
    for name in sorted(set(arrays) - others):
        raise click.UsageError(f"--array: no site and no existing unit follows {name!r}")
    others = others - set(arrays)
    if others and profile is None:
        raise click.UsageError(f"{min(others)!r} is no column of a --profile and no --array")
    if prices and profile is None:
        raise click.UsageError(f"{min(prices)!r} is no column of a --profile")
    for name in sorted(prices & {"load", "pv", *others}):
        raise click.UsageError(f"{name!r} cannot be a price and a profile too")
    if nsrdb is not None and ercot is not None:
        if profile is not None:
            raise click.UsageError("--profile cannot be combined with --nsrdb and --ercot")
        return measured_year(nsrdb, ercot, zone=zone or "FWEST", arrays=arrays, fill=fill)
    return (
        None
        if profile is None
        else read_profile(profile, others=sorted(others), prices=sorted(prices))
    )


def _arrays(texts: tuple[str, ...]) -> dict[str, PVWattsOptions]:
    """Read ``NAME=TILT:AZIMUTH``."""
    from pygridjl.scenarios.pvwatts import PVWattsOptions

    arrays: dict[str, PVWattsOptions] = {}
    for text in texts:
        name, _, angles = text.partition("=")
        try:
            tilt, azimuth = (float(angle) for angle in angles.split(":"))
        except ValueError:
            raise click.UsageError(f"--array: {text!r} is not NAME=TILT:AZIMUTH") from None
        name = name.strip()
        if not name or name in ("pv", *arrays) or not (0 <= tilt <= 90 and 0 <= azimuth <= 360):
            raise click.UsageError(
                f"--array: {text!r} needs a name of its own, a tilt of 0 to 90 and an azimuth of 0 "
                "to 360 degrees"
            )
        arrays[name] = PVWattsOptions(tilt=tilt, azimuth=azimuth)
    return arrays
