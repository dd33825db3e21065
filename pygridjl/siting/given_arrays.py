"""Attributes of a planning problem that are arrays or names by site, in the right shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pygridjl.core.errors import InvalidOptionError, InvalidPlanningError
from pygridjl.core.findings import Finding
from pygridjl.siting.candidates import candidate_sites

if TYPE_CHECKING:
    from pygridjl.siting.problem import PlanningProblem

__all__ = ["given_arrays"]


def given_arrays(problem: PlanningProblem) -> dict[str, Any]:
    """Return those that are given, and what sites and their phases are unless they are.

    Parameters
    ----------
    problem : PlanningProblem
        The problem as it was asked for.

    Returns
    -------
    dict
        Arrays, which may not be written to, and tuples of names.

    Raises
    ------
    InvalidPlanningError, InvalidOptionError
        If a site is no bus, or there is not one value for each site.
    ValueError
        If ``site_phases`` has another shape.
    """
    feeder = problem.feeder
    given = candidate_sites(feeder) if problem.sites is None else problem.sites
    sites = np.array(given, dtype=np.int64).reshape(-1)
    wrong = np.flatnonzero((sites < 0) | (sites >= feeder.n_bus))
    if wrong.size:
        raise InvalidPlanningError(
            feeder.name,
            [Finding("site", (str(sites[wrong[0]]),), "bus", "is not the position of a bus")],
        )
    phases = feeder.buses.phases[sites] if problem.site_phases is None else problem.site_phases
    mask = np.array(phases, dtype=np.bool_)
    if mask.shape != (sites.size, 3):
        raise ValueError(f"site_phases has shape {mask.shape}, expected {(sites.size, 3)}")
    found: dict[str, Any] = {"sites": sites, "site_phases": mask}
    if problem.site_max is not None:
        most = np.array(problem.site_max)
        if most.shape != (sites.size,) or not np.array_equal(most, np.rint(most)):
            raise InvalidOptionError(f"site_max: must be {sites.size} whole numbers")
        found["site_max"] = most.astype(np.int64)
    for name in ("site_cost", "site_angle"):
        own = getattr(problem, name)
        if own is not None:
            found[name] = np.array(own, dtype=np.float64)
            if found[name].shape != (sites.size,):
                raise InvalidOptionError(f"{name}: must be {sites.size} numbers")
    for name in ("site_profile", "site_reactive"):
        own = getattr(problem, name)
        if own is not None:
            found[name] = tuple(str(text) for text in own)
            if len(found[name]) != sites.size:
                raise InvalidOptionError(f"{name}: must be {sites.size} names")
    for name in ("v_min", "v_max"):
        band = getattr(problem, name)
        if isinstance(band, np.ndarray):
            if band.shape != (feeder.n_bus,):
                text = f"{name} has shape {band.shape}, expected {(feeder.n_bus,)}"
                raise InvalidOptionError(text)
            found[name] = band.astype(np.float64)
    for array in found.values():
        if isinstance(array, np.ndarray):
            array.setflags(write=False)
    return found
