"""What no decision can be worth less than: where bounds begin."""

from __future__ import annotations

import numpy as np

from pygridjl.core.types import FloatArray, IntArray
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.second_stage.operation import Operation

__all__ = ["least_objective"]


def least_objective(
    problem: PlanningProblem, scenarios: ScenarioSet, groups: IntArray | None = None
) -> FloatArray:
    """Return a value that the objective of no decision is below.

    Parameters
    ----------
    problem : PlanningProblem
        The problem.
    scenarios : ScenarioSet
        The scenarios.
    groups : ndarray of int, shape (S,), optional
        Group of each scenario, from 0; all in one unless given.

    Returns
    -------
    ndarray, shape (n_group,)
        Each group's part of it.
    """
    group = np.zeros(len(scenarios), dtype=np.int64) if groups is None else groups
    if "energy-cost" not in problem.weights:
        # Every other measure is at least 0.
        return np.zeros(int(group.max()) + 1)
    least = np.minimum(Operation(problem, scenarios).least, 0.0)
    weight = scenarios.probability / scenarios.probability.sum()
    if problem.risk is not None:
        # All in one group then; neither mean nor CVaR falls where no scenario does.
        weight = problem.risk.weights(weight, least)
    return np.asarray(np.bincount(group, weight * least), dtype=np.float64)
