"""The first stage with planes below the expectation in place of the second."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array, hstack, vstack

from pygridjl.core.types import FloatArray, IntArray
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.first_stage.rows import first_stage_rows
from pygridjl.siting.methods.benders.neighbours import best_neighbour
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.second_stage.protocol import FeasibilityCut, SecondStageBatch
from pygridjl.solvers.highs import HighsModel
from pygridjl.solvers.linear import LinearModel
from pygridjl.solvers.status import SolverStatus

__all__ = ["Master"]


class Master:
    """Planes and rows (18) so far, and the programs over them.

    Parameters
    ----------
    problem : PlanningProblem
        The problem.
    scenarios : ScenarioSet
        The scenarios.
    groups : ndarray of int, shape (S,)
        Group of each scenario, from 0; each has one column above its part of the expectation.
    """

    def __init__(self, problem: PlanningProblem, scenarios: ScenarioSet, groups: IntArray) -> None:
        self._problem, self._n_site, self._groups = problem, problem.n_site, groups
        self._n_group = int(groups.max()) + 1
        self._weight = scenarios.probability
        self._first = first_stage_rows(problem)
        self._slopes = np.zeros((0, problem.n_site))
        self._of = np.zeros(0, dtype=np.int64)
        self._levels = np.zeros(0)
        self._relaxation: HighsModel | None = None
        # Counted from the first plane and divided by what units may change at most the objective
        # is about one, where the solver's absolute tolerances are small.
        self._origin, self._scale = np.zeros(self._n_group), 0.0

    # --------------------------------------------------------------------------------- planes
    def add_planes(self, units: FloatArray, batch: SecondStageBatch) -> None:
        """Add the supporting plane at ``units`` of each group without infeasible scenario."""
        weight, counted = self._weight, self._weight > 0
        lost = np.zeros(self._n_group, dtype=np.bool_)
        lost[self._groups[counted & ~batch.optimal]] = True
        used = np.flatnonzero(counted & ~lost[self._groups])
        if used.size == 0:
            return
        share = csr_array(
            (weight[used], (self._groups[used], np.arange(used.size))),
            shape=(self._n_group, used.size),
        )
        kept = np.flatnonzero(np.bincount(self._groups[used], minlength=self._n_group))
        slope = (share @ batch.gradient[used])[kept]
        value = (share @ batch.value[used])[kept]
        if self._scale == 0.0:
            steepest = float(-slope.sum(axis=0).min())
            possible = steepest * max(self._problem.budget_units, 1)
            self._scale = min(possible, float(value.sum())) or 1.0
            self._origin[kept] = value
            # A relaxation of rows (18) alone was built before, on another scale.
            self._relaxation = None
        level = value - slope @ units - self._origin[kept]
        self._append(-slope / self._scale, kept, level / self._scale)

    def add_cut(self, cut: FeasibilityCut) -> bool:
        """Add (18); False if no decision keeps it."""
        scale = float(np.abs(cut.coefficient).max())
        if scale <= 1e-9 * abs(cut.constant):
            return False
        # A ray has no scale of its own and tolerances are absolute.
        row = -cut.coefficient[None, :] / scale
        self._append(row, np.array([-1]), np.array([cut.constant / scale]))
        return True

    def _append(self, slopes: FloatArray, of: IntArray, levels: FloatArray) -> None:
        """Add rows slopes·n + θ_of ≥ levels; no θ where ``of`` is −1."""
        self._slopes = np.vstack([self._slopes, slopes])
        self._of = np.concatenate([self._of, of])
        self._levels = np.concatenate([self._levels, levels])
        if self._relaxation is not None:
            free = np.full(levels.size, np.inf)
            self._relaxation.add_rows(self._rows(slopes, of), levels, free)

    def _rows(self, slopes: FloatArray, of: IntArray) -> csr_array:
        n_row = slopes.shape[0]
        there = np.flatnonzero(of >= 0)
        theta = csr_array((np.ones(there.size), (there, of[there])), shape=(n_row, self._n_group))
        return csr_array(hstack([csr_array(slopes), csr_array((n_row, self._n_site)), theta]))

    def below(self, units: FloatArray) -> float:
        """Return the largest value at ``units`` that the planes prove."""
        height = self._levels - self._slopes @ units
        best = self._least
        there = self._of >= 0
        np.maximum.at(best, self._of[there], height[there])
        return self._value(float(best.sum()))

    @property
    def _least(self) -> FloatArray:
        """Lowest θ: neither objective can be negative, which bounds a master without planes."""
        return -self._origin / (self._scale or 1.0)

    def _value(self, theta: float) -> float:
        """Return the objective from what the programs minimise."""
        return theta * (self._scale or 1.0) + float(self._origin.sum())

    def best_neighbour(self, units: IntArray) -> tuple[float, IntArray] | None:
        """Return the neighbour of a decision that the planes allow to be best, and how good."""
        found = best_neighbour(
            self._problem, units, self._slopes, self._levels, self._of, self._least
        )
        return None if found is None else (self._value(found[0]), found[1])

    # -------------------------------------------------------------------------------- programs
    def _model(
        self, *, integer: bool, target: float = np.inf, sites: IntArray | None = None
    ) -> LinearModel:
        first, n, n_group = self._first, self._n_site, self._n_group
        col_upper = np.concatenate([first.col_upper, np.full(n_group, np.inf)])
        if sites is not None:
            closed = np.setdiff1d(np.arange(n), sites)
            col_upper[closed] = col_upper[n + closed] = 0.0
        empty = csr_array((first.row_lower.size, n_group))
        total = csr_array(np.concatenate([np.zeros(2 * n), np.ones(n_group)])[None, :])
        n_plane = self._levels.size
        return LinearModel(
            cost=np.concatenate([np.zeros(2 * n), np.ones(n_group)]),
            matrix=csr_array(
                vstack(
                    [hstack([first.matrix, empty]), total, self._rows(self._slopes, self._of)],
                    format="csr",
                )
            ),
            row_lower=np.concatenate([first.row_lower, [-np.inf], self._levels]),
            row_upper=np.concatenate([first.row_upper, [target], np.full(n_plane, np.inf)]),
            col_lower=np.concatenate([np.zeros(2 * n), self._least]),
            col_upper=col_upper,
            integer=np.arange(2 * n + n_group) < 2 * n if integer else None,
        )

    def relax(self, time_limit: float) -> tuple[SolverStatus, float, FloatArray | None]:
        """Minimise over the planes with fractions of units; return a bound and those too."""
        if self._relaxation is None:
            self._relaxation = HighsModel(self._model(integer=False))
        answer = self._relaxation.solve(time_limit=time_limit)
        units = None if answer.x is None else np.maximum(answer.x[: self._n_site], 0.0)
        return answer.status, self._value(answer.bound), units

    def solve(
        self, target: float, gap: float, time_limit: float, sites: IntArray | None = None
    ) -> tuple[SolverStatus, float, IntArray | None]:
        """Minimise over the planes below ``target`` to an absolute gap, at some sites only.

        Infeasible means that no decision (at these sites) is worth less than the target. Else a
        bound and the units found, if any, are returned too.
        """
        scale = self._scale or 1.0
        limit = (target - float(self._origin.sum())) / scale
        program = self._model(integer=True, target=limit, sites=sites)
        answer = HighsModel(program, gap=0.0, absolute_gap=gap / scale).solve(time_limit=time_limit)
        units = None
        if answer.x is not None:
            units = np.rint(answer.x[: self._n_site]).astype(np.int64)
        return answer.status, self._value(answer.bound), units
