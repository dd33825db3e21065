"""Moment relaxations (21) and (23) of the parametric optimal power flow as one conic program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csc_array, csr_array, vstack

from pygridjl.core.types import ComplexArray, FloatArray, IntArray
from pygridjl.optimal_flow.linearisation.moment_blocks import Rows, semidefinite
from pygridjl.optimal_flow.linearisation.moment_table import MomentTable
from pygridjl.optimal_flow.linearisation.monomials import Polynomial, Variables, combine
from pygridjl.optimal_flow.linearisation.program import Flow, PolynomialProgram
from pygridjl.solvers.conic import Cone, ConicModel, joined

__all__ = ["MomentRelaxation", "moment_relaxation"]


@dataclass(frozen=True, eq=False)
class MomentRelaxation:
    """A moment relaxation ready for a conic solver.

    Attributes
    ----------
    model : ConicModel
        Minimise over real and imaginary parts of the free moments.
    offset : float
        Constant of the objective.
    table : MomentTable
        Where every moment is.
    bounds : ndarray, shape (n,)
        Largest magnitude every entry of the solution can have.
    order : int
        Order of the relaxation.
    blocks : tuple of int
        Orders of the positive semidefinite matrices, as real matrices.
    """

    model: ConicModel
    offset: float
    table: MomentTable
    bounds: FloatArray
    order: int
    blocks: tuple[int, ...]


def moment_relaxation(
    program: PolynomialProgram, cliques: Sequence[IntArray], order: int
) -> MomentRelaxation:
    """Assemble relaxation (23), or (21) if there is one clique of everything.

    Per clique the moment matrix is positive semidefinite; inequalities are localised in the
    smallest clique that holds their variables; equalities are multiplied by every monomial, up to
    degree 2 · order less their own, whose products all have moments. Each matrix falls apart by
    charge, and only one of two conjugate blocks is kept; a complex block becomes a real one of
    twice the order.

    Parameters
    ----------
    program : PolynomialProgram
        The program.
    cliques : sequence of ndarray of int
        Variables of every moment matrix.
    order : int
        1 or 2. At order 1 ratings are cones over the first moments of the flows (the quartic
        constraint has no moments there).

    Returns
    -------
    MomentRelaxation
        Arrays for the solver.
    """
    variables = program.variables
    bases = [variables.basis(clique, order) for clique in cliques]
    table = MomentTable(program, np.concatenate([_square(variables, b) for b in bases]), 2 * order)
    members = [frozenset(clique.tolist()) for clique in cliques]
    multiplied = [
        Polynomial(multiplier[None, :], _ONE).times(equality)
        for equality in program.equalities
        for multiplier in _multipliers(
            variables, equality, cliques, members, 2 * order - equality.degree
        )
    ]
    parts = [_vanishing(table, multiplied)]
    smallest = sorted(range(len(cliques)), key=lambda c: (cliques[c].size, c))

    def home(polynomial: Polynomial) -> IntArray:
        wanted = _named(polynomial.rows)
        return cliques[next(c for c in smallest if wanted <= members[c])]

    nonnegative: list[Polynomial] = []
    if order == 1:
        parts += _rated(table, program.flows)
    else:
        for flow in program.flows:
            mirror = flow.power.conjugate(variables)
            square = flow.power.times(mirror).scaled(-1.0 / flow.rating**2)
            nonnegative.append(square.plus(_UNIT))
            basis = variables.basis(home(flow.power), 1)
            parts += semidefinite(table, variables, basis, _disc(flow, mirror))
    for polynomial in program.inequalities:
        degree = order - (polynomial.degree + 1) // 2
        if degree == 0:
            nonnegative.append(polynomial)
            continue
        basis = variables.basis(home(polynomial), degree)
        parts += semidefinite(table, variables, basis, [[polynomial]])
    if nonnegative:
        parts.append(_signed(table, nonnegative))
    for basis in bases:
        parts += semidefinite(table, variables, basis, [[_UNIT]], program.equalities)
    return _assembled(program, table, [part for part in parts if part.constant.size], order)


_ONE = np.ones(1, dtype=complex)
_UNIT = Polynomial(np.zeros((1, 1), dtype=np.int64), _ONE)


def _named(rows: IntArray) -> frozenset[int]:
    """Variables that occur in monomials."""
    return frozenset(np.unique(rows).tolist()) - {0}


def _square(variables: Variables, basis: IntArray) -> IntArray:
    """All products of a monomial with the conjugate of one of the same charge."""
    charges = variables.charges(basis)
    products = []
    for charge in np.unique(charges):
        own = basis[charges == charge]
        ones = np.ones(own.shape[0], dtype=complex)
        rows, _ = combine(own, ones, variables.conjugated(own), ones)
        products.append(rows)
    return np.concatenate(products)


def _multipliers(
    variables: Variables,
    equality: Polynomial,
    cliques: Sequence[IntArray],
    members: Sequence[frozenset[int]],
    degree: int,
) -> IntArray:
    """Monomials of charge 0, one of each conjugate pair, that meet every term in some clique."""
    if degree == 0:
        return np.zeros((1, 1), dtype=np.int64)
    shared: IntArray | None = None
    for term in {_named(row) for row in equality.rows}:
        found = [
            np.unique(variables.keys(variables.basis(clique, degree)))
            for clique, held in zip(cliques, members, strict=True)
            if term <= held
        ]
        keys = np.unique(np.concatenate(found))
        shared = keys if shared is None else np.intersect1d(shared, keys, assume_unique=True)
    assert shared is not None
    rows = variables.rows(shared, degree)
    first = variables.keys(rows) <= variables.keys(variables.conjugated(rows))
    return np.asarray(rows[(variables.charges(rows) == 0) & first])


def _disc(flow: Flow, mirror: Polynomial) -> list[list[Polynomial]]:
    """[[1 + P, Q], [Q, 1 − P]] of a flow over its rating: semidefinite exactly within it.

    The square of a flow has degree 4, so at order 2 it can be limited on average alone; this
    matrix has degree 2 and is multiplied like the other limits.
    """
    power = flow.power.scaled(0.5 / flow.rating)
    turned = mirror.scaled(0.5 / flow.rating)
    real, imaginary = power.plus(turned), power.plus(turned.scaled(-1)).scaled(-1j)
    return [[_UNIT.plus(real), imaginary], [imaginary, _UNIT.plus(real.scaled(-1))]]


def _expected(
    table: MomentTable, polynomials: Sequence[Polynomial]
) -> tuple[csr_array, ComplexArray]:
    """L of every polynomial."""
    width = max(p.rows.shape[1] for p in polynomials)
    count = np.array([p.rows.shape[0] for p in polynomials])
    rows = np.zeros((int(count.sum()), width), dtype=np.int64)
    for begin, p in zip(np.cumsum(count) - count, polynomials, strict=True):
        rows[begin : begin + p.rows.shape[0], width - p.rows.shape[1] :] = p.rows
    entry = np.repeat(np.arange(len(polynomials)), count)
    coefficients = np.concatenate([p.coefficients for p in polynomials])
    return table.linear(entry, rows, coefficients, len(polynomials))


def _vanishing(table: MomentTable, polynomials: Sequence[Polynomial]) -> Rows:
    matrix, constant = _expected(table, polynomials)
    both = csr_array(vstack([matrix.real, matrix.imag]))
    both.eliminate_zeros()
    # Products of known moments alone, and imaginary parts of what is real, leave empty rows.
    used = np.diff(both.indptr) > 0
    values = np.concatenate([constant.real, constant.imag])[used]
    return Rows(Cone("zero", int(used.sum())), csr_array(both[used]), values)


def _signed(table: MomentTable, polynomials: Sequence[Polynomial]) -> Rows:
    matrix, constant = _expected(table, polynomials)
    rows = csr_array(matrix.real)
    rows.eliminate_zeros()
    # What holds parameters alone is known to be so.
    used = np.diff(rows.indptr) > 0
    return Rows(Cone("nonnegative", int(used.sum())), csr_array(rows[used]), constant.real[used])


def _rated(table: MomentTable, flows: Sequence[Flow]) -> list[Rows]:
    """Cones |L(flow)| ≤ rating."""
    if not flows:
        return []
    matrix, constant = _expected(table, [flow.power for flow in flows])
    both = vstack([csr_array((len(flows), table.size)), matrix.real, matrix.imag], format="csr")
    # Rating, real and imaginary part of one flow after another.
    order = np.arange(3 * len(flows)).reshape(3, -1).T.ravel()
    rating = np.array([flow.rating for flow in flows])
    values = np.concatenate([rating, constant.real, constant.imag])[order]
    return [Rows(Cone("second_order", 3), csr_array(both[order]), values, len(flows))]


def _assembled(
    program: PolynomialProgram, table: MomentTable, parts: Sequence[Rows], order: int
) -> MomentRelaxation:
    kinds = ("zero", "nonnegative", "second_order", "psd_triangle")
    ordered = sorted(parts, key=lambda part: kinds.index(part.cone.kind))
    merged = joined(cone for part in ordered for cone in [part.cone] * part.repeats)
    matrix = csc_array(-vstack([part.matrix for part in ordered]))
    rhs = np.concatenate([part.constant for part in ordered])
    cost, offset = _expected(table, [program.objective])
    return MomentRelaxation(
        model=ConicModel(cost.real.toarray().ravel(), matrix, rhs, merged),
        offset=float(offset[0].real),
        table=table,
        bounds=table.bounds,
        order=order,
        blocks=tuple(cone.size for cone in merged if cone.kind == "psd_triangle"),
    )
