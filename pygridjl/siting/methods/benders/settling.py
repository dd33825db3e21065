"""From the fractions of the relaxation, at many sites, to whole units at few, step by step."""

from __future__ import annotations

import numpy as np

from pygridjl.core.types import FloatArray, IntArray
from pygridjl.siting.first_stage.rows import refilled
from pygridjl.siting.methods.benders.master import Master
from pygridjl.siting.problem import PlanningProblem
from pygridjl.solvers.status import SolverStatus

__all__ = ["Settling"]

# Times the number of sites that may be used, one stage after the other.
STAGES = (3.0, 2.0, 1.5, 1.2, 1.0)
# Points of a stage at most, and the part of the wanted gap at which it ends.
POINTS, SHARE = 6, 0.5


class Settling:
    """Keeps ever fewer sites, those with most units, and lets the rest adapt in between.

    Taking the largest sites at once, or asking the planes for few, ends far from the best: they
    were taken where all sites share the work. Each stage is a short level method of its own.

    Parameters
    ----------
    problem : PlanningProblem
        The problem.
    centre : ndarray, shape (n_site,)
        Fractions of units to begin with.
    """

    def __init__(self, problem: PlanningProblem, centre: FloatArray) -> None:
        self._problem, self._best = problem, centre
        n_used = int((centre > 0).sum())
        counts = (round(share * problem.most_sites) for share in STAGES)
        self._counts = [n for n in counts if n < n_used]
        self._value = np.inf
        self._points = POINTS
        self._rounded = False

    def next(self, master: Master, allowed: float, time_limit: float) -> FloatArray | None:
        """Return the next point to evaluate; None at the end."""
        if self._rounded:
            return None
        if self._points < POINTS:
            status, bound, units = master.relax(time_limit)
            if status is SolverStatus.OPTIMAL and self._value - bound > SHARE * allowed:
                self._points += 1
                if not np.isfinite(self._value):  # some scenario needs units elsewhere
                    return units
                point = master.project(self._best, bound + 0.5 * (self._value - bound))
                return units if point is None else point
        if self._counts:
            return self._fewer(master, self._counts.pop(0))
        self._rounded = True
        return self._whole().astype(np.float64)

    def tell(self, point: FloatArray, value: float) -> None:
        """Hear what a point is worth."""
        if value < self._value:
            self._best, self._value = point, value

    def _fewer(self, master: Master, count: int) -> FloatArray:
        kept = np.argsort(-self._best, kind="stable")[:count]
        kept = kept[self._best[kept] > 0]
        master.restrict(kept)
        point = np.zeros_like(self._best)
        point[kept] = self._best[kept]
        point *= refilled(self._problem, self._best, point)
        self._best, self._value, self._points = np.minimum(point, master.cap), np.inf, 0
        return self._best

    def _whole(self) -> IntArray:
        """Round, largest remainders up, within the budget and the least size of a site."""
        problem, best = self._problem, self._best
        units = np.floor(best + 1e-6).astype(np.int64)
        left = min(problem.budget_units, round(float(best.sum()))) - int(units.sum())
        order = np.argsort(units - best, kind="stable")
        for site in order[: max(left, 0)].tolist():
            units[site] += 1
            if not problem.same_price and not problem.affords(units):
                units[site] -= 1
        units[units < problem.min_units] = 0
        return np.minimum(units, problem.site_limits)
