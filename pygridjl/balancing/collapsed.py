"""Linear programs of the paper: the collapsed one, and the pathwise one with a row a time step.

Collapsed: for any direction g of dual norm one, ‖Δ_i‖ ≥ |⟨g, Δ_i⟩| = |Σ_j a_j x_ij| with
a_j = ⟨g, δ_j⟩, so that the program with these a_j bounds the objective of *any* data from below;
when the deviations have rank one, δ_j = a_j ε, it is exact (§3.2 of the paper). It needs weights
that do not depend on the circuit. A linear program without the integrality of x is a relaxation:
the claim of §3.1 that it has one-hot optima is false in general.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array, csr_array, vstack

from pygridjl.balancing.assignment import assignment_of, assignment_rows
from pygridjl.balancing.options import LinearOptions
from pygridjl.balancing.problem import BalancingProblem
from pygridjl.balancing.repair import nearest_assignment
from pygridjl.balancing.run import Run
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.types import FloatArray
from pygridjl.solvers.linear import LinearModel
from pygridjl.solvers.status import SolverStatus

__all__ = ["collapsed", "collapsed_model", "leading_direction", "pathwise", "pathwise_model"]


def leading_direction(paths: FloatArray, weights: FloatArray, risk: str) -> FloatArray:
    """Direction g of dual norm one that carries most of the deviations.

    Parameters
    ----------
    paths : ndarray, shape (n, n_time)
        Deviations of one draw.
    weights : ndarray, shape (n_time,)
        Weights of the norm.
    risk : {"rms", "l1"}
        The norm.

    Returns
    -------
    ndarray, shape (n_time,)
        ``√w ∘ u`` with u the leading right singular vector of δ∘√w for rms, ``w ∘ sign(u)``
        for l1: then ⟨g, Δ⟩ ≤ ‖Δ‖ for every Δ, with equality where Δ is a multiple of ε > 0.
    """
    root = np.sqrt(weights)
    _, vectors = np.linalg.eigh((paths * root).T @ (paths * root))
    u = vectors[:, -1]
    u = u if u.sum() >= 0 else -u
    direction: FloatArray = root * u if risk == "rms" else weights * np.where(u >= 0, 1.0, -1.0)
    return direction


def collapsed_model(
    problem: BalancingProblem, amplitude: FloatArray, *, relaxed: bool
) -> LinearModel:
    """Minimise the sum of |Σ_j a_j x_ij| over circuits and draws under the rules of the problem.

    Parameters
    ----------
    problem : BalancingProblem
        Rules and costs.
    amplitude : ndarray, shape (n_draw, n)
        a_j of every draw.
    relaxed : bool
        Whether x may be fractional.

    Returns
    -------
    LinearModel
        Columns: x, then u of every draw and circuit, then those of the tail.
    """
    draws, n, m = problem.n_draw, problem.n, problem.m
    draw, circuit, point = (k.ravel() for k in np.indices((draws, m, n)))
    row = draw * m + circuit
    entries = coo_array(
        (np.broadcast_to(amplitude[:, None, :], (draws, m, n)).ravel(), (row, point * m + circuit)),
        shape=(draws * m, n * m),
    )
    return _norm_model(problem, csr_array(entries), np.ones(draws * m), relaxed)


def pathwise_model(problem: BalancingProblem, *, relaxed: bool) -> LinearModel:
    """Minimise the l1 objective with two rows a draw, circuit and time step (§3.1).

    Parameters
    ----------
    problem : BalancingProblem
        The problem.
    relaxed : bool
        Whether x may be fractional.

    Returns
    -------
    LinearModel
        Columns: x, then z of every draw, circuit and step, then those of the tail.
    """
    draws, n, m, steps = problem.n_draw, problem.n, problem.m, problem.n_time
    draw, circuit, step, point = (k.ravel() for k in np.indices((draws, m, steps, n)))
    row = (draw * m + circuit) * steps + step
    entries = coo_array(
        (problem.deviations[draw, point, step], (row, point * m + circuit)),
        shape=(draws * m * steps, n * m),
    )
    weight = np.broadcast_to(problem.weights, (draws, m, steps)).ravel()
    return _norm_model(problem, csr_array(entries), weight, relaxed)


def _norm_model(
    problem: BalancingProblem, sums: csr_array, weight: FloatArray, relaxed: bool
) -> LinearModel:
    """Epigraphs of |row of sums · x|, weighed and added up to the losses of the draws."""
    rules = assignment_rows(problem, symmetric=relaxed)
    draws, columns, k = problem.n_draw, rules.cost.size, sums.shape[0]
    tail = problem.tail_weight > 0
    extra = draws + 1 if tail else 0
    eye = csr_array((np.ones(k), (np.arange(k), np.arange(k))), shape=(k, k))
    parts = [
        _block(rules.matrix, columns + k + extra, 0),
        _block(-sums, columns + k + extra, 0) + _block(eye, columns + k + extra, columns),
        _block(sums, columns + k + extra, 0) + _block(eye, columns + k + extra, columns),
    ]
    lower = [rules.lower, np.zeros(2 * k)]
    upper = [rules.upper, np.full(2 * k, np.inf)]
    cost = np.concatenate([rules.cost, weight / draws, np.zeros(extra)])
    if tail:
        # ξ_s + η − Σ weight z ≥ 0, with cost tail_weight · (η + Σ ξ_s / ((1 − α) n_draw)).
        owner = np.arange(k) // (k // draws)
        losses = csr_array((weight, (owner, np.arange(k))), shape=(draws, k))
        excess = csr_array((np.ones(draws), (np.arange(draws), np.arange(draws))))
        eta = csr_array(np.ones((draws, 1)))
        width = columns + k + extra
        parts.append(
            _block(-losses, width, columns)
            + _block(excess, width, columns + k)
            + _block(eta, width, width - 1)
        )
        lower.append(np.zeros(draws))
        upper.append(np.full(draws, np.inf))
        cost[columns + k : -1] = problem.tail_weight / ((1 - problem.tail) * draws)
        cost[-1] = problem.tail_weight
    integer = np.zeros(cost.size, dtype=np.bool_)
    integer[:columns] = not relaxed
    return LinearModel(
        cost=cost,
        matrix=csr_array(vstack(parts, format="csr")),
        row_lower=np.concatenate(lower),
        row_upper=np.concatenate(upper),
        col_lower=np.zeros(cost.size),
        col_upper=np.concatenate([rules.top, np.full(k + extra, np.inf)]),
        integer=integer if integer.any() else None,
    )


def _block(matrix: csr_array, width: int, at: int) -> csr_array:
    """Place a matrix at a column of a wider one."""
    wide = csr_array(matrix)
    return csr_array((wide.data, wide.indices + at, wide.indptr), shape=(wide.shape[0], width))


def collapsed(run: Run, options: LinearOptions) -> None:
    """Solve the collapsed program; its value bounds the objective whatever the data are."""
    problem = run.problem
    if not problem.weights_alike:
        raise InvalidOptionError("collapsed: needs weights that do not depend on the circuit")
    weights = problem.weights[0]
    amplitude = np.stack(
        [draw @ leading_direction(draw, weights, problem.risk) for draw in problem.deviations]
    )
    _solve(run, collapsed_model(problem, amplitude, relaxed=options.relaxed), "collapsed", options)


def pathwise(run: Run, options: LinearOptions) -> None:
    """Solve the program of §3.1, with a row a time step; the objective must be l1."""
    if run.problem.risk != "l1":
        raise InvalidOptionError("pathwise: solves the l1 objective; take cuts or columns for rms")
    _solve(run, pathwise_model(run.problem, relaxed=options.relaxed), "pathwise", options)


def _solve(run: Run, model: LinearModel, name: str, options: LinearOptions) -> None:
    from pygridjl.solvers.highs import HighsModel

    problem = run.problem
    if problem.coupling is not None:
        raise InvalidOptionError(f"{name}: knows no voltages; take cuts or local")
    run.packages.append("highspy")
    with run.watch.phase(name):
        answer = HighsModel(model, gap=run.gap).solve(time_limit=run.remaining)
        exact = answer.status is SolverStatus.OPTIMAL
        if exact or not options.relaxed or answer.status is SolverStatus.INFEASIBLE:
            run.prove(answer.bound, f"{name} {'lp' if options.relaxed else 'milp'}")
        if answer.x is None:
            return
        shares = answer.x[: problem.n * problem.m].reshape(problem.n, problem.m)
        fractional = int((np.abs(shares - np.rint(shares)) > 1e-6).any(axis=1).sum())
        if fractional:
            run.notes.append(
                f"the linear program leaves {fractional} of {problem.n} service points between "
                "circuits: rounded to the nearest assignment that keeps the rules"
            )
            found = nearest_assignment(problem, shares, time_limit=run.remaining)
            if found is not None:
                run.offer(found)
            return
        run.offer(assignment_of(answer.x, problem))
