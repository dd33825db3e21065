"""Decisions next to one, ranked by what the planes say of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pygridjl.core.types import BoolArray, FloatArray, IntArray
from pygridjl.siting.problem import PlanningProblem

__all__ = ["best_neighbour"]


def best_neighbour(
    problem: PlanningProblem,
    units: IntArray,
    slopes: FloatArray,
    levels: FloatArray,
    of: IntArray,
    least: FloatArray,
) -> tuple[float, IntArray] | None:
    """Find the neighbour of a decision for which the planes allow the least value.

    Neighbours move some units of one site (1, 2, 4, … or all of them) to another one, spend what
    is left of the budget at one, or take units away from one.

    Parameters
    ----------
    problem : PlanningProblem
        The problem.
    units : ndarray of int, shape (n_site,)
        A decision that keeps (38)–(40).
    slopes, levels, of : ndarrays, shapes (K, n_site), (K,), (K,)
        Rows ``slopes·n + θ_of ≥ levels``; without θ where ``of`` is −1.
    least : ndarray, shape (n_group,)
        Lower bounds of the θ.

    Returns
    -------
    (float, ndarray of int) or None
        The sum of the θ the planes demand, a lower bound at that neighbour, and the neighbour;
        None if no neighbour keeps all rows.
    """
    # Planes of one θ stand together, rows without θ come first.
    order = np.argsort(of, kind="stable")
    slopes, of = slopes[order], of[order]
    height = levels[order] - slopes @ units
    n_free = int((of < 0).sum())
    starts = n_free + np.flatnonzero(np.diff(of[n_free:], prepend=-1))
    there, rest = least[of[starts]], float(least.sum())
    rest -= float(there.sum())
    best: tuple[float, int, int, int] | None = None
    for source, target, moved in _moves(problem, units):
        taken = slopes[:, source] * moved if source >= 0 else np.zeros(height.size)
        after = np.empty((height.size, target.size))
        real = target >= 0
        after[:, real] = (height + taken)[:, None] - moved * slopes[:, target[real]]
        after[:, ~real] = (height + taken)[:, None]
        # Rows hold up to the tolerance of the solver that would be asked otherwise.
        kept = (after[:n_free] <= 1e-7).all(axis=0)
        if not kept.any():
            continue
        value = np.full(target.size, rest)
        if starts.size:
            height_of = np.maximum.reduceat(after, starts, axis=0)
            value += np.maximum(height_of, there[:, None]).sum(axis=0)
        value[~kept] = np.inf
        at = int(value.argmin())
        if best is None or value[at] < best[0]:
            best = float(value[at]), source, int(target[at]), moved
    if best is None:
        return None
    value_there, source, to, moved = best
    neighbour = units.copy()
    if source >= 0:
        neighbour[source] -= moved
    if to >= 0:
        neighbour[to] += moved
    return value_there, neighbour


def _moves(problem: PlanningProblem, units: IntArray) -> Iterator[tuple[int, IntArray, int]]:
    """Yield source, possible targets and number of units; −1 stands for none installed."""
    used = units > 0
    n_used, left = int(used.sum()), problem.budget_units - int(units.sum())
    prices = problem.unit_prices
    spare = problem.money - float(prices @ units)
    for source in (-1, *np.flatnonzero(used).tolist()):
        here = left if source < 0 else int(units[source])
        sizes = {here} if here > 0 else set()
        sizes.update(2**k for k in range(here.bit_length()) if 2**k < here)
        for moved in sorted(sizes):
            emptied = source >= 0 and moved == here
            if source >= 0 and not emptied and here - moved < problem.min_units:
                continue
            after = n_used - emptied
            allowed: BoolArray = units + moved <= problem.site_limits
            if not problem.same_price:
                freed = 0.0 if source < 0 else prices[source]
                allowed &= moved * (prices - freed) <= spare
            allowed &= used | (moved >= problem.min_units)
            allowed &= used | (after < problem.most_sites)
            # A site that closes must be replaced where the number of sites has come to its least.
            allowed &= ~used | (after >= problem.min_sites)
            if source >= 0:
                allowed[source] = False
            target = np.flatnonzero(allowed)
            if source >= 0 and after >= problem.min_sites:
                target = np.append(target, -1)
            if target.size:
                yield source, target, moved
