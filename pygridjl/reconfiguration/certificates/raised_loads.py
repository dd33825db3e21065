"""A linear problem whose loss lies below the AC loss of the same tree, by as little as possible.

Where buses only consume, the AC flows of a tree exceed its lossless ones and its voltages fall
below those that lossless flows would give. Keeping both effects to first order and replacing
squares of voltage drops by tangents leaves a linear problem with larger loads, minus a constant:
whatever proves a bound for linear losses then proves one for AC losses. The derivation stands in
``docs/theory/reconfiguration-ac.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from pygridjl.core.types import BoolArray, FloatArray
from pygridjl.graphs.forest import path_sums, rooted_forest, subtree_sums
from pygridjl.powerflow.sweep import sweep_data
from pygridjl.reconfiguration.problem import RadialProblem

__all__ = ["RaisedLoads", "raised_loads"]

# Ratios x / r and shares of the cross term among which the best is taken.
N_RATIOS = 21
SHARES = np.linspace(-0.6, 0.9, 16)


@dataclass(frozen=True, eq=False)
class RaisedLoads:
    """A lower bound on AC losses as a linear problem.

    Attributes
    ----------
    problem : RadialProblem
        The same graph with other loads and resistances; only its linear model has a meaning.
    offset : float
        For every tree, the AC loss is at least the linear loss in ``problem`` minus this, p.u.
    """

    problem: RadialProblem
    offset: float

    def bound(self, linear_loss: float) -> float:
        """AC loss that a linear loss of ``problem`` proves; both kW."""
        return linear_loss - self.offset * self.problem.kw


def raised_loads(problem: RadialProblem, closed: BoolArray) -> RaisedLoads:
    """Build the bound that is best at one tree.

    Parameters
    ----------
    problem : RadialProblem
        A problem in which nothing injects and branches are series impedances (not checked here).
    closed : ndarray of bool, shape (m,)
        A spanning tree; the bound holds for all trees and is tightest for those whose voltages
        are like those of this one.

    Returns
    -------
    RaisedLoads
        The bound. O(n) for each of some hundred choices of its parameters.
    """
    plan = _Plan(problem, closed)
    best = max(plan.choices(), key=plan.value)
    return plan.build(best)


@dataclass(frozen=True, eq=False)
class _Choice:
    """Parameters of one bound.

    ``ratio`` is κ and ``weight`` holds r' = min(r, x / κ); ``extra`` are the loads m T̂ that are
    added ``step`` times to p and ``ratio`` times that to q, ``most`` is M, ``offset`` 2 Σ m T̂².
    """

    ratio: float
    weight: FloatArray
    extra: FloatArray
    most: float
    offset: float

    @property
    def step(self) -> float:
        """The largest t with (1 + t u)² ≤ 1 + 4 u for all u up to M."""
        return float((np.sqrt(1 + 4 * self.most) - 1) / self.most) if self.most > 0 else 2.0


class _Plan:
    """What all choices of parameters share."""

    def __init__(self, problem: RadialProblem, closed: BoolArray) -> None:
        self.problem = problem
        roots = problem.roots
        # In units of the highest source voltage every voltage is at most 1.
        top = float(sweep_data(problem.network, roots).root_voltage[roots].max()) ** 2
        branches = problem.network.branches
        self.r = problem.weight / top
        self.loss_r = branches.loss_r[problem.branch] / top
        self.x = branches.x[problem.branch] / top
        self.forest = rooted_forest(problem.graph, closed, np.array([problem.root]))
        self.below = self.forest.order[1:]
        self.edge = self.forest.edge[self.below]
        self.p, self.q = np.maximum(-problem.p, 0.0), np.maximum(-problem.q, 0.0)
        self.p[problem.root] = self.q[problem.root] = 0.0
        # What raising the weight of branches without resistance adds at most.
        self.lifted = float((self.r - self.loss_r).sum())

    def choices(self) -> Iterator[_Choice]:
        """All parameters to try; the plain linear model is always among them."""
        series = (self.x > 0) & (self.loss_r > 0)
        ratio = self.x[series] / self.loss_r[series]
        some: list[float] = []
        if ratio.size:
            some = np.quantile(ratio, np.linspace(0, 1, N_RATIOS)).tolist()
        for kappa in np.unique([0.0, *some]):
            weight = np.minimum(self.loss_r, self.x / kappa) if kappa > 0 else self.loss_r
            along = self.p + kappa * self.q
            across = self.q - kappa * self.p
            drop = self._drop(weight, along)
            for share in SHARES:
                m = ((1 - share**2) * along + 2 * share * across) / (1 + kappa**2)
                # A tangent bounds a square from below only where its factor is not negative.
                if (m >= 0).all():
                    yield self._choice(float(kappa), weight, along, m * (along > 0), drop)

    def _choice(
        self, kappa: float, weight: FloatArray, along: FloatArray, m: FloatArray, drop: FloatArray
    ) -> _Choice:
        extra = m * drop
        some = along > 0
        most = float((extra[some] / along[some]).max(initial=0.0)) * (1 + kappa**2)
        return _Choice(kappa, weight, extra, most, 2 * float(extra @ drop))

    def value(self, choice: _Choice) -> float:
        """Bound on the AC loss of the reference tree, p.u."""
        p, q = self._loads(choice)
        flow = subtree_sums(self.forest, p)[self.below], subtree_sums(self.forest, q)[self.below]
        weight = self._resistance(choice)[self.edge]
        return float(weight @ (flow[0] ** 2 + flow[1] ** 2)) - self._offset(choice)

    def build(self, choice: _Choice) -> RaisedLoads:
        p, q = self._loads(choice)
        root = self.problem.root
        p[root], q[root] = -p.sum(), -q.sum()
        raised = replace(self.problem, weight=self._resistance(choice), p=-p, q=-q)
        return RaisedLoads(raised, self._offset(choice))

    def _loads(self, choice: _Choice) -> tuple[FloatArray, FloatArray]:
        more = choice.step * choice.extra
        return self.p + more, self.q + choice.ratio * more

    def _resistance(self, choice: _Choice) -> FloatArray:
        """Weight of |s'|² that r |s|² + 4 r' σ ω is never below, also where r' < r."""
        four = 4 * choice.most
        weight: FloatArray = (self.r + four * choice.weight) / (1 + four)
        return weight

    def _offset(self, choice: _Choice) -> float:
        p, q = self._loads(choice)
        return choice.offset + self.lifted * float(p.sum() ** 2 + q.sum() ** 2)

    def _drop(self, weight: FloatArray, load: FloatArray) -> FloatArray:
        """Sum of weight times flow over the path to each node of the reference tree."""
        step = np.zeros(self.problem.n)
        step[self.below] = weight[self.edge] * subtree_sums(self.forest, load)[self.below]
        return path_sums(self.forest, step)
