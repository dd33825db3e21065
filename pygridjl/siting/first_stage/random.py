"""Random decisions of the first stage."""

from __future__ import annotations

import numpy as np

from pygridjl.core.types import IntArray
from pygridjl.siting.problem import PlanningProblem

__all__ = ["random_units"]


def random_units(problem: PlanningProblem, rng: np.random.Generator) -> IntArray:
    """Draw a decision that keeps (38)–(40) and spends the budget as far as it can.

    The number of sites is uniform between the least and the most allowed, the sites are drawn
    without replacement; each gets the minimum size, the remaining units go one by one to random
    sites among those with room.

    Parameters
    ----------
    problem : PlanningProblem
        The problem, valid.
    rng : numpy Generator
        Source of randomness.

    Returns
    -------
    ndarray of int, shape (n_site,)
        The decision.
    """
    limit = problem.site_limits
    open_ = np.flatnonzero(limit >= problem.min_units)
    most = min(problem.most_sites, problem.budget_units // problem.min_units, open_.size)
    n_used = int(rng.integers(min(max(problem.min_sites, 1), most), most + 1))
    chosen = rng.choice(open_, size=n_used, replace=False)
    chosen = _affordable(problem, chosen, open_)
    units = np.zeros(problem.n_site, dtype=np.int64)
    units[chosen] = problem.min_units
    left = problem.budget_units - int(units.sum())
    for _ in range(left):
        room = chosen[units[chosen] < limit[chosen]]
        if not problem.same_price:
            spare = problem.money - float(problem.unit_prices @ units)
            room = room[problem.unit_prices[room] <= spare]
        if room.size == 0:
            break
        units[room[rng.integers(room.size)]] += 1
    return units


def _affordable(problem: PlanningProblem, chosen: IntArray, open_: IntArray) -> IntArray:
    """Give up the dearest sites, or change them for the cheapest, until the budget pays for all."""
    prices = problem.unit_prices
    while problem.min_units * prices[chosen].sum() > problem.money:
        rest = np.delete(chosen, prices[chosen].argmax())
        if rest.size < max(problem.min_sites, 1):
            free = np.setdiff1d(open_, chosen)
            rest = np.append(rest, free[prices[free].argmin()])
        chosen = rest
    return chosen
