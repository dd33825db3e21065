"""A network in the products of its voltages: squares, cosines and sines of pairs of buses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pygridjl.core.types import BoolArray, FloatArray, IntArray
from pygridjl.graphs.chordal import chordal_extension
from pygridjl.grid.network import Branches, Generators, Network

__all__ = ["Lifted", "lift"]


@dataclass(frozen=True, eq=False)
class Lifted:
    """Pairs of buses and what branches put on them.

    Columns of every relaxation are w_i = |V_i|² by bus and, by pair (i, j) with i < j,
    c = |V_i||V_j| cos(θ_i − θ_j) and s = |V_i||V_j| sin(θ_i − θ_j) (Jabr 2006). Parallel branches
    share their pair.

    Attributes
    ----------
    network : Network
        Where it comes from.
    units : ndarray of int, shape (g,)
        Positions of the units in service.
    unit : Generators
        Their table.
    branch : Branches
        The closed branches.
    i, j : ndarray of int, shape (k,)
        Ends of the pairs, i < j: first those of branches, then artificial ones.
    real : ndarray of bool, shape (k,)
        Whether a branch joins the pair.
    pair : ndarray of int, shape (m,)
        Pair of each branch.
    sign : ndarray, shape (m,)
        1 if the branch begins at i, else −1.
    flow : ndarray, shape (4, 4, m)
        Coefficients of w_from, w_to, c and s (of the pair, already oriented) in the active and
        reactive flow into the from end, then into the to end.
    cliques : tuple of tuple of int
        Maximal cliques of the chordal extension; empty if there is none.
    """

    network: Network
    units: IntArray
    unit: Generators
    branch: Branches
    i: IntArray
    j: IntArray
    real: BoolArray
    pair: IntArray
    sign: FloatArray
    flow: FloatArray
    cliques: tuple[tuple[int, ...], ...]

    @property
    def n(self) -> int:
        """Number of buses."""
        return self.network.n_bus

    @property
    def n_pair(self) -> int:
        """Number of pairs."""
        return int(self.i.size)

    def pair_of(self) -> dict[tuple[int, int], int]:
        """Return the pair of two buses, smaller one first."""
        ends = zip(self.i.tolist(), self.j.tolist(), strict=True)
        return {end: k for k, end in enumerate(ends)}


def lift(network: Network, *, chordal: bool = False, artificial: IntArray | None = None) -> Lifted:
    """Give the pairs of a network their numbers.

    Parameters
    ----------
    network : Network
        The network in its base state.
    chordal : bool
        Whether the pairs of a chordal extension are added.
    artificial : ndarray of int, shape (k, 2), optional
        More pairs, such as chords of cycles.

    Returns
    -------
    Lifted
        Pairs and coefficients.
    """
    branch = network.branches.take(network.branches.closed)
    n = network.n_bus
    low = np.minimum(branch.from_bus, branch.to_bus)
    high = np.maximum(branch.from_bus, branch.to_bus)
    codes, pair = np.unique(low * n + high, return_inverse=True)
    more: list[IntArray] = []
    cliques: tuple[tuple[int, ...], ...] = ()
    extra = np.zeros((0, 2), np.int64) if artificial is None else np.sort(artificial, axis=1)
    if chordal:
        extended = chordal_extension(
            n, np.concatenate([low, extra[:, 0]]), np.concatenate([high, extra[:, 1]])
        )
        cliques = extended.cliques
        more.append(extended.fill[:, 0] * n + extended.fill[:, 1])
    more.append(extra[:, 0] * n + extra[:, 1])
    added = np.setdiff1d(np.concatenate(more), codes)
    every = np.concatenate([codes, added])
    units = np.flatnonzero(network.generators.in_service)
    sign = np.where(branch.from_bus < branch.to_bus, 1.0, -1.0)
    return Lifted(
        network=network,
        units=units,
        unit=network.generators.take(units),
        branch=branch,
        i=every // n,
        j=every % n,
        real=np.arange(every.size) < codes.size,
        pair=pair,
        sign=sign,
        flow=_flow_coefficients(branch, sign),
        cliques=cliques,
    )


def _flow_coefficients(branch: Branches, sign: FloatArray) -> FloatArray:
    """S_from = conj(Y_ff) w_f + conj(Y_ft) (c + j s), S_to = conj(Y_tt) w_t + conj(Y_tf) (c − j s).

    The π-model is that of MATPOWER's manual, section 3.2.
    """
    series = 1.0 / (branch.r + 1j * branch.x)
    own = series + 0.5j * branch.b
    ratio = branch.tap * np.exp(1j * branch.shift)
    ff, tt = own / branch.tap**2, own
    ft, tf = np.conj(-series / np.conj(ratio)), np.conj(-series / ratio)
    zero = np.zeros(len(branch))
    return np.array(
        [
            [ff.real, zero, ft.real, -ft.imag * sign],
            [-ff.imag, zero, ft.imag, ft.real * sign],
            [zero, tt.real, tf.real, tf.imag * sign],
            [zero, -tt.imag, tf.imag, -tf.real * sign],
        ]
    )
