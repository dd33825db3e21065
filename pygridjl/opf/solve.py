"""One door to optimal power flow."""

from __future__ import annotations

from typing import Literal

from pygridjl.errors import InvalidOptionError
from pygridjl.network.model import Network
from pygridjl.opf.ac import FEASIBILITY_TOLERANCE, ac_opf
from pygridjl.opf.check import largest_violation
from pygridjl.opf.result import OpfResult
from pygridjl.results import Status

__all__ = ["opf"]

Backend = Literal["python", "julia"]


def opf(
    network: Network,
    formulation: str = "acp",
    *,
    backend: Backend = "python",
    time_limit: float | None = None,
) -> OpfResult:
    """Solve an optimal power flow.

    Parameters
    ----------
    network : Network
        The network; its base state says which branches are closed.
    formulation : str
        ``"acp"``, the AC equations, by either backend; ``"soc"``, ``"qc"``, ``"sdp"`` and
        ``"dc"`` by ``"julia"``.
    backend : {"python", "julia"}
        CasADi with Ipopt in this process, or PowerModels. ``"julia"`` starts Julia on first use.
    time_limit : float, optional
        Seconds for the solver.

    Returns
    -------
    OpfResult
        Dispatch, voltages, cost, and how the answer was checked.

    Raises
    ------
    InvalidNetworkError
        If the data are not sound.
    InvalidOptionError
        If the backend does not have the formulation.
    pygridjl.bridge.JuliaNotFoundError, JuliaPackageError, JuliaSolveError
        If Julia cannot be used or fails.
    """
    if backend == "julia":
        return _by_julia(network, formulation, time_limit)
    if backend != "python":
        raise InvalidOptionError(f"backend: {backend!r} is neither 'python' nor 'julia'")
    if formulation != "acp":
        raise InvalidOptionError(
            f"formulation: {formulation!r} is not among those of backend 'python' (acp); "
            "backend 'julia' has acp, soc, qc, sdp and dc"
        )
    return ac_opf(network, time_limit=time_limit)


def _by_julia(network: Network, formulation: str, time_limit: float | None) -> OpfResult:
    from pygridjl.bridge.network_opf import julia_opf

    found = julia_opf(network, formulation, time_limit=time_limit)  # type: ignore[arg-type]
    status, objective, violation = found.status, found.objective, None
    if formulation == "acp" and objective is not None:
        violation = largest_violation(network, found.vm, found.va, found.pg, found.qg)
        if violation > FEASIBILITY_TOLERANCE:
            objective = None
            status = Status.NOT_FOUND if status is Status.FEASIBLE else status
    p_from, q_from, p_to, q_to = found.flows
    return OpfResult(
        network=network.name,
        formulation=formulation,
        engine="julia",
        solver=found.solver,
        status=status,
        objective=objective,
        bound=found.bound,
        bus=network.buses.id,
        generator=network.generators.id,
        vm=found.vm,
        va=found.va,
        pg=found.pg,
        qg=found.qg,
        p_from=p_from,
        q_from=q_from,
        p_to=p_to,
        q_to=q_to,
        violation=violation,
        notes=found.notes,
        seconds=found.seconds,
        versions=found.versions,
    )
