"""From a network to the arrays of the radial reconfiguration problem, checked once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import get_args

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pygridjl.core.errors import (
    InfeasibleConfigurationError,
    InvalidNetworkError,
    InvalidOptionError,
)
from pygridjl.core.findings import Finding
from pygridjl.core.types import BoolArray, FloatArray, IntArray
from pygridjl.grid.network import Network
from pygridjl.grid.network_checks import assert_valid
from pygridjl.grid.parallels import merge_parallels
from pygridjl.reconfiguration.problem import Limit, ProblemKind, RadialProblem
from pygridjl.reconfiguration.switching import switching_rules

__all__ = ["build_problem"]


# Relative mismatch of generation and demand that is rounding of the data, not an error in them.
BALANCE_TOLERANCE = 1e-6


# A branch without resistance would make the electrical flow ambiguous: its weight is raised to
# this fraction of the usual one (not of the largest, which may be that of a dummy), for all methods
# and bounds alike.
SMALLEST_WEIGHT = 1e-9


# Where there is no resistance at all, losses have to stay next to nothing.
ONLY_WEIGHT = 1e-15


def build_problem(
    network: Network,
    kind: ProblemKind = "substations",
    *,
    switchable: Collection[int] | None = None,
    keep_closed: Collection[int] = (),
    keep_open: Collection[int] = (),
    limits: Collection[Limit] | None = None,
    max_operations: int | None = None,
    operation_cost: float = 0.0,
) -> RadialProblem:
    """Validate a network and turn it into a reconfiguration problem.

    Parameters
    ----------
    network : Network
        The network; its base state matters only for branches that may not be switched.
    kind : {"substations", "balanced"}
        Which problem.
    switchable : collection of int, optional
        Ids of the branches that may be switched; by default those the network marks so. All
        others keep their base state.
    keep_closed, keep_open : collection of int
        Ids of branches that must be closed or open in every answer. Any branch may be kept open,
        also one that is not switchable.
    limits : collection of {"voltage", "ampacity", "capacity"}, optional
        Which of the network's limits an answer must keep, checked in AC. By default all in
        ``substations`` and none in ``balanced``, whose data need not describe an AC network.
    max_operations : int, optional
        Branches that may be opened or closed in all.
    operation_cost : float
        Loss that one operation must save, kW.

    Returns
    -------
    RadialProblem
        The arrays. Closed branches that may not be switched and lie side by side, such as the two
        transformers of a substation, are one branch of its network.

    Raises
    ------
    InvalidNetworkError
        If the data are not sound, there is no substation, or (``balanced``) generation does not
        match demand.
    InvalidOptionError
        If a branch id is unknown or contradicts another option.
    InfeasibleConfigurationError
        If the branches that must stay open cut buses off, or those that must stay closed form a
        cycle or join two substations.
    """
    if kind not in get_args(ProblemKind):
        raise InvalidOptionError(f"problem: {kind!r} is none of {', '.join(get_args(ProblemKind))}")
    if limits is None:
        limits = get_args(Limit) if kind == "substations" else ()
    for limit in limits:
        if limit not in get_args(Limit):
            raise InvalidOptionError(f"limits: {limit!r} is none of {', '.join(get_args(Limit))}")
    assert_valid(network, use="reconfiguration")
    must_close, must_open = _fixed_states(network, switchable, keep_closed, keep_open)
    network, kept = merge_parallels(network, must_close)
    must_close, must_open = must_close[kept], must_open[kept]
    if kind == "substations":
        p, q, node_of_bus, root = _substations(network)
    else:
        p, q, node_of_bus, root = _balanced(network)
    tail = node_of_bus[network.branches.from_bus]
    head = node_of_bus[network.branches.to_bus]
    joined = must_close & (tail == head)
    if joined.any():
        name = int(network.branches.id[joined][0])
        raise InfeasibleConfigurationError(
            f"branch {name} must stay closed but joins two substations"
        )
    edges = np.flatnonzero(~must_open & (tail != head)).astype(np.int64)
    n = int(node_of_bus.max()) + 1
    tail, head, forced = tail[edges], head[edges], must_close[edges]
    _assert_connected(network, n, node_of_bus, tail, head)
    _assert_no_forced_cycle(network, n, tail, head, forced, edges)
    resistance = network.branches.loss_r[edges]
    there = resistance[resistance > 0]
    floor = SMALLEST_WEIGHT * float(np.median(there)) if there.size else ONLY_WEIGHT
    return RadialProblem(
        network=network,
        kind=kind,
        n=n,
        node_of_bus=node_of_bus,
        root=root,
        branch=edges,
        tail=tail,
        head=head,
        weight=np.maximum(resistance, floor),
        p=p,
        q=q,
        forced=forced,
        limits=frozenset(limits),
        switching=switching_rules(
            network.branches.closed[edges],
            int(network.branches.closed.sum() - network.branches.closed[edges].sum()),
            max_operations,
            operation_cost,
        ),
    )


def _rows_of(network: Network, ids: Collection[int], option: str) -> BoolArray:
    # As Python's integers: what is given may be wider than those of an array.
    unknown = sorted(set(ids) - set(network.branches.id.tolist()))
    if unknown:
        raise InvalidOptionError(f"{option}: network {network.name!r} has no branch {unknown[0]!r}")
    return np.isin(network.branches.id, np.asarray(list(ids), dtype=np.int64))


def _fixed_states(
    network: Network,
    switchable: Collection[int] | None,
    keep_closed: Collection[int],
    keep_open: Collection[int],
) -> tuple[BoolArray, BoolArray]:
    branch = network.branches
    free = branch.switchable if switchable is None else _rows_of(network, switchable, "switchable")
    closed, opened = (
        _rows_of(network, keep_closed, "keep_closed"),
        _rows_of(network, keep_open, "keep_open"),
    )
    # What is kept open by hand is so for a reason that the network's marks do not know.
    must_close = (~free & branch.closed & ~opened) | closed
    must_open = (~free & ~branch.closed) | opened
    both = must_close & must_open
    if both.any():
        raise InvalidOptionError(
            f"keep_closed, keep_open: branch {int(branch.id[both][0])} would have to be both "
            "(a branch that is open and not switchable stays open)"
        )
    return must_close, must_open


def _injections(network: Network) -> tuple[FloatArray, FloatArray]:
    """Net injection by bus without the slacks: units minus loads minus shunts at 1 p.u."""
    gen, bus = network.generators, network.buses
    p = -network.load_p - bus.gs
    q = -network.load_q + bus.bs
    unit = gen.in_service & ~gen.slack
    np.add.at(p, gen.bus[unit], gen.p[unit])
    np.add.at(q, gen.bus[unit], gen.q[unit])
    return p, q


def _substations(network: Network) -> tuple[FloatArray, FloatArray, IntArray, int]:
    slack = network.slack_buses
    if slack.size == 0:
        finding = Finding("generator", (), "slack", "no substation (slack) is in service")
        raise InvalidNetworkError(network.name, [finding])
    node_of_bus = np.empty(network.n_bus, dtype=np.int64)
    node_of_bus[slack] = 0
    others = np.setdiff1d(np.arange(network.n_bus), slack)
    node_of_bus[others] = np.arange(1, others.size + 1)
    p_bus, q_bus = _injections(network)
    # A load at a substation bus flows through no branch.
    p = np.zeros(others.size + 1)
    q = np.zeros(others.size + 1)
    p[1:], q[1:] = p_bus[others], q_bus[others]
    p[0], q[0] = -p[1:].sum(), -q[1:].sum()
    return p, q, node_of_bus, 0


def _balanced(network: Network) -> tuple[FloatArray, FloatArray, IntArray, int]:
    p, _ = _injections(network)
    gen = network.generators
    slack_units = np.flatnonzero(gen.slack & gen.in_service)
    if slack_units.size == 1:
        # A single substation is the source that takes up the balance.
        root = int(gen.bus[slack_units[0]])
        p[root] -= p.sum()
    else:
        np.add.at(p, gen.bus[slack_units], gen.p[slack_units])
        root = int(np.argmax(p))
    demand = -float(p[p < 0].sum())
    surplus = float(p.sum())
    if abs(surplus) > BALANCE_TOLERANCE * max(demand, 1e-300):
        generation = demand + surplus
        unit = network.base_mva
        finding = Finding(
            "generator",
            (),
            "p",
            f"sources inject {generation * unit:.6g} MW but sinks take {demand * unit:.6g} MW; "
            "the balanced problem needs equal sums",
        )
        raise InvalidNetworkError(network.name, [finding])
    p[root] -= p.sum()
    return p, np.zeros(network.n_bus), np.arange(network.n_bus, dtype=np.int64), root


def _components(n: int, tail: IntArray, head: IntArray) -> tuple[int, IntArray]:
    graph = coo_array((np.ones(tail.size), (tail, head)), shape=(n, n))
    count, label = connected_components(graph, directed=False)
    return int(count), label.astype(np.int64)


def _assert_connected(
    network: Network, n: int, node_of_bus: IntArray, tail: IntArray, head: IntArray
) -> None:
    count, label = _components(n, tail, head)
    if count == 1:
        return
    largest = int(np.argmax(np.bincount(label)))
    cut_off = network.buses.id[label[node_of_bus] != largest]
    raise InfeasibleConfigurationError(
        f"buses {_listed(cut_off)} are cut off by branches that must stay open"
    )


def _assert_no_forced_cycle(
    network: Network,
    n: int,
    tail: IntArray,
    head: IntArray,
    forced: BoolArray,
    edges: IntArray,
) -> None:
    count, label = _components(n, tail[forced], head[forced])
    if n - count == int(forced.sum()):
        return
    # The component with more edges than a tree of its nodes has the cycle.
    nodes = np.bincount(label, minlength=count)
    members = label[tail[forced]]
    crowded = np.flatnonzero(np.bincount(members, minlength=count) >= nodes)
    ids = network.branches.id[edges[forced]][members == crowded[0]]
    raise InfeasibleConfigurationError(
        f"branches that must stay closed form a cycle (among branches {_listed(ids)}); "
        "make one of them switchable, or keep one open"
    )


def _listed(ids: Sequence[object] | np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> str:
    shown = ", ".join(str(i) for i in ids[:5])
    return shown + (f", … ({len(ids)} in all)" if len(ids) > 5 else "")
