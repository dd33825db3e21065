"""AC state of a configuration feeder by feeder, so that an exchange costs what it touches.

Slack buses hold their voltage, so what hangs from one of their closed branches, a *feeder*, has an
AC state of its own. Closing a tie and opening a branch of its cycle changes the feeders at the
ends of the tie and no other: trying it is one sweep over these two.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pygridjl.core.jit import kernel
from pygridjl.core.types import BoolArray, IntArray
from pygridjl.graphs.forest import RootedForest
from pygridjl.powerflow.sweep import SweepData, VoltageHolders, solve_held_sweep
from pygridjl.reconfiguration.ac.evaluate import AcEvaluator

__all__ = ["Feeders", "Trial"]


class Feeder(NamedTuple):
    """What hangs from one closed branch of a slack bus.

    ``top`` is that branch, ``loss`` in p.u., ``excess`` over the limits of buses and branches,
    ``root`` the position of the slack bus among the roots and ``power`` what it delivers, p.u.
    """

    top: int
    buses: IntArray
    loss: float
    excess: float
    root: int
    power: complex


class Trial(NamedTuple):
    """An exchange of branches (tie, opened): feeders that are gone and those there are instead."""

    exchange: tuple[int, int]
    gone: tuple[int, ...]
    come: tuple[Feeder, ...]


@kernel
def _walk(
    start: IntArray,
    node: IntArray,
    edge: IntArray,
    states: BoolArray,
    seeds: IntArray,
    place: IntArray,
    order: IntArray,
    parent: IntArray,
    via: IntArray,
    top: IntArray,
) -> int:
    """Walk breadth first from the seeds to the buses whose ``place`` is −1; return how many.

    ``place`` (by bus) is −2 for buses that are not to be entered; on return it is the position in
    ``order``, from where ``parent`` is counted too; ``via`` and ``top`` are the branch that feeds
    the bus and the one by which its feeder leaves the seed.
    """
    count = 0
    for bus in seeds:
        place[bus] = count
        order[count] = bus
        parent[count] = -1
        via[count] = -1
        top[count] = -1
        count += 1
    done = 0
    while done < count:
        u = order[done]
        for slot in range(start[u], start[u + 1]):
            v = node[slot]
            if place[v] == -1 and states[edge[slot]]:
                place[v] = count
                order[count] = v
                parent[count] = done
                via[count] = edge[slot]
                top[count] = edge[slot] if top[done] < 0 else top[done]
                count += 1
        done += 1
    return count


class Feeders:
    """The feeders of a spanning tree in AC.

    Parameters
    ----------
    evaluator : AcEvaluator
        Judge of the problem.
    closed : ndarray of bool, shape (m,)
        A spanning tree of the problem.
    """

    def __init__(self, evaluator: AcEvaluator, closed: BoolArray) -> None:
        self._judge, self._problem = evaluator, evaluator.problem
        network, roots = self._problem.network, self._problem.roots
        self._ends = network.branches.from_bus, network.branches.to_bus
        self._root_place = np.full(network.n_bus, -1, dtype=np.int64)
        self._root_place[roots] = np.arange(roots.size)
        # Buses that may not be entered hold −2; a trial opens those of its feeders.
        self._place = np.full(network.n_bus, -2, dtype=np.int64)
        self._states = self._problem.branch_states(closed)
        data = evaluator.sweep
        square = data.root_voltage[roots] ** 2
        self._own = data.load[roots] + np.conj(data.shunt[roots]) * square
        self._own_loss = float(data.iron[roots] @ square)
        self.top = np.full(network.n_bus, -1, dtype=np.int64)
        self._feeders: dict[int, Feeder] = {}
        everywhere = np.flatnonzero(self._root_place < 0)
        self._enter(self._solve(everywhere, roots))

    @property
    def closed(self) -> BoolArray:
        """The configuration, shape (m,)."""
        return self._problem.edge_states(self._states)

    @property
    def rank(self) -> tuple[float, float]:
        """(excess, loss in kW) as :meth:`AcEvaluator.rank` gives it."""
        return self._rank((), ())

    def touched(self, branch: int) -> frozenset[int]:
        """Feeders at the ends of a branch, by their first branch."""
        return frozenset(int(self.top[end[branch]]) for end in self._ends) - {-1}

    def attempt(self, tie: int, opened: int) -> tuple[tuple[float, float], Trial]:
        """Rank of the configuration after an exchange, and what :meth:`accept` needs of it.

        Parameters
        ----------
        tie, opened : int
            Branches of the network to close and to open; ``opened`` is on the cycle of ``tie``.
        """
        gone = tuple(self.touched(tie))
        self._states[tie], self._states[opened] = True, False
        ends = np.array([end[branch] for end in self._ends for branch in (tie, *gone)])
        buses = np.concatenate([self._feeders[top].buses for top in gone])
        come = self._solve(buses, np.unique(ends[self._root_place[ends] >= 0]))
        self._states[tie], self._states[opened] = False, True
        return self._rank(gone, come), Trial((tie, opened), gone, come)

    def accept(self, trial: Trial) -> frozenset[int]:
        """Make an exchange; return the feeders that are new."""
        tie, opened = trial.exchange
        self._states[tie], self._states[opened] = True, False
        for top in trial.gone:
            del self._feeders[top]
        self._enter(trial.come)
        return frozenset(feeder.top for feeder in trial.come)

    def _enter(self, feeders: tuple[Feeder, ...]) -> None:
        for feeder in feeders:
            self._feeders[feeder.top] = feeder
            self.top[feeder.buses] = feeder.top

    def _rank(self, gone: tuple[int, ...], come: tuple[Feeder, ...]) -> tuple[float, float]:
        power = self._own.copy()
        excess, loss = 0.0, self._own_loss
        stay = (f for top, f in self._feeders.items() if top not in gone)
        for feeder in (*stay, *come):
            excess += feeder.excess
            loss += feeder.loss
            power[feeder.root] += feeder.power
        if not np.isfinite(loss):
            return np.inf, np.inf
        return excess + self._judge.source_excess(power), loss * self._problem.kw

    def _solve(self, buses: IntArray, seeds: IntArray) -> tuple[Feeder, ...]:
        """Feeders of the slack buses ``seeds`` among some buses, each swept for itself."""
        graph, size = self._judge.graph, buses.size + seeds.size
        order, parent, via, top = (np.empty(size, dtype=np.int64) for _ in range(4))
        self._place[buses] = -1
        count = _walk(
            graph.start,
            graph.node,
            graph.edge,
            self._states,
            seeds,
            self._place,
            order,
            parent,
            via,
            top,
        )
        self._place[order[:count]] = -2
        self._place[buses] = -2
        found = []
        by_top = np.argsort(top[:count], kind="stable")
        first = np.flatnonzero(np.diff(top[by_top])) + 1
        for part in np.split(by_top, first)[1:]:
            found.append(self._sweep(part, order, parent, via, int(top[part[0]])))
        return tuple(found)

    def _sweep(
        self, part: IntArray, order: IntArray, parent: IntArray, via: IntArray, top: int
    ) -> Feeder:
        data, root = self._judge.sweep, order[parent[part[0]]]
        buses, branches = order[part], via[part]
        # Position 0 is the slack bus, without its own load and shunt.
        up = np.zeros(part.size + 1, dtype=np.int64)
        up[0] = -1
        up[1:] = np.where(
            parent[part] == parent[part[0]], 0, np.searchsorted(part, parent[part]) + 1
        )
        own = np.concatenate([[branches[0]], branches])
        sending = self._ends[0][branches] == buses
        from_bus = np.arange(part.size + 1)
        from_bus[1:] = np.where(sending, from_bus[1:], up[1:])
        there = np.concatenate([[root], buses])
        load, shunt = data.load[there], data.shunt[there]
        iron = data.iron[there]
        load[0] = shunt[0] = iron[0] = 0.0
        local = SweepData(
            from_bus=from_bus,
            z=data.z[own],
            loss_r=data.loss_r[own],
            half_b=data.half_b[own],
            ratio=data.ratio[own],
            load=load,
            shunt=shunt,
            iron=iron,
            root_voltage=data.root_voltage[there],
        )
        places = np.arange(part.size + 1)
        forest = RootedForest(places, up, np.where(up < 0, -1, places))
        v, current, loss, source, sweeps = solve_held_sweep(forest, local, self._holders_at(buses))
        place = int(self._root_place[root])
        if sweeps < 0:
            return Feeder(top, buses, np.inf, np.inf, place, 0j)
        excess = self._judge.excess_at(buses, np.abs(v[1:]), branches, current[1:])
        return Feeder(top, buses, float(loss), excess, place, complex(source[0]))

    def _holders_at(self, buses: IntArray) -> VoltageHolders:
        """Holders among the buses of a feeder, which stand behind its slack bus."""
        holders = self._judge.holders
        if not holders.bus.size:
            return holders
        _, here, at = np.intersect1d(buses, holders.bus, return_indices=True)
        return VoltageHolders(
            here + 1, holders.v_set[at], holders.q_min[at], holders.q_max[at], holders.q[at]
        )
