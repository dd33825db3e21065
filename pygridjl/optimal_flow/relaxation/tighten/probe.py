"""Tightening around pairs of buses one after the other, in one process."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pygridjl.core.jit import working_time
from pygridjl.core.stopping import is_over, seconds_left
from pygridjl.core.types import FloatArray, IntArray
from pygridjl.optimal_flow.relaxation.box import Box
from pygridjl.optimal_flow.relaxation.lifted import Lifted
from pygridjl.optimal_flow.relaxation.program import Compiled
from pygridjl.optimal_flow.relaxation.tighten.pieces import Piece, Pieces, Prices
from pygridjl.optimal_flow.relaxation.tighten.targets import (
    Target,
    apply_bound,
    entries,
    now,
    targets_at,
)
from pygridjl.solvers.conic import ConicSolver
from pygridjl.solvers.status import SolverStatus

__all__ = ["Probe", "ProbeAnswer", "tighten"]

# Narrower intervals are left alone, rad or p.u.
NARROW = 1e-6


@dataclass(frozen=True, eq=False)
class Probe:
    """What a round tightens with.

    Attributes
    ----------
    compiled : Compiled
        The relaxation.
    prices : Prices
        Its last solution, and the cut-off.
    lifted : Lifted
        The pairs.
    triangles : ndarray of int
        For propagation.
    near : float
        A side that a point comes this close to, as a share of the interval, is left alone.
    hops : int
        How far the pieces reach: rows of rows of the pair.
    tolerance : float
        Of the solver.
    """

    compiled: Compiled
    prices: Prices
    lifted: Lifted
    triangles: IntArray
    near: float
    hops: int
    tolerance: float


@dataclass(frozen=True, eq=False)
class ProbeAnswer:
    """What one process found.

    Attributes
    ----------
    box : Box
        Tightened, and never empty.
    empty : bool
        Whether it was proven that nothing is cheaper than the cut-off.
    visited : int
        Pairs looked at until time was up.
    seconds : float
        Time spent.
    """

    box: Box
    empty: bool
    visited: int
    seconds: float


def tighten(
    probe: Probe, box: Box, homes: list[tuple[int, IntArray]], deadline: float
) -> ProbeAnswer:
    """Minimise what bounds the sides around each pair; every safe minimum moves the box.

    Parameters
    ----------
    probe : Probe
        The program.
    box : Box
        Where to start; not changed.
    homes : list of tuple
        Pairs, and the buses to tighten with them.
    deadline : float
        Value of ``working_time()`` after which no further run begins.

    Returns
    -------
    ProbeAnswer
        The box found so far.
    """
    begun, box, empty = working_time(), box.copy(), False
    pieces = Pieces(probe.compiled, probe.prices)
    visited = 0
    while visited < len(homes) and not (empty or is_over(deadline)):
        empty = _around(probe, pieces, box, *homes[visited], deadline)
        visited += 1
    return ProbeAnswer(box, empty, visited, working_time() - begun)


def _around(
    probe: Probe, pieces: Pieces, box: Box, pair: int, buses: IntArray, deadline: float
) -> bool:
    """Tighten what belongs to a pair in one piece; True if nothing would be left of the box."""
    program, lifted = probe.compiled.program, probe.lifted
    untouched = [
        target
        for target in targets_at(box, pair, buses)
        if not _touched(probe, box, target, [probe.prices.x], None)
    ]
    if not untouched:
        return False
    ends = [lifted.i[pair], lifted.j[pair]]
    first = np.concatenate([program["w"][ends], program["c"][[pair]], program["s"][[pair]]])
    piece = pieces.cut(box, pieces.grown(first, probe.hops))
    solver = ConicSolver(piece.model, tolerance=probe.tolerance, scale=1.0)
    seen: list[FloatArray] = []
    for target in untouched:
        if is_over(deadline):
            break
        if _touched(probe, box, target, seen, piece):
            continue
        cols, factors = entries(program, box, target)
        cost = np.zeros(piece.columns.size)
        cost[piece.at(cols)] = factors
        end = float(box.angle[target.side, target.at]) if target.kind == "angle" else 0.0
        solver.set_cost(cost, scale=1.0)
        answer = solver.solve(time_limit=seconds_left(deadline))
        if answer.status is SolverStatus.INFEASIBLE:
            if piece.evaluate.excludes(answer.z):
                return True
            continue
        if answer.primal_residual < 1e-4 and np.isfinite(answer.x).all():
            seen.append(answer.x)
        bound = piece.evaluate(cost, answer.z)
        if bound > now(box, target)[0]:
            smaller = box.copy()
            apply_bound(lifted, smaller, target, bound, end)
            if not smaller.empty:
                smaller.propagate(lifted, probe.triangles, passes=1)
            if smaller.empty:
                return True
            box.meet(smaller)
    return False


def _touched(
    probe: Probe, box: Box, target: Target, points: list[FloatArray], piece: Piece | None
) -> bool:
    """Whether an interval is narrow, or some point (of a piece) is near the side."""
    cols, factors = entries(probe.compiled.program, box, target)
    least, width = now(box, target)
    places = cols if piece is None else piece.at(cols)
    reached = min((float(np.dot(factors, x[places])) for x in points), default=np.inf)
    return width < NARROW or reached - least <= probe.near * width
