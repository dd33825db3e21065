"""The first stage with the learned functions in place of the expectation, (13)–(18)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import numpy as np
from scipy.sparse import coo_array, csr_array

from pygridjl.core.errors import InvalidOptionError, SolverError
from pygridjl.core.types import BoolArray, FloatArray, IntArray
from pygridjl.siting.first_stage.allocation import allocate
from pygridjl.siting.first_stage.rows import first_stage_rows
from pygridjl.siting.methods.spar.slopes import coordinate_values
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.registry import MasterKind
from pygridjl.siting.second_stage.protocol import FeasibilityCut
from pygridjl.solvers.highs import HighsModel
from pygridjl.solvers.linear import LinearModel
from pygridjl.solvers.status import SolverStatus

__all__ = ["epigraph_master", "lambda_master", "solve_master"]


def solve_master(
    problem: PlanningProblem,
    slopes: FloatArray,
    cuts: Sequence[FeasibilityCut] = (),
    kind: MasterKind = "auto",
) -> IntArray | None:
    """Minimise the learned functions over the first stage.

    Parameters
    ----------
    problem : PlanningProblem
        The problem.
    slopes : ndarray, shape (n_site, site_limit + 1)
        Learned slopes; rows nondecreasing.
    cuts : sequence of FeasibilityCut
        Rows (18).
    kind : {"auto", "epigraph", "lambda"}
        ``"epigraph"`` and ``"lambda"`` are the mixed-integer programs of the paper, solved by
        HiGHS. ``"auto"`` takes the exact allocation
        (:func:`~pygridjl.siting.first_stage.allocation.allocate`) as long as there are no cuts,
        else the epigraph program.

    Returns
    -------
    ndarray of int, shape (n_site,), or None
        The decision; None if the cuts leave none.

    Raises
    ------
    SolverError
        If HiGHS fails.
    InvalidOptionError
        If ``kind`` is unknown.
    """
    if kind not in get_args(MasterKind):
        raise InvalidOptionError(f"master must be 'auto', 'epigraph' or 'lambda', not {kind!r}")
    if kind == "auto" and not cuts:
        return allocate(problem, slopes)
    build = lambda_master if kind == "lambda" else epigraph_master
    model, units = build(problem, slopes, cuts)
    answer = HighsModel(model).solve()
    if answer.status is SolverStatus.INFEASIBLE:
        return None
    if answer.status is not SolverStatus.OPTIMAL or answer.x is None:
        raise SolverError(f"HiGHS: master ended with status {answer.status.value!r}")
    return np.rint(answer.x[units]).astype(np.int64)


class _Rows:
    """Rows of a sparse matrix, gathered block by block."""

    def __init__(self) -> None:
        self._parts: list[tuple[IntArray, IntArray, FloatArray]] = []
        self._bounds: list[tuple[FloatArray, FloatArray]] = []
        self.n_row = 0

    def add(
        self, row: IntArray, col: IntArray, value: FloatArray, lower: FloatArray, upper: FloatArray
    ) -> None:
        """Add a block; ``row`` counts from the first row of the block."""
        self._parts.append((row + self.n_row, col, value))
        self._bounds.append((lower, upper))
        self.n_row += lower.size

    def add_one(self, col: IntArray, value: FloatArray, lower: float, upper: float) -> None:
        """Add one row."""
        self.add(np.zeros_like(col), col, value, np.array([lower]), np.array([upper]))

    def matrix(self, n_col: int) -> csr_array:
        """Return all rows."""
        row, col, value = (np.concatenate(part) for part in zip(*self._parts, strict=True))
        return csr_array(coo_array((value, (row, col)), shape=(self.n_row, n_col)))

    def bounds(self) -> tuple[FloatArray, FloatArray]:
        """Return lower and upper bounds of all rows."""
        lower, upper = (np.concatenate(part) for part in zip(*self._bounds, strict=True))
        return lower, upper


def _first_stage_rows(
    rows: _Rows,
    problem: PlanningProblem,
    cuts: Sequence[FeasibilityCut],
    units: IntArray,
    used: IntArray,
) -> None:
    """Append (38)–(40) and (18) on the columns of units and of sites used."""
    first = first_stage_rows(problem)
    entries = coo_array(first.matrix)
    columns = np.concatenate([units, used])
    rows.add(entries.row, columns[entries.col], entries.data, first.row_lower, first.row_upper)
    for cut in cuts:
        # Scaled to one, because a ray has no scale of its own and tolerances are absolute.
        scale = max(float(np.abs(cut.coefficient).max()), np.finfo(float).tiny)
        there = np.flatnonzero(cut.coefficient)
        if there.size == 0:
            scale, there = max(abs(cut.constant), np.finfo(float).tiny), np.arange(1)
        rows.add_one(units[there], cut.coefficient[there] / scale, -np.inf, -cut.constant / scale)


def epigraph_master(
    problem: PlanningProblem, slopes: FloatArray, cuts: Sequence[FeasibilityCut] = ()
) -> tuple[LinearModel, IntArray]:
    """Build (16)–(17): one variable above each learned function, one row for each *distinct* slope.

    Parameters
    ----------
    problem, slopes, cuts
        As for :func:`solve_master`.

    Returns
    -------
    model : LinearModel
        Columns: units, sites used, functions.
    units : ndarray of int, shape (n_site,)
        Columns of the units.
    """
    n, cap = problem.n_site, problem.site_limit
    inner = slopes[:, :cap]
    values = coordinate_values(slopes[:, : cap + 1])
    # A run of equal slopes is one affine piece; its first breakpoint stands for it.
    fresh = np.ones(inner.shape, dtype=np.bool_)
    fresh[:, 1:] = inner[:, 1:] > inner[:, :-1]
    site, k = np.nonzero(fresh)
    slope = inner[site, k]
    units, used, above = np.arange(n), np.arange(n, 2 * n), np.arange(2 * n, 3 * n)
    rows = _Rows()
    row = np.arange(site.size)
    rows.add(
        np.concatenate([row, row]),
        np.concatenate([above[site], units[site]]),
        np.concatenate([np.ones(site.size), -slope]),
        values[site, k] - slope * k,
        np.full(site.size, np.inf),
    )
    _first_stage_rows(rows, problem, cuts, units, used)
    lower, upper = rows.bounds()
    return (
        LinearModel(
            cost=np.concatenate([np.zeros(2 * n), np.ones(n)]),
            matrix=rows.matrix(3 * n),
            row_lower=lower,
            row_upper=upper,
            col_lower=np.concatenate([np.zeros(2 * n), values.min(axis=1)]),
            col_upper=np.concatenate([np.full(n, float(cap)), np.ones(n), np.full(n, np.inf)]),
            integer=_mask(3 * n, 2 * n),
        ),
        units,
    )


def lambda_master(
    problem: PlanningProblem, slopes: FloatArray, cuts: Sequence[FeasibilityCut] = ()
) -> tuple[LinearModel, IntArray]:
    """Build (13)–(15): one binary for each breakpoint of each learned function.

    Parameters
    ----------
    problem, slopes, cuts
        As for :func:`solve_master`.

    Returns
    -------
    model : LinearModel
        Columns: units, sites used, breakpoints site by site; all integer.
    units : ndarray of int, shape (n_site,)
        Columns of the units.
    """
    n, cap = problem.n_site, problem.site_limit
    values = coordinate_values(slopes[:, : cap + 1])
    width = cap + 1
    units, used = np.arange(n), np.arange(n, 2 * n)
    point = 2 * n + np.arange(n * width)
    site, k = np.divmod(np.arange(n * width), width)
    rows = _Rows()
    rows.add(site, point, np.ones(n * width), np.ones(n), np.ones(n))
    rows.add(
        np.concatenate([np.arange(n), site]),
        np.concatenate([units, point]),
        np.concatenate([np.ones(n), -k.astype(np.float64)]),
        np.zeros(n),
        np.zeros(n),
    )
    _first_stage_rows(rows, problem, cuts, units, used)
    lower, upper = rows.bounds()
    n_col = 2 * n + n * width
    return (
        LinearModel(
            cost=np.concatenate([np.zeros(2 * n), values.ravel()]),
            matrix=rows.matrix(n_col),
            row_lower=lower,
            row_upper=upper,
            col_lower=np.zeros(n_col),
            col_upper=np.concatenate([np.full(n, float(cap)), np.ones(n + n * width)]),
            # Units would be integral by (15) alone, but HiGHS 1.15 was seen to lose the optimum
            # when it has to find that out by itself.
            integer=np.ones(n_col, dtype=np.bool_),
        ),
        units,
    )


def _mask(size: int, first: int) -> BoolArray:
    mask = np.zeros(size, dtype=np.bool_)
    mask[:first] = True
    return mask
