"""HiGHS certificate: the linear model by mixed-integer linear programs and tangents."""

from __future__ import annotations

import numpy as np
from scipy.sparse import block_array, coo_array, csr_array

from pygridjl.core.errors import SolverError
from pygridjl.core.jit import working_time
from pygridjl.core.stopping import is_over, seconds_left
from pygridjl.core.types import BoolArray, FloatArray
from pygridjl.reconfiguration.certificates.certificate import Certificate
from pygridjl.reconfiguration.certificates.common import assert_options, conclude
from pygridjl.reconfiguration.certificates.formulation import MeshFormulation, formulate
from pygridjl.reconfiguration.heuristics.trees import minimum_spanning_tree
from pygridjl.reconfiguration.problem import RadialProblem
from pygridjl.solvers.linear import LinearModel

__all__ = ["highs_outer_approximation"]

# In units of (incumbent − electrical bound): when to stop, and what a bound is lowered by to
# cover the tolerances of the solver.
GAP = 1e-6
MARGIN = 1e-7
FEASIBILITY = 1e-9
ROOT_ROUNDS = 50
ROOT_PROGRESS = 1e-4


def highs_outer_approximation(
    problem: RadialProblem,
    incumbent: BoolArray | None = None,
    *,
    time_limit: float | None = None,
) -> Certificate:
    """Bound the linear loss by HiGHS, which solves no mixed-integer quadratic programs.

    The quadratic losses are replaced by tangents of their perspective, first at the optima of
    the continuous relaxation, then at every configuration found, until bound and incumbent meet.

    Parameters
    ----------
    problem : RadialProblem
        The problem.
    incumbent : ndarray of bool, shape (m,), optional
        A good configuration; it tightens the model.
    time_limit : float, optional
        Seconds; without it the loop runs until the proof.

    Returns
    -------
    Certificate
        ``bound`` is the largest dual bound of all rounds.

    Raises
    ------
    InvalidOptionError
        If an option cannot be used.
    SolverError
        If HiGHS gives an answer that cannot be trusted.
    """
    start = working_time()
    assert_options(problem, incumbent, time_limit)
    deadline = start + (np.inf if time_limit is None else time_limit)
    tree = minimum_spanning_tree(problem)
    best = (tree if incumbent is None else incumbent).copy()
    form = formulate(problem, tree, problem.objective(best))
    bound, nodes = problem.objective(best), 0
    if form is not None:
        best, value, nodes = _approximate(form, best, deadline)
        bound = form.offset + form.unit * (value - MARGIN)
    return conclude(problem, best, bound, nodes, start, "highs_outer_approximation", "HiGHS")


def _approximate(
    form: MeshFormulation, best: BoolArray, deadline: float
) -> tuple[BoolArray, float, int]:
    """Loop until bound and incumbent meet; returns incumbent, bound in units, nodes."""
    from pygridjl.solvers.highs import HighsModel

    problem = form.problem
    points = [form.columns(best)]
    bound, nodes = _root(form, points, deadline), 0
    model = HighsModel(_model(form, integer=True), gap=GAP / 10, feasibility=FEASIBILITY)
    for point in points:
        model.add_rows(*_tangents(form, point))
    objective = 1.0
    seen: set[bytes] = set()
    while not is_over(deadline) and objective - bound > GAP:
        answer = model.solve(time_limit=seconds_left(deadline))
        nodes += answer.nodes
        # No configuration beats the incumbent when the model, which keeps it, has no solution.
        bound = max(bound, min(answer.bound, objective))
        if answer.x is None:
            break
        opened = answer.x[: form.owner.size] > 0.5
        closed = form.closed(opened)
        if not problem.is_spanning_tree(closed):
            raise SolverError("HiGHS: the opened branches do not leave a spanning tree")
        if closed.tobytes() in seen:
            break
        seen.add(closed.tobytes())
        value = (problem.objective(closed) - form.offset) / form.unit
        if value < objective:
            best, objective = closed, value
        model.add_rows(*_tangents(form, form.columns(closed)))
        model.add_rows(*_tangents(form, answer.x))
    return best, bound, nodes


def _root(form: MeshFormulation, points: list[FloatArray], deadline: float) -> float:
    """Tighten the continuous relaxation; appends the points whose tangents it needed."""
    from pygridjl.solvers.highs import HighsModel

    model = HighsModel(_model(form, integer=False))
    model.add_rows(*_tangents(form, points[0]))
    bound = 0.0
    for _ in range(ROOT_ROUNDS):
        if is_over(deadline):
            break
        answer = model.solve(time_limit=seconds_left(deadline))
        if answer.x is None:
            break
        points.append(answer.x)
        model.add_rows(*_tangents(form, answer.x))
        if answer.bound - bound < ROOT_PROGRESS * max(answer.bound, 1e-3):
            return max(bound, answer.bound)
        bound = max(bound, answer.bound)
    return bound


def _model(form: MeshFormulation, *, integer: bool) -> LinearModel:
    """Columns of the formulation and one loss t per super-edge."""
    size, ways = form.share.size, form.owner.size
    reach = np.concatenate([np.ones(2 * size), np.full(size, form.commodity)])
    empty = csr_array((form.lower.size, size))
    return LinearModel(
        cost=np.concatenate([form.cost, np.zeros(3 * size), np.ones(size)]),
        matrix=csr_array(block_array([[form.matrix, empty]])),
        row_lower=form.lower,
        row_upper=form.upper,
        col_lower=np.concatenate([np.zeros(ways), -reach, np.zeros(size)]),
        col_upper=np.concatenate([form.viable.astype(float), reach, np.full(size, np.inf)]),
        integer=np.arange(ways + 4 * size) < ways if integer else None,
    )


def _tangents(form: MeshFormulation, x: FloatArray) -> tuple[csr_array, FloatArray, FloatArray]:
    """Rows t_s ≥ ρ_s (2 a·w − |a|² z) at a = w / z of a point, for all super-edges with z > 0."""
    size, ways = form.share.size, form.owner.size
    z = 1.0 - np.bincount(form.owner, x[:ways], minlength=size)
    w = np.stack([x[ways : ways + size], x[ways + size : ways + 2 * size]], axis=1)
    used = np.flatnonzero((z > 1e-6) & (abs(w).max(axis=1) > 1e-9))
    a = w[used] / z[used, None]
    rho, square = form.share[used], (a**2).sum(axis=1)
    row = np.arange(used.size)
    place = np.full(size, -1)
    place[used] = row
    mine = np.flatnonzero(place[form.owner] >= 0)
    in_row = place[form.owner[mine]]
    rows = np.concatenate([row, row, row, in_row])
    columns = np.concatenate([ways + 3 * size + used, ways + used, ways + size + used, mine])
    values = np.concatenate(
        [np.ones(used.size), -2 * rho * a[:, 0], -2 * rho * a[:, 1], -(rho * square)[in_row]]
    )
    matrix = csr_array(coo_array((values, (rows, columns)), shape=(used.size, ways + 4 * size)))
    return matrix, -rho * square, np.full(used.size, np.inf)
