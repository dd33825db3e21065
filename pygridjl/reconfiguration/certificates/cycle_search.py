"""Compiled search of :func:`cycle_branch_and_bound`: one mesh, best bound first with plunging.

A node of the search tree is a set of opened candidates and a set of super-edges fixed closed.
Its relaxation, the electrical flow of what is left, is never solved again: opening candidate k of
super-edge s moves the flow by a rank-1 step along column s of the coupling matrix W and adds
|target_k − u_s|² / W_ss to the loss (for single edges this is r x² / (1 − R_eff / r)).
"""

from __future__ import annotations

import numpy as np

from pygridjl.core.jit import kernel
from pygridjl.core.types import BoolArray, FloatArray, IntArray
from pygridjl.graphs.connectivity import bridges
from pygridjl.graphs.forest import find_root
from pygridjl.reconfiguration.certificates.mesh import MeshArrays
from pygridjl.reconfiguration.certificates.open_nodes import OpenNodes, pop, pop_last, push

__all__ = ["DONE", "FULL", "LEAF", "PAUSED", "replay", "search"]

# Why the search returned.
DONE, PAUSED, LEAF, FULL = 0, 1, 2, 3

CANDIDATE, CLOSED, OPENED = 0, 1, 2


@kernel
def _increment(mesh: MeshArrays, coupling: FloatArray, flow: FloatArray, s: int, k: int) -> float:
    """Loss that opening candidate k of super-edge s adds to the relaxation."""
    square = 0.0
    for c in range(flow.shape[1]):
        move = mesh.target[k, c] - flow[s, c]
        square += move * move
    return float(square / coupling[s, s])


@kernel
def _open(mesh: MeshArrays, coupling: FloatArray, flow: FloatArray, s: int, k: int) -> float:
    """Open candidate k of super-edge s; update W and the flows, return the added loss."""
    w = coupling[s, s]
    move = np.empty(flow.shape[1])
    square = 0.0
    for c in range(move.shape[0]):
        move[c] = (mesh.target[k, c] - flow[s, c]) / w
        square += move[c] * move[c]
    column = np.empty(coupling.shape[0])
    for a in range(column.shape[0]):
        column[a] = coupling[a, s]
    for a in range(column.shape[0]):
        if column[a] != 0.0:
            for c in range(move.shape[0]):
                flow[a, c] += column[a] * move[c]
            scaled = column[a] / w
            for b in range(column.shape[0]):
                coupling[a, b] -= scaled * column[b]
    for a in range(column.shape[0]):
        coupling[a, s] = 0.0
        coupling[s, a] = 0.0
    return float(square * w)


@kernel
def _owners(mesh: MeshArrays) -> IntArray:
    """Super-edge of each candidate."""
    owner = np.empty(mesh.target.shape[0], dtype=np.int64)
    for s in range(mesh.tail.shape[0]):
        for k in range(mesh.first[s], mesh.first[s + 1]):
            owner[k] = s
    return owner


@kernel
def _by_value(value: FloatArray) -> IntArray:
    """Positions by rising value (insertion: a mesh has tens of super-edges)."""
    order = np.empty(value.shape[0], dtype=np.int64)
    for i in range(value.shape[0]):
        v = value[i]
        j = i
        while j > 0 and value[order[j - 1]] > v:
            order[j] = order[j - 1]
            j -= 1
        order[j] = i
    return order


@kernel
def _store(nodes: OpenNodes, slot: int, opened: IntArray, depth: int, closed: BoolArray) -> None:
    """Fill a slot."""
    for j in range(nodes.opened.shape[1]):
        nodes.opened[slot, j] = opened[j] if j < depth else -1
    for s in range(closed.shape[0]):
        nodes.closed[slot, s] = closed[s]


def replay(mesh: MeshArrays, opened: IntArray) -> float:
    """Loss of the relaxation with some candidates opened, p.u.

    By array operations: it is asked for so rarely that its compiled form would not pay.
    """
    owner = np.repeat(np.arange(mesh.tail.shape[0]), np.diff(mesh.first))
    coupling, flow, loss = mesh.coupling.copy(), mesh.flow.copy(), mesh.energy
    for k in opened.tolist():
        s = owner[k]
        column = coupling[:, s].copy()
        move = (mesh.target[k] - flow[s]) / column[s]
        loss += float(column[s] * (move @ move))
        flow += column[:, None] * move
        coupling -= column[:, None] * (column / column[s])
        coupling[s] = coupling[:, s] = 0.0
    return loss


@kernel
def _close_bridges(mesh: MeshArrays, state: IntArray) -> None:
    """Mark candidates whose opening would cut the graph."""
    alone = bridges(mesh.start, mesh.slot_node, mesh.slot_edge, state != OPENED)
    for s in range(state.shape[0]):
        if alone[s]:
            state[s] = CLOSED


@kernel
def _contract_closed(mesh: MeshArrays, state: IntArray, label: IntArray) -> bool:
    """Label the junctions joined by closed super-edges; False if these form a cycle."""
    for v in range(mesh.n_nodes):
        label[v] = v
    for e in range(mesh.tail.shape[0]):
        if state[e] == CLOSED:
            a, b = find_root(label, mesh.tail[e]), find_root(label, mesh.head[e])
            if a == b:
                return False
            label[a] = b
    for v in range(mesh.n_nodes):
        label[v] = find_root(label, v)
    return True


@kernel
def _least_cotree(
    mesh: MeshArrays, state: IntArray, label: IntArray, cost: FloatArray, total: bool
) -> float:
    """Least cost of the super-edges that any further openings must contain.

    With ``total`` the least sum over all sets whose opening leaves a tree (the complement of a
    spanning tree of largest cost); without, the best single term: the cycle whose cheapest
    super-edge is dearest.
    """
    tree = label.copy()
    found = 0.0
    order = _by_value(cost)
    for i in range(order.shape[0] - 1, -1, -1):
        e = order[i]
        if state[e] != CANDIDATE:
            continue
        a, b = find_root(tree, mesh.tail[e]), find_root(tree, mesh.head[e])
        if a != b:
            tree[a] = b
        elif total:
            found += cost[e]
        else:
            return float(cost[e])
    return found


@kernel
def _smallest_cycle(
    mesh: MeshArrays, state: IntArray, label: IntArray, weight: FloatArray
) -> BoolArray:
    """Candidates on the cycle with the fewest ways to open it (closed super-edges count 0)."""
    size = mesh.tail.shape[0]
    n = mesh.n_nodes
    tail, head = mesh.tail.copy(), mesh.head.copy()
    usable = np.zeros(size, dtype=np.bool_)
    for e in range(size):
        tail[e], head[e] = label[tail[e]], label[head[e]]
        usable[e] = state[e] == CANDIDATE
    # Adjacency of the contracted junctions.
    start = np.zeros(n + 1, dtype=np.int64)
    for e in range(size):
        if usable[e]:
            start[tail[e] + 1] += 1
            start[head[e] + 1] += 1
    for v in range(n):
        start[v + 1] += start[v]
    place = start.copy()
    slots = np.empty(start[n], dtype=np.int64)
    for e in range(size):
        if usable[e]:
            slots[place[tail[e]]] = e
            place[tail[e]] += 1
            slots[place[head[e]]] = e
            place[head[e]] += 1
    best = np.inf
    chosen = np.zeros(size, dtype=np.bool_)
    distance = np.empty(n)
    via = np.empty(n, dtype=np.int64)
    done = np.empty(n, dtype=np.bool_)
    touched = np.empty(n, dtype=np.int64)
    for e in _by_value(weight):
        if not usable[e]:
            continue
        # Cycles through e are settled below; the later ones need not use it.
        usable[e] = False
        if weight[e] >= best:
            continue
        if tail[e] == head[e]:
            best = weight[e]
            for f in range(size):
                chosen[f] = f == e
            continue
        for v in range(n):
            distance[v] = best
            done[v] = False
        distance[tail[e]] = 0
        via[tail[e]] = -1
        count = 1
        touched[0] = tail[e]
        reached = False
        while count > 0:
            at = 0
            for k in range(1, count):
                if distance[touched[k]] < distance[touched[at]]:
                    at = k
            u = touched[at]
            count -= 1
            touched[at] = touched[count]
            if u == head[e]:
                reached = True
                break
            done[u] = True
            for slot in range(start[u], start[u + 1]):
                f = slots[slot]
                if not usable[f]:
                    continue
                v = head[f] if tail[f] == u else tail[f]
                far = distance[u] + weight[f]
                if done[v] or far + weight[e] >= best or far >= distance[v]:
                    continue
                if distance[v] == best:
                    touched[count] = v
                    count += 1
                distance[v] = far
                via[v] = f
        if reached:
            best = distance[head[e]] + weight[e]
            for f in range(size):
                chosen[f] = f == e
            u = head[e]
            while via[u] >= 0:
                f = via[u]
                chosen[f] = True
                u = head[f] if tail[f] == u else tail[f]
    return chosen


@kernel
def search(
    mesh: MeshArrays,
    nodes: OpenNodes,
    cutoff: float,
    budget: int,
    crowd: int,
    leaf: IntArray,
) -> tuple[int, int]:
    """Process open nodes until the budget is spent, a leaf is found, or room runs out.

    Parameters
    ----------
    mesh : MeshArrays
        The mesh.
    nodes : OpenNodes
        Open nodes; changed in place. They always cover every configuration below ``cutoff``
        that was not returned as a leaf.
    cutoff : float
        Nodes with a bound at or above it are dropped, p.u.
    budget : int
        Number of nodes after which to pause.
    crowd : int
        Number of open nodes beyond which memory comes first: instead of the least bound, the
        node at the end of the heap, likely to be settled soon, is taken.
    leaf : ndarray of int, shape (dimension,)
        Receives the opened candidates of a leaf.

    Returns
    -------
    reason, processed : int
        One of ``DONE``, ``PAUSED``, ``LEAF``, ``FULL``, and the number of nodes processed.
    """
    size = mesh.tail.shape[0]
    state = np.empty(size, dtype=np.int64)
    label = np.empty(mesh.n_nodes, dtype=np.int64)
    weight = np.empty(size)
    increment = np.empty(size)
    own_loss = np.empty(size)
    closed = np.empty(size, dtype=np.bool_)
    dive_closed = np.empty(size, dtype=np.bool_)
    owner = _owners(mesh)
    opened = np.empty(mesh.dimension, dtype=np.int64)
    processed = 0
    while processed < budget:
        if nodes.used[0] == 0:
            return DONE, processed
        if nodes.bound[nodes.heap[0]] >= cutoff:
            # The least bound reached the cutoff: nothing below it is left.
            nodes.used[0] = 0
            return DONE, processed
        slot = pop(nodes) if nodes.used[0] <= crowd else pop_last(nodes)
        for s in range(size):
            closed[s] = nodes.closed[slot, s]
        coupling = mesh.coupling.copy()
        flow = mesh.flow.copy()
        loss = mesh.energy
        depth, spent = 0, 0
        for j in range(mesh.dimension):
            k = nodes.opened[slot, j]
            if k < 0:
                break
            loss += _open(mesh, coupling, flow, owner[k], k) + mesh.price[k]
            spent += mesh.toll[k]
            opened[depth] = k
            depth += 1
        inherited = nodes.bound[slot]
        # Plunge: follow the best child until it is pruned or a leaf.
        while True:
            processed += 1
            if loss >= cutoff:
                break
            if depth == mesh.dimension:
                for j in range(depth):
                    leaf[j] = opened[j]
                return LEAF, processed
            for s in range(size):
                state[s] = CLOSED if closed[s] else CANDIDATE
            for j in range(depth):
                state[owner[opened[j]]] = OPENED
            _close_bridges(mesh, state)
            for s in range(size):
                increment[s] = np.inf
                own_loss[s] = np.inf
                weight[s] = 0
                if state[s] != CANDIDATE:
                    continue
                least, own = np.inf, np.inf
                for k in range(mesh.first[s], mesh.first[s + 1]):
                    added = _increment(mesh, coupling, flow, s, k)
                    if loss + added + mesh.price[k] < cutoff and spent + mesh.toll[k] <= mesh.most:
                        weight[s] += 1
                        least = min(least, added + mesh.price[k])
                        # W ⪯ R⁻¹, so losses of opened super-edges add up to a bound.
                        share = coupling[s, s] * mesh.resistance[s]
                        own = min(own, added * share + mesh.price[k])
                if weight[s] == 0:
                    state[s] = CLOSED
                else:
                    increment[s] = least
                    own_loss[s] = own
            if not _contract_closed(mesh, state, label):
                break
            bound = loss + max(
                _least_cotree(mesh, state, label, own_loss, True),
                _least_cotree(mesh, state, label, increment, False),
            )
            if bound >= cutoff:
                break
            inherited = max(inherited, bound)
            chosen = _smallest_cycle(mesh, state, label, weight)
            children = 0.0
            for s in range(size):
                if chosen[s]:
                    children += weight[s]
            if nodes.heap.shape[0] - nodes.used[0] < children:
                slot = push(nodes, inherited)
                _store(nodes, slot, opened, depth, closed)
                return FULL, processed
            dive, dive_loss = -1, np.inf
            for s in range(size):
                if chosen[s]:
                    for k in range(mesh.first[s], mesh.first[s + 1]):
                        child = loss + _increment(mesh, coupling, flow, s, k) + mesh.price[k]
                        if child < dive_loss and spent + mesh.toll[k] <= mesh.most:
                            dive, dive_loss = k, child
            # Dearest first: what was tried stays closed later, so the cheap super-edges,
            # whose subtrees are the largest, get the most restrictions.
            order = _by_value(increment)
            for i in range(size - 1, -1, -1):
                s = order[i]
                if not chosen[s]:
                    continue
                for k in range(mesh.first[s], mesh.first[s + 1]):
                    child = loss + _increment(mesh, coupling, flow, s, k) + mesh.price[k]
                    if k == dive:
                        for a in range(size):
                            dive_closed[a] = closed[a]
                    elif child < cutoff and spent + mesh.toll[k] <= mesh.most:
                        opened[depth] = k
                        slot = push(nodes, max(child, inherited))
                        _store(nodes, slot, opened, depth + 1, closed)
                closed[s] = True
            for a in range(size):
                closed[a] = dive_closed[a]
            loss += _open(mesh, coupling, flow, owner[dive], dive) + mesh.price[dive]
            spent += mesh.toll[dive]
            opened[depth] = dive
            depth += 1
    return PAUSED, processed
