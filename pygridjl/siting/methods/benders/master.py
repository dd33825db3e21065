"""The first stage with planes below the expectation in place of the second.

The relaxation needs no columns for the sites used: with at most c_i units at site i they can be
chosen if Σ n_i / c_i ≤ K_max. How many units a decision below a target can have somewhere is a
linear program over the planes; such caps c_i, far below L, are what makes the number of sites
count in the relaxation.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csc_array, csr_array, eye_array, hstack, vstack

from pygridjl.core.jit import working_time
from pygridjl.core.stopping import seconds_left
from pygridjl.core.types import FloatArray, IntArray
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.first_stage.rows import budget_row, first_stage_rows
from pygridjl.siting.least import least_objective
from pygridjl.siting.methods.benders.neighbours import best_neighbour
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.second_stage.protocol import FeasibilityCut, SecondStageBatch
from pygridjl.solvers.conic import Cone, ConicModel, solve_conic
from pygridjl.solvers.highs import HighsModel
from pygridjl.solvers.linear import LinearModel
from pygridjl.solvers.status import SolverStatus

__all__ = ["Master"]


# Sites that a projection considers beside those of its centre.
PROJECTED = 250


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
        self._floor = least_objective(problem, scenarios, groups)
        self._first = first_stage_rows(problem)
        self._slopes = np.zeros((0, problem.n_site))
        self._of = np.zeros(0, dtype=np.int64)
        self._levels = np.zeros(0)
        self._relaxation: HighsModel | None = None
        self._cap = problem.site_limits.astype(np.float64)
        self._open = np.ones(problem.n_site, dtype=np.bool_)
        self._rate = np.zeros(problem.n_site)
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
        counts = weight[used]
        if self._problem.risk is not None:
            counts = self._problem.risk.weights(counts, batch.value[used])
        share = csr_array(
            (counts, (self._groups[used], np.arange(used.size))),
            shape=(self._n_group, used.size),
        )
        kept = np.flatnonzero(np.bincount(self._groups[used], minlength=self._n_group))
        slope = (share @ batch.gradient[used])[kept]
        value = (share @ batch.value[used])[kept]
        if self._scale == 0.0:
            steepest = float(-slope.sum(axis=0).min())
            possible = steepest * max(self._problem.budget_units, 1)
            # A value between costs and earnings says nothing about their size.
            size = np.inf if (self._floor < 0).any() else float(value.sum())
            self._scale = min(s for s in (possible, size, np.inf) if s > 0)
            self._scale = self._scale if np.isfinite(self._scale) else 1.0
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
            self._relaxation.add_rows(self._fractional(slopes, of), levels, free)

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
        """Lowest θ: what no decision can be below bounds a master without planes."""
        return (self._floor - self._origin) / (self._scale or 1.0)

    @property
    def floor(self) -> float:
        """What no decision can be below."""
        return float(self._floor.sum())

    def _value(self, theta: float) -> float:
        """Return the objective from what the programs minimise."""
        return theta * (self._scale or 1.0) + float(self._origin.sum())

    @property
    def n_group(self) -> int:
        """Number of groups of scenarios."""
        return self._n_group

    @property
    def cap(self) -> FloatArray:
        """Most units at each site that the programs consider, shape (n_site,)."""
        return self._cap

    def restrict(self, sites: IntArray | None) -> None:
        """Let the relaxation use some sites only, all if None; its value is then no bound."""
        self._open[:] = sites is None
        if sites is not None:
            self._open[sites] = True
        self._relaxation = None

    def drop_planes(self, units: FloatArray, most: int) -> None:
        """Forget planes that lie lowest at ``units`` if there are more than ``most``.

        Rows (18) stay, and so does what was proven with the planes.
        """
        if self._levels.size <= most:
            return
        height = self._levels - self._slopes @ units
        top = np.full(self._n_group, -np.inf)
        there = self._of >= 0
        np.maximum.at(top, self._of[there], height[there])
        below = np.where(there, top[self._of] - height, -np.inf)
        # The newest half is kept whatever it says.
        below[-(most // 2) :] = -np.inf
        kept = np.sort(np.argsort(below, kind="stable")[: 3 * most // 4])
        self._slopes, self._of, self._levels = (
            self._slopes[kept],
            self._of[kept],
            self._levels[kept],
        )
        self._relaxation = None

    def best_neighbour(self, units: IntArray) -> tuple[float, IntArray] | None:
        """Return the neighbour of a decision that the planes allow to be best, and how good."""
        found = best_neighbour(
            self._problem, units, self._slopes, self._levels, self._of, self._least
        )
        return None if found is None else (self._value(found[0]), found[1])

    # -------------------------------------------------------------------------------- programs
    def _model(self, target: float, sites: IntArray | None) -> LinearModel:
        first, n, n_group = self._first, self._n_site, self._n_group
        col_upper = np.concatenate([first.col_upper, np.full(n_group, np.inf)])
        col_upper[:n] = np.minimum(col_upper[:n], self._cap)
        if sites is not None:
            closed = np.setdiff1d(np.arange(n), sites)
            col_upper[closed] = col_upper[n + closed] = 0.0
        empty = csr_array((first.row_lower.size, n_group))
        matrix = first.matrix.copy()
        # The first rows are n_i ≤ L d_i.
        for k in range(n):
            row = slice(matrix.indptr[k], matrix.indptr[k + 1])
            matrix.data[row] = np.where(matrix.indices[row] == k, 1.0, -self._cap[k])
        total = csr_array(np.concatenate([np.zeros(2 * n), np.ones(n_group)])[None, :])
        n_plane = self._levels.size
        return LinearModel(
            cost=np.concatenate([np.zeros(2 * n), np.ones(n_group)]),
            matrix=csr_array(
                vstack(
                    [hstack([matrix, empty]), total, self._rows(self._slopes, self._of)],
                    format="csr",
                )
            ),
            row_lower=np.concatenate([first.row_lower, [-np.inf], self._levels]),
            row_upper=np.concatenate([first.row_upper, [target], np.full(n_plane, np.inf)]),
            col_lower=np.concatenate([np.zeros(2 * n), self._least]),
            col_upper=col_upper,
            integer=np.arange(2 * n + n_group) < 2 * n,
        )

    def _relaxed(self, target: float = np.inf) -> LinearModel:
        """Planes over fractions of units: columns n, θ; rows budget, sites, target, planes."""
        matrix, lower, upper = self._shape()
        n, n_group = self._n_site, self._n_group
        empty = csr_array((lower.size, n_group))
        total = csr_array(np.concatenate([np.zeros(n), np.ones(n_group)])[None, :])
        planes = self._fractional(self._slopes, self._of)
        return LinearModel(
            cost=np.concatenate([np.zeros(n), np.ones(n_group)]),
            matrix=csr_array(vstack([hstack([matrix, empty]), total, planes], format="csr")),
            row_lower=np.concatenate([lower, [-np.inf], self._levels]),
            row_upper=np.concatenate([upper, [target], np.full(self._levels.size, np.inf)]),
            col_lower=np.concatenate([np.zeros(n), self._least]),
            col_upper=np.concatenate([self._cap * self._open, np.full(n_group, np.inf)]),
        )

    def _shape(self) -> tuple[csr_array, FloatArray, FloatArray]:
        """Rows of the first stage on fractions of units, without the caps."""
        problem = self._problem
        open_ = self._cap > 0
        share = np.where(open_, 1.0 / np.where(open_, self._cap, 1.0), 0.0)
        weights, budget = budget_row(problem)
        least = float(problem.min_units * problem.min_sites)
        rows = [np.ones(self._n_site), share]
        lower = [least, -np.inf]
        upper = [float(problem.budget_units), float(problem.most_sites)]
        if not problem.same_price:
            rows, lower, upper = [*rows, weights], [*lower, -np.inf], [*upper, budget]
        return csr_array(np.vstack(rows)), np.array(lower), np.array(upper)

    def _fractional(self, slopes: FloatArray, of: IntArray) -> csr_array:
        n_row = slopes.shape[0]
        there = np.flatnonzero(of >= 0)
        theta = csr_array((np.ones(there.size), (there, of[there])), shape=(n_row, self._n_group))
        return csr_array(hstack([csr_array(slopes), theta]))

    def relax(self, time_limit: float) -> tuple[SolverStatus, float, FloatArray | None]:
        """Minimise over the planes with fractions of units; return a bound and those too."""
        if self._relaxation is None:
            self._relaxation = HighsModel(self._relaxed())
        answer = self._relaxation.solve(time_limit=time_limit)
        units = None if answer.x is None else np.maximum(answer.x[: self._n_site], 0.0)
        if answer.col_dual is not None:
            self._rate = answer.col_dual[: self._n_site]
        return answer.status, self._value(answer.bound), units

    def project(self, centre: FloatArray, level: float) -> FloatArray | None:
        """Return the fractions of units nearest to a point where the planes allow a level.

        Of many sites those take part that the point or the relaxation uses and those of least
        reduced cost there.

        Parameters
        ----------
        centre : ndarray, shape (n_site,)
            Units at each site.
        level : float
            Value that the planes must allow, at least the bound of the relaxation.

        Returns
        -------
        ndarray, shape (n_site,), or None
            None where Clarabel finds no accurate answer.
        """
        n_group = self._n_group
        matrix, lower, upper = self._shape()
        usable = self._open & (self._cap > 0)
        order = np.argsort(np.where(centre > 0, -np.inf, self._rate), kind="stable")
        part = np.sort(order[usable[order]][: max(PROJECTED, int((centre > 0).sum()))])
        n, matrix, cap = part.size, csr_array(matrix[:, part]), self._cap[part]
        one = eye_array(n, format="csr")
        zero = csr_array((n, n_group))
        room = (level - float(self._origin.sum())) / (self._scale or 1.0)
        total = csr_array(np.concatenate([np.zeros(n), np.ones(n_group)])[None, :])
        floor = csr_array(hstack([csr_array((n_group, n)), -eye_array(n_group)]))
        short = csr_array((1, n_group))
        rows = vstack(
            [
                -self._fractional(self._slopes[:, part], self._of),
                total,
                floor,
                hstack([matrix[1:], csr_array((upper.size - 1, n_group))]),
                hstack([matrix[[0]], short]),
                hstack([-matrix[[0]], short]),
                hstack([one, zero]),
                hstack([-one, zero]),
            ],
            format="csc",
        )
        right = np.concatenate(
            [
                -self._levels,
                [room],
                -self._least,
                upper[1:],
                upper[:1],
                -lower[:1],
                cap,
                np.zeros(n),
            ]
        )
        distance = csc_array(
            (np.ones(n), (np.arange(n), np.arange(n))), shape=(n + n_group, n + n_group)
        )
        model = ConicModel(
            cost=np.concatenate([-centre[part], np.zeros(n_group)]),
            matrix=csc_array(rows),
            rhs=right,
            cones=[Cone("nonnegative", right.size)],
            quadratic=distance,
        )
        # At a level no larger than the bound the answer may be a proof that it cannot be reached.
        with np.errstate(over="ignore", invalid="ignore"):
            answer = solve_conic(model)
        if answer.status not in (SolverStatus.OPTIMAL, SolverStatus.INACCURATE):
            return None
        point = np.zeros(self._n_site)
        point[part] = np.clip(answer.x[:n], 0.0, cap)
        return point

    def tighten(self, target: float, most: int, time_limit: float) -> bool:
        """Lower the caps to what a decision below ``target`` can have; whether one exists at all.

        Reduced costs of the relaxation come first; then the largest number of units at each of
        the ``most`` sites with most left is a linear program of its own.
        """
        deadline = working_time() + time_limit
        limit = (target - float(self._origin.sum())) / (self._scale or 1.0)
        model = HighsModel(self._relaxed(limit))
        answer = model.solve(time_limit=time_limit)
        if answer.status is SolverStatus.INFEASIBLE:
            return False
        if answer.x is None or answer.col_dual is None:
            return True
        n = self._n_site
        spare = limit - answer.bound
        rate = answer.col_dual[:n]
        idle = (answer.x[:n] <= 1e-9) & (rate > 1e-12)
        reach = np.full(n, np.inf)
        reach[idle] = spare / rate[idle]
        self._lower_caps(np.arange(n), reach)
        model.set_col_bounds(np.arange(n), np.zeros(n), self._cap)
        n_col = n + self._n_group
        model.set_cost(np.arange(n_col), np.zeros(n_col))
        for site in np.argsort(-self._cap, kind="stable")[:most].tolist():
            left = seconds_left(deadline)
            if left <= 0 or self._cap[site] <= 0:
                break
            at = np.array([site])
            model.set_cost(at, np.array([-1.0]))
            found = model.solve(time_limit=left)
            model.set_cost(at, np.array([0.0]))
            if found.status is SolverStatus.OPTIMAL:
                self._lower_caps(at, np.array([-found.bound]))
                model.set_col_bounds(at, np.zeros(1), self._cap[at])
        self._relaxation = None
        return True

    def _lower_caps(self, sites: IntArray, reach: FloatArray) -> None:
        """Round what can be reached down to whole units that a site may have."""
        # Tolerances of the linear program must not cost a unit.
        whole = np.floor(np.minimum(reach, self._cap[sites]) + 1e-4)
        self._cap[sites] = np.where(whole < self._problem.min_units, 0.0, whole)

    def solve(
        self, target: float, gap: float, time_limit: float, sites: IntArray | None = None
    ) -> tuple[SolverStatus, float, IntArray | None]:
        """Minimise over the planes below ``target`` to an absolute gap, at some sites only.

        Infeasible means that no decision (at these sites) is worth less than the target. Else a
        bound and the units found, if any, are returned too.
        """
        scale = self._scale or 1.0
        limit = (target - float(self._origin.sum())) / scale
        program = self._model(limit, sites)
        answer = HighsModel(program, gap=0.0, absolute_gap=gap / scale).solve(time_limit=time_limit)
        units = None
        if answer.x is not None:
            units = np.rint(answer.x[: self._n_site]).astype(np.int64)
        return answer.status, self._value(answer.bound), units
