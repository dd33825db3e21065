"""The meshed core of a problem: what is left of a network when trees and series are removed.

Flows that serve all injections are f₀ + Cᵀ y, with f₀ the flow of one spanning tree and C the
c = m − n + 1 fundamental cycles. Two edges whose columns of C agree up to sign are *in series*:
together they are a cut, so their flows differ by a constant and at most one of them can be open.
Such a class is one *super-edge* with a single flow u, and opening its member e means
u = −σ_e f₀_e. Edges in no cycle are bridges and always closed. The classes of cycles that share
no edge are the biconnected blocks, which can be solved one by one (the exact form of the
decomposition that FORWARD's Lemma 2.1 aims at).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from pygridjl.core.types import BoolArray, FloatArray, IntArray
from pygridjl.graphs.cycles import fundamental_cycle_matrix
from pygridjl.graphs.forest import adjacency, rooted_forest
from pygridjl.reconfiguration.problem import RadialProblem

__all__ = ["Mesh", "MeshArrays", "decompose"]


class MeshArrays(NamedTuple):
    """A block as the compiled search sees it; S super-edges, K candidates, p.u. throughout."""

    n_nodes: int
    tail: IntArray
    head: IntArray
    start: IntArray
    slot_edge: IntArray
    slot_node: IntArray
    resistance: FloatArray
    coupling: FloatArray
    flow: FloatArray
    first: IntArray
    target: FloatArray
    price: FloatArray
    toll: IntArray
    most: int
    dimension: int
    energy: float


@dataclass(frozen=True, eq=False)
class Mesh:
    """One block (or several taken together) with the way back to the edges of the problem.

    Attributes
    ----------
    arrays : MeshArrays
        ``tail``, ``head``: ends of the super-edges among ``n_nodes`` junctions; ``start``,
        ``slot_edge``, ``slot_node``: their adjacency; ``resistance`` (S,); ``coupling`` (S, S):
        C (CᵀRC)⁻¹ Cᵀ; ``flow`` (S, 2): electrical flow (p, q) of the super-edges, or the leading
        columns (:attr:`RadialProblem.leading`); ``first`` (S + 1,) and ``target`` (K, 2): flow that
        opening candidate k forces on its super-edge; ``price`` (K,): what opening it costs besides
        losses, p.u.; ``toll`` (K,) of which at most ``most`` may be spent; ``dimension``: number
        of edges that must be opened; ``energy``: electrical loss of all columns.
    edges : ndarray of int
        Edges of the problem in this block.
    group, sense : ndarray, shape (len(edges),)
        Super-edge of each of them, and 1 or −1 for the direction in which it carries its flow.
    candidate_edge : ndarray of int, shape (K,)
        Edge of the problem that candidate k opens.
    left_out : float
        Part of the energy that is of the columns that do not lead, p.u. Openings only raise it.
    """

    arrays: MeshArrays
    edges: IntArray
    group: IntArray
    sense: FloatArray
    candidate_edge: IntArray
    left_out: float


def decompose(problem: RadialProblem, tree: BoolArray, *, together: bool) -> tuple[Mesh, ...]:
    """Reduce a problem to its meshed blocks.

    Parameters
    ----------
    problem : RadialProblem
        The problem.
    tree : ndarray of bool, shape (m,)
        Any spanning tree.
    together : bool
        Keep all blocks in one mesh, with every candidate. A constraint that couples the blocks
        (a voltage band) needs this; without it, candidates of a super-edge that force the same
        flow are interchangeable and only the first is kept.

    Returns
    -------
    tuple of Mesh
        One a block; empty if the graph is a tree. Memory O(c m).
    """
    chords = np.flatnonzero(~tree).astype(np.int64)
    if chords.size == 0:
        return ()
    forest = rooted_forest(problem.graph, tree, np.array([problem.root]))
    cycles = fundamental_cycle_matrix(problem.tail, problem.head, forest, chords).toarray()
    meshed = np.flatnonzero(cycles.any(axis=0)).astype(np.int64)
    columns = np.ascontiguousarray(cycles[:, meshed].T)
    leading = np.take_along_axis(columns, (columns != 0).argmax(axis=1)[:, None], axis=1)
    # Edges of a class carry its flow forwards or backwards.
    columns *= leading
    classes, series = np.unique(columns, axis=0, return_inverse=True)
    series = series.ravel()
    flow = problem.flows(tree)[meshed] * leading
    block = np.zeros(classes.shape[0], dtype=np.int64)
    if not together:
        incidence = csr_array(classes != 0)
        _, label = connected_components(incidence @ incidence.T, directed=False)
        block = label.astype(np.int64)
    return tuple(
        _mesh(problem, meshed, classes, series, flow, leading, block == b, distinct=not together)
        for b in range(int(block.max()) + 1)
    )


def _mesh(
    problem: RadialProblem,
    meshed: IntArray,
    classes: np.ndarray[tuple[int, ...], np.dtype[np.int8]],
    series: IntArray,
    flow: FloatArray,
    sense: np.ndarray[tuple[int, ...], np.dtype[np.int8]],
    members: BoolArray,
    *,
    distinct: bool,
) -> Mesh:
    """Build the mesh of some series classes; ``flow`` is the tree's, in the sense of the class."""
    rank = np.cumsum(members) - 1
    inside = members[series]
    edges, group, flow = meshed[inside], rank[series[inside]], flow[inside]
    count = int(members.sum())
    cycles = classes[members].astype(np.float64)
    cycles = cycles[:, cycles.any(axis=0)]
    weight = problem.weight[edges]
    resistance = np.bincount(group, weight, minlength=count).astype(np.float64)
    drop = np.stack([np.bincount(group, weight * f, minlength=count) for f in flow.T], axis=1)
    factor = cho_factor(cycles.T @ (resistance[:, None] * cycles))
    electrical = -cycles @ cho_solve(factor, cycles.T @ drop)
    through = flow + electrical[group]
    first, target, candidate_edge = _candidates(problem, edges, group, -flow, count, distinct)
    price, toll, most = _rules(problem)
    tail, head, n_nodes = _junctions(problem, edges, group, sense[inside, 0] > 0)
    junctions = adjacency(n_nodes, tail, head)
    leading = slice(problem.leading)
    energy = weight @ through**2
    arrays = MeshArrays(
        n_nodes=n_nodes,
        tail=tail,
        head=head,
        start=junctions.start,
        slot_edge=junctions.edge,
        slot_node=junctions.node,
        resistance=resistance,
        coupling=cycles @ cho_solve(factor, cycles.T),
        flow=np.ascontiguousarray(electrical[:, leading]),
        first=first,
        target=np.ascontiguousarray(target[:, leading]),
        price=price[candidate_edge],
        toll=toll[candidate_edge],
        most=most,
        dimension=cycles.shape[1],
        energy=float(energy.sum()),
    )
    return Mesh(
        arrays,
        edges,
        group,
        sense[inside, 0].astype(np.float64),
        candidate_edge,
        float(energy.sum() - energy[leading].sum()),
    )


def _candidates(
    problem: RadialProblem,
    edges: IntArray,
    group: IntArray,
    target: FloatArray,
    count: int,
    distinct: bool,
) -> tuple[IntArray, FloatArray, IntArray]:
    """Edges that may be opened, by super-edge, and the flow that opening each one forces."""
    free = np.flatnonzero(~problem.forced[edges])
    if distinct:
        price = _rules(problem)[0][edges[free]]
        key = np.column_stack([group[free].astype(np.float64), price, target[free]])
        _, kept = np.unique(key, axis=0, return_index=True)
        free = free[np.sort(kept)]
    free = free[np.argsort(group[free], kind="stable")]
    first = np.zeros(count + 1, dtype=np.int64)
    np.cumsum(np.bincount(group[free], minlength=count), out=first[1:])
    return first, target[free], edges[free]


def _rules(problem: RadialProblem) -> tuple[FloatArray, IntArray, int]:
    """Price and toll of opening each edge, p.u., and the tolls allowed."""
    rules = problem.switching
    if rules is None:
        return np.zeros(problem.m), np.zeros(problem.m, dtype=np.int64), 0
    most = rules.most_openings(problem.m - problem.n + 1)
    return rules.price() / problem.kw, rules.today.astype(np.int64), most


def _junctions(
    problem: RadialProblem, edges: IntArray, group: IntArray, forwards: BoolArray
) -> tuple[IntArray, IntArray, int]:
    """Return the ends of the super-edges once all but one edge of each are contracted."""
    _, representative = np.unique(group, return_index=True)
    kept = edges[representative]
    contracted = np.ones(problem.m, dtype=bool)
    contracted[kept] = False
    graph = coo_array(
        (np.ones(int(contracted.sum())), (problem.tail[contracted], problem.head[contracted])),
        shape=(problem.n, problem.n),
    )
    n_nodes, label = connected_components(graph, directed=False)
    label = label.astype(np.int64)
    tail, head = label[problem.tail[kept]], label[problem.head[kept]]
    along = forwards[representative]
    return np.where(along, tail, head), np.where(along, head, tail), int(n_nodes)
