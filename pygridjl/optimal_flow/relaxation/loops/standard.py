"""The loop constraint monomial by monomial: standard relaxation with sign variables."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from pygridjl.core.types import FloatArray
from pygridjl.graphs.cycles import Cycle
from pygridjl.optimal_flow.relaxation.box import Box
from pygridjl.optimal_flow.relaxation.program import Block, Program, fixed
from pygridjl.optimal_flow.relaxation.state import Monomials, Relaxation

__all__ = ["add_standard"]

# 2^(n − 1) monomials each: longer cycles are left out.
LONGEST = 9


@dataclass(frozen=True, eq=False)
class _Between:
    low: float
    high: float
    count: int

    def __call__(self, _box: Box) -> FloatArray:
        return np.tile(np.array([[self.low], [self.high]]), self.count)


class _Rows:
    """Rows collected one by one, added as one block."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.cols: list[int] = []
        self.values: list[float] = []
        self.rhs: list[float] = []

    def add(self, terms: dict[int, float], rhs: float) -> None:
        row = len(self.rhs)
        for col, value in terms.items():
            self.rows.append(row)
            self.cols.append(col)
            self.values.append(value)
        self.rhs.append(rhs)

    def into(self, program: Program, kind: str) -> None:
        if not self.rhs:
            return
        program.blocks.append(
            Block(
                kind,  # type: ignore[arg-type]
                (len(self.rhs),),
                np.array(self.rows, dtype=np.int64),
                np.array(self.cols, dtype=np.int64),
                fixed(np.array(self.values), np.array(self.rhs)),
            )
        )


class _Signs:
    """Magnitudes in [0, 1] and signs of c and s by pair, made when first needed (12)."""

    def __init__(self, relaxation: Relaxation, found: Monomials, equal: _Rows, below: _Rows):
        self._relaxation, self._found = relaxation, found
        self._equal, self._below = equal, below
        lifted, box = relaxation.lifted, relaxation.box
        self._size = box.v[1, lifted.i] * box.v[1, lifted.j]
        self._known: dict[tuple[str, int], tuple[int, int | None]] = {}

    def magnitude(self, kind: str, pair: int) -> tuple[int, int | None]:
        """Return the columns of the magnitude and, if the sign is open, of the sign."""
        if (kind, pair) not in self._known:
            self._known[kind, pair] = self._made(kind, pair)
        return self._known[kind, pair]

    def _made(self, kind: str, pair: int) -> tuple[int, int | None]:
        program, size = self._relaxation.program, float(self._size[pair])
        value = int(program[kind][pair])
        name = f"sign-{kind}-{pair}"
        u = int(program.add_columns(f"{name}-u", 1, _Between(0.0, 1.0, 1))[0])
        if kind == "c" and self._relaxation.box.c[0, pair] >= 0:
            self._equal.add({value: 1.0, u: -size}, 0.0)
            return u, None
        sigma, q = program.add_columns(f"{name}-sigma", 2, _Between(0.0, 1.0, 2)).tolist()
        self._found.integer.append(sigma)
        self._equal.add({value: 1.0, q: -2 * size, u: size}, 0.0)
        self._below.add({q: 1.0, sigma: -1.0}, 0.0)
        self._below.add({q: 1.0, u: -1.0}, 0.0)
        self._below.add({u: 1.0, sigma: 1.0, q: -1.0}, 1.0)
        return u, sigma


def add_standard(relaxation: Relaxation, cycles: list[Cycle]) -> Monomials:
    """Add (5) with every monomial in its standard relaxation (9) and its sign by (12)-(13).

    A cosine whose sign the box leaves open gets a sign variable like the sines.

    Parameters
    ----------
    relaxation : Relaxation
        What to extend.
    cycles : list of Cycle
        Cycles of buses; those of more than nine edges are left out, which is noted.

    Returns
    -------
    Monomials
        Monomials, their columns, and the columns that are integer in the slides.
    """
    found, equal, below = Monomials(), _Rows(), _Rows()
    signs = _Signs(relaxation, found, equal, below)
    kept = [cycle for cycle in cycles if len(cycle) <= LONGEST]
    if len(kept) < len(cycles):
        relaxation.notes.append(
            f"{len(cycles) - len(kept)} cycles of more than {LONGEST} edges are left out"
        )
    for number, cycle in enumerate(kept):
        _add_cycle(relaxation, cycle, f"loop-{number}", signs, found, equal, below)
    equal.into(relaxation.program, "zero")
    below.into(relaxation.program, "nonnegative")
    return found


def _add_cycle(
    relaxation: Relaxation,
    cycle: Cycle,
    name: str,
    signs: _Signs,
    found: Monomials,
    equal: _Rows,
    below: _Rows,
) -> None:
    program, box = relaxation.program, relaxation.box
    pair_of = relaxation.lifted.pair_of()
    walk = [(pair_of[min(e), max(e)], 1.0 if e[0] < e[1] else -1.0) for e in cycle.steps()]
    n = len(walk)
    loop: dict[int, float] = {}
    for size in range(0, n + 1, 2):
        for chosen in combinations(range(n), size):
            factors, open_signs, orientation = [], [], (-1.0) ** (size // 2)
            for k, (pair, sense) in enumerate(walk):
                kind = "s" if k in chosen else "c"
                u, sigma = signs.magnitude(kind, pair)
                factors.append(u)
                if sigma is not None:
                    open_signs.append(sigma)
                if kind == "s":
                    orientation *= sense
            label = f"{name}-{'.'.join(map(str, chosen))}"
            z = int(program.add_columns(label, 1, _Between(0.0, 1.0, 1))[0])
            found.factors.append(tuple(factors))
            found.columns.append(z)
            _standard(z, dict.fromkeys(factors, 1.0), below)
            loop[z] = orientation
            if open_signs:
                p = _parity(program, label, z, open_signs, found, equal, below)
                loop[p] = -2 * orientation
    t = int(program.add_columns(f"{name}-right", 1, _Between(0.0, 1.0, 1))[0])
    w = program["w"]
    scaled = {int(w[node]): 1.0 / float(box.v[1, node]) ** 2 for node in cycle.nodes}
    _standard(t, scaled, below)
    equal.add({**loop, t: -1.0}, 0.0)


def _standard(z: int, factors: dict[int, float], below: _Rows) -> None:
    """Z ≤ each factor, z ≥ sum of the factors − (their number − 1)."""
    for col, scale in factors.items():
        below.add({z: 1.0, col: -scale}, 0.0)
    below.add({**factors, z: -1.0}, len(factors) - 1.0)


def _parity(
    program: Program,
    label: str,
    z: int,
    open_signs: list[int],
    found: Monomials,
    equal: _Rows,
    below: _Rows,
) -> int:
    """Add r + 2m = Σ (1 − σ) and p = r z linearised; return the column of p."""
    k = len(open_signs)
    r, p = program.add_columns(f"{label}-parity", 2, _Between(0.0, 1.0, 2)).tolist()
    m = int(program.add_columns(f"{label}-pairs", 1, _Between(0.0, float(k // 2), 1))[0])
    found.integer += [r, m]
    equal.add({r: 1.0, m: 2.0, **dict.fromkeys(open_signs, 1.0)}, float(k))
    below.add({p: 1.0, r: -1.0}, 0.0)
    below.add({p: 1.0, z: -1.0}, 0.0)
    below.add({z: 1.0, r: 1.0, p: -1.0}, 1.0)
    return int(p)
