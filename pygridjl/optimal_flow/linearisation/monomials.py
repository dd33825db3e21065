"""Monomials of complex voltages and real variables as rows of variable numbers.

A monomial of degree up to D is a sorted row of D numbers, 0 standing for the constant 1. Every
complex variable appears together with its conjugate as a variable of its own. A variable's
*charge* says how it turns when all voltages turn together: V e^{jφ} has charge 1, its conjugate
−1, a power 0. The optimal power flow is indifferent to such a turn, so only moments of charge 0
survive, and moment matrices fall apart into one block a charge: a finer split than the one by the
sign symmetry V → −V.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np

from pygridjl.core.types import ComplexArray, FloatArray, IntArray

__all__ = ["Polynomial", "Variables", "combine"]


@dataclass(frozen=True, eq=False)
class Polynomial:
    """A sum of monomials.

    Attributes
    ----------
    rows : ndarray of int, shape (t, D)
        Monomials as sorted rows of variable numbers, filled up with 0.
    coefficients : ndarray of complex, shape (t,)
        Their coefficients.
    """

    rows: IntArray
    coefficients: ComplexArray

    @property
    def degree(self) -> int:
        """Degree of the polynomial."""
        return int((self.rows > 0).sum(axis=1).max(initial=0))

    def times(self, other: Polynomial) -> Polynomial:
        """Return the product."""
        rows, coefficients = combine(self.rows, self.coefficients, other.rows, other.coefficients)
        return Polynomial(rows, coefficients)

    def plus(self, other: Polynomial) -> Polynomial:
        """Return the sum."""
        width = max(self.rows.shape[1], other.rows.shape[1])
        return Polynomial(
            np.concatenate([_widened(self.rows, width), _widened(other.rows, width)]),
            np.concatenate([self.coefficients, other.coefficients]),
        )

    def conjugate(self, variables: Variables) -> Polynomial:
        """Return the complex conjugate."""
        return Polynomial(variables.conjugated(self.rows), np.conj(self.coefficients))

    def scaled(self, factor: complex) -> Polynomial:
        """Return the polynomial times a number."""
        return Polynomial(self.rows, self.coefficients * factor)


@dataclass(frozen=True, eq=False)
class Variables:
    """The variables of a polynomial program; number 0 is the constant 1.

    Attributes
    ----------
    conjugate : ndarray of int, shape (1 + n,)
        Number of each variable's conjugate; its own number if it is real.
    charge : ndarray of int, shape (1 + n,)
        1 for a voltage, −1 for its conjugate, 0 for what is real.
    magnitude : ndarray, shape (1 + n,)
        Largest magnitude the program allows.
    """

    conjugate: IntArray
    charge: IntArray
    magnitude: FloatArray

    @property
    def base(self) -> int:
        """Base of the number system of :meth:`keys`."""
        return int(self.conjugate.size)

    def keys(self, rows: IntArray) -> IntArray:
        """Return numbers that are equal exactly if the monomials are."""
        ordered = np.sort(rows, axis=-1)
        keys = np.zeros(ordered.shape[:-1], dtype=np.int64)
        for column in range(ordered.shape[-1]):
            keys = keys * self.base + ordered[..., column]
        return keys

    def rows(self, keys: IntArray, width: int) -> IntArray:
        """Return the monomials of keys made from rows of up to ``width`` numbers."""
        rows = np.empty((*keys.shape, width), dtype=np.int64)
        left = keys.copy()
        for column in reversed(range(width)):
            left, rows[..., column] = np.divmod(left, self.base)
        return rows

    def conjugated(self, rows: IntArray) -> IntArray:
        """Return the conjugate monomials."""
        return np.sort(self.conjugate[rows], axis=-1)

    def charges(self, rows: IntArray) -> IntArray:
        """Return the charges of monomials."""
        return np.asarray(self.charge[rows].sum(axis=-1))

    def bounds(self, rows: IntArray) -> FloatArray:
        """Return the largest magnitudes of monomials."""
        return np.asarray(self.magnitude[rows].prod(axis=-1))

    def basis(self, members: IntArray, degree: int) -> IntArray:
        """List the monomials in some variables up to a degree.

        Parameters
        ----------
        members : ndarray of int
            Variable numbers.
        degree : int
            Largest degree.

        Returns
        -------
        ndarray of int, shape (k, max(degree, 1))
            Sorted rows.
        """
        width = max(degree, 1)
        if degree == 0:
            return np.zeros((1, width), dtype=np.int64)
        numbers = [0, *sorted(members.tolist())]
        return np.array(list(combinations_with_replacement(numbers, degree)), dtype=np.int64)


def combine(
    rows: IntArray, coefficients: ComplexArray, others: IntArray, factors: ComplexArray
) -> tuple[IntArray, ComplexArray]:
    """Multiply every monomial of one list with every one of another.

    Parameters
    ----------
    rows, others : ndarray of int, shapes (s, C), (t, D)
        Monomials.
    coefficients, factors : ndarray, shapes (s,), (t,)
        Their coefficients.

    Returns
    -------
    rows : ndarray of int, shape (s t, C + D)
        Products, those of the first monomial first.
    coefficients : ndarray, shape (s t,)
        Their coefficients.
    """
    s, t = rows.shape[0], others.shape[0]
    product = np.concatenate([np.repeat(rows, t, axis=0), np.tile(others, (s, 1))], axis=1)
    return np.sort(product, axis=1), np.repeat(coefficients, t) * np.tile(factors, s)


def _widened(rows: IntArray, width: int) -> IntArray:
    filled = np.zeros((rows.shape[0], width), dtype=np.int64)
    # Sorted rows begin with the zeros.
    filled[:, width - rows.shape[1] :] = rows
    return filled
