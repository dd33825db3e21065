"""Long cycles cut into triangles and squares by artificial branches."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np

from pygridjl.core.types import IntArray
from pygridjl.graphs.cycles import Cycle

__all__ = ["chords", "squares", "triangles"]


def triangles(cycle: Cycle) -> list[tuple[int, ...]]:
    """Cut a cycle (1, …, n) by branches (1, i) for i = 3, …, n − 1."""
    first, *others = cycle.nodes
    return [(first, a, b) for a, b in pairwise(others)]


def squares(cycle: Cycle) -> list[tuple[int, ...]]:
    """Cut a cycle (1, …, n) by branches (1, 2i), and by (1, n − 1) if n is odd.

    Parameters
    ----------
    cycle : Cycle
        Any cycle.

    Returns
    -------
    list of tuple of int
        Squares; of an odd cycle also one triangle, the last.
    """
    first, *others = cycle.nodes
    odd = len(cycle) % 2 == 1
    even = others[:-1] if odd else others
    found: list[tuple[int, ...]] = [(first, *even[k : k + 3]) for k in range(0, len(even) - 2, 2)]
    if odd:
        found.append((first, *others[-2:]))
    return found


def chords(pieces: Iterable[tuple[int, ...]]) -> IntArray:
    """Return the edges of pieces, shape (k, 2), smaller end first; branches are among them."""
    ends = {tuple(sorted(step)) for piece in pieces for step in Cycle(piece).steps()}
    return np.array(sorted(ends), dtype=np.int64).reshape(-1, 2)
