"""How good the decisions of a run were, iteration by iteration (Fig. 3)."""

from __future__ import annotations

import numpy as np

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.types import FloatArray
from pygridjl.siting.methods.spar.driver import SparResult
from pygridjl.siting.second_stage.protocol import SecondStage, expected_value

__all__ = ["value_over_iterations"]


def value_over_iterations(result: SparResult, second_stage: SecondStage) -> FloatArray:
    """Evaluate the decision of every iteration on the full scenario set.

    Parameters
    ----------
    result : SparResult
        A run.
    second_stage : SecondStage
        Engine for the problem and the scenarios of the run; each distinct decision is evaluated
        once.

    Returns
    -------
    ndarray, shape (T,)
        Expected values; infinite where a scenario is infeasible. A proven bound over these is
        the least quality of each decision.

    Raises
    ------
    InvalidOptionError
        If the engine is for another set of sites.
    """
    if second_stage.problem.site_ids != result.sites:
        raise InvalidOptionError("the second stage was built for other sites than the run")
    decisions, which = np.unique(result.history.units, axis=0, return_inverse=True)
    second_stage.reset()
    values = [expected_value(second_stage.scenarios, second_stage.evaluate(n)) for n in decisions]
    return np.array([v.value for v in values])[which.reshape(-1)]
