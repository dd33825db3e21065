"""Exact methods by the norm itself: outer cuts with HiGHS, second-order cones with SCIP.

The norm of a circuit is convex, so for every subgradient g of it ‖Δ_i‖ ≥ ⟨g, Δ_i⟩ =
Σ_j ⟨g, δ_j⟩ x_ij: a linear cut in the assignment. A mixed-integer program with these cuts bounds
the objective from below; cuts at its answer close the gap in finitely many rounds, because there
are finitely many assignments.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array, csr_array

from pygridjl.balancing.assignment import assignment_of, assignment_rows, ordered
from pygridjl.balancing.local_search import START_KICKS, improve
from pygridjl.balancing.losses import circuit_losses, circuit_sums
from pygridjl.balancing.options import CutOptions, LocalOptions
from pygridjl.balancing.problem import BalancingProblem
from pygridjl.balancing.repair import begin
from pygridjl.balancing.run import Run
from pygridjl.balancing.sets import count_sets, list_sets
from pygridjl.balancing.subgradients import subgradients
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.jit import working_time
from pygridjl.core.options import NoOptions
from pygridjl.core.types import BoolArray, FloatArray, IntArray
from pygridjl.solvers.linear import LinearModel
from pygridjl.solvers.status import SolverStatus

__all__ = ["cuts", "scip"]

# Up to so many sets of service points, each has its cut from the beginning.
FEW_SETS = 600
# Rounds of the linear relaxation before the first tree search.
RELAXED_ROUNDS = 30


class _Columns:
    """Where x, the norms r of every draw and circuit, and the tail stand in the program."""

    def __init__(self, problem: BalancingProblem) -> None:
        self.problem = problem
        self.x = problem.n * problem.m
        self.r = problem.n_draw * problem.m
        self.tail = problem.n_draw + 1 if problem.tail_weight > 0 else 0
        self.size = self.x + self.r + self.tail

    def model(self, *, relaxed: bool) -> LinearModel:
        """Rules of the assignment, rows of the tail; no cut yet."""
        problem, rules = self.problem, assignment_rows(self.problem)
        draws = problem.n_draw
        cost = np.concatenate([rules.cost, np.full(self.r, 1.0 / draws), np.zeros(self.tail)])
        matrix = csr_array(
            (rules.matrix.data, rules.matrix.indices, rules.matrix.indptr),
            shape=(rules.matrix.shape[0], self.size),
        )
        lower, upper = rules.lower, rules.upper
        if self.tail:
            share = problem.tail_weight / ((1 - problem.tail) * draws)
            cost[self.x + self.r : -1] = share
            cost[-1] = problem.tail_weight
            draw = np.arange(draws)
            losses = np.repeat(draw, problem.m)
            rows = np.concatenate([losses, draw, draw])
            columns = np.concatenate(
                [
                    self.x + np.arange(self.r),
                    self.x + self.r + draw,
                    np.full(draws, self.size - 1),
                ]
            )
            values = np.concatenate([-np.ones(self.r), np.ones(2 * draws)])
            tail = csr_array(coo_array((values, (rows, columns)), shape=(draws, self.size)))
            matrix = _stack(matrix, tail)
            lower = np.concatenate([lower, np.zeros(draws)])
            upper = np.concatenate([upper, np.full(draws, np.inf)])
        integer = np.zeros(self.size, dtype=np.bool_)
        integer[: self.x] = True
        return LinearModel(
            cost=cost,
            matrix=matrix,
            row_lower=lower,
            row_upper=upper,
            col_lower=np.zeros(self.size),
            col_upper=np.concatenate([rules.top, np.full(self.r + self.tail, np.inf)]),
            integer=None if relaxed else integer,
        )

    def cuts_at(self, sums: FloatArray) -> csr_array:
        """Cuts r_si ≥ ⟨g, Δ_i^s⟩ at circuit sums (n_draw, m, n_time), for all circuits alike."""
        problem = self.problem
        rows, n, m = [], problem.n, problem.m
        for s in range(problem.n_draw):
            for i in range(m):
                if not sums[s, i].any():
                    continue
                others = range(m) if problem.weights_alike else (i,)
                g = subgradients(sums[s, i], problem.weights[i], problem.risk)
                a = problem.deviations[s] @ g
                for k in others:
                    columns = np.append(np.arange(n) * m + k, self.x + s * m + k)
                    rows.append((columns, np.append(-a, 1.0)))
        indptr = np.concatenate([[0], np.cumsum([c.size for c, _ in rows])]).astype(np.int64)
        return csr_array(
            (
                np.concatenate([v for _, v in rows]) if rows else np.empty(0),
                np.concatenate([c for c, _ in rows]) if rows else np.empty(0, dtype=np.int64),
                indptr,
            ),
            shape=(len(rows), self.size),
        )

    def start(self, assignment: IntArray) -> FloatArray:
        """Return the whole point that belongs to an assignment."""
        problem = self.problem
        x = np.zeros(self.size)
        x[np.arange(problem.n) * problem.m + assignment] = 1.0
        losses = circuit_losses(problem, assignment)
        x[self.x : self.x + self.r] = losses.ravel()
        if self.tail:
            total = losses.sum(axis=1)
            # The η of the tail is one of the losses; the right one costs least.
            excess = np.maximum(total[None, :] - total[:, None], 0.0)
            price = total + excess.mean(axis=1) / (1 - problem.tail)
            best = int(np.argmin(price))
            x[self.x + self.r : -1] = excess[best]
            x[-1] = total[best]
        return x


def cuts(run: Run, options: CutOptions) -> None:
    """Solve to the gap by mixed-integer programs with cuts of the norm at their answers."""
    from pygridjl.solvers.highs import HighsModel

    problem = run.problem
    if begin(run) is not None:
        improve(run, LocalOptions(kicks=START_KICKS))
    run.packages.append("highspy")
    place = _Columns(problem)
    with run.watch.phase("cuts"):
        total = np.repeat(problem.deviations.sum(axis=1)[:, None, :], problem.m, axis=1)
        pool = place.cuts_at(total)
        if run.best is not None:
            best = circuit_sums(problem.deviations, run.best, problem.m)
            pool = _stack(pool, place.cuts_at(best))
        if problem.weights_alike and count_sets(problem) <= FEW_SETS:
            pool = _stack(pool, _cuts_of_sets(run, place))
        pool = _stack(pool, _relaxed_cuts(run, place, pool))
        program = HighsModel(place.model(relaxed=False), gap=min(run.gap, 1e-6) / 2)
        none = np.full(pool.shape[0], np.inf)
        program.add_rows(pool, np.zeros(pool.shape[0]), none)
        for k in range(options.rounds):
            if run.best is not None:
                program.set_start(place.start(ordered(problem, run.best)))
            answer = program.solve(time_limit=run.remaining)
            run.prove(answer.bound, "outer-cut milp")
            if answer.x is None:
                break
            found = assignment_of(answer.x, problem)
            fresh = place.cuts_at(circuit_sums(problem.deviations, found, problem.m))
            if problem.coupling is not None:
                limits, side = problem.coupling.violated_rows(found, place.size)
                program.add_rows(limits, np.full(side.size, -np.inf), side)
            run.offer(found)
            run.say(f"cuts: round {k + 1}, {run.bound:.6g} to {run.value:.6g}")
            if run.proven or answer.status is not SolverStatus.OPTIMAL:
                break
            program.add_rows(fresh, np.zeros(fresh.shape[0]), np.full(fresh.shape[0], np.inf))


def _cuts_of_sets(run: Run, place: _Columns) -> csr_array:
    """Cuts at every set a circuit may hold: the first program then is exact."""
    problem = place.problem
    padded = np.concatenate(
        [problem.deviations, np.zeros((problem.n_draw, 1, problem.n_time))], axis=1
    )
    rows = csr_array((0, place.size))
    for listed in list_sets(problem, lambda: run.remaining) or ():
        sums = padded[:, listed.members].sum(axis=2)
        for first in range(0, len(listed), problem.m):
            some = np.zeros((problem.n_draw, problem.m, problem.n_time))
            part = sums[:, first : first + problem.m]
            some[:, : part.shape[1]] = part
            rows = _stack(rows, place.cuts_at(some))
    return rows


def _relaxed_cuts(run: Run, place: _Columns, pool: csr_array) -> csr_array:
    """Cuts at the answers of the linear relaxation, until they gain nothing."""
    from pygridjl.solvers.highs import HighsModel

    problem = run.problem
    program = HighsModel(place.model(relaxed=True))
    program.add_rows(pool, np.zeros(pool.shape[0]), np.full(pool.shape[0], np.inf))
    added = csr_array((0, place.size))
    last = -np.inf
    for _ in range(RELAXED_ROUNDS):
        answer = program.solve(time_limit=run.remaining)
        if answer.x is None or answer.objective is None:
            break
        if answer.objective <= last + 1e-6 * abs(last):
            break
        last = answer.objective
        shares = answer.x[: place.x].reshape(problem.n, problem.m)
        sums = np.einsum("ji,sjt->sit", shares, problem.deviations)
        fresh = place.cuts_at(sums)
        program.add_rows(fresh, np.zeros(fresh.shape[0]), np.full(fresh.shape[0], np.inf))
        added = _stack(added, fresh)
    return added


def scip(run: Run, _options: NoOptions) -> None:
    """Solve the rms objective as a mixed-integer second-order cone program by SCIP."""
    from pygridjl.solvers.scip import ScipModel

    problem = run.problem
    if problem.risk != "rms":
        raise InvalidOptionError("scip: solves the rms objective; take pathwise or cuts for l1")
    if problem.coupling is not None:
        raise InvalidOptionError("scip: knows no voltages; take cuts or local")
    if begin(run) is not None:
        improve(run, LocalOptions(kicks=START_KICKS))
    run.packages.append("pyscipopt")
    place = _Columns(problem)
    model = place.model(relaxed=False)
    with run.watch.phase("scip"):
        factors = [
            [_factor(draw, problem.weights[i]) for i in range(problem.m)]
            for draw in problem.deviations
        ]
        depth = [f.shape[0] for parts in factors for f in parts]
        first = place.size + np.concatenate([[0], np.cumsum(depth)])
        more = int(sum(depth))
        assert model.integer is not None
        program = ScipModel(
            np.append(model.cost, np.zeros(more)),
            np.append(model.col_lower, np.full(more, -np.inf)),
            np.append(model.col_upper, np.full(more, np.inf)),
            _widened(model.integer, more),
            feasibility=1e-9,
        )
        program.add_rows(_wide(model.matrix, place.size + more), model.row_lower, model.row_upper)
        began = working_time()
        for k, factor in enumerate(f for parts in factors for f in parts):
            _add_norm(program, place, factor, k, int(first[k]), place.size + more)
            # The others take as long each, and SCIP keeps as long as all of them together.
            each = (working_time() - began) / (k + 1)
            if run.remaining < (2 * place.r - k - 1) * each:
                run.notes.append("scip: not begun, building its program needs the time left")
                run.timed_out = True
                return
        if run.best is not None:
            begin_at = ordered(problem, run.best)
            x = place.start(begin_at)
            chosen = x[: place.x].reshape(problem.n, problem.m)
            y = [
                factors[k // problem.m][k % problem.m] @ chosen[:, k % problem.m]
                for k in range(place.r)
            ]
            program.set_start(np.concatenate([x, *y]))
        answer = program.solve(time_limit=run.remaining, gap=min(run.gap, 1e-6) / 10)
        run.timed_out = answer.status is SolverStatus.TIME_LIMIT
        run.prove(answer.bound, "scip misocp")
        if answer.x is not None:
            run.offer(assignment_of(answer.x, problem))


def _add_norm(
    program: object, place: _Columns, factor: FloatArray, k: int, first: int, width: int
) -> None:
    """Rows y = F x_i and the cone ‖y‖ ≤ r of one draw and circuit."""
    from pygridjl.solvers.scip import ScipModel

    assert isinstance(program, ScipModel)
    problem = place.problem
    depth, i = factor.shape[0], k % problem.m
    rows = np.repeat(np.arange(depth), problem.n + 1)
    columns = np.concatenate(
        [np.append(np.arange(problem.n) * problem.m + i, first + d) for d in range(depth)]
    )
    values = np.concatenate([np.append(-factor[d], 1.0) for d in range(depth)])
    matrix = csr_array(coo_array((values, (rows, columns)), shape=(depth, width)))
    program.add_rows(matrix, np.zeros(depth), np.zeros(depth))
    r = place.x + k
    program.add_cone([first + d for d in range(depth)], r, r)


def _factor(draw: FloatArray, weights: FloatArray) -> FloatArray:
    """Return F with ‖F x‖ = √(Σ_t w_t (Σ_j x_j δ_j(t))²): at most n rows instead of n_time."""
    full = (draw * np.sqrt(weights)).T
    return np.asarray(np.linalg.qr(full, mode="r")) if full.shape[0] > full.shape[1] else full


def _widened(integer: BoolArray, more: int) -> BoolArray:
    return np.append(integer, np.zeros(more, dtype=np.bool_))


def _wide(matrix: csr_array, width: int) -> csr_array:
    return csr_array((matrix.data, matrix.indices, matrix.indptr), shape=(matrix.shape[0], width))


def _stack(above: csr_array, below: csr_array) -> csr_array:
    return csr_array(
        (
            np.concatenate([above.data, below.data]),
            np.concatenate([above.indices, below.indices]),
            np.concatenate([above.indptr, above.indptr[-1] + below.indptr[1:]]),
        ),
        shape=(above.shape[0] + below.shape[0], above.shape[1]),
    )
