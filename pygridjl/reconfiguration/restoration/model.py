"""Restoration as a mixed-integer program that no AC-feasible configuration violates.

Where buses only consume, lossless flows are the least and linear voltages the highest that a tree
can have, so that limits on them relax those in AC: the optimum is a bound, and an optimum that
keeps its limits in AC is the best there is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy.sparse import coo_array, csr_array, vstack
from scipy.sparse.csgraph import connected_components

from pygridjl.core.types import BoolArray, FloatArray, IntArray
from pygridjl.graphs.forest import adjacency, path_sums, rooted_forest, subtree_sums
from pygridjl.grid.network import Network
from pygridjl.powerflow.sweep import sweep_data
from pygridjl.solvers.linear import LinearModel

__all__ = ["RestorationModel"]

# Tangents of the circle of apparent power in a quarter of it.
TANGENTS = np.linspace(0.0, np.pi / 2, 7)


Entry: TypeAlias = tuple[IntArray, IntArray, FloatArray | float]
Adder: TypeAlias = Callable[[Sequence[Entry], int], csr_array]
Part: TypeAlias = tuple[csr_array, FloatArray, FloatArray]


def _rows(entries: Sequence[Entry], count: int, width: int) -> csr_array:
    """Sparse rows of (rows, columns, values) entries; one value may stand for all."""
    rows = np.concatenate([entry[0] for entry in entries])
    columns = np.concatenate([entry[1] for entry in entries])
    values = np.concatenate([np.broadcast_to(entry[2], entry[0].shape) for entry in entries])
    return csr_array(coo_array((values, (rows, columns)), shape=(count, width)))


@dataclass(frozen=True, eq=False)
class RestorationModel:
    """Columns: arcs y (forwards, then backwards), u by bus, flows F, P, Q by edge, v, o by edge.

    Attributes
    ----------
    network : Network
        The network.
    limits : frozenset of str
        Limits to keep.
    edge : ndarray of int, shape (m,)
        Branches that may be closed, the faulted one not among them.
    """

    network: Network
    limits: frozenset[str]
    edge: IntArray

    @property
    def sizes(self) -> tuple[int, int]:
        """Number of edges and of buses."""
        return int(self.edge.size), self.network.n_bus

    def columns(self) -> dict[str, IntArray]:
        """Positions of the columns by name."""
        m, n = self.sizes
        parts = np.split(np.arange(6 * m + 2 * n), np.cumsum([m, m, n, m, m, m, n])[:7])
        return dict(zip(("there", "back", "u", "f", "p", "q", "v", "o"), parts, strict=True))

    def closed(self, x: FloatArray) -> BoolArray:
        """Switch states of all branches of a solution: dead parts keep theirs."""
        at, branch = self.columns(), self.network.branches
        live = (x[at["there"]] + x[at["back"]]) > 0.5
        supplied = x[at["u"]] > 0.5
        ends = branch.from_bus[self.edge], branch.to_bus[self.edge]
        dead = ~supplied[ends[0]] & ~supplied[ends[1]]
        states = np.zeros(self.network.n_branch, dtype=bool)
        states[self.edge] = np.where(dead, branch.closed[self.edge], live)
        return states

    def point(self, states: BoolArray) -> FloatArray:
        """Solution of the program that switch states stand for, as a start of its search."""
        at, network = self.columns(), self.network
        branch = network.branches
        graph = adjacency(network.n_bus, branch.from_bus, branch.to_bus)
        forest = rooted_forest(graph, states, network.slack_buses)
        reached = np.zeros(network.n_bus, dtype=bool)
        reached[forest.order] = True
        x = np.zeros(6 * self.edge.size + 2 * network.n_bus)
        x[at["u"]] = reached
        place = np.full(network.n_branch, -1, dtype=np.int64)
        place[self.edge] = np.arange(self.edge.size)
        fed = forest.order[forest.parent[forest.order] >= 0]
        via = forest.edge[fed]
        column, forwards = place[via], branch.to_bus[via] == fed
        x[at["there"][column]], x[at["back"][column]] = forwards, ~forwards
        sign = np.where(forwards, 1.0, -1.0)
        supplied = np.where(reached, 1.0, 0.0)
        flows = {
            name: subtree_sums(forest, supplied * demand)
            for name, demand in (("f", 1.0), ("p", network.load_p), ("q", network.load_q))
        }
        for name, flow in flows.items():
            x[at[name][column]] = sign * flow[fed]
        _, upper = self._column_bounds(at, x.size)
        drop = np.zeros(network.n_bus)
        drop[fed] = 2 * (branch.r[via] * flows["p"][fed] + branch.x[via] * flows["q"][fed])
        drop[network.slack_buses] = -upper[at["v"][network.slack_buses]]
        # Dead buses take any voltage of their band.
        x[at["v"]] = np.where(reached, -path_sums(forest, drop), upper[at["v"]])
        live = x[at["there"]] + x[at["back"]]
        ends = np.maximum(
            x[at["u"][branch.from_bus[self.edge]]], x[at["u"][branch.to_bus[self.edge]]]
        )
        x[at["o"]] = np.where(branch.closed[self.edge], np.maximum(ends - live, 0.0), 0.0)
        return x

    def loads(self) -> FloatArray:
        """Load by bus, kW, which is to be supplied; buses without any count for nothing."""
        return self.network.load_p * self.network.base_mva * 1e3

    def load_row(self) -> csr_array:
        """Supplied load in kW as a row."""
        at = self.columns()
        values = self.loads()
        width = sum(part.size for part in at.values())
        return csr_array((values, (np.zeros(values.size, dtype=np.int64), at["u"])), (1, width))

    def operation_cost(self) -> FloatArray:
        """Return the number of operations as a cost of the columns."""
        at, base = self.columns(), self.network.branches.closed[self.edge]
        cost = np.zeros(sum(part.size for part in at.values()))
        cost[at["there"]] = cost[at["back"]] = ~base
        cost[at["o"]] = base
        return cost

    def cut(self, x: FloatArray) -> tuple[csr_array, FloatArray, FloatArray]:
        """Row that excludes the live part of a solution."""
        at = self.columns()
        live = (x[at["there"]] + x[at["back"]]) > 0.5
        sign = np.where(live, -1.0, 1.0)
        rows = np.zeros(2 * live.size, dtype=np.int64)
        columns = np.concatenate([at["there"], at["back"]])
        row = csr_array((np.tile(sign, 2), (rows, columns)), (1, x.size))
        return row, np.array([1.0 - live.sum()]), np.array([np.inf])

    def build(self) -> LinearModel:
        """Return the program without an objective."""
        at, network = self.columns(), self.network
        m, n = self.sizes
        width = 6 * m + 2 * n
        tail = network.branches.from_bus[self.edge]
        head = network.branches.to_bus[self.edge]
        roots = network.slack_buses
        parts: list[Part] = []
        index = np.arange(m)

        def add(entries: Sequence[Entry], count: int) -> csr_array:
            return _rows(entries, count, width)

        away = np.setdiff1d(np.arange(n), roots)
        buses = np.arange(n)
        # One arc into every supplied bus, none into a source.
        into = add(
            [(head, at["there"], 1.0), (tail, at["back"], 1.0), (buses, at["u"], -1.0)],
            n,
        )[away]
        parts.append((csr_array(into), np.zeros(away.size), np.zeros(away.size)))
        demands = (("f", np.ones(n)), ("p", network.load_p), ("q", network.load_q))
        for name, demand in demands:
            balance = add(
                [(head, at[name], 1.0), (tail, at[name], -1.0), (buses, at["u"], -demand)],
                n,
            )[away]
            parts.append((csr_array(balance), np.zeros(away.size), np.zeros(away.size)))
            most = float(demand[away].sum())
            for arc, sign in (("there", 1.0), ("back", -1.0)):
                row = add([(index, at[name], sign), (index, at[arc], -most)], m)
                parts.append((row, np.full(m, -np.inf), np.zeros(m)))
        parts += self._voltages(add)
        parts += self._capacities(add)
        base = network.branches.closed[self.edge]
        for end in (tail, head):
            # A branch that is closed today and would feed a dead bus must be opened.
            row = add(
                [
                    (index, at["o"], 1.0),
                    (index, at["u"][end], -1.0),
                    (index, at["there"], 1.0),
                    (index, at["back"], 1.0),
                ],
                m,
            )[base]
            parts.append((csr_array(row), np.zeros(int(base.sum())), np.full(base.sum(), np.inf)))
        lower, upper = self._column_bounds(at, width)
        integer = np.zeros(width, dtype=bool)
        integer[np.concatenate([at["there"], at["back"], at["u"]])] = True
        return LinearModel(
            cost=np.zeros(width),
            matrix=csr_array(vstack([part[0] for part in parts])),
            row_lower=np.concatenate([part[1] for part in parts]),
            row_upper=np.concatenate([part[2] for part in parts]),
            col_lower=lower,
            col_upper=upper,
            integer=integer,
        )

    def _top(self) -> float:
        roots = self.network.slack_buses
        return float(sweep_data(self.network, roots).root_voltage[roots].max()) ** 2

    def _column_bounds(self, at: dict[str, IntArray], width: int) -> tuple[FloatArray, FloatArray]:
        network, roots = self.network, self.network.slack_buses
        lower, upper = np.full(width, -np.inf), np.full(width, np.inf)
        for name in ("there", "back", "u", "o"):
            lower[at[name]], upper[at[name]] = 0.0, 1.0
        tail = network.branches.from_bus[self.edge]
        head = network.branches.to_bus[self.edge]
        upper[at["there"][np.isin(head, roots)]] = 0.0
        upper[at["back"][np.isin(tail, roots)]] = 0.0
        lower[at["u"][roots]] = 1.0
        graph = coo_array(
            (np.ones(self.edge.size), (tail, head)), shape=(network.n_bus, network.n_bus)
        )
        _, label = connected_components(graph, directed=False)
        upper[at["u"][~np.isin(label, label[roots])]] = 0.0
        fixed = ~network.branches.switchable[self.edge]
        # What cannot be switched has no operation: it feeds on or is dead as a whole.
        upper[at["o"][fixed]] = 0.0
        upper[at["there"][fixed & ~network.branches.closed[self.edge]]] = 0.0
        upper[at["back"][fixed & ~network.branches.closed[self.edge]]] = 0.0
        held = sweep_data(network, roots).root_voltage[roots] ** 2
        low = network.buses.v_min**2 if "voltage" in self.limits else np.zeros(network.n_bus)
        lower[at["v"]] = np.minimum(low, self._top())
        upper[at["v"]] = self._top()
        lower[at["v"][roots]] = upper[at["v"][roots]] = held
        return lower, upper

    def _voltages(self, add: Adder) -> list[Part]:
        """Linear voltage drop along live branches; a dead one joins any two voltages."""
        if "voltage" not in self.limits:
            return []
        at, branch = self.columns(), self.network.branches
        m = self.edge.size
        index = np.arange(m)
        tail, head = branch.from_bus[self.edge], branch.to_bus[self.edge]
        lower, upper = self._column_bounds(at, 6 * m + 2 * self.network.n_bus)
        reach = float(upper[at["v"]].max() - lower[at["v"]].min())
        drop = [
            (index, at["v"][tail], 1.0),
            (index, at["v"][head], -1.0),
            (index, at["p"], -2 * branch.r[self.edge]),
            (index, at["q"], -2 * branch.x[self.edge]),
        ]
        rows = []
        for sign in (1.0, -1.0):
            entries: list[Entry] = [
                (row, column, sign * np.asarray(value)) for row, column, value in drop
            ]
            entries += [(index, at["there"], reach), (index, at["back"], reach)]
            rows.append((add(entries, m), np.full(m, -np.inf), np.full(m, reach)))
        return rows

    def _capacities(self, add: Adder) -> list[Part]:
        """Ampacities and capacities of the sources on lossless flows, circles by tangents."""
        at, network = self.columns(), self.network
        branch, gen = network.branches, network.generators
        rows = []
        tail, head = branch.from_bus[self.edge], branch.to_bus[self.edge]
        rated = np.flatnonzero(np.isfinite(branch.rating[self.edge]))
        if "ampacity" in self.limits and rated.size:
            most = branch.rating[self.edge[rated]] * np.sqrt(self._top())
            index = np.arange(rated.size)
            for angle in TANGENTS:
                for arc, sign in (("there", 1.0), ("back", -1.0)):
                    entries = [
                        (index, at["p"][rated], sign * np.cos(angle)),
                        (index, at["q"][rated], sign * np.sin(angle)),
                        (index, at[arc][rated], -most),
                    ]
                    upper = np.zeros(rated.size)
                    rows.append((add(entries, rated.size), upper - np.inf, upper))
        if "capacity" not in self.limits:
            return rows
        for bus in network.slack_buses:
            unit = gen.in_service & (gen.bus == bus)
            own = network.load_p[bus], network.load_q[bus]
            out = [(np.flatnonzero(tail == bus), 1.0), (np.flatnonzero(head == bus), -1.0)]
            pairs = [(0.0, float(gen.p_max[unit].sum()))]
            pairs += [(float(angle), float(gen.s_max[unit].sum())) for angle in TANGENTS]
            for angle, most in pairs:
                if not np.isfinite(most):
                    continue
                shares = (("p", np.cos(angle), own[0]), ("q", np.sin(angle), own[1]))
                entries = [
                    (np.zeros(e.size, dtype=np.int64), at[name][e], sign * share)
                    for name, share, _ in shares
                    for e, sign in out
                ]
                room = most - sum(share * load for _, share, load in shares)
                rows.append((add(entries, 1), np.array([-np.inf]), np.array([room])))
        return rows
