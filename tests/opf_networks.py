"""Small random transmission networks for tests of the optimal power flow and its relaxations."""

from __future__ import annotations

import numpy as np

from pygridjl.grid.network import Branches, Buses, Generators, Loads, Network


def random_network(
    seed: int,
    *,
    buses: int = 5,
    chords: int = 2,
    units: int = 2,
    loaded: float = 1.0,
    rated: bool = True,
    angles: bool = True,
    negative: bool = False,
) -> Network:
    """A connected network: a random tree and chords, taps, shifts, charging and shunts."""
    rng = np.random.default_rng(seed)
    tree = [(int(rng.integers(0, k)), k) for k in range(1, buses)]
    ends = tree + [tuple(rng.choice(buses, 2, replace=False).tolist()) for _ in range(chords)]
    f, t = (np.array([e[i] for e in ends], dtype=np.int64) for i in (0, 1))
    m = f.size
    demand = loaded * rng.uniform(0, 0.6, buses) * (rng.random(buses) < 0.7)
    total = max(float(demand.sum()), 0.1)
    share = rng.uniform(0.5, 1.5, units)
    limit = np.radians(rng.choice([10.0, 30.0, 60.0]))
    transformer = rng.random(m) < 0.3
    return Network(
        f"random{seed}",
        100.0,
        Buses(
            [str(k) for k in range(buses)],
            v_min=np.full(buses, 0.9),
            v_max=np.full(buses, 1.1),
            gs=0.02 * (rng.random(buses) < 0.2),
            bs=rng.uniform(-0.1, 0.2, buses) * (rng.random(buses) < 0.3),
        ),
        Branches(
            np.arange(1, m + 1),
            f,
            t,
            rng.uniform(-0.005 if negative else 0.002, 0.06, m),
            rng.uniform(0.03, 0.3, m),
            rng.uniform(0, 0.1, m),
            tap=np.where(transformer, rng.uniform(0.95, 1.05, m), 1.0),
            shift=np.where(transformer & (rng.random(m) < 0.3), rng.uniform(-0.1, 0.1, m), 0.0),
            rating=rng.uniform(0.5, 2.0, m) if rated else np.full(m, np.inf),
            angle_min=np.full(m, -limit if angles else -np.pi),
            angle_max=np.full(m, limit if angles else np.pi),
        ),
        Generators(
            [f"g{k}" for k in range(units)],
            np.r_[0, rng.integers(0, buses, units - 1)].astype(np.int64),
            p_min=np.zeros(units),
            p_max=2.0 * total * share / share.sum() + 0.3,
            q_min=np.full(units, -total),
            q_max=np.full(units, total),
            slack=np.arange(units) == 0,
            cost=np.column_stack(
                [
                    rng.choice([0.0, 50.0], units),
                    rng.uniform(100, 3000, units),
                    rng.uniform(0, 10, units),
                ]
            ),
        ),
        Loads(
            [f"d{k}" for k in range(buses)],
            np.arange(buses),
            demand,
            demand * rng.uniform(-0.1, 0.5, buses),
        ),
    )
