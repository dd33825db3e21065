"""SCIP certificate of the linear model: a mixed-integer second-order cone program."""

from __future__ import annotations

import time

import numpy as np
from scipy.sparse import block_array, coo_array, csr_array

from pygridjl._types import BoolArray
from pygridjl.errors import SolverError
from pygridjl.reconfiguration.certificates.certificate import Certificate
from pygridjl.reconfiguration.certificates.formulation import MeshFormulation, formulate
from pygridjl.reconfiguration.certificates.incumbents import (
    PROOF_TOLERANCE,
    assert_options,
    conclude,
)
from pygridjl.reconfiguration.certificates.mesh import starting_tree
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
    start = time.perf_counter()
    assert_options(problem, incumbent, time_limit)
    deadline = start + (np.inf if time_limit is None else time_limit)
    tree = starting_tree(problem)
    best = (tree if incumbent is None else incumbent).copy()
    bound, nodes = -np.inf, 0
    while bound < (1 - PROOF_TOLERANCE) * problem.objective(best):
        form = formulate(problem, tree, best)
        if form is None:
            bound = problem.objective(best)
            break
        found, value, more = _solve(form, deadline)
        bound, nodes = max(bound, form.offset + form.unit * value), nodes + more
        if found is None:
            break
        best = found
        # SCIP's tolerances are relative to the incumbent's excess: a better one narrows them.
        if time.perf_counter() >= deadline:
            break
    return conclude(problem, best, bound, nodes, start, "scip_linear", "SCIP")


def _solve(form: MeshFormulation, deadline: float) -> tuple[BoolArray | None, float, int]:
    """Run SCIP; returns a configuration better than the incumbent, bound in units, nodes."""
    model = _model(form)
    ways = form.owner.size
    model.set_start(form.columns(form.incumbent), range(ways))
    answer = model.solve(time_limit=deadline - time.perf_counter(), gap=GAP)
    # The loss of the electrical flow is a bound before SCIP has any.
    value = max(min(answer.bound, 1.0) - MARGIN, 0.0)
    if answer.x is None:
        return None, value, answer.nodes
    closed = form.closed(answer.x[:ways] > 0.5)
    if not form.problem.is_spanning_tree(closed):
        raise SolverError("SCIP: the opened branches do not leave a spanning tree")
    better = form.problem.objective(closed) < form.problem.objective(form.incumbent)
    return closed if better else None, value, answer.nodes


def _model(form: MeshFormulation) -> ScipModel:
    """Columns of the formulation, then the loss t and the closed part z of each super-edge."""
    size, ways = form.share.size, form.owner.size
    reach = np.concatenate([np.ones(2 * size), np.full(size, form.commodity)])
    model = ScipModel(
        cost=np.concatenate([form.cost, np.zeros(3 * size), form.share, np.zeros(size)]),
        lower=np.concatenate([np.zeros(ways), -reach, np.zeros(2 * size)]),
        upper=np.concatenate([form.viable.astype(float), reach, np.ones(2 * size)]),
        binary=np.arange(ways + 5 * size) < ways,
    )
    model.add_rows(
        csr_array(block_array([[form.matrix, csr_array((form.lower.size, 2 * size))]])),
        form.lower,
        form.upper,
    )
    edge, z = np.arange(size), ways + 4 * size + np.arange(size)
    rows = np.concatenate([edge, form.owner])
    columns = np.concatenate([z, np.arange(ways)])
    complement = coo_array((np.ones(size + ways), (rows, columns)), shape=(size, ways + 5 * size))
    model.add_rows(csr_array(complement), np.ones(size), np.ones(size))
    for s in range(size):
        t = ways + 3 * size + s
        model.add_cone((ways + s, ways + size + s), t, t + size)
    return model
