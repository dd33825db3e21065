"""Statistical bounds on the best expected value, (27)–(36): as printed, and honest ones.

The paper takes as lower bound the mean of what its *heuristic* reaches on samples. That mean
estimates no lower bound: a heuristic on a sample is above the sample's optimum by an unknown
amount. Here it is reported under its own name, and the lower estimate proper is the mean of
*proven* bounds of the sample problems, whose expectation is never above the true optimum.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from pygridjl.core.arguments import generator
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.result import Result, Stopwatch, engine_versions
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.check import assert_valid_scenarios_for
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.result import SitingResult
from pygridjl.siting.second_stage.protocol import SecondStage, expected_value
from pygridjl.siting.storage_checks import assert_no_storage

__all__ = [
    "Batch",
    "BoundsResult",
    "Interval",
    "Quantile",
    "bounds_of",
    "confidence_interval",
    "sample_scenarios",
    "solve_batch",
    "statistical_bounds",
]

Quantile = Literal["auto", "t", "normal"]
Build = Callable[[PlanningProblem, ScenarioSet], SecondStage]
Solve = Callable[..., SitingResult]

# From so many values on the normal quantile stands for Student's.
MANY = 30


@dataclass(frozen=True)
class Interval:
    """A mean and its two-sided confidence interval.

    Attributes
    ----------
    mean, low, high : float
        Mean of the values and ends of the interval.
    n : int
        Number of values.
    """

    mean: float
    low: float
    high: float
    n: int


def confidence_interval(
    values: ArrayLike, confidence: float = 0.95, quantile: Quantile = "auto"
) -> Interval:
    """Return mean ± quantile · s with s² = Σ (x − mean)² / (M (M − 1)), (29)–(31), (34)–(36).

    Parameters
    ----------
    values : array, shape (M,)
        At least two.
    confidence : float
        Two-sided level 1 − α.
    quantile : {"auto", "t", "normal"}
        Student's with M − 1 degrees of freedom, the normal one, or Student's below 30 values.

    Returns
    -------
    Interval
        The interval.

    Raises
    ------
    InvalidOptionError
        If there are fewer than two values or an option cannot be used.
    """
    from scipy.stats import norm, t

    x = np.asarray(values, dtype=np.float64)
    if x.size < 2:
        raise InvalidOptionError(f"an interval needs two values or more, not {x.size}")
    if not 0 < confidence < 1:
        raise InvalidOptionError(f"confidence must lie between 0 and 1, not {confidence}")
    if quantile not in get_args(Quantile):
        raise InvalidOptionError(f"quantile must be 'auto', 't' or 'normal', not {quantile!r}")
    level = 0.5 + confidence / 2
    students = quantile == "t" or (quantile == "auto" and x.size < MANY)
    z = float(t.ppf(level, x.size - 1) if students else norm.ppf(level))
    half = z * float(x.std(ddof=1)) / math.sqrt(x.size)
    mean = float(x.mean())
    return Interval(mean, mean - half, mean + half, int(x.size))


@dataclass(frozen=True)
class Batch:
    """One sample problem: what was found and proven on it, and what that is worth in full.

    Attributes
    ----------
    seed : int
        Seed of the sample and of the method.
    sample_value : float or None
        Ĥ_N(x_m): the heuristic's decision on its own sample, (32).
    sample_bound : float or None
        Proven lower bound of the sample problem.
    full_value : float or None
        H(x_m): the heuristic's decision on the full set, (27); None if a scenario is infeasible.
    units : tuple of int
        The heuristic's decision.
    seconds : float
        Wall-clock seconds of the heuristic, without its evaluation.
    """

    seed: int
    sample_value: float | None
    sample_bound: float | None
    full_value: float | None
    units: tuple[int, ...]
    seconds: float


@dataclass(frozen=True)
class BoundsResult(Result):
    """Bounds from M sample problems.

    Attributes
    ----------
    batch_size : int
        Scenarios N of each sample.
    confidence : float
        Level of the intervals.
    upper : Interval
        Of E H(x_m), (28)–(31): above the optimum, since every decision is.
    printed_lower : Interval
        (34)–(36) as printed, of the heuristic's sample values. Estimates no bound.
    printed_gap : float
        High end of ``upper`` minus low end of ``printed_lower``, the paper's bounds gap.
    lower : Interval or None
        Of the proven bounds of the samples: its mean estimates a lower bound on the optimum.
    gap : float or None
        Best value on the full set minus the low end of ``lower``.
    best_value : float
        Least H(x_m): an upper bound without statistics.
    best_units : tuple of int
        Its decision.
    batches : tuple of Batch
        Every sample problem.
    n_infeasible : int
        Decisions that leave a scenario of the full set infeasible; they count in no interval of
        ``upper``.
    seconds : dict
        Wall-clock seconds by phase.
    versions : dict
        Versions of the packages that computed it.
    """

    batch_size: int
    confidence: float
    upper: Interval
    printed_lower: Interval
    printed_gap: float
    lower: Interval | None
    gap: float | None
    best_value: float
    best_units: tuple[int, ...]
    batches: tuple[Batch, ...]
    n_infeasible: int
    seconds: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)


def sample_scenarios(scenarios: ScenarioSet, size: int, seed: int) -> ScenarioSet:
    """Draw ``size`` scenarios by their probabilities, with replacement, equally weighted.

    Parameters
    ----------
    scenarios : ScenarioSet
        The full set.
    size : int
        Scenarios drawn.
    seed : int
        Seed of the draw.

    Returns
    -------
    ScenarioSet
        Its expectation of any decision's value is unbiased for that of the full set.
    """
    rng = generator(seed)
    rows = rng.choice(len(scenarios), size=size, p=scenarios.probability)
    return scenarios.take(rows, np.full(size, 1.0 / size))


def solve_batch(
    problem: PlanningProblem,
    scenarios: ScenarioSet,
    build: Build,
    solve: Solve,
    prove: Solve | None,
    size: int,
    seed: int,
) -> Batch:
    """Solve one sample problem and evaluate its decision in full.

    Parameters
    ----------
    problem, scenarios, build, solve, prove
        As for :func:`statistical_bounds`.
    size : int
        Scenarios of the sample.
    seed : int
        Seed of the sample and of the method.

    Returns
    -------
    Batch
        What was found and proven.
    """
    sample = sample_scenarios(scenarios, size, seed)
    found = solve(problem, sample, build(problem, sample), seed=seed)
    bound = None
    if prove is not None:
        bound = prove(problem, sample, build(problem, sample)).bound
    full_value: float | None = None
    if found.objective is not None:
        full = expected_value(scenarios, build(problem, scenarios).evaluate(found.units))
        full_value = full.value if np.isfinite(full.value) else None
    spent = sum(s for name, s in found.seconds.items() if name != "evaluate")
    return Batch(seed, found.objective, bound, full_value, tuple(found.units.tolist()), spent)


def statistical_bounds(
    problem: PlanningProblem,
    scenarios: ScenarioSet,
    *,
    build: Build,
    solve: Solve,
    prove: Solve | None = None,
    batch_size: int = 200,
    n_batch: int = 25,
    confidence: float = 0.95,
    quantile: Quantile = "auto",
    seed: int = 0,
    n_jobs: int | None = None,
) -> BoundsResult:
    """Solve M sample problems and bound the best expected value.

    The samples run under joblib. Inside ``with joblib.parallel_config(backend="dask"):`` the same
    call runs on a Dask cluster.

    Parameters
    ----------
    problem : PlanningProblem
        The problem.
    scenarios : ScenarioSet
        The full set.
    build : callable
        ``build(problem, scenarios)`` makes a second stage. Picklable, as the next two.
    solve : callable
        ``solve(problem, scenarios, second_stage, seed=…)``, such as
        :func:`~pygridjl.siting.methods.spar.driver.spar`: the method that is judged.
    prove : callable, optional
        ``prove(problem, scenarios, second_stage)`` whose result has a proven ``bound``, such as
        Benders or the extensive form. Without it there is no honest lower estimate.
    batch_size : int
        Scenarios N of a sample (50, 100, 150, 200 in the paper).
    n_batch : int
        Samples M (25 in the paper).
    confidence : float
        Level of the intervals.
    quantile : {"auto", "t", "normal"}
        See :func:`confidence_interval`.
    seed : int
        Sample m and its run have seed ``seed + m``.
    n_jobs : int, optional
        Processes; by default what joblib is configured to.

    Returns
    -------
    BoundsResult
        The bounds.

    Raises
    ------
    InvalidOptionError
        If an option cannot be used, or fewer than two samples gave a decision that keeps the full
        set feasible.
    """
    from joblib import Parallel, delayed

    assert_no_storage(problem, "statistical bounds")
    assert_valid_scenarios_for(problem, scenarios)
    if batch_size < 1:
        raise InvalidOptionError(f"batch_size must be at least 1, not {batch_size}")
    if n_batch < 2:
        raise InvalidOptionError(f"n_batch must be at least 2, not {n_batch}")
    watch = Stopwatch()
    task = partial(solve_batch, problem, scenarios, build, solve, prove, batch_size)
    with watch.phase("samples"):
        batches: Sequence[Batch] = Parallel(n_jobs=n_jobs)(
            delayed(task)(seed + m) for m in range(n_batch)
        )
    return bounds_of(
        batches,
        batch_size=batch_size,
        confidence=confidence,
        quantile=quantile,
        seconds=dict(watch.seconds),
    )


def bounds_of(
    batches: Sequence[Batch],
    *,
    batch_size: int,
    confidence: float = 0.95,
    quantile: Quantile = "auto",
    seconds: dict[str, float] | None = None,
) -> BoundsResult:
    """Turn solved sample problems into bounds, (28)–(36).

    Parameters
    ----------
    batches : sequence of Batch
        Sample problems of one size, solved by :func:`solve_batch`.
    batch_size : int
        Scenarios of each.
    confidence, quantile
        See :func:`confidence_interval`.
    seconds : dict, optional
        For the record.

    Returns
    -------
    BoundsResult
        The bounds.

    Raises
    ------
    InvalidOptionError
        If an option cannot be used, or fewer than two samples gave a decision that keeps the full
        set feasible.
    """
    kept = [(b.full_value, b) for b in batches if b.full_value is not None]
    if len(kept) < 2:
        raise InvalidOptionError(
            f"only {len(kept)} of {len(batches)} samples gave a decision that keeps every scenario "
            "feasible: raise batch_size"
        )
    upper = confidence_interval([value for value, _ in kept], confidence, quantile)
    sampled = [b.sample_value for b in batches if b.sample_value is not None]
    printed = confidence_interval(sampled, confidence, quantile)
    proven = [b.sample_bound for b in batches if b.sample_bound is not None]
    # A mean over only those samples that could be bounded would be biased upward.
    complete = len(proven) == len(batches)
    lower = confidence_interval(proven, confidence, quantile) if complete else None
    best_value, best = min(kept, key=lambda pair: (pair[0], pair[1].seed))
    return BoundsResult(
        batch_size=batch_size,
        confidence=confidence,
        upper=upper,
        printed_lower=printed,
        printed_gap=upper.high - printed.low,
        lower=lower,
        gap=None if lower is None else best_value - lower.low,
        best_value=best_value,
        best_units=best.units,
        batches=tuple(batches),
        n_infeasible=len(batches) - len(kept),
        seconds=seconds or {},
        versions=engine_versions("numpy", "scipy", "joblib"),
    )
