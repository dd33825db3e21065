"""The first stage of every node of a tree, with planes below what each is worth."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.sparse import block_diag, coo_array, csr_array, hstack, vstack

from pygridjl.core.types import FloatArray
from pygridjl.siting.expansion.tree import StageTree
from pygridjl.siting.first_stage.rows import first_stage_rows
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.second_stage.protocol import ExpectedValue, FeasibilityCut
from pygridjl.solvers.highs import HighsModel, HighsSolution
from pygridjl.solvers.linear import LinearModel

__all__ = ["ExpansionProgram", "node_problem"]

HUNDREDTH = 0.01


def node_problem(problem: PlanningProblem, money: float) -> PlanningProblem:
    """Return the problem of one node: all that stands there was paid from what had come in."""
    return dataclasses.replace(problem, budget=money)


class ExpansionProgram:
    """Columns of node t: units standing there and sites used; then one θ a node above its planes.

    What stands stays: at no site may a node have fewer units than the one before it.

    Parameters
    ----------
    problem : PlanningProblem
        The problem.
    tree : StageTree
        The stages.
    floor : ndarray, shape (T,)
        What no decision can be below at each node.
    """

    def __init__(self, problem: PlanningProblem, tree: StageTree, floor: FloatArray) -> None:
        self._n, self._tree, self._floor = problem.n_site, tree, floor
        n, t = self._n, len(tree)
        blocks = [first_stage_rows(node_problem(problem, m)) for m in tree.money.tolist()]
        after = [k for k in range(t) if tree.parent[k] >= 0]
        row = np.arange(len(after) * n)
        node = np.repeat(after, n).astype(np.int64)
        before = np.repeat([tree.parent[k] for k in after], n).astype(np.int64)
        site = np.tile(np.arange(n), len(after))
        stays = coo_array(
            (
                np.concatenate([np.ones(row.size), -np.ones(row.size)]),
                (
                    np.concatenate([row, row]),
                    np.concatenate([2 * n * node + site, 2 * n * before + site]),
                ),
            ),
            shape=(row.size, 2 * n * t),
        )
        matrix = vstack([block_diag([block.matrix for block in blocks]), stays])
        columns = 2 * n * t
        unlimited = np.full(row.size, np.inf)
        self._model = LinearModel(
            cost=np.concatenate([np.zeros(columns), tree.weight]),
            matrix=csr_array(hstack([matrix, csr_array((matrix.shape[0], t))])),
            row_lower=np.concatenate([*(b.row_lower for b in blocks), np.zeros(row.size)]),
            row_upper=np.concatenate([*(b.row_upper for b in blocks), unlimited]),
            col_lower=np.concatenate([np.zeros(columns), floor]),
            col_upper=np.concatenate([*(b.col_upper for b in blocks), np.full(t, np.inf)]),
        )
        self._relaxed = HighsModel(self._model)
        self._planes: list[tuple[csr_array, float]] = []
        # One of the objective in the programs: a hundredth of the first value, so that the
        # solver's absolute tolerances are far below the gaps asked for.
        self._unit = 0.0

    def add_plane(self, node: int, units: FloatArray, found: ExpectedValue) -> None:
        """Add the supporting plane of what a node is worth at ``units``: θ − g·n ≥ v − g·units."""
        if not self._unit:
            self._measure_by(found)
        level = found.value - float(found.gradient @ units)
        self._add(node, -found.gradient / self._unit, 1.0, level / self._unit)

    def _measure_by(self, found: ExpectedValue) -> None:
        """Choose the unit, in which the least values of the nodes are bounds too."""
        size = abs(found.value)
        if (self._floor < 0).any():
            # A value between costs and earnings says nothing about their size.
            size = max(size, float(np.abs(found.gradient).max(initial=0.0)))
        self._unit = HUNDREDTH * size or 1.0
        theta = 2 * self._n * len(self._tree) + np.arange(len(self._tree))
        lower = self._floor / self._unit
        self._model.col_lower[theta] = lower
        self._relaxed.set_col_bounds(theta, lower, np.full(theta.size, np.inf))

    def add_cut(self, node: int, cut: FeasibilityCut) -> None:
        """Add (18) at a node."""
        scale = float(np.abs(cut.coefficient).max()) or 1.0
        self._add(node, -cut.coefficient / scale, 0.0, cut.constant / scale)

    def _add(self, node: int, slope: FloatArray, theta: float, level: float) -> None:
        begin = 2 * self._n * node
        used = np.flatnonzero(slope)
        column = np.append(begin + used, 2 * self._n * len(self._tree) + node)
        entry = np.append(slope[used], theta)
        row = csr_array(
            coo_array((entry, (np.zeros_like(column), column)), shape=(1, self._model.cost.size))
        )
        self._planes.append((row, level))
        self._relaxed.add_rows(row, np.array([level]), np.array([np.inf]))

    def bound(self, answer: HighsSolution) -> float:
        """Return the bound of an answer in the unit of the measure."""
        return answer.bound * (self._unit or 1.0)

    def relax(self, time_limit: float) -> HighsSolution:
        """Minimise with fractions of units."""
        return self._relaxed.solve(time_limit=time_limit)

    def solve(self, gap: float, time_limit: float) -> HighsSolution:
        """Minimise with whole units to an absolute gap in the unit of the measure."""
        levels = np.array([level for _, level in self._planes])
        model = dataclasses.replace(
            self._model,
            matrix=csr_array(vstack([self._model.matrix, *(row for row, _ in self._planes)])),
            row_lower=np.concatenate([self._model.row_lower, levels]),
            row_upper=np.concatenate([self._model.row_upper, np.full(levels.size, np.inf)]),
            integer=np.arange(self._model.cost.size) < 2 * self._n * len(self._tree),
        )
        return HighsModel(model, gap=0.0, absolute_gap=gap / (self._unit or 1.0)).solve(
            time_limit=time_limit
        )

    def units(self, x: FloatArray) -> FloatArray:
        """Return the units of a solution, shape (T, n_site)."""
        return np.maximum(x[: 2 * self._n * len(self._tree)].reshape(-1, 2, self._n)[:, 0], 0.0)
