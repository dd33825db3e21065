"""The radial reconfiguration problem as arrays: what every method and certificate works on.

Two problems share one form. In *balanced* (FORWARD, eq. (1)) every bus has a fixed injection and
the closed branches form a spanning tree. In *substations* the slack buses deliver whatever their
tree asks for and the closed branches form a forest with one slack bus in each tree; contracting
the slack buses into one node turns the forest into a spanning tree of the contracted graph.

The objective of the linear model is the loss at 1 p.u. voltage, Σ r (p² + q²), where p and q are
the branch flows that follow from the tree; ``balanced`` counts active power only, as the paper.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from pygridjl.core.types import BoolArray, FloatArray, IntArray
from pygridjl.graphs.forest import Adjacency, adjacency, rooted_forest, subtree_sums
from pygridjl.grid.network import Network
from pygridjl.reconfiguration.switching import Switching

__all__ = ["Limit", "ProblemKind", "RadialProblem"]

ProblemKind = Literal["balanced", "substations"]
Limit = Literal["voltage", "ampacity", "capacity"]


@dataclass(frozen=True, eq=False)
class RadialProblem:
    """A reconfiguration problem on ``n`` nodes and ``m`` candidate edges.

    A configuration is a Boolean array ``closed`` of shape (m,) with n − 1 True entries that form
    a spanning tree. Branches that must stay open are not among the edges.

    Attributes
    ----------
    network : Network
        Where the problem comes from.
    kind : {"balanced", "substations"}
        Which problem.
    n : int
        Number of nodes (buses; in ``substations`` all slack buses are one node).
    node_of_bus : ndarray of int, shape (n_bus,)
        Node of each bus.
    root : int
        Node of the sources in ``substations``; in ``balanced`` of the substation if there is just
        one, else of the largest source.
    branch : ndarray of int, shape (m,)
        Position in ``network.branches`` of each edge.
    tail, head : ndarray of int, shape (m,)
        Ends of the edges (nodes).
    weight : ndarray, shape (m,)
        Resistance, p.u.
    p, q : ndarray, shape (n,)
        Net injection, p.u., positive for sources; both sum to zero. ``q`` is zero in ``balanced``.
    forced : ndarray of bool, shape (m,)
        Edges that must be closed. They form no cycle.
    limits : frozenset of {"voltage", "ampacity", "capacity"}
        Limits of the network that an answer must keep, checked in AC.
    columns : ndarray, shape (n, K), or None
        Injections whose squared flows the objective sums, p.u.; None for p and q. Many load
        states (:mod:`pygridjl.reconfiguration.states`) have more of them.
    leading : int or None
        How many of the columns carry all but a thousandth of the loss, if fewer than all do:
        searches look at these, what they find is judged by all.
    switching : Switching or None
        Costs and limits of operations, if there are any.
    """

    network: Network
    kind: ProblemKind
    n: int
    node_of_bus: IntArray
    root: int
    branch: IntArray
    tail: IntArray
    head: IntArray
    weight: FloatArray
    p: FloatArray
    q: FloatArray
    forced: BoolArray
    limits: frozenset[str]
    columns: FloatArray | None = None
    leading: int | None = None
    switching: Switching | None = None

    @property
    def m(self) -> int:
        """Number of candidate edges."""
        return int(self.branch.size)

    @property
    def kw(self) -> float:
        """Kilowatts in one p.u. of power; multiplies objectives in p.u."""
        return self.network.base_mva * 1e3

    @cached_property
    def graph(self) -> Adjacency:
        """Adjacency of the nodes by candidate edges."""
        return adjacency(self.n, self.tail, self.head)

    @cached_property
    def roots(self) -> IntArray:
        """Buses that hold their voltage in the AC check: slack buses, or the bus of the root."""
        if self.kind == "substations":
            return self.network.slack_buses
        return np.flatnonzero(self.node_of_bus == self.root).astype(np.int64)

    @cached_property
    def injection(self) -> FloatArray:
        """Injections whose squared flows the objective sums, p.u., shape (n, K)."""
        if self.columns is not None:
            return self.columns
        return np.column_stack([self.p, self.q])

    @property
    def led(self) -> RadialProblem:
        """The problem of the leading columns alone, whose losses are below those of all."""
        if self.columns is None or self.leading is None:
            return self
        kept = np.ascontiguousarray(self.columns[:, : self.leading])
        return replace(self, columns=kept, leading=None)

    def flows(self, closed: BoolArray) -> FloatArray:
        """Flows of a spanning tree from tail to head, p.u., zero on open edges.

        Parameters
        ----------
        closed : ndarray of bool, shape (m,)
            A spanning tree.

        Returns
        -------
        ndarray, shape (m, K)
            One column for each of :attr:`injection`, by default of p and q. Lemma 3.1 of FORWARD:
            a tree has exactly one flow.

        Raises
        ------
        ValueError
            If ``closed`` is not a spanning tree.
        """
        forest = rooted_forest(self.graph, closed, np.array([self.root]))
        if forest.order.size != self.n or int(closed.sum()) != self.n - 1:
            raise ValueError("the closed edges are not a spanning tree")
        below = forest.order[1:]
        edge = forest.edge[below]
        # What a subtree injects leaves it towards its parent.
        sign = np.where(self.tail[edge] == below, 1.0, -1.0)
        flow = np.zeros((self.m, self.injection.shape[1]))
        flow[edge] = sign[:, None] * subtree_sums(forest, self.injection)[below]
        return flow

    def losses(self, closed: BoolArray) -> FloatArray:
        """Loss of each edge in the linear model, p.u., shape (m,); arguments as :meth:`flows`."""
        losses: FloatArray = self.weight * (self.flows(closed) ** 2).sum(axis=1)
        return losses

    def objective(self, closed: BoolArray) -> float:
        """Loss of the linear model, Σ r (p² + q²) at 1 p.u. voltage, with switching costs, kW.

        Raises
        ------
        ValueError
            If ``closed`` is not a spanning tree.
        """
        return float(self.losses(closed).sum()) * self.kw + self.switching_cost(closed)

    def switching_cost(self, closed: BoolArray) -> float:
        """Cost of the operations that lead to a configuration, kW."""
        return 0.0 if self.switching is None else self.switching.total(closed)

    def allows(self, closed: BoolArray) -> bool:
        """Whether a configuration needs no more operations than allowed."""
        return self.switching is None or self.switching.allows(closed)

    def is_spanning_tree(self, closed: BoolArray) -> bool:
        """Whether the closed edges connect all nodes without a cycle."""
        if int(closed.sum()) != self.n - 1:
            return False
        forest = rooted_forest(self.graph, closed, np.array([self.root]))
        return bool(forest.order.size == self.n)

    def branch_states(self, closed: BoolArray) -> BoolArray:
        """Switch state of every branch of the network, shape (n_branch,)."""
        states = np.zeros(self.network.n_branch, dtype=bool)
        states[self.branch[closed]] = True
        return states

    def edge_states(self, states: BoolArray) -> BoolArray:
        """State of every edge, shape (m,), from the states of all branches."""
        return states[self.branch]

    def open_branches(self, closed: BoolArray) -> tuple[int, ...]:
        """Ids of all branches of the network that are open in a configuration, ascending."""
        ids = self.network.branches.id[~self.branch_states(closed)]
        return tuple(int(i) for i in np.sort(ids))
