"""Cycle branch-and-bound: proves the least loss of the linear model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from pygridjl.core.errors import SolverError
from pygridjl.core.jit import working_time
from pygridjl.core.result import Status
from pygridjl.core.stopping import hold, is_over
from pygridjl.core.types import BoolArray
from pygridjl.reconfiguration.certificates.certificate import Certificate
from pygridjl.reconfiguration.certificates.common import (
    Accept,
    assert_options,
    first_incumbent,
    on_edges,
)
from pygridjl.reconfiguration.certificates.cycle_search import (
    DONE,
    FULL,
    LEAF,
    replay,
    search,
)
from pygridjl.reconfiguration.certificates.electrical import electrical_bound
from pygridjl.reconfiguration.certificates.mesh import Mesh, decompose
from pygridjl.reconfiguration.certificates.open_nodes import open_nodes
from pygridjl.reconfiguration.electrical import electrical_flow
from pygridjl.reconfiguration.heuristics.trees import minimum_spanning_tree
from pygridjl.reconfiguration.problem import RadialProblem

__all__ = ["CycleSearch", "cycle_branch_and_bound"]

# A node is dropped when it can improve the incumbent by less than this fraction; the bound
# reported at the end is lower by as much.
PRUNE_TOLERANCE = 5e-10
# Energies of the search and of a fresh computation may differ by this fraction before the
# arithmetic of the search is distrusted.
DRIFT_TOLERANCE = 1e-8
# The coupling matrix is dense: beyond this many cycles a node of the search takes seconds.
MOST_CYCLES = 600
# Configurations that only the leading columns favour: each costs as much as many nodes.
MOST_MISSED = 40
FIRST_CAPACITY = 1 << 7
MEMORY = 1 << 30
SECONDS_BETWEEN_LOOKS = 0.05


class _Block:
    """Search state of one mesh."""

    def __init__(self, mesh: Mesh, cutoff: float) -> None:
        self.mesh = mesh
        arrays = mesh.arrays
        # Any node branches into no more children than there are candidates.
        self.nodes = open_nodes(arrays, FIRST_CAPACITY + arrays.target.shape[0])
        self.crowd = MEMORY // (4 * arrays.dimension + arrays.tail.size + 24)
        self.cutoff = cutoff
        self.leaf = np.zeros(arrays.dimension, dtype=np.int64)
        self.processed = 0
        self.budget = 1
        self.done = False

    def run(self) -> bool:
        """Go on for some nodes; True if ``leaf`` holds a configuration below the cutoff."""
        start = working_time()
        reason, processed = search(
            self.mesh.arrays, self.nodes, self.cutoff, self.budget, self.crowd, self.leaf
        )
        self.processed += processed
        if processed >= self.budget:
            hasty = working_time() - start < SECONDS_BETWEEN_LOOKS
            self.budget = 2 * self.budget if hasty else max(self.budget // 2, 1)
        if reason == FULL:
            self.nodes = open_nodes(self.mesh.arrays, 2 * self.nodes.heap.size, self.nodes)
        self.done = reason == DONE
        return reason == LEAF

    @property
    def bound(self) -> float:
        """Lower bound on the loss of the mesh, p.u.; the cutoff once the search is over."""
        if self.done or self.nodes.used[0] == 0:
            return self.cutoff
        return min(self.cutoff, float(self.nodes.bound[self.nodes.heap[0]]))


class CycleSearch:
    """Search of a whole problem: its blocks, the best configuration, the global bound."""

    def __init__(
        self,
        problem: RadialProblem,
        tree: BoolArray,
        best: BoolArray | None,
        accept: Accept | None,
    ) -> None:
        self.problem, self.tree, self.best, self.accept = problem, tree, best, accept
        self.base = tree if best is None else best
        # Of the leading columns, which the meshes are about, and of all.
        self.led = problem.led
        losses, led = problem.losses(self.base), self.led.losses(self.base)
        self.drift = DRIFT_TOLERANCE * float(losses.sum())
        self.blocks: list[_Block] = []
        self.fixed = float(losses.sum())
        self.left_out = self.fixed - float(led.sum())
        rules = problem.switching
        self.price = np.zeros(problem.m) if rules is None else rules.price() / problem.kw
        # What every configuration pays for operations.
        self.toll = 0.0 if rules is None else rules.cost * rules.fixed(problem.m - problem.n + 1)
        self.coupled = accept is not None or (rules is not None and rules.most is not None)
        self.missed = 0
        for mesh in decompose(problem, tree, together=self.coupled):
            loss = float(losses[mesh.edges].sum())
            self.fixed -= loss
            self.left_out += mesh.left_out - (loss - float(led[mesh.edges].sum()))
            loss += self._paid(mesh, self.base)
            self.blocks.append(_Block(mesh, np.inf if best is None else _cutoff(loss)))

    def _paid(self, mesh: Mesh, closed: BoolArray) -> float:
        """Price of the openings of a configuration in one mesh, p.u."""
        return float(self.price[mesh.edges] @ ~closed[mesh.edges])

    @property
    def done(self) -> bool:
        """Whether every block has been searched."""
        return all(block.done for block in self.blocks)

    @property
    def processed(self) -> int:
        """Number of nodes looked at."""
        return sum(block.processed for block in self.blocks)

    @property
    def bound(self) -> float:
        """Lower bound, kW; infinite if nothing was accepted and nothing is left."""
        searched = self.fixed + sum(block.bound for block in self.blocks)
        return searched * self.problem.kw + self.toll

    def run(self, deadline: float, on_progress: Callable[[str], None]) -> None:
        """Search until everything is proven or the deadline has passed."""
        next_check = 1
        last_word = working_time()
        while not self.done and not is_over(deadline):
            for block in self.blocks:
                if not block.done and not is_over(deadline) and block.run():
                    self.take_leaf(block)
            if self.processed >= next_check:
                next_check = 2 * self.processed
                for block in self.blocks:
                    self._assert_sound(block)
            if working_time() - last_word > 1.0:
                last_word = working_time()
                hold(bound=self.bound)
                on_progress(f"{self.processed} nodes, bound {self.bound:.3f} kW")

    def take_leaf(self, block: _Block) -> None:
        """Judge the configuration that a block stopped at."""
        closed = self.base.copy()
        closed[block.mesh.edges] = True
        closed[block.mesh.candidate_edge[block.leaf]] = False
        led = float(self.led.losses(closed)[block.mesh.edges].sum())
        claimed = replay(block.mesh.arrays, block.leaf) - block.mesh.left_out
        if abs(claimed - led) > self.drift:
            raise SolverError(
                f"cycle branch-and-bound: a configuration loses {led:.12g} p.u., its rank-1 "
                f"updates say {claimed:.12g}; the resistances differ too much in size"
            )
        loss = float(self.problem.losses(closed)[block.mesh.edges].sum())
        loss += self._paid(block.mesh, closed)
        if loss >= block.cutoff:
            self.missed += 1
            if self.missed == MOST_MISSED:
                self._look_at_all_columns()
        elif self.accept is None or self.accept(closed):
            block.cutoff = _cutoff(loss)
            self.base = self.best = closed
            opened = self.problem.open_branches(closed)
            hold(objective=self.problem.objective(closed), open_branches=list(map(int, opened)))

    def _look_at_all_columns(self) -> None:
        """Go on with all columns: those that were left out decide too often. Nodes stay."""
        everything = replace(self.problem, leading=None)
        meshes = decompose(everything, self.tree, together=self.coupled)
        for block, mesh in zip(self.blocks, meshes, strict=True):
            block.mesh = mesh
        self.led, self.left_out = everything, 0.0

    def _assert_sound(self, block: _Block) -> None:
        """Recompute the relaxation of the most promising open node from scratch."""
        if block.done or block.nodes.used[0] == 0:
            return
        arrays = block.mesh.arrays
        opened = block.nodes.opened[block.nodes.heap[0]]
        candidates = opened[opened >= 0].astype(np.int64)
        others = sum(b.mesh.arrays.energy for b in self.blocks if b is not block)
        claimed = self.fixed + others + replay(arrays, candidates) - self.left_out
        kept = np.ones(self.problem.m, dtype=bool)
        kept[block.mesh.candidate_edge[candidates]] = False
        fresh = electrical_flow(on_edges(self.led, kept)).energy
        if abs(claimed - fresh) > self.drift:
            raise SolverError(
                f"cycle branch-and-bound: the relaxation of a node is {fresh:.12g} p.u., its "
                f"rank-1 updates say {claimed:.12g}; the resistances differ too much in size"
            )


def cycle_branch_and_bound(
    problem: RadialProblem,
    incumbent: BoolArray | None = None,
    *,
    time_limit: float | None = None,
    accept: Accept | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> Certificate:
    """Search for the configuration of least linear loss and prove that there is none better.

    The relaxation of a node is the electrical flow of the graph without the opened branches; the
    branching rule is that every cycle must be opened somewhere.

    Parameters
    ----------
    problem : RadialProblem
        The problem.
    incumbent : ndarray of bool, shape (m,), optional
        A good configuration; the better it is, the more is pruned. Ignored if ``accept`` says no.
    time_limit : float, optional
        Seconds; without it the search runs until the proof.
    accept : callable, optional
        Called with the closed edges of every configuration that is better than the incumbent;
        one that is not accepted is discarded (a lazy constraint, such as limits checked in AC).
    on_progress : callable, optional
        Called with one line of text every second or so.

    Returns
    -------
    Certificate
        ``INFEASIBLE`` if every configuration was discarded, with an infinite bound. Networks with
        more than 600 independent cycles get the electrical bound without a search.

    Raises
    ------
    InvalidOptionError
        If ``incumbent`` is not a spanning tree with the forced edges, or the time limit is not
        a number of seconds.
    SolverError
        If the energies of the search do not agree with a fresh computation.

    Notes
    -----
    The biconnected blocks are searched one by one and their bounds added. If the configuration
    that comes out is not accepted, the blocks are searched again together, because what
    ``accept`` checks may couple them.
    """
    start = working_time()
    assert_options(problem, incumbent, time_limit)
    say = on_progress or (lambda _: None)
    limit = np.inf if time_limit is None else time_limit
    tree = minimum_spanning_tree(problem)
    best = first_incumbent(
        (incumbent, tree), lambda c: problem.allows(c) and (accept is None or accept(c))
    )
    if problem.m - problem.n + 1 > MOST_CYCLES:
        return _without_search(problem, best, start)
    # Half of the time is kept for the search with ``accept``, if it should come to that.
    first = best if best is not None or not problem.allows(tree) else tree
    relaxed = CycleSearch(problem, tree, first, None)
    relaxed.run(start + (limit if accept is None else limit / 2), say)
    nodes, bound, done = relaxed.processed, relaxed.bound, relaxed.done
    found = relaxed.best
    if accept is None:
        best = found
    elif found is not None and found is not best:
        if accept(found):
            best = found
        else:
            say("the best configuration is not accepted: searching on with lazy constraints")
            coupled = CycleSearch(problem, tree, best, accept)
            coupled.run(start + limit, say)
            best, done = coupled.best, coupled.done
            nodes += coupled.processed
            bound = max(bound, coupled.bound)
    if best is None:
        status = Status.INFEASIBLE if done else Status.NOT_FOUND
        bound = np.inf if done else bound
    else:
        status = Status.OPTIMAL if done else Status.TIME_LIMIT
    return Certificate(
        bound=bound,
        incumbent=best,
        objective=None if best is None else problem.objective(best),
        status=status,
        nodes=nodes,
        seconds=working_time() - start,
        method="cycle_branch_and_bound",
        engine="pygridjl",
    )


def _without_search(problem: RadialProblem, best: BoolArray | None, start: float) -> Certificate:
    """Answer for graphs too meshed for the search."""
    return replace(
        electrical_bound(problem),
        incumbent=best,
        objective=None if best is None else problem.objective(best),
        status=Status.NOT_FOUND if best is None else Status.FEASIBLE,
        seconds=working_time() - start,
    )


def _cutoff(loss: float) -> float:
    return loss * (1 - PRUNE_TOLERANCE)
