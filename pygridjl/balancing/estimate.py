"""Estimate the process from history, and say whether the collapse to a small program applies.

The collapse (§3.2 of the paper) needs deviations of rank one in time, δ_j(t) = ã_j ε_t with ε > 0.
The factor is the leading singular vector; ã_j are the ratios of the deviations to it (§6.3). How
much of the deviations that explains, whether log ε is normal, and how far the ratio J / J̃ still
depends on the assignment, tell a user what the theorem is worth on *their* data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from pygridjl.core.arguments import generator
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.result import Result
from pygridjl.core.types import FloatArray, IntArray

__all__ = ["DeviationFit", "fit_deviations"]

# Share of the squared deviations that one factor must explain, and largest spread of J / J̃.
EXPLAINED, SPREAD = 0.99, 0.02
# Random assignments over which that spread is taken.
TRIALS = 200
# Largest sample that the normality test takes.
TESTED = 5000


@dataclass(frozen=True, eq=False)
class DeviationFit(Result):
    """What history says about the deviations.

    Attributes
    ----------
    service_points : tuple of str
        Ids.
    amplitude : ndarray, shape (n,)
        ã_j: deviation for one unit of the factor.
    tau : ndarray, shape (n,)
        Scale tuner: ã_j over the nominal amplitude, which is the mean |ã| unless given.
    factor : ndarray, shape (n_time,)
        ε_t, scaled to mean one.
    sigma : float
        Standard deviation of log ε; NaN if ε is not positive everywhere.
    positive : float
        Share of the steps with ε > 0.
    normality : float
        p-value of Shapiro and Wilk's test that log ε is normal; NaN if ε is not positive.
    autocorrelation : float
        Of log ε at one step; the model has none. NaN if ε is not positive.
    ratio : float
        B_T / A_T of ε, the factor between J and J̃ under the collapse.
    limit : float
        e^{σ²/2}, what that ratio tends to for a lognormal ε.
    explained : float
        Share of the squared deviations that the one factor explains.
    cohort : ndarray of int, shape (n,)
        Cohort of each service point.
    cohort_explained : float
        Share that one factor for each cohort explains.
    noise : ndarray, shape (n,)
        Standard deviation of what no factor explains.
    ratio_spread : float
        Largest over smallest J / J̃ of random balanced assignments, less one: 0 under the collapse.
        What choosing by J̃ can cost in J among assignments like these.
    applies : bool
        Whether the collapse applies.
    verdict : str
        Why, in plain words.
    """

    service_points: tuple[str, ...]
    amplitude: FloatArray
    tau: FloatArray
    factor: FloatArray
    sigma: float
    positive: float
    normality: float
    autocorrelation: float
    ratio: float
    limit: float
    explained: float
    cohort: IntArray
    cohort_explained: float
    noise: FloatArray
    ratio_spread: float
    applies: bool
    verdict: str

    def to_frame(self) -> pd.DataFrame:
        """Return one row a service point: amplitude, tau, cohort, noise."""
        return pd.DataFrame(
            {
                "sp": self.service_points,
                "amplitude": self.amplitude,
                "tau": self.tau,
                "cohort": self.cohort,
                "noise": self.noise,
            }
        )

    def summary(self) -> str:
        """Return the fit as a short text for people."""
        rows = [
            ("one factor explains", f"{100 * self.explained:.2f} % of the squared deviations"),
            (
                "cohorts explain",
                f"{100 * self.cohort_explained:.2f} % with {int(self.cohort.max()) + 1}",
            ),
            ("factor", f"positive at {100 * self.positive:.1f} % of the steps"),
        ]
        if np.isfinite(self.sigma):
            rows += [
                ("sigma of log", f"{self.sigma:.4f}, normal with p = {self.normality:.3g}"),
                ("autocorrelation", f"{self.autocorrelation:+.3f} at one step"),
            ]
        rows += [
            ("J / J~", f"{self.ratio:.4f} of the factor, e^(sigma^2/2) = {self.limit:.4f}"),
            ("spread of J / J~", f"{100 * self.ratio_spread:.2f} % over random assignments"),
            ("collapse", self.verdict),
        ]
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def fit_deviations(
    deviations: ArrayLike,
    *,
    nominal: ArrayLike | None = None,
    cohorts: int | None = None,
    circuits: int = 4,
    service_points: tuple[str, ...] | None = None,
    seed: int = 0,
) -> DeviationFit:
    """Fit the factor, amplitudes, cohorts and noise to a history of deviations.

    Parameters
    ----------
    deviations : array_like, shape (n, n_time)
        History of actual less predicted load.
    nominal : array_like, shape (n,), optional
        Nominal amplitudes a_j that τ_j is relative to.
    cohorts : int, optional
        Number of cohorts; as many as eigenvalues stand above those of noise unless given.
    circuits : int
        Circuits of the random assignments over which J / J̃ is compared.
    service_points : tuple of str, optional
        Ids.
    seed : int
        Seed of these assignments.

    Returns
    -------
    DeviationFit
        The fit with its goodness.

    Raises
    ------
    InvalidOptionError
        If the deviations are no finite table with at least two steps, or all zero.
    """
    paths = np.asarray(deviations, dtype=np.float64)
    if paths.ndim != 2 or paths.shape[1] < 2 or not np.isfinite(paths).all() or not paths.any():
        raise InvalidOptionError(
            "deviations: must be finite numbers of shape (n_sp, n_time), not all zero"
        )
    n = paths.shape[0]
    points = service_points or tuple(f"SP{k + 1}" for k in range(n))
    factor, amplitude = _factor(paths)
    energy = float((paths**2).sum())
    explained = 1 - float(((paths - np.outer(amplitude, factor)) ** 2).sum()) / energy
    groups = _cohort_count(paths) if cohorts is None else cohorts
    cohort = _cohorts(paths, max(1, min(groups, n)))
    rest = paths.copy()
    for c in range(int(cohort.max()) + 1):
        own, size = _factor(paths[cohort == c])
        rest[cohort == c] -= np.outer(size, own)
    base = np.abs(amplitude).mean() if nominal is None else np.asarray(nominal, dtype=np.float64)
    sigma, normality, correlation = _lognormal(factor)
    mean = float(np.abs(factor).mean())
    spread = _ratio_spread(paths, circuits, seed)
    positive = float((factor > 0).mean())
    applies = explained >= EXPLAINED and spread <= SPREAD
    return DeviationFit(
        service_points=points,
        amplitude=amplitude,
        tau=amplitude / base,
        factor=factor,
        sigma=sigma,
        positive=positive,
        normality=normality,
        autocorrelation=correlation,
        ratio=float(np.sqrt((factor**2).mean())) / mean,
        limit=float(np.exp(sigma**2 / 2)),
        explained=explained,
        cohort=cohort,
        cohort_explained=1 - float((rest**2).sum()) / energy,
        noise=rest.std(axis=1),
        ratio_spread=spread,
        applies=applies,
        verdict=_verdict(explained, spread, applies),
    )


def _factor(paths: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Leading factor over time, of mean one where it has a sign, and the ratios to it."""
    _, _, right = np.linalg.svd(paths, full_matrices=False)
    factor = right[0] if right[0].sum() >= 0 else -right[0]
    mean = float(factor.mean())
    # A factor that swings about zero has no mean to speak of: it is scaled to unit size then.
    size = mean if mean > 1e-6 * float(np.abs(factor).max()) else float(np.abs(factor).mean())
    factor = factor / size
    ratios: FloatArray = paths @ factor / (factor @ factor)
    return factor, ratios


def _lognormal(factor: FloatArray) -> tuple[float, float, float]:
    """Spread of log ε, p-value of its normality, correlation from step to step."""
    from scipy.stats import shapiro

    if (factor <= 0).any():
        return np.nan, np.nan, np.nan
    logs = np.log(factor)
    sigma = float(logs.std(ddof=1))
    if sigma < 1e-12 or logs.size < 3:
        return sigma, np.nan, np.nan
    p = float(shapiro(logs[:TESTED]).pvalue)
    return sigma, p, float(np.corrcoef(logs[:-1], logs[1:])[0, 1])


def _unit(paths: FloatArray) -> FloatArray:
    size = np.linalg.norm(paths, axis=1, keepdims=True)
    unit: FloatArray = paths / np.where(size > 0, size, 1.0)
    return unit


def _cohort_count(paths: FloatArray) -> int:
    """Eigenvalues above the edge of noise (Marchenko and Pastur 1967), from the raw moments.

    Rows of unit length and independent noise of n_time steps leave n eigenvalues of at most
    (1 + √(n / n_time))² times the share that the larger factors leave.
    """
    unit = _unit(paths)
    values = np.linalg.svd(unit, compute_uv=False) ** 2
    edge = (1 + np.sqrt(unit.shape[0] / unit.shape[1])) ** 2
    count = 0
    for k in range(values.size):
        left = float(values[k:].sum())
        # 1.2: finite samples stray beyond the edge.
        if values[k] <= 1.2 * edge * left / max(values.size - k, 1) or left <= 1e-9 * values.sum():
            break
        count += 1
    return max(count, 1)


def _cohorts(paths: FloatArray, count: int) -> IntArray:
    """Group service points whose deviations move together, up to their sign."""
    from scipy.cluster.hierarchy import fcluster, linkage

    n = paths.shape[0]
    if count == 1 or n < 3:
        return np.zeros(n, dtype=np.int64)
    unit = _unit(paths)
    shared = unit @ unit.T
    distance = np.sqrt(np.maximum(1.0 - np.abs(shared), 0.0))
    tree = linkage(distance[np.triu_indices(n, 1)], method="average")
    labels = fcluster(tree, count, criterion="maxclust")
    _, ordered = np.unique(labels, return_inverse=True)
    return ordered.astype(np.int64)


def _ratio_spread(paths: FloatArray, circuits: int, seed: int) -> float:
    """Largest over smallest J / J̃ over random balanced assignments, less one."""
    rng = generator(seed)
    n = paths.shape[0]
    m = max(1, min(circuits, n))
    ratios = []
    for _ in range(TRIALS):
        place = rng.permutation(np.arange(n) % m)
        sums = np.stack([paths[place == i].sum(axis=0) for i in range(m)])
        absolute = float(np.abs(sums).mean(axis=1).sum())
        if absolute > 0:
            ratios.append(float(np.sqrt((sums**2).mean(axis=1)).sum()) / absolute)
    return max(ratios) / min(ratios) - 1 if ratios else 0.0


def _verdict(explained: float, spread: float, applies: bool) -> str:
    if applies:
        return (
            "applies: one factor carries the deviations, so choosing by J~ chooses by J within "
            f"{100 * spread:.2f} %"
        )
    why = []
    if explained < EXPLAINED:
        why.append(f"one factor explains {100 * explained:.1f} %, below {100 * EXPLAINED:.0f} %")
    if spread > SPREAD:
        why.append(f"J / J~ varies by {100 * spread:.1f} %, above {100 * SPREAD:.0f} %")
    return f"does not apply: {'; '.join(why)}: minimise J itself (objective rms)"
