"""Scenarios as the options of ``pygridjl site`` ask for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pygridjl.cli.options import count_of

if TYPE_CHECKING:
    from pygridjl.scenarios.model import ScenarioSet
    from pygridjl.scenarios.profile import Fill, HourlyProfile
    from pygridjl.scenarios.pvwatts import PVWattsOptions
    from pygridjl.siting.problem import PlanningProblem

__all__ = ["YEAR", "asked_scenarios", "scenario_options"]

F = TypeVar("F", bound=Callable[..., Any])

YEAR = ("profile", "nsrdb", "ercot", "zone", "fill", "array", "deviation", "scenario_seed")
"""Names of the options that say of which year of hours the scenarios are made."""


def scenario_options(command: F) -> F:
    """Declare ``--scenarios`` and those of :data:`YEAR`."""
    for option in reversed(
        (
            click.option(
                "--scenarios",
                default="96",
                show_default=True,
                metavar="N|FOLDER",
                help="How many to make of a year of hours (a multiple of 24), or a folder of "
                "scenarios.",
            ),
            click.option(
                "--profile",
                type=click.Path(path_type=Path),
                help="Year of hours as CSV with columns load, pv and others that units follow; "
                "the bundled synthetic year if none.",
            ),
            click.option(
                "--nsrdb",
                type=click.Path(path_type=Path),
                help="NSRDB weather (CSV) instead; needs --ercot.",
            ),
            click.option(
                "--ercot",
                type=click.Path(path_type=Path),
                help="ERCOT hourly load (CSV or workbook).",
            ),
            click.option("--zone", help="Weather zone of --ercot (FWEST)."),
            click.option(
                "--fill",
                type=click.Choice(["interpolate"]),
                help="What to do about hours missing in --nsrdb or --ercot; refused without it.",
            ),
            click.option(
                "--array",
                multiple=True,
                metavar="NAME=TILT:AZIMUTH",
                help="Profile of panels under the weather of --nsrdb, degrees from the horizontal "
                "and east of north; repeatable.",
            ),
            click.option("--deviation", type=float, help="Spread between buses (0.1)."),
            click.option(
                "--scenario-seed", type=click.IntRange(min=0), help="Seed of that spread (0)."
            ),
        )
    ):
        command = option(command)
    return command


def asked_scenarios(
    text: str, problem: PlanningProblem, existing: Mapping[str, str], asked: Mapping[str, Any]
) -> ScenarioSet:
    """Make or read the scenarios, with the profiles and prices that problem and units name."""
    from pygridjl.scenarios.files import read_scenarios
    from pygridjl.scenarios.generate import generate_scenarios
    from pygridjl.siting.existing import profiles_named
    from pygridjl.siting.problem import STORAGE

    feeder, prices = problem.feeder, set(problem.price_columns)
    others = {*problem.profiles, *profiles_named(existing)} - {"pv", STORAGE}
    # A repeatable option that is not written is empty.
    options = {name: asked[name] for name in YEAR if asked[name] not in (None, ())}
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
