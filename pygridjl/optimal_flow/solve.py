"""One door to optimal power flow."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, overload

import numpy as np

from pygridjl.bridge.problems.asking import JuliaOptions, julia_options
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.jit import working_time
from pygridjl.core.methods import Backend
from pygridjl.core.result import Status
from pygridjl.core.stopping import seconds_left
from pygridjl.grid import Feeder
from pygridjl.grid.network import Network
from pygridjl.optimal_flow.check import largest_violation
from pygridjl.optimal_flow.forms.acp import FEASIBILITY_TOLERANCE
from pygridjl.optimal_flow.methods import FEEDER_FORMULATIONS, NETWORK_FORMULATIONS
from pygridjl.optimal_flow.problem import hold_sources
from pygridjl.optimal_flow.result import FeederOpfResult, OpfResult

__all__ = ["opf"]


@overload
def opf(
    grid: Network,
    formulation: str | None = ...,
    *,
    backend: Backend = ...,
    certify: bool = ...,
    time_limit: float | None = ...,
    solver: str | None = ...,
    solver_options: Mapping[str, Any] | None = ...,
    write_model: str | Path | None = ...,
    verbose: bool = ...,
) -> OpfResult: ...


@overload
def opf(
    grid: Feeder | str | os.PathLike[str],
    formulation: str | None = ...,
    *,
    backend: Backend = ...,
    ampacity: bool = ...,
    time_limit: float | None = ...,
    solver: str | None = ...,
    solver_options: Mapping[str, Any] | None = ...,
    write_model: str | Path | None = ...,
    verbose: bool = ...,
    solution: bool = ...,
    root: str | os.PathLike[str] | None = ...,
) -> FeederOpfResult: ...


def opf(
    grid: Network | Feeder | str | os.PathLike[str],
    formulation: str | None = None,
    *,
    backend: Backend = "python",
    ampacity: bool = True,
    certify: bool = False,
    time_limit: float | None = None,
    solver: str | None = None,
    solver_options: Mapping[str, Any] | None = None,
    write_model: str | Path | None = None,
    verbose: bool = False,
    solution: bool = False,
    root: str | os.PathLike[str] | None = None,
) -> OpfResult | FeederOpfResult:
    """Solve an optimal power flow.

    Parameters
    ----------
    grid : Network, Feeder or path-like
        The grid; its base state says which branches are closed. With ``backend="julia"`` also the
        path of an OpenDSS script, which PowerModelsDistribution reads in its own way: without
        controls, with the regulators at their initial taps and whatever bands the script has.
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
        Seconds, the certificate included; 60 unless given, infinity for no limit.
    solver : str, optional
        With ``backend="julia"``: any Julia package of the project that has an ``Optimizer``, such
        as ``"KNITRO"``; local solvers prove nothing.
    solver_options : mapping, optional
        Options of that package, by its own names.
    write_model : path-like, optional
        With ``backend="julia"``: where to write the program that is solved (``.mof.json``,
        ``.lp``, ``.mps`` or ``.nl``).
    verbose : bool
        Whether the solver in Julia prints its log.
    solution : bool
        With ``backend="julia"``: whether the solution as PowerModels or PowerModelsDistribution
        lays it out is part of the answer.
    root : path-like, optional
        Of the path of a script: folder below which all files it reads must lie; its own unless
        given.

    Returns
    -------
    OpfResult or FeederOpfResult
        Dispatch, voltages, cost or import. Sources at buses of a network without a highest voltage
        (as OpenDSS and pandapower may leave them) keep their set-points, with a note.

    Raises
    ------
    InvalidNetworkError
        If the data are not sound.
    InvalidOptionError
        If the backend does not have the formulation.
    NetworkFormatError
        If a script names a file outside its folder or holds a command that may not run.
    pygridjl.bridge.JuliaNotFoundError, JuliaPackageError, JuliaSolveError
        If Julia cannot be used or fails.

    Examples
    --------
    >>> import pygridjl
    >>> result = pygridjl.opf(pygridjl.load_network("case9"))
    >>> print(result.status, f"{result.objective:.2f} an hour")
    feasible 5296.69 an hour
    """
    of_feeder = not isinstance(grid, Network)
    registry = FEEDER_FORMULATIONS if of_feeder else NETWORK_FORMULATIONS
    if formulation is None:
        formulation = registry.default(backend)
    chain = registry.parse(formulation, backend)
    _, time_limit = registry.common_of(chain, time_limit=time_limit)
    if certify and (of_feeder or formulation != "acp"):
        raise InvalidOptionError("certify: only formulation 'acp' of a network can be certified")
    if not of_feeder and not ampacity:
        raise InvalidOptionError("ampacity: the ratings of a network are always limits")
    how = julia_options(
        backend,
        solver=solver,
        solver_options=solver_options,
        write_model=write_model,
        verbose=verbose,
        solution=solution,
        time_limit=time_limit,
    )
    if isinstance(grid, str | os.PathLike):
        below = None if root is None else Path(root)
        return _script_by_julia(Path(grid), formulation, backend, how, ampacity, below)
    if root is not None:
        raise InvalidOptionError("root: only the path of a script reads other files")
    if isinstance(grid, Feeder):
        if backend == "julia":
            return _feeder_by_julia(grid, formulation, how, ampacity)
        solved: FeederOpfResult = chain.methods[0].load()(
            grid, ampacity=ampacity, time_limit=time_limit
        )
        return solved
    deadline = working_time() + time_limit
    grid, notes = hold_sources(grid)
    answer: OpfResult = (
        _by_julia(grid, formulation, how)
        if backend == "julia"
        else chain.methods[0].load()(grid, time_limit=time_limit)
    )
    answer = replace(answer, notes=(*notes, *answer.notes))
    if certify:
        from pygridjl.optimal_flow.relaxation.certify import certified

        # What is left may be nothing: a relaxation then says so in no time.
        left = max(seconds_left(deadline), 1e-3)
        return certified(grid, answer, time_limit=left)
    if answer.status is Status.NOT_FOUND and formulation == "acp":
        told = (
            "a local solver proves nothing: certify=True (--certify) tries to prove that no "
            "operating point keeps all limits"
        )
        return replace(answer, notes=(*answer.notes, told))
    return answer


def _feeder_by_julia(
    feeder: Feeder, formulation: str, how: JuliaOptions, ampacity: bool
) -> FeederOpfResult:
    from pygridjl.bridge.problems.feeder_opf import julia_feeder_opf

    found = julia_feeder_opf(feeder, formulation, "opf", how, ampacity=ampacity)
    return FeederOpfResult(
        feeder=feeder.name,
        formulation=formulation,
        engine="julia",
        solver=found.solver,
        status=found.status,
        objective=found.objective,
        bus=feeder.buses.id,
        notes=found.notes,
        seconds=found.seconds,
        versions=found.versions,
        raw_status=found.raw_status,
        solution=found.solution,
        **found.values,
    )


def _script_by_julia(
    path: Path,
    formulation: str,
    backend: Backend,
    how: JuliaOptions,
    ampacity: bool,
    root: Path | None,
) -> FeederOpfResult:
    """Solve an OpenDSS script as PowerModelsDistribution reads it."""
    from pygridjl.bridge.problems.dss_opf import julia_dss_opf

    if backend != "julia":
        raise InvalidOptionError(
            "backend: a script itself is solved by 'julia' only; load_feeder reads it for 'python'"
        )
    if not ampacity:
        raise InvalidOptionError("ampacity: the limits of a script are those it states")
    found = julia_dss_opf(path, formulation, "opf", how, root=root)
    # One row a bus, one column a phase, per unit of 1 MVA a phase.
    nodes = [node.rpartition(".") for node in found.values["node"]]
    buses = list(dict.fromkeys(bus for bus, _, _ in nodes))
    row = {bus: k for k, bus in enumerate(buses)}
    vm, va = np.full((2, len(buses), 3), np.nan)
    for k, (bus, _, phase) in enumerate(nodes):
        if phase in ("1", "2", "3"):
            place = row[bus], int(phase) - 1
            vm[place], va[place] = found.values["vm"][k], found.values["va"][k]
    p_source, q_source = (found.values[name] / 1e3 for name in ("p_source", "q_source"))
    has_answer = found.objective is not None
    return FeederOpfResult(
        feeder=path.name,
        formulation=formulation,
        engine="julia",
        solver=found.solver,
        status=found.status,
        objective=float(np.nansum(p_source)) if has_answer else None,
        bus=np.array(buses, dtype=np.str_),
        vm=vm,
        va=va,
        p_source=p_source,
        q_source=q_source,
        pg=np.zeros((0, 3)),
        qg=np.zeros((0, 3)),
        notes=("per unit of 1 MVA a phase; units of the script are in the solution", *found.notes),
        seconds=found.seconds,
        versions=found.versions,
        raw_status=found.raw_status,
        solution=found.solution,
    )


def _by_julia(network: Network, formulation: str, how: JuliaOptions) -> OpfResult:
    from pygridjl.bridge.problems.network_opf import julia_opf

    found = julia_opf(network, formulation, how)
    values = dict(found.values)
    status, objective, violation = found.status, found.objective, None
    if formulation == "acp" and objective is not None:
        point = (values[name] for name in ("vm", "va", "pg", "qg"))
        violation = largest_violation(network, *point)
        if violation > FEASIBILITY_TOLERANCE:
            objective = None
            status = Status.NOT_FOUND if status is Status.FEASIBLE else status
    p_from, q_from, p_to, q_to = values.pop("flows")
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
        p_from=p_from,
        q_from=q_from,
        p_to=p_to,
        q_to=q_to,
        violation=violation,
        notes=found.notes,
        seconds=found.seconds,
        versions=found.versions,
        raw_status=found.raw_status,
        solution=found.solution,
        **values,
    )
