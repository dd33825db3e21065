"""Moment and localising matrices as rows of a conic program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import qr
from scipy.sparse import csr_array, kron, vstack

from pygridjl.core.types import ComplexArray, FloatArray, IntArray
from pygridjl.optimal_flow.linearisation.moment_table import MomentTable, both_keys
from pygridjl.optimal_flow.linearisation.monomials import Polynomial, Variables, combine
from pygridjl.solvers.conic import Cone

__all__ = ["Rows", "semidefinite"]

# Null vectors, of length 1, count as dependent where less than this of them is new.
_DEPENDENT = 1e-9


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows s = constant + matrix · y of one cone, or of several alike one after another.

    Attributes
    ----------
    cone : Cone
        The cone.
    matrix : csr_array, shape (m, n)
        Coefficients of the free moments.
    constant : ndarray, shape (m,)
        What the known moments give.
    repeats : int
        How often the cone follows.
    """

    cone: Cone
    matrix: csr_array
    constant: FloatArray
    repeats: int = 1


def semidefinite(
    table: MomentTable,
    variables: Variables,
    basis: IntArray,
    weight: Sequence[Sequence[Polynomial]],
    vanishing: Sequence[Polynomial] = (),
) -> list[Rows]:
    """Return L(weight ⊗ b bᴴ) as positive semidefinite matrices, one a charge.

    Parameters
    ----------
    table : MomentTable
        Where the moments are.
    variables : Variables
        The variables.
    basis : ndarray of int, shape (k, D)
        Monomials b, with the conjugate of each.
    weight : sequence of sequence of Polynomial
        A symmetric matrix of real polynomials, semidefinite wherever the program is feasible.
    vanishing : sequence of Polynomial
        Real polynomials whose multiples have moment 0; those made of the basis are null vectors
        of the matrix. Only for a weight of order 1.

    Returns
    -------
    list of Rows
        Real matrices: a complex one has twice the order.
    """
    charges = variables.charges(basis)
    parts = []
    for charge in np.unique(charges[charges >= 0]):
        own = basis[charges == charge]
        matrix, constant = _localised(table, variables, own, weight)
        if matrix.nnz:
            parts.append(
                _real_block(variables, own, len(weight), matrix, constant, vanishing)
                if charge == 0
                else _doubled_block(len(weight) * own.shape[0], matrix, constant)
            )
    return parts


def _localised(
    table: MomentTable,
    variables: Variables,
    basis: IntArray,
    weight: Sequence[Sequence[Polynomial]],
) -> tuple[csr_array, ComplexArray]:
    """Entries of L(weight ⊗ b bᴴ), row by row."""
    k, d = basis.shape[0], len(weight)
    ones = np.ones(k, dtype=complex)
    pairs, factors = combine(basis, ones, variables.conjugated(basis), ones)
    i, j = np.divmod(np.arange(k * k), k)
    total = csr_array((d * d * k * k, table.size), dtype=complex)
    constant = np.zeros(d * d * k * k, dtype=complex)
    for a in range(d):
        for b in range(d):
            w = weight[a][b]
            rows, coefficients = combine(pairs, factors, w.rows, w.coefficients)
            entry = np.repeat((a * k + i) * d * k + b * k + j, w.rows.shape[0])
            matrix, part = table.linear(entry, rows, coefficients, d * d * k * k)
            total = csr_array(total + matrix)
            constant += part
    return total, constant


def _real_block(
    variables: Variables,
    basis: IntArray,
    size: int,
    matrix: csr_array,
    constant: ComplexArray,
    vanishing: Sequence[Polynomial],
) -> Rows:
    """Turn pairs m, conj(m) of the basis into √2 Re m and √2 Im m: the matrix becomes real.

    Where polynomials that vanish are made of the basis, the matrix is singular at every feasible
    point, and the program would have no interior. As many functions are left out.
    """
    keys, mirror = both_keys(variables, basis)
    place = {int(key): row for row, key in enumerate(keys)}
    k = basis.shape[0]
    turn = np.zeros((k, k), dtype=complex)
    for row, (key, other) in enumerate(zip(keys.tolist(), mirror.tolist(), strict=True)):
        if key == other:
            turn[row, row] = 1.0
        elif key < other:
            turn[row, [row, place[other]]] = np.sqrt(0.5)
            turn[place[other], [row, place[other]]] = np.array([-1j, 1j]) * np.sqrt(0.5)
    turn = np.kron(np.eye(size), turn[_independent(variables, keys, turn, vanishing)])
    both = csr_array(kron(csr_array(turn), csr_array(turn.conj())))
    k = turn.shape[0]
    upper = _upper(k)
    rows = csr_array((both @ matrix).real[_flat(upper, k)])
    rows.eliminate_zeros()
    values = np.real(both @ constant)[_flat(upper, k)]
    return _scaled(rows, values, upper, k)


def _independent(
    variables: Variables, keys: IntArray, turn: ComplexArray, vanishing: Sequence[Polynomial]
) -> IntArray:
    """Functions of a basis that span it, given that some polynomials of its span vanish."""
    place = {int(key): row for row, key in enumerate(keys)}
    null = []
    for polynomial in vanishing:
        own = [place.get(int(key)) for key in variables.keys(polynomial.rows)]
        if None not in own:
            coefficients = np.zeros(keys.size, dtype=complex)
            np.add.at(coefficients, np.array(own), polynomial.coefficients)
            real = (coefficients @ turn.conj().T).real
            null.append(real / np.linalg.norm(real))
    if not null:
        return np.arange(keys.size)
    _, triangle, order = qr(np.array(null), mode="economic", pivoting=True)
    rank = int((abs(np.diag(triangle)) > _DEPENDENT).sum())
    return np.sort(order[rank:])


def _doubled_block(k: int, matrix: csr_array, constant: ComplexArray) -> Rows:
    """Write a Hermitian X as the real [[Re X, −Im X], [Im X, Re X]]; order 1 stays as it is."""
    if k == 1:
        rows, values = csr_array(matrix.real), constant.real
        return Rows(Cone("nonnegative", 1), rows, values)
    upper = _upper(2 * k)
    i, j = upper
    source = (i % k) * k + j % k
    same = (i < k) == (j < k)
    stacked = csr_array(vstack([matrix.real, -matrix.imag]))
    stacked.eliminate_zeros()
    picked = source + np.where(same, 0, k * k)
    values = np.concatenate([constant.real, -constant.imag])[picked]
    return _scaled(csr_array(stacked[picked]), values, upper, 2 * k)


def _upper(k: int) -> tuple[IntArray, IntArray]:
    """Rows and columns of the upper triangle, column by column."""
    column = np.repeat(np.arange(k), np.arange(1, k + 1))
    row = np.concatenate([np.arange(c + 1) for c in range(k)])
    return row, column


def _flat(upper: tuple[IntArray, IntArray], k: int) -> IntArray:
    return upper[0] * k + upper[1]


def _scaled(rows: csr_array, values: FloatArray, upper: tuple[IntArray, IntArray], k: int) -> Rows:
    if k == 1:
        return Rows(Cone("nonnegative", 1), rows, values)
    weight = np.where(upper[0] == upper[1], 1.0, np.sqrt(2.0))
    return Rows(Cone("psd_triangle", k), csr_array(rows.multiply(weight[:, None])), values * weight)
