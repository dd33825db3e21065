"""A proven bound for a local optimum of the AC optimal power flow."""

from __future__ import annotations

import dataclasses

from pygridjl.core.result import Status
from pygridjl.grid.network import Network
from pygridjl.optimal_flow.relaxation.solve import relax
from pygridjl.optimal_flow.result import OpfResult

__all__ = ["certified", "certifying_method"]

# Up to this many buses tightening moves the bound within minutes; up to the second, positive
# semidefinite cliques take about a minute.
TIGHTENED_BUSES, SEMIDEFINITE_BUSES = 300, 1500


def certifying_method(network: Network) -> str:
    """Return the chain that proves most for a network of this size."""
    if network.n_bus <= TIGHTENED_BUSES:
        return "sdp+lnc+currents+minors+obbt"
    return "sdp+lnc+currents" if network.n_bus <= SEMIDEFINITE_BUSES else "soc+lnc"


def certified(network: Network, answer: OpfResult, *, time_limit: float | None) -> OpfResult:
    """Bound the cost from below; ``optimal`` where the bound closes the gap.

    Parameters
    ----------
    network : Network
        The network.
    answer : OpfResult
        A local optimum, or none found.
    time_limit : float, optional
        Seconds.

    Returns
    -------
    OpfResult
        With bound, status and a note about what was proven.
    """
    method = certifying_method(network)
    cost = answer.objective if answer.status is Status.FEASIBLE else None
    bound = relax(network, method, ac_objective=cost, time_limit=time_limit, search=False)
    status, notes = answer.status, answer.notes
    if bound.status is Status.INFEASIBLE:
        status = Status.INFEASIBLE
        notes = (*notes, f"{method} proves that there is no operating point")
    elif bound.proven:
        status = Status.OPTIMAL
        notes = (*notes, f"{method} proves the cost optimal to {100 * bound.tolerance:g} %")
    elif bound.gap is not None:
        notes = (*notes, f"{method} leaves a gap of {100 * bound.gap:.4f} %")
    return dataclasses.replace(
        answer,
        status=status,
        bound=bound.bound,
        notes=notes,
        seconds={**answer.seconds, "certify": sum(bound.seconds.values())},
        versions={**answer.versions, **bound.versions},
    )
