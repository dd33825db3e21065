"""Random exchanges at a falling temperature (Kirkpatrick, Gelatt and Vecchi 1983).

With the inner products G of the deviations a change of two rms norms costs O(1), and one that is
made O(n): millions of exchanges are tried in the time in which the descent finds one optimum.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pygridjl.balancing.problem import BalancingProblem
from pygridjl.balancing.run import Run
from pygridjl.core.jit import kernel
from pygridjl.core.types import BoolArray, FloatArray, IntArray

__all__ = ["cool", "cools"]

# Below, the descent from random exchanges finds the optimum; beyond, it has no time for many.
FEWEST, MOST = 30, 500
# First and last temperature, as parts of the mean change by a random exchange. Rules that forbid
# most exchanges leave ways only over worse assignments: they begin hotter.
HOT, HOT_BOUND, COLD = 0.03, 0.3, 0.005
# Exchanges that are tried in one cooling: so many times n², and no more than this.
TRIES, MOST_TRIES = 2500, 30_000_000
# Coolings, each from the best so far, as long as all together try no more than this: of eight seeds
# at 60 service points, six ended at the best with one cooling, all of them with four.
COOLINGS, MOST_IN_ALL = 4, 40_000_000
# Exchanges between two looks at the clock, after which sums are taken afresh.
CHUNK = 100_000


class Terms(NamedTuple):
    """What an exchange is judged by; n service points on m circuits."""

    inner: FloatArray
    costs: FloatArray
    allowed: BoolArray
    demand: FloatArray
    limit: FloatArray
    cardinality: IntArray
    home: IntArray
    max_moves: int


class Chain(NamedTuple):
    """Where the search stands: circuits, and the best found with its value."""

    assignment: IntArray
    best: IntArray
    value: FloatArray


def cools(problem: BalancingProblem) -> bool:
    """Whether inner products say all about a problem of a size for which this pays."""
    return (
        FEWEST <= problem.n <= MOST
        and problem.m > 1
        and problem.risk == "rms"
        and problem.n_draw == 1
        and problem.weights_alike
        and problem.coupling is None
    )


def cool(run: Run, rng: np.random.Generator) -> bool:
    """Search from the best assignment of a run; False if the clock ran out.

    Parameters
    ----------
    run : Run
        Has an assignment, of a problem that :func:`cools`; gets the best one found.
    rng : numpy.random.Generator
        Source of the exchanges.
    """
    assert run.best is not None
    terms = _terms(run.problem)
    scale = _mean_change(terms.inner, run.best, run.problem.m, rng)
    if not scale > 0:
        return True
    total = min(TRIES * run.problem.n**2, MOST_TRIES)
    coolings = max(min(COOLINGS, MOST_IN_ALL // total), 1)
    bound = not terms.allowed.all() or terms.max_moves < run.problem.n
    ends = scale * (HOT_BOUND if bound else HOT), scale * COLD
    return all(_cool_once(run, rng, terms, ends, total) for _ in range(coolings))


def _cool_once(
    run: Run, rng: np.random.Generator, terms: Terms, ends: tuple[float, float], total: int
) -> bool:
    """Try so many exchanges from the best so far, hot to cold; False if the clock ran out."""
    assert run.best is not None
    n, m = run.problem.n, run.problem.m
    chain = Chain(run.best.copy(), run.best.copy(), np.array([np.inf]))
    for done in range(0, total, CHUNK):
        if run.remaining <= 0:
            return False
        count = min(CHUNK, total - done)
        share = (done + np.arange(count)) / total
        temperature = ends[0] * (ends[1] / ends[0]) ** share
        # The rise that a try accepts: a draw of Metropolis' rule.
        rise = -temperature * np.log1p(-rng.random(count))
        # A partner beyond the service points is room on a circuit.
        pair = rng.integers(n, size=count), rng.integers(n + m, size=count)
        before = chain.value[0]
        _exchange(terms, chain, *pair, rise)
        if chain.value[0] < before and run.offer(chain.best):
            run.say(f"local: cooling, {done + count} of {total} exchanges, {run.value:.6g}")
    return True


def _terms(problem: BalancingProblem) -> Terms:
    draw, most = problem.deviations[0], problem.max_moves
    return Terms(
        inner=(draw * problem.weights[0]) @ draw.T,
        costs=problem.move_costs,
        allowed=problem.allowed,
        demand=problem.demand,
        limit=problem.capacity,
        cardinality=problem.cardinality,
        home=np.full(problem.n, -1) if problem.start is None else problem.start,
        max_moves=problem.n if problem.start is None or most is None else most,
    )


def _mean_change(
    inner: FloatArray, assignment: IntArray, m: int, rng: np.random.Generator
) -> float:
    """Mean absolute change of the norms by a swap of two random service points."""
    n = assignment.size
    j, k = rng.integers(n, size=(2, 10 * n))
    apart = assignment[j] != assignment[k]
    j, k = j[apart], k[apart]
    if not j.size:
        return 0.0
    below = inner @ np.eye(m)[assignment]
    square = np.bincount(assignment, below[np.arange(n), assignment], m)
    a, b = assignment[j], assignment[k]
    spread = inner[j, j] + inner[k, k] - 2 * inner[j, k]
    new_a = square[a] - 2 * (below[j, a] - below[k, a]) + spread
    new_b = square[b] + 2 * (below[j, b] - below[k, b]) + spread
    new = np.sqrt(np.maximum(new_a, 0)) + np.sqrt(np.maximum(new_b, 0))
    old = np.sqrt(np.maximum(square, 0))
    return float(np.abs(new - old[a] - old[b]).mean())


@kernel
def _exchange(
    terms: Terms, chain: Chain, first: IntArray, second: IntArray, rise: FloatArray
) -> None:
    """Try exchanges one after the other; each is made if the objective rises no more than told."""
    inner, costs, place = terms.inner, terms.costs, chain.assignment
    n, m = costs.shape
    below = np.zeros((n, m))
    for j in range(n):
        for k in range(n):
            below[j, place[k]] += inner[j, k]
    square = np.zeros(m)
    load = np.zeros(m)
    size = np.zeros(m, dtype=np.int64)
    value = 0.0
    moved = 0
    for j in range(n):
        square[place[j]] += below[j, place[j]]
        load[place[j]] += terms.demand[j]
        size[place[j]] += 1
        value += costs[j, place[j]]
        moved += 1 if terms.home[j] >= 0 and place[j] != terms.home[j] else 0
    norm = np.sqrt(np.maximum(square, 0.0))
    value += norm.sum()
    # The sums are fresh: so is what the best so far is compared with.
    if value < chain.value[0]:
        chain.value[0] = value
        chain.best[:] = place
    for t in range(first.shape[0]):
        j, k = first[t], second[t]
        a = place[j]
        b = place[k] if k < n else k - n
        if a == b or not terms.allowed[j, b]:
            continue
        shift = terms.demand[j]
        away = 1 if terms.home[j] == a else 0
        back = 1 if terms.home[j] == b else 0
        change = costs[j, b] - costs[j, a]
        if k < n:
            if not terms.allowed[k, a]:
                continue
            shift -= terms.demand[k]
            away += 1 if terms.home[k] == b else 0
            back += 1 if terms.home[k] == a else 0
            change += costs[k, a] - costs[k, b]
            spread = inner[j, j] + inner[k, k] - 2 * inner[j, k]
            new_a = square[a] - 2 * (below[j, a] - below[k, a]) + spread
            new_b = square[b] + 2 * (below[j, b] - below[k, b]) + spread
        else:
            if size[b] >= terms.cardinality[b]:
                continue
            new_a = square[a] - 2 * below[j, a] + inner[j, j]
            new_b = square[b] + 2 * below[j, b] + inner[j, j]
        norm_a, norm_b = np.sqrt(max(new_a, 0.0)), np.sqrt(max(new_b, 0.0))
        change += norm_a + norm_b - norm[a] - norm[b]
        if change > rise[t] or moved + away - back > terms.max_moves:
            continue
        if (shift > 0 and load[b] + shift > terms.limit[b]) or (
            shift < 0 and load[a] - shift > terms.limit[a]
        ):
            continue
        for i in range(n):
            step = inner[i, j] - (inner[i, k] if k < n else 0.0)
            below[i, a] -= step
            below[i, b] += step
        square[a], square[b], norm[a], norm[b] = new_a, new_b, norm_a, norm_b
        load[a] -= shift
        load[b] += shift
        moved += away - back
        place[j] = b
        if k < n:
            place[k] = a
        else:
            size[a] -= 1
            size[b] += 1
        value += change
        if value < chain.value[0] * (1 - 1e-12):
            chain.value[0] = value
            chain.best[:] = place
