"""Exact gains of moving one service point and of swapping two, blocks of candidates at a time.

A move is a swap with nobody. Changing Δ_a and Δ_b changes two norms only, O(n_time) for each
candidate; for the rms norm a block of candidates is one matrix product, because
‖Δ_a − δ_j + δ_k‖² needs inner products alone.
"""

from __future__ import annotations

import numpy as np

from pygridjl.balancing.losses import circuit_sums, draw_risk, norms
from pygridjl.balancing.problem import BalancingProblem
from pygridjl.balancing.subgradients import subgradients
from pygridjl.core.types import BoolArray, FloatArray, IntArray

__all__ = ["NOBODY", "State"]

NOBODY = -1
# Demand above a capacity by this share of it is rounding; the check allows a thousand times more.
ROUNDING = 1e-12
# Numbers that a block of l1 candidates holds at a time.
BLOCK = 2_000_000


class State:
    """An assignment with what its changes need: sums, losses, room.

    Parameters
    ----------
    problem : BalancingProblem
        The problem.
    assignment : ndarray of int, shape (n,)
        Keeps the rules of the problem; copied.
    """

    def __init__(self, problem: BalancingProblem, assignment: IntArray) -> None:
        self.problem = problem
        self.costs = problem.move_costs if problem.move_cost.any() else None
        self.limit = problem.capacity * (1 + ROUNDING)
        self.reset(assignment)

    def reset(self, assignment: IntArray) -> None:
        """Take an assignment, with sums free of rounding from earlier changes."""
        problem, m = self.problem, self.problem.m
        self.assignment = assignment.copy()
        self.sums = circuit_sums(problem.deviations, assignment, m)
        self.losses = norms(self.sums, problem.weights, problem.risk)
        self.members = [np.flatnonzero(assignment == i) for i in range(m)]
        self.load = np.bincount(assignment, weights=problem.demand, minlength=m)
        self.scores = np.empty((0, m))
        self.moved = 0
        if problem.start is not None:
            self.moved = int((assignment != problem.start).sum())
        self.voltages = None
        if problem.coupling is not None:
            self.voltages = problem.coupling.tracker(assignment)

    @property
    def value(self) -> float:
        """Objective without the costs of moves."""
        return float(draw_risk(self.problem, self.losses.sum(axis=1)))

    def score(self) -> None:
        """Take the slopes of all norms along all deviations, which :meth:`promising` ranks by."""
        problem = self.problem
        slopes = subgradients(self.sums, problem.weights, problem.risk)
        self.scores = np.zeros((problem.n, problem.m))
        for path, slope in zip(problem.deviations, slopes, strict=True):
            self.scores += path @ slope.T

    def promising(self, a: int, b: int, width: int) -> tuple[IntArray, IntArray]:
        """Members of both circuits by what their exchange gains to first order, best first.

        The norms are convex, so no exchange of j and k gains more than the score of j less that
        of k, at the sums for which :meth:`score` was called last.
        """
        out, back = self.members[a], self.members[b]
        if max(out.size, back.size) <= width:
            return out, back
        gain_a = self.scores[out, a] - self.scores[out, b]
        gain_b = self.scores[back, b] - self.scores[back, a]
        return out[_largest(gain_a, width)], back[_largest(gain_b, width)]

    def gains(self, a: int, b: int, out: IntArray, back: IntArray) -> FloatArray:
        """Gain of putting each of ``out`` on b and each of ``back`` on a, shape (|out|, |back|).

        Parameters
        ----------
        a, b : int
            Circuits.
        out, back : ndarray of int
            Members of a and of b, or :data:`NOBODY`.

        Returns
        -------
        ndarray
            What the objective falls by; −∞ where a rule would be broken.
        """
        problem = self.problem
        rest = self.losses.sum(axis=1) - self.losses[:, a] - self.losses[:, b]
        new = rest[:, None, None] + self._new_losses(a, b, out, back)
        gain: FloatArray = self.value - draw_risk(problem, new)
        if self.costs is not None:
            gain += self._change(self.costs[:, a] - self.costs[:, b], out)[:, None]
            gain += self._change(self.costs[:, b] - self.costs[:, a], back)[None, :]
        gain[~self._kept(a, b, out, back)] = -np.inf
        return gain

    @staticmethod
    def _change(values: FloatArray, points: IntArray) -> FloatArray:
        return np.where(points == NOBODY, 0.0, values[points])

    def _kept(self, a: int, b: int, out: IntArray, back: IntArray) -> BoolArray:
        problem = self.problem
        someone_out, someone_back = out != NOBODY, back != NOBODY
        kept: BoolArray = (~someone_out | problem.allowed[out, b])[:, None] & (
            ~someone_back | problem.allowed[back, a]
        )[None, :]
        if not kept.any():
            return kept
        to_b = someone_out[:, None].astype(np.int64) - someone_back[None, :]
        kept &= self.members[b].size + to_b <= problem.cardinality[b]
        kept &= self.members[a].size - to_b <= problem.cardinality[a]
        shift = (
            self._change(problem.demand, out)[:, None] - self._change(problem.demand, back)[None, :]
        )
        kept &= (self.load[b] + shift <= self.limit[b]) | (shift <= 0)
        kept &= (self.load[a] - shift <= self.limit[a]) | (shift >= 0)
        if problem.max_moves is not None and problem.start is not None:
            home = problem.start
            more = np.where(someone_out, (home[out] == a) * 1 - (home[out] == b), 0)
            other = np.where(someone_back, (home[back] == b) * 1 - (home[back] == a), 0)
            kept &= self.moved + more[:, None] + other[None, :] <= problem.max_moves
        return kept

    def _new_losses(self, a: int, b: int, out: IntArray, back: IntArray) -> FloatArray:
        """Norms of both circuits together after each exchange, shape (n_draw, |out|, |back|)."""
        problem = self.problem
        weight_a, weight_b = problem.weights[a], problem.weights[b]
        found = np.empty((problem.n_draw, out.size, back.size))
        for s, draw in enumerate(problem.deviations):
            leave = np.where((out == NOBODY)[:, None], 0.0, draw[out])
            enter = np.where((back == NOBODY)[:, None], 0.0, draw[back])
            sum_a, sum_b = self.sums[s, a], self.sums[s, b]
            if problem.risk == "rms":
                found[s] = _rms_after(sum_a, weight_a, leave, enter)
                found[s] += _rms_after(sum_b, weight_b, enter, leave).T
            else:
                found[s] = _l1_after(sum_a, weight_a, leave, enter)
                found[s] += _l1_after(sum_b, weight_b, enter, leave).T
        return found

    def exact_gain(self, a: int, b: int, j: int, k: int) -> float:
        """Gain of one exchange, by the changed sums themselves."""
        return float(self.gains(a, b, np.array([j]), np.array([k]))[0, 0])

    def exchange(self, a: int, b: int, j: int, k: int) -> None:
        """Put j on b and k on a; either may be :data:`NOBODY`."""
        problem = self.problem
        if self.voltages is not None:
            self.voltages.exchange(a, b, j, k)
        for point, here, there in ((j, a, b), (k, b, a)):
            if point == NOBODY:
                continue
            path = problem.deviations[:, point]
            self.sums[:, here] -= path
            self.sums[:, there] += path
            self.load[here] -= problem.demand[point]
            self.load[there] += problem.demand[point]
            self.members[here] = self.members[here][self.members[here] != point]
            self.members[there] = np.append(self.members[there], point)
            self.assignment[point] = there
            if problem.start is not None:
                home = problem.start[point]
                self.moved += int(there != home) - int(here != home)
        pair = [a, b]
        self.losses[:, pair] = norms(self.sums[:, pair], problem.weights[pair], problem.risk)


def _largest(values: FloatArray, count: int) -> IntArray:
    """Places of the largest values, largest first."""
    if values.size <= count:
        return np.argsort(-values, kind="stable")
    top = np.argpartition(-values, count)[:count]
    return top[np.argsort(-values[top], kind="stable")]


def _rms_after(
    total: FloatArray, weight: FloatArray, leave: FloatArray, enter: FloatArray
) -> FloatArray:
    """√(Σ w (Δ − leave_j + enter_k)²) for all j and k."""
    weighed = leave * weight
    inner = (weight * total) @ total
    square = inner + (-2 * leave @ (weight * total) + (weighed * leave).sum(axis=1))[:, None]
    square = square + (2 * enter @ (weight * total) + ((enter * weight) * enter).sum(axis=1))
    square -= 2 * weighed @ enter.T
    found: FloatArray = np.sqrt(np.maximum(square, 0.0))
    return found


def _l1_after(
    total: FloatArray, weight: FloatArray, leave: FloatArray, enter: FloatArray
) -> FloatArray:
    """Σ w |Δ − leave_j + enter_k| for all j and k."""
    found = np.empty((leave.shape[0], enter.shape[0]))
    step = max(1, BLOCK // max(enter.size, 1))
    for first in range(0, leave.shape[0], step):
        part = total - leave[first : first + step]
        found[first : first + step] = np.abs(part[:, None, :] + enter[None, :, :]) @ weight
    return found
