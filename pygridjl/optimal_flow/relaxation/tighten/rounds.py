"""Rounds of tightening: solve, cut off, probe the widest pairs in processes, solve again."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass

import numpy as np

from pygridjl.core.types import FloatArray
from pygridjl.optimal_flow.relaxation.box import Box
from pygridjl.optimal_flow.relaxation.methods import TightenOptions
from pygridjl.optimal_flow.relaxation.program import Block, Compiled, fixed
from pygridjl.optimal_flow.relaxation.root import RootAnswer, solve_root
from pygridjl.optimal_flow.relaxation.state import Relaxation, Run
from pygridjl.optimal_flow.relaxation.tighten.probe import Probe, ProbeAnswer, tighten
from pygridjl.optimal_flow.relaxation.tighten.targets import Target, targets_of

__all__ = ["bound_tightening"]

# Processes take about this long to start, s: shorter rounds stay in this one.
PROCESS_SECONDS = 8.0
# Rounds look closer, at more pairs, when one shrinks the box by less than these shares: a side
# that a point comes close to is left alone at first.
STAGES = ((0.05, 0.05), (0.01, 0.02), (0.001, 0.002))


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
    compiled = relaxation.compile()
    cut_off = np.inf
    if run.target is not None:
        cut_off = run.target - 0.99 * run.tolerance * abs(run.target)
    stage, pace = 0, 0.0
    for number in range(1, options.max_rounds + 1):
        if run.closed or time.perf_counter() > run.deadline or answer.bound == np.inf:
            break
        before = _size(relaxation)
        probe = _probe(relaxation, answer.x, cut_off)
        little, near = STAGES[stage]
        share = options.share if stage == 0 else 1.0
        targets = targets_of(relaxation.lifted, relaxation.box, share)
        search = _Search(probe, relaxation.box, targets, answer.x, near)
        found = _probed(search, run, options.n_jobs, pace)
        done = sum(part.runs for part in found)
        pace = sum(part.seconds for part in found) / max(done, 1)
        name = f"round {number}"
        for part in found:
            for mine, theirs in zip(relaxation.box.arrays(), part.box.arrays(), strict=True):
                mine[0] = np.maximum(mine[0], theirs[0])
                mine[1] = np.minimum(mine[1], theirs[1])
        relaxation.box.propagate(relaxation.lifted, relaxation.triangles)
        if any(part.empty for part in found) or relaxation.box.empty:
            run.better(name, cut_off, time.perf_counter())
            break
        again = solve_root(compiled, relaxation.box, deadline=run.deadline)
        answer = again if np.isfinite(again.x).all() else answer
        run.better(name, min(cut_off, again.bound), time.perf_counter())
        if again.bound == np.inf:
            break
        if before - _size(relaxation) < little * before:
            stage += 1
            if stage == len(STAGES):
                break
    return answer


def _size(relaxation: Relaxation) -> float:
    """Sum of the widths of the intervals that tightening moves."""
    box = relaxation.box
    angles = np.minimum(box.angle[1] - box.angle[0], np.pi)
    return float(angles.sum() + (box.v[1] - box.v[0]).sum())


def _probe(relaxation: Relaxation, x: FloatArray, cut_off: float) -> Probe:
    """Return the program with the cut-off: its cost, linearised at a point from below."""
    program = copy.copy(relaxation.program)
    program.blocks = list(program.blocks)
    if np.isfinite(cut_off):
        slope = program.cost + program.curvature * x
        # ½ d x² is above its tangent: what costs less than the cut-off keeps this row.
        level = cut_off - program.constant + 0.5 * float(program.curvature @ x**2)
        cols = np.flatnonzero(slope)
        scale = float(abs(slope).max())
        program.blocks.append(
            Block(
                "nonnegative",
                (1,),
                np.zeros(cols.size, dtype=np.int64),
                cols,
                fixed(slope[cols] / scale, np.array([level / scale])),
            )
        )
    return Probe(Compiled(program, relaxation.box), relaxation.lifted, relaxation.triangles)


@dataclass(frozen=True, eq=False)
class _Search:
    """One round: what is probed, where, and how closely."""

    probe: Probe
    box: Box
    targets: list[Target]
    x: FloatArray
    near: float

    def part(self, targets: list[Target], deadline: float) -> ProbeAnswer:
        return tighten(self.probe, self.box, targets, [self.x], self.near, deadline)


def _probed(search: _Search, run: Run, workers: int, pace: float) -> list[ProbeAnswer]:
    """Probe all targets, in processes if that takes long enough."""
    deadline = time.time() + (run.deadline - time.perf_counter())
    targets = search.targets
    first: list[ProbeAnswer] = []
    if workers > 1 and pace == 0.0:
        # The pace of the first solves decides.
        head, targets = targets[:4], targets[4:]
        first = [search.part(head, deadline)]
        pace = first[0].seconds / max(first[0].runs, 1)
    if workers == 1 or pace * len(targets) / workers < PROCESS_SECONDS:
        return [*first, search.part(targets, deadline)]
    from joblib import Parallel, delayed

    parallel = Parallel(n_jobs=workers, backend="loky")
    parts = (targets[k::workers] for k in range(workers))
    return [*first, *parallel(delayed(search.part)(part, deadline) for part in parts if part)]
