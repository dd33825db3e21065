"""The linearisation points, declared once."""

from __future__ import annotations

from pygridjl.core.methods import Method, Registry
from pygridjl.optimal_flow.linearisation.fit import FittedOptions
from pygridjl.optimal_flow.linearisation.points import (
    MonteCarloOptions,
    Order1Options,
    Order2Options,
)

__all__ = ["POINTS"]

_ROOM = "pygridjl.optimal_flow.linearisation"

POINTS = Registry(
    "linearisation",
    [
        Method("flat", "1 p.u. and no angle everywhere", f"{_ROOM}.points:flat_point"),
        Method("no-load", "voltages without injections", f"{_ROOM}.points:no_load_point"),
        Method(
            "order1",
            "mean of the order-1 moment relaxation",
            f"{_ROOM}.points:order1_point",
            Order1Options,
            proves=True,
            seeded=True,
        ),
        Method(
            "order2",
            "mean of the order-2 moment relaxation",
            f"{_ROOM}.points:order2_point",
            Order2Options,
            proves=True,
            seeded=True,
        ),
        Method(
            "ac-mean", "AC optimum at the mean load", f"{_ROOM}.points:ac_mean_point", seeded=True
        ),
        Method(
            "monte-carlo",
            "mean of AC optima over draws",
            f"{_ROOM}.points:monte_carlo_point",
            MonteCarloOptions,
            seeded=True,
        ),
        Method(
            "fitted",
            "descent on the sampled violation from the best other point",
            f"{_ROOM}.fit:fitted_point",
            FittedOptions,
            seeded=True,
        ),
    ],
    word="point",
)
