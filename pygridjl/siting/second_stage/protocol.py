"""What every method asks of a second stage, whatever engine answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from pygridjl.core.errors import InvalidOptionError, SolverError
from pygridjl.core.types import BoolArray, FloatArray, IntArray
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.risk import Risk

__all__ = [
    "ExpectedValue",
    "FeasibilityCut",
    "ScenarioStatus",
    "SecondStage",
    "SecondStageBatch",
    "assert_built_for",
    "expected_value",
]


class ScenarioStatus(IntEnum):
    """How the second stage of one scenario ended."""

    OPTIMAL = 0
    """Value and subgradient are those of an optimum."""
    INFEASIBLE = 1
    """Proven to have no operating point; a cut says why."""
    FAILED = 2
    """The solver gave no answer that can be trusted; the message says what happened."""


@dataclass(frozen=True, eq=False)
class FeasibilityCut:
    """A Farkas proof that some decisions leave a scenario without operating point, (18).

    Every decision ``n`` with an operating point in the scenario has
    ``coefficient @ n + constant <= 0``; the decision that was tried has a positive value.

    Attributes
    ----------
    scenario : str
        Id of the scenario.
    coefficient : ndarray, shape (n_site,)
        Per unit of each site; never positive, since more capacity never hurts.
    constant : float
        The rest of the proof. If no coefficient is negative, no decision helps.
    """

    scenario: str
    coefficient: FloatArray
    constant: float


@dataclass(frozen=True, eq=False)
class SecondStageBatch:
    """Answers of the second stage at one decision for B scenarios.

    Attributes
    ----------
    index : ndarray of int, shape (B,)
        Positions in the scenario set.
    value : ndarray, shape (B,)
        Optimal value Q(n, ξ); NaN unless the status is optimal.
    gradient : ndarray, shape (B, n_site)
        A subgradient of Q(·, ξ) at the decision, per unit: μ^PV p̄ times the multiplier of the
        capacity row (44), never positive. NaN unless the status is optimal.
    status : ndarray of int, shape (B,)
        :class:`ScenarioStatus` of each.
    cuts : tuple of FeasibilityCut
        One for each infeasible scenario.
    messages : mapping of str to str
        Id of each failed scenario and what happened.
    """

    index: IntArray
    value: FloatArray
    gradient: FloatArray
    status: IntArray
    cuts: tuple[FeasibilityCut, ...] = ()
    messages: Mapping[str, str] = field(default_factory=dict)

    @property
    def optimal(self) -> BoolArray:
        """Which scenarios have a value, shape (B,)."""
        return np.asarray(self.status == ScenarioStatus.OPTIMAL)


class SecondStage(Protocol):
    """Operation of the feeder in each scenario, given the units installed.

    An engine is built once for a problem and its scenarios and then called often. It is not
    shared between processes or threads. The same calls in the same order after construction or
    :meth:`reset` give the same bytes.
    """

    @property
    def problem(self) -> PlanningProblem:
        """The planning problem it was built for."""

    @property
    def scenarios(self) -> ScenarioSet:
        """The scenarios it was built for."""

    @property
    def engine(self) -> str:
        """Name of the engine, such as ``"condensed"``."""

    def evaluate(self, units: ArrayLike) -> SecondStageBatch:
        """Solve every scenario.

        Parameters
        ----------
        units : array, shape (n_site,)
            Units at each site; fractions are allowed (relaxed masters ask for them).

        Returns
        -------
        SecondStageBatch
            B = S, in the order of the set. One scenario that fails never loses the others.
        """

    def evaluate_scenarios(self, units: ArrayLike, indices: ArrayLike) -> SecondStageBatch:
        """Solve some scenarios.

        Parameters
        ----------
        units : array, shape (n_site,)
            Units at each site.
        indices : array of int, shape (B,)
            Positions in the scenario set; repeats allowed.

        Returns
        -------
        SecondStageBatch
            In the order of ``indices``.
        """

    def reset(self) -> None:
        """Forget what earlier calls left behind (bases, active sets), as if newly built.

        A degenerate optimum has several subgradients; which one an engine finds may depend on
        what it solved before. Methods reset at fixed points of their run, so that a run resumed
        there continues to the same bytes.
        """


@dataclass(frozen=True, eq=False)
class ExpectedValue:
    """Σ p Q over the scenarios of a batch and a subgradient of it.

    Attributes
    ----------
    value : float
        Infinite if a scenario of positive probability is infeasible.
    gradient : ndarray, shape (n_site,)
        NaN if the value is infinite.
    infeasible : tuple of str
        Ids of the infeasible scenarios of positive probability.
    """

    value: float
    gradient: FloatArray
    infeasible: tuple[str, ...] = ()


def expected_value(
    scenarios: ScenarioSet, batch: SecondStageBatch, risk: Risk | None = None
) -> ExpectedValue:
    """Return the expectation of a batch, its probabilities scaled to sum to one.

    Parameters
    ----------
    scenarios : ScenarioSet
        The set the batch was computed from.
    batch : SecondStageBatch
        Answers for all scenarios or a sample of them.
    risk : Risk, optional
        What counts beside the expectation.

    Returns
    -------
    ExpectedValue
        Value and subgradient per unit.

    Raises
    ------
    SolverError
        If a scenario of positive probability failed: its value is unknown, so is the mean.
    """
    weight = scenarios.probability[batch.index]
    weight = weight / weight.sum()
    counted = weight > 0
    failed = counted & (batch.status == ScenarioStatus.FAILED)
    if failed.any():
        names = scenarios.id[batch.index[failed]].tolist()
        detail = "; ".join(f"{k}: {batch.messages.get(k, 'no message')}" for k in names[:3])
        raise SolverError(f"second stage failed in {len(names)} scenario(s): {detail}")
    lost = counted & (batch.status == ScenarioStatus.INFEASIBLE)
    if lost.any():
        names = tuple(scenarios.id[batch.index[lost]].tolist())
        return ExpectedValue(float("inf"), np.full(batch.gradient.shape[1], np.nan), names)
    weight, value = weight[counted], batch.value[counted]
    if risk is not None:
        weight = risk.weights(weight, value)
    return ExpectedValue(float(weight @ value), weight @ batch.gradient[counted])


def assert_built_for(
    problem: PlanningProblem, scenarios: ScenarioSet, second_stage: SecondStage
) -> None:
    """Raise if an engine was built for another problem or other scenarios.

    Raises
    ------
    InvalidOptionError
        If either is another object: equal sizes would hide the mistake.
    """
    if second_stage.problem is not problem or second_stage.scenarios is not scenarios:
        raise InvalidOptionError(
            "the second stage was built for another problem or other scenarios"
        )
