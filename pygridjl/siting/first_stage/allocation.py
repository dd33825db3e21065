"""Exact minimisation of a separable convex function of the units over the first stage."""

from __future__ import annotations

import numpy as np

from pygridjl.core.jit import kernel
from pygridjl.core.types import FloatArray, IntArray
from pygridjl.siting.first_stage.priced import allocate_money
from pygridjl.siting.problem import PlanningProblem

__all__ = ["allocate"]


def allocate(problem: PlanningProblem, slopes: FloatArray) -> IntArray:
    """Minimise Σ_i V_i(n_i) subject to (38)–(40), exactly.

    Where all units cost the same the budget is a number of units. Without site count and minimum
    size the most negative slopes are taken one by one; that answer stands whenever it happens to
    keep them too. Otherwise dynamic programming over sites, sites used and units spent, on the
    sites that are not dominated by as many others as may be used. Sites with prices of their own
    are a mixed-integer program.

    Parameters
    ----------
    problem : PlanningProblem
        The problem.
    slopes : ndarray, shape (n_site, width)
        v_i(k), the slope between k and k + 1 units, nondecreasing in k; ``width`` is at least
        :attr:`PlanningProblem.site_limit`.

    Returns
    -------
    ndarray of int, shape (n_site,)
        The decision. Of equal ones that with fewer units and earlier sites is preferred.
    """
    cap = problem.site_limit
    beyond = np.arange(cap) >= problem.site_limits[:, None]
    usable = np.ascontiguousarray(np.where(beyond, np.inf, slopes[:, :cap]))
    if not problem.same_price:
        return allocate_money(problem, usable)
    units = _steepest(usable, problem.budget_units)
    used = units[units > 0]
    few_enough = used.size <= problem.most_sites
    if few_enough and used.size >= problem.min_sites and (used >= problem.min_units).all():
        return units
    return _by_sites(problem, usable)


def _steepest(slopes: FloatArray, budget: int) -> IntArray:
    """Take the ``budget`` smallest negative slopes; rows are sorted, so each is a prefix."""
    cap = slopes.shape[1]
    flat = slopes.ravel()
    negative = np.flatnonzero(flat < 0)
    # A stable sort keeps the prefix property among equal slopes.
    order = negative[np.argsort(flat[negative], kind="stable")[:budget]]
    return np.bincount(order // cap, minlength=slopes.shape[0]).astype(np.int64)


def _by_sites(problem: PlanningProblem, slopes: FloatArray) -> IntArray:
    n_site, cap = slopes.shape
    least = problem.min_units
    values = np.zeros((n_site, cap + 1))
    np.cumsum(slopes, axis=1, out=values[:, 1:])
    # Beyond its last negative slope a site only costs budget, beyond the minimum size.
    most = np.maximum((slopes < 0).sum(axis=1), least)
    best = values[np.arange(n_site), most]
    order = np.argsort(best, kind="stable")
    kept = np.sort(order[_undominated(values[order], least, problem.most_sites)])
    limit = min(problem.most_sites, kept.size)
    if problem.min_sites == 0 and limit >= min(problem.budget_units // least, kept.size):
        limit = 0
    chosen = _program(
        values[kept], most[kept], least, problem.min_sites, limit, problem.budget_units
    )
    units = np.zeros(n_site, dtype=np.int64)
    units[kept] = chosen
    return units


@kernel
def _undominated(values: FloatArray, least: int, limit: int) -> IntArray:
    """Rows with fewer than ``limit`` earlier rows that are at least as good at every size.

    An allocation that uses a dominated site leaves one of its dominators free, because at most
    ``limit`` sites are used, and is not worse after moving there.
    """
    n, width = values.shape
    kept = np.empty(n, dtype=np.int64)
    count = 0
    for i in range(n):
        better = 0
        for j in range(i):
            dominates = True
            for k in range(width - 1, least - 1, -1):
                if values[j, k] > values[i, k]:
                    dominates = False
                    break
            if dominates:
                better += 1
                if better >= limit:
                    break
        if better < limit:
            kept[count] = i
            count += 1
    return kept[:count]


@kernel
def _program(
    values: FloatArray, most: IntArray, least: int, fewest: int, limit: int, budget: int
) -> IntArray:
    """Dynamic program over sites; state: sites used so far and units spent so far.

    With ``limit = 0`` the number of sites cannot bind and is not counted.
    """
    n = values.shape[0]
    one = 1 if limit > 0 else 0
    cost = np.full((limit + 1, budget + 1), np.inf)
    cost[0, 0] = 0.0
    taken = np.zeros((n, limit + 1, budget + 1), dtype=np.int32)
    for i in range(n):
        # Downwards in both, so that what is read has not seen this site yet.
        for used in range(min(i, limit - one), -1, -1):
            for spent in range(budget - least, -1, -1):
                base = cost[used, spent]
                if base == np.inf:
                    continue
                for m in range(least, min(most[i], budget - spent) + 1):
                    total = base + values[i, m]
                    if total < cost[used + one, spent + m]:
                        cost[used + one, spent + m] = total
                        taken[i, used + one, spent + m] = m
    best_used, best_spent = fewest, 0
    for used in range(fewest, limit + 1):
        for spent in range(budget + 1):
            if cost[used, spent] < cost[best_used, best_spent]:
                best_used, best_spent = used, spent
    units = np.zeros(n, dtype=np.int64)
    used, spent = best_used, best_spent
    for i in range(n - 1, -1, -1):
        m = taken[i, used, spent]
        if m > 0:
            units[i] = m
            used -= one
            spent -= m
    return units
