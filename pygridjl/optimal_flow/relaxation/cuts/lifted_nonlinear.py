"""Lifted nonlinear cuts of the bounds on magnitudes and angle differences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pygridjl.core.types import FloatArray, IntArray
from pygridjl.optimal_flow.relaxation.box import Box
from pygridjl.optimal_flow.relaxation.lifted import Lifted
from pygridjl.optimal_flow.relaxation.program import Block, Program

__all__ = ["add_lifted_nonlinear"]


@dataclass(frozen=True, eq=False)
class _Cuts:
    """Coefficients of w_i, w_j, c, s by pair, for both corners of the magnitudes."""

    i: IntArray
    j: IntArray

    def __call__(self, box: Box) -> tuple[FloatArray, FloatArray]:
        low, high = box.angle
        middle, half = (low + high) / 2, (high - low) / 2
        # Beyond half a turn in all, the cut does not hold.
        holds = (half <= np.pi / 2).astype(float)
        (vil, viu), (vjl, vju) = box.v[:, self.i], box.v[:, self.j]
        vis, vjs, cosine = vil + viu, vjl + vju, np.cos(half)
        product = vil * vjl - viu * vju
        values: list[FloatArray] = []
        rhs: list[FloatArray] = []
        for vi, vj, constant in (
            (viu, vju, viu * vju * cosine * product),
            (vil, vjl, -vil * vjl * cosine * product),
        ):
            values += [
                holds * vj * cosine * vjs,
                holds * vi * cosine * vis,
                -holds * vis * vjs * np.cos(middle),
                -holds * vis * vjs * np.sin(middle),
            ]
            rhs.append(np.where(holds > 0, -constant, 1.0))
        return np.concatenate(values), np.concatenate(rhs)


def add_lifted_nonlinear(program: Program, lifted: Lifted) -> None:
    """Add both cuts of every pair (Coffrin, Hijazi, Van Hentenryck 2017, eq. (LNC)).

    With φ, δ the middle and half width of the angle interval and v^σ = v^l + v^u,
    v_i^σ v_j^σ (c cos φ + s sin φ) − v_j cos δ v_j^σ w_i − v_i cos δ v_i^σ w_j
    ≥ ± v_i v_j cos δ (v_i^l v_j^l − v_i^u v_j^u), with v the upper bounds and +, or the lower
    bounds and −.

    Parameters
    ----------
    program : Program
        What to extend.
    lifted : Lifted
        The pairs.
    """
    k = lifted.n_pair
    w, c, s = program["w"], program["c"], program["s"]
    first = np.arange(k)
    rows = np.concatenate([np.tile(first, 4), np.tile(k + first, 4)])
    cols = np.tile(np.concatenate([w[lifted.i], w[lifted.j], c, s]), 2)
    program.blocks.append(Block("nonnegative", (2 * k,), rows, cols, _Cuts(lifted.i, lifted.j)))
