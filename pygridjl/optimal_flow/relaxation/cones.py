"""Jabr's inequality by pairs, and positive semidefinite cliques."""

from __future__ import annotations

import numpy as np

from pygridjl.core.types import IntArray
from pygridjl.optimal_flow.relaxation.lifted import Lifted
from pygridjl.optimal_flow.relaxation.program import Block, Program, fixed

__all__ = ["add_jabr", "add_semidefinite"]


def add_jabr(program: Program, lifted: Lifted, pairs: IntArray | None = None) -> None:
    """Add c² + s² ≤ w_i w_j (slides (4)) as ‖(2c, 2s, w_i − w_j)‖ ≤ w_i + w_j.

    Parameters
    ----------
    program : Program
        What to extend.
    lifted : Lifted
        The pairs.
    pairs : ndarray of int, optional
        Which; all by default.
    """
    pairs = np.arange(lifted.n_pair) if pairs is None else pairs
    k = pairs.size
    if not k:
        return
    w, c, s = program["w"], program["c"], program["s"]
    wi, wj = w[lifted.i[pairs]], w[lifted.j[pairs]]
    head = 4 * np.arange(k)
    one = np.ones(k)
    program.blocks.append(
        Block(
            "second_order",
            [4] * k,
            np.concatenate([head, head, head + 1, head + 2, head + 3, head + 3]),
            np.concatenate([wi, wj, c[pairs], s[pairs], wi, wj]),
            fixed(np.concatenate([-one, -one, -2 * one, -2 * one, -one, one]), np.zeros(4 * k)),
        )
    )


def add_semidefinite(program: Program, lifted: Lifted) -> None:
    """Add that W is positive semidefinite on every clique; cliques of two are Jabr's cones.

    A Hermitian matrix R + jI is, if and only if [[R, −I], [I, R]] is. There every eigenvalue comes
    twice, and those without the last row and column lie between: the smallest stays what it is. So
    2n − 1 rows say the same as 2n, in a smaller program with fewer dual solutions.

    Parameters
    ----------
    program : Program
        What to extend.
    lifted : Lifted
        With the cliques of a chordal extension.
    """
    pair_of = lifted.pair_of()
    by_size: dict[int, list[tuple[int, ...]]] = {}
    for clique in lifted.cliques:
        by_size.setdefault(len(clique), []).append(clique)
    small = [pair_of[a, b] for a, b in by_size.get(2, [])]
    add_jabr(program, lifted, np.array(small, dtype=np.int64))
    w, c, s = program["w"], program["c"], program["s"]
    for size in sorted(by_size):
        if size < 3:
            continue
        cliques = np.array(by_size[size])
        a, b = np.triu_indices(size, 1)
        ends = cliques[:, a], cliques[:, b]
        flat = zip(ends[0].ravel().tolist(), ends[1].ravel().tolist(), strict=True)
        pairs = np.array([pair_of[e] for e in flat]).reshape(ends[0].shape)
        d = np.arange(size)
        order = 2 * size - 1
        root = np.sqrt(2.0)
        # Places (row ≤ column) in the real matrix, column after column, and what stands there.
        places = [
            (d, d, w[cliques], 1.0),
            (size + d, size + d, w[cliques], 1.0),
            (a, b, c[pairs], root),
            (size + a, size + b, c[pairs], root),
            (a, size + b, s[pairs], -root),
            (b, size + a, s[pairs], root),
        ]
        height = order * (order + 1) // 2
        start = height * np.arange(len(cliques))[:, None]
        rows, cols, values = [], [], []
        for row, column, what, factor in places:
            kept = column < order
            row, column, what = row[kept], column[kept], what[:, kept]
            rows.append((start + column * (column + 1) // 2 + row).ravel())
            cols.append(what.ravel())
            values.append(np.full(what.size, -factor))
        program.blocks.append(
            Block(
                "psd_triangle",
                [order] * len(cliques),
                np.concatenate(rows),
                np.concatenate(cols),
                fixed(np.concatenate(values), np.zeros(height * len(cliques))),
            )
        )
