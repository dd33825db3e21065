"""All scenarios at one decision, unless the clock ends it in between."""

from __future__ import annotations

import numpy as np

from pygridjl.core.stopping import TimeIsUp, is_over, within
from pygridjl.core.types import FloatArray
from pygridjl.siting.second_stage.protocol import SecondStage, SecondStageBatch

__all__ = ["evaluate_within"]

# Scenarios between two looks at the clock, and nodes times scenarios of a large feeder: what a
# linear program each takes seconds for.
PART, PART_NODES = 64, 4_000


def evaluate_within(
    stage: SecondStage, units: FloatArray, deadline: float
) -> SecondStageBatch | None:
    """Evaluate a decision in every scenario.

    Parameters
    ----------
    stage : SecondStage
        The second stage.
    units : ndarray, shape (n_site,)
        Units at each site.
    deadline : float
        Time of :func:`~pygridjl.core.jit.working_time` at which to give up; infinity for never.

    Returns
    -------
    SecondStageBatch or None
        All scenarios in their order; None if the deadline passed before the last, or the end was
        asked for.
    """
    n = len(stage.scenarios)
    part = min(max(PART_NODES // stage.problem.feeder.n_node, 1), PART)
    parts = []
    try:
        with within(deadline):
            if n <= part:
                return stage.evaluate(units)
            for first in range(0, n, part):
                if is_over(deadline):
                    return None
                block = np.arange(first, min(first + part, n))
                parts.append(stage.evaluate_scenarios(units, block))
    except TimeIsUp:
        return None
    return SecondStageBatch(
        np.concatenate([p.index for p in parts]),
        np.concatenate([p.value for p in parts]),
        np.concatenate([p.gradient for p in parts]),
        np.concatenate([p.status for p in parts]),
        tuple(cut for p in parts for cut in p.cuts),
        {name: text for p in parts for name, text in p.messages.items()},
    )
