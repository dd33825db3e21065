"""What an assignment costs: circuit sums, their norms, the tail over draws."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from pygridjl.balancing.problem import BalancingProblem
from pygridjl.core.types import FloatArray, IntArray

__all__ = ["circuit_losses", "circuit_sums", "cvar", "draw_risk", "norms", "objective_of"]


def circuit_sums(deviations: FloatArray, assignment: IntArray, m: int) -> FloatArray:
    """Return Δ_i(t), shape (n_draw, m, n_time), of deviations (n_draw, n, n_time)."""
    n = assignment.size
    place = csr_array((np.ones(n), (assignment, np.arange(n))), shape=(m, n))
    return np.stack([place @ draw for draw in deviations])


def norms(sums: FloatArray, weights: FloatArray, risk: str) -> FloatArray:
    """Norm over the last axis: √(Σ w Δ²) or Σ w |Δ|; the weights broadcast."""
    if risk == "rms":
        values: FloatArray = np.sqrt((weights * sums**2).sum(axis=-1))
    else:
        values = (weights * np.abs(sums)).sum(axis=-1)
    return values


def circuit_losses(problem: BalancingProblem, assignment: IntArray) -> FloatArray:
    """Return the norm of every circuit in every draw, shape (n_draw, m)."""
    sums = circuit_sums(problem.deviations, assignment, problem.m)
    return norms(sums, problem.weights, problem.risk)


def cvar(losses: FloatArray, tail: float) -> FloatArray:
    """Mean of the worst (1 − tail) of equally likely losses along the first axis.

    The minimum over η of η + E (loss − η)⁺ / (1 − tail) (Rockafellar and Uryasev 2000, eq. 4),
    attained by the quantile, so that a fraction of one draw is counted as a fraction.
    """
    worst = -np.sort(-losses, axis=0)
    count = losses.shape[0]
    share = np.clip((1 - tail) * count - np.arange(count), 0.0, 1.0)
    found: FloatArray = np.tensordot(share, worst, axes=1) / share.sum()
    return found


def draw_risk(problem: BalancingProblem, losses: FloatArray) -> FloatArray:
    """Mean over draws plus the weighted tail, along the first axis of the draws' losses."""
    risk: FloatArray = losses.mean(axis=0)
    if problem.tail_weight > 0:
        risk = risk + problem.tail_weight * cvar(losses, problem.tail)
    return risk


def objective_of(problem: BalancingProblem, assignment: IntArray) -> float:
    """Return the objective of an assignment."""
    losses = circuit_losses(problem, assignment).sum(axis=1)
    moved = 0.0
    if problem.start is not None:
        moved = float(problem.move_cost[assignment != problem.start].sum())
    return float(draw_risk(problem, losses)) + moved
