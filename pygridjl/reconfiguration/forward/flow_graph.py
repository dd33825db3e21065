"""The plain data the four parts of FORWARD pass to each other, and the closing Kruskal step."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pygridjl.core.types import BoolArray, FloatArray, IntArray
from pygridjl.graphs.forest import Adjacency, adjacency, spanning_forest
from pygridjl.reconfiguration.problem import RadialProblem

__all__ = ["FlowGraph", "complete_forest", "flow_graph"]

# Sums of injections below this share of Σ|p| are rounding, not power left to deliver.
RELATIVE_TOLERANCE = 1e-12


@dataclass(frozen=True, eq=False)
class FlowGraph:
    """An undirected multigraph without loops, with injections that sum to zero.

    Attributes
    ----------
    p : ndarray, shape (n,)
        Injection of each node, p.u.; positive for sources.
    tail, head : ndarray of int, shape (m,)
        Ends of the edges.
    weight : ndarray, shape (m,)
        Resistance of the edges, p.u.
    node : ndarray of int, shape (n,)
        What each node is called in the graph all started from.
    edge : ndarray of int, shape (m,)
        What each edge is called there.
    """

    p: FloatArray
    tail: IntArray
    head: IntArray
    weight: FloatArray
    node: IntArray
    edge: IntArray

    @property
    def n(self) -> int:
        """Number of nodes."""
        return int(self.node.size)

    @property
    def m(self) -> int:
        """Number of edges."""
        return int(self.edge.size)

    @cached_property
    def adjacency(self) -> Adjacency:
        """Neighbours and edges by node."""
        return adjacency(self.n, self.tail, self.head)

    @property
    def tolerance(self) -> float:
        """Balance that counts as zero, p.u."""
        return RELATIVE_TOLERANCE * float(np.abs(self.p).sum())


def flow_graph(problem: RadialProblem) -> FlowGraph:
    """Take the active-power graph of a problem; FORWARD knows no reactive power.

    Parameters
    ----------
    problem : RadialProblem
        Either kind; forced edges are ordinary edges here (contract them before).

    Returns
    -------
    FlowGraph
        Nodes and edges keep their numbers.
    """
    return FlowGraph(
        p=problem.p,
        tail=problem.tail,
        head=problem.head,
        weight=problem.weight,
        node=np.arange(problem.n, dtype=np.int64),
        edge=np.arange(problem.m, dtype=np.int64),
    )


def complete_forest(graph: FlowGraph, closed: BoolArray) -> BoolArray:
    """Join the trees of a forest by their least resistant edges (Kruskal). O(m log m).

    Where all trees are balanced, the added edges carry no flow and cost nothing.

    Parameters
    ----------
    graph : FlowGraph
        The graph.
    closed : ndarray of bool, shape (m,)
        A forest.

    Returns
    -------
    ndarray of bool, shape (m,)
        The forest and what was added: a spanning tree of every connected part of the graph.
    """
    order = np.argsort(graph.weight, kind="stable")
    return spanning_forest(graph.n, graph.tail, graph.head, order, closed)
