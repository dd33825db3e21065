"""Scenarios from an hourly profile: strata of days, hourly means, deviations between buses."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from pygridjl.core.arguments import generator
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.types import FloatArray, IntArray
from pygridjl.scenarios.model import LARGEST_DEVIATION, ScenarioSet
from pygridjl.scenarios.profile import (
    HourlyProfile,
    assert_valid_profile,
    bundled_year,
)

__all__ = ["Deviation", "Weights", "generate_scenarios"]

Deviation = Literal["multiplicative", "additive"]
Weights = Literal["days", "uniform"]


def generate_scenarios(
    n_bus: int,
    n_scenario: int = 96,
    *,
    profile: HourlyProfile | None = None,
    deviation: float = 0.1,
    mode: Deviation = "multiplicative",
    weights: Weights = "days",
    seed: int = 0,
) -> ScenarioSet:
    """Aggregate a year of hours into fewer scenarios and let the buses differ (Algorithm 2).

    The days are cut into ``n_scenario / 24`` strata of consecutive days, ``d`` each; days left
    over join the last stratum. Within a stratum the 24 hourly means are the scenarios. Every bus
    and scenario then gets its own load and PV: ``μ (1 + ε)`` or ``μ + ε`` with independent
    ``ε ~ N(0, deviation)``. Multipliers that would be negative become 0; PV stays 0 where the
    mean is 0, because a deviation between buses makes no sun at night; so do other profiles.
    Prices are the hourly means, the same for all buses.

    Parameters
    ----------
    n_bus : int
        Number of buses.
    n_scenario : int
        Scenarios wanted, a multiple of 24 up to the hours of the profile: 96, 1200 (both in the
        paper), …, 8760.
    profile : HourlyProfile, optional
        The year; :func:`~pygridjl.scenarios.profile.bundled_year` unless given.
    deviation : float
        Standard deviation of ε (0.1 in the paper).
    mode : {"multiplicative", "additive"}
        How ε enters. The formula is not legible in the paper; a deviation in per cent of the
        profile suggests the former.
    weights : {"days", "uniform"}
        Probability of a scenario: proportional to the days of its stratum, so that means over the
        scenarios are means over the year, or equal.
    seed : int
        Seed of ε.

    Returns
    -------
    ScenarioSet
        Ids ``"s<stratum>h<hour>"``, strata and hours from 0.

    Raises
    ------
    InvalidOptionError
        If an option cannot be used.
    InvalidScenariosError
        If the profile is unsound.

    Examples
    --------
    >>> from pygridjl import generate_scenarios
    >>> scenarios = generate_scenarios(13, 48, seed=1)
    >>> len(scenarios), scenarios.load.shape
    (48, (48, 13))
    """
    profile = bundled_year() if profile is None else profile
    assert_valid_profile(profile)
    hours = profile.n_day * 24
    if n_scenario < 24 or n_scenario % 24 or n_scenario > hours:
        raise InvalidOptionError(
            f"scenarios must be a multiple of 24 between 24 and {hours}, not {n_scenario}"
        )
    if n_bus < 1:
        raise InvalidOptionError(f"n_bus must be at least 1, not {n_bus}")
    if not 0 <= deviation <= LARGEST_DEVIATION:
        raise InvalidOptionError(
            f"deviation must be a number between 0 and {LARGEST_DEVIATION:g}, not {deviation}"
        )
    if mode not in get_args(Deviation):
        raise InvalidOptionError(f"mode must be 'multiplicative' or 'additive', not {mode!r}")
    if weights not in get_args(Weights):
        raise InvalidOptionError(f"weights must be 'days' or 'uniform', not {weights!r}")
    strata = n_scenario // 24
    width = profile.n_day // strata
    first = np.arange(strata, dtype=np.int64) * width
    days: IntArray = np.diff(np.append(first, profile.n_day))
    load = _hourly_means(profile.load, first, days)
    p = np.repeat(days, 24) / (24.0 * profile.n_day)
    if weights == "uniform":
        p = np.full(n_scenario, 1.0 / n_scenario)
    rng = generator(seed)
    shape = (n_scenario, n_bus)
    load_by_bus = _deviate(load, deviation * rng.standard_normal(shape), mode)
    outputs = {}
    for name, hourly in profile.outputs.items():
        mean = _hourly_means(hourly, first, days)
        outputs[name] = _deviate(mean, deviation * rng.standard_normal(shape), mode)
        outputs[name][mean == 0.0] = 0.0
    for values in (load_by_bus, *outputs.values()):
        values.setflags(write=False)
    return ScenarioSet(
        p,
        load_by_bus,
        outputs.pop("pv"),
        id=np.array([f"s{s}h{h}" for s in range(strata) for h in range(24)], dtype=np.str_),
        name=f"{profile.name}, {n_scenario} scenarios",
        seed=seed,
        others=outputs,
        prices={
            name: _hourly_means(hourly, first, days) for name, hourly in profile.prices.items()
        },
        provenance=(
            f"{profile.provenance}; {strata} strata of {width} days, "
            f"{mode} deviation {deviation:g} between buses, weights {weights}"
        ),
    )


def _hourly_means(values: FloatArray, first: IntArray, days: IntArray) -> FloatArray:
    by_day = values.reshape(-1, 24)
    return np.asarray(np.add.reduceat(by_day, first, axis=0) / days[:, None]).reshape(-1)


def _deviate(mean: FloatArray, epsilon: FloatArray, mode: Deviation) -> FloatArray:
    values = mean[:, None] * (1 + epsilon) if mode == "multiplicative" else mean[:, None] + epsilon
    return np.asarray(np.maximum(values, 0.0))
