"""Small-world networks after Watts and Strogatz."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pygridjl.core.arguments import generator
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.types import IntArray
from pygridjl.grid.network import Branches, Buses, Generators, Loads, Network

__all__ = ["watts_strogatz"]

_ATTEMPTS = 100


def watts_strogatz(
    n: int, *, sources: int, seed: int | np.random.Generator, k: int = 4, beta: float = 0.1
) -> Network:
    """Generate a small-world network with fixed injections (the balanced problem).

    Parameters
    ----------
    n : int
        Number of buses.
    sources : int
        How many of them are sources; all others are loads.
    seed : int or numpy.random.Generator
        Same seed, same network.
    k : int
        Neighbours of a bus on the ring, even.
    beta : float
        Probability that a branch is rewired to a random bus.

    Returns
    -------
    Network
        Connected, n·k/2 branches, all closed; 1 MVA and 1 kV, so that r·p² in per unit is Ω·MW².

    Raises
    ------
    InvalidOptionError
        If the numbers do not fit together, or no connected network is found.

    Notes
    -----
    The FORWARD paper generates its instances by the mechanism of D. J. Watts and S. H. Strogatz
    (Nature 393, 1998) and says no more than numbers of nodes and sources. Ours are: k = 4 and
    β = 0.1; r and x uniform on 0.01 … 1 Ω in steps of 0.01, as in its published files; demands
    uniform on 0.1 … 1 MW, reactive power half of that; sources placed at random, with uniform
    random shares of the total demand.

    Examples
    --------
    >>> from pygridjl import watts_strogatz
    >>> network = watts_strogatz(60, sources=3, seed=1)
    >>> network.n_bus
    60
    """
    if not (1 <= sources < n):
        raise InvalidOptionError(f"sources must be from 1 to n − 1 = {n - 1}, is {sources}")
    if k % 2 or not (2 <= k < n):
        raise InvalidOptionError(f"k must be even, from 2 to n − 1 = {n - 1}, is {k}")
    if not 0.0 <= beta <= 1.0:
        raise InvalidOptionError(f"beta must be from 0 to 1, is {beta}")
    rng = generator(seed)
    ends = _connected_ring(n, k, beta, rng)
    m = len(ends)
    impedance = rng.integers(1, 101, size=(m, 2)) / 100.0
    at_source = np.zeros(n, dtype=np.bool_)
    at_source[rng.choice(n, sources, replace=False)] = True
    load_bus, gen_bus = np.flatnonzero(~at_source), np.flatnonzero(at_source)
    demand = rng.uniform(0.1, 1.0, n - sources)
    share = rng.uniform(0.1, 1.0, sources)
    generation = share / share.sum() * demand.sum()
    generation[-1] = demand.sum() - generation[:-1].sum()
    ids = np.arange(1, n + 1).astype(np.str_)
    return Network(
        f"ws{n}",
        1.0,
        Buses(ids),
        Branches(np.arange(1, m + 1), ends[:, 0], ends[:, 1], impedance[:, 0], impedance[:, 1]),
        Generators(ids[gen_bus], gen_bus, generation, generation / 2.0),
        Loads(ids[load_bus], load_bus, demand, demand / 2.0),
        source=f"random: Watts-Strogatz, n = {n}, k = {k}, beta = {beta:g}, {sources} sources",
    )


def _connected_ring(n: int, k: int, beta: float, rng: np.random.Generator) -> IntArray:
    for _ in range(_ATTEMPTS):
        ends = _rewired_ring(n, k, beta, rng)
        graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(n, n))
        if connected_components(graph, directed=False, return_labels=False) == 1:
            return ends
    raise InvalidOptionError(
        f"no connected network in {_ATTEMPTS} attempts: raise k = {k} or lower beta = {beta:g}"
    )


def _rewired_ring(n: int, k: int, beta: float, rng: np.random.Generator) -> IntArray:
    """Ring of n buses joined to k neighbours each, branches rewired without doubling any."""
    near = np.repeat(np.arange(n), k // 2)
    far = (near + np.tile(np.arange(1, k // 2 + 1), n)) % n
    taken = set((np.minimum(near, far) * n + np.maximum(near, far)).tolist())
    degree = np.full(n, k)
    for e in np.flatnonzero(rng.random(len(near)) < beta):
        i, old = int(near[e]), int(far[e])
        if degree[i] >= n - 1:
            continue  # already joined to every other bus
        while True:
            new = int(rng.integers(n))
            key = min(i, new) * n + max(i, new)
            if new != i and key not in taken:
                break
        taken.discard(min(i, old) * n + max(i, old))
        taken.add(key)
        degree[old] -= 1
        degree[new] += 1
        far[e] = new
    return np.column_stack([near, far])
