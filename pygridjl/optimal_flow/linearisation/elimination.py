"""Equalities of a conic program solved for some of its variables.

The equalities of a moment relaxation depend on each other (h_i h_j = 0 is a combination of
multiples of h_i as well as of h_j), which leaves interior-point methods singular systems; and the
standard form of SDPA has none at all. Gauss-Jordan steps on sparse rows remove both troubles.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csc_array, csr_array
from scipy.sparse.linalg import splu

from pygridjl.core.types import FloatArray, IntArray
from pygridjl.solvers.conic import ConicModel

__all__ = ["Reduced", "without_equalities"]

# A pivot is at least this share of its row's largest entry; smaller ones may still have the
# fewest entries in their column.
_PIVOT_SHARE = 0.05
# What remains of a row after elimination counts as nothing below this.
_NOTHING = 1e-9


@dataclass(frozen=True, eq=False)
class Reduced:
    """A conic program without zero cones, and the way back.

    Attributes
    ----------
    model : ConicModel
        Over the free variables.
    basis : csr_array, shape (n, r)
        The variables of the original program are base + basis · free ones.
    base : ndarray, shape (n,)
        See ``basis``.
    free : ndarray of int, shape (r,)
        Which of the original variables the free ones are.
    offset : float
        What the objective of ``model`` lacks.
    contradiction : float
        Largest right-hand side of an equality without variables: 0 if the equalities agree.
    row, solved : ndarray of int, shape (n − r,)
        Independent equalities, and the variable that each was solved for.
    """

    model: ConicModel
    basis: csr_array
    base: FloatArray
    free: IntArray
    offset: float
    contradiction: float
    row: IntArray
    solved: IntArray

    def multipliers(self, model: ConicModel, z: FloatArray) -> FloatArray:
        """Multipliers of all rows of the original program that go with those of the reduced one.

        Parameters
        ----------
        model : ConicModel
            The original program.
        z : ndarray
            Multipliers of the rows of the reduced program.

        Returns
        -------
        ndarray
            Those of the equalities first, chosen so that the Lagrangian does not depend on the
            variables that were solved for; 0 if rounding left the equalities dependent.
        """
        count = model.rhs.size - z.size
        full = np.concatenate([np.zeros(count), z])
        if self.row.size:
            slope = model.cost + model.matrix.T @ full
            square = csr_array(model.matrix)[self.row][:, self.solved]
            try:
                full[self.row] = splu(csc_array(square.T)).solve(-slope[self.solved])
            except RuntimeError:
                return full
        return full


def without_equalities(model: ConicModel) -> Reduced:
    """Solve the leading zero cone of a program for as many variables as it has independent rows.

    Parameters
    ----------
    model : ConicModel
        A linear conic program whose first cone, if any, is the only zero cone.

    Returns
    -------
    Reduced
        The smaller program.
    """
    n = model.cost.size
    count = model.cones[0].rows if model.cones and model.cones[0].kind == "zero" else 0
    matrix = csr_array(model.matrix)
    # How often a variable occurs elsewhere: there, too, its place is taken by its row.
    weight = np.bincount(matrix[count:].indices, minlength=n)
    solved, pivots, contradiction = _gauss_jordan(
        matrix[:count], model.rhs[:count], weight.tolist()
    )
    free = np.setdiff1d(np.arange(n), np.fromiter(solved, dtype=np.int64, count=len(solved)))
    place = np.full(n, -1)
    place[free] = np.arange(free.size)
    rows, columns, values = [free], [place[free]], [np.ones(free.size)]
    base = np.zeros(n)
    for variable, (others, constant) in solved.items():
        base[variable] = constant
        columns.append(place[np.fromiter(others, dtype=np.int64, count=len(others))])
        values.append(-np.fromiter(others.values(), dtype=np.float64, count=len(others)))
        rows.append(np.full(len(others), variable))
    basis = coo_array(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))),
        shape=(n, free.size),
    ).tocsr()
    rest = matrix[count:]
    reduced = ConicModel(
        cost=basis.T @ model.cost,
        matrix=csc_array(rest @ basis),
        rhs=model.rhs[count:] - rest @ base,
        cones=model.cones[1:] if count else model.cones,
    )
    return Reduced(
        reduced,
        basis,
        base,
        free,
        float(model.cost @ base),
        contradiction,
        row=np.fromiter(pivots.values(), dtype=np.int64, count=len(pivots)),
        solved=np.fromiter(pivots, dtype=np.int64, count=len(pivots)),
    )


def _gauss_jordan(
    matrix: csr_array, rhs: FloatArray, weight: list[int]
) -> tuple[dict[int, tuple[dict[int, float], float]], dict[int, int], float]:
    """Return variable -> (its other terms, constant) so that variable + Σ a x = constant.

    Also variable -> the row it was solved from, and what dependent rows contradict.
    """
    rows: list[dict[int, float]] = []
    holders: dict[int, set[int]] = {}
    constant = rhs.tolist()
    for i in range(matrix.shape[0]):
        begin, end = matrix.indptr[i : i + 2]
        data = matrix.data[begin:end]
        scale = abs(data).max(initial=0.0) or 1.0
        row = dict(zip(matrix.indices[begin:end].tolist(), (data / scale).tolist(), strict=True))
        constant[i] /= scale
        rows.append(row)
        for column in row:
            holders.setdefault(column, set()).add(i)
    queue = [(len(row), i) for i, row in enumerate(rows)]
    heapq.heapify(queue)
    pivots: dict[int, int] = {}
    done: set[int] = set()
    contradiction = 0.0
    while queue:
        size, i = heapq.heappop(queue)
        row = rows[i]
        if i in done:
            continue
        if size != len(row):
            heapq.heappush(queue, (len(row), i))
            continue
        done.add(i)
        largest = max(map(abs, row.values()), default=0.0)
        if largest < _NOTHING:
            contradiction = max(contradiction, abs(constant[i]))
            for column in row:
                holders[column].discard(i)
            row.clear()
            continue
        able = [column for column, value in row.items() if abs(value) >= _PIVOT_SHARE * largest]
        pivot = min(able, key=lambda column: (len(holders[column]) + weight[column], column))
        divisor = row[pivot]
        for column in row:
            row[column] /= divisor
        constant[i] /= divisor
        pivots[pivot] = i
        for k in sorted(holders[pivot] - {i}):
            other = rows[k]
            factor = other[pivot]
            for column, value in row.items():
                changed = other.get(column, 0.0) - factor * value
                if abs(changed) < 1e-13:
                    if other.pop(column, None) is not None:
                        holders[column].discard(k)
                else:
                    if column not in other:
                        holders[column].add(k)
                    other[column] = changed
            constant[k] -= factor * constant[i]
            if k not in done:
                heapq.heappush(queue, (len(other), k))
    solved = {
        pivot: ({c: v for c, v in rows[i].items() if c != pivot}, constant[i])
        for pivot, i in pivots.items()
    }
    return solved, pivots, contradiction
