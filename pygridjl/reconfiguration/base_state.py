"""Figures of the base state, which an answer is compared with."""

from __future__ import annotations

from dataclasses import dataclass

from pygridjl.core.errors import PowerFlowError
from pygridjl.grid.network import Network
from pygridjl.powerflow.newton import newton_power_flow
from pygridjl.reconfiguration.check import check_configuration
from pygridjl.reconfiguration.problem import ProblemKind

__all__ = ["BaseState", "base_state"]


@dataclass(frozen=True)
class BaseState:
    """Losses of the base state, kW; None where they do not exist.

    Attributes
    ----------
    objective : float or None
        Linear model; None if the base state is not radial.
    loss_kw : float or None
        AC; also of a meshed base state. None without a power flow.
    """

    objective: float | None
    loss_kw: float | None


def base_state(network: Network, problem: ProblemKind) -> BaseState:
    """Evaluate the base state of a network.

    Parameters
    ----------
    network : Network
        A valid network.
    problem : {"substations", "balanced"}
        How its sources are read.

    Returns
    -------
    BaseState
        Linear and AC losses.
    """
    report = check_configuration(network, network.open_branches, problem)
    if report.objective == report.objective:
        loss = report.loss_kw if report.loss_kw == report.loss_kw else None
        return BaseState(report.objective, loss)
    if problem == "balanced":
        return BaseState(None, None)
    try:
        return BaseState(None, newton_power_flow(network).loss_kw)
    except PowerFlowError:
        return BaseState(None, None)
