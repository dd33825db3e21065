"""Separable convex functions over a first stage whose sites have prices of their own."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array, hstack, vstack

from pygridjl.core.errors import SolverError
from pygridjl.core.types import FloatArray, IntArray
from pygridjl.siting.first_stage.rows import first_stage_rows
from pygridjl.siting.problem import PlanningProblem
from pygridjl.solvers.highs import HighsModel
from pygridjl.solvers.linear import LinearModel
from pygridjl.solvers.status import SolverStatus

__all__ = ["allocate_money"]


def allocate_money(problem: PlanningProblem, slopes: FloatArray) -> IntArray:
    """Minimise Σ_i V_i(n_i) subject to (38)–(40), exactly, by HiGHS.

    The units of a site are a sum of pieces, one a run of equal slopes. Slopes do not fall, so that
    the cheapest pieces fill first by themselves.

    Parameters
    ----------
    problem : PlanningProblem
        The problem.
    slopes : ndarray, shape (n_site, width)
        As for :func:`~pygridjl.siting.first_stage.allocation.allocate`; infinite beyond what a
        site holds.

    Returns
    -------
    ndarray of int, shape (n_site,)
        The decision.

    Raises
    ------
    SolverError
        If HiGHS fails.
    """
    n = problem.n_site
    begins = np.ones(slopes.shape, dtype=np.bool_)
    begins[:, 1:] = slopes[:, 1:] > slopes[:, :-1]
    site, first = np.nonzero(begins & np.isfinite(slopes))
    slope = slopes[site, first]
    ends = np.append(site[1:], n) != site
    holds = np.isfinite(slopes).sum(axis=1)
    length = np.where(ends, holds[site], np.append(first[1:], 0)) - first
    stage = first_stage_rows(problem)
    rows = stage.row_lower.size
    pieces = csr_array((-np.ones(site.size), (site, np.arange(site.size))), shape=(n, site.size))
    whole = hstack(
        [csr_array((np.ones(n), (np.arange(n), np.arange(n))), shape=(n, 2 * n)), pieces]
    )
    matrix = vstack([hstack([stage.matrix, csr_array((rows, site.size))]), whole])
    model = LinearModel(
        cost=np.concatenate([np.zeros(2 * n), slope]),
        matrix=csr_array(matrix),
        row_lower=np.concatenate([stage.row_lower, np.zeros(n)]),
        row_upper=np.concatenate([stage.row_upper, np.zeros(n)]),
        col_lower=np.zeros(2 * n + site.size),
        col_upper=np.concatenate([stage.col_upper, length.astype(np.float64)]),
        integer=np.arange(2 * n + site.size) < 2 * n,
    )
    answer = HighsModel(model, gap=0.0).solve()
    if answer.status is not SolverStatus.OPTIMAL or answer.x is None:
        raise SolverError(f"HiGHS: allocation ended with status {answer.status.value!r}")
    return np.rint(answer.x[:n]).astype(np.int64)
