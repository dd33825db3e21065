"""What sites of storage ask of scenarios and methods."""

from __future__ import annotations

import numpy as np

from pygridjl.core.errors import InvalidOptionError, InvalidScenariosError
from pygridjl.core.findings import Finding
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.problem import HOURS_A_DAY, STORAGE, PlanningProblem

__all__ = ["assert_no_storage", "assert_whole_days"]

# Probabilities that differ by less are equal, relative to the largest.
SAME = 1e-9


def assert_whole_days(problem: PlanningProblem, scenarios: ScenarioSet) -> None:
    """Raise where storage would tie hours that are no day.

    Parameters
    ----------
    problem : PlanningProblem
        The problem.
    scenarios : ScenarioSet
        The scenarios.

    Raises
    ------
    InvalidScenariosError
        If there are sites of storage, and hours are left over or differ in probability.
    """
    if not problem.stores.any():
        return
    wrong = None
    p = scenarios.probability
    if len(scenarios) % HOURS_A_DAY:
        wrong = f"are {len(scenarios)} hours, storage needs whole days of {HOURS_A_DAY} in order"
    elif STORAGE in scenarios.outputs:
        wrong = f"have a profile {STORAGE!r}, which is what sites of storage are told by"
    elif (np.ptp(p.reshape(-1, HOURS_A_DAY), axis=1) > SAME * p.max()).any():
        wrong = "have days whose hours differ in probability: storage needs whole days"
    if wrong is not None:
        raise InvalidScenariosError(scenarios.name, [Finding("scenarios", (), "hours", wrong)])


def assert_no_storage(problem: PlanningProblem, what: str) -> None:
    """Raise if a problem has sites of storage, which something does not know.

    Parameters
    ----------
    problem : PlanningProblem
        The problem.
    what : str
        Name of the method.

    Raises
    ------
    InvalidOptionError
        If it has any.
    """
    if problem.stores.any():
        raise InvalidOptionError(
            f"storage: {what!r} takes hours one by one, storage ties those of a day; use method "
            "'benders' or 'extensive'"
        )
