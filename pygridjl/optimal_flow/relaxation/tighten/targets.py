"""What tightening minimises, and what a minimum says about the box."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from pygridjl.core.types import FloatArray, IntArray
from pygridjl.optimal_flow.relaxation.box import Box
from pygridjl.optimal_flow.relaxation.lifted import Lifted
from pygridjl.optimal_flow.relaxation.program import Program

__all__ = ["Target", "apply_bound", "entries", "homes_of", "now", "targets_at"]

Kind = Literal["angle", "c", "s", "w"]


@dataclass(frozen=True)
class Target:
    """One side of one interval.

    Attributes
    ----------
    kind : {"angle", "c", "s", "w"}
        Angle difference or product of a pair, squared magnitude of a bus.
    at : int
        Pair or bus.
    side : {0, 1}
        Lower or upper bound.
    """

    kind: Kind
    at: int
    side: int


def homes_of(lifted: Lifted, box: Box, share: float) -> list[tuple[int, IntArray]]:
    """Choose the widest pairs, and where the magnitudes of their ends are tightened.

    Parameters
    ----------
    lifted : Lifted
        The pairs.
    box : Box
        Present bounds.
    share : float
        Share of the pairs.

    Returns
    -------
    list of tuple of int and ndarray of int
        Pairs, widest first, each with the buses that no earlier one had.
    """
    width = np.minimum(box.angle[1] - box.angle[0], np.pi)
    size = box.v[:, lifted.i] * box.v[:, lifted.j]
    width = width + 0.5 * (size[1] - size[0])
    count = min(lifted.n_pair, max(int(np.ceil(share * lifted.n_pair)), 12))
    chosen = np.argsort(-width, kind="stable")[:count]
    ends = np.column_stack([lifted.i[chosen], lifted.j[chosen]])
    first = np.zeros(ends.size, dtype=np.bool_)
    first[np.unique(ends, return_index=True)[1]] = True
    fresh = first.reshape(ends.shape)
    return [(int(pair), ends[k][fresh[k]]) for k, pair in enumerate(chosen)]


def targets_at(box: Box, pair: int, buses: IntArray) -> list[Target]:
    """Return the sides of a pair's angle and cosine (sine, if the angle is open), and of buses."""
    known = box.angle[1, pair] - box.angle[0, pair] <= np.pi
    kinds: list[tuple[Kind, int]] = [("angle" if known else "s", pair), ("c", pair)]
    kinds += [("w", bus) for bus in buses.tolist()]
    return [Target(kind, at, side) for kind, at in kinds for side in (0, 1)]


def entries(program: Program, box: Box, target: Target) -> tuple[list[int], list[float]]:
    """Return the columns and coefficients whose minimum bounds a target.

    An angle bound θ_u moves by the largest |V_i||V_j| sin(θ − θ_u) = s cos θ_u − c sin θ_u.
    """
    sign = 1.0 if target.side == 0 else -1.0
    if target.kind == "angle":
        end = float(box.angle[target.side, target.at])
        cols = [int(program["s"][target.at]), int(program["c"][target.at])]
        return cols, [sign * np.cos(end), -sign * np.sin(end)]
    return [int(program[target.kind][target.at])], [sign]


def now(box: Box, target: Target) -> tuple[float, float]:
    """Return the minimum that the box allows already, and the width of the interval."""
    sign = 1.0 if target.side == 0 else -1.0
    if target.kind == "angle":
        return 0.0, float(box.angle[1, target.at] - box.angle[0, target.at])
    interval = box.v[:, target.at] ** 2 if target.kind == "w" else None
    if interval is None:
        interval = (box.c if target.kind == "c" else box.s)[:, target.at]
    return sign * float(interval[target.side]), float(interval[1] - interval[0])


def apply_bound(lifted: Lifted, box: Box, target: Target, least: float, end: float) -> None:
    """Move one side of an interval.

    Parameters
    ----------
    lifted : Lifted
        The pairs.
    box : Box
        Changed in place.
    target : Target
        The side.
    least : float
        Safe minimum of the target's objective.
    end : float
        The angle bound at which the objective was taken.
    """
    at, side = target.at, target.side
    value = least if side == 0 else -least
    if target.kind == "angle":
        if least <= 0:
            return
        high = float(box.v[1, lifted.i[at]] * box.v[1, lifted.j[at]])
        step = float(np.arcsin(min(least / high, 1.0)))
        moved = end + step if side == 0 else end - step
        _meet(box.angle, at, side, moved)
    elif target.kind == "w":
        if value > 0:
            _meet(box.v, at, side, float(np.sqrt(value)))
        elif side == 1:
            _meet(box.v, at, side, -1.0)
    else:
        _meet(box.c if target.kind == "c" else box.s, at, side, value)


def _meet(array: FloatArray, at: int, side: int, value: float) -> None:
    array[side, at] = max(array[0, at], value) if side == 0 else min(array[1, at], value)
