"""A strictly convex quadratic program solved again and again for other right-hand sides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotrs
from scipy.sparse import block_array, csc_array, csr_array, vstack
from scipy.sparse.linalg import SuperLU, splu

from pygridjl.core.types import ComplexArray, FloatArray, IntArray

__all__ = ["WarmAnswer", "WarmQp", "WarmQpModel"]

# Rows this far violated, and multipliers this far below zero, are still right.
_TOLERANCE = 1e-8
# Largest residual of the optimality conditions of an answer.
_RESIDUAL = 1e-7
# Newton steps for one right-hand side before it counts as too hard for this method.
_STEPS = 60
# Whatever is violated by this share of the worst is taken hold of at once; only the worst itself
# after a step shorter than the second number.
_NEAR_WORST, _SHORT = 0.3, 1e-6
# Share of the largest entry of M that is added to its diagonal: rows that depend on each other
# then pass their force on. It shortens steps but moves no answer.
_DAMPING = 1e-14
# So many answers are remembered.
_MEMORY = 256
# A pivot of the factors smaller than this share of the largest: no unique answer.
_SINGULAR = 1e-13


@dataclass(frozen=True, eq=False)
class WarmQpModel:
    """Minimise ½ xᵀ diag(d) x + qᵀx with Ax = b, Gx ≤ h and |Cx + c| ≤ r row by row.

    Attributes
    ----------
    curvature, cost : ndarray, shape (n,)
        d ≥ 0 and q.
    equal : csr_array, shape (m, n)
        A.
    rows : csr_array, shape (k, n)
        G.
    limit : ndarray, shape (k,)
        h.
    disc : csr_array of complex, shape (l, n)
        C.
    centre : ndarray of complex, shape (l,)
        c.
    radius : ndarray, shape (l,)
        r.
    """

    curvature: FloatArray
    cost: FloatArray
    equal: csr_array
    rows: csr_array
    limit: FloatArray
    disc: csr_array
    centre: ComplexArray
    radius: FloatArray


@dataclass(frozen=True, eq=False)
class WarmAnswer:
    """An optimum with its multipliers.

    Attributes
    ----------
    x : ndarray, shape (n,)
        The optimum.
    multiplier : ndarray, shape (m,)
        Of the equalities: d x + q + Aᵀy + Gᵀλ + Re(Cᴴμ) = 0.
    row : ndarray of int, shape (a,)
        Rows of G that bind.
    pressure : ndarray, shape (a,)
        Their λ ≥ 0.
    disc : ndarray of int, shape (e,)
        Discs whose edge is reached.
    force : ndarray of complex, shape (e,)
        Their μ, along the outward normal.
    """

    x: FloatArray
    multiplier: FloatArray
    row: IntArray
    pressure: FloatArray
    disc: IntArray
    force: ComplexArray


@dataclass(frozen=True, eq=False)
class Adjoint:
    """What a function of the optimum sees of each condition of optimality.

    If stationarity, equalities, binding rows and binding discs are changed by r, e, f and c (one
    complex number a disc), the function changes by −(x·r + equal·e + row·f + Re conj(disc)·c).

    Attributes
    ----------
    x : ndarray, shape (n,)
        Weights of the stationarity conditions.
    equal, row : ndarray
        Weights of the equalities and of the rows of :attr:`WarmAnswer.row`.
    disc : ndarray of complex
        Weights of the discs of :attr:`WarmAnswer.disc`.
    """

    x: FloatArray
    equal: FloatArray
    row: FloatArray
    disc: ComplexArray


class WarmQp:
    """The optimality system factorised once; every solve starts from what bound nearby.

    Eliminating x leaves min ½ μᵀMμ − bᵀμ + Σ r ‖μ_disc‖ over μ_row ≥ 0, where a new right-hand
    side changes b alone, and only rows and discs that were violated once take part. Newton steps
    on it change what binds as they go. What they do not solve is left to a general solver: this
    one never calls a program infeasible.

    Parameters
    ----------
    model : WarmQpModel
        The program.
    """

    def __init__(self, model: WarmQpModel) -> None:
        self.model = model
        self._n, self._k = model.cost.size, model.limit.size
        n = self._n
        curvature = csc_array((model.curvature, np.arange(n), np.arange(n + 1)), (n, n))
        self._system = csr_array(
            block_array([[curvature, model.equal.T], [model.equal, None]], format="csr")
        )
        self._factors = _factorised(self._system)
        # All rows, then both parts of all discs; what is known of them.
        self._all = csr_array(vstack([model.rows, model.disc.real, model.disc.imag]))
        self._transposed = csr_array(self._all.T)
        self._offset = np.concatenate([-model.limit, model.centre.real, model.centre.imag])
        self._slot = np.full(self._k + 2 * model.radius.size, -1)
        self._known: IntArray = np.zeros(0, dtype=np.int64)
        self._row_slot: IntArray = np.zeros(0, dtype=np.int64)
        self._disc_slot: IntArray = np.zeros((0, 2), dtype=np.int64)
        self._radius = np.zeros(0)
        self._seen = np.zeros((_MEMORY, model.equal.shape[0]))
        self._forces: list[FloatArray] = []
        self._next = 0
        self._moves = np.zeros((self._system.shape[0], 0))
        self._gram = np.zeros((0, 0))

    @property
    def usable(self) -> bool:
        """Whether the optimality system has one answer for every right-hand side."""
        return self._factors is not None

    def solve(self, rhs: FloatArray) -> WarmAnswer | None:
        """Solve for one right-hand side.

        Parameters
        ----------
        rhs : ndarray, shape (m,)
            b.

        Returns
        -------
        WarmAnswer or None
            The optimum, checked; None if it was not found.
        """
        if self._factors is None:
            return None
        system_rhs = np.concatenate([-self.model.cost, rhs])
        free = self._factors.solve(system_rhs)
        reached = self._all @ free[: self._n] + self._offset
        force, one = self._nearest(rhs), False
        for _ in range(_STEPS):
            force, share = self._step(reached[self._known], force)
            if not share:
                return None
            if share < 1.0:
                one = one or share < _SHORT
                continue
            force, settled = self._taken(reached[self._known], force, one)
            if not settled:
                continue
            bound = np.flatnonzero(force)
            point = free - self._moves[:, bound] @ force[bound]
            fresh = self._violated(point[: self._n])
            if not fresh.size:
                break
            if not bound.size:
                # So far from any answer nearly everything is violated.
                return None
            self._add(fresh)
            force = self._padded(force)
        else:
            return None
        residual = self._system @ point - system_rhs
        spread = np.zeros(self._offset.size)
        spread[self._known] = force
        residual[: self._n] += self._transposed @ spread
        if not abs(residual).max(initial=0.0) <= _RESIDUAL:
            return None
        self._remember(rhs, force)
        return self._answer(point, force)

    def adjoint(self, answer: WarmAnswer, slope: FloatArray) -> Adjoint | None:
        """Return how a function of the optimum depends on the conditions of optimality.

        Parameters
        ----------
        answer : WarmAnswer
            The optimum; what binds at it is taken to go on binding.
        slope : ndarray, shape (n,)
            Gradient of the function with respect to x.

        Returns
        -------
        Adjoint or None
            The weights; None if what binds is degenerate beyond repair.
        """
        assert self._factors is not None
        moved = self._factors.solve(np.concatenate([slope, np.zeros(answer.multiplier.size)]))
        rows, first = self._slot[answer.row], self._k + answer.disc
        pairs = np.column_stack([self._slot[first], self._slot[first + self.model.radius.size]])
        bound = np.concatenate([rows, pairs.T.ravel()])
        wanted = (self._all @ moved[: self._n])[self._known[bound]]
        size = abs(answer.force)
        cosine, sine = answer.force.real / size, answer.force.imag / size
        turn = self.model.radius[answer.disc] / size
        weight = _change(self._gram[np.ix_(bound, bound)], wanted, cosine, sine, turn)
        if weight is None:
            return None
        x, y = weight[rows.size :].reshape(2, -1)
        weight[rows.size :] = np.concatenate([cosine * x - sine * y, sine * x + cosine * y])
        moved = moved - self._moves[:, bound] @ weight
        real, imaginary = weight[rows.size :].reshape(2, -1)
        return Adjoint(
            moved[: self._n], moved[self._n :], weight[: rows.size], real + 1j * imaginary
        )

    def remember(
        self,
        rhs: FloatArray,
        row: IntArray,
        pressure: FloatArray,
        disc: IntArray,
        force: ComplexArray,
    ) -> None:
        """Say what binds at the answer for a right-hand side; neighbours start from it.

        Parameters
        ----------
        rhs : ndarray, shape (m,)
            b.
        row, pressure, disc, force : ndarray
            As in :class:`WarmAnswer`.
        """
        names = np.concatenate([row, self._k + disc])
        self._add(names[self._slot[names] < 0])
        forces = np.zeros(self._known.size)
        forces[self._slot[row]] = pressure
        first = self._k + disc
        forces[self._slot[first]] = force.real
        forces[self._slot[first + self.model.radius.size]] = force.imag
        self._remember(rhs, forces)

    def _remember(self, rhs: FloatArray, force: FloatArray) -> None:
        self._seen[self._next] = rhs
        if len(self._forces) < _MEMORY:
            self._forces.append(force)
        else:
            self._forces[self._next] = force
        self._next = (self._next + 1) % _MEMORY

    def _nearest(self, rhs: FloatArray) -> FloatArray:
        """Return the forces at the nearest right-hand side that is remembered."""
        if not self._forces:
            return np.zeros(self._known.size)
        gap = self._seen[: len(self._forces)] - rhs
        return self._padded(self._forces[int(np.einsum("ij,ij->i", gap, gap).argmin())])

    def _step(self, reached: FloatArray, force: FloatArray) -> tuple[FloatArray, float]:
        """One Newton step with what carries a force, up to where the first one ends.

        Returns the forces and the share of the step that was gone; 0 if there was no step.
        """
        rows = self._row_slot[force[self._row_slot] > 0]
        held = np.flatnonzero(force[self._disc_slot[:, 0]])
        pairs = self._disc_slot[held]
        bound = np.concatenate([rows, pairs.T.ravel()])
        if not bound.size:
            return force, 1.0
        hessian = self._gram[np.ix_(bound, bound)]
        wanted = reached[bound] - hessian @ force[bound]
        size = np.hypot(force[pairs[:, 0]], force[pairs[:, 1]])
        cosine, sine = force[pairs[:, 0]] / size, force[pairs[:, 1]] / size
        radius = self._radius[held]
        wanted[rows.size :] -= np.concatenate([radius * cosine, radius * sine])
        change = _change(hessian, wanted, cosine, sine, radius / size)
        if change is None:
            return force, 0.0
        along = slice(rows.size, rows.size + held.size)
        across = slice(rows.size + held.size, bound.size)
        before = np.concatenate([force[rows], size])
        # Rows that would pull and discs whose force would turn over let go on the way.
        after = before + change[: before.size]
        falls = np.flatnonzero(after <= 0)
        ratio = before[falls] / (before[falls] - after[falls])
        share = float(ratio.min(initial=1.0))
        force = force.copy()
        force[rows] += share * change[: rows.size]
        x, y = share * change[along], share * change[across]
        force[pairs[:, 0]] += cosine * x - sine * y
        force[pairs[:, 1]] += sine * x + cosine * y
        ends = falls[ratio <= share + 1e-12]
        force[rows[ends[ends < rows.size]]] = 0.0
        force[pairs[ends[ends >= rows.size] - rows.size].ravel()] = 0.0
        return force, share

    def _taken(self, reached: FloatArray, force: FloatArray, one: bool) -> tuple[FloatArray, bool]:
        """Take hold of what is violated; return the forces and whether they are right."""
        bound = np.flatnonzero(force)
        value = reached - self._gram[:, bound] @ force[bound]
        rows, discs = self._row_slot, self._disc_slot
        size = np.hypot(value[discs[:, 0]], value[discs[:, 1]])
        free = force[discs[:, 0]] == 0.0
        over = np.concatenate(
            [np.where(force[rows] == 0.0, value[rows], 0.0), np.where(free, size - self._radius, 0)]
        )
        worst = over.max(initial=0.0)
        if worst > _TOLERANCE:
            late = np.flatnonzero(over >= (worst if one else _NEAR_WORST * worst))
            force = force.copy()
            # Each as far as it would go alone, shared among them: the dual objective falls.
            new = rows[late[late < rows.size]]
            force[new] = value[new] / self._gram[new, new] / late.size
            for k in late[late >= rows.size] - rows.size:
                normal = value[discs[k]] / size[k]
                bend = normal @ self._gram[np.ix_(discs[k], discs[k])] @ normal
                force[discs[k]] = normal * (size[k] - self._radius[k]) / bend / late.size
            return force, False
        held = discs[~free]
        own = force[held]
        edge = own / np.hypot(own[:, 0], own[:, 1])[:, None] * self._radius[~free][:, None]
        off = abs(value[rows[force[rows] > 0]]).max(initial=0.0)
        return force, max(off, abs(value[held] - edge).max(initial=0.0)) <= _TOLERANCE

    def _violated(self, x: FloatArray) -> IntArray:
        """Rows and discs not known yet that a point violates, as numbers below k + l."""
        value = self._all @ x + self._offset
        k = self._k
        late = np.flatnonzero((value[:k] > _TOLERANCE) & (self._slot[:k] < 0))
        size = np.hypot(*value[k:].reshape(2, -1))
        unknown = self._slot[k : k + size.size] < 0
        out = np.flatnonzero((size > self.model.radius + _TOLERANCE) & unknown)
        return np.concatenate([late, k + out])

    def _add(self, fresh: IntArray) -> None:
        assert self._factors is not None
        k, old = self._k, self._known.size
        rows, discs = fresh[fresh < k], fresh[fresh >= k]
        names = np.concatenate(
            [rows, np.column_stack([discs, discs + self.model.radius.size]).ravel()]
        )
        padded = np.zeros((self._system.shape[0], names.size))
        padded[: self._n] = self._all[names].T.toarray()
        moves = self._factors.solve(padded)
        self._slot[names] = old + np.arange(names.size)
        self._known = np.concatenate([self._known, names])
        self._row_slot = np.concatenate([self._row_slot, self._slot[rows]])
        pairs = np.column_stack([self._slot[discs], self._slot[discs + self.model.radius.size]])
        self._disc_slot = np.concatenate([self._disc_slot, pairs])
        self._radius = np.concatenate([self._radius, self.model.radius[discs - k]])
        self._moves = np.concatenate([self._moves, moves], axis=1)
        across = self._all[self._known] @ moves[: self._n]
        gram = np.empty((self._known.size,) * 2)
        gram[:old, :old] = self._gram
        gram[:, old:] = across
        gram[old:, :old] = across[:old].T
        self._gram = gram

    def _padded(self, force: FloatArray) -> FloatArray:
        return np.concatenate([force, np.zeros(self._known.size - force.size)])

    def _answer(self, point: FloatArray, force: FloatArray) -> WarmAnswer:
        rows = self._row_slot[force[self._row_slot] > 0]
        discs = self._disc_slot[force[self._disc_slot[:, 0]] != 0]
        own = force[discs]
        return WarmAnswer(
            point[: self._n],
            point[self._n :],
            self._known[rows],
            force[rows],
            self._known[discs[:, 0]] - self._k,
            own[:, 0] + 1j * own[:, 1],
        )


def _change(
    gram: FloatArray, wanted: FloatArray, cosine: FloatArray, sine: FloatArray, turn: FloatArray
) -> FloatArray | None:
    """Solve (M + Σ turn (1 − u uᵀ)) change = wanted for rows, then discs along and across u.

    ``gram`` and ``wanted`` hold rows, then the first, then the second parts of discs, and are
    overwritten. Along its normal u a disc's force grows, across it turns.
    """
    if not wanted.size:
        return wanted
    count = turn.size
    along = slice(wanted.size - 2 * count, wanted.size - count)
    across = slice(wanted.size - count, wanted.size)
    for part in (gram.T, gram, wanted[:, None]):
        x, y = part[along].T, part[across].T
        part[along], part[across] = (cosine * x + sine * y).T, (cosine * y - sine * x).T
    diagonal = gram.ravel()[:: wanted.size + 1]
    diagonal += _DAMPING * diagonal.max()
    diagonal[across] += turn
    factor, fault = dpotrf(gram, lower=1)
    return None if fault else np.asarray(dpotrs(factor, wanted, lower=1)[0])


def _factorised(system: csr_array) -> SuperLU | None:
    try:
        factors = splu(csc_array(system))
    except RuntimeError:
        return None
    pivots = abs(factors.U.diagonal())
    return factors if pivots.min() > _SINGULAR * pivots.max() else None
