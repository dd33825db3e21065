"""Tightening a list of targets one after the other, in one process."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from pygridjl.core.types import FloatArray, IntArray
from pygridjl.optimal_flow.relaxation.box import Box
from pygridjl.optimal_flow.relaxation.lifted import Lifted
from pygridjl.optimal_flow.relaxation.program import Compiled
from pygridjl.optimal_flow.relaxation.safe_bound import BoundEvaluator
from pygridjl.optimal_flow.relaxation.tighten.targets import Target, apply_bound, entries, now
from pygridjl.solvers.conic import ConicModel, ConicSolver
from pygridjl.solvers.status import SolverStatus

__all__ = ["Probe", "ProbeAnswer", "tighten"]

# Bounds are repaired afterwards: an accurate optimum is not needed.
TOLERANCE = 1e-5


@dataclass(frozen=True, eq=False)
class Probe:
    """A program whose objective will be one target after the other.

    Attributes
    ----------
    compiled : Compiled
        Rows of the relaxation and of the cut-off.
    lifted : Lifted
        The pairs.
    triangles : ndarray of int
        For propagation.
    """

    compiled: Compiled
    lifted: Lifted
    triangles: IntArray


@dataclass(frozen=True, eq=False)
class ProbeAnswer:
    """What one process found.

    Attributes
    ----------
    box : Box
        Tightened.
    empty : bool
        Whether it was proven that nothing is cheaper than the cut-off.
    runs, skipped : int
        Targets solved and left alone.
    seconds : float
        CPU time spent.
    """

    box: Box
    empty: bool
    runs: int
    skipped: int
    seconds: float


def tighten(
    probe: Probe,
    box: Box,
    targets: list[Target],
    points: list[FloatArray],
    near: float,
    deadline: float,
) -> ProbeAnswer:
    """Minimise targets in turn; every safe minimum moves the box.

    Parameters
    ----------
    probe : Probe
        The program.
    box : Box
        Where to start; not changed.
    targets : list of Target
        Sides to move.
    points : list of ndarray
        Points of the relaxation: sides they touch are left alone.
    near : float
        A side that some point comes this close to, as a share of the interval, is left alone.
    deadline : float
        Unix seconds after which no further run begins: the clock that processes share.

    Returns
    -------
    ProbeAnswer
        The box found so far.
    """
    begun = time.process_time()
    box = box.copy()
    compiled, program = probe.compiled, probe.compiled.program
    numbers = compiled.numbers(box)
    evaluate = BoundEvaluator(compiled, numbers)
    n = program.n_col
    plain = compiled.model(numbers)
    model = ConicModel(np.zeros(n), plain.matrix, plain.rhs, plain.cones)
    solver = ConicSolver(model, tolerance=TOLERANCE, scale=1.0)
    runs, skipped = 0, 0
    seen = list(points)
    for target in targets:
        if time.time() > deadline:
            break
        cols, factors = entries(program, box, target)
        least, width = now(box, target)
        touched = min(
            (sum(f * x[c] for f, c in zip(factors, cols, strict=True)) for x in seen),
            default=np.inf,
        )
        if width < 1e-6 or touched - least <= near * width:
            skipped += 1
            continue
        cost = np.zeros(n)
        cost[cols] = factors
        end = float(box.angle[target.side, target.at]) if target.kind == "angle" else 0.0
        solver.set_cost(cost, scale=1.0)
        answer = solver.solve(time_limit=deadline - time.time())
        runs += 1
        if answer.status is SolverStatus.INFEASIBLE:
            size = float(abs(answer.z[: compiled.n_row]).max(initial=0.0)) or 1.0
            if evaluate(np.zeros(n), answer.z / size) > 0:
                return ProbeAnswer(box, True, runs, skipped, time.process_time() - begun)
            continue
        if answer.primal_residual < 1e-4 and np.isfinite(answer.x).all():
            seen.append(answer.x)
        bound = evaluate(cost, answer.z)
        if bound > least:
            apply_bound(probe.lifted, box, target, bound, end)
            if not box.empty:
                box.propagate(probe.lifted, probe.triangles, passes=1)
            if box.empty:
                return ProbeAnswer(box, True, runs, skipped, time.process_time() - begun)
            numbers = compiled.numbers(box)
            evaluate = BoundEvaluator(compiled, numbers)
            solver.set_matrix(numbers.data)
            solver.set_rhs(numbers.rhs)
    return ProbeAnswer(box, False, runs, skipped, time.process_time() - begun)
