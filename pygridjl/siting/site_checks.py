"""Whether what a planning problem says of each site can be."""

from __future__ import annotations

import math

import numpy as np

from pygridjl.core.findings import Finding
from pygridjl.core.types import BoolArray
from pygridjl.grid.feeder import PHASES
from pygridjl.siting.problem import PlanningProblem

__all__ = ["REACTIVE", "site_findings"]

REACTIVE = ("fixed", "free")
# The least angle that leaves any reactive power to choose, rad.
LEAST_ANGLE = 1e-6


def site_findings(problem: PlanningProblem) -> list[Finding]:
    """List everything that is wrong with the sites of a problem.

    Parameters
    ----------
    problem : PlanningProblem
        The problem.

    Returns
    -------
    list of Finding
        Empty when they are sound; each names the sites.
    """
    if problem.n_site == 0:
        return [Finding("planning", (), "sites", "there are none")]
    ids = np.array(problem.site_ids)
    findings = []

    def found(wrong: BoolArray, field: str, text: str) -> None:
        if wrong.any():
            findings.append(Finding("site", tuple(ids[wrong].tolist()), field, text))

    # A bus may have storage beside other units.
    place = 2 * problem.sites + problem.stores
    _, first, counts = np.unique(place, return_index=True, return_counts=True)
    repeated = np.zeros(problem.n_site, dtype=np.bool_)
    repeated[first[counts > 1]] = True
    found(repeated, "bus", "is named more than once")
    absent = problem.site_phases & ~problem.feeder.buses.phases[problem.sites]
    for k in np.flatnonzero(absent.any(axis=1)):
        letters = ", ".join(p for p, bad in zip(PHASES, absent[k], strict=True) if bad)
        findings.append(
            Finding("site", (str(ids[k]),), "phases", f"the bus has no phase {letters}")
        )
    if problem.site_max is not None:
        found(np.asarray(problem.site_max < 0), "site_max", "is negative")
    if problem.site_cost is not None:
        bad = np.asarray((problem.site_cost < 0) | np.isinf(problem.site_cost))
        found(bad, "site_cost", "is no number of at least 0")
    if problem.site_angle is not None:
        inside = np.abs(problem.site_angle) < math.pi / 2
        found(
            np.asarray(~np.isnan(problem.site_angle) & ~inside),
            "site_angle",
            "does not lie between −π/2 and π/2",
        )
    if problem.reactive not in REACTIVE:
        text = f"{problem.reactive!r} is neither fixed nor free"
        findings.append(Finding("planning", (), "reactive", text))
    if problem.site_reactive is not None:
        own = np.array(problem.site_reactive)
        found(~np.isin(own, ("", *REACTIVE)), "site_reactive", "is neither fixed nor free")
    found(_spoken_for(problem), "profile", "storage has no reactive power to state")
    nothing = np.asarray(problem.free & (np.abs(problem.angles) < LEAST_ANGLE))
    text = "'free' has nothing to choose at power factor 1; give a lower one"
    found(nothing, "reactive", text)
    found(np.asarray(~problem.site_phases.any(axis=1)), "phases", "there are none")
    return findings


def _spoken_for(problem: PlanningProblem) -> BoolArray:
    """Return the sites of storage that have a power factor or a choice of their own."""
    own = np.zeros(problem.n_site, dtype=np.bool_)
    if problem.site_angle is not None:
        own |= ~np.isnan(problem.site_angle)
    if problem.site_reactive is not None:
        own |= np.array(problem.site_reactive) != ""
    return np.asarray(own & problem.stores)
