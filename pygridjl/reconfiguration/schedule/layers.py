"""Configurations of each period, and the cheapest way through the periods.

Where a period has more configurations than are listed, one node stands for the rest. It costs what
all of them cost at least and is as near to its neighbours as one of them could be, so that the
cheapest way over such nodes is a lower bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pygridjl.core.types import BoolArray, FloatArray, IntArray

__all__ = ["Layer", "Way", "cheapest_way", "distances"]


@dataclass(frozen=True, eq=False)
class Layer:
    """Configurations of one period.

    Attributes
    ----------
    closed : ndarray of bool, shape (k, m)
        The configurations that are listed.
    cost : ndarray, shape (k,)
        Energy that each loses, kWh; infinite for one that breaks a limit.
    rest : float
        What every other configuration loses at least, kWh; infinite if there is none.
    """

    closed: BoolArray
    cost: FloatArray
    rest: float


@dataclass(frozen=True)
class Way:
    """A choice for every period.

    Attributes
    ----------
    cost : float
        Energy and price of the operations, kWh.
    nodes : tuple of int
        Place of the configuration in each layer; its size for the node of the rest.
    """

    cost: float
    nodes: tuple[int, ...]


def distances(a: BoolArray, b: BoolArray) -> IntArray:
    """Operations from each configuration of ``a`` to each of ``b``, shape (len(a), len(b))."""
    left, right = a.astype(np.float64), b.astype(np.float64)
    found = left.sum(axis=1)[:, None] + right.sum(axis=1)[None, :] - 2.0 * left @ right.T
    operations: IntArray = np.rint(found).astype(np.int64)
    return operations


def cheapest_way(
    today: BoolArray,
    layers: Sequence[Layer],
    *,
    price: float,
    elsewhere: int = 0,
    most: int | None = None,
    most_each: int | None = None,
    rest: bool = True,
) -> Way | None:
    """Find the cheapest way through the layers.

    Parameters
    ----------
    today : ndarray of bool, shape (m,)
        Where it begins.
    layers : sequence of Layer
        One a period.
    price : float
        Of an operation, kWh.
    elsewhere : int
        Operations that the first change needs besides.
    most, most_each : int or None
        Operations allowed in all, and from one period to the next; None for any number.
    rest : bool
        Whether the ways lead over the nodes of the rest too: the cost is then a lower bound.

    Returns
    -------
    Way or None
        None if there is none.
    """
    # Cost of the best way to each node, by the operations used where they are counted.
    room = 1 if most is None else most + 1
    cost = np.full((1, room), np.inf)
    if elsewhere < room or most is None:
        cost[0, 0 if most is None else elsewhere] = price * elsewhere
    before, first = Layer(today[None, :], np.zeros(1), np.inf), True
    steps = []
    for layer in layers:
        distance = _between(before, layer, rest and not first, rest)
        allowed = most_each if not first or most_each is None else most_each - elsewhere
        own = np.append(layer.cost, layer.rest) if rest else layer.cost
        cost, origin = _step(cost, distance, price, most is not None, allowed)
        cost = cost + own[:, None]
        steps.append((distance, origin))
        before, first = layer, False
    if not np.isfinite(cost).any():
        return None
    node, used = (int(k) for k in np.unravel_index(int(np.argmin(cost)), cost.shape))
    best, nodes = float(cost[node, used]), []
    for distance, origin in reversed(steps):
        nodes.append(node)
        previous = int(origin[node, used])
        used -= int(distance[previous, node]) if most is not None else 0
        node = previous
    return Way(best, tuple(reversed(nodes)))


def _between(before: Layer, after: Layer, from_rest: bool, to_rest: bool) -> IntArray:
    """Operations between two layers; least ones where the rest of a period is an end."""
    listed = distances(before.closed, after.closed)
    if to_rest:
        # Two operations lead to another tree; none, if the tree is one of the rest itself.
        same = distances(after.closed, before.closed).min(axis=0, initial=2)
        listed = np.column_stack([listed, np.where(same == 0, 2, 0)])
    if from_rest:
        same = distances(before.closed, after.closed).min(axis=0, initial=2)
        row = np.where(same == 0, 2, 0)
        listed = np.vstack([listed, np.append(row, 0) if to_rest else row])
    return listed


def _step(
    cost: FloatArray, distance: IntArray, price: float, counted: bool, most: int | None
) -> tuple[FloatArray, IntArray]:
    """Cost of reaching each node of the next layer, and from where."""
    size, room = distance.shape[1], cost.shape[1]
    reached = np.full((size, room), np.inf)
    origin = np.zeros((size, room), dtype=np.int64)
    if not counted:
        total = cost[:, :1] + price * distance
        if most is not None:
            total = np.where(distance <= most, total, np.inf)
        origin[:, 0] = total.argmin(axis=0)
        reached[:, 0] = total.min(axis=0)
        return reached, origin
    for d in np.unique(distance).tolist():
        if d >= room or (most is not None and d > most):
            continue
        away = distance != d
        for used in range(room - d):
            if not np.isfinite(cost[:, used]).any():
                continue
            total = np.where(away, np.inf, cost[:, used, None] + price * d)
            least = total.min(axis=0)
            better = least < reached[:, used + d]
            reached[better, used + d] = least[better]
            origin[better, used + d] = total.argmin(axis=0)[better]
    return reached, origin
