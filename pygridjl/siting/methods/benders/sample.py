"""A second stage on some scenarios of another, for a first look at a large set."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import ArrayLike

from pygridjl.core.types import IntArray
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.second_stage.protocol import SecondStage, SecondStageBatch

__all__ = ["SampledStage"]


class SampledStage:
    """Some scenarios of a second stage as a second stage of their own.

    Parameters
    ----------
    stage : SecondStage
        The second stage that does the work.
    size : int
        Number of scenarios drawn, evenly and always the same ones, among those that can happen.
    """

    def __init__(self, stage: SecondStage, size: int) -> None:
        possible = np.flatnonzero(stage.scenarios.probability > 0)
        drawn = np.random.default_rng(0).choice(possible, min(size, possible.size), replace=False)
        self._stage, self._drawn = stage, np.sort(drawn)
        self.problem: PlanningProblem = stage.problem
        self.scenarios: ScenarioSet = stage.scenarios.take(self._drawn)
        self.engine = stage.engine

    def evaluate(self, units: ArrayLike) -> SecondStageBatch:
        """Solve every scenario; see :class:`~pygridjl.siting.second_stage.protocol.SecondStage`."""
        return self.evaluate_scenarios(units, np.arange(len(self.scenarios)))

    def evaluate_scenarios(self, units: ArrayLike, indices: ArrayLike) -> SecondStageBatch:
        """Solve some scenarios; see :class:`~pygridjl.siting.second_stage.protocol.SecondStage`."""
        index: IntArray = np.asarray(indices, dtype=np.int64)
        batch = self._stage.evaluate_scenarios(units, self._drawn[index])
        return dataclasses.replace(batch, index=index)

    def reset(self) -> None:
        """Forget what earlier calls left behind."""
        self._stage.reset()
