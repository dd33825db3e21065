"""Rounds of tightening: solve, probe the widest pairs in processes, solve again."""

from __future__ import annotations

import signal
import time
from typing import NamedTuple

import numpy as np

from pygridjl.core.jit import working_time
from pygridjl.core.stopping import is_over, seconds_left
from pygridjl.core.types import IntArray
from pygridjl.optimal_flow.relaxation.box import Box
from pygridjl.optimal_flow.relaxation.methods import TightenOptions
from pygridjl.optimal_flow.relaxation.root import RootAnswer, solve_root
from pygridjl.optimal_flow.relaxation.state import Relaxation, Run
from pygridjl.optimal_flow.relaxation.tighten.pieces import Prices
from pygridjl.optimal_flow.relaxation.tighten.probe import Probe, ProbeAnswer, tighten
from pygridjl.optimal_flow.relaxation.tighten.targets import homes_of
from pygridjl.solvers.status import SolverStatus

__all__ = ["bound_tightening"]

# Processes take about this long to start, s: shorter rounds, and ends of rounds that have none
# yet, stay in this one.
PROCESS_SECONDS = 8.0
# Processes tell each other what they found about as often, s.
BATCH_SECONDS = 4.0
# The relaxation is solved once more in what is left of the time: as long as it took last, and this
# much longer.
RESERVE = 1.3


class Stage(NamedTuple):
    """How closely a round looks.

    Attributes
    ----------
    little : float
        The next stage begins when a round shrinks the box by less than this share.
    near : float
        A side that a point comes as near, as a share of its interval, is left alone.
    hops : int
        How far the pieces reach.
    whole : bool
        Whether all pairs are looked at.
    tolerance : float
        Of the solver; bounds are repaired afterwards, and coarse ones move a wide box as well.
    """

    little: float
    near: float
    hops: int
    whole: bool
    tolerance: float


# Small pieces tighten most in a second; the whole program is the last resort.
STAGES = (
    Stage(0.15, 0.05, 1, False, 1e-4),
    Stage(0.15, 0.05, 1, True, 1e-4),
    Stage(0.1, 0.05, 2, False, 1e-5),
    Stage(0.05, 0.05, 2, True, 1e-5),
    Stage(0.01, 0.02, 3, True, 1e-6),
    Stage(0.001, 0.002, 1000, True, 1e-6),
)
# Programs of fewer columns begin with the stage of wide pieces.
SMALL, WIDE = 400, 4


def bound_tightening(
    relaxation: Relaxation, options: TightenOptions, run: Run, answer: RootAnswer
) -> RootAnswer:
    """Tighten the box until the bound proves the cut-off, nothing moves, or time is up.

    A point either costs at least the cut-off, a little below the AC value, or lies in the
    tightened box: the smaller of the cut-off and the relaxation's bound there is a bound.

    Parameters
    ----------
    relaxation : Relaxation
        Its box is changed.
    options : TightenOptions
        Rounds, processes, share of the pairs.
    run : Run
        Clock, target and history.
    answer : RootAnswer
        The relaxation's last answer.

    Returns
    -------
    RootAnswer
        Of the tightened relaxation.
    """
    compiled, lifted = relaxation.compile(), relaxation.lifted
    cut_off = np.inf
    if run.target is not None:
        cut_off = run.target - 0.99 * run.tolerance * abs(run.target)
    stage, pace = (WIDE if relaxation.program.n_col < SMALL else 0), 0.0
    for number in range(1, options.max_rounds + 1):
        if run.closed or answer.bound == np.inf:
            break
        deadline = run.deadline - RESERVE * answer.seconds
        if is_over(deadline):
            run.late = True
            break
        before, looks = _size(relaxation), STAGES[stage]
        prices = Prices(answer.x, answer.z, cut_off)
        probe = Probe(
            compiled,
            prices,
            lifted,
            relaxation.triangles,
            near=looks.near,
            hops=looks.hops,
            tolerance=looks.tolerance,
        )
        homes = homes_of(lifted, relaxation.box, 1.0 if looks.whole else options.share)
        empty, pace = _sweep(probe, relaxation, homes, deadline, options.n_jobs, pace)
        if empty:
            run.better(f"round {number}", cut_off, working_time())
        # Where nothing is left, a last point comes from the box before its last side moved.
        again = solve_root(
            compiled,
            relaxation.box,
            deadline=run.deadline,
            target=run.target,
            first=answer.factor,
        )
        in_time = again.status is not SolverStatus.TIME_LIMIT
        if not empty:
            run.better(f"round {number}", min(cut_off, again.bound), working_time())
            run.late = not in_time
        if in_time and np.isfinite(again.bound):
            answer = again
        if empty or not (in_time and np.isfinite(again.bound)):
            break
        if before - _size(relaxation) < looks.little * before:
            stage, pace = stage + 1, 0.0
            if stage == len(STAGES):
                break
    return answer


def _size(relaxation: Relaxation) -> float:
    """Sum of the widths of the intervals that tightening moves."""
    box = relaxation.box
    angles = np.minimum(box.angle[1] - box.angle[0], np.pi)
    return float(angles.sum() + (box.v[1] - box.v[0]).sum())


def _sweep(
    probe: Probe,
    relaxation: Relaxation,
    homes: list[tuple[int, IntArray]],
    deadline: float,
    workers: int,
    pace: float,
) -> tuple[bool, float]:
    """Probe around all pairs, in processes if that takes long enough.

    Returns
    -------
    empty : bool
        Whether nothing is left of the box.
    pace : float
        Seconds for one pair.
    """
    left, together = homes, False
    while left and not is_over(deadline):
        worth = workers > 1 and pace > 0 and pace * len(left) / workers >= PROCESS_SECONDS
        together = worth and (together or seconds_left(deadline) >= PROCESS_SECONDS)
        count = len(left)
        if together:
            count = max(workers, int(BATCH_SECONDS * workers / pace))
        elif workers > 1 and pace == 0.0:
            # The pace of the first pairs decides.
            count = 4
        now, left = left[:count], left[count:]
        if together:
            found = _together(probe, relaxation.box, now, deadline, workers)
        else:
            found = [tighten(probe, relaxation.box, now, deadline)]
        visited = sum(part.visited for part in found)
        pace = sum(part.seconds for part in found) / max(visited, 1)
        smaller = relaxation.box.copy()
        for part in found:
            smaller.meet(part.box)
        smaller.propagate(relaxation.lifted, relaxation.triangles)
        if smaller.empty:
            return True, pace
        relaxation.box = smaller
        if any(part.empty for part in found):
            return True, pace
    return False, pace


def _together(
    probe: Probe, box: Box, homes: list[tuple[int, IntArray]], deadline: float, workers: int
) -> list[ProbeAnswer]:
    from joblib import Parallel, delayed

    until = time.time() + seconds_left(deadline)
    parts = (homes[k::workers] for k in range(workers))
    parallel = Parallel(n_jobs=workers, backend="loky")
    found: list[ProbeAnswer] = parallel(
        delayed(_in_process)(probe, box, part, until) for part in parts if part
    )
    return found


def _in_process(
    probe: Probe, box: Box, homes: list[tuple[int, IntArray]], until: float
) -> ProbeAnswer:
    """Tighten until ``time.time()`` says so: to start takes a process some of the seconds left."""
    # Ctrl-C in a terminal reaches every process: the first one ends the run.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return tighten(probe, box, homes, working_time() + until - time.time())
