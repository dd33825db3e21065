"""Random distribution networks: trunks, laterals and tie switches."""

from __future__ import annotations

import numpy as np

from pygridjl.core.arguments import generator
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.types import BoolArray, ComplexArray, FloatArray, IntArray
from pygridjl.grid.network import Branches, Buses, Generators, Loads, Network

__all__ = ["feeder_like"]

BASE_MVA = 10.0
BASE_KV = 12.47
FEEDER_BUSES = 120
SUBSTATION_BUSES = 2500
TIES_PER_FEEDER = 3

# Ω/km of overhead lines: 336 kcmil ACSR for trunks and ties, 1/0 ACSR for laterals.
TRUNK_Z = 0.19 + 0.39j
LATERAL_Z = 0.70 + 0.46j
# Largest drop of the linear model over a feeder; the AC drop is somewhat larger.
LARGEST_DROP = 0.06
# Share of the laterals that leave the trunk; the others leave another lateral.
FROM_TRUNK = 0.7


def feeder_like(
    n: int,
    *,
    seed: int | np.random.Generator,
    substations: int | None = None,
    ties: int | None = None,
) -> Network:
    """Generate a radial distribution network with tie switches (the substations problem).

    Parameters
    ----------
    n : int
        Number of buses, substations included.
    seed : int or numpy.random.Generator
        Same seed, same network.
    substations : int, optional
        Number of substations; by default one for every 2,500 buses.
    ties : int, optional
        Number of tie switches, open in the base state; by default three a feeder, but
        not more than one for five buses.

    Returns
    -------
    Network
        12.47 kV, 10 MVA. The first buses are the substations; branches 1 … n − substations are
        the radial base state, the ties follow.

    Raises
    ------
    InvalidOptionError
        If the numbers do not fit together.

    Notes
    -----
    Every feeder has at most some 120 buses: a trunk of 336 kcmil ACSR and laterals of 1/0 ACSR,
    spans of about 100 to 400 m, loads of about 60 kVA (log-normal) at four buses out of five with
    power factors from 0.85 to 0.98. A feeder whose voltage would drop by more than 6 % has its
    loads scaled down to that, so that the base state is sound at any n. Ties join buses that lie
    close to each other. Work and memory grow in proportion to n (log n for the ties).

    Examples
    --------
    >>> from pygridjl import feeder_like
    >>> network = feeder_like(200, seed=1)
    >>> network.n_bus
    200
    """
    count = max(1, round(n / SUBSTATION_BUSES)) if substations is None else substations
    if not (1 <= count <= n // 2):
        raise InvalidOptionError(f"substations must be from 1 to n/2 = {n // 2}, is {count}")
    rng = generator(seed)
    outer = n - count
    feeders = min(outer, max(-(-outer // FEEDER_BUSES), 2 * count))
    parent, trunk = _tree(outer, feeders, rng)
    length = rng.lognormal(np.log(0.2), 0.4, outer)
    z: ComplexArray = np.array([LATERAL_Z, TRUNK_Z])[trunk.astype(np.int64)]
    z *= length / (BASE_KV**2 / BASE_MVA)
    demand = _demand(parent, feeders, z, rng)
    x, y = _layout(parent, trunk, length, feeders, count, rng)
    root = np.arange(feeders) % count

    from_bus = np.concatenate([root, count + parent[feeders:]])
    to_bus = np.arange(count, n)
    wanted = min(TIES_PER_FEEDER * feeders, outer // 5) if ties is None else ties
    pairs = _ties(np.column_stack([x, y])[count:], parent, feeders, wanted, rng) + count
    distance = np.hypot(x[pairs[:, 0]] - x[pairs[:, 1]], y[pairs[:, 0]] - y[pairs[:, 1]])
    tie_z = TRUNK_Z * np.maximum(distance, 0.05) / (BASE_KV**2 / BASE_MVA)
    all_z = np.concatenate([z, tie_z])
    m = len(all_z)
    ids = np.arange(1, n + 1).astype(np.str_)
    loaded = np.flatnonzero(demand)
    return Network(
        f"feeder{n}",
        BASE_MVA,
        Buses(ids, np.full(n, BASE_KV), np.full(n, 0.9), np.full(n, 1.1), x=x, y=y),
        Branches(
            np.arange(1, m + 1),
            np.concatenate([from_bus, pairs[:, 0]]),
            np.concatenate([to_bus, pairs[:, 1]]),
            all_z.real,
            all_z.imag,
            closed=np.arange(m) < outer,
        ),
        Generators(ids[:count], np.arange(count), slack=np.ones(count, dtype=np.bool_)),
        Loads(ids[count + loaded], count + loaded, demand[loaded].real, demand[loaded].imag),
        source=f"random: feeder-like, n = {n}, {count} substations, {feeders} feeders",
    )


# Buses other than substations are numbered so that bus i belongs to feeder i % feeders and is the
# (i // feeders)-th of it. A parent comes before its children, so that sums over all feeders at
# once need one vectorised step for each place in a feeder, of which there are some 120.


def _rows(outer: int, feeders: int) -> list[slice]:
    """Buses of each place in the feeders, from the substation outwards."""
    return [slice(k, min(k + feeders, outer)) for k in range(0, outer, feeders)]


def _tree(outer: int, feeders: int, rng: np.random.Generator) -> tuple[IntArray, BoolArray]:
    """Parent of each bus (−1 at the head of a feeder), and whether its branch is trunk."""
    bus = np.arange(outer)
    feeder, place = bus % feeders, bus // feeders
    longest = -(-outer // feeders)
    trunk_length = max(1, min(longest, round(2.0 * longest**0.5)))
    trunk = place < trunk_length
    lateral_length = rng.integers(2, 7, feeders)[feeder]
    starts = ~trunk & ((place - trunk_length) % lateral_length == 0)
    on_trunk = rng.random(outer) < FROM_TRUNK
    choice = rng.random(outer)
    # A lateral starts anywhere on the trunk, or at any bus that comes before it.
    before = np.where(on_trunk, trunk_length, place)
    parent_place = np.where(starts, np.floor(choice * before).astype(np.int64), place - 1)
    return np.where(place == 0, -1, parent_place * feeders + feeder), trunk


def _demand(
    parent: IntArray,
    feeders: int,
    z: ComplexArray,
    rng: np.random.Generator,
) -> ComplexArray:
    """Complex demand in p.u., scaled down in the feeders whose voltage would drop too far."""
    outer = len(parent)
    size = rng.lognormal(np.log(0.05), 0.6, outer) / BASE_MVA
    angle = np.arccos(rng.uniform(0.85, 0.98, outer))
    demand: ComplexArray = np.exp(1j * angle)
    demand *= np.where(rng.random(outer) < 0.8, size, 0.0)
    flow = demand.copy()
    rows = _rows(outer, feeders)
    for row in reversed(rows[1:]):
        flow[parent[row]] += flow[row]  # one bus of each feeder in a row: no index twice
    drop = (z.conj() * flow).real
    for row in rows[1:]:
        drop[row] += drop[parent[row]]
    worst = np.zeros(feeders)
    np.maximum.at(worst, np.arange(outer) % feeders, drop)
    scale = LARGEST_DROP / np.maximum(worst, LARGEST_DROP)
    demand *= scale[np.arange(outer) % feeders]
    return demand


def _layout(
    parent: IntArray,
    trunk: BoolArray,
    length: FloatArray,
    feeders: int,
    substations: int,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray]:
    """Coordinates in km: substations on a grid, trunks away from them, laterals across."""
    outer = len(parent)
    side = int(np.ceil(substations**0.5))
    centre = np.array([np.arange(substations) % side, np.arange(substations) // side]) * 12.0
    feeder = np.arange(outer) % feeders
    around = rng.uniform(0.0, 2.0 * np.pi, feeders)
    heading = around[feeder] + rng.normal(0.0, 0.3, outer)
    starts = ~trunk & (parent != np.arange(outer) - feeders)
    turn = np.where(rng.random(outer) < 0.5, 0.5, -0.5) * np.pi
    rows = _rows(outer, feeders)
    position = np.empty((2, outer))
    position[:, rows[0]] = centre[:, np.arange(feeders) % substations]
    step = length * np.array([np.cos(heading), np.sin(heading)])
    position[:, rows[0]] += step[:, rows[0]]
    for row in rows[1:]:
        bent = np.where(starts[row], heading[parent[row]] + turn[row], heading[parent[row]])
        heading[row] = np.where(trunk[row], heading[row], bent)
        step[:, row] = length[row] * np.array([np.cos(heading[row]), np.sin(heading[row])])
        position[:, row] = position[:, parent[row]] + step[:, row]
    x = np.concatenate([centre[0], position[0]])
    return x, np.concatenate([centre[1], position[1]])


def _ties(
    position: FloatArray, parent: IntArray, feeders: int, wanted: int, rng: np.random.Generator
) -> IntArray:
    """Pairs of buses that are close and not neighbours in the tree, shape (wanted, 2)."""
    from scipy.spatial import cKDTree

    outer = len(parent)
    possible = outer * (outer - 1) // 2 - (outer - feeders)
    if not 0 <= wanted <= possible:
        raise InvalidOptionError(f"ties must be from 0 to {possible}, is {wanted}")
    near = min(outer, 9)
    while True:
        _, neighbour = cKDTree(position).query(position, k=range(1, near + 1))
        first = np.repeat(np.arange(outer), near)
        low, high = np.minimum(first, neighbour.ravel()), np.maximum(first, neighbour.ravel())
        apart = (low != high) & (parent[high] != low) & (parent[low] != high)
        pairs = np.unique(np.column_stack([low, high])[apart], axis=0)
        if len(pairs) >= wanted:
            # Those between two feeders first: they are what a tie switch is for.
            order = rng.permutation(len(pairs))
            inside = (pairs[order, 0] - pairs[order, 1]) % feeders == 0
            chosen = order[np.argsort(inside, kind="stable")][:wanted]
            return pairs[np.sort(chosen)]
        near = min(outer, 2 * near)
