"""Loop constraints as bilinear pairs on triangles and squares, and step by step along a cycle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pygridjl.core.types import FloatArray, IntArray
from pygridjl.graphs.cycles import Cycle
from pygridjl.optimal_flow.relaxation.base import interval
from pygridjl.optimal_flow.relaxation.box import Box
from pygridjl.optimal_flow.relaxation.cuts.minors import add_minors
from pygridjl.optimal_flow.relaxation.cuts.products import BoundsOf, add_products, at
from pygridjl.optimal_flow.relaxation.program import Block, Program, fixed
from pygridjl.optimal_flow.relaxation.state import Relaxation

__all__ = ["add_recursive", "add_squares", "add_triangles"]


def add_triangles(relaxation: Relaxation, pieces: list[tuple[int, ...]]) -> None:
    """Add c_pq c_qr − s_pq s_qr = c_qq c_pr and s_pq c_qr + c_pq s_qr = c_qq s_pr by corners.

    Parameters
    ----------
    relaxation : Relaxation
        Its pairs hold all edges of the pieces.
    pieces : list of tuple of int
        Triangles of buses.
    """
    if not pieces:
        return
    lifted = relaxation.lifted
    pair_of = lifted.pair_of()
    ordered = sorted({tuple(sorted(piece)) for piece in pieces})
    rows = [(pair_of[i, j], pair_of[j, k], pair_of[i, k]) for i, j, k in ordered]
    found = np.array(rows, dtype=np.int64)
    relaxation.triangles = np.unique(np.vstack([relaxation.triangles, found]), axis=0)
    relaxation.box.propagate(lifted, relaxation.triangles)
    add_minors(relaxation.program, lifted, found, "loop3")


@dataclass(frozen=True, eq=False)
class _Turned:
    """Bounds of sines walked in the sense of a cycle."""

    index: IntArray
    sign: FloatArray

    def __call__(self, box: Box) -> FloatArray:
        values = box.s[:, self.index]
        return np.where(self.sign > 0, values, -values[::-1])


def add_squares(relaxation: Relaxation, pieces: list[tuple[int, ...]]) -> None:
    """Add the pair of bilinear constraints of squares.

    c12 c34 − s12 s34 = c23 c41 − s23 s41 and s12 c34 + c12 s34 = −(s23 c41 + c23 s41).

    Parameters
    ----------
    relaxation : Relaxation
        Its pairs hold all edges of the pieces.
    pieces : list of tuple of int
        Squares of buses.
    """
    if not pieces:
        return
    program, pair_of = relaxation.program, relaxation.lifted.pair_of()
    steps = [list(Cycle(piece).steps()) for piece in pieces]
    pair = np.array([[pair_of[min(e), max(e)] for e in walk] for walk in steps]).T
    sign = np.array([[1.0 if u < v else -1.0 for u, v in walk] for walk in steps]).T
    c, s, box_c, box_s = program["c"], program["s"], interval("c"), interval("s")
    m = len(pieces)
    row = np.arange(m)
    entries: list[tuple[IntArray, IntArray, FloatArray]] = []
    for side, (a, b) in enumerate(((0, 2), (1, 3))):
        pa, pb, ta, tb = pair[a], pair[b], sign[a], sign[b]
        columns = {}
        for label, (one, box_one), (two, box_two) in (
            ("cc", (c, box_c), (c, box_c)),
            ("ss", (s, box_s), (s, box_s)),
            ("sc", (s, box_s), (c, box_c)),
            ("cs", (c, box_c), (s, box_s)),
        ):
            bounds = (at(box_one, pa), at(box_two, pb))
            name = f"loop4-{side}-{label}"
            columns[label], _ = add_products(program, name, one[pa], two[pb], bounds)
        real = 1.0 if side == 0 else -1.0
        entries += [
            (row, columns["cc"], np.full(m, real)),
            (row, columns["ss"], -real * ta * tb),
            (m + row, columns["sc"], ta),
            (m + row, columns["cs"], tb),
        ]
    rows, cols, values = (np.concatenate(part) for part in zip(*entries, strict=True))
    program.blocks.append(Block("zero", (2 * m,), rows, cols, fixed(values, np.zeros(2 * m))))


@dataclass(frozen=True, eq=False)
class _Sum:
    """Bounds of a + sign · b."""

    a: BoundsOf
    b: BoundsOf
    sign: float

    def __call__(self, box: Box) -> FloatArray:
        b = self.b(box)
        return self.a(box) + (b if self.sign > 0 else -b[::-1])


def add_recursive(relaxation: Relaxation, cycle: Cycle, name: str) -> None:
    """Add (C_k + j S_k) = (C_{k−1} + j S_{k−1})(c_k + j s_k), C_n = Π w, S_n = 0.

    Four products a step in McCormick envelopes, instead of 2^(n − 1) monomials (Khajavirad 2023).

    Parameters
    ----------
    relaxation : Relaxation
        What to extend.
    cycle : Cycle
        A cycle of buses.
    name : str
        Begins the names of the new columns.
    """
    program, pair_of = relaxation.program, relaxation.lifted.pair_of()
    c, s, w = program["c"], program["s"], program["w"]
    walk = [(pair_of[min(u, v), max(u, v)], 1.0 if u < v else -1.0) for u, v in cycle.steps()]
    box_c, box_s, box_w = interval("c"), interval("s"), interval("v", squared=True)
    first = np.array([walk[0][0]])
    # The running product; its sine column carries the sign of the first step.
    real, imaginary, turn = c[first], s[first], walk[0][1]
    box_real: BoundsOf = at(box_c, first)
    box_imaginary: BoundsOf = at(box_s, first)
    for k, (pair, sign) in enumerate(walk[1:], start=2):
        one = np.array([pair])
        here_c, here_s = (c[one], at(box_c, one)), (s[one], at(box_s, one))
        running = (real, box_real), (imaginary, box_imaginary)
        cc, box_cc = _product(program, f"{name}-{k}-cc", running[0], here_c)
        ss, box_ss = _product(program, f"{name}-{k}-ss", running[1], here_s)
        sc, box_sc = _product(program, f"{name}-{k}-sc", running[1], here_c)
        cs, box_cs = _product(program, f"{name}-{k}-cs", running[0], here_s)
        box_real = _Sum(box_cc, box_ss, -turn * sign)
        turned = _Sum(box_sc, box_cs, 1.0) if turn * sign > 0 else _Sum(box_sc, box_cs, -1.0)
        box_imaginary = turned if turn > 0 else _Flipped(turned)
        real = program.add_columns(f"{name}-{k}-real", 1, box_real)
        imaginary = program.add_columns(f"{name}-{k}-imaginary", 1, box_imaginary)
        _add_row(program, [real, cc, ss], [1.0, -1.0, turn * sign])
        _add_row(program, [imaginary, sc, cs], [1.0, -turn, -sign])
        turn = 1.0
    start = np.array([cycle.nodes[0]])
    product, box_product = w[start], at(box_w, start)
    for k, node in enumerate(cycle.nodes[1:], start=2):
        here = np.array([node])
        product, box_next = _product(
            program, f"{name}-{k}-w", (product, box_product), (w[here], at(box_w, here))
        )
        box_product = box_next  # type: ignore[assignment]
    _add_row(program, [real, product], [1.0, -1.0])
    _add_row(program, [imaginary], [1.0])


@dataclass(frozen=True, eq=False)
class _Flipped:
    a: BoundsOf

    def __call__(self, box: Box) -> FloatArray:
        return -self.a(box)[::-1]


def _product(
    program: Program, name: str, a: tuple[IntArray, BoundsOf], b: tuple[IntArray, BoundsOf]
) -> tuple[IntArray, BoundsOf]:
    return add_products(program, name, a[0], b[0], (a[1], b[1]))


def _add_row(program: Program, columns: list[IntArray], values: list[float]) -> None:
    cols = np.concatenate(columns)
    rows = np.zeros(cols.size, dtype=np.int64)
    program.blocks.append(Block("zero", (1,), rows, cols, fixed(np.array(values), np.zeros(1))))
