"""Currents that ratings and voltages allow: rows on the squared currents, linear in w, c and s."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pygridjl.core.types import FloatArray, IntArray
from pygridjl.optimal_flow.relaxation.box import Box
from pygridjl.optimal_flow.relaxation.lifted import Lifted
from pygridjl.optimal_flow.relaxation.program import Block, Program

__all__ = ["add_current_limits"]

NAME = "currents"


def _none(_box: Box) -> FloatArray:
    return np.zeros((2, 0))


@dataclass(frozen=True, eq=False)
class _Rows:
    """Entries of w here, w there, c and s, in rows of size one."""

    entries: FloatArray
    here: IntArray
    rating: FloatArray

    def __call__(self, box: Box) -> tuple[FloatArray, FloatArray]:
        low, high = box.v[:, self.here] ** 2
        # The secant of rating² / w, which is convex in w.
        slope = self.rating**2 / (low * high)
        values, rhs = self.entries.copy(), slope * (low + high)
        values[0] += slope
        size = np.maximum(abs(values).max(axis=0), rhs)
        return (values / size).ravel(), rhs / size


def add_current_limits(program: Program, lifted: Lifted) -> None:
    """Add |I|² ≤ rating² / w at both ends of the branches that have a rating, by its secant in w.

    |Y_ff V_f + Y_ft V_t|² = |Y_ff|² w_f + |Y_ft|² w_t + 2 Re(Y_ff Y_ft* (c + j s)) is linear. No
    cone of powers implies these rows; PowerModels' quadratic relaxation has them with the lowest
    voltage instead of the secant.

    Parameters
    ----------
    program : Program
        What to extend; rows that are there already are not added again.
    lifted : Lifted
        The pairs.
    """
    branch, flow = lifted.branch, lifted.flow
    rated = np.flatnonzero(np.isfinite(branch.rating) & (branch.rating > 0))
    if NAME in program:
        return
    # A name without columns says that the rows are there.
    program.add_columns(NAME, 0, _none)
    w, c, s = program["w"], program["c"], program["s"]
    for side, here, there, turn in (
        (0, branch.from_bus, branch.to_bus, 1.0),
        (2, branch.to_bus, branch.from_bus, -1.0),
    ):
        place = rated[lifted.network.buses.v_min[here[rated]] > 0]
        if not place.size:
            continue
        at = lifted.pair[place]
        # Conjugate admittances, of the own voltage and of the product, as the flows have them.
        own = flow[side, side // 2, place] + 1j * flow[side + 1, side // 2, place]
        sign = turn * lifted.sign[place]
        other = flow[side, 2, place] + 1j * flow[side + 1, 2, place]
        both = np.conj(own) * other
        entries = np.array([abs(own) ** 2, abs(other) ** 2, 2 * both.real, -2 * sign * both.imag])
        rows = np.tile(np.arange(place.size), 4)
        cols = np.concatenate([w[here[place]], w[there[place]], c[at], s[at]])
        program.blocks.append(
            Block(
                "nonnegative",
                (place.size,),
                rows,
                cols,
                _Rows(entries, here[place], branch.rating[place]),
            )
        )
