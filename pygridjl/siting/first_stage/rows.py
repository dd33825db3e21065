"""The first stage (38)–(40) as rows, for the programs that contain it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array, diags_array, eye_array, hstack, vstack

from pygridjl.core.types import FloatArray
from pygridjl.siting.problem import PlanningProblem

__all__ = ["FirstStageRows", "budget_row", "first_stage_rows", "refilled"]


@dataclass(frozen=True, eq=False)
class FirstStageRows:
    """Rows on two integer columns a site: its units, and whether it is used.

    Attributes
    ----------
    matrix : csr_array, shape (2 n_site + 2, 2 n_site)
        Columns of the units before those of the sites used.
    row_lower, row_upper : ndarray
        Bounds of the rows.
    col_upper : ndarray, shape (2 n_site,)
        Upper bounds of the columns; the lower ones are 0.
    """

    matrix: csr_array
    row_lower: FloatArray
    row_upper: FloatArray
    col_upper: FloatArray


def budget_row(problem: PlanningProblem) -> tuple[FloatArray, float]:
    """Return (39) as a row of the units: its coefficients, shape (n_site,), and right-hand side.

    A number of units where all cost the same, which is sharper than the money; else money, in
    units of the dearest site.
    """
    dearest = float(problem.unit_prices.max(initial=0.0))
    if problem.same_price:
        return np.ones(problem.n_site), float(problem.budget_units)
    return problem.unit_prices / dearest, problem.budget / dearest


def refilled(problem: PlanningProblem, point: FloatArray, part: FloatArray) -> float:
    """Return the factor that lets a part of the units of a point spend as much as all of them."""
    weights, _ = budget_row(problem)
    spent = float(weights @ part)
    return float(weights @ point) / spent if spent > 0 else 1.0


def first_stage_rows(problem: PlanningProblem) -> FirstStageRows:
    """Build (38)–(40).

    Parameters
    ----------
    problem : PlanningProblem
        The problem, valid.

    Returns
    -------
    FirstStageRows
        Minimum and maximum size of each site, budget, number of sites.
    """
    n = problem.n_site
    weights, budget = budget_row(problem)
    limit = problem.site_limits.astype(np.float64)
    one, ones, zeros = eye_array(n), np.ones((1, n)), np.zeros((1, n))
    matrix = vstack(
        [
            hstack([one, diags_array(-limit)]),
            hstack([one, -float(problem.min_units) * one]),
            csr_array(np.hstack([weights[None, :], zeros])),
            csr_array(np.hstack([zeros, ones])),
        ],
        format="csr",
    )
    free = np.full(n, np.inf)
    return FirstStageRows(
        matrix=csr_array(matrix),
        row_lower=np.concatenate([-free, np.zeros(n), [0.0, float(problem.min_sites)]]),
        row_upper=np.concatenate([np.zeros(n), free, [budget, float(problem.most_sites)]]),
        col_upper=np.concatenate([limit, np.ones(n)]),
    )
