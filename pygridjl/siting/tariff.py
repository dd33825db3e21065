"""Prices of energy at the source, by scenario."""

from __future__ import annotations

import numpy as np

from pygridjl.core.types import FloatArray
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.problem import PlanningProblem

__all__ = ["prices_of"]


def prices_of(problem: PlanningProblem, scenarios: ScenarioSet) -> tuple[FloatArray, FloatArray]:
    """Return the prices of energy bought and sold, $/MWh, shapes (S,).

    Parameters
    ----------
    problem : PlanningProblem
        The problem; a price it does not state is 0.
    scenarios : ScenarioSet
        With the prices that the problem names.
    """
    return _by_scenario(problem.import_price, scenarios), _by_scenario(
        problem.export_price, scenarios
    )


def _by_scenario(price: float | str | None, scenarios: ScenarioSet) -> FloatArray:
    if isinstance(price, str):
        return scenarios.prices[price]
    return np.full(len(scenarios), 0.0 if price is None else float(price))
