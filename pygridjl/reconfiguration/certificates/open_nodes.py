"""Nodes of the search tree that wait: a binary heap by bound over slots of fixed size."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pygridjl.core.jit import kernel
from pygridjl.core.types import BoolArray, FloatArray, IntArray
from pygridjl.reconfiguration.certificates.mesh import MeshArrays

__all__ = ["OpenNodes", "open_nodes", "pop", "pop_last", "push"]


class OpenNodes(NamedTuple):
    """Nodes not yet processed: a binary heap of slots by bound.

    Attributes
    ----------
    heap, free : ndarray of int, shape (capacity,)
        Slots in heap order; slots not in use (a stack).
    bound : ndarray, shape (capacity,)
        Lower bound of each slot's node.
    opened : ndarray of int16, shape (capacity, dimension)
        Opened candidates, −1 behind the last.
    closed : ndarray of bool, shape (capacity, S)
        Super-edges fixed closed by branching.
    used : ndarray of int, shape (1,)
        Number of slots in use.
    """

    heap: IntArray
    free: IntArray
    bound: FloatArray
    opened: IntArray
    closed: BoolArray
    used: IntArray


def open_nodes(mesh: MeshArrays, capacity: int, old: OpenNodes | None = None) -> OpenNodes:
    """Room for ``capacity`` open nodes: the root alone, or everything that ``old`` holds."""
    new = OpenNodes(
        heap=np.zeros(capacity, dtype=np.int64),
        free=np.arange(capacity, dtype=np.int64)[::-1].copy(),
        bound=np.zeros(capacity),
        opened=np.full((capacity, mesh.dimension), -1, dtype=np.int32),
        closed=np.zeros((capacity, mesh.tail.size), dtype=np.bool_),
        used=np.ones(1, dtype=np.int64),
    )
    new.bound[0] = mesh.energy
    if old is not None:
        size = old.heap.size
        new.heap[:size], new.bound[:size] = old.heap, old.bound
        new.opened[:size], new.closed[:size] = old.opened, old.closed
        new.used[:] = old.used
        new.free[: capacity - size] = np.arange(capacity - 1, size - 1, -1)
        unused = size - int(old.used[0])
        new.free[capacity - size : capacity - size + unused] = old.free[:unused]
    return new


@kernel
def push(nodes: OpenNodes, bound: float) -> int:
    """Take a free slot and sift it up the heap; the caller fills the slot."""
    count = nodes.used[0]
    slot = nodes.free[nodes.free.shape[0] - count - 1]
    nodes.used[0] = count + 1
    nodes.bound[slot] = bound
    k = count
    while k > 0:
        up = (k - 1) // 2
        if nodes.bound[nodes.heap[up]] <= bound:
            break
        nodes.heap[k] = nodes.heap[up]
        k = up
    nodes.heap[k] = slot
    return int(slot)


@kernel
def pop(nodes: OpenNodes) -> int:
    """Remove the slot with the least bound; its contents stay readable until the next push."""
    top = nodes.heap[0]
    count = nodes.used[0] - 1
    nodes.used[0] = count
    nodes.free[nodes.free.shape[0] - count - 1] = top
    last = nodes.heap[count]
    k = 0
    while 2 * k + 1 < count:
        child = 2 * k + 1
        if (
            child + 1 < count
            and nodes.bound[nodes.heap[child + 1]] < nodes.bound[nodes.heap[child]]
        ):
            child += 1
        if nodes.bound[last] <= nodes.bound[nodes.heap[child]]:
            break
        nodes.heap[k] = nodes.heap[child]
        k = child
    nodes.heap[k] = last
    return int(top)


@kernel
def pop_last(nodes: OpenNodes) -> int:
    """Remove the slot at the end of the heap; its contents stay readable until the next push."""
    count = nodes.used[0] - 1
    nodes.used[0] = count
    nodes.free[nodes.free.shape[0] - count - 1] = nodes.heap[count]
    return int(nodes.heap[count])
