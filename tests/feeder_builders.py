"""Small three-phase feeders that tests build themselves, by hand or at random."""

from __future__ import annotations

import numpy as np

from pygridjl.grid import (
    Capacitors,
    Feeder,
    FeederBranches,
    FeederBuses,
    FeederGenerators,
    FeederLoads,
)

__all__ = ["GAINS", "random_feeder", "two_bus_feeder", "with_services"]

LINE_R = np.array([[0.02, 0.006, 0.005], [0.006, 0.021, 0.007], [0.005, 0.007, 0.022]])
LINE_X = np.array([[0.05, 0.02, 0.018], [0.02, 0.052, 0.019], [0.018, 0.019, 0.051]])


def two_bus_feeder(**branch_columns) -> Feeder:
    """A source, one three-phase line, one unbalanced load of 0.3, 0.2, 0.1 p.u."""
    columns = {"r": LINE_R[None], "x": LINE_X[None], **branch_columns}
    return Feeder(
        name="two",
        phase_mva=1.0,
        buses=FeederBuses(id=["src", "end"], kv_ln=2.4),
        branches=FeederBranches(id=["l"], from_bus=[0], to_bus=[1], **columns),
        loads=FeederLoads(id=["d"], bus=[1], p=[[0.3, 0.2, 0.1]], q=[[0.1, 0.0, 0.05]]),
        source_bus=0,
        v_set=1.0,
    )


def random_feeder(
    rng: np.random.Generator, n_bus: int = 12, *, regulators: bool = True, reverse: bool = True
) -> Feeder:
    """A random tree whose phases thin out away from the source, with every table filled.

    Rows are shuffled and some branches are turned round, so that nothing can rely on an order.
    """
    parent = np.array([-1] + [int(rng.integers(0, k)) for k in range(1, n_bus)])
    phases = np.ones((n_bus, 3), dtype=bool)
    for k in range(1, n_bus):
        keep = phases[parent[k]] & (rng.random(3) < 0.8)
        phases[k] = keep if keep.any() else phases[parent[k]]
    r, x, ends = [], [], []
    for k in range(1, n_bus):
        half = rng.normal(size=(3, 3)) * 0.02
        pair = np.outer(phases[k], phases[k])
        r.append((half @ half.T + 0.01 * np.eye(3)) * pair)
        half = rng.normal(size=(3, 3)) * 0.02
        x.append((half @ half.T + 0.02 * np.eye(3)) * pair)
        turned = reverse and rng.random() < 0.4
        ends.append((k, parent[k]) if turned else (parent[k], k))
    ratio = np.ones((n_bus - 1, 3))
    kind = np.full(n_bus - 1, "line", dtype="<U12")
    if regulators:
        banks = rng.random(n_bus - 1) < 0.25
        ratio[banks] = 1 + 0.00625 * rng.integers(-16, 17, size=(int(banks.sum()), 3))
        kind[banks] = "regulator"
    at = rng.permutation(n_bus)  # position of bus k
    order = rng.permutation(n_bus - 1)
    names = np.array([f"bus{k}" for k in range(n_bus)])
    ends_at = at[np.array(ends)][order]
    branch_phases = phases[1:][order]
    load_bus = rng.integers(0, n_bus, size=n_bus)
    there = phases[load_bus]
    back = np.argsort(at)
    return Feeder(
        name="random",
        phase_mva=float(rng.choice([0.01, 1.0, 100 / 3])),
        buses=FeederBuses(
            id=names[back],
            kv_ln=7.2,
            phases=phases[back],
            v_min=0.9,
            v_max=np.where(rng.random(n_bus) < 0.5, 1.1, np.inf),
            x=rng.normal(size=n_bus),
            y=rng.normal(size=n_bus),
        ),
        branches=FeederBranches(
            id=np.array([f"line.{k}" for k in range(n_bus - 1)])[order],
            from_bus=ends_at[:, 0],
            to_bus=ends_at[:, 1],
            r=np.array(r)[order],
            x=np.array(x)[order],
            phases=branch_phases,
            kind=kind[order],
            ratio=np.where(branch_phases, ratio[order], 1.0),
            b=rng.random((n_bus - 1, 3)) * 1e-3 * branch_phases,
            rating=np.where(branch_phases, 1 + rng.random((n_bus - 1, 3)), np.inf),
            length_km=rng.choice([0.0, 0.3, 1.7], size=n_bus - 1),
        ),
        loads=FeederLoads(
            id=[f"load.{k}" for k in range(n_bus)],
            bus=at[load_bus],
            p=rng.random((n_bus, 3)) * 0.02 * there,
            q=rng.random((n_bus, 3)) * 0.01 * there,
            connection=rng.choice(["wye", "delta"], size=n_bus),
        ),
        source_bus=int(at[0]),
        v_set=1 + 0.05 * rng.random(3),
        capacitors=Capacitors(id=["cap"], bus=[at[0]], q=[[0.01, 0.02, 0.0]]),
        generators=FeederGenerators(
            id=["pv"], bus=[at[0]], p=[[0.01, 0.0, 0.0]], s_max=[[0.02, 0, 0]], kind="pv"
        ),
    )


# By kind: the gain of units whose phases at the to side are not those at the from side.
ROOT = 3**-0.5
GAINS = {
    "pole": [[0, 1, 0], [0, 0, 0], [0, 0, 0]],
    "tapped": [[0, 0, 1], [0, 0, -1], [0, 0, 0]],
    "between": [[ROOT, -ROOT, 0], [0, 0, 0], [0, 0, 0]],
    "tapped between": [[0, ROOT, -ROOT], [0, -ROOT, ROOT], [0, 0, 0]],
    # Open wye to open delta, about the centroid.
    "floating": [[2 * ROOT, ROOT, 0], [-ROOT, ROOT, 0], [-ROOT, -2 * ROOT, 0]],
    "lighting leg": [[1, 0, 0], [-1, 0, 0], [-1, -2, 0]],
}


def with_services(feeder: Feeder, rng: np.random.Generator, kinds=tuple(GAINS)) -> Feeder:
    """The feeder with a unit of each kind and a loaded line behind it, at buses of three phases."""
    full = np.flatnonzero(feeder.buses.phases.all(axis=1))
    n, bus, branch, load = feeder.n_bus, [], [], []
    for k, kind in enumerate(kinds):
        gain = np.array(GAINS[kind], dtype=float)
        there = gain.any(axis=1)
        pair = np.outer(there, there)
        half = rng.normal(size=(2, 3, 3)) * 0.02
        z = (half @ half.transpose(0, 2, 1) + 0.02 * np.eye(3)) * pair
        at = int(rng.choice(full))
        bus.append(
            FeederBuses(id=[f"low{k}", f"home{k}"], kv_ln=0.12, phases=np.array([there, there]))
        )
        branch.append(
            FeederBranches(
                id=[f"unit{k}", f"wire{k}"],
                from_bus=[at, n + 2 * k],
                to_bus=[n + 2 * k, n + 2 * k + 1],
                r=np.stack([z[0], z[1]]),
                x=np.stack([z[1], z[0]]),
                phases=np.array([there, there]),
                kind=["transformer", "line"],
                gain=np.stack([gain, np.zeros((3, 3))]),
            )
        )
        p, q = rng.random((2, 3)) * [[0.02], [0.01]] * there
        load.append(FeederLoads(id=[f"house{k}"], bus=[n + 2 * k + 1], p=[p], q=[q]))
    tables = {"buses": feeder.buses, "branches": feeder.branches, "loads": feeder.loads}
    for name, more in (("buses", bus), ("branches", branch), ("loads", load)):
        for rows in more:
            tables[name] = tables[name].join(rows)
    return feeder.replace(**tables)
