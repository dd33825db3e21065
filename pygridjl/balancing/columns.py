"""Sets of service points as columns: one set a circuit, every service point in one of them.

The linear program over all sets bounds the objective far better than that over x, because the
norm of a set is counted exactly. It is solved in its dual, where a set is a row: prices π of the
service points, μ of the classes of circuits and ν of a move. For *any* prices

    Σ_j π_j + Σ_c m_c μ_c − ν · max_moves + Σ_c m_c · min(0, least reduced cost of class c)

bounds the objective (Lagrange), so every round of pricing proves a bound. Sets whose reduced cost
exceeds the rest of the gap are in no better assignment; those that are left make the last,
mixed-integer program.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array, vstack

from pygridjl.balancing.local_search import START_KICKS, improve
from pygridjl.balancing.options import ColumnOptions, LocalOptions
from pygridjl.balancing.problem import BalancingProblem
from pygridjl.balancing.repair import begin
from pygridjl.balancing.run import Run
from pygridjl.balancing.sets import SetList, count_sets, list_sets
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.types import FloatArray, IntArray
from pygridjl.solvers.linear import LinearModel
from pygridjl.solvers.status import SolverStatus

__all__ = ["columns"]

# Sets that a round of pricing adds, for each class of circuits.
ADDED = 400
# Sets in the first of the mixed-integer programs.
FIRST_POOL = 2000
# A reduced cost this far below zero, relative to the objective, is rounding.
ROUNDING = 1e-9


def columns(run: Run, options: ColumnOptions) -> None:
    """Solve over listed sets, to the gap or to what the clock allows."""
    problem = run.problem
    if problem.tail_weight > 0:
        raise InvalidOptionError("columns: the tail couples circuits; take cuts or local")
    if problem.coupling is not None:
        raise InvalidOptionError("columns: knows no voltages; take cuts or local")
    sets = count_sets(problem)
    if sets > options.max_sets:
        raise InvalidOptionError(
            f"columns: {sets:.3g} sets, more than max_sets = {options.max_sets}; take local"
        )
    if begin(run) is None and run.bound == np.inf:
        return
    if run.best is not None:
        improve(run, LocalOptions(kicks=START_KICKS))
    run.packages.append("highspy")
    with run.watch.phase("list"):
        lists = list_sets(problem)
        run.say(f"columns: {sum(map(len, lists))} sets")
    with run.watch.phase("columns"):
        prices = _Prices(run, lists)
        reduced = prices.solve()
        if reduced is None or run.proven:
            return
        _last_program(run, lists, reduced, options)


class _Prices:
    """The dual of the linear program, with the sets that have been of use."""

    def __init__(self, run: Run, lists: list[SetList]) -> None:
        self.run, self.lists = run, lists
        self.problem = run.problem
        self.counts = np.array([s.circuits.size for s in lists], dtype=np.float64)
        # Prices beyond this are never needed: a set's cost is at most what all together cost.
        self.scale = max((float(s.cost.max(initial=0.0)) for s in lists), default=1.0) or 1.0
        self.used = [np.zeros(len(s), dtype=np.bool_) for s in lists]

    def solve(self) -> list[FloatArray] | None:
        """Price until nothing is below zero; the reduced costs of all sets at the best prices."""
        from pygridjl.solvers.highs import HighsModel

        run, problem = self.run, self.problem
        n, classes = problem.n, len(self.lists)
        moves = float(problem.max_moves) if problem.max_moves is not None else 0.0
        big = 1e3 * self.scale * max(n, 1)
        # Maximise Σ π + Σ m_c μ_c − ν · moves: minimise its opposite.
        cost = -np.concatenate([np.ones(n), self.counts, [-moves]])
        model = LinearModel(
            cost=cost,
            matrix=csr_array((0, n + classes + 1)),
            row_lower=np.empty(0),
            row_upper=np.empty(0),
            col_lower=np.concatenate([np.full(n, -big), np.full(classes, -big), [0.0]]),
            col_upper=np.concatenate(
                [
                    np.full(n, big),
                    np.zeros(classes),
                    [big if problem.max_moves is not None else 0.0],
                ]
            ),
        )
        program = HighsModel(model)
        self._add(program, self._first())
        center: FloatArray | None = None
        best_bound, reduced = -np.inf, None
        while run.remaining > 0:
            answer = program.solve(time_limit=run.remaining)
            if answer.x is None or answer.status is not SolverStatus.OPTIMAL:
                break
            # Prices between the best so far and these move less from round to round.
            trial = answer.x if center is None else 0.5 * center + 0.5 * answer.x
            found, least = self._reduced(trial)
            bound = -float(cost @ trial) + float(self.counts @ np.minimum(least, 0.0))
            if bound > best_bound:
                best_bound, center, reduced = bound, trial, found
                run.prove(bound, "lp over sets")
            value = -float(cost @ answer.x)
            run.say(f"columns: bound {best_bound:.6g} of {value:.6g}")
            if value - best_bound <= ROUNDING * abs(value) or run.proven:
                break
            if not self._add(program, self._below(found)):
                found, least = self._reduced(answer.x)
                if not self._add(program, self._below(found)):
                    # Nothing is below zero at the program's own prices: it is solved.
                    run.prove(value + float(self.counts @ np.minimum(least, 0.0)), "lp over sets")
                    return found
        return reduced

    def _reduced(self, prices: FloatArray) -> tuple[list[FloatArray], FloatArray]:
        n = self.problem.n
        point = np.append(prices[:n], 0.0)
        found = [
            s.cost - point[s.members].sum(axis=1) - prices[n + c] + prices[-1] * s.moves
            for c, s in enumerate(self.lists)
        ]
        return found, np.array([f.min(initial=np.inf) for f in found])

    def _first(self) -> list[IntArray]:
        """Return the cheapest sets of each class, and those of the best assignment so far."""
        places = []
        for c, s in enumerate(self.lists):
            cheap = np.argsort(s.cost, kind="stable")[:ADDED]
            places.append(np.union1d(cheap, self._of_best(c)))
        return places

    def _of_best(self, c: int) -> IntArray:
        assignment = self.run.best
        if assignment is None:
            return np.empty(0, dtype=np.int64)
        members = self.lists[c].members
        places = []
        for i in self.lists[c].circuits:
            inside = np.full(members.shape[1], self.problem.n)
            held = np.flatnonzero(assignment == i)
            inside[: held.size] = held
            places.append(np.flatnonzero((members == inside).all(axis=1)))
        return np.concatenate(places)

    def _below(self, reduced: list[FloatArray]) -> list[IntArray]:
        """Most negative sets of each class."""
        places = []
        for f, used in zip(reduced, self.used, strict=True):
            negative = np.flatnonzero((f < -ROUNDING * self.scale) & ~used)
            worst = negative[np.argsort(f[negative], kind="stable")[:ADDED]]
            places.append(worst)
        return places

    def _add(self, program: object, places: list[IntArray]) -> bool:
        """Add rows π(S) + μ_c − ν·moves(S) ≤ cost(S); False if there are none."""
        from pygridjl.solvers.highs import HighsModel

        assert isinstance(program, HighsModel)
        n, classes = self.problem.n, len(self.lists)
        added = False
        for c, (s, place) in enumerate(zip(self.lists, places, strict=True)):
            if not place.size:
                continue
            self.used[c][place] = True
            chosen = s.take(place)
            rows = _membership(chosen.members, n, n + classes + 1)
            tail = np.zeros((len(chosen), 2))
            tail[:, 0], tail[:, 1] = 1.0, -chosen.moves
            extra = csr_array(
                (
                    tail.ravel(),
                    np.tile([n + c, n + classes], len(chosen)),
                    2 * np.arange(len(chosen) + 1),
                ),
                shape=rows.shape,
            )
            matrix = csr_array(rows + extra)
            program.add_rows(matrix, np.full(len(chosen), -np.inf), chosen.cost)
            added = True
        return added


def _membership(members: IntArray, n: int, width: int) -> csr_array:
    """One row a set with ones at its service points."""
    real = members < n
    indptr = np.concatenate([[0], np.cumsum(real.sum(axis=1))])
    return csr_array(
        (np.ones(int(indptr[-1])), members[real], indptr), shape=(members.shape[0], width)
    )


def _last_program(
    run: Run, lists: list[SetList], reduced: list[FloatArray], options: ColumnOptions
) -> None:
    """Mixed-integer programs over more and more sets, those of the least reduced costs first.

    An assignment with a set of reduced cost above θ costs at least θ more than the bound of the
    linear program. So the program over all sets up to θ proves the lesser of its own bound and
    that one.
    """
    from pygridjl.solvers.highs import HighsModel

    linear, count = run.bound, FIRST_POOL
    everything = np.sort(np.concatenate(reduced))
    while not run.proven and run.remaining > 0:
        rest = run.value - linear if run.best is not None else np.inf
        needed = int(np.searchsorted(everything, rest + ROUNDING * abs(run.value), side="right"))
        taken = min(count, needed, options.pool)
        limit = everything[taken] if taken < everything.size else np.inf
        kept = [np.flatnonzero(f < limit) for f in reduced]
        chosen = [s.take(k) for s, k in zip(lists, kept, strict=True)]
        run.say(f"columns: {sum(map(len, chosen))} of {needed} sets, {run.value:.6g}")
        model = _set_model(run.problem, chosen)
        answer = HighsModel(model, gap=min(run.gap, 1e-7)).solve(time_limit=run.remaining)
        if answer.x is not None:
            run.offer(_assignment(run.problem, chosen, answer.x))
        outside = linear + float(limit)
        run.prove(min(answer.bound, outside, run.value), "milp over sets")
        if answer.status is SolverStatus.TIME_LIMIT or taken == needed:
            return
        if taken == options.pool:
            run.notes.append(f"{needed} sets could be in a better assignment, {taken} were tried")
            return
        count *= 8


def _set_model(problem: BalancingProblem, lists: list[SetList]) -> LinearModel:
    """Choose sets: every service point once, no class more often than it has circuits."""
    n, classes = problem.n, len(lists)
    rows = []
    for c, s in enumerate(lists):
        ones = _membership(s.members, n, n + classes + 1)
        extra = csr_array(
            (
                np.column_stack([np.ones(len(s)), s.moves]).ravel(),
                np.tile([n + c, n + classes], len(s)),
                2 * np.arange(len(s) + 1),
            ),
            shape=ones.shape,
        )
        rows.append(csr_array(ones + extra))
    matrix = csr_array(csr_array(vstack(rows, format="csr")).T)
    size = matrix.shape[1]
    moves = np.inf if problem.max_moves is None else float(problem.max_moves)
    counts = np.array([s.circuits.size for s in lists], dtype=np.float64)
    return LinearModel(
        cost=np.concatenate([s.cost for s in lists]),
        matrix=matrix,
        row_lower=np.concatenate([np.ones(n), np.zeros(classes + 1)]),
        row_upper=np.concatenate([np.ones(n), counts, [moves]]),
        col_lower=np.zeros(size),
        col_upper=np.ones(size),
        integer=np.ones(size, dtype=np.bool_),
    )


def _assignment(problem: BalancingProblem, lists: list[SetList], x: FloatArray) -> IntArray:
    assignment = np.full(problem.n, -1, dtype=np.int64)
    first = 0
    for s in lists:
        taken = np.flatnonzero(x[first : first + len(s)] > 0.5)
        first += len(s)
        for i, place in zip(s.circuits, taken, strict=False):
            inside = s.members[place]
            assignment[inside[inside < problem.n]] = i
    return assignment
