"""Uncertain loads and other injections of a network that a few latent factors drive.

Demand is affine in the factors: S(ω) = constant + weight · ω, bus by bus, active and reactive
power as one complex number. A model draws factors; a draw keeps them beside what they cause,
because the moments of the factors, not of the loads, are what a moment relaxation knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pygridjl.core.arguments import generator
from pygridjl.core.errors import InvalidOptionError, NetworkFormatError
from pygridjl.core.types import ComplexArray, FloatArray
from pygridjl.grid.network import Network
from pygridjl.scenarios.factors import (
    FactorSource,
    GaussianFactors,
    KernelFactors,
    MeasuredFactors,
    Together,
)
from pygridjl.scenarios.model import LARGEST_DEVIATION
from pygridjl.scenarios.profile import number_column, read_csv_table

__all__ = [
    "LoadDraws",
    "LoadModel",
    "loads_from_data",
    "read_loads",
    "two_factor_loads",
    "with_generation",
]

# The draws of one call are kept together: a slip of the pen must not fill the memory.
MOST_DRAWS = 1_000_000
# Nor a factor that no load has: squares of the largest floats overflow.
LARGEST_FACTOR = 1e6


@dataclass(frozen=True, eq=False)
class LoadDraws:
    """Draws of the factors and the demand they cause.

    Attributes
    ----------
    factors : ndarray, shape (S, k)
        The factors ω of every draw.
    constant : ndarray of complex, shape (n_bus,)
        Demand at ω = 0, p.u.
    weight : ndarray of complex, shape (n_bus, k)
        Demand per unit of every factor.
    """

    factors: FloatArray
    constant: ComplexArray
    weight: ComplexArray

    def __len__(self) -> int:
        return int(self.factors.shape[0])

    @property
    def demand(self) -> ComplexArray:
        """Net demand of every draw and bus, p.u., shape (S, n_bus)."""
        return np.asarray(self.constant + self.factors @ self.weight.T)

    @property
    def mean(self) -> ComplexArray:
        """Mean demand by bus, p.u."""
        return np.asarray(self.constant + self.weight @ self.factors.mean(axis=0))

    def first(self, count: int) -> LoadDraws:
        """Return the first draws."""
        return replace(self, factors=self.factors[:count])


@dataclass(frozen=True, eq=False)
class LoadModel:
    """What the net demand of every bus may be.

    Attributes
    ----------
    name : str
        In plain words, for reports.
    constant : ndarray of complex, shape (n_bus,)
        Demand at ω = 0, p.u.
    weight : ndarray of complex, shape (n_bus, k)
        Demand per unit of every factor; negative for generation that is not dispatched.
    source : FactorSource
        Draws the factors.
    """

    name: str
    constant: ComplexArray
    weight: ComplexArray
    source: FactorSource

    def __post_init__(self) -> None:
        if self.weight.shape != (self.constant.size, self.source.size):
            raise InvalidOptionError(
                f"loads {self.name!r}: weight has shape {self.weight.shape}, expected "
                f"{(self.constant.size, self.source.size)}"
            )
        if not (np.isfinite(self.constant).all() and np.isfinite(self.weight).all()):
            raise InvalidOptionError(f"loads {self.name!r}: a demand is not a finite number")

    def draw(self, count: int, seed: int | np.random.Generator) -> LoadDraws:
        """Draw the factors.

        Parameters
        ----------
        count : int
            Number of draws.
        seed : int or Generator
            Of the random numbers.

        Returns
        -------
        LoadDraws
            The draws.

        Raises
        ------
        InvalidOptionError
            If fewer than one draw is asked for, or more than memory holds.
        """
        if not 1 <= count <= MOST_DRAWS:
            raise InvalidOptionError(f"samples: must be from 1 to {MOST_DRAWS}, is {count}")
        return LoadDraws(self.source.draw(count, generator(seed)), self.constant, self.weight)


def two_factor_loads(
    network: Network,
    *,
    mean: float = 0.9,
    deviation: float = 0.05,
    correlation: float = 0.5,
    low: float = 0.8,
    high: float = 1.0,
) -> LoadModel:
    """Return loads that two correlated Gaussian factors scale.

    Bus i has the nominal load times α_i ω1 + (1 − α_i) ω2 with α_i = (i − 1)/(n − 1), so that
    the first bus follows the second factor and the last bus the first. Power factors are kept.

    Parameters
    ----------
    network : Network
        Its loads are the nominal ones.
    mean, deviation, correlation : float
        Of both factors, before clipping.
    low, high : float
        Both factors are clipped to this range.

    Returns
    -------
    LoadModel
        The model.

    Raises
    ------
    InvalidOptionError
        If a number cannot be used.
    """
    for name, value, good in (
        ("mean", mean, abs(mean) <= LARGEST_FACTOR),
        ("deviation", deviation, 0 <= deviation <= LARGEST_DEVIATION),
        ("correlation", correlation, -1 <= correlation <= 1),
        ("low", low, low <= min(high, LARGEST_FACTOR)),
        ("high", high, high >= -LARGEST_FACTOR),
    ):
        if not good:
            raise InvalidOptionError(f"loads {name}: {value} cannot be used")
    n = network.n_bus
    share = np.arange(n) / max(n - 1, 1)
    nominal = network.load_p + 1j * network.load_q
    weight = nominal[:, None] * np.column_stack([share, 1.0 - share])
    covariance = deviation**2 * np.array([[1.0, correlation], [correlation, 1.0]])
    source = GaussianFactors(
        np.full(2, mean), covariance, np.full(2, float(low)), np.full(2, float(high))
    )
    name = (
        f"two Gaussian factors, mean {mean:g}, deviation {deviation:g}, correlation "
        f"{correlation:g}, clipped to [{low:g}, {high:g}]"
    )
    return LoadModel(name, np.zeros(n, dtype=complex), weight.astype(complex), source)


def loads_from_data(
    rows: ComplexArray, *, factors: int = 2, smooth: bool = False, name: str = "measured loads"
) -> LoadModel:
    """Return loads whose factors are the principal components of measured demand.

    Parameters
    ----------
    rows : ndarray of complex, shape (N, n_bus)
        Demand of every bus, p.u., one row a measurement.
    factors : int
        Components kept: those of the largest variance. What the others hold is left out, and the
        name says how much of the variance that is.
    smooth : bool
        Whether draws come from a Gaussian kernel around the measurements instead of repeating
        them.
    name : str
        For reports.

    Returns
    -------
    LoadModel
        Factors of mean 0 and variance 1.

    Raises
    ------
    InvalidOptionError
        If there are no rows or a value is not finite.
    """
    if rows.ndim != 2 or rows.shape[0] < 1 or not np.isfinite(rows).all():
        raise InvalidOptionError(f"{name}: needs rows of finite demands, one column a bus")
    if factors < 1:
        raise InvalidOptionError(f"factors: must be at least 1, is {factors}")
    count, n = rows.shape
    stacked = np.concatenate([rows.real, rows.imag], axis=1)
    centre = stacked.mean(axis=0)
    left, size, right = np.linalg.svd(stacked - centre, full_matrices=False)
    kept = min(factors, int((size > 1e-9 * max(size.max(initial=0.0), 1e-12)).sum()))
    spread = size[:kept] / np.sqrt(count)
    weight = right[:kept].T * spread
    scores = left[:, :kept] * np.sqrt(count)
    variance = float((size**2).sum())
    share = 1.0 if variance == 0 else float((size[:kept] ** 2).sum()) / variance
    source = KernelFactors(scores) if smooth else MeasuredFactors(scores)
    return LoadModel(
        f"{name}: {kept} factors with {100 * share:.1f} % of the variance of {count} rows",
        centre[:n] + 1j * centre[n:],
        weight[:n] + 1j * weight[n:],
        source,
    )


def read_loads(
    path: str | Path, network: Network, *, factors: int = 2, smooth: bool = False
) -> LoadModel:
    """Read measured loads: a row a measurement, columns ``p:<bus>`` (MW), ``q:<bus>`` (Mvar).

    Parameters
    ----------
    path : path-like
        The CSV file. What has no column keeps its nominal value.
    network : Network
        Whose buses are named.
    factors, smooth
        As in :func:`loads_from_data`.

    Returns
    -------
    LoadModel
        The model.

    Raises
    ------
    NetworkFormatError
        If the file cannot be read, a column names no bus or a cell is no number.
    """
    frame = read_csv_table(path)
    if not len(frame):
        raise NetworkFormatError(path, "rows", "there are none")
    place = {str(name): row for row, name in enumerate(network.buses.id)}
    demand = np.tile(network.load_p + 1j * network.load_q, (len(frame), 1))
    parts = {"p": demand.real, "q": demand.imag}
    for column in frame.columns:
        kind, _, bus = str(column).partition(":")
        if kind not in parts or bus not in place:
            raise NetworkFormatError(
                path, f"column {column!r}", "is neither p:<bus> nor q:<bus> of a bus there is"
            )
        values = number_column(path, frame, column)
        if not np.isfinite(values).all():
            row = int(np.flatnonzero(~np.isfinite(values))[0])
            raise NetworkFormatError(path, f"row {row + 2}", f"column {column!r} is no number")
        parts[kind][:, place[bus]] = values / network.base_mva
    name = f"loads of {Path(path).name}"
    return loads_from_data(demand, factors=factors, smooth=smooth, name=name)


def with_generation(
    model: LoadModel,
    network: Network,
    buses: Sequence[str],
    rating: Sequence[float],
    *,
    mean: float = 0.4,
    deviation: float = 0.15,
) -> LoadModel:
    """Add generation that is not dispatched: one more factor, its output over its rating.

    Parameters
    ----------
    model : LoadModel
        The loads.
    network : Network
        Whose buses are named.
    buses : sequence of str
        Ids of the buses with such units.
    rating : sequence of float
        Rating at each of these buses, p.u.; active power only.
    mean, deviation : float
        Of the factor before it is clipped to [0, 1]; independent of the loads.

    Returns
    -------
    LoadModel
        Net demand: loads less generation.

    Raises
    ------
    InvalidOptionError
        If a bus is unknown or a number cannot be used.
    """
    if len(buses) != len(rating) or not buses:
        raise InvalidOptionError("generation: every bus needs one rating")
    place = {str(name): row for row, name in enumerate(network.buses.id)}
    column = np.zeros((network.n_bus, 1), dtype=complex)
    for bus, size in zip(buses, rating, strict=True):
        if bus not in place:
            raise InvalidOptionError(f"generation: there is no bus {bus!r}")
        if not (np.isfinite(size) and size >= 0):
            raise InvalidOptionError(f"generation at bus {bus}: rating {size} cannot be used")
        column[place[bus]] -= size
    sun = GaussianFactors(np.array([mean]), np.array([[deviation**2]]), np.zeros(1), np.ones(1))
    return LoadModel(
        f"{model.name}; {sum(rating):g} p.u. of generation, mean output {mean:g}",
        model.constant,
        np.concatenate([model.weight, column], axis=1),
        Together(model.source, sun),
    )
