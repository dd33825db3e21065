"""The closed branches of a feeder as a tree rooted at its source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from pygridjl.core.errors import InvalidNetworkError
from pygridjl.core.findings import Finding
from pygridjl.core.types import BoolArray, IntArray

if TYPE_CHECKING:
    from pygridjl.grid.feeder import Feeder

__all__ = ["RadialTree", "build_tree", "feeding_findings", "search_tree"]


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


def search_tree(feeder: Feeder) -> tuple[RadialTree, IntArray]:
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


def feeding_findings(feeder: Feeder) -> list[Finding]:
    """List buses, and phases of buses, without a closed path to the source."""
    branch, n = feeder.branches, feeder.n_node
    plain = branch.closed & ~branch.mixing
    row, phase = np.nonzero(branch.phases & plain[:, None])
    ends = feeder.node_of[branch.from_bus[row], phase], feeder.node_of[branch.to_bus[row], phase]
    # A gain feeds a phase from every phase that has a part in it.
    through = branch.closed & branch.mixing
    row, to, phase = np.nonzero((branch.gain != 0) & through[:, None, None])
    ends = (
        np.append(ends[0], feeder.node_of[branch.from_bus[row], phase]),
        np.append(ends[1], feeder.node_of[branch.to_bus[row], to]),
    )
    there = (ends[0] >= 0) & (ends[1] >= 0)
    held = feeder.node_of[feeder.source_bus]
    held = held[held >= 0]
    # The phases of the source hang together.
    start = np.concatenate([ends[0][there], held[:1].repeat(held.size)])
    end = np.concatenate([ends[1][there], held])
    graph = coo_array((np.ones(start.size), (start, end)), shape=(n, n))
    _, island = connected_components(graph, directed=False)
    live = np.zeros((feeder.n_bus, 3), dtype=np.bool_)
    if held.size:
        live[feeder.node_bus, feeder.node_phase] = island == island[held[0]]
    dark = feeder.buses.phases & ~live
    whole = np.asarray(~live.any(axis=1))
    findings = []
    for mask, field, message in (
        (whole, "island", "no closed path leads to the source"),
        (dark.any(axis=1) & ~whole, "phases", "has a phase that no closed branch feeds"),
    ):
        if mask.any():
            ids = tuple(str(i) for i in feeder.buses.id[mask])
            findings.append(Finding("bus", ids, field, message))
    return findings


def build_tree(feeder: Feeder) -> RadialTree:
    """Return the tree of closed branches.

    Raises
    ------
    InvalidNetworkError
        If there is a loop, a bus without a path to the source, or a phase that nothing feeds.
    """
    tree, left_out = search_tree(feeder)
    findings = feeding_findings(feeder)
    if left_out.size:
        ids = tuple(str(i) for i in feeder.branches.id[left_out])
        message = (
            "closes a loop, which LinDistFlow cannot take: open one branch of each loop "
            "(Feeder.with_open), or use power_flow(feeder, 'z-bus') or opf(feeder, "
            "backend='julia')"
        )
        findings.append(Finding("branch", ids, "closed", message))
    if findings:
        raise InvalidNetworkError(feeder.name, findings)
    return tree
