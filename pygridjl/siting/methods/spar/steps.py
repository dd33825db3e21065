"""Step sizes: in (0, 1], with infinite sum and finite sum of squares."""

from __future__ import annotations

from typing import get_args

from pygridjl.core.errors import InvalidOptionError
from pygridjl.siting.registry import StepRule

__all__ = ["step_size"]


def step_size(rule: StepRule, iteration: int) -> float:
    """Return the step of an iteration.

    Parameters
    ----------
    rule : {1, 2, 3}
        1: 20 / (40 + t), the paper's default. The paper compares two more rules whose formulas
        are not legible; ours are 2: 1 / t, the plain average of all samples, and
        3: 10 / (10 + t^0.7), which stays large for longer.
    iteration : int
        t, from 1.

    Returns
    -------
    float
        In (0, 1].

    Raises
    ------
    InvalidOptionError
        If there is no such rule.
    """
    if rule not in get_args(StepRule):
        raise InvalidOptionError(f"step rule must be 1, 2 or 3, not {rule!r}")
    if rule == 1:
        return 20.0 / (40.0 + iteration)
    return 1.0 / iteration if rule == 2 else 10.0 / (10.0 + iteration**0.7)
