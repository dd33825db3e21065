"""AC branch-and-bound: proves the least AC loss by looking at every tree that could be better.

The search is that of the linear model, on loads raised so that its losses stay below the AC losses
(:mod:`.raised_loads`). The incumbent's AC loss is the cut-off; what is left below it is evaluated
in AC, tree by tree.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

from pygridjl.core.errors import InvalidOptionError, SolverError
from pygridjl.core.jit import working_time
from pygridjl.core.result import Status
from pygridjl.core.stopping import hold, is_over
from pygridjl.core.types import BoolArray
from pygridjl.reconfiguration.ac.evaluate import AcEvaluator
from pygridjl.reconfiguration.certificates.ac_leaves import BETTER, grid_of, search_in_ac
from pygridjl.reconfiguration.certificates.certificate import Certificate
from pygridjl.reconfiguration.certificates.common import assert_options, first_incumbent, on_edges
from pygridjl.reconfiguration.certificates.consumers import (
    assert_series_impedances,
    injecting_part,
)
from pygridjl.reconfiguration.certificates.cycle_search import DONE, FULL, LEAF, replay
from pygridjl.reconfiguration.certificates.mesh import Mesh, decompose
from pygridjl.reconfiguration.certificates.open_nodes import open_nodes
from pygridjl.reconfiguration.certificates.raised_loads import RaisedLoads, raised_loads
from pygridjl.reconfiguration.electrical import electrical_flow
from pygridjl.reconfiguration.heuristics.trees import minimum_spanning_tree
from pygridjl.reconfiguration.problem import RadialProblem

__all__ = ["ac_branch_and_bound"]

# Energies of the search may be wrong by this share of the loss; nodes that close to the cut-off
# are looked at all the same.
DRIFT = 1e-8
# Networks in which something injects have no bound: all their trees are looked at, if so few.
MOST_TREES = 200_000
# As for the linear model.
MOST_CYCLES = 600
FIRST_CAPACITY = 1 << 7
MEMORY = 1 << 30
SECONDS_BETWEEN_LOOKS = 0.05


class _AcSearch:
    """Search below one bound on AC losses."""

    def __init__(
        self,
        evaluator: AcEvaluator,
        lower: RaisedLoads | None,
        tree: BoolArray,
        best: BoolArray | None,
    ) -> None:
        self.evaluator, self.problem = evaluator, evaluator.problem
        self.lower, self.best = lower, best
        self.loss = np.inf if best is None else evaluator.rank(best)[1] / self.problem.kw
        self.linear = self.problem if lower is None else lower.problem
        losses = self.linear.losses(tree)
        self.size = float(losses.sum())
        meshes = decompose(self.linear, tree, together=True)
        self.mesh: Mesh | None = meshes[0] if meshes else None
        self.processed, self.budget = 0, 1
        self.done = self.mesh is None
        self.fixed = self.size
        if self.mesh is not None:
            self.fixed -= float(losses[self.mesh.edges].sum())
            arrays = self.mesh.arrays
            self.grid = grid_of(evaluator, self.mesh)
            self.nodes = open_nodes(arrays, FIRST_CAPACITY + arrays.target.shape[0])
            self.crowd = MEMORY // (4 * arrays.dimension + arrays.tail.size + 24)
            self.leaf = np.zeros(arrays.dimension, dtype=np.int64)
        elif best is None and evaluator.rank(tree)[0] == 0.0:
            self.best, self.loss = tree, evaluator.rank(tree)[1] / self.problem.kw

    @property
    def bound(self) -> float:
        """AC loss that every tree reaches, p.u.; infinite if none was accepted and none is left."""
        found = self.loss * BETTER
        if self.done or self.mesh is None:
            return found
        if self.lower is None:
            return 0.0
        open_bound = float(self.nodes.bound[self.nodes.heap[0]]) if self.nodes.used[0] else np.inf
        return min(found, self.fixed + open_bound - DRIFT * self.size - self.lower.offset)

    def run(self, deadline: float, say: Callable[[str], None]) -> None:
        """Search until everything is proven or the deadline has passed."""
        next_check = 1
        last_word = working_time()
        while not self.done and not is_over(deadline):
            self._step()
            if self.processed >= next_check:
                next_check = 2 * self.processed
                self._assert_sound()
            if working_time() - last_word > 1.0:
                last_word = working_time()
                bound = self.bound * self.problem.kw
                hold(ac_bound=bound)
                say(f"{self.processed} nodes, AC bound {bound:.3f} kW")

    def _step(self) -> None:
        assert self.mesh is not None
        cutoff = np.inf
        if self.lower is not None:
            cutoff = self.loss + self.lower.offset - self.fixed + DRIFT * self.size
        start = working_time()
        reason, processed = search_in_ac(
            self.mesh.arrays,
            self.nodes,
            cutoff,
            self.budget,
            self.crowd,
            self.leaf,
            self.grid,
            self.evaluator.sweep,
            self.loss,
            self.lower is not None,
        )
        self.processed += processed
        if processed >= self.budget:
            hasty = working_time() - start < SECONDS_BETWEEN_LOOKS
            self.budget = 2 * self.budget if hasty else max(self.budget // 2, 1)
        if reason == FULL:
            self.nodes = open_nodes(self.mesh.arrays, 2 * self.nodes.heap.size, self.nodes)
        self.done = reason == DONE
        if reason == LEAF:
            closed = np.ones(self.problem.m, dtype=bool)
            closed[self.mesh.candidate_edge[self.leaf]] = False
            excess, loss = self.evaluator.rank(closed)
            if excess == 0.0:
                self.best, self.loss = closed, loss / self.problem.kw

    def _assert_sound(self) -> None:
        """Recompute the relaxation of the most promising open node from scratch."""
        if self.done or self.mesh is None or self.nodes.used[0] == 0:
            return
        opened = self.nodes.opened[self.nodes.heap[0]]
        candidates = opened[opened >= 0].astype(np.int64)
        claimed = self.fixed + replay(self.mesh.arrays, candidates)
        kept = np.ones(self.problem.m, dtype=bool)
        kept[self.mesh.candidate_edge[candidates]] = False
        fresh = electrical_flow(on_edges(self.linear, kept)).energy
        if abs(claimed - fresh) > DRIFT * self.size:
            raise SolverError(
                f"AC branch-and-bound: the relaxation of a node is {fresh:.12g} p.u., its rank-1 "
                f"updates say {claimed:.12g}; the resistances differ too much in size"
            )


def ac_branch_and_bound(
    problem: RadialProblem,
    incumbent: BoolArray | None = None,
    *,
    time_limit: float | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> Certificate:
    """Search for the configuration of least AC loss and prove that there is none better.

    Parameters
    ----------
    problem : RadialProblem
        A ``substations`` problem with series impedances only (no charging, no transformer ratio).
    incumbent : ndarray of bool, shape (m,), optional
        A good configuration: its loss is the cut-off and its voltages make the bound. Ignored if
        it breaks a limit.
    time_limit : float, optional
        Seconds; without it the search runs until the proof.
    on_progress : callable, optional
        Called with one line of text every second or so.

    Returns
    -------
    Certificate
        Bound and objective are AC losses; ``INFEASIBLE`` if no configuration keeps the limits.
        Networks with more than 600 independent cycles get the bound of the meshed network
        without a search.

    Raises
    ------
    InvalidOptionError
        If the problem is of another kind, an option cannot be used, or something injects
        (generation, capacitors, shunts, buses that hold their voltage) in a network with more
        than 200,000 configurations: losses can then fall below those of the lossless flows, and
        nothing short of looking at every configuration proves anything.
    SolverError
        If the energies of the search do not agree with a fresh computation.

    Notes
    -----
    The bound is the linear loss of raised loads; ``docs/theory/reconfiguration-ac.md`` derives
    it. Limits (voltage, ampacity, capacity) are checked when a configuration is better than the
    best one so far, so that tight limits make the search long, never wrong.
    """
    start = working_time()
    assert_options(problem, incumbent, time_limit)
    assert_series_impedances(problem)
    evaluator = AcEvaluator(problem)
    tree = minimum_spanning_tree(problem)
    best = first_incumbent((incumbent, tree), lambda closed: evaluator.rank(closed)[0] == 0.0)
    injecting = injecting_part(problem)
    if injecting:
        _assert_few_trees(problem, injecting)
        if evaluator.holders.bus.size:
            raise InvalidOptionError(f"method: exact-ac cannot be used: {injecting}")
        lower = None
    else:
        lower = raised_loads(problem, tree if incumbent is None else incumbent)
        if problem.m - problem.n + 1 > MOST_CYCLES:
            return _without_search(evaluator, lower, best, start)
    search = _AcSearch(evaluator, lower, tree, best)
    search.run(
        start + (np.inf if time_limit is None else time_limit), on_progress or (lambda _: None)
    )
    if search.best is None:
        status = Status.INFEASIBLE if search.done else Status.NOT_FOUND
    else:
        status = Status.OPTIMAL if search.done else Status.TIME_LIMIT
    return Certificate(
        bound=max(search.bound, 0.0) * problem.kw,
        incumbent=search.best,
        objective=None if search.best is None else search.loss * problem.kw,
        status=status,
        nodes=search.processed,
        seconds=working_time() - start,
        method="ac_branch_and_bound",
        engine="pygridjl",
        model="ac",
    )


def _without_search(
    evaluator: AcEvaluator, lower: RaisedLoads, best: BoolArray | None, start: float
) -> Certificate:
    """Answer for graphs too meshed for the search: the bound of the meshed network."""
    kw = evaluator.problem.kw
    return Certificate(
        bound=max(lower.bound(electrical_flow(lower.problem).energy * kw), 0.0),
        incumbent=best,
        objective=None if best is None else evaluator.rank(best)[1],
        status=Status.NOT_FOUND if best is None else Status.FEASIBLE,
        nodes=0,
        seconds=working_time() - start,
        method="raised_electrical_bound",
        engine="pygridjl",
        model="ac",
    )


def _assert_few_trees(problem: RadialProblem, injecting: str) -> None:
    """Count the spanning trees (G. Kirchhoff 1847) and refuse too many.

    Raises
    ------
    InvalidOptionError
        If there are more than can be looked at.
    """
    forced = problem.forced
    joined = coo_array(
        (np.ones(int(forced.sum())), (problem.tail[forced], problem.head[forced])),
        shape=(problem.n, problem.n),
    )
    n, label = connected_components(joined, directed=False)
    a, b = label[problem.tail[~forced]], label[problem.head[~forced]]
    one = np.ones(a.size)
    rows, columns = np.concatenate([a, b, a, b]), np.concatenate([a, b, b, a])
    values = np.concatenate([one, one, -one, -one])
    laplacian = coo_array((values, (rows, columns)), shape=(n, n)).tocsc()
    if n == 1:
        return
    log_trees = float(np.log(np.abs(splu(laplacian[1:, 1:]).U.diagonal())).sum())
    if log_trees > np.log(MOST_TREES):
        raise InvalidOptionError(
            f"method: exact-ac has a bound only where buses consume, but {injecting}; and there "
            f"are 10^{log_trees / np.log(10):.0f} configurations, too many to look at each "
            "(scip-ac bounds small networks of this kind)"
        )
