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
from pygridjl.balancing.set_sources import ROUNDING, Listed, Priced, Searched, Source
from pygridjl.balancing.sets import SetList, count_sets, list_sets
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.types import FloatArray, IntArray
from pygridjl.solvers.linear import LinearModel
from pygridjl.solvers.status import SolverStatus

__all__ = ["columns"]

# Sets in the first of the mixed-integer programs.
FIRST_POOL = 2000


def columns(run: Run, options: ColumnOptions) -> None:
    """Solve over sets, listed or searched for, to the gap or to what the clock allows."""
    problem = run.problem
    if problem.tail_weight > 0:
        raise InvalidOptionError("columns: the tail couples circuits; take cuts or local")
    if problem.coupling is not None:
        raise InvalidOptionError("columns: knows no voltages; take cuts or local")
    sets = count_sets(problem)
    listed = sets <= options.max_sets
    if not listed and (problem.risk != "rms" or problem.n_draw > 1):
        raise InvalidOptionError(
            f"columns: {sets:.3g} sets, more than max_sets = {options.max_sets}, are searched for "
            "the rms risk of one path only; take cuts or local"
        )
    if begin(run) is None and run.bound == np.inf:
        return
    if run.best is not None:
        # Where no program may end, what the search alone would answer is answered at least.
        improve(run, LocalOptions(kicks=START_KICKS) if listed else LocalOptions())
    run.packages.append("highspy")
    source: Source
    if listed:
        with run.watch.phase("list"):
            lists = list_sets(problem, lambda: run.remaining)
            if lists is None:
                run.notes.append(f"the clock ended the listing of {sets} sets")
                return
            source = Listed(problem.n, lists)
            run.say(f"columns: {len(source)} sets")
    else:
        source = Searched(run)
        run.say(f"columns: {sets:.3g} sets, searched for at every price")
    with run.watch.phase("columns"):
        solved = _Prices(run, source).solve()
        if solved is None or run.proven:
            return
        _last_program(run, source, *solved, options)


class _Prices:
    """The dual of the linear program, with the sets that have been of use."""

    def __init__(self, run: Run, source: Source) -> None:
        self.run, self.source = run, source
        self.problem = run.problem
        self.counts = np.array([group.size for group in source.circuits], dtype=np.float64)

    def solve(self) -> tuple[FloatArray, float] | None:
        """Price until nothing is below zero; the best prices and the bound that they prove."""
        from pygridjl.solvers.highs import HighsModel

        run, problem, source = self.run, self.problem, self.source
        n, classes = problem.n, len(source.circuits)
        moves = float(problem.max_moves) if problem.max_moves is not None else 0.0
        # Prices beyond this are never needed: a set's cost is at most what all together cost.
        big = 1e3 * source.scale * max(n, 1)
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
        self._add(program, source.first(run.best))
        best: tuple[FloatArray, float] | None = None
        if source.opening is not None:
            opening = source.opening
            best = self._better(None, opening, -float(cost @ opening), source.price(opening))
        while run.remaining > 0:
            answer = program.solve(time_limit=run.remaining)
            if answer.x is None or answer.status is not SolverStatus.OPTIMAL:
                break
            value = -float(cost @ answer.x)
            # Prices between the best so far and these move less from round to round.
            trial = answer.x if best is None else 0.5 * best[0] + 0.5 * answer.x
            priced = source.price(trial)
            best = self._better(best, trial, -float(cost @ trial), priced)
            shown = run.bound if best is None else best[1]
            run.say(f"columns: bound {shown:.6g} of {value:.6g}")
            if value - shown <= ROUNDING * abs(value) or run.proven:
                break
            if not self._add(program, priced.sets):
                priced = source.price(answer.x)
                best = self._better(best, answer.x, value, priced)
                if not self._add(program, priced.sets):
                    # Nothing is below zero at the program's own prices: it is solved.
                    break
        return best

    def _better(
        self,
        best: tuple[FloatArray, float] | None,
        prices: FloatArray,
        value: float,
        priced: Priced,
    ) -> tuple[FloatArray, float]:
        """Return the better of two prices by what they prove, which the run is told."""
        bound = value + float(self.counts @ np.minimum(priced.least, 0.0))
        if best is not None and bound <= best[1]:
            return best
        self.run.prove(bound, "lp over sets")
        return prices, bound

    def _add(self, program: object, lists: list[SetList]) -> bool:
        """Add rows π(S) + μ_c − ν·moves(S) ≤ cost(S); False if there are none."""
        from pygridjl.solvers.highs import HighsModel

        assert isinstance(program, HighsModel)
        n, classes = self.problem.n, len(lists)
        added = False
        for c, chosen in enumerate(lists):
            if not len(chosen):
                continue
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
    run: Run, source: Source, prices: FloatArray, linear: float, options: ColumnOptions
) -> None:
    """Mixed-integer programs over more and more sets, those of the least reduced costs first.

    An assignment with a set of reduced cost above θ costs at least θ more than the bound of the
    prices. So the program over all sets up to θ proves the lesser of its own bound and that one.
    """
    from pygridjl.solvers.highs import HighsModel

    count = FIRST_POOL
    while not run.proven and run.remaining > 0:
        rest = run.value - linear if run.best is not None else np.inf
        taken = min(count, options.pool)
        within = source.within(prices, rest + ROUNDING * abs(run.value), taken)
        if within is None:
            return
        chosen = within.sets
        run.say(f"columns: {sum(map(len, chosen))} sets, {run.value:.6g}")
        model = _set_model(run.problem, chosen)
        answer = HighsModel(model, gap=min(run.gap, 1e-7)).solve(time_limit=run.remaining)
        if answer.x is not None:
            run.offer(_assignment(run.problem, chosen, answer.x))
        run.prove(min(answer.bound, linear + within.limit, run.value), "milp over sets")
        if answer.status is SolverStatus.TIME_LIMIT or within.limit == np.inf:
            return
        if taken == options.pool:
            run.notes.append(
                f"more sets could be in a better assignment than the {taken} that were tried"
            )
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
