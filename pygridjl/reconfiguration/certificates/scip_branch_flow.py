"""SCIP certificate of the AC losses: the branch-flow relaxation with switches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pygridjl.core.errors import SolverError
from pygridjl.core.jit import working_time
from pygridjl.core.result import Status, relative_gap
from pygridjl.core.stopping import seconds_left
from pygridjl.core.types import BoolArray
from pygridjl.reconfiguration.ac.evaluate import AcEvaluator
from pygridjl.reconfiguration.certificates.branch_flow import BranchFlow
from pygridjl.reconfiguration.certificates.certificate import Certificate
from pygridjl.reconfiguration.certificates.common import (
    PROOF_TOLERANCE,
    assert_options,
    first_incumbent,
)
from pygridjl.reconfiguration.certificates.consumers import assert_series_impedances
from pygridjl.reconfiguration.heuristics.trees import minimum_spanning_tree
from pygridjl.reconfiguration.problem import RadialProblem
from pygridjl.solvers.status import SolverStatus

__all__ = ["scip_branch_flow"]

GAP = 2e-7
# What SCIP's dual bound is lowered by, relative to itself, to cover its tolerances.
MARGIN = 5e-7


def scip_branch_flow(
    problem: RadialProblem,
    incumbent: BoolArray | None = None,
    *,
    time_limit: float | None = None,
) -> Certificate:
    """Bound the AC losses by SCIP, with the limits of the problem as constraints.

    The branch-flow (DistFlow) equations with P² + Q² = v l relaxed to a second-order cone hold
    for every AC power flow of a radial configuration, so the optimum is at or below the true one;
    the configuration found is evaluated in AC.

    Parameters
    ----------
    problem : RadialProblem
        A ``substations`` problem with series impedances only (no charging, no transformer ratio).
    incumbent : ndarray of bool, shape (m,), optional
        A good configuration; it tightens the model and is the start solution. Ignored if it
        breaks a limit.
    time_limit : float, optional
        Seconds; without it SCIP runs until the proof.

    Returns
    -------
    Certificate
        Bound and objective are AC losses. Without voltage limits, voltages of 0.5 to 1.5 p.u. are
        assumed.

    Raises
    ------
    InvalidOptionError
        If the problem is of another kind or an option cannot be used.
    SolverError
        If SCIP gives an answer that cannot be trusted.

    References
    ----------
    Farivar and Low, "Branch flow model: relaxations and convexification", IEEE Transactions on
    Power Systems 28 (2013). Baran and Wu, "Network reconfiguration in distribution systems for
    loss reduction and load balancing", IEEE Transactions on Power Delivery 4 (1989).
    """
    start = working_time()
    assert_options(problem, incumbent, time_limit)
    assert_series_impedances(problem)
    deadline = start + (np.inf if time_limit is None else time_limit)
    evaluator = AcEvaluator(problem)
    tree = minimum_spanning_tree(problem)
    best = first_incumbent((incumbent, tree), lambda closed: evaluator.rank(closed)[0] == 0.0)
    loss = np.inf if best is None else evaluator.rank(best)[1]
    flow = BranchFlow(problem, tree, loss)
    if best is not None:
        flow.model.set_start(flow.start(best))
    answer = flow.model.solve(time_limit=seconds_left(deadline), gap=GAP)
    bound = max(answer.bound * (1 - MARGIN), 0.0)
    if answer.x is not None:
        closed = answer.x[flow.at.z] > 0.5
        if not problem.is_spanning_tree(closed):
            raise SolverError("SCIP: the opened branches do not leave a spanning tree")
        excess, found = evaluator.rank(closed)
        if excess == 0.0 and found < loss:
            best, loss = closed, found
    result = Certificate(
        bound=min(bound, loss),
        incumbent=best,
        objective=None if best is None else loss,
        status=Status.NOT_FOUND,
        nodes=answer.nodes,
        seconds=working_time() - start,
        method="scip_branch_flow",
        engine="SCIP",
        model="ac",
    )
    return replace(result, status=_status(result, answer.status))


def _status(result: Certificate, ended: SolverStatus) -> Status:
    if result.incumbent is None:
        return Status.INFEASIBLE if ended is SolverStatus.INFEASIBLE else Status.NOT_FOUND
    gap = relative_gap(result.objective, result.bound)
    if gap is not None and gap <= PROOF_TOLERANCE:
        return Status.OPTIMAL
    return Status.TIME_LIMIT if ended is SolverStatus.TIME_LIMIT else Status.FEASIBLE
