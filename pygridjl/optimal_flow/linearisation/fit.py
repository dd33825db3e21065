"""A point fitted to the sample: the expected violation itself is minimised over V0."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_array

from pygridjl.core.arguments import generator
from pygridjl.core.methods import Options, option
from pygridjl.core.types import ComplexArray, FloatArray
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
from pygridjl.optimal_flow.linearisation.problem import LinearisationProblem
from pygridjl.powerflow.admittance import bus_admittance

__all__ = ["FittedOptions", "fitted_point"]

# Above so many buses the order-2 point is not among the starts: it takes longer than the fit.
_ORDER2_BUSES = 60
# Shares of the way to a target that are tried, largest first.
_SHARES = (1.0, 0.4, 0.1)
# Absolute values are smoothed near zero by this, p.u., for the quasi-Newton steps only.
_SMOOTH = 1e-6


@dataclass(frozen=True)
class FittedOptions(Options):
    """Options of the fitted point."""

    fit_draws: int = option(100, "draws of the training sample that judge a point", least=2)
    steps: int = option(6, "rounds of descent", least=0)


def fitted_point(problem: LinearisationProblem, options: FittedOptions) -> PointAnswer:
    """Minimise Σ_s (ε_P + ε_Q) over the point by descent from the best of the other points.

    Every round proposes targets: the point that minimises criterion (13) at the solutions of the
    present linearised models (by L-BFGS on the exact second-order remainders), their mean, and a
    random step; in the first round also the minimiser of (13) at AC optima. A move is accepted
    only if it lowers the violation that the linearised model really has on the sample.
    """
    network = problem.network
    draws = problem.draws.first(options.fit_draws)
    demand = draws.demand
    admittance = bus_admittance(network)

    def solutions(point: ComplexArray) -> tuple[float, ComplexArray]:
        model = LinearisedOpf(network, point, proximal=problem.proximal)
        batch = model.solve_many(demand)
        solved = batch.solved
        if not solved.all():
            # A point that leaves draws without an answer loses to any that does not.
            return np.inf, batch.voltage[solved]
        error = model.mismatch(batch.demand, batch.voltage, batch.power)
        return float((abs(error.real) + abs(error.imag)).sum(axis=1).mean()), batch.voltage

    starts = _starts(problem, options)
    judged = [(*solutions(answer), name, answer) for name, answer in starts]
    value, found, name, _ = min(judged, key=lambda row: row[0])
    point = next(a for n, a in starts if n == name)
    first = value
    if not np.isfinite(value):
        return PointAnswer(
            point,
            (
                "no point keeps every draw of the training sample feasible: lower the loads or "
                f"widen limits; this is the point {name!r}",
            ),
        )
    slack = network.slack_buses
    rng = generator(problem.seed)
    optima = problem.ac_batch(draws).voltage
    optima = optima[np.isfinite(optima).all(axis=1)]
    radius = 0.3 * float(abs(found - found.mean(axis=0)).mean())
    for step in range(options.steps):
        targets = [_remainder_minimiser(admittance, found, point, slack), found.mean(axis=0)]
        if step == 0 and optima.size:
            targets.insert(0, _remainder_minimiser(admittance, optima, point, slack))
        move = rng.standard_normal((2, network.n_bus))
        noise = radius * (move[0] + 1j * move[1])
        noise[slack] = noise[slack].real
        better = _first_better(solutions, point, value, targets)
        for sign in (1.0, -1.0):
            if better is None:
                trial = solutions(point + sign * noise)
                better = (point + sign * noise, *trial) if trial[0] < value else None
        if better is None:
            radius *= 0.5
            continue
        point, value, found = better
    gained = f"descent from {name!r}: {first:.5f} to {value:.5f} p.u. on {len(demand)} draws"
    return PointAnswer(point, (gained,))


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


def _first_better(
    solutions: Callable[[ComplexArray], tuple[float, ComplexArray]],
    point: ComplexArray,
    value: float,
    targets: list[ComplexArray],
) -> tuple[ComplexArray, float, ComplexArray] | None:
    """Try every target at growing caution; return the best of the first share that improves."""
    for share in _SHARES:
        tried = [
            (point + share * (target - point), *solutions(point + share * (target - point)))
            for target in targets
        ]
        best = min(tried, key=lambda row: row[1])
        if best[1] < value:
            return best
    return None


def _remainder_minimiser(
    admittance: csr_array, voltage: ComplexArray, start: ComplexArray, slack: np.ndarray
) -> ComplexArray:
    """Minimise criterion (13): Σ_s Σ_k |Re z_k| + |Im z_k|, z = δ conj(Y δ), δ = V_s − V0."""
    n = start.size
    free = np.ones(2 * n, dtype=bool)
    free[n + slack] = False
    turned = admittance.T.tocsr()

    def value(x: FloatArray) -> tuple[float, FloatArray]:
        parts = np.zeros(2 * n)
        parts[free] = x
        gap = (voltage - (parts[:n] + 1j * parts[n:])).T
        current = admittance @ gap
        z = gap * np.conj(current)
        real, imaginary = np.hypot(z.real, _SMOOTH), np.hypot(z.imag, _SMOOTH)
        c = z.real / real - 1j * z.imag / imaginary
        slope = (c * np.conj(current) + turned @ np.conj(c * gap)).sum(axis=1)
        gradient = np.concatenate([-slope.real, slope.imag]) / voltage.shape[0]
        return float((real + imaginary).sum() / voltage.shape[0]), gradient[free]

    begin = np.concatenate([start.real, start.imag])[free]
    answer = minimize(value, begin, jac=True, method="L-BFGS-B", options={"maxiter": 60})
    parts = np.zeros(2 * n)
    parts[free] = answer.x
    return np.asarray(parts[:n] + 1j * parts[n:])
