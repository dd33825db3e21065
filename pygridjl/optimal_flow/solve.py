"""One door to optimal power flow."""

from __future__ import annotations

from typing import overload

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.methods import Backend
from pygridjl.core.result import Status
from pygridjl.grid import Feeder
from pygridjl.grid.network import Network
from pygridjl.optimal_flow.check import largest_violation
from pygridjl.optimal_flow.forms.acp import FEASIBILITY_TOLERANCE
from pygridjl.optimal_flow.methods import FEEDER_FORMULATIONS, NETWORK_FORMULATIONS
from pygridjl.optimal_flow.result import FeederOpfResult, OpfResult

__all__ = ["opf"]


@overload
def opf(
    grid: Network,
    formulation: str | None = ...,
    *,
    backend: Backend = ...,
    ampacity: bool = ...,
    certify: bool = ...,
    time_limit: float | None = ...,
) -> OpfResult: ...


@overload
def opf(
    grid: Feeder,
    formulation: str | None = ...,
    *,
    backend: Backend = ...,
    ampacity: bool = ...,
    certify: bool = ...,
    time_limit: float | None = ...,
) -> FeederOpfResult: ...


def opf(
    grid: Network | Feeder,
    formulation: str | None = None,
    *,
    backend: Backend = "python",
    ampacity: bool = True,
    certify: bool = False,
    time_limit: float | None = None,
) -> OpfResult | FeederOpfResult:
    """Solve an optimal power flow.

    Parameters
    ----------
    grid : Network or Feeder
        The grid; its base state says which branches are closed.
    formulation : str, optional
        Of a network: ``"acp"``, the AC equations, by either backend; ``"soc"``, ``"qc"``,
        ``"sdp"`` and ``"dc"`` by ``"julia"``. Of a feeder: ``"lindist"``, LinDist3Flow, by either
        backend; ``"acp"``, ``"acr"``, ``"ivr"`` and ``"soc"`` by ``"julia"``. By default the first
        that the backend has.
    backend : {"python", "julia"}
        CasADi with Ipopt, or HiGHS, in this process; or PowerModels and PowerModelsDistribution.
        ``"julia"`` starts Julia on first use.
    ampacity : bool
        Whether the ampacities of a feeder are limits; those of a network always are.
    certify : bool
        Of ``"acp"`` on a network: whether a relaxation bounds the cost from below; the status is
        ``optimal`` where that closes the gap to 0.01 %.
    time_limit : float, optional
        Seconds for the solver, and as many again for the certificate; 60 unless given, infinity
        for no limit.

    Returns
    -------
    OpfResult or FeederOpfResult
        Dispatch, voltages, cost or import.

    Raises
    ------
    InvalidNetworkError
        If the data are not sound.
    InvalidOptionError
        If the backend does not have the formulation.
    pygridjl.bridge.JuliaNotFoundError, JuliaPackageError, JuliaSolveError
        If Julia cannot be used or fails.

    Examples
    --------
    >>> import pygridjl
    >>> result = pygridjl.opf(pygridjl.load_network("case9"))
    >>> print(result.status, f"{result.objective:.2f} an hour")
    feasible 5296.69 an hour
    """
    kind = Feeder if isinstance(grid, Feeder) else Network
    registry = FEEDER_FORMULATIONS if kind is Feeder else NETWORK_FORMULATIONS
    if formulation is None:
        formulation = registry.default(backend)
    chain = registry.parse(formulation, backend)
    _, time_limit = registry.common_of(chain, time_limit=time_limit)
    if certify and (kind is Feeder or formulation != "acp"):
        raise InvalidOptionError("certify: only formulation 'acp' of a network can be certified")
    if kind is Network and not ampacity:
        raise InvalidOptionError("ampacity: the ratings of a network are always limits")
    if isinstance(grid, Feeder):
        if backend == "julia":
            return _feeder_by_julia(grid, formulation, ampacity, time_limit)
        of_feeder: FeederOpfResult = chain.methods[0].load()(
            grid, ampacity=ampacity, time_limit=time_limit
        )
        return of_feeder
    answer: OpfResult = (
        _by_julia(grid, formulation, time_limit)
        if backend == "julia"
        else chain.methods[0].load()(grid, time_limit=time_limit)
    )
    if certify:
        from pygridjl.optimal_flow.relaxation.certify import certified

        return certified(grid, answer, time_limit=time_limit)
    return answer


def _feeder_by_julia(
    feeder: Feeder, formulation: str, ampacity: bool, time_limit: float | None
) -> FeederOpfResult:
    from pygridjl.bridge.problems.feeder_opf import julia_feeder_opf

    found = julia_feeder_opf(
        feeder,
        formulation,  # type: ignore[arg-type]
        ampacity=ampacity,
        time_limit=time_limit,
    )
    answered = found.status in (Status.OPTIMAL, Status.FEASIBLE, Status.TIME_LIMIT)
    return FeederOpfResult(
        feeder=found.feeder,
        formulation=formulation,
        engine="julia",
        solver=found.solver,
        status=found.status,
        objective=found.objective if answered else None,
        vm=found.vm,
        va=found.va,
        p_source=found.p_source,
        q_source=found.q_source,
        pg=found.pg,
        qg=found.qg,
        notes=found.notes,
        seconds=found.seconds,
        versions=found.versions,
    )


def _by_julia(network: Network, formulation: str, time_limit: float | None) -> OpfResult:
    from pygridjl.bridge.problems.network_opf import julia_opf

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
