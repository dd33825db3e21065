"""What all relaxations share: columns of Jabr's model, balances, limits and costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from pygridjl.core.types import FloatArray, IntArray
from pygridjl.optimal_flow.problem import cost_lines
from pygridjl.optimal_flow.relaxation.box import Box
from pygridjl.optimal_flow.relaxation.lifted import Lifted
from pygridjl.optimal_flow.relaxation.program import Block, Program, fixed

__all__ = ["add_angle_rows", "base_program", "interval"]


@dataclass(frozen=True, eq=False)
class interval:  # noqa: N801 - used as a function
    """Bounds of columns that are one field of the box, optionally squared."""

    field: str
    squared: bool = False

    def __call__(self, box: Box) -> FloatArray:
        """Return them for a box, shape (2, k)."""
        values: FloatArray = getattr(box, self.field)
        return values**2 if self.squared else values


@dataclass(frozen=True, eq=False)
class _Heights:
    """Bounds of the piecewise-linear costs: a convex function is greatest at an end."""

    unit: IntArray
    line: IntArray
    slope: FloatArray
    intercept: FloatArray

    def __call__(self, box: Box) -> FloatArray:
        ends = self.slope * box.p[:, self.unit[self.line]] + self.intercept
        top = np.full((2, self.unit.size), -np.inf)
        for side in (0, 1):
            np.maximum.at(top[side], self.line, ends[side])
        low = np.full(self.unit.size, -np.inf)
        np.maximum.at(low, self.line, ends.min(axis=0))
        return np.array([low, top.max(axis=0)])


def base_program(lifted: Lifted) -> Program:
    """Build the columns w, c, s, p, q and the rows of slides' model (2), without its cones.

    Flows are no columns: they are linear in w, c and s.

    Parameters
    ----------
    lifted : Lifted
        The pairs.

    Returns
    -------
    Program
        Balances, ratings, apparent power of units, costs, angle limits.
    """
    network, unit, branch = lifted.network, lifted.unit, lifted.branch
    n, g = lifted.n, len(unit)
    program = Program(constant=float(unit.cost[:, 2].sum()))
    w = program.add_columns("w", n, interval("v", squared=True))
    c = program.add_columns("c", lifted.n_pair, interval("c"))
    s = program.add_columns("s", lifted.n_pair, interval("s"))
    p = program.add_columns("p", g, interval("p"), unit.cost[:, 1], 2 * unit.cost[:, 0])
    q = program.add_columns("q", g, interval("q"))
    flows = _flows(lifted, w, c, s)
    one = np.arange(n)
    balance = []
    for k, (own, shunt) in enumerate(((p, network.buses.gs), (q, -network.buses.bs))):
        leaving = _sum_rows(flows[k], branch.from_bus, n) + _sum_rows(
            flows[2 + k], branch.to_bus, n
        )
        rest = csr_array(
            (
                np.concatenate([shunt, -np.ones(g)]),
                (np.concatenate([one, unit.bus]), np.concatenate([w, own])),
            ),
            shape=leaving.shape,
        )
        balance.append(leaving + rest)
    for matrix, load in zip(balance, (network.load_p, network.load_q), strict=True):
        program.blocks.append(_block("zero", (n,), matrix, -load))
    rated = np.flatnonzero(np.isfinite(branch.rating))
    for k in (0, 2):
        _add_discs(program, (flows[k][rated], flows[k + 1][rated]), branch.rating[rated])
    held = np.flatnonzero(np.isfinite(unit.s_max))
    if held.size:
        pick = [
            csr_array(
                (np.ones(held.size), (np.arange(held.size), own[held])), (held.size, q[-1] + 1)
            )
            for own in (p, q)
        ]
        _add_discs(program, (pick[0], pick[1]), unit.s_max[held])
    _add_piecewise(program, lifted)
    return program


def _flows(lifted: Lifted, w: IntArray, c: IntArray, s: IntArray) -> list[csr_array]:
    """Active and reactive flow into the from ends, then into the to ends, by columns."""
    branch = lifted.branch
    m = len(branch)
    cols = np.concatenate([w[branch.from_bus], w[branch.to_bus], c[lifted.pair], s[lifted.pair]])
    rows = np.tile(np.arange(m), 4)
    width = int(s[-1]) + 1 if s.size else int(w[-1]) + 1
    width += 2 * len(lifted.unit)
    return [csr_array((lifted.flow[k].ravel(), (rows, cols)), shape=(m, width)) for k in range(4)]


def _sum_rows(matrix: csr_array, group: IntArray, n: int) -> csr_array:
    m = group.size
    return csr_array((np.ones(m), (group, np.arange(m))), shape=(n, m)) @ matrix


def _block(kind: str, sizes: tuple[int, ...], matrix: csr_array, rhs: FloatArray) -> Block:
    coo = matrix.tocoo()
    return Block(
        kind,  # type: ignore[arg-type]
        sizes,
        coo.row.astype(np.int64),
        coo.col.astype(np.int64),
        fixed(coo.data, rhs),
    )


def _add_discs(program: Program, sides: tuple[csr_array, csr_array], radius: FloatArray) -> None:
    """Add ‖(a x, b x)‖ ≤ radius row by row."""
    k = radius.size
    if not k:
        return
    first, second = sides[0].tocoo(), sides[1].tocoo()
    rhs = np.zeros(3 * k)
    rhs[::3] = radius
    program.blocks.append(
        Block(
            "second_order",
            [3] * k,
            np.concatenate([3 * first.row + 1, 3 * second.row + 2]).astype(np.int64),
            np.concatenate([first.col, second.col]).astype(np.int64),
            fixed(-np.concatenate([first.data, second.data]), rhs),
        )
    )


def _add_piecewise(program: Program, lifted: Lifted) -> None:
    """Add a column for the cost of each unit with piecewise-linear costs, above all its lines."""
    owner, slope, intercept = cost_lines(lifted.network)
    if not owner.size:
        return
    unit, line = np.unique(np.searchsorted(lifted.units, owner), return_inverse=True)
    bounds = _Heights(unit, line, slope, intercept)
    height = program.add_columns("height", unit.size, bounds, np.ones(unit.size))
    rows = np.arange(line.size)
    program.blocks.append(
        Block(
            "nonnegative",
            (line.size,),
            np.concatenate([rows, rows]),
            np.concatenate([program["p"][unit[line]], height[line]]),
            fixed(np.concatenate([slope, -np.ones(line.size)]), -intercept),
        )
    )


@dataclass(frozen=True, eq=False)
class _AngleRows:
    """sin(θ − θ_max) ≤ 0 and sin(θ_min − θ) ≤ 0, where the interval is at most half a turn."""

    k: int

    def __call__(self, box: Box) -> tuple[FloatArray, FloatArray]:
        low, high = box.angle
        said = (high - low <= np.pi).astype(float)
        values = [said * np.cos(high), -said * np.sin(high)]
        values += [-said * np.cos(low), said * np.sin(low)]
        # A row without entries keeps an inside.
        return np.concatenate(values), np.tile(1.0 - said, 2)


def add_angle_rows(program: Program, lifted: Lifted) -> None:
    """Add the angle intervals of the pairs as rows on c and s."""
    k = lifted.n_pair
    rows = np.arange(k)
    s, c = program["s"], program["c"]
    program.blocks.append(
        Block(
            "nonnegative",
            (2 * k,),
            np.concatenate([rows, rows, k + rows, k + rows]),
            np.concatenate([s, c, s, c]),
            _AngleRows(k),
        )
    )
