"""Where the moment of a monomial is among the variables of a relaxation."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array, csr_array

from pygridjl.core.types import ComplexArray, FloatArray, IntArray
from pygridjl.optimal_flow.linearisation.monomials import Variables
from pygridjl.optimal_flow.linearisation.program import PolynomialProgram

__all__ = ["MomentTable", "both_keys"]


class MomentTable:
    """Which entry of the solution, or which number, a monomial's moment is.

    A monomial and its conjugate share their entries. Monomials of parameters alone have known
    moments; those of a charge other than 0 vanish.

    Parameters
    ----------
    program : PolynomialProgram
        The program.
    rows : ndarray of int, shape (t, D)
        Monomials of charge 0 that may occur.
    degree : int
        Largest degree.

    Attributes
    ----------
    keys : ndarray of int
        One key of each monomial and its conjugate, sorted.
    """

    def __init__(self, program: PolynomialProgram, rows: IntArray, degree: int) -> None:
        self.variables = variables = program.variables
        self._degree = degree
        keys, mirror = both_keys(variables, rows)
        unique = np.unique(np.minimum(keys, mirror))
        monomials = variables.rows(unique, degree)
        first = program.parameter.min(initial=variables.base)
        known = ((monomials == 0) | (monomials >= first)).all(axis=1)
        self.keys = unique
        shifted = np.where(monomials >= first, monomials - first + 1, 0)
        self._value = np.zeros(unique.size)
        self._value[known] = program.parameters.moments(shifted[known])
        own = variables.keys(variables.conjugated(monomials)) == unique
        self._real = np.full(unique.size, -1)
        self._imaginary = np.full(unique.size, -1)
        self._real[~known] = np.arange((~known).sum())
        paired = ~known & ~own
        self._imaginary[paired] = (~known).sum() + np.arange(paired.sum())
        self.size = int((~known).sum() + paired.sum())
        bounds = variables.bounds(monomials)
        self.bounds = np.concatenate([bounds[~known], bounds[paired]])

    def linear(
        self, entry: IntArray, rows: IntArray, coefficients: ComplexArray, count: int
    ) -> tuple[csr_array, ComplexArray]:
        """Return L(polynomial) for many polynomials as rows of a matrix and constants.

        Parameters
        ----------
        entry : ndarray of int, shape (t,)
            To which polynomial each term belongs.
        rows, coefficients : ndarray, shapes (t, D), (t,)
            The terms.
        count : int
            Number of polynomials.

        Returns
        -------
        matrix : csr_array of complex, shape (count, size)
            Coefficients of the entries of the solution.
        constant : ndarray of complex, shape (count,)
            What the known moments give.
        """
        keys, mirror = both_keys(self.variables, rows)
        place = np.searchsorted(self.keys, np.minimum(keys, mirror))
        turned = np.where(keys <= mirror, 1.0, -1.0)
        constant = np.zeros(count, dtype=complex)
        np.add.at(constant, entry, coefficients * self._value[place])
        real, imaginary = self._real[place], self._imaginary[place]
        r, i = real >= 0, imaginary >= 0
        matrix = coo_array(
            (
                np.concatenate([coefficients[r], 1j * turned[i] * coefficients[i]]),
                (
                    np.concatenate([entry[r], entry[i]]),
                    np.concatenate([real[r], imaginary[i]]),
                ),
            ),
            shape=(count, self.size),
        ).tocsr()
        return matrix, constant

    def solution(self, moments: ComplexArray) -> FloatArray:
        """Return the entries of the solution for given moments, in the order of the keys."""
        y = np.zeros(self.size)
        real, imaginary = self._real >= 0, self._imaginary >= 0
        y[self._real[real]] = moments[real].real
        y[self._imaginary[imaginary]] = moments[imaginary].imag
        return y

    def moment(self, solution: FloatArray, rows: IntArray) -> ComplexArray:
        """Return the moments of monomials of charge 0 at a solution."""
        count = rows.shape[0]
        matrix, constant = self.linear(np.arange(count), rows, np.ones(count, dtype=complex), count)
        return np.asarray(matrix @ solution + constant)


def both_keys(variables: Variables, rows: IntArray) -> tuple[IntArray, IntArray]:
    """Return the keys of monomials and of their conjugates."""
    return variables.keys(rows), variables.keys(variables.conjugated(rows))
