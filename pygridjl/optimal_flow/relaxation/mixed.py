"""Models beyond convexity: integer signs by HiGHS on cone cuts, Jabr's equality by SCIP.

Their values are tree-search values to a solver's tolerance. The bound of the result stays the safe
one of the convex relaxation.
"""

from __future__ import annotations

import dataclasses
from typing import TypeAlias

import numpy as np
from scipy.sparse import csr_array, vstack

from pygridjl.core.errors import InvalidOptionError, SolverError
from pygridjl.core.jit import working_time
from pygridjl.core.stopping import seconds_left
from pygridjl.core.types import BoolArray, FloatArray, IntArray
from pygridjl.optimal_flow.relaxation.methods import MixedOptions
from pygridjl.optimal_flow.relaxation.program import Compiled, Numbers
from pygridjl.optimal_flow.relaxation.root import RootAnswer
from pygridjl.optimal_flow.relaxation.state import Relaxation, Run
from pygridjl.solvers.conic import Cone
from pygridjl.solvers.highs import HighsModel
from pygridjl.solvers.linear import LinearModel
from pygridjl.solvers.scip import ScipModel
from pygridjl.solvers.status import SolverStatus

Rows: TypeAlias = tuple[csr_array, FloatArray, FloatArray]

__all__ = ["with_equality", "with_signs"]

# A cone that the point of a linear program leaves by less than this is kept.
CONE_TOLERANCE = 1e-6
CUT_ROUNDS = 60


def with_signs(
    relaxation: Relaxation, options: MixedOptions, run: Run, answer: RootAnswer
) -> RootAnswer:
    """Solve the slides' mixed-integer model by outer approximation of its cones.

    Parameters
    ----------
    relaxation : Relaxation
        With loop constraints of form ``standard`` or ``flower``.
    options : MixedOptions
        Gap.
    run : Run
        Clock.
    answer : RootAnswer
        Of the convex relaxation: its multipliers are the first cuts.

    Returns
    -------
    RootAnswer
        Point and value of the mixed-integer model; the bound of the convex one.

    Raises
    ------
    InvalidOptionError
        If there are no sign variables.
    """
    integer = np.unique(np.array(relaxation.monomials.integer, dtype=np.int64))
    if not integer.size:
        raise InvalidOptionError(
            "method: 'signs' needs 'loops' before it, with form 'standard' or 'flower'"
        )
    compiled = relaxation.compile()
    numbers = compiled.numbers(relaxation.box)
    program, n = relaxation.program, relaxation.program.n_col
    cuts = _ConeCuts(compiled, numbers)
    mask = np.zeros(n + 1, dtype=np.bool_)
    mask[integer] = True
    # The last column is the quadratic part of the cost.
    rows = [_tangent(program.curvature, answer.x)]
    first = cuts.at(answer.x, answer.z)
    rows += [] if first is None else [first]
    # Cone cuts are cheap to find without integers; few are missing when the tree search begins.
    relaxed = np.zeros_like(mask)
    for integers in (relaxed, mask):
        found = _outer_approximation(relaxation, cuts, rows, integers, options, run)
    if found is None:
        return answer
    value = _value(relaxation, found)
    run.rounds.append(
        dataclasses.replace(
            run.rounds[-1],
            name=f"signs: {integer.size} integers, {len(rows)} sets of cuts",
            seconds=working_time() - run.begun,
        )
    )
    relaxation.notes.append(f"signs: value {value:.6g} by HiGHS, a tree search without safe bound")
    return dataclasses.replace(answer, x=found, objective=value)


def _outer_approximation(
    relaxation: Relaxation,
    cuts: _ConeCuts,
    rows: list[Rows],
    integer: BoolArray,
    options: MixedOptions,
    run: Run,
) -> FloatArray | None:
    """Solve and cut until the point keeps cones and cost; new cuts are appended to ``rows``."""
    program = relaxation.program
    curved, n = program.curvature, program.n_col
    model = HighsModel(_linear(cuts, program.cost, integer), gap=options.gap)
    for row in rows:
        model.add_rows(*row)
    found = None
    for _ in range(CUT_ROUNDS):
        left = seconds_left(run.deadline)
        if left <= 0:
            break
        try:
            solved = model.solve(time_limit=left)
        except SolverError as error:
            relaxation.notes.append(f"signs: {error}")
            break
        if solved.x is None:
            relaxation.notes.append(f"signs: HiGHS ended with {solved.status.value}")
            break
        found = solved.x[:n]
        short = 0.5 * float(curved @ found**2) - float(solved.x[n])
        size = abs(float(program.cost @ found)) + float(solved.x[n])
        new = [cuts.violated(found)]
        if short > options.gap * max(1.0, size):
            new.append(_tangent(curved, found))
        added = [row for row in new if row is not None]
        if not added:
            break
        for row in added:
            model.add_rows(*row)
        rows += added
    return found


def with_equality(
    relaxation: Relaxation, options: MixedOptions, run: Run, answer: RootAnswer
) -> RootAnswer:
    """Solve the relaxation with c² + s² = w_i w_j on every pair of a branch (3).

    Parameters
    ----------
    relaxation : Relaxation
        Without positive semidefinite cliques.
    options : MixedOptions
        Gap.
    run : Run
        Clock.
    answer : RootAnswer
        Of the convex relaxation.

    Returns
    -------
    RootAnswer
        SCIP's point and value; the bound of the convex relaxation.

    Raises
    ------
    InvalidOptionError
        If the relaxation has positive semidefinite cliques.
    """
    compiled = relaxation.compile()
    if any(cone.kind == "psd_triangle" for cone in compiled.cones):
        raise InvalidOptionError("method: 'equality' can follow soc, no-jabr or qc, not sdp")
    numbers = compiled.numbers(relaxation.box)
    program, lifted, n = relaxation.program, relaxation.lifted, relaxation.program.n_col
    low, high = numbers.bounds
    binary = np.zeros(n + 1, dtype=np.bool_)
    scip = ScipModel(np.r_[program.cost, 1.0], np.r_[low, 0.0], np.r_[high, np.inf], binary, 1e-7)
    cuts = _ConeCuts(compiled, numbers)
    scip.add_rows(_wider(cuts.rows[cuts.linear]), cuts.lower, cuts.rhs[cuts.linear])
    x, total = scip.columns, scip.model
    for rows, cone in cuts.cones:
        sides = []
        for row in rows.tolist():
            span = slice(cuts.rows.indptr[row], cuts.rows.indptr[row + 1])
            pairs = zip(cuts.rows.indices[span], cuts.rows.data[span], strict=True)
            sides.append(float(cuts.rhs[row]) - sum(float(a) * x[j] for j, a in pairs))
        if cone.size > 1:
            total.addCons(sum(side * side for side in sides[1:]) <= sides[0] * sides[0])
        # The head of a rating's cone is a number.
        if not isinstance(sides[0], float):
            total.addCons(sides[0] >= 0)
    w, c, s = program["w"], program["c"], program["s"]
    for k in np.flatnonzero(lifted.real).tolist():
        wi, wj = x[w[lifted.i[k]]], x[w[lifted.j[k]]]
        total.addCons(x[c[k]] * x[c[k]] + x[s[k]] * x[s[k]] == wi * wj)
    curved = np.flatnonzero(program.curvature)
    quadratic = sum(0.5 * float(program.curvature[j]) * x[j] * x[j] for j in curved.tolist())
    if curved.size:
        total.addCons(quadratic <= x[n])
    try:
        solved = scip.solve(time_limit=seconds_left(run.deadline), gap=options.gap)
    except SolverError as error:
        relaxation.notes.append(f"equality: {error}")
        return answer
    level = solved.bound + program.constant
    text = "infeasible" if solved.status is SolverStatus.INFEASIBLE else solved.status.value
    relaxation.notes.append(
        f"equality: SCIP ended with {text}, its own bound {level:.6g} (not a safe one)"
    )
    if solved.x is None:
        return answer
    return dataclasses.replace(answer, x=solved.x[:n], objective=_value(relaxation, solved.x[:n]))


def _value(relaxation: Relaxation, x: FloatArray) -> float:
    program = relaxation.program
    return float(program.cost @ x + 0.5 * program.curvature @ x**2) + program.constant


def _wider(rows: csr_array) -> csr_array:
    """Rows with an empty last column."""
    return csr_array((rows.data, rows.indices, rows.indptr), (rows.shape[0], rows.shape[1] + 1))


def _tangent(curvature: FloatArray, x: FloatArray) -> Rows:
    """T ≥ ½ x_kᵀDx_k + x_kᵀD(x − x_k), t the last column."""
    slope = np.r_[-curvature * x, 1.0]
    return csr_array(slope[None, :]), np.array([-0.5 * float(curvature @ x**2)]), np.array([np.inf])


class _ConeCuts:
    """Rows of a program as a linear model, and linear cuts of its cones."""

    def __init__(self, compiled: Compiled, numbers: Numbers) -> None:
        self.rows = compiled.rows(numbers)
        self.rhs = numbers.rhs[: compiled.n_row]
        self.bounds = numbers.bounds
        linear, lower = [], []
        self.cones: list[tuple[IntArray, Cone]] = []
        start = 0
        for cone in compiled.cones:
            if start >= compiled.n_row:
                break
            own = np.arange(start, start + cone.rows)
            start += cone.rows
            if cone.linear:
                linear.append(own)
                free = np.full(cone.rows, -np.inf)
                lower.append(self.rhs[own] if cone.kind == "zero" else free)
            else:
                self.cones.append((own, cone))
        self.linear, self.lower = np.concatenate(linear), np.concatenate(lower)

    def at(self, x: FloatArray, z: FloatArray) -> Rows | None:
        """Cuts zᵀ(b − Ax) ≥ 0 of the multipliers of each cone, and those that touch x."""
        pieces = [self._cut(own, np.asarray(z[own])) for own, _ in self.cones]
        more = self._touching(x, self.cones)
        found = [p for p in pieces if p is not None] + more
        return _rows(found) if found else None

    def violated(self, x: FloatArray) -> Rows | None:
        """Cuts of the cones that a point leaves; None if it is in all of them."""
        slack = self.rhs - self.rows @ x
        out = []
        for own, cone in self.cones:
            y = slack[own]
            if cone.kind == "second_order":
                gap = float(np.linalg.norm(y[1:]) - y[0])
            else:
                gap = -float(np.linalg.eigvalsh(_square(y, cone.size))[0])
            if gap > CONE_TOLERANCE:
                out.append((own, cone))
        return _rows(self._touching(x, out)) if out else None

    def _touching(
        self, x: FloatArray, cones: list[tuple[IntArray, Cone]]
    ) -> list[tuple[csr_array, float]]:
        slack = self.rhs - self.rows @ x
        cuts = []
        for own, cone in cones:
            y = slack[own]
            if cone.kind == "second_order":
                length = float(np.linalg.norm(y[1:]))
                if length == 0:
                    continue
                normal = np.r_[1.0, -y[1:] / length]
            else:
                _, vectors = np.linalg.eigh(_square(y, cone.size))
                v = vectors[:, 0]
                column, row = np.tril_indices(cone.size)
                normal = v[row] * v[column] * np.where(row == column, 1.0, np.sqrt(2.0))
            cut = self._cut(own, normal)
            if cut is not None:
                cuts.append(cut)
        return cuts

    def _cut(self, own: IntArray, normal: FloatArray) -> tuple[csr_array, float] | None:
        """normalᵀ(b − Ax) ≥ 0 as a row aᵀx ≤ β; None if it says nothing."""
        size = float(abs(normal).max(initial=0.0))
        if size < 1e-9:
            return None
        normal = normal / size
        row = csr_array(csr_array(normal[None, :]) @ self.rows[own])
        row.data[abs(row.data) < 1e-11] = 0.0
        return row, float(normal @ self.rhs[own]) + 1e-9


def _rows(cuts: list[tuple[csr_array, float]]) -> Rows:
    matrix = csr_array(vstack([row for row, _ in cuts]))
    upper = np.array([level for _, level in cuts])
    return _wider(matrix), np.full(upper.size, -np.inf), upper


def _square(y: FloatArray, size: int) -> FloatArray:
    column, row = np.tril_indices(size)
    matrix = np.zeros((size, size))
    matrix[row, column] = matrix[column, row] = y / np.where(row == column, 1.0, np.sqrt(2.0))
    return matrix


def _linear(cuts: _ConeCuts, cost: FloatArray, integer: BoolArray) -> LinearModel:
    return LinearModel(
        cost=np.r_[cost, 1.0],
        matrix=_wider(cuts.rows[cuts.linear]),
        row_lower=cuts.lower,
        row_upper=cuts.rhs[cuts.linear],
        col_lower=np.r_[cuts.bounds[0], 0.0],
        col_upper=np.r_[cuts.bounds[1], np.inf],
        integer=integer,
    )
