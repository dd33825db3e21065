"""From what a run collected to the answer: choose, check independently, say what is proven."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pygridjl.core.errors import SolverError
from pygridjl.core.result import Status, Stopwatch, engine_versions, relative_gap
from pygridjl.grid.network import Network
from pygridjl.reconfiguration.ac.evaluate import AcState
from pygridjl.reconfiguration.base_state import BaseState
from pygridjl.reconfiguration.check import check_configuration
from pygridjl.reconfiguration.problem import ProblemKind, RadialProblem
from pygridjl.reconfiguration.result import ReconfigurationResult
from pygridjl.reconfiguration.search_state import Run
from pygridjl.reconfiguration.states.evaluate import StatesEvaluator
from pygridjl.reconfiguration.states.finish import check_states, losses_by_state

__all__ = ["conclude", "impossible"]

# A proof is complete when bound and objective agree to this relative difference.
PROOF_TOLERANCE = 1e-6
# Largest relative disagreement of the sweep and of Newton's method that is rounding.
CHECK_TOLERANCE = 1e-6


def conclude(
    run: Run, base: BaseState, method: str, seed: int | None, *, certify: bool
) -> ReconfigurationResult:
    """Choose the answer, check it independently and say what is proven about it.

    Parameters
    ----------
    run : Run
        What was collected.
    base : BaseState
        Losses of the base state.
    method : str
        The method as asked for.
    seed : int or None
        Seed of the random parts.
    certify : bool
        Whether a proof was asked for.

    Returns
    -------
    ReconfigurationResult
        The answer.

    Raises
    ------
    SolverError
        If the independent check disagrees with the answer.
    """
    problem, network = run.problem, run.problem.network
    closed = run.best()
    if closed is None:
        return _nothing_found(run, base, method, seed)
    state = run.evaluator.state(closed)
    open_branches = problem.open_branches(closed)
    objective = run.objective(closed)
    by_state, skipped = None, ""
    with run.watch.phase("check"):
        if isinstance(run.evaluator, StatesEvaluator):
            check_states(run.evaluator, closed, objective - problem.switching_cost(closed))
            by_state = losses_by_state(run.evaluator, closed)
        else:
            loss = objective - problem.switching_cost(closed)
            skipped = _check(problem, open_branches, loss, state)
    has_ac = bool(np.isfinite(state.loss_kw))
    bound = run.bound if np.isfinite(run.bound) else None
    gap = relative_gap(objective, bound)
    reason = ""
    if state.violations:
        status = Status.INFEASIBLE if run.proven_infeasible else Status.NOT_FOUND
        reason = (
            "no configuration keeps the limits"
            if run.proven_infeasible
            else "no configuration that keeps the limits was found"
        )
        gap = None
        reason += _of_the_base(run)
    else:
        status = _status(run, gap, relative_gap(state.loss_kw, run.ac_bound), certify=certify)
    notes = list(run.notes)
    if skipped:
        notes.append(f"the independent check of the AC losses was skipped: {skipped}")
        # What nobody has looked at is not called optimal.
        status = Status.FEASIBLE if status is Status.OPTIMAL else status
    if bound is not None and bound > objective * (1 + PROOF_TOLERANCE) + PROOF_TOLERANCE:
        notes.append(
            f"a configuration that keeps the limits loses at least {bound:.3f} kW in the linear "
            "model: this one does not keep them"
        )
        bound = gap = None
    before = set(network.open_branches)
    return ReconfigurationResult(
        network=network.name,
        problem=problem.kind,
        method=method,
        status=status,
        open_branches=open_branches,
        switched_open=tuple(sorted(set(open_branches) - before)),
        switched_closed=tuple(sorted(before - set(open_branches))),
        objective=objective,
        bound=bound,
        bound_method=run.bound_method,
        gap=gap,
        loss_kw=state.loss_kw if has_ac else None,
        ac_bound=run.ac_bound,
        base_objective=base.objective,
        base_loss_kw=base.loss_kw,
        v_min=state.v_min if has_ac else None,
        v_min_bus=state.v_min_bus,
        violations=state.violations,
        by_state=by_state,
        reason=reason,
        seconds=run.watch.seconds,
        notes=tuple(notes),
        seed=seed,
        engine=run.engine,
        versions={**engine_versions("numpy", "scipy"), **run.versions},
        raw_status=run.raw_status,
        trace=run.trace,
    )


def _of_the_base(run: Run) -> str:
    """Say which limits the base state breaks too: no search can be blamed for them."""
    problem = run.problem
    today = problem.edge_states(problem.network.branches.closed)
    if isinstance(run.evaluator, StatesEvaluator) or not problem.is_spanning_tree(today):
        return ""
    broken = {violation.limit for violation in run.evaluator.state(today).violations}
    if not broken:
        return ""
    left = ", ".join(sorted(broken))
    kept = sorted(problem.limits - broken)
    flags = " ".join(f"--limit {name}" for name in kept) or "--limit none"
    return f"; the base state breaks {left} limits too, {flags} leaves them out"


def _status(run: Run, gap: float | None, ac_gap: float | None, *, certify: bool) -> Status:
    deciding = gap if run.ac_bound is None else ac_gap
    if deciding is not None and deciding <= PROOF_TOLERANCE:
        return Status.OPTIMAL
    if run.timed_out or ((certify or run.exact) and run.remaining <= 0):
        return Status.TIME_LIMIT
    return Status.FEASIBLE


def _check(
    problem: RadialProblem, open_branches: tuple[int, ...], objective: float, state: AcState
) -> str:
    """Compare the answer with the independent checker; a disagreement is a defect of ours.

    Returns why the AC losses could not be compared, or nothing.
    """
    report = check_configuration(problem.network, open_branches, problem.kind)
    findings = [str(f) for f in report.findings if f.field != "power flow"]
    if findings:
        raise SolverError(f"the independent check rejects the answer: {'; '.join(findings)}")
    pairs = [("objective", objective, report.objective)]
    if np.isfinite(state.loss_kw) and np.isfinite(report.loss_kw):
        pairs.append(("AC losses", state.loss_kw, report.loss_kw))
    for name, ours, theirs in pairs:
        if abs(ours - theirs) > CHECK_TOLERANCE * max(abs(theirs), 1.0):
            raise SolverError(
                f"the independent check disagrees on the {name}: {ours:.9g} kW against "
                f"{theirs:.9g} kW"
            )
    if np.isfinite(state.loss_kw) and not np.isfinite(report.loss_kw):
        why = [f.message for f in report.findings if f.field == "power flow"]
        return why[0] if why else "Newton's method finds no solution"
    return ""


def _nothing_found(
    run: Run, base: BaseState, method: str, seed: int | None
) -> ReconfigurationResult:
    """Answer of a method that ended without a tree; what was proven stays."""
    if run.proven_infeasible:
        status, reason = Status.INFEASIBLE, "no configuration needs so few operations"
    elif run.timed_out:
        status = Status.TIME_LIMIT
        reason = "the time limit came before there was a configuration"
    elif run.problem.switching is not None:
        status = Status.NOT_FOUND
        reason = "no configuration that needs so few operations was found"
    else:
        status, reason = Status.NOT_FOUND, "the solver gave up before there was a configuration"
    return replace(
        impossible(run.problem.network, run.problem.kind, method, base, reason, seed, run.watch),
        status=status,
        bound=run.bound if np.isfinite(run.bound) else None,
        bound_method=run.bound_method,
        notes=tuple(run.notes),
        engine=run.engine,
        versions={**engine_versions("numpy", "scipy"), **run.versions},
        raw_status=run.raw_status,
        trace=run.trace,
    )


def impossible(
    network: Network,
    problem: ProblemKind,
    method: str,
    base: BaseState,
    reason: str,
    seed: int | None,
    watch: Stopwatch,
) -> ReconfigurationResult:
    """Answer of a problem whose switch constraints exclude every tree.

    Parameters
    ----------
    network : Network
        The network.
    problem : {"substations", "balanced"}
        How its sources are read.
    method, base, seed
        As in :func:`conclude`.
    reason : str
        What excludes every tree.
    watch : Stopwatch
        Seconds by phase.

    Returns
    -------
    ReconfigurationResult
        With status ``infeasible``.
    """
    return ReconfigurationResult(
        network=network.name,
        problem=problem,
        method=method,
        status=Status.INFEASIBLE,
        open_branches=(),
        switched_open=(),
        switched_closed=(),
        objective=None,
        bound=None,
        bound_method="",
        gap=None,
        loss_kw=None,
        ac_bound=None,
        base_objective=base.objective,
        base_loss_kw=base.loss_kw,
        v_min=None,
        v_min_bus="",
        reason=reason,
        seconds=watch.seconds,
        seed=seed,
        versions=engine_versions("numpy", "scipy"),
    )
