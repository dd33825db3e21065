"""Rows and columns that every mixed-integer program of the assignment shares, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csr_array, eye_array, kron, vstack

from pygridjl.balancing.problem import BalancingProblem
from pygridjl.core.types import FloatArray, IntArray

__all__ = ["AssignmentRows", "assignment_of", "assignment_rows", "ordered"]


@dataclass(frozen=True, eq=False)
class AssignmentRows:
    """Constraints on x, whose column j·m + i says that service point j is on circuit i.

    Attributes
    ----------
    cost : ndarray, shape (n·m,)
        Costs of the moves.
    matrix : csr_array, shape (k, n·m)
        Rows: one circuit each, cardinality, capacity, moves.
    lower, upper : ndarray, shape (k,)
        Their bounds.
    top : ndarray, shape (n·m,)
        Upper bounds of the columns: 0 where an assignment is not allowed.
    """

    cost: FloatArray
    matrix: csr_array
    lower: FloatArray
    upper: FloatArray
    top: FloatArray


def assignment_rows(problem: BalancingProblem, *, symmetric: bool = False) -> AssignmentRows:
    """Build the rows of a problem.

    Parameters
    ----------
    problem : BalancingProblem
        The problem.
    symmetric : bool
        Whether to keep every order of circuits that can be exchanged. Otherwise the k-th of them
        may only hold service points from the k-th one on, which some order always satisfies.

    Returns
    -------
    AssignmentRows
        The arrays.
    """
    n, m = problem.n, problem.m
    one = csr_array(kron(eye_array(n), np.ones((1, m))))
    parts, lower, upper = [one], [np.ones(n)], [np.ones(n)]
    each = csr_array(kron(np.ones((1, n)), eye_array(m)))
    tight = problem.cardinality < n
    if tight.any():
        parts.append(each[np.flatnonzero(tight)])
        lower.append(np.full(int(tight.sum()), -np.inf))
        upper.append(problem.cardinality[tight].astype(np.float64))
    finite = np.isfinite(problem.capacity)
    if finite.any():
        load = csr_array(kron(problem.demand[None, :], eye_array(m)))
        parts.append(load[np.flatnonzero(finite)])
        lower.append(np.full(int(finite.sum()), -np.inf))
        upper.append(problem.capacity[finite])
    if problem.max_moves is not None and problem.start is not None:
        stays = np.arange(n) * m + problem.start
        parts.append(
            csr_array(coo_array((np.ones(n), (np.zeros(n, int), stays)), shape=(1, n * m)))
        )
        lower.append(np.array([float(n - problem.max_moves)]))
        upper.append(np.array([np.inf]))
    top = problem.allowed.astype(np.float64)
    if not symmetric:
        for group in problem.classes():
            for k, i in enumerate(group):
                top[:k, i] = 0.0
    return AssignmentRows(
        cost=problem.move_costs.ravel(),
        matrix=csr_array(vstack(parts, format="csr")),
        lower=np.concatenate(lower),
        upper=np.concatenate(upper),
        top=top.ravel(),
    )


def assignment_of(x: FloatArray, problem: BalancingProblem) -> IntArray:
    """Return the circuit with the largest entry of every service point."""
    n, m = problem.n, problem.m
    largest: IntArray = x[: n * m].reshape(n, m).argmax(axis=1).astype(np.int64)
    return largest


def ordered(problem: BalancingProblem, assignment: IntArray) -> IntArray:
    """Rename exchangeable circuits so that ``assignment_rows`` without symmetry accepts it."""
    renamed = assignment.copy()
    for group in problem.classes():
        first = [
            int(np.flatnonzero(assignment == i)[0]) if (assignment == i).any() else problem.n
            for i in group
        ]
        for new, old in zip(group, group[np.argsort(first, kind="stable")], strict=True):
            renamed[assignment == old] = new
    return renamed
