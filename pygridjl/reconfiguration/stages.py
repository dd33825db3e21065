"""What the registered methods do: starts build a tree, steps improve trees, finishes prove."""

from __future__ import annotations

import numpy as np

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.types import BoolArray
from pygridjl.reconfiguration import heuristics
from pygridjl.reconfiguration.certificates import (
    Certificate,
    ac_branch_and_bound,
    cycle_branch_and_bound,
    highs_outer_approximation,
    scip_branch_flow,
    scip_linear,
)
from pygridjl.reconfiguration.methods import ForwardOptions
from pygridjl.reconfiguration.problem import RadialProblem
from pygridjl.reconfiguration.search_state import Run

__all__ = [
    "base_tree",
    "by_ac_cycles",
    "by_cycles",
    "by_highs",
    "by_scip",
    "by_scip_ac",
    "exchange",
    "forward_faithful",
    "forward_fast",
    "forward_literal",
    "local_search",
]

# Share of the time left that the search leaves to what follows it.
AFTER_SEARCH = 0.1


# ---------------------------------------------------------------------------------------- starts
def forward_fast(problem: RadialProblem, options: ForwardOptions) -> BoolArray:
    """Build a tree by FORWARD in its fast mode."""
    return _forward(problem, "fast", options)


def forward_faithful(problem: RadialProblem, options: ForwardOptions) -> BoolArray:
    """Build a tree by FORWARD as the text of the paper means it."""
    return _forward(problem, "faithful", options)


def forward_literal(problem: RadialProblem, options: ForwardOptions) -> BoolArray:
    """Build a tree by the printed pseudo-code of FORWARD, which may fail.

    Raises
    ------
    UnservedNodesError
        If it does.
    """
    return _forward(problem, "literal", options)


def _forward(problem: RadialProblem, mode: str, options: ForwardOptions) -> BoolArray:
    from pygridjl.reconfiguration.forward import forward

    return forward(problem, mode=mode, weight_rule=options.weight_rule)


def base_tree(problem: RadialProblem) -> BoolArray:
    """Return the base state.

    Raises
    ------
    InvalidOptionError
        If it is not an allowed tree.
    """
    closed = problem.edge_states(problem.network.branches.closed)
    allowed = not (problem.forced & ~closed).any()
    if not (allowed and problem.is_spanning_tree(closed)):
        raise InvalidOptionError(
            f"method: the base state of network {problem.network.name!r} "
            "is not an allowed radial configuration"
        )
    return closed


# ----------------------------------------------------------------------------------------- steps
def exchange(run: Run, trees: list[BoolArray], _rng: np.random.Generator) -> list[BoolArray]:
    """Improve each tree by branch exchange."""
    return [heuristics.branch_exchange(run.problem, tree, deadline=run.deadline) for tree in trees]


def local_search(run: Run, trees: list[BoolArray], rng: np.random.Generator) -> list[BoolArray]:
    """Return the best trees of an iterated local search from the first one."""
    # What it finds has yet to be compared in AC.
    deadline = run.deadline - AFTER_SEARCH * run.remaining
    return heuristics.iterated_local_search(run.problem, trees[0], rng=rng, deadline=deadline)


# -------------------------------------------------------------------------------------- finishes
def by_cycles(run: Run, incumbent: BoolArray | None) -> Certificate:
    """Prove by cycle branch-and-bound; AC limits are lazy constraints."""
    return cycle_branch_and_bound(
        run.problem,
        incumbent,
        time_limit=run.remaining,
        accept=run.acceptance,
        on_progress=run.say,
    )


def by_ac_cycles(run: Run, incumbent: BoolArray | None) -> Certificate:
    """Prove AC losses by cycle branch-and-bound on raised loads."""
    return ac_branch_and_bound(
        run.problem, incumbent, time_limit=run.remaining, on_progress=run.say
    )


def by_highs(run: Run, incumbent: BoolArray | None) -> Certificate:
    """Prove by outer approximation."""
    return highs_outer_approximation(run.problem, incumbent, time_limit=run.remaining)


def by_scip(run: Run, incumbent: BoolArray | None) -> Certificate:
    """Prove by a mixed-integer quadratic program."""
    return scip_linear(run.problem, incumbent, time_limit=run.remaining)


def by_scip_ac(run: Run, incumbent: BoolArray | None) -> Certificate:
    """Prove AC losses by a mixed-integer second-order cone program."""
    return scip_branch_flow(run.problem, incumbent, time_limit=run.remaining)
