"""One door to the relaxations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pygridjl.core.arguments import check_time_limit
from pygridjl.core.errors import InvalidNetworkError, InvalidOptionError
from pygridjl.core.findings import Finding
from pygridjl.core.jit import working_time
from pygridjl.core.result import Status, Stopwatch, engine_versions
from pygridjl.core.stopping import is_answering, is_over, seconds_left
from pygridjl.grid.network import Network
from pygridjl.optimal_flow.forms.acp import ac_opf
from pygridjl.optimal_flow.problem import assert_solvable
from pygridjl.optimal_flow.relaxation.loops.flower import separate_flowers
from pygridjl.optimal_flow.relaxation.measures import (
    is_exact,
    loop_errors,
    pair_error,
    recover,
)
from pygridjl.optimal_flow.relaxation.methods import METHODS
from pygridjl.optimal_flow.relaxation.result import RelaxationResult
from pygridjl.optimal_flow.relaxation.root import RootAnswer, solve_root
from pygridjl.optimal_flow.relaxation.starts import soc
from pygridjl.optimal_flow.relaxation.state import Relaxation, Run
from pygridjl.optimal_flow.relaxation.steps import artificial_pairs
from pygridjl.solvers.status import SolverStatus

__all__ = ["relax"]

# Relative gap that counts as a proof of the AC value.
TOLERANCE = 1e-4
FLOWER_ROUNDS = 8
# Starts that a time limit may interrupt, and how many times the seconds of second-order cones they
# take at least: with less left they are not begun, since what is interrupted proves nothing.
SLOW, SLOW_FACTOR = ("qc", "sdp"), 5.0
# So with the local search, half of whose time goes into derivatives and cannot be interrupted.
SEARCH_FACTOR = 6.0


def relax(
    network: Network,
    method: str = "soc",
    *,
    ac_objective: float | None = None,
    search: bool = True,
    tolerance: float = TOLERANCE,
    time_limit: float | None = None,
    options: Mapping[str, Any] | None = None,
) -> RelaxationResult:
    """Bound the cost of every AC operating point of a network from below.

    Parameters
    ----------
    network : Network
        The network in its base state.
    method : str
        A start and steps, ``start[+step…]``: ``"soc"``, ``"qc"``, ``"sdp+lnc+minors"``,
        ``"soc+loops+obbt"``. See :data:`pygridjl.optimal_flow.relaxation.methods.METHODS`.
    ac_objective : float, optional
        Cost of a known AC operating point.
    search : bool
        Whether a local search looks for one if none is given.
    tolerance : float
        Relative gap at which the AC value counts as proven and tightening stops.
    time_limit : float, optional
        Seconds of the whole call; the best safe bound found until then is returned. Second-order
        cones are solved first, then, since other relaxations prove nothing before they are solved.
        Where little is left afterwards, the local search or the relaxation is not begun.
    options : mapping, optional
        Options of the methods in the chain.

    Returns
    -------
    RelaxationResult
        Bound, gap, loop errors. Numerical trouble of a solver is a status, not an exception.

    Raises
    ------
    InvalidNetworkError
        If the data are not sound, or costs are not convex.
    InvalidOptionError
        If a method or option is unknown.

    Examples
    --------
    >>> import pygridjl
    >>> result = pygridjl.relax(pygridjl.load_network("case9"), "soc", search=False)
    >>> 5290 < result.bound < 5296.69
    True
    """
    chain = METHODS.parse(method)
    chosen = METHODS.options_of(chain, options or {})
    check_time_limit(time_limit)
    if not (np.isfinite(tolerance) and tolerance > 0):
        raise InvalidOptionError(f"tolerance: must be a positive number, is {tolerance!r}")
    if ac_objective is not None and not np.isfinite(ac_objective):
        raise InvalidOptionError(f"ac_objective: must be a finite number, is {ac_objective!r}")
    if chain.start is None:
        raise InvalidOptionError(f"method: {str(chain)!r} must follow a start such as 'sdp'")
    _assert_relaxable(network)
    watch = Stopwatch()
    begun = working_time()
    deadline = np.inf if time_limit is None else begun + time_limit
    notes: list[str] = []
    run = Run(begun, deadline, ac_objective, tolerance)
    search = search and ac_objective is None
    slow, quick = chain.start.name in SLOW, 0.0
    if (time_limit is not None or is_answering()) and (slow or search):
        with watch.phase("solve"):
            relaxation, answer = _quick_bound(network, run)
        quick = answer.seconds
        if run.bound == np.inf:
            return _result(network, str(chain), relaxation, run, answer, watch, notes)
    if search:
        with watch.phase("ac"):
            run.target = _local_cost(network, run, quick, notes)
    if slow and seconds_left(deadline) < SLOW_FACTOR * quick:
        run.late = True
        notes.append(f"{chain.start.name} was not begun, too little time was left: this is soc's")
        return _result(network, str(chain), relaxation, run, answer, watch, notes)
    with watch.phase("build"):
        relaxation = chain.start.load()(network, artificial_pairs(network, chosen))
        for step, own in zip(chain.steps, chosen[1:], strict=False):
            step.load()(relaxation, own)
    with watch.phase("solve"):
        answer = solve_root(
            relaxation.compile(), relaxation.box, deadline=deadline, target=run.target
        )
        run.better(str(chain), answer.bound, working_time())
        if relaxation.flowers:
            answer = _with_flowers(relaxation, run, answer)
    if chain.finish is not None and answer.bound < np.inf:
        with watch.phase("tighten"):
            answer = chain.finish.load()(relaxation, chosen[-1], run, answer)
    return _result(network, str(chain), relaxation, run, answer, watch, notes)


def _quick_bound(network: Network, run: Run) -> tuple[Relaxation, RootAnswer]:
    """Bound by second-order cones first: an interrupted interior-point method proves nothing."""
    relaxation = soc(network, None)
    answer = solve_root(
        relaxation.compile(), relaxation.box, deadline=run.deadline, target=run.target
    )
    run.better("soc", answer.bound, working_time())
    return relaxation, answer


def _local_cost(network: Network, run: Run, quick: float, notes: list[str]) -> float | None:
    """Cost of an AC operating point, if one is found; ``quick`` are the cones' seconds."""
    left = seconds_left(run.deadline)
    if left < SEARCH_FACTOR * quick:
        notes.append("no time was left for the local search: there is no gap")
        return None
    local = ac_opf(network, time_limit=left)
    out_of_time = local.status is Status.TIME_LIMIT
    if local.objective is None:
        within = " within the time" if out_of_time else ""
        notes.append(f"the local search found no AC operating point{within}: there is no gap")
    elif out_of_time:
        notes.append("the local search was out of time: its AC operating point is not its best")
    return local.objective


def _with_flowers(relaxation: Relaxation, run: Run, answer: RootAnswer) -> RootAnswer:
    """Separate flower inequalities in rounds."""
    for number in range(1, FLOWER_ROUNDS + 1):
        if is_over(run.deadline) or answer.bound == np.inf:
            break
        added = separate_flowers(relaxation.program, relaxation.monomials, answer.x, run.deadline)
        if not added:
            break
        answer = solve_root(
            relaxation.compile(), relaxation.box, deadline=run.deadline, target=run.target
        )
        run.better(f"flowers {number}: {added} rows", answer.bound, working_time())
    return answer


def _assert_relaxable(network: Network) -> None:
    assert_solvable(network)
    unit, bus = network.generators, network.buses
    findings = []
    concave = unit.in_service & (unit.cost[:, 0] < 0)
    if concave.any():
        names = tuple(unit.id[concave].tolist())
        findings.append(Finding("generator", names, "cost", "c2 is negative: not convex"))
    loose = ~np.isfinite(bus.v_max)
    if loose.any():
        names = tuple(bus.id[loose].tolist())
        text = "must be finite: a relaxation has no bound without it"
        findings.append(Finding("bus", names, "v_max", text))
    if findings:
        raise InvalidNetworkError(network.name, tuple(findings))


def _result(
    network: Network,
    method: str,
    relaxation: Relaxation,
    run: Run,
    answer: RootAnswer,
    watch: Stopwatch,
    notes: list[str],
) -> RelaxationResult:
    lifted = relaxation.lifted
    point = relaxation.point(answer.x)
    infeasible = run.bound == np.inf
    shown = not infeasible and bool(np.isfinite(answer.x).all()) and answer.residual < 1e-3
    errors = loop_errors(lifted, relaxation.cycles, *point)
    vm, va = recover(lifted, *point)
    if not shown:
        vm, va = np.full_like(vm, np.nan), np.full_like(va, np.nan)
    pg, qg = np.zeros(len(network.generators)), np.zeros(len(network.generators))
    if shown:
        pg[lifted.units] = answer.x[relaxation.program["p"]]
        qg[lifted.units] = answer.x[relaxation.program["q"]]
    bound = run.bound if np.isfinite(run.bound) else None
    return RelaxationResult(
        network=network.name,
        method=method,
        status=_status(answer, run, infeasible, shown),
        objective=answer.objective if shown else None,
        bound=bound,
        ac_objective=run.target,
        tolerance=run.tolerance,
        loop_error=errors.complex_norm if shown else None,
        loop_error_real=errors.real_norm if shown else None,
        loop_errors=np.column_stack([errors.values.real, errors.values.imag]),
        loop_lengths=errors.lengths,
        pair_error=pair_error(lifted, *point) if shown else None,
        exact=shown and is_exact(lifted, relaxation.cycles, point),
        bus=network.buses.id,
        vm=vm,
        va=va,
        pg=pg,
        qg=qg,
        rounds=tuple(run.rounds),
        notes=(*notes, *relaxation.notes),
        seconds=watch.seconds,
        versions=engine_versions("clarabel"),
    )


def _status(answer: RootAnswer, run: Run, infeasible: bool, shown: bool) -> Status:
    if infeasible:
        return Status.INFEASIBLE
    if not np.isfinite(run.bound):
        late = answer.status is SolverStatus.TIME_LIMIT
        return Status.TIME_LIMIT if late else Status.NOT_FOUND
    if run.late and not run.closed:
        return Status.TIME_LIMIT
    if answer.agreed:
        return Status.OPTIMAL
    if answer.status is SolverStatus.TIME_LIMIT:
        return Status.TIME_LIMIT
    return Status.FEASIBLE if shown else Status.NOT_FOUND
