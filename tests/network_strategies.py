"""Random networks for property tests."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from pygridjl import Branches, Buses, Generators, Loads, Network

__all__ = ["networks"]

finite = st.floats(-1e6, 1e6)
anything = st.floats(allow_nan=True, allow_infinity=True)
# No NUL (numpy drops it at the end of a text) and no lone surrogates (no UTF-8 for them).
texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=6
)


@st.composite
def networks(draw, *, ids=texts, number=anything) -> Network:
    """Networks whose arrays hang together and whose data may be any nonsense."""
    names = draw(st.lists(ids, min_size=1, max_size=6, unique=True))
    n = len(names)

    def column(size, values=number):
        return np.array(draw(st.lists(values, min_size=size, max_size=size)))

    def positions(size):
        return column(size, st.integers(0, n - 1)).astype(int)

    def booleans(size):
        return column(size, st.booleans()).astype(bool)

    m, g, d = (draw(st.integers(0, 6)) for _ in range(3))
    return Network(
        draw(texts),
        draw(st.floats(1e-3, 1e3)),
        Buses(names, *(column(n) for _ in range(7))),
        Branches(
            column(m, st.integers(-(2**63) + 1, 2**63 - 1)).astype(np.int64),
            positions(m),
            positions(m),
            *(column(m) for _ in range(8)),
            booleans(m),
            booleans(m),
        ),
        Generators(
            np.array([f"g{k}" for k in range(g)], dtype=np.str_),
            positions(g),
            *(column(g) for _ in range(8)),
            booleans(g),
            column(3 * g).astype(float).reshape(g, 3),
            booleans(g),
        ),
        Loads(np.array([f"l{k}" for k in range(d)], dtype=np.str_), positions(d), column(d)),
        draw(texts),
        tuple(draw(st.lists(texts, max_size=3))),
    )
