"""Order of the operations that lead from today's switches to an answer without an outage."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from pygridjl.core.errors import InvalidOptionError, PowerFlowError
from pygridjl.core.result import Result
from pygridjl.core.types import BoolArray, FloatArray
from pygridjl.grid.network import Network
from pygridjl.powerflow.newton import newton_power_flow
from pygridjl.powerflow.sweep import RadialPowerFlow, radial_power_flow, sweep_data
from pygridjl.reconfiguration.ac.descent import all_exchanges
from pygridjl.reconfiguration.build import build_problem
from pygridjl.reconfiguration.problem import RadialProblem

__all__ = ["SwitchingSequence", "SwitchingStep", "switching_sequence"]


@dataclass(frozen=True)
class SwitchingStep(Result):
    """One exchange: a tie is closed, then a branch of its loop opened.

    Attributes
    ----------
    close, open : int
        Ids of the branches.
    joins_substations : bool
        Whether closing the tie connects two substations until the branch is open.
    loading : float or None
        Largest current over ampacity while the loop is closed and after it, 1 for full; None
        where no branch has a rating.
    v_min : float
        Lowest voltage of both moments, p.u.
    loss_kw : float
        AC losses after the step, kW.
    """

    close: int
    open: int
    joins_substations: bool
    loading: float | None
    v_min: float
    loss_kw: float


@dataclass(frozen=True)
class SwitchingSequence(Result):
    """Steps in order; every bus is supplied throughout, and the network radial after each.

    Attributes
    ----------
    network : str
        Name of the network.
    steps : tuple of SwitchingStep
        The exchanges.
    worst_loading : float or None
        Largest loading of all steps.
    worst_v_min : float or None
        Lowest voltage of all steps, p.u.; None without steps.
    """

    network: str
    steps: tuple[SwitchingStep, ...]
    worst_loading: float | None
    worst_v_min: float | None

    def _rows(self) -> list[tuple[str, str]]:
        rows = [("network", self.network), ("exchanges", str(len(self.steps)))]
        for k, step in enumerate(self.steps, 1):
            loading = "" if step.loading is None else f", loading {100 * step.loading:.0f} %"
            joined = ", joins two substations" if step.joins_substations else ""
            rows.append(
                (
                    f"step {k}",
                    f"close {step.close}, open {step.open}: lowest voltage {step.v_min:.4f} p.u."
                    f"{loading}, then {step.loss_kw:.2f} kW{joined}",
                )
            )
        return rows


def switching_sequence(network: Network, open_branches: Collection[int]) -> SwitchingSequence:
    """Order the operations from the base state to a configuration.

    Each step closes a branch and then opens one of the loop that this makes, so that nothing
    loses its supply. Of the exchanges that lead on, the one with the least loading is made first,
    with the highest voltage where no branch has a rating; a look ahead is not taken.

    Parameters
    ----------
    network : Network
        The network; its base state is today's.
    open_branches : collection of int
        Ids of the branches that are open in the end, such as
        :attr:`ReconfigurationResult.open_branches`.

    Returns
    -------
    SwitchingSequence
        As many steps as ties to close. Loops are solved by Newton's method.

    Raises
    ------
    InvalidOptionError
        If a branch is unknown or one of both states is not radial.
    PowerFlowError
        If a state on the way has no power flow.

    Examples
    --------
    >>> import pygridjl
    >>> network = pygridjl.load_network("case33bw")
    >>> sequence = pygridjl.switching_sequence(network, (7, 9, 14, 32, 37))
    >>> len(sequence.steps), sorted(step.open for step in sequence.steps)
    (4, [7, 9, 14, 32])
    """
    unknown = sorted(set(open_branches) - set(network.branches.id.tolist()))
    if unknown:
        raise InvalidOptionError(
            f"open_branches: network {network.name!r} has no branch {unknown[0]!r}"
        )
    everything = network.branches.replace(switchable=True)
    problem = build_problem(network.replace(branches=everything), limits=())
    goal = problem.edge_states(network.with_open(tuple(open_branches)).branches.closed)
    closed = problem.edge_states(network.branches.closed)
    for state, name in ((closed, "the base state"), (goal, "open_branches")):
        if not problem.is_spanning_tree(state):
            raise InvalidOptionError(f"{name}: the configuration is not radial")
    steps = []
    while not np.array_equal(closed, goal):
        closed, step = _next(problem, closed, goal)
        steps.append(step)
    loadings = [step.loading for step in steps if step.loading is not None]
    return SwitchingSequence(
        network=network.name,
        steps=tuple(steps),
        worst_loading=max(loadings) if loadings else None,
        worst_v_min=min((step.v_min for step in steps), default=None),
    )


def _next(
    problem: RadialProblem, closed: BoolArray, goal: BoolArray
) -> tuple[BoolArray, SwitchingStep]:
    """Make the gentlest exchange that brings a tree nearer to the goal."""
    network = problem.network
    _, tie, opened = all_exchanges(problem, closed)
    # The goal has no loop: on that of a tie it needs, there is a branch it does not need.
    useful = np.flatnonzero(goal[tie] & ~goal[opened])
    best: tuple[float, float] | None = None
    for k in useful:
        trial = closed.copy()
        trial[tie[k]], trial[opened[k]] = True, False
        flow = radial_power_flow(network, problem.branch_states(trial))
        loading, v_min = _loading(network, flow.current), float(np.abs(flow.v).min())
        rank = (loading or 0.0, -v_min)
        if best is None or rank < best:
            best, chosen, after, loads = rank, int(k), flow, (loading, v_min)
    if best is None:
        raise PowerFlowError(f"network {network.name!r}: no exchange leads to the configuration")
    loop = closed.copy()
    loop[tie[chosen]] = True
    meanwhile = _while_closed(problem, loop)
    end = closed.copy()
    end[tie[chosen]], end[opened[chosen]] = True, False
    return end, _step(problem, (int(tie[chosen]), int(opened[chosen])), after, loads, meanwhile)


def _step(
    problem: RadialProblem,
    exchange: tuple[int, int],
    after: RadialPowerFlow,
    loads: tuple[float | None, float],
    meanwhile: tuple[float | None, float, bool],
) -> SwitchingStep:
    ids = problem.network.branches.id[problem.branch[list(exchange)]]
    loading = None if loads[0] is None else max(loads[0], meanwhile[0] or 0.0)
    return SwitchingStep(
        close=int(ids[0]),
        open=int(ids[1]),
        joins_substations=meanwhile[2],
        loading=loading,
        v_min=min(loads[1], meanwhile[1]),
        loss_kw=after.loss_kw,
    )


def _while_closed(problem: RadialProblem, loop: BoolArray) -> tuple[float | None, float, bool]:
    """Return loading and lowest voltage of a closed loop, and whether it joins substations."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    network = problem.network
    states = problem.branch_states(loop)
    v = newton_power_flow(network, states).v
    data = sweep_data(network, problem.roots)
    branch = network.branches
    current = np.abs((v[branch.from_bus] / data.ratio - v[branch.to_bus]) / data.z)
    current[~states] = 0.0
    graph = coo_array(
        (np.ones(int(states.sum())), (branch.from_bus[states], branch.to_bus[states])),
        shape=(network.n_bus, network.n_bus),
    )
    _, label = connected_components(graph, directed=False)
    joined = np.unique(label[problem.roots]).size < problem.roots.size
    return _loading(network, current), float(np.abs(v).min()), joined


def _loading(network: Network, current: FloatArray) -> float | None:
    rating = network.branches.rating
    rated = np.isfinite(rating)
    return float((current[rated] / rating[rated]).max()) if rated.any() else None
