"""Where the latent factors of loads come from: Gaussian, as measured, or a kernel around that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.types import FloatArray

__all__ = ["FactorSource", "GaussianFactors", "KernelFactors", "MeasuredFactors", "Together"]


class FactorSource(Protocol):
    """Anything that draws factors."""

    @property
    def size(self) -> int:
        """Number of factors."""
        ...

    def draw(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return ``count`` draws, shape (count, size)."""
        ...


@dataclass(frozen=True, eq=False)
class GaussianFactors:
    """Jointly Gaussian factors; each is clipped to its range.

    Attributes
    ----------
    mean : ndarray, shape (k,)
        Means before clipping.
    covariance : ndarray, shape (k, k)
        Covariance before clipping.
    low, high : ndarray, shape (k,)
        Ranges; what falls outside is moved to the end it passed.
    """

    mean: FloatArray
    covariance: FloatArray
    low: FloatArray
    high: FloatArray

    def __post_init__(self) -> None:
        k = self.mean.size
        if self.covariance.shape != (k, k) or self.low.shape != (k,) or self.high.shape != (k,):
            raise InvalidOptionError(f"factors: covariance and ranges must fit {k} means")
        if not np.isfinite([*self.mean, *self.covariance.ravel()]).all():
            raise InvalidOptionError("factors: mean and covariance must be finite numbers")
        if not (self.low <= self.high).all():
            raise InvalidOptionError("factors: a range ends below its beginning")
        if (self.low == np.inf).any() or (self.high == -np.inf).any():
            raise InvalidOptionError("factors: a range holds no finite number")
        if np.linalg.eigvalsh(self.covariance).min(initial=0.0) < -1e-12 * (
            1.0 + abs(self.covariance).max(initial=0.0)
        ):
            raise InvalidOptionError("factors: the covariance is not positive semidefinite")

    @property
    def size(self) -> int:
        """Number of factors."""
        return int(self.mean.size)

    def draw(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return clipped Gaussian draws, shape (count, k)."""
        values = rng.multivariate_normal(self.mean, self.covariance, size=count, method="eigh")
        return np.asarray(np.clip(values, self.low, self.high))


@dataclass(frozen=True, eq=False)
class MeasuredFactors:
    """Rows of data, drawn with replacement.

    Attributes
    ----------
    rows : ndarray, shape (N, k)
        Measured factors.
    """

    rows: FloatArray

    @property
    def size(self) -> int:
        """Number of factors."""
        return int(self.rows.shape[1])

    def draw(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return rows of the data; each once, in order, if as many are asked for as there are."""
        if count == self.rows.shape[0]:
            return self.rows.copy()
        return np.asarray(self.rows[rng.integers(self.rows.shape[0], size=count)])


@dataclass(frozen=True, eq=False)
class KernelFactors:
    """A Gaussian kernel around every row of data, clipped to the range of the data.

    Attributes
    ----------
    rows : ndarray, shape (N, k)
        Measured factors. The kernel has their covariance times the square of the bandwidth
        N^(−1/(k+4)) (Scott's rule).
    """

    rows: FloatArray

    @property
    def size(self) -> int:
        """Number of factors."""
        return int(self.rows.shape[1])

    def draw(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return smoothed rows of the data, shape (count, k)."""
        n, k = self.rows.shape
        chosen = self.rows[rng.integers(n, size=count)]
        covariance = np.atleast_2d(np.cov(self.rows, rowvar=False)) if n > 1 else np.zeros((k, k))
        noise = rng.multivariate_normal(np.zeros(k), covariance, size=count, method="eigh")
        smooth = chosen + n ** (-1.0 / (k + 4)) * noise
        return np.asarray(np.clip(smooth, self.rows.min(axis=0), self.rows.max(axis=0)))


@dataclass(frozen=True, eq=False)
class Together:
    """Independent factors side by side."""

    first: FactorSource
    second: FactorSource

    @property
    def size(self) -> int:
        """Number of factors."""
        return self.first.size + self.second.size

    def draw(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return ``count`` draws, shape (count, size)."""
        drawn = [self.first.draw(count, rng), self.second.draw(count, rng)]
        return np.concatenate(drawn, axis=1)
