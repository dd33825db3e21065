"""Service points on feeders: moving one changes voltages (future work iii of the paper).

The network is radial, one tree a circuit, each fed by its substation. A service point has a bus
for every circuit that can take it over; on circuit i it draws its load there, with reactive power
in a fixed ratio. With LinDistFlow (Baran and Wu 1989, losses left out) the squared voltage of a
bus is linear in the assignment,

    U_b(t) = U_s − 2 Σ_j x_ij ρ(b, c_ij) p_j(t)

with ρ(b, c) the sum of r + x tan φ over the path that both share,
so that a voltage limit is a row of x for each bus and time step. The mixed-integer program takes
those that an answer breaks; the local search keeps U of all buses and changes two trees a move.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array

from pygridjl.balancing.problem import BalancingProblem, build_problem
from pygridjl.core.errors import InvalidBalancingError
from pygridjl.core.findings import Finding
from pygridjl.core.types import FloatArray, IntArray
from pygridjl.graphs.forest import RootedForest, adjacency, rooted_forest
from pygridjl.grid.network import Network
from pygridjl.grid.network_checks import assert_valid

__all__ = ["FeederCoupling", "couple", "feeder_problem"]

# Squared voltages may stray beyond a limit by this much, p.u.
ROUNDING = 1e-9
# Rows that a round of the mixed-integer program takes for each circuit.
ROWS = 8


@dataclass(frozen=True, eq=False)
class _Tree:
    """One circuit: its buses and how loads at the connections lower their voltages.

    Attributes
    ----------
    buses : ndarray of int, shape (k,)
        Buses of the tree.
    drop : ndarray, shape (k, n)
        2 ρ between each bus and the connection of each service point, 0 where there is none.
    lower, upper : ndarray, shape (k,)
        Limits on U.
    source : float
        U of the substation.
    fixed : ndarray, shape (k,)
        What the loads of the network itself take from U.
    """

    buses: IntArray
    drop: FloatArray
    lower: FloatArray
    upper: FloatArray
    source: float
    fixed: FloatArray

    def voltages(self, load: FloatArray) -> FloatArray:
        """Squared voltages, shape (k, n_time), of the loads on this circuit, (n, n_time)."""
        found: FloatArray = (self.source - self.fixed)[:, None] - self.drop @ load
        return found


@dataclass(frozen=True, eq=False)
class FeederCoupling:
    """Voltage limits as a function of the assignment; made by :func:`couple`.

    Attributes
    ----------
    network : Network
        The radial network.
    connection : ndarray of int, shape (n, m)
        Bus of each service point on each circuit; −1 where there is none.
    load : ndarray, shape (n, n_time)
        Active load of the service points, p.u.
    tan_phi : float
        Reactive load for each unit of active load.
    trees : tuple of _Tree
        The circuits.
    """

    network: Network
    connection: IntArray
    load: FloatArray
    tan_phi: float
    trees: tuple[_Tree, ...]

    def findings(self, assignment: IntArray) -> list[Finding]:
        """List the buses outside their band, by sweeps over the trees instead of the rows."""
        network = self.network
        forest = _forest(network)
        steps = self.load.shape[1]
        p = np.repeat(network.load_p[:, None], steps, axis=1)
        q = np.repeat(network.load_q[:, None], steps, axis=1)
        for j, i in enumerate(assignment.tolist()):
            p[self.connection[j, i]] += self.load[j]
            q[self.connection[j, i]] += self.tan_phi * self.load[j]
        for bus in forest.order[::-1].tolist():
            up = int(forest.parent[bus])
            if up >= 0:
                p[up] += p[bus]
                q[up] += q[bus]
        u = np.full((network.n_bus, steps), 1.0)
        for bus in forest.order.tolist():
            up, branch = int(forest.parent[bus]), int(forest.edge[bus])
            if up < 0:
                u[bus] = _source(network, bus)
            else:
                r, x = network.branches.r[branch], network.branches.x[branch]
                u[bus] = u[up] - 2 * (r * p[bus] + x * q[bus])
        low = u.min(axis=1) < network.buses.v_min**2 - 2 * ROUNDING
        high = u.max(axis=1) > network.buses.v_max**2 + 2 * ROUNDING
        found = []
        for rows, limit in ((low, "v_min"), (high, "v_max")):
            if rows.any():
                ids = tuple(str(b) for b in network.buses.id[rows])
                worst = _magnitude((u.min if limit == "v_min" else u.max)())
                found.append(Finding("bus", ids, limit, f"is broken, {worst:.4f} p.u. at worst"))
        return found

    def tracker(self, assignment: IntArray) -> _Tracker:
        """Begin a local search."""
        return _Tracker(self, assignment)

    def band(self, assignment: IntArray) -> list[tuple[float, float]]:
        """Lowest and highest voltage of each circuit over its buses and the steps, p.u."""
        found = []
        for i, tree in enumerate(self.trees):
            u = tree.voltages(np.where((assignment == i)[:, None], self.load, 0.0))
            found.append((_magnitude(u.min()), _magnitude(u.max())))
        return found

    def violated_rows(self, assignment: IntArray, width: int) -> tuple[csr_array, FloatArray]:
        """Return the rows of the voltages that the assignment breaks most, bus by bus."""
        m = len(self.trees)
        rows: list[FloatArray] = []
        limits: list[float] = []
        for i, tree in enumerate(self.trees):
            u = tree.voltages(np.where((assignment == i)[:, None], self.load, 0.0))
            for sign, excess in (
                (1.0, tree.lower[:, None] - u),
                (-1.0, u - tree.upper[:, None]),
            ):
                worst = excess.max(axis=1)
                for b in np.argsort(-worst)[:ROWS]:
                    if worst[b] <= ROUNDING:
                        break
                    t = int(excess[b].argmax())
                    row = np.zeros(width)
                    # U ≥ lower: drop · x ≤ source − fixed − lower; U ≤ upper: its opposite.
                    row[np.arange(assignment.size) * m + i] = sign * tree.drop[b] * self.load[:, t]
                    limit = tree.lower[b] if sign > 0 else tree.upper[b]
                    rows.append(row)
                    limits.append(sign * (tree.source - tree.fixed[b] - limit))
        matrix = csr_array(np.array(rows)) if rows else csr_array((0, width))
        return matrix, np.array(limits)


class _Tracker:
    """Squared voltages of all trees along a local search."""

    def __init__(self, coupling: FeederCoupling, assignment: IntArray) -> None:
        self.coupling = coupling
        self.u = [
            tree.voltages(np.where((assignment == i)[:, None], coupling.load, 0.0))
            for i, tree in enumerate(coupling.trees)
        ]

    def allows(self, a: int, b: int, j: int, k: int) -> bool:
        """Return whether both trees keep their band; worse than before is allowed nowhere."""
        for i, leave, enter in ((a, j, k), (b, k, j)):
            tree = self.coupling.trees[i]
            u = self.u[i] - self._change(tree, enter) + self._change(tree, leave)
            low = tree.lower[:, None] - ROUNDING
            high = tree.upper[:, None] + ROUNDING
            if ((u < low) & (u < self.u[i])).any() or ((u > high) & (u > self.u[i])).any():
                return False
        return True

    def _change(self, tree: _Tree, point: int) -> FloatArray:
        if point < 0:
            return np.zeros((1, 1))
        change: FloatArray = tree.drop[:, point, None] * self.coupling.load[point]
        return change

    def exchange(self, a: int, b: int, j: int, k: int) -> None:
        """Put j on b and k on a."""
        for i, leave, enter in ((a, j, k), (b, k, j)):
            tree = self.coupling.trees[i]
            self.u[i] += self._change(tree, leave) - self._change(tree, enter)

    def excess(self) -> FloatArray:
        """Return how far each tree is outside its band, summed over buses and steps."""
        trees = self.coupling.trees
        return np.array([_excess(tree, u) for tree, u in zip(trees, self.u, strict=True)])

    def excess_after(self, a: int, b: int, j: int, k: int) -> float:
        """Return what both trees would be outside their band together after an exchange."""
        total = 0.0
        for i, leave, enter in ((a, j, k), (b, k, j)):
            tree = self.coupling.trees[i]
            total += _excess(
                tree, self.u[i] - self._change(tree, enter) + self._change(tree, leave)
            )
        return total


def _magnitude(squared: float) -> float:
    return float(np.sqrt(max(squared, 0.0)))


def _excess(tree: _Tree, u: FloatArray) -> float:
    below = np.maximum(tree.lower[:, None] - ROUNDING - u, 0.0).sum()
    return float(below + np.maximum(u - tree.upper[:, None] - ROUNDING, 0.0).sum())


def couple(
    network: Network,
    connection: Mapping[str, Mapping[str, str]] | Sequence[Mapping[str, str]],
    load: ArrayLike,
    *,
    circuits: Sequence[str],
    service_points: Sequence[str],
    tan_phi: float = 0.3,
) -> FeederCoupling:
    """Connect service points to a radial network.

    Parameters
    ----------
    network : Network
        Closed branches form one tree for each substation; limits are ``v_min`` and ``v_max`` of
        the buses, and the loads of the network itself stay where they are.
    connection : mapping of str to (mapping of str to str), or a sequence in order
        For each service point the bus it would have on each circuit; circuits left out cannot
        take it over.
    load : array_like, shape (n, n_time)
        Active load of the service points, p.u.
    circuits : sequence of str
        Ids of the substations' buses: a circuit is the tree of its substation.
    service_points : sequence of str
        Ids.
    tan_phi : float
        Reactive load for each unit of active load.

    Returns
    -------
    FeederCoupling
        For :func:`feeder_problem`.

    Raises
    ------
    InvalidNetworkError
        If the network is unsound.
    InvalidBalancingError
        If it is not radial, a circuit is no substation, or a bus does not lie on the circuit.
    """
    assert_valid(network)
    paths = np.array(load, dtype=np.float64)
    names, lines = list(service_points), list(circuits)
    listed = connection if not isinstance(connection, Mapping) else [connection[p] for p in names]
    forest = _forest(network)
    findings = _radial(network, forest)
    place = {str(b): k for k, b in enumerate(network.buses.id)}
    roots = {str(network.buses.id[r]) for r in network.slack_buses}
    findings += [
        Finding("circuit", (c,), "substation", "is no slack bus") for c in lines if c not in roots
    ]
    if paths.ndim != 2 or paths.shape[0] != len(names) or not np.isfinite(paths).all():
        text = f"must be finite numbers of shape ({len(names)}, n_time), has {paths.shape}"
        findings.append(Finding("problem", (), "load", text))
    if findings:
        raise InvalidBalancingError(network.name, findings)
    root = _roots(forest, network.n_bus)
    at = np.full((len(names), len(lines)), -1, dtype=np.int64)
    for j, buses in enumerate(listed):
        for line, bus in buses.items():
            if line not in lines or bus not in place or root[place[bus]] != place[line]:
                text = f"bus {bus} does not lie on circuit {line}"
                findings.append(Finding("sp", (names[j],), "connection", text))
                continue
            at[j, lines.index(line)] = place[bus]
    if findings:
        raise InvalidBalancingError(network.name, findings)
    trees = tuple(
        _tree(network, forest, np.flatnonzero(root == place[line]), at[:, i], tan_phi)
        for i, line in enumerate(lines)
    )
    return FeederCoupling(network, at, paths, tan_phi, trees)


def feeder_problem(
    coupling: FeederCoupling, deviations: ArrayLike, **rules: Any
) -> BalancingProblem:
    """Make the balancing problem of service points on feeders.

    Parameters
    ----------
    coupling : FeederCoupling
        Network, connections and loads.
    deviations : array_like
        As for :func:`pygridjl.balance`.
    **rules
        Arguments of :func:`pygridjl.balance`.

    Returns
    -------
    BalancingProblem
        For :func:`pygridjl.balancing.solve_problem`; assignments without a bus are not allowed.

    Raises
    ------
    InvalidBalancingError
        If the data are unsound.
    """
    names = [f"SP{j + 1}" for j in range(coupling.connection.shape[0])]
    names = list(rules.pop("service_points", names))
    circuits = list(rules["circuits"])
    missing = [(names[j], circuits[i]) for j, i in np.argwhere(coupling.connection < 0).tolist()]
    rules["forbidden"] = [*rules.pop("forbidden", ()), *missing]
    return build_problem(deviations, service_points=names, coupling=coupling, **rules)


def _forest(network: Network) -> RootedForest:
    branch = network.branches
    graph = adjacency(network.n_bus, branch.from_bus, branch.to_bus)
    return rooted_forest(graph, branch.closed, network.slack_buses)


def _radial(network: Network, forest: RootedForest) -> list[Finding]:
    used = np.zeros(len(network.branches), dtype=np.bool_)
    used[forest.edge[forest.edge >= 0]] = True
    extra = np.flatnonzero(network.branches.closed & ~used)
    findings = []
    if extra.size:
        ids = tuple(str(i) for i in network.branches.id[extra])
        findings.append(Finding("branch", ids, "closed", "closes a loop or joins two circuits"))
    dead = np.setdiff1d(np.arange(network.n_bus), forest.order)
    if dead.size:
        ids = tuple(str(b) for b in network.buses.id[dead])
        findings.append(Finding("bus", ids, "circuit", "is fed by no substation"))
    if (network.branches.tap[network.branches.closed] != 1).any():
        findings.append(Finding("branch", (), "tap", "must be 1: LinDistFlow here has no ratios"))
    return findings


def _roots(forest: RootedForest, n: int) -> IntArray:
    root = np.full(n, -1, dtype=np.int64)
    for bus in forest.order.tolist():
        up = int(forest.parent[bus])
        root[bus] = bus if up < 0 else root[up]
    return root


def _source(network: Network, bus: int) -> float:
    """Squared voltage of a substation: its generator's set-point, or 1."""
    unit = network.generators
    at = np.flatnonzero((unit.bus == bus) & unit.in_service)
    return float(unit.v_set[at[0]]) ** 2 if at.size and np.isfinite(unit.v_set[at[0]]) else 1.0


def _tree(
    network: Network, forest: RootedForest, buses: IntArray, connection: IntArray, tan_phi: float
) -> _Tree:
    """Sum r + x tan φ over common paths, down the tree: a bus shares what its parent shares."""
    inside = set(buses.tolist())
    order = [b for b in forest.order.tolist() if b in inside]
    row = {b: k for k, b in enumerate(order)}
    n = connection.size
    loads = np.flatnonzero((network.load_p != 0) | (network.load_q != 0))
    own = [b for b in loads.tolist() if b in inside]
    members = [(j, int(c)) for j, c in enumerate(connection.tolist()) if c >= 0]
    # below[b, c]: whether connection c is fed through bus b.
    columns = [c for _, c in members] + own
    below = np.zeros((len(order), len(columns)))
    for k, c in enumerate(columns):
        bus = c
        while bus >= 0:
            below[row[bus], k] = 1.0
            bus = int(forest.parent[bus])
    r, x = np.zeros(len(order)), np.zeros(len(order))
    shared_r, shared_x = np.zeros_like(below), np.zeros_like(below)
    for k, bus in enumerate(order):
        up, branch = int(forest.parent[bus]), int(forest.edge[bus])
        if up < 0:
            continue
        r[k], x[k] = network.branches.r[branch], network.branches.x[branch]
        shared_r[k] = shared_r[row[up]] + 2 * r[k] * below[k]
        shared_x[k] = shared_x[row[up]] + 2 * x[k] * below[k]
    drop = np.zeros((len(order), n))
    for k, (j, _) in enumerate(members):
        drop[:, j] = shared_r[:, k] + tan_phi * shared_x[:, k]
    first = len(members)
    fixed = shared_r[:, first:] @ network.load_p[own] + shared_x[:, first:] @ network.load_q[own]
    places = np.array(order, dtype=np.int64)
    return _Tree(
        buses=places,
        drop=drop,
        lower=network.buses.v_min[places] ** 2,
        upper=network.buses.v_max[places] ** 2,
        source=_source(network, order[0]),
        fixed=fixed,
    )
