"""Limits a planner expects where the data state none: a voltage band and ampacities.

What is assumed must not make a feeder infeasible that runs today: where its state without units
passes an assumed limit in some scenario, the limit there is the worst of that state.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from pygridjl.core.types import FloatArray
from pygridjl.grid.conductors import with_standard_ratings
from pygridjl.grid.feeder import PHASES
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.second_stage.operation import LIMIT_KINDS, Operation

__all__ = ["BAND", "outside_band", "with_default_limits"]

BAND = (0.95, 1.05)
"""Voltage band where neither problem nor bus has one, p.u. (ANSI C84.1, range A)."""

HOURS = 8760.0
# Numbers in one block of scenarios × nodes.
BLOCK = 2_000_000
# An assumed limit lies so far beyond the base state that holds it.
ROOM = 1e-6


def with_default_limits(
    problem: PlanningProblem, scenarios: ScenarioSet
) -> tuple[PlanningProblem, tuple[str, ...]]:
    """Return the problem with a limit everywhere, and what was assumed in plain words.

    Parameters
    ----------
    problem : PlanningProblem
        The problem, valid. A band it states, or a bus or line of its feeder, stays as it is.
    scenarios : ScenarioSet
        The scenarios, valid for it.

    Returns
    -------
    problem : PlanningProblem
        With a band at every bus, and ampacities where :func:`with_standard_ratings` knows them if
        its line limits hold. The same object where nothing is missing.
    notes : tuple of str
        What was assumed, and where the state without units is outside the band.
    """
    low, high = problem.band
    assumed_low = (low <= 0) & (problem.v_min is None)
    assumed_high = ~np.isfinite(high) & (problem.v_max is None)
    asked = problem.line_limits and problem.standard_ratings
    feeder = with_standard_ratings(problem.feeder) if asked else problem.feeder
    rated = np.isfinite(feeder.branches.rating) & ~np.isfinite(problem.feeder.branches.rating)
    rated &= feeder.branches.phases
    if not (assumed_low.any() or assumed_high.any() or rated.any()):
        return problem, _noted(problem, scenarios)
    wanted = dataclasses.replace(
        problem,
        feeder=feeder,
        v_min=np.where(assumed_low, BAND[0], low),
        v_max=np.where(assumed_high, BAND[1], high),
    )
    operation = Operation(wanted, scenarios)
    lowest, highest, loading = _extremes(operation)
    bus = operation.feeder.node_bus
    base_low, base_high = np.full(low.size, np.inf), np.full(low.size, -np.inf)
    np.minimum.at(base_low, bus, np.maximum(np.sqrt(np.maximum(lowest, 0.0)) - ROOM, 0.0))
    np.maximum.at(base_high, bus, np.sqrt(np.maximum(highest, 0.0)) + ROOM)
    rating = feeder.branches.rating.copy()
    fed = np.flatnonzero(operation.model.branch >= 0)
    branch, phase = operation.model.branch[fed], operation.feeder.node_phase[fed]
    needed = rating[branch, phase] * np.maximum(loading[fed] * (1 + ROOM), 1.0)
    raised = rated[branch, phase] & (loading[fed] > 1)
    rating[branch, phase] = np.where(rated[branch, phase], needed, rating[branch, phase])
    limited = dataclasses.replace(
        wanted,
        feeder=feeder.replace(branches=feeder.branches.replace(rating=rating)),
        v_min=np.where(assumed_low, np.minimum(BAND[0], base_low), low),
        v_max=np.where(assumed_high, np.maximum(BAND[1], base_high), high),
    )
    notes = []
    n_band = int((assumed_low | assumed_high).sum())
    if n_band:
        notes.append(f"voltage band {BAND[0]:g}…{BAND[1]:g} p.u. assumed at {n_band} buses")
    if rated.any():
        notes.append(
            f"{int(rated.sum())} branch phases without ampacity take that of the standard "
            "conductor (ACSR) nearest in resistance"
        )
    if raised.any():
        worst = np.argmax(np.where(raised, loading[fed], 0.0))
        notes.append(
            f"of these {int(raised.sum())} are loaded beyond it without units, by up to "
            f"{100 * loading[fed][worst]:.0f} % ({feeder.branches.id[branch[worst]]}); there the "
            "limit is that loading"
        )
    return limited, (*notes, *_noted(wanted, scenarios, operation))


def outside_band(
    problem: PlanningProblem, scenarios: ScenarioSet, operation: Operation | None = None
) -> pd.DataFrame:
    """List the nodes whose voltage without units is outside the band in some scenario.

    Parameters
    ----------
    problem : PlanningProblem
        The problem; buses without a band are in it.
    scenarios : ScenarioSet
        The scenarios; each probability counts as that share of 8,760 hours.
    operation : Operation, optional
        If it exists already.

    Returns
    -------
    DataFrame
        ``bus, phase, limit, bound, worst, hours``, the longest first; ``worst`` the lowest or
        highest voltage magnitude, p.u.
    """
    operation = operation or Operation(problem, scenarios)
    n, hours = operation.n_node, HOURS * scenarios.probability
    high, low = operation.limit[:, 6], -operation.limit[:, 7]
    lost = np.zeros((2, n))
    lowest, highest, _ = _extremes(operation, hours, lost)
    rows = []
    for kind, bound, worst, time in (
        ("v_min", low, lowest, lost[0]),
        ("v_max", high, highest, lost[1]),
    ):
        for node in np.flatnonzero(time > 0).tolist():
            rows.append(
                (
                    str(operation.feeder.buses.id[operation.feeder.node_bus[node]]),
                    PHASES[int(operation.feeder.node_phase[node])],
                    kind,
                    float(np.sqrt(bound[node])),
                    float(np.sqrt(max(worst[node], 0.0))),
                    float(time[node]),
                )
            )
    table = pd.DataFrame(rows, columns=["bus", "phase", "limit", "bound", "worst", "hours"])
    return table.sort_values("hours", ascending=False, ignore_index=True, kind="stable")


def _extremes(
    operation: Operation, hours: FloatArray | None = None, lost: FloatArray | None = None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Lowest and highest U and the largest share of the hexagon by node, without units.

    ``lost`` gets the hours below and above the band.
    """
    n, size = operation.n_node, max(1, BLOCK // operation.n_node)
    lowest, highest, share = np.full(n, np.inf), np.full(n, -np.inf), np.zeros(n)
    for first in range(0, len(operation.scenarios), size):
        block = np.arange(first, min(first + size, len(operation.scenarios)))
        P, Q = operation.model.flows(*operation.demand(block))
        U = operation.model.voltages_of_flows(P, Q)
        lowest, highest = np.minimum(lowest, U.min(axis=0)), np.maximum(highest, U.max(axis=0))
        for kind in range(6):
            used = LIMIT_KINDS[kind, 0] * P + LIMIT_KINDS[kind, 1] * Q
            share = np.maximum(share, used.max(axis=0) / operation.limit[:, kind])
        if hours is not None and lost is not None:
            slack = 1e-9
            lost[0] += hours[block] @ (-operation.limit[:, 7] - slack > U)
            lost[1] += hours[block] @ (operation.limit[:, 6] + slack < U)
    return lowest, highest, share


def _noted(
    problem: PlanningProblem, scenarios: ScenarioSet, operation: Operation | None = None
) -> tuple[str, ...]:
    """Say where the state without units is outside the band; nothing if it is nowhere."""
    table = outside_band(problem, scenarios, operation)
    if table.empty:
        return ()
    shown = "; ".join(
        f"{row['bus']} (phase {row['phase']}) {row['worst']:.3f} p.u., {row['hours']:.0f} h a year"
        for row in table.head(3).to_dict("records")
    )
    more = "; …" if len(table) > 3 else ""
    n_bus = table["bus"].nunique()
    return (f"without units {n_bus} buses are outside their voltage band: {shown}{more}",)
