"""What differs for many load states: the answer's AC limits, base state, check and table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.linalg import splu

from pygridjl.core.errors import PowerFlowError, SolverError
from pygridjl.core.types import BoolArray, FloatArray
from pygridjl.powerflow.newton import newton_power_flow
from pygridjl.reconfiguration.ac.descent import ac_descent
from pygridjl.reconfiguration.ac.evaluate import AcEvaluator
from pygridjl.reconfiguration.base_state import BaseState
from pygridjl.reconfiguration.problem import RadialProblem
from pygridjl.reconfiguration.states.evaluate import StatesEvaluator
from pygridjl.reconfiguration.states.moments import StateProblem
from pygridjl.reconfiguration.states.table import StateLosses

__all__ = [
    "base_over_states",
    "base_tree_or_none",
    "check_states",
    "losses_by_state",
    "repaired",
    "single_state",
]

# States whose AC limits the repair works on before it gives up.
REPAIRS = 3
# Largest relative disagreement with the independent check that is rounding.
CHECK_TOLERANCE = 1e-6


def single_state(case: StateProblem, state: int) -> RadialProblem:
    """Return the problem of one of the states."""
    states = case.states
    network = states.network_of(case.problem.network, (states.p[state], states.q[state]))
    return replace(case.problem, network=network, p=case.p[state], q=case.q[state], columns=None)


def repaired(
    evaluator: StatesEvaluator, trees: list[BoolArray], deadline: float
) -> list[BoolArray]:
    """Choose the best tree that keeps the limits in every state, or repair the first.

    Parameters
    ----------
    evaluator : StatesEvaluator
        Judge of the problem.
    trees : list of ndarray of bool, shape (m,)
        Spanning trees by rising expected loss.
    deadline : float
        Value of ``working_time()`` at which to stop repairing.

    Returns
    -------
    list of ndarray of bool, shape (m,)
        One tree that keeps the limits; if none was found, all that were looked at.
    """
    for closed in trees:
        if evaluator.keeps(closed):
            return [closed]
    found = [trees[0]]
    for _ in range(REPAIRS):
        problem = single_state(evaluator.case, evaluator.worst_state(found[-1]))
        closed = ac_descent(problem, found[-1], AcEvaluator(problem), deadline=deadline)
        if np.array_equal(closed, found[-1]):
            break
        found.append(closed)
        if evaluator.keeps(closed):
            return [closed]
    return found


def base_tree_or_none(problem: RadialProblem) -> BoolArray | None:
    """Return the switches as they stand, if that is radial."""
    closed = problem.edge_states(problem.network.branches.closed)
    return closed if problem.is_spanning_tree(closed) else None


def base_over_states(evaluator: StatesEvaluator) -> BaseState:
    """Return the expected losses of the switches as they stand."""
    closed = base_tree_or_none(evaluator.problem)
    if closed is None:
        return BaseState(None, None)
    loss = evaluator.rank(closed)[1]
    return BaseState(evaluator.case.objective(closed), loss if np.isfinite(loss) else None)


def losses_by_state(evaluator: StatesEvaluator, closed: BoolArray) -> StateLosses:
    """Return the table of an answer."""
    kw, states = evaluator.problem.kw, evaluator.case.states
    base = base_tree_or_none(evaluator.problem)
    found = evaluator.envelope(closed)
    return StateLosses(
        id=states.id,
        hours=states.hours,
        objective=evaluator.case.losses(closed),
        loss_kw=found.loss * kw,
        v_min=found.v_min,
        base_loss_kw=None if base is None else evaluator.envelope(base).loss * kw,
    )


def check_states(evaluator: StatesEvaluator, closed: BoolArray, objective: float) -> None:
    """Compare an answer with code that shares none with the methods.

    The expected linear loss comes from the incidence equations of all states, the AC losses from
    Newton's method in the state of largest loss and in that of lowest voltage.

    Raises
    ------
    SolverError
        If they disagree.
    """
    case = evaluator.case
    theirs = _expected_loss(case, closed)
    _compare("expected loss", objective, theirs)
    found = evaluator.envelope(closed)
    solved = np.isfinite(found.loss)
    if not solved.any():
        return
    largest = int(np.argmax(np.where(solved, found.loss, -np.inf)))
    for state in {largest, int(np.nanargmin(found.v_min))}:
        problem = single_state(case, state)
        try:
            flow = newton_power_flow(problem.network, problem.branch_states(closed), problem.roots)
        except PowerFlowError as error:
            raise SolverError(
                f"the independent check finds no power flow in state {case.states.id[state]}: "
                f"{error}"
            ) from None
        _compare(
            f"AC losses in state {case.states.id[state]}",
            float(found.loss[state]) * problem.kw,
            flow.loss_kw,
        )


def _compare(name: str, ours: float, theirs: float) -> None:
    if abs(ours - theirs) > CHECK_TOLERANCE * max(abs(theirs), 1.0):
        raise SolverError(
            f"the independent check disagrees on the {name}: {ours:.9g} kW against {theirs:.9g} kW"
        )


def _expected_loss(case: StateProblem, closed: BoolArray) -> float:
    """Σ_s w_s Σ_e r (p² + q²) from the incidence equations, kW."""
    problem, edges = case.problem, np.flatnonzero(closed)
    rows = np.concatenate([problem.tail[edges], problem.head[edges]])
    columns = np.tile(np.arange(edges.size), 2)
    signs = np.repeat([1.0, -1.0], edges.size)
    incidence = coo_array((signs, (rows, columns)), shape=(problem.n, edges.size)).tocsr()
    away = np.delete(np.arange(problem.n), problem.root)
    inverse: FloatArray = splu(incidence[away].tocsc()).solve(np.eye(away.size))
    total = 0.0
    root = np.sqrt(case.states.share)[:, None]
    for injection in (root * case.p[:, away], root * case.q[:, away]):
        # Σ_s w_s f_e² over the states, from their second moments as the data give them.
        moments = injection.T @ injection
        squares = ((inverse @ moments) * inverse).sum(axis=1)
        total += float(problem.weight[edges] @ squares)
    return total * problem.kw
