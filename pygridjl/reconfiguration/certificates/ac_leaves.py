"""Compiled search that evaluates every configuration it reaches in AC."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pygridjl.core.jit import kernel
from pygridjl.core.types import BoolArray, IntArray
from pygridjl.graphs.forest import breadth_first
from pygridjl.powerflow.sweep import SweepData, solve_sweep
from pygridjl.reconfiguration.ac.evaluate import AcEvaluator
from pygridjl.reconfiguration.certificates.cycle_search import LEAF, search
from pygridjl.reconfiguration.certificates.mesh import Mesh, MeshArrays
from pygridjl.reconfiguration.certificates.open_nodes import OpenNodes

__all__ = ["Grid", "grid_of", "search_in_ac"]

# A configuration is reported if it loses less than this share of the best one.
BETTER = 1 - 1e-9
VOLTAGE_TOLERANCE = 1e-12
MAX_SWEEPS = 500
# Passes of the bound from below before a power flow decides; two or three mostly do.
PASSES = 6


class Grid(NamedTuple):
    """What a power flow of a configuration needs.

    ``start``, ``node``, ``edge`` are the adjacency of the buses by all branches, ``roots`` the
    buses that hold their voltage, ``states`` the branches with every edge of the problem closed
    and ``branch`` the branch that each candidate of the mesh opens.
    """

    start: IntArray
    node: IntArray
    edge: IntArray
    roots: IntArray
    states: BoolArray
    branch: IntArray


def grid_of(evaluator: AcEvaluator, mesh: Mesh) -> Grid:
    """Collect the arrays.

    Parameters
    ----------
    evaluator : AcEvaluator
        Of the problem.
    mesh : Mesh
        All its blocks together.
    """
    problem, graph = evaluator.problem, evaluator.graph
    return Grid(
        start=graph.start,
        node=graph.node,
        edge=graph.edge,
        roots=problem.roots,
        states=problem.branch_states(np.ones(problem.m, dtype=bool)),
        branch=problem.branch[mesh.candidate_edge],
    )


@kernel
def _loses_as_much(
    order: IntArray, parent: IntArray, via: IntArray, data: SweepData, best: float
) -> bool:
    """Whether a tree of consumers loses at least ``best``, as far as a few passes can tell.

    The branch-flow equations are iterated from zero losses. More losses mean more flow and lower
    voltages, and these more losses, so that every pass ends below the AC state.
    """
    n = parent.shape[0]
    p, q, square, v = np.empty(n), np.empty(n), np.zeros(n), np.empty(n)
    for _ in range(PASSES):
        for u in order:
            p[u] = data.load[u].real
            q[u] = data.load[u].imag
        for k in range(order.shape[0] - 1, -1, -1):
            u = order[k]
            if parent[u] >= 0:
                p[parent[u]] += p[u] + data.z[via[u]].real * square[u]
                q[parent[u]] += q[u] + data.z[via[u]].imag * square[u]
        loss = 0.0
        for u in order:
            up = parent[u]
            if up < 0:
                v[u] = data.root_voltage[u] ** 2
                continue
            e = via[u]
            r, x = data.z[e].real, data.z[e].imag
            v[u] = v[up] - 2 * (r * p[u] + x * q[u]) - (r * r + x * x) * square[u]
            if v[u] <= 0:
                return True
            square[u] = (p[u] * p[u] + q[u] * q[u]) / v[u]
            loss += data.loss_r[e] * square[u]
        if loss >= best:
            return True
    return False


@kernel
def _beats(grid: Grid, data: SweepData, leaf: IntArray, best: float, consuming: bool) -> bool:
    """Whether the AC loss with the candidates of a leaf opened is below ``best``."""
    states = grid.states.copy()
    for k in leaf:
        states[grid.branch[k]] = False
    order, parent, via, _ = breadth_first(grid.start, grid.node, grid.edge, states, grid.roots)
    if consuming and _loses_as_much(order, parent, via, data, best):
        return False
    answer = solve_sweep(order, parent, via, data, VOLTAGE_TOLERANCE, MAX_SWEEPS)
    return bool(answer[2] < best)


@kernel
def search_in_ac(
    mesh: MeshArrays,
    nodes: OpenNodes,
    cutoff: float,
    budget: int,
    crowd: int,
    leaf: IntArray,
    grid: Grid,
    data: SweepData,
    best: float,
    consuming: bool,
) -> tuple[int, int]:
    """Go on with :func:`search`, but pass over configurations that are no better in AC.

    Parameters
    ----------
    mesh, nodes, cutoff, budget, crowd, leaf
        As :func:`~pygridjl.reconfiguration.certificates.cycle_search.search` takes them.
    grid, data
        The network.
    best : float
        AC loss to beat, p.u.
    consuming : bool
        Whether nothing injects.

    Returns
    -------
    reason, processed : int
        As ``search`` returns them; after ``LEAF`` the configuration in ``leaf`` loses less.
    """
    processed = 0
    while True:
        reason, count = search(mesh, nodes, cutoff, budget - processed, crowd, leaf)
        processed += count
        if reason != LEAF or _beats(grid, data, leaf, best * BETTER, consuming):
            return reason, processed
