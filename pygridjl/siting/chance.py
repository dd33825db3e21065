"""Limits that need not hold in a share of the hours: which hours give them up, and what that gains.

With units given, every scenario is worth one thing with its limits and no more without them. Which
scenarios give them up is a knapsack: the most that is gained within the share of the hours.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array

from pygridjl.core.errors import SolverError
from pygridjl.core.types import BoolArray, FloatArray
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.second_stage import build_second_stage, default_engine
from pygridjl.siting.second_stage.protocol import (
    ExpectedValue,
    ScenarioStatus,
    SecondStage,
    SecondStageBatch,
    expected_value,
)
from pygridjl.solvers.highs import HighsModel
from pygridjl.solvers.linear import LinearModel
from pygridjl.solvers.status import SolverStatus

__all__ = ["ChanceStage", "without_limits"]

# A scenario that gains less than this share of its value keeps its limits.
LEAST_GAIN = 1e-9
# Rounding of sums of probabilities.
ROUNDING = 1e-9


def without_limits(problem: PlanningProblem) -> PlanningProblem:
    """Return the problem with no limit at all."""
    return dataclasses.replace(
        problem, limit_share=1.0, line_limits=False, v_min=0.0, v_max=float("inf")
    )


class ChanceStage:
    """What decisions are worth where limits hold in a share of the hours only.

    Parameters
    ----------
    kept : SecondStage
        Engine of the problem, which keeps limits in every scenario.
    """

    def __init__(self, kept: SecondStage) -> None:
        self._kept, self.scenarios = kept, kept.scenarios
        self._share = kept.problem.limit_share
        free = without_limits(kept.problem)
        self._free = build_second_stage(free, kept.scenarios, default_engine(free))

    def evaluate(self, units: ArrayLike) -> tuple[ExpectedValue, BoolArray]:
        """Return what a decision is worth and which scenarios give up their limits.

        Parameters
        ----------
        units : array, shape (n_site,)
            Units at each site.

        Returns
        -------
        found : ExpectedValue
            Infinite where more scenarios have no operating point than may give up limits.
        given_up : ndarray of bool, shape (S,)
            The scenarios whose limits do not hold.
        """
        kept, free = self._kept.evaluate(units), self._free.evaluate(units)
        given_up = self._choose(kept, free)
        status = np.where(given_up, free.status, kept.status)
        batch = SecondStageBatch(
            kept.index,
            np.where(given_up, free.value, kept.value),
            np.where(given_up[:, None], free.gradient, kept.gradient),
            status,
            tuple(kept.cuts),
            {**kept.messages, **free.messages},
        )
        return expected_value(self.scenarios, batch), given_up

    def _choose(self, kept: SecondStageBatch, free: SecondStageBatch) -> BoolArray:
        p = self.scenarios.probability
        lost = (kept.status == ScenarioStatus.INFEASIBLE) & (p > 0)
        room = 1.0 - self._share + ROUNDING
        n = p.size
        if float(p[lost].sum()) > room:
            return np.zeros(n, dtype=np.bool_)
        with np.errstate(invalid="ignore"):
            gain = np.where(lost, 0.0, p * (kept.value - free.value))
            useful = lost | (gain > LEAST_GAIN * p * np.abs(kept.value))
        scale = float(p[useful].min(initial=1.0))
        model = LinearModel(
            cost=-_or_zero(gain),
            matrix=csr_array(p[None, :] / scale),
            row_lower=np.full(1, -np.inf),
            row_upper=np.full(1, room / scale),
            col_lower=lost.astype(np.float64),
            col_upper=useful.astype(np.float64),
            integer=np.ones(n, dtype=np.bool_),
        )
        answer = HighsModel(model, gap=0.0).solve()
        if answer.status is not SolverStatus.OPTIMAL or answer.x is None:
            raise SolverError(f"HiGHS: choice of hours ended with status {answer.status.value!r}")
        return np.asarray(answer.x > 0.5)


def _or_zero(values: FloatArray) -> FloatArray:
    return np.where(np.isfinite(values), values, 0.0)
