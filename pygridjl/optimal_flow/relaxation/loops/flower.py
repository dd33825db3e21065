"""Extended flower inequalities (10), separated exactly by covers."""

from __future__ import annotations

import numpy as np

from pygridjl.core.stopping import is_over
from pygridjl.core.types import FloatArray
from pygridjl.optimal_flow.relaxation.program import Block, Program, fixed
from pygridjl.optimal_flow.relaxation.state import Monomials

__all__ = ["separate_flowers"]

# A cut must be violated by more than this.
VIOLATED = 1e-6


def separate_flowers(
    program: Program, monomials: Monomials, x: FloatArray, deadline: float = np.inf
) -> int:
    """Add the most violated flower inequality of every monomial.

    z_l + Σ (1 − z_J) ≥ 1 holds whenever the neighbours J cover l; the cheapest cover is found by
    dynamic programming over the subsets of l.

    Parameters
    ----------
    program : Program
        What to extend.
    monomials : Monomials
        The hypergraph.
    x : ndarray
        A point of the relaxation.
    deadline : float
        Value of ``working_time()`` at which to stop with what has been found.

    Returns
    -------
    int
        Inequalities added.
    """
    rows: list[int] = []
    cols: list[int] = []
    values: list[float] = []
    rhs: list[float] = []
    for center, factors in zip(monomials.columns, monomials.factors, strict=True):
        place = {u: 1 << k for k, u in enumerate(factors)}
        # Of neighbours that meet l in the same factors only the cheapest matters.
        cheapest: dict[int, tuple[float, int]] = {}
        singles = [(u, (u,)) for u in factors]
        others = zip(monomials.columns, monomials.factors, strict=True)
        for column, own in [*singles, *others]:
            mask = sum(place.get(u, 0) for u in own)
            cost = 1.0 - float(x[column])
            if column == center or not mask:
                continue
            if mask not in cheapest or cost < cheapest[mask][0]:
                cheapest[mask] = (cost, column)
        total, cover = _cover(len(factors), cheapest, deadline)
        if float(x[center]) + total < 1.0 - VIOLATED:
            row = len(rhs)
            rows += [row] * (len(cover) + 1)
            cols += [center, *cover]
            values += [-1.0, *[1.0] * len(cover)]
            rhs.append(len(cover) - 1.0)
    if rhs:
        program.blocks.append(
            Block(
                "nonnegative",
                (len(rhs),),
                np.array(rows, dtype=np.int64),
                np.array(cols, dtype=np.int64),
                fixed(np.array(values), np.array(rhs)),
            )
        )
    return len(rhs)


def _cover(
    size: int, neighbours: dict[int, tuple[float, int]], deadline: float
) -> tuple[float, list[int]]:
    """Cheapest set of neighbours that covers all bits; infinitely dear once time is over."""
    full = (1 << size) - 1
    best = [np.inf] * (full + 1)
    last: list[tuple[int, int]] = [(0, -1)] * (full + 1)
    best[0] = 0.0
    for covered in range(full):
        if covered % 64 == 0 and is_over(deadline):
            return np.inf, []
        if not np.isfinite(best[covered]):
            continue
        for mask, (cost, column) in neighbours.items():
            after = covered | mask
            if after != covered and best[covered] + max(cost, 0.0) < best[after]:
                best[after] = best[covered] + max(cost, 0.0)
                last[after] = (covered, column)
    chosen = []
    at = full
    while at:
        at, column = last[at]
        chosen.append(column)
    return float(best[full]), chosen
