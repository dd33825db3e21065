"""Expected losses over many load states as the losses of few injections.

On a tree the flow of a branch is the sum of the injections below it, so that the expected linear
loss is Σ_e r_e 1ᵀ M 1 over the buses below e, with M = Σ_s w_s (p_s p_sᵀ + q_s q_sᵀ) the second
moment of the injections. M = Σ_k λ_k u_k u_kᵀ makes it the loss of the injections √λ_k u_k, of
which few matter. Leaving some out leaves a positive part out: what remains is a lower bound.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.types import BoolArray, FloatArray
from pygridjl.graphs.forest import rooted_forest, subtree_sums
from pygridjl.reconfiguration.heuristics.trees import max_flow_tree
from pygridjl.reconfiguration.problem import RadialProblem

if TYPE_CHECKING:
    from pygridjl.scenarios.load_states import LoadStates

__all__ = ["StateProblem", "problem_of_states"]

# Share of the expected loss of a good tree that the injections left out may have.
DROPPED = 1e-7
# Share that the injections may have which the searches only estimate.
ESTIMATED = 1e-3
# Above this many buses the moment is projected on the states' own principal space.
MOST_DENSE = 2000
LARGEST_SPACE = 400
# States whose flows are in memory at once.
CHUNK = 1024


@dataclass(frozen=True, eq=False)
class StateProblem:
    """A problem over many load states.

    Attributes
    ----------
    problem : RadialProblem
        The problem whose ``columns`` stand for all states; ``p`` and ``q`` are their means.
    states : LoadStates
        The states.
    p, q : ndarray, shape (S, n)
        Net injection by state and node, p.u.; sums to zero over the nodes.
    moment : ndarray, shape (n, n), or None
        M of them; None beyond 2000 nodes.
    """

    problem: RadialProblem
    states: LoadStates
    p: FloatArray
    q: FloatArray
    moment: FloatArray | None

    def losses(self, closed: BoolArray) -> FloatArray:
        """Linear loss of a tree in every state, kW, shape (S,), without anything left out."""
        problem = self.problem
        forest = rooted_forest(problem.graph, closed, np.array([problem.root]))
        below = forest.order[1:]
        weight = problem.weight[forest.edge[below]]
        found = np.empty(len(self.states))
        for first in range(0, found.size, CHUNK):
            part = slice(first, first + CHUNK)
            square = np.zeros((below.size, found[part].size))
            for injection in (self.p, self.q):
                square += subtree_sums(forest, np.ascontiguousarray(injection[part].T))[below] ** 2
            found[part] = weight @ square
        return found * problem.kw

    def objective(self, closed: BoolArray) -> float:
        """Return the expected linear loss and switching cost of a tree, kW, nothing left out."""
        problem = self.problem
        if self.moment is None:
            loss = float(self.states.share @ self.losses(closed))
        else:
            forest = rooted_forest(problem.graph, closed, np.array([problem.root]))
            below = forest.order[1:]
            rows = subtree_sums(forest, self.moment)
            square = np.diagonal(subtree_sums(forest, np.ascontiguousarray(rows.T)))[below]
            loss = float(problem.weight[forest.edge[below]] @ square) * problem.kw
        return loss + problem.switching_cost(closed)


def problem_of_states(problem: RadialProblem, states: LoadStates) -> StateProblem:
    """Put load states in the place of the loads of a problem.

    Parameters
    ----------
    problem : RadialProblem
        A ``substations`` problem.
    states : LoadStates
        The states.

    Returns
    -------
    StateProblem
        With as many columns as it takes to leave out less than 1e-7 of the expected loss of the
        max-flow tree. O(S n² + n³) up to 2000 buses, beyond that O(S n K).

    Raises
    ------
    InvalidOptionError
        If the problem is of another kind, the states are for another network, or a unit holds
        its voltage.
    """
    network, gen = problem.network, problem.network.generators
    if problem.kind != "substations":
        raise InvalidOptionError("states: load states need the substations problem")
    if states.p.shape[1] != network.n_bus:
        raise InvalidOptionError(
            f"states: {states.name!r} is for {states.p.shape[1]} buses, network "
            f"{network.name!r} has {network.n_bus}"
        )
    unit = gen.in_service & ~gen.slack
    if (gen.holds_v & unit).any():
        bus = network.buses.id[gen.bus[gen.holds_v & unit][0]]
        raise InvalidOptionError(f"states: the unit at bus {bus} holds its voltage")
    fixed_p, fixed_q = -network.buses.gs, network.buses.bs.copy()
    np.add.at(fixed_p, gen.bus[unit], gen.p[unit])
    np.add.at(fixed_q, gen.bus[unit], gen.q[unit])
    p = _by_node(problem, fixed_p - states.p)
    q = _by_node(problem, fixed_q - states.q)
    share = states.share
    mean = replace(problem, p=share @ p, q=share @ q, columns=None)
    root = np.sqrt(share)[:, None]
    factor = np.concatenate([root * p, root * q])
    moment = factor.T @ factor if problem.n <= MOST_DENSE else None
    columns = _principal(factor, moment)
    # Rounding of the decomposition: injections of a column must balance to the last bit.
    columns[problem.root] = 0.0
    columns[problem.root] = -columns.sum(axis=0)
    flow = replace(mean, columns=columns).flows(max_flow_tree(mean))
    loss = problem.weight @ flow**2
    left = loss.sum() - np.cumsum(loss)
    count, leading = (
        1 + int(np.argmax(left <= part * loss.sum())) for part in (DROPPED, ESTIMATED)
    )
    kept = np.ascontiguousarray(columns[:, :count])
    return StateProblem(replace(mean, columns=kept, leading=leading), states, p, q, moment)


def _by_node(problem: RadialProblem, injection: FloatArray) -> FloatArray:
    """Injection by node, shape (S, n), the root taking up the balance."""
    bus = np.empty(problem.n, dtype=np.int64)
    bus[problem.node_of_bus] = np.arange(problem.network.n_bus)
    by_node = injection[:, bus]
    by_node[:, problem.root] = 0.0
    by_node[:, problem.root] = -by_node.sum(axis=1)
    return by_node


def _principal(factor: FloatArray, moment: FloatArray | None) -> FloatArray:
    """Columns C, shape (n, K), largest first, with C Cᵀ equal to M or, without it, below FᵀF."""
    n = factor.shape[1]
    if moment is not None:
        value, vector = np.linalg.eigh(moment)
        columns = vector[:, ::-1] * np.sqrt(np.maximum(value[::-1], 0.0))
        return np.ascontiguousarray(columns)
    # Fᵀ P F of any orthogonal projection P stays below FᵀF.
    space = min(LARGEST_SPACE, *factor.shape)
    probe = factor @ np.random.default_rng(0).standard_normal((n, space))
    for _ in range(2):
        basis, _ = np.linalg.qr(probe)
        probe = factor @ (factor.T @ basis)
    basis, _ = np.linalg.qr(probe)
    vector, size, _ = np.linalg.svd(factor.T @ basis, full_matrices=False)
    return np.ascontiguousarray(vector * size)
