"""Local search by moves and swaps with exact gains, restarted from random exchanges.

Pairs of circuits are scanned until none of them holds an exchange that gains: a move of one service
point or a swap of two, among the ``width`` most promising of either circuit by the slopes of the
norms, which are all of them while circuits hold no more than that. No compiled code: candidates of
a pair are priced together by matrix products. Where inner products say all about a problem of
moderate size, exchanges at a falling temperature come between two descents.
"""

from __future__ import annotations

import itertools

import numpy as np

from pygridjl.balancing.cooling import cool, cools
from pygridjl.balancing.neighbourhood import NOBODY, State
from pygridjl.balancing.options import LocalOptions
from pygridjl.balancing.repair import begin, loose_assignment
from pygridjl.balancing.run import Run
from pygridjl.core.arguments import generator
from pygridjl.core.types import FloatArray, IntArray

__all__ = ["START_KICKS", "improve", "local"]

# A gain below this share of the objective is rounding.
ROUNDING = 1e-11
# Random exchanges of a kick.
KICK = 3
# Pairs that are drawn for them; fewer exchanges, or none, where the rules allow few.
TRIES = 60
# Kicks unless asked for, by the number of service points.
SMALL, KICKS = 500, 60
# Kicks before an exact method, which needs a good answer but not the best.
START_KICKS = 10
# Exchanges that follow from one priced block before it is priced anew.
FROM_ONE_BLOCK = 64


def local(run: Run, options: LocalOptions) -> None:
    """Search from the best assignment so far, or from a first one."""
    if begin(run) is None and run.problem.coupling is not None:
        with run.watch.phase("limits"):
            keep_limits(run)
    if run.best is not None:
        improve(run, options)


def keep_limits(run: Run) -> None:
    """Exchange from an assignment that breaks limits of the grid until it keeps them."""
    problem = run.problem
    found = loose_assignment(problem, time_limit=run.remaining)
    if found is None:
        return
    state = State(problem, found)
    assert state.voltages is not None
    while run.remaining > 0:
        excess = state.voltages.excess()
        run.say(f"local: outside the limits by {excess.sum():.3g}")
        if excess.sum() == 0:
            run.offer(state.assignment)
            return
        best = _least_excess(state, int(np.argmax(excess)), excess)
        if best is None:
            return
        state.exchange(*best)


def _least_excess(state: State, a: int, excess: FloatArray) -> tuple[int, int, int, int] | None:
    """Return the exchange out of circuit a that lowers the excess most; None if none does."""
    assert state.voltages is not None
    best, least = None, -1e-12
    for b in range(state.problem.m):
        if b == a:
            continue
        out, back = state.members[a], np.append(NOBODY, state.members[b])
        allowed = np.isfinite(state.gains(a, b, out, back))
        for p, q in np.argwhere(allowed).tolist():
            j, k = int(out[p]), int(back[q])
            change = state.voltages.excess_after(a, b, j, k) - excess[a] - excess[b]
            if change < least:
                best, least = (a, b, j, k), change
        if best is not None and best[1] == b:
            # The first circuit that helps will do: the rest of the way is looked at again.
            return best
    return best


def improve(run: Run, options: LocalOptions) -> None:
    """Improve the best assignment of a run, which must have one."""
    problem = run.problem
    assert run.best is not None
    if problem.m == 1:
        return
    rng = generator(run.seed)
    kicks = options.kicks
    if kicks is None:
        kicks = 0 if cools(problem) or problem.n > SMALL else KICKS
    with run.watch.phase("local"):
        state = State(problem, run.best)
        finished = _descend(run, state, options.width)
        run.offer(state.assignment)
        if finished and cools(problem):
            finished = cool(run, rng)
            state.reset(run.best)
            finished = _descend(run, state, options.width) and finished
            run.offer(state.assignment)
        for k in range(kicks):
            if run.remaining <= 0:
                finished = False
                break
            state.reset(run.best)
            if not _kick(state, rng):
                break
            _descend(run, state, options.width)
            if run.offer(state.assignment):
                run.say(f"local: kick {k + 1}, {run.value:.6g}")
    if not finished:
        run.notes.append("the local search was stopped by the clock, not by a local optimum")


def _descend(run: Run, state: State, width: int) -> bool:
    """Exchange while that gains; False if the clock ran out first."""
    m = state.problem.m
    dirty = np.ones((m, m), dtype=np.bool_)
    tolerance = ROUNDING * max(abs(state.value), 1e-300)
    wide = state.problem.n > width
    sweep = 0
    while dirty.any():
        sweep += 1
        applied = 0
        if wide:
            state.score()
        for a, b in itertools.combinations(range(m), 2):
            if not dirty[a, b]:
                continue
            if run.remaining <= 0:
                return False
            dirty[a, b] = False
            found = _scan(state, a, b, width, tolerance)
            if found:
                applied += found
                dirty[a, :] = dirty[b, :] = dirty[:, a] = dirty[:, b] = True
        dirty &= np.triu(np.ones((m, m), dtype=np.bool_), 1)
        run.say(f"local: sweep {sweep}, {applied} exchanges, {state.value:.6g}")
    return True


def _scan(state: State, a: int, b: int, width: int, tolerance: float) -> int:
    """Price the exchanges of two circuits and make those that gain; how many were made."""
    room = state.problem.cardinality
    to_b = state.members[b].size < room[b]
    to_a = state.members[a].size < room[a]
    out, back = state.promising(a, b, width)
    # A move is an exchange with nobody, where there is room for it.
    candidates = np.append(out, NOBODY) if to_a else out, np.append(back, NOBODY) if to_b else back
    return _make(state, a, b, candidates, tolerance)


def _make(
    state: State,
    a: int,
    b: int,
    candidates: tuple[IntArray, IntArray],
    tolerance: float,
) -> int:
    """Price exchanges and make them, best first, each priced anew once another has been made."""
    out, back = candidates
    if not out.size or not back.size:
        return 0
    flat = state.gains(a, b, out, back).ravel()
    good = np.flatnonzero(flat > tolerance)
    if not good.size:
        return 0
    order = good[np.argsort(-flat[good], kind="stable")]
    gone: set[int] = set()
    made = 0
    for place in order:
        j, k = int(out[place // back.size]), int(back[place % back.size])
        if (j in gone and j != NOBODY) or (k in gone and k != NOBODY):
            continue
        if made and state.exact_gain(a, b, j, k) <= tolerance:
            # What gains least was priced at sums that have changed most: the rest is left to the
            # next scan of this pair.
            break
        if state.voltages is not None and not state.voltages.allows(a, b, j, k):
            continue
        state.exchange(a, b, j, k)
        gone.update((j, k))
        made += 1
        if made >= FROM_ONE_BLOCK:
            break
    return made


def _kick(state: State, rng: np.random.Generator) -> int:
    """Exchange a few random pairs, whatever that costs, within the rules; how many were found."""
    n = state.problem.n
    done = 0
    for _ in range(TRIES):
        j, k = (int(v) for v in rng.integers(n, size=2))
        a, b = int(state.assignment[j]), int(state.assignment[k])
        if a == b or not np.isfinite(state.exact_gain(a, b, j, k)):
            continue
        if state.voltages is not None and not state.voltages.allows(a, b, j, k):
            continue
        state.exchange(a, b, j, k)
        done += 1
        if done >= KICK:
            break
    return done
