"""The closed branches of a feeder as a tree rooted at its source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order

from pygridjl.core.errors import InvalidNetworkError
from pygridjl.core.findings import Finding
from pygridjl.core.types import BoolArray, IntArray

if TYPE_CHECKING:
    from pygridjl.grid.feeder import Feeder

__all__ = ["RadialTree", "build_tree", "tree_findings"]


@dataclass(frozen=True, eq=False)
class RadialTree:
    """Order of the buses away from the source.

    Attributes
    ----------
    order : ndarray of int, shape (n_bus,)
        Buses, parents before children, the source first.
    parent : ndarray of int, shape (n_bus,)
        Bus that feeds each bus; −1 at the source.
    branch : ndarray of int, shape (n_bus,)
        Branch that feeds each bus; −1 at the source.
    reversed : ndarray of bool, shape (n_bus,)
        True where that branch is fed from its *to* side.
    depth : ndarray of int, shape (n_bus,)
        Branches between the source and each bus.
    """

    order: IntArray
    parent: IntArray
    branch: IntArray
    reversed: BoolArray
    depth: IntArray


def _search(feeder: Feeder) -> tuple[RadialTree, IntArray]:
    """Breadth-first tree over the closed branches, and the closed branches it leaves out."""
    n, branch = feeder.n_bus, feeder.branches
    rows = np.flatnonzero(branch.closed)
    ends = branch.from_bus[rows], branch.to_bus[rows]
    graph = coo_array((np.ones(rows.size), ends), shape=(n, n)).tocsr()
    order, parent = breadth_first_order(graph, feeder.source_bus, directed=False)
    parent = np.where(parent < 0, -1, parent).astype(np.int64)
    feeding = np.full(n, -1, dtype=np.int64)
    backwards = np.zeros(n, dtype=np.bool_)
    left_out = []
    for row, start, end in zip(rows.tolist(), *(e.tolist() for e in ends), strict=True):
        child = end if parent[end] == start else start
        if parent[child] != (start if child == end else end) or feeding[child] >= 0:
            left_out.append(row)
            continue
        feeding[child], backwards[child] = row, child == start
    depth = np.zeros(n, dtype=np.int64)
    for bus in order[1:].tolist():
        depth[bus] = depth[parent[bus]] + 1
    tree = RadialTree(order.astype(np.int64), parent, feeding, backwards, depth)
    return tree, np.array(left_out, dtype=np.int64)


def _findings(feeder: Feeder, tree: RadialTree, left_out: IntArray) -> list[Finding]:
    findings = []
    fed = np.zeros(feeder.n_bus, dtype=np.bool_)
    fed[tree.order] = True
    loops = left_out[fed[feeder.branches.from_bus[left_out]]]
    if loops.size:
        ids = tuple(str(i) for i in feeder.branches.id[loops])
        findings.append(Finding("branch", ids, "closed", "closes a loop: the feeder is meshed"))
    if not fed.all():
        ids = tuple(str(i) for i in feeder.buses.id[~fed])
        findings.append(Finding("bus", ids, "island", "no closed path leads to the source"))
    bus = tree.order[1:]
    phases = feeder.branches.phases[tree.branch[bus]]
    unfed = (feeder.buses.phases[bus] & ~phases).any(axis=1)
    if unfed.any():
        ids = tuple(str(i) for i in feeder.buses.id[bus[unfed]])
        message = "has a phase that the branch feeding it does not carry"
        findings.append(Finding("bus", ids, "phases", message))
    return findings


def tree_findings(feeder: Feeder) -> list[Finding]:
    """List loops, buses without a closed path to the source and phases that nothing feeds."""
    tree, left_out = _search(feeder)
    return _findings(feeder, tree, left_out)


def build_tree(feeder: Feeder) -> RadialTree:
    """Return the tree of closed branches.

    Raises
    ------
    InvalidNetworkError
        If there is a loop, a bus without a path to the source, or a phase that nothing feeds.
    """
    tree, left_out = _search(feeder)
    findings = _findings(feeder, tree, left_out)
    if findings:
        raise InvalidNetworkError(feeder.name, findings)
    return tree
