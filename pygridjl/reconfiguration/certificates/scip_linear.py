"""SCIP certificate of the linear model: a mixed-integer second-order cone program."""

from __future__ import annotations

import numpy as np

from pygridjl.core.errors import SolverError
from pygridjl.core.jit import working_time
from pygridjl.core.stopping import is_over, seconds_left
from pygridjl.core.types import BoolArray
from pygridjl.reconfiguration.certificates.certificate import Certificate
from pygridjl.reconfiguration.certificates.common import (
    PROOF_TOLERANCE,
    assert_options,
    conclude,
)
from pygridjl.reconfiguration.certificates.formulation import MeshFormulation, formulate
from pygridjl.reconfiguration.certificates.scip_mesh import add_mesh, mesh_columns, mesh_start
from pygridjl.reconfiguration.heuristics.trees import minimum_spanning_tree
from pygridjl.reconfiguration.problem import RadialProblem
from pygridjl.solvers.scip import ScipModel

__all__ = ["scip_linear"]

# In units of (incumbent − electrical bound), as in the HiGHS certificate: where to stop, and
# what a bound is lowered by to cover SCIP's tolerance on the cones.
GAP = 2e-7
MARGIN = 5e-7


def scip_linear(
    problem: RadialProblem,
    incumbent: BoolArray | None = None,
    *,
    time_limit: float | None = None,
) -> Certificate:
    """Bound the linear loss by SCIP, with the losses as rotated second-order cones.

    Parameters
    ----------
    problem : RadialProblem
        The problem.
    incumbent : ndarray of bool, shape (m,), optional
        A good configuration; it tightens the model and is the start solution.
    time_limit : float, optional
        Seconds; without it SCIP runs until the proof.

    Returns
    -------
    Certificate
        ``bound`` is SCIP's dual bound.

    Raises
    ------
    InvalidOptionError
        If an option cannot be used.
    SolverError
        If SCIP gives an answer that cannot be trusted.
    """
    start = working_time()
    assert_options(problem, incumbent, time_limit)
    deadline = start + (np.inf if time_limit is None else time_limit)
    tree = minimum_spanning_tree(problem)
    best = (tree if incumbent is None else incumbent).copy()
    bound, nodes = -np.inf, 0
    while bound < (1 - PROOF_TOLERANCE) * problem.objective(best):
        form = formulate(problem, tree, problem.objective(best))
        if form is None:
            bound = problem.objective(best)
            break
        found, value, more = _solve(form, best, deadline)
        bound, nodes = max(bound, form.offset + form.unit * value), nodes + more
        if found is None:
            break
        best = found
        # SCIP's tolerances are relative to the incumbent's excess: a better one narrows them.
        if is_over(deadline):
            break
    return conclude(problem, best, bound, nodes, start, "scip_linear", "SCIP")


def _solve(
    form: MeshFormulation, best: BoolArray, deadline: float
) -> tuple[BoolArray | None, float, int]:
    """Run SCIP; returns a configuration better than the incumbent, bound in units, nodes."""
    model = _model(form)
    ways = form.owner.size
    model.set_start(mesh_start(form, best))
    answer = model.solve(time_limit=seconds_left(deadline), gap=GAP)
    # The loss of the electrical flow is a bound before SCIP has any.
    value = max(min(answer.bound, 1.0) - MARGIN, 0.0)
    if answer.x is None:
        return None, value, answer.nodes
    closed = form.closed(answer.x[:ways] > 0.5)
    if not form.problem.is_spanning_tree(closed):
        raise SolverError("SCIP: the opened branches do not leave a spanning tree")
    better = form.problem.objective(closed) < form.problem.objective(best)
    return closed if better else None, value, answer.nodes


def _model(form: MeshFormulation) -> ScipModel:
    """Columns of :func:`mesh_columns` alone, the loss as objective."""
    lower, upper, binary = mesh_columns(form)
    cost = np.concatenate([form.cost, np.zeros(3 * form.share.size), form.share])
    model = ScipModel(np.pad(cost, (0, form.share.size)), lower, upper, binary)
    add_mesh(model, form, 0)
    return model
