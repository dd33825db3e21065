"""How far a relaxation's point is from an operating point: loops, pairs, recovery."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pygridjl.core.types import ComplexArray, FloatArray
from pygridjl.graphs.cycles import (
    Cycle,
    component_roots,
    fundamental_cycles,
    minimum_cycle_basis,
)
from pygridjl.graphs.forest import adjacency, rooted_forest
from pygridjl.grid.network import Network
from pygridjl.optimal_flow.relaxation.lifted import Lifted

__all__ = ["LoopErrors", "cycle_basis", "is_exact", "loop_errors", "pair_error", "recover"]

# Up to this many buses a minimum cycle basis takes less than a few seconds.
MINIMUM_BASIS_BUSES = 200


def cycle_basis(network: Network) -> list[Cycle]:
    """Return a minimum cycle basis of the closed branches; a fundamental one for large networks.

    Parameters
    ----------
    network : Network
        The network in its base state.

    Returns
    -------
    list of Cycle
        Positions of buses.
    """
    branch = network.branches.take(network.branches.closed)
    ends = (network.n_bus, branch.from_bus, branch.to_bus)
    if network.n_bus <= MINIMUM_BASIS_BUSES:
        return minimum_cycle_basis(*ends)
    return fundamental_cycles(*ends)


@dataclass(frozen=True, eq=False)
class LoopErrors:
    """Left minus right side of the loop constraint (5), per unit, by cycle.

    Attributes
    ----------
    values : ndarray of complex, shape (number of cycles,)
        Π (c + j s) − Π w along each cycle in its sense. The real part is (5).
    lengths : tuple of int
        Edges of each cycle.
    """

    values: ComplexArray
    lengths: tuple[int, ...]

    @property
    def real_norm(self) -> float:
        """2-norm of the real parts: the slides' measure, oriented."""
        return float(np.linalg.norm(self.values.real))

    @property
    def complex_norm(self) -> float:
        """2-norm of the complex errors, which is zero only if the angles close, too."""
        return float(np.linalg.norm(self.values))


def loop_errors(
    lifted: Lifted, cycles: list[Cycle], w: FloatArray, c: FloatArray, s: FloatArray
) -> LoopErrors:
    """Measure the loop constraint at a point.

    Parameters
    ----------
    lifted : Lifted
        The pairs.
    cycles : list of Cycle
        Cycles of buses.
    w, c, s : ndarray
        The point.

    Returns
    -------
    LoopErrors
        Oriented: s of a pair walked backwards changes its sign.
    """
    pair_of = lifted.pair_of()
    values = np.zeros(len(cycles), dtype=np.complex128)
    for k, cycle in enumerate(cycles):
        around, squares = 1.0 + 0.0j, 1.0
        for u, v in cycle.steps():
            p = pair_of[min(u, v), max(u, v)]
            around *= complex(c[p], s[p] if u < v else -s[p])
            squares *= float(w[u])
        values[k] = around - squares
    return LoopErrors(values, tuple(len(cycle) for cycle in cycles))


def pair_error(lifted: Lifted, w: FloatArray, c: FloatArray, s: FloatArray) -> float:
    """Return the largest w_i w_j − c² − s² over the pairs of branches, p.u."""
    gap = w[lifted.i] * w[lifted.j] - c**2 - s**2
    return float(abs(gap[lifted.real]).max(initial=0.0))


def recover(
    lifted: Lifted, w: FloatArray, c: FloatArray, s: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return voltages: magnitudes from w, angles summed along a breadth-first tree.

    Parameters
    ----------
    lifted : Lifted
        The pairs.
    w, c, s : ndarray
        A point of the relaxation.

    Returns
    -------
    vm, va : ndarray, shape (n,)
        p.u. and rad; exact where the relaxation is (Jabr 2006, for trees).
    """
    real = np.flatnonzero(lifted.real)
    graph = adjacency(lifted.n, lifted.i[real], lifted.j[real])
    ends = (lifted.n, lifted.i[real], lifted.j[real])
    roots = component_roots(*ends, first=lifted.network.slack_buses)
    forest = rooted_forest(graph, np.ones(real.size, dtype=np.bool_), roots)
    difference = np.arctan2(s, c)
    va = np.zeros(lifted.n)
    for u in forest.order.tolist():
        above = int(forest.parent[u])
        if above >= 0:
            step = difference[real[forest.edge[u]]]
            va[u] = va[above] + (step if u < above else -step)
    return np.sqrt(np.maximum(w, 0.0)), va


def is_exact(
    lifted: Lifted,
    cycles: list[Cycle],
    point: tuple[FloatArray, FloatArray, FloatArray],
    tolerance: float = 1e-5,
) -> bool:
    """Say whether a point of a relaxation is an operating point: pairs and loops hold.

    Parameters
    ----------
    lifted : Lifted
        The pairs.
    cycles : list of Cycle
        A cycle basis.
    point : tuple of ndarray
        w, c, s.
    tolerance : float
        Largest error, p.u.
    """
    errors = loop_errors(lifted, cycles, *point).values
    return (
        pair_error(lifted, *point) <= tolerance and float(abs(errors).max(initial=0.0)) <= tolerance
    )
