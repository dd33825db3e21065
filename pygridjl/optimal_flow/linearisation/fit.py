"""A point fitted to the sample: the expected violation itself is minimised over V0."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

from pygridjl.core.options import Options, option
from pygridjl.core.types import ComplexArray, FloatArray
from pygridjl.optimal_flow.linearisation.descent import Violation
from pygridjl.optimal_flow.linearisation.linear_model import LinearisedOpf
from pygridjl.optimal_flow.linearisation.points import (
    MonteCarloOptions,
    Order1Options,
    Order2Options,
    PointAnswer,
    ac_mean_point,
    flat_point,
    monte_carlo_point,
    no_load_point,
    order1_point,
    order2_point,
)
from pygridjl.optimal_flow.linearisation.problem import PROXIMAL, LinearisationProblem
from pygridjl.scenarios.load_factors import LoadDraws

__all__ = ["FittedOptions", "fitted_point"]

# Above so many buses the order-2 point is not among the starts: it takes longer than the fit.
_ORDER2_BUSES = 20
# First step of the descent, p.u.
_STEP = 1e-3
# Starts are judged on the whole sample up to this multiple of the best value on some draws.
_NEAR = 2.0
# Value, as a multiple of the best, of a point where a draw has no answer.
_FAR = 10.0


@dataclass(frozen=True)
class FittedOptions(Options):
    """Options of the fitted point."""

    fit_draws: int = option(200, "draws of the training sample for the descent", least=2)
    steps: int = option(200, "steps of descent at most", least=0)
    fit_seconds: float = option(60.0, "time limit of the descent, s", above=0.0)


def fitted_point(problem: LinearisationProblem, options: FittedOptions) -> PointAnswer:
    """Minimise E[ε_P + ε_Q] of the linearised model over its point, from the best other point.

    The average over some draws is descended along its gradient (L-BFGS). Starts that are good
    there, and the point reached, are judged on the whole training sample, and the best is kept:
    where a start can hardly be improved, some draws alone would take their luck for merit.
    Without a proximal term, where answers jump, the descent takes that of :data:`PROXIMAL`.
    """
    draws = problem.draws.first(options.fit_draws)
    starts = [
        (_judged(problem, point, draws), name, point) for name, point in _starts(problem, options)
    ]
    least = min(value for value, _, _ in starts)
    near = [
        (_judged(problem, point, problem.draws), name, point)
        for value, name, point in starts
        if value.missed == least.missed and value.mean <= _NEAR * least.mean
    ]
    first, name, start = min(near, key=itemgetter(0))
    if least.missed:
        return PointAnswer(
            start,
            (
                "no point keeps every draw of the training sample feasible: lower the loads or "
                f"widen limits; this is the point {name!r}",
            ),
        )
    violation = Violation(problem.network, draws.demand, problem.proximal or PROXIMAL)
    point = _descended(violation, start, problem.network.slack_buses, options)
    value = _judged(problem, point, problem.draws)
    if value >= first:
        point, value = start, first
    notes = [
        f"descent from {name!r}: {first.mean:.5f} to {value.mean:.5f} p.u. on "
        f"{len(problem.draws)} draws"
    ]
    if value.missed:
        notes.append(
            f"{value.missed} of {len(problem.draws)} draws of the training sample have no answer"
        )
    return PointAnswer(point, tuple(notes))


class _Judged(NamedTuple):
    """How a point does on draws: those without an answer count first."""

    missed: int
    mean: float


def _judged(problem: LinearisationProblem, point: ComplexArray, draws: LoadDraws) -> _Judged:
    model = LinearisedOpf(problem.network, point, proximal=problem.proximal)
    batch = model.solve_many(draws.demand)
    kept = batch.solved
    if not kept.any():
        return _Judged(len(draws), np.inf)
    error = model.mismatch(batch.demand[kept], batch.voltage[kept], batch.power[kept])
    size = (abs(error.real) + abs(error.imag)).sum(axis=1)
    return _Judged(int((~kept).sum()), float(size.mean()))


def _descended(
    violation: Violation, start: ComplexArray, slack: np.ndarray, options: FittedOptions
) -> ComplexArray:
    """Return the best point that L-BFGS meets before its steps or its time are used up."""
    n = start.size
    free = np.ones(2 * n, dtype=bool)
    free[n + slack] = False
    deadline = time.monotonic() + options.fit_seconds
    best = (np.inf, start)

    def value(x: FloatArray) -> tuple[float, FloatArray]:
        nonlocal best
        if time.monotonic() > deadline:
            raise StopIteration
        parts = np.zeros(2 * n)
        parts[free] = x * _STEP
        point = start + parts[:n] + 1j * parts[n:]
        found = violation.at(point)
        if found.value < best[0]:
            best = (found.value, point)
        gradient = np.concatenate([found.gradient.real, found.gradient.imag])[free]
        # Where a draw has no answer the line search has to turn back, and needs a number to.
        return min(found.value, _FAR * best[0]), gradient * _STEP

    with contextlib.suppress(StopIteration):
        minimize(
            value,
            np.zeros(int(free.sum())),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": options.steps, "maxcor": 30},
        )
    return best[1]


def _starts(
    problem: LinearisationProblem, options: FittedOptions
) -> list[tuple[str, ComplexArray]]:
    answers = [
        ("flat", flat_point(problem, None)),
        ("no-load", no_load_point(problem, None)),
        ("order1", order1_point(problem, Order1Options())),
        ("ac-mean", ac_mean_point(problem, None)),
        ("monte-carlo", monte_carlo_point(problem, MonteCarloOptions(options.fit_draws))),
    ]
    if problem.network.n_bus <= _ORDER2_BUSES:
        answers.append(("order2", order2_point(problem, Order2Options())))
    return [(name, a.voltage) for name, a in answers if a.voltage is not None]
