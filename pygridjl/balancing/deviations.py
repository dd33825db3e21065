"""Where deviations come from: a global factor, cohorts, noise of each service point, spikes.

    δ_j(t) = a_j τ_j (ε_t κ_{c(j),t} + ν_j η_jt) + |a_j τ_j| s_jt

with ε a lognormal factor of mean one that all share, κ one for each cohort, η standard normal
noise and s rare positive spikes. Only ε: rank one, where both objectives of the paper agree.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pygridjl.balancing.files import LoadPaths
from pygridjl.core.arguments import generator
from pygridjl.core.types import FloatArray, IntArray

__all__ = ["DeviationModel", "draw_loads", "random_model"]

# Spread of the logarithm of a spike.
SPIKE_SIGMA = 0.5


@dataclass(frozen=True, eq=False)
class DeviationModel:
    """Parameters of the process.

    Attributes
    ----------
    amplitude : ndarray, shape (n,)
        a_j, signed, in units of load.
    scale : ndarray, shape (n,)
        Scale tuner τ_j > 0 (§6.2 of the paper).
    sigma : float
        Standard deviation of log ε.
    cohort : ndarray of int, shape (n,)
        Cohort of each service point.
    cohort_sigma : float
        Standard deviation of log κ; 0 for none.
    noise : float
        ν, noise relative to the amplitude; 0 for none.
    spike_rate : ndarray, shape (n,)
        Probability of a spike at a step.
    spike_size : float
        Median of a spike relative to the amplitude.
    """

    amplitude: FloatArray
    scale: FloatArray
    sigma: float
    cohort: IntArray
    cohort_sigma: float
    noise: float
    spike_rate: FloatArray
    spike_size: float

    def draw(
        self, n_time: int, *, n_draw: int = 1, seed: int | np.random.Generator = 0
    ) -> FloatArray:
        """Draw paths of deviations.

        Parameters
        ----------
        n_time, n_draw : int
            Steps and draws.
        seed : int or Generator
            The same seed gives the same paths.

        Returns
        -------
        ndarray, shape (n_draw, n, n_time)
            δ_j(t).
        """
        rng = generator(seed)
        n = self.amplitude.size
        size = self.amplitude * self.scale
        paths = np.empty((n_draw, n, n_time))
        for s in range(n_draw):
            factor = _lognormal(rng, self.sigma, (1, n_time))
            groups = int(self.cohort.max(initial=0)) + 1
            factor = factor * _lognormal(rng, self.cohort_sigma, (groups, n_time))[self.cohort]
            if self.noise > 0:
                factor = factor + self.noise * rng.standard_normal((n, n_time))
            paths[s] = size[:, None] * factor
            if self.spike_rate.any():
                struck = rng.random((n, n_time)) < self.spike_rate[:, None]
                height = self.spike_size * np.exp(SPIKE_SIGMA * rng.standard_normal((n, n_time)))
                paths[s] += np.abs(size)[:, None] * struck * height
        return paths


def _lognormal(rng: np.random.Generator, sigma: float, shape: tuple[int, int]) -> FloatArray:
    """Lognormal factors of mean one; ones, and nothing drawn, where sigma is 0."""
    if sigma == 0:
        return np.ones(shape)
    values: FloatArray = np.exp(sigma * rng.standard_normal(shape) - sigma**2 / 2)
    return values


def random_model(
    n: int,
    *,
    sigma: float = 0.4,
    cohorts: int = 1,
    cohort_sigma: float = 0.0,
    noise: float = 0.0,
    spike_rate: float = 0.0,
    positive: float = 0.3,
    seed: int | np.random.Generator = 0,
) -> DeviationModel:
    """Draw service points as the paper has them: most slightly below zero, a fat-tailed few above.

    Parameters
    ----------
    n : int
        Service points.
    sigma, cohort_sigma, noise : float
        As in :class:`DeviationModel`.
    cohorts : int
        Number of cohorts.
    spike_rate : float
        Mean probability of a spike; those with positive amplitude spike three times as often.
    positive : float
        Share of the service points with positive amplitude.
    seed : int or Generator
        The same seed gives the same model.

    Returns
    -------
    DeviationModel
        The model.
    """
    rng = generator(seed)
    above = rng.random(n) < positive
    low = -0.5 * np.exp(0.4 * rng.standard_normal(n))
    high = np.exp(0.8 * rng.standard_normal(n))
    often = np.where(above, 3.0, 1.0)
    return DeviationModel(
        amplitude=np.where(above, high, low),
        scale=np.exp(0.2 * rng.standard_normal(n)),
        sigma=sigma,
        cohort=rng.integers(max(cohorts, 1), size=n),
        cohort_sigma=cohort_sigma,
        noise=noise,
        spike_rate=spike_rate * often / often.mean(),
        spike_size=3.0,
    )


def draw_loads(
    model: DeviationModel,
    n_time: int,
    *,
    circuits: int,
    seed: int | np.random.Generator = 0,
    name: str = "drawn",
) -> LoadPaths:
    """Draw hourly predicted and actual loads with the deviations of a model.

    Parameters
    ----------
    model : DeviationModel
        The deviations.
    n_time : int
        Hours.
    circuits : int
        Circuits over which the service points stand today, in turns.
    seed : int or Generator
        The same seed gives the same loads.
    name : str
        What the data are called.

    Returns
    -------
    LoadPaths
        Loads rounded to three decimals.
    """
    rng = generator(seed)
    n = model.amplitude.size
    hour = np.arange(n_time)
    shape = 1.0 + 0.35 * np.sin(2 * np.pi * (hour - 9) / 24) + 0.15 * np.sin(4 * np.pi * hour / 24)
    base = 4.0 + 6.0 * np.abs(model.amplitude) * np.exp(0.2 * rng.standard_normal(n))
    predicted = np.round(base[:, None] * shape, 3)
    actual = np.round(np.maximum(predicted + model.draw(n_time, seed=rng)[0], 0.0), 3)
    width = len(str(n))
    return LoadPaths(
        name=name,
        service_points=tuple(f"SP{k + 1:0{width}d}" for k in range(n)),
        times=tuple(str(h) for h in hour),
        actual=actual,
        predicted=predicted,
        circuits=tuple(f"C{k % circuits + 1}" for k in range(n)),
    )
