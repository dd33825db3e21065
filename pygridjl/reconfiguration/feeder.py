"""Reconfiguration of a three-phase feeder, and what stands behind the answer."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from pygridjl.bridge.problems.asking import JuliaOptions
from pygridjl.bridge.problems.feeder_radial import julia_feeder_reconfigure
from pygridjl.core.errors import InvalidOptionError, PowerFlowError
from pygridjl.core.methods import Backend
from pygridjl.core.result import relative_gap
from pygridjl.grid.cases.ties import switches_of
from pygridjl.grid.feeder import Feeder
from pygridjl.powerflow.feeder_sweep import FeederFlow, feeder_power_flow
from pygridjl.reconfiguration.methods import FEEDER_METHODS
from pygridjl.reconfiguration.problem import Limit
from pygridjl.reconfiguration.result import FeederReconfigurationResult

__all__ = ["of_feeder", "reconfigure_feeder"]

# Relative difference of a solver's AC losses and those of our own power flow that is tolerance.
SAME = 1e-3


def of_feeder(
    feeder: Feeder,
    method: str | None,
    backend: Backend,
    how: JuliaOptions,
    of_networks: Mapping[str, bool],
    *,
    switchable: Collection[str] | None,
    limits: Collection[Limit] | None,
    start: Collection[str] | None,
    time_limit: float | None,
) -> FeederReconfigurationResult:
    """Read the options of the door and call :func:`reconfigure_feeder`.

    Parameters
    ----------
    feeder, method, backend, how, switchable, limits, start, time_limit
        As given to the door.
    of_networks : mapping of str to bool
        Options that only networks have, and whether they were given.

    Returns
    -------
    FeederReconfigurationResult
        The answer.

    Raises
    ------
    InvalidOptionError
        If an option is none of a feeder's or its value cannot be used.
    """
    for name, is_given in of_networks.items():
        if is_given:
            raise InvalidOptionError(f"{name}: reconfiguration of a feeder has no such option")
    chosen = "lindist" if method is None else method
    chain = FEEDER_METHODS.parse(chosen, backend)
    _, seconds = FEEDER_METHODS.common_of(chain, time_limit=time_limit)
    if limits is not None and set(limits) not in ({"voltage"}, {"voltage", "ampacity"}):
        raise InvalidOptionError(
            "limits: of a feeder they are 'voltage' alone, or 'voltage' and 'ampacity'"
        )
    return reconfigure_feeder(
        feeder,
        chosen,
        replace(how, time_limit=seconds),
        switchable=switchable,
        start=start,
        limits=limits is None or "ampacity" in limits,
    )


def reconfigure_feeder(
    feeder: Feeder,
    method: str,
    how: JuliaOptions,
    *,
    switchable: Collection[str] | None = None,
    start: Collection[str] | None = None,
    limits: bool = True,
) -> FeederReconfigurationResult:
    """Find the radial configuration of a feeder that loses least in a formulation.

    Parameters
    ----------
    feeder : Feeder
        The feeder.
    method : str
        One of :data:`~pygridjl.reconfiguration.methods.FEEDER_METHODS`.
    how : JuliaOptions
        Solver, its options and limits.
    switchable : collection of str, optional
        Ids of the branches that may be switched; by default its switches and what is open.
    start : collection of str, optional
        Ids of the open branches of the tree to begin with; the base state unless given.
    limits : bool
        Whether ampacities and angle differences are kept.

    Returns
    -------
    FeederReconfigurationResult
        The states, judged by a power flow that shares nothing with the model.

    Raises
    ------
    InvalidNetworkError
        If the data are not sound.
    InvalidOptionError
        If there is nothing to switch, or a branch or the solver cannot be used.
    JuliaNotFoundError, JuliaPackageError, JuliaSolveError
        If Julia cannot be used or fails.
    """
    free = tuple(switches_of(feeder) if switchable is None else switchable)
    if not free:
        raise InvalidOptionError(
            f"switchable: feeder {feeder.name!r} has no switch and no open branch"
        )
    base = tuple(map(str, feeder.branches.id[~feeder.branches.closed]))
    opened = base if start is None else tuple(start)
    found = julia_feeder_reconfigure(
        feeder,
        free,
        method,
        how,
        start=[name for name in free if name not in opened],
        limits=limits,
    )
    kw = float(feeder.to_kw(1.0))
    answered = found.objective is not None
    states = {*(name for name in base if name not in free), *found.values["opened"]}
    open_branches = tuple(name for name in feeder.branches.id.tolist() if name in states)
    flow = _flow(feeder, open_branches) if answered else None
    at_base = _flow(feeder, base)
    objective, bound = (
        None if value is None else value * kw for value in (found.objective, found.bound)
    )
    notes = list(found.notes)
    trace = [
        (seconds, None if o is None else o * kw, None if b is None else b * kw)
        for seconds, o, b in found.trace
    ]
    if flow is not None and objective is not None and method in ("acp", "acr", "ivr"):
        apart = abs(objective - flow.loss_kw) / max(abs(flow.loss_kw), 1e-9)
        if apart > SAME:
            notes.append(
                f"our own power flow finds {flow.loss_kw:.3f} kW for these states, not "
                f"{objective:.3f} kW"
            )
    elif answered and flow is None:
        notes.append("our own AC power flow finds no solution for these states")
    return FeederReconfigurationResult(
        feeder=feeder.name,
        method=method,
        status=found.status,
        open_branches=open_branches if answered else (),
        switched_open=tuple(sorted(set(open_branches) - set(base))) if answered else (),
        switched_closed=tuple(sorted(set(base) - set(open_branches))) if answered else (),
        objective=objective,
        bound=bound,
        gap=relative_gap(objective, bound),
        loss_kw=None if flow is None else flow.loss_kw,
        base_loss_kw=None if at_base is None else at_base.loss_kw,
        v_min=None if flow is None else float(np.nanmin(np.abs(flow.v))),
        engine="julia",
        solver=found.solver,
        raw_status=found.raw_status,
        trace=tuple(trace),
        notes=tuple(notes),
        solution=found.solution,
        seconds=found.seconds,
        versions=found.versions,
    )


def _flow(feeder: Feeder, opened: Collection[str]) -> FeederFlow | None:
    """Return the AC state with these branches open, or None if there is none."""
    try:
        return feeder_power_flow(feeder.with_open(opened))
    except PowerFlowError:
        return None
