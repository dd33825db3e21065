"""The door to restoration."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, NamedTuple, get_args

import numpy as np

from pygridjl.core.arguments import seconds_allowed
from pygridjl.core.errors import InvalidOptionError, SolverError
from pygridjl.core.jit import working_time
from pygridjl.core.result import Status, Stopwatch
from pygridjl.core.stopping import hold, is_over, seconds_left
from pygridjl.core.types import BoolArray
from pygridjl.grid.network import Network
from pygridjl.reconfiguration.ac.evaluate import AcEvaluator
from pygridjl.reconfiguration.build import build_problem
from pygridjl.reconfiguration.certificates.consumers import (
    assert_series_impedances,
    injecting_part,
)
from pygridjl.reconfiguration.problem import Limit
from pygridjl.reconfiguration.restoration.few import full_supply
from pygridjl.reconfiguration.restoration.first import first_answer
from pygridjl.reconfiguration.restoration.judge import Judge, Live
from pygridjl.reconfiguration.restoration.model import RestorationModel
from pygridjl.reconfiguration.restoration.result import RestorationResult
from pygridjl.solvers.status import SolverStatus

if TYPE_CHECKING:
    from pygridjl.solvers.highs import HighsModel

__all__ = ["restore"]

GAP = 1e-7
# Load that fewer operations may cost: rounding.
LOAD_TOLERANCE = 1e-6
# Share of the time that trying few operations may take: an answer that keeps the limits comes
# before the proof that none needs fewer operations, which the program has, too.
ENUMERATED = 0.4


def restore(
    network: Network,
    fault: int,
    *,
    limits: Collection[Limit] | None = None,
    time_limit: float | None = None,
) -> RestorationResult:
    """Supply as much load as possible after a fault, with the fewest operations.

    Parameters
    ----------
    network : Network
        The network; its base state is today's. All that is marked switchable may be switched, in
        the healthy part too.
    fault : int
        Id of the branch that is out and isolated.
    limits : collection of {"voltage", "ampacity", "capacity"}, optional
        Limits to keep in AC; all by default.
    time_limit : float, optional
        Seconds, 60 unless given; infinity for no limit.

    Returns
    -------
    RestorationResult
        Most load first, then fewest operations; both with proven bounds. Buses that stay dark
        keep their switches.

    Raises
    ------
    InvalidOptionError
        If the branch is unknown or open, or the bounds cannot hold: something injects, or a branch
        has charging or a transformer ratio.

    Notes
    -----
    Full restoration by one and by three operations is tried exhaustively in AC. If there is none,
    or a good part of the time has gone, a mixed-integer program on lossless flows and linear
    voltages, which relax the limits in AC, decides; configurations that break a limit in AC are
    cut off one by one.

    Examples
    --------
    >>> import pygridjl
    >>> result = pygridjl.restore(pygridjl.load_network("case33bw"), fault=18, limits=())
    >>> print(result.status, result.operations, f"{result.lost_kw:.0f} kW dark")
    optimal 1 0 kW dark
    """
    start = working_time()
    deadline = start + seconds_allowed(time_limit)
    chosen = frozenset(get_args(Limit) if limits is None else limits)
    problem = build_problem(network, limits=chosen)
    rows = np.flatnonzero(network.branches.id == fault)
    if not rows.size:
        raise InvalidOptionError(f"fault: network {network.name!r} has no branch {fault!r}")
    if not network.branches.closed[rows[0]]:
        raise InvalidOptionError(f"fault: branch {fault} is open: nothing loses its supply")
    assert_series_impedances(problem)
    injecting = injecting_part(problem)
    if injecting:
        raise InvalidOptionError(f"restore: bounds need consumers only, but {injecting}")
    watch = Stopwatch()
    usable = network.branches.switchable | network.branches.closed
    usable[rows[0]] = False
    model = RestorationModel(network, chosen, np.flatnonzero(usable))
    judge = Judge(AcEvaluator(problem))
    today = network.branches.closed.copy()
    today[rows[0]] = False
    total = float(network.load_p.sum()) * problem.kw
    with watch.phase("enumerate"):
        until = working_time() + ENUMERATED * seconds_left(deadline)
        quick = full_supply(network, fault, chosen, until)
    found: BoolArray | None
    if quick is not None:
        found, bound, fewest, proven = quick.states, total, quick.operations, True
    else:
        with watch.phase("start"):
            first = first_answer(network, fault, chosen, usable, judge, deadline)
        if first is not None:
            ids = network.branches.id
            hold(
                objective=judge.look(first).load,
                bound=total,
                switched_open=ids[today & ~first].tolist(),
                switched_closed=ids[~today & first].tolist(),
            )
        with watch.phase("program"):
            found, bound, fewest, proven = _solve(model, judge, first, deadline)
    lost_by_fault = total - judge.look(today).load
    if found is None:
        status = Status.TIME_LIMIT if is_over(deadline) else Status.NOT_FOUND
        return RestorationResult(
            network.name, fault, status, None, None, None, lost_by_fault, None, None,
            (), (), (), None, None, watch.seconds,
        )  # fmt: skip
    live = judge.look(found)
    ids = network.branches.id
    opened = tuple(int(i) for i in ids[today & ~found])
    closed = tuple(int(i) for i in ids[~today & found])
    return RestorationResult(
        network=network.name,
        fault=fault,
        status=Status.OPTIMAL if proven else Status.TIME_LIMIT,
        objective=live.load,
        bound=max(bound, live.load),
        lost_kw=total - live.load,
        lost_by_fault_kw=lost_by_fault,
        operations=len(opened) + len(closed),
        operations_bound=min(fewest, len(opened) + len(closed)),
        switched_open=opened,
        switched_closed=closed,
        dark_buses=tuple(str(i) for i in network.buses.id[~live.reached]),
        loss_kw=live.loss,
        v_min=live.v_min,
        seconds=watch.seconds,
    )


class _Found(NamedTuple):
    """States, proven bound on the program's objective, and whether it was reached."""

    states: BoolArray | None
    bound: float
    reached: bool


def _solve(
    model: RestorationModel, judge: Judge, first: BoolArray | None, deadline: float
) -> tuple[BoolArray | None, float, int, bool]:
    """Find most load, then fewest operations, from a first answer on.

    Returns the states, a bound on the load in kW, one on the operations, whether both are reached.
    """
    from pygridjl.solvers.highs import HighsModel

    program, load = model.build(), model.load_row()
    highs = HighsModel(program, gap=GAP)
    columns = np.arange(program.cost.size)
    total = max(float(model.loads().sum()), 1e-9)
    if first is not None and judge.look(first).load >= total * (1 - LOAD_TOLERANCE):
        most = _Found(first, -1.0, True)
    else:
        highs.set_cost(columns, -load.toarray()[0] / total)
        most = _loop(model, judge, highs, first, deadline)
    if most.states is None:
        return None, min(-most.bound * total, total), 0, False
    floor = judge.look(most.states).load * (1 - LOAD_TOLERANCE)
    highs.add_rows(load, np.array([floor]), np.array([np.inf]))
    highs.set_cost(columns, model.operation_cost())
    fewest = _loop(model, judge, highs, most.states, deadline)
    states = most.states if fewest.states is None else fewest.states
    least = max(int(np.ceil(fewest.bound - 1e-6)), 0) if np.isfinite(fewest.bound) else 0
    return states, min(-most.bound * total, total), least, most.reached and fewest.reached


def _loop(
    model: RestorationModel,
    judge: Judge,
    highs: HighsModel,
    first: BoolArray | None,
    deadline: float,
) -> _Found:
    """Solve, and cut off what breaks a limit in AC, until the optimum keeps them.

    Where time ends before, the answer is the first one, which must keep them.
    """
    bound = -np.inf
    while not is_over(deadline):
        if first is not None:
            highs.set_start(model.point(first))
        answer = highs.solve(time_limit=seconds_left(deadline))
        bound = max(bound, answer.bound)
        if answer.x is None:
            break
        states = model.closed(answer.x)
        live = judge.look(states)
        _assert_radial(model, states, live)
        if live.excess == 0.0:
            return _Found(states, bound, answer.status is SolverStatus.OPTIMAL)
        highs.add_rows(*model.cut(answer.x))
    return _Found(first, bound, False)


def _assert_radial(model: RestorationModel, states: BoolArray, live: Live) -> None:
    """Check the supplied part: as many branches as buses that are no source."""
    branch = model.network.branches
    inside = states & live.reached[branch.from_bus] & live.reached[branch.to_bus]
    if int(inside.sum()) != int(live.reached.sum()) - model.network.slack_buses.size:
        raise SolverError("HiGHS: the supplied part of the network is not radial")
