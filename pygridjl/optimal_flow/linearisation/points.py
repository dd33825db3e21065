"""Linearisation points that need no search: profiles, AC optima, moment relaxations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csc_array
from scipy.sparse.linalg import splu

from pygridjl.core.options import Options, option
from pygridjl.core.types import ComplexArray
from pygridjl.optimal_flow.linearisation.cliques import Grouping
from pygridjl.optimal_flow.linearisation.problem import LinearisationProblem
from pygridjl.optimal_flow.linearisation.relaxation import Engine, RelaxedMoments, relax_moments
from pygridjl.powerflow.admittance import bus_admittance
from pygridjl.solvers.status import SolverStatus

__all__ = [
    "MonteCarloOptions",
    "Order1Options",
    "Order2Options",
    "PointAnswer",
    "ac_mean_point",
    "flat_point",
    "monte_carlo_point",
    "no_load_point",
    "order1_point",
    "order2_point",
]


@dataclass(frozen=True, eq=False)
class PointAnswer:
    """A linearisation point and what was learnt on the way.

    Attributes
    ----------
    voltage : ndarray of complex, shape (n_bus,), or None
        The point, p.u.; None if there is none.
    notes : tuple of str
        What a user has to know, and what to do next.
    relaxation : RelaxedMoments or None
        Of the moment points.
    """

    voltage: ComplexArray | None
    notes: tuple[str, ...] = ()
    relaxation: RelaxedMoments | None = None


@dataclass(frozen=True)
class Order1Options(Options):
    """Options of the order-1 point."""

    engine: Engine = option(
        "auto", "clarabel, sdpa (if installed), the one of them that does better, or julia"
    )
    optimizer: str | None = option(None, "Julia package that solves for engine julia (Clarabel)")


@dataclass(frozen=True)
class Order2Options(Options):
    """Options of the order-2 point."""

    engine: Engine = option(
        "auto", "clarabel, sdpa (if installed), the one of them that does better, or julia"
    )
    optimizer: str | None = option(None, "Julia package that solves for engine julia (Clarabel)")
    grouping: Grouping = option(
        "network", "which variables share a moment matrix: branch ends, constraints, or all"
    )
    relax_seconds: float = option(1800.0, "time limit of each engine, s", above=0.0)


@dataclass(frozen=True)
class MonteCarloOptions(Options):
    """Options of the Monte-Carlo point."""

    optima: int = option(200, "draws of the training sample solved by AC optimal flow", least=1)


def flat_point(problem: LinearisationProblem, _options: object) -> PointAnswer:
    """Return 1 p.u. and no angle everywhere."""
    return PointAnswer(np.ones(problem.network.n_bus, dtype=complex))


def no_load_point(problem: LinearisationProblem, _options: object) -> PointAnswer:
    """Return the voltages without any injection but at the slack: V_L = −Y_LL⁻¹ Y_L0 V_0."""
    network = problem.network
    slack = network.slack_buses
    others = np.setdiff1d(np.arange(network.n_bus), slack)
    voltage = np.ones(network.n_bus, dtype=complex)
    matrix = bus_admittance(network)
    if others.size:
        rows = matrix[others]
        own = csc_array(rows[:, others])
        voltage[others] = splu(own).solve(-np.asarray(rows[:, slack].sum(axis=1)).ravel())
    return PointAnswer(voltage)


def ac_mean_point(problem: LinearisationProblem, _options: object) -> PointAnswer:
    """Return the AC optimum at the mean load of the training sample."""
    _, voltage = problem.ac_point(problem.draws.mean)
    if not np.isfinite(voltage).all():
        return PointAnswer(
            None, ("no AC optimum was found at the mean load: lower the load or widen limits",)
        )
    return PointAnswer(voltage)


def monte_carlo_point(problem: LinearisationProblem, options: MonteCarloOptions) -> PointAnswer:
    """Return the mean voltages of AC optima over draws of the training sample."""
    count = min(options.optima, len(problem.draws))
    found = problem.ac_batch(problem.draws.first(count))
    solved = np.isfinite(found.objective)
    if not solved.any():
        return PointAnswer(
            None, ("no AC optimum was found for any draw: lower the load or widen limits",)
        )
    notes: tuple[str, ...] = ()
    if not solved.all():
        notes = (f"{int((~solved).sum())} of {count} draws have no AC optimum and are left out",)
    return PointAnswer(np.asarray(found.voltage[solved].mean(axis=0)), notes)


def order1_point(problem: LinearisationProblem, options: Order1Options) -> PointAnswer:
    """Return the mean voltages of the order-1 moment relaxation (Shor's at the mean load)."""
    found = relax_moments(
        problem.network, problem.draws, 1, engine=options.engine, optimizer=options.optimizer
    )
    return _moment_point(found, 1)


def order2_point(problem: LinearisationProblem, options: Order2Options) -> PointAnswer:
    """Return the mean voltages of the order-2 moment relaxation."""
    found = relax_moments(
        problem.network,
        problem.draws,
        2,
        grouping=options.grouping,
        engine=options.engine,
        optimizer=options.optimizer,
        time_limit=options.relax_seconds,
    )
    return _moment_point(found, 2)


def _moment_point(found: RelaxedMoments, order: int) -> PointAnswer:
    return PointAnswer(found.voltage if found.usable else None, _advice(found, order), found)


def _advice(found: RelaxedMoments, order: int) -> tuple[str, ...]:
    """Say what the relaxation came to where that is not what was hoped for, and what to do next."""
    if found.outcome == "infeasible":
        return (
            f"the order-{order} relaxation is infeasible: no voltages within their bands serve the "
            "loads; lower the loads or widen limits",
        )
    if found.outcome == "failed":
        other = "sdpa" if found.engine == "clarabel" else "clarabel"
        elsewhere = f"try engine={other!r}" + " (Debian: apt install sdpa)" * (other == "sdpa")
        if found.status is SolverStatus.TIME_LIMIT:
            ended, elsewhere = "ran out of time", f"raise relax_seconds, {elsewhere}"
        else:
            ended = "failed numerically"
        left = "its point is approximate" if found.usable else "it leaves no point"
        if np.isfinite(found.bound):
            left = f"its bound holds, {left}"
        return (
            f"the order-{order} relaxation {ended} in {found.engine} (status "
            f"{found.status.value}, residual {found.residual:.0e}): {left}; {elsewhere}, or the "
            "point 'ac-mean'",
        )
    if found.outcome == "inexact":
        return (
            f"the order-{order} relaxation is inexact: its moments are not those of one state "
            f"(eigenvalue ratio {found.eigenvalue_ratio:.1e}), and its point can be poor; try the "
            "point 'ac-mean' or 'fitted'",
        )
    return ()
