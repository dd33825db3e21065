"""What a siting method knows before its answer has been judged."""

from __future__ import annotations

from pygridjl.core.stopping import hold
from pygridjl.core.types import IntArray
from pygridjl.siting.problem import PlanningProblem

__all__ = ["hold_decision"]


def hold_decision(problem: PlanningProblem, units: IntArray, value: float | None = None) -> None:
    """Keep a decision for the case that the run is broken off.

    Parameters
    ----------
    problem : PlanningProblem
        The problem.
    units : ndarray of int, shape (n_site,)
        Units at each site.
    value : float, optional
        Its objective on all scenarios, if that is known.
    """
    placements = [
        {"bus": bus, "phases": letters, "units": int(n), "kw": float(n * problem.unit_kw)}
        for bus, letters, n in zip(
            problem.site_ids, problem.site_letters, units.tolist(), strict=True
        )
        if n != 0
    ]
    hold(objective=value, placements=placements)
