"""Minors of 3×3 principal submatrices: products around triangles in their envelopes."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from pygridjl.core.types import FloatArray, IntArray
from pygridjl.optimal_flow.relaxation.base import interval
from pygridjl.optimal_flow.relaxation.cuts.products import add_products, at
from pygridjl.optimal_flow.relaxation.lifted import Lifted
from pygridjl.optimal_flow.relaxation.program import Block, Program, fixed

__all__ = ["add_corners", "add_minors", "triangles_of"]


def triangles_of(lifted: Lifted) -> IntArray:
    """Return the triangles i < j < k of the cliques as pairs (ij, jk, ik), shape (t, 3)."""
    pair_of = lifted.pair_of()
    found = {t for clique in lifted.cliques for t in combinations(clique, 3)}
    rows = [(pair_of[i, j], pair_of[j, k], pair_of[i, k]) for i, j, k in sorted(found)]
    return np.array(rows, dtype=np.int64).reshape(-1, 3)


def add_minors(program: Program, lifted: Lifted, triangles: IntArray, name: str) -> None:
    """Add W_xy W_yz = w_y W_xz at every corner y of the triangles, products in envelopes.

    A Hermitian matrix with positive diagonal has rank one if and only if these 2×2 minors vanish
    (Kocuk, Dey, Sun 2018).

    Parameters
    ----------
    program : Program
        What to extend.
    lifted : Lifted
        The pairs.
    triangles : ndarray of int, shape (t, 3)
        Pairs (ij, jk, ik) of i < j < k.
    name : str
        Begins the names of the new columns.
    """
    ij, jk, ik = triangles.T
    one = np.ones(ij.size)
    i, j, k = lifted.i[ij], lifted.j[ij], lifted.j[jk]
    first = np.concatenate([ij, ij, ik])
    second = np.concatenate([jk, ik, jk])
    whole = np.concatenate([ik, jk, ij])
    corner = np.concatenate([j, i, k])
    turn = np.concatenate([one, -one, one]), np.concatenate([one, one, -one])
    add_corners(program, (first, second, whole), corner, turn, name)


def add_corners(
    program: Program,
    pairs: tuple[IntArray, IntArray, IntArray],
    corner: IntArray,
    turn: tuple[FloatArray, FloatArray],
    name: str,
) -> None:
    """Add (c_a + j t_a s_a)(c_b + j t_b s_b) = w (c_o + j s_o), products in their envelopes.

    Parameters
    ----------
    program : Program
        What to extend.
    pairs : tuple of ndarray of int, shape (k,)
        Pairs a and b that meet in the corner, and pair o that closes the triangle.
    corner : ndarray of int, shape (k,)
        Buses.
    turn : tuple of ndarray, shape (k,)
        t_a and t_b, 1 or −1.
    name : str
        Begins the names of the new columns.
    """
    a, b, o = pairs
    m = a.size
    if not m:
        return
    w, c, s = program["w"], program["c"], program["s"]
    box_w, box_c, box_s = interval("v", squared=True), interval("c"), interval("s")

    def product(label: str, one: tuple, two: tuple) -> IntArray:  # type: ignore[type-arg]
        (cols_a, bounds_a, at_a), (cols_b, bounds_b, at_b) = one, two
        z, _ = add_products(
            program,
            f"{name}-{label}",
            cols_a[at_a],
            cols_b[at_b],
            (at(bounds_a, at_a), at(bounds_b, at_b)),
        )
        return z

    ca, sa, cb, sb = (c, box_c, a), (s, box_s, a), (c, box_c, b), (s, box_s, b)
    here = (w, box_w, corner)
    cc, ss = product("cc", ca, cb), product("ss", sa, sb)
    sc, cs = product("sc", sa, cb), product("cs", ca, sb)
    wc, ws = product("wc", here, (c, box_c, o)), product("ws", here, (s, box_s, o))
    row, one = np.arange(m), np.ones(m)
    program.blocks.append(
        Block(
            "zero",
            (2 * m,),
            np.concatenate([np.tile(row, 3), np.tile(m + row, 3)]),
            np.concatenate([cc, ss, wc, sc, cs, ws]),
            fixed(
                np.concatenate([one, -turn[0] * turn[1], -one, turn[0], turn[1], -one]),
                np.zeros(2 * m),
            ),
        )
    )
