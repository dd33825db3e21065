"""Hosting capacity: the most PV that keeps the limits, at each site alone and at all together.

Units inject the same power into every phase of their site. With n units everywhere the state of a
scenario is affine in what is injected, so that every limit is a row ``a·v ≤ b`` in the injections
v of the sites; without curtailment ``v = μ p̄ n``. At one site alone each scenario then allows an
interval of units, and the answer is exact; at all sites it is a mixed-integer linear program whose
rows are added where they are passed, so that its bound holds all along.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from pygridjl.core.arguments import seconds_allowed
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.jit import working_time
from pygridjl.core.result import Stopwatch, engine_versions, relative_gap
from pygridjl.core.stopping import is_over
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.check import assert_valid_planning, assert_valid_scenarios_for
from pygridjl.siting.defaults import with_default_limits
from pygridjl.siting.hosting.limits import HostingLimits
from pygridjl.siting.hosting.program import HostingProgram
from pygridjl.siting.hosting.result import HostingResult
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.second_stage.operation import Operation

__all__ = ["hosting_capacity"]


# Sites times nodes at most: their effects are kept.
MOST_EFFECTS = 5_000_000


def hosting_capacity(
    problem: PlanningProblem,
    scenarios: ScenarioSet,
    *,
    share: float = 1.0,
    curtailment: float = 0.0,
    gap: float = 1e-3,
    time_limit: float | None = None,
) -> HostingResult:
    """Return how much PV fits at each site alone and at all sites together.

    Budget, sizes and number of sites of the problem do not matter here; its sites, the rating of
    a unit, the power factor and its limits do. Limits that neither problem nor feeder states are
    assumed as :func:`~pygridjl.siting.solve.site` does.

    Parameters
    ----------
    problem : PlanningProblem
        Sites and limits.
    scenarios : ScenarioSet
        The scenarios; probabilities are shares of the hours.
    share : float
        Share of the hours in which every limit must be kept.
    curtailment : float
        Share of the energy available that may be curtailed to keep them; needs ``share=1``.
    gap : float
        Relative gap at which the search over all sites ends.
    time_limit : float, optional
        Seconds for all of it, 60 unless given. Sites that it leaves no time for are named in the
        notes.

    Returns
    -------
    HostingResult
        Exact at each site alone; with a bound at all together.

    Raises
    ------
    InvalidPlanningError, InvalidScenariosError, InvalidOptionError
        If the input is unsound, or nothing limits a site.
    SolverError
        If HiGHS fails.

    Examples
    --------
    >>> from pygridjl import generate_scenarios, load_feeder
    >>> from pygridjl.siting import PlanningProblem, hosting_capacity
    >>> problem = PlanningProblem.on_buses(load_feeder("ieee13"), ["675", "634"], v_source=1.0)
    >>> result = hosting_capacity(problem, generate_scenarios(16, 24))
    >>> bool(result.objective <= result.bound <= result.per_site["kw"].sum())
    True
    """
    if problem.site_cost is not None:
        raise InvalidOptionError("site_cost: has no effect, hosting capacity costs nothing")
    if problem.site_max is not None:
        raise InvalidOptionError("site_max: has no effect, hosting capacity asks what fits")
    if problem.limit_share != 1:
        raise InvalidOptionError("limit_share: has no effect, hosting capacity has its own share")
    if problem.stores.any():
        raise InvalidOptionError("storage: has no place here, hosting capacity is that of hours")
    if problem.free.any():
        raise InvalidOptionError(
            "reactive: hosting capacity asks what fits whatever units do, 'free' lets them be "
            "steered; give a power factor"
        )
    problem = dataclasses.replace(problem, unit_cost=0.0, min_sites=0, min_units=1)
    assert_valid_planning(problem)
    assert_valid_scenarios_for(problem, scenarios)
    for name, value, low in (("share", share, 0.0), ("curtailment", curtailment, -1.0)):
        if not low < value <= 1:
            raise InvalidOptionError(f"{name}: must be a share, is {value}")
    if curtailment < 0 or (curtailment > 0 and share < 1):
        raise InvalidOptionError("curtailment: must be at least 0, and 0 where share is below 1")
    if not gap > 0:
        raise InvalidOptionError(f"gap: must be positive, is {gap}")
    if problem.n_site * problem.feeder.n_node > MOST_EFFECTS:
        raise InvalidOptionError(
            f"sites: {problem.n_site} on {problem.feeder.n_node} nodes are too many to host at; "
            f"name {MOST_EFFECTS // problem.feeder.n_node} or fewer"
        )
    deadline = working_time() + seconds_allowed(time_limit)
    problem, notes = with_default_limits(problem, scenarios)
    watch = Stopwatch()
    with watch.phase("sites"):
        rows = HostingLimits(Operation(problem, scenarios))
        alone, took = [], 0.0
        for site in range(problem.n_site):
            begun = working_time()
            if is_over(deadline - took):
                break
            alone.append(rows.alone(site, share, curtailment))
            took = working_time() - begun
    left_out = problem.n_site - len(alone)
    if left_out:
        notes = (*notes, f"no time was left for the last {left_out} of {problem.n_site} sites")
        alone += [(-1, "not looked at")] * left_out
    units = np.array([n for n, _ in alone], dtype=np.int64)
    table = pd.DataFrame(
        {
            "bus": problem.site_ids,
            "phases": problem.site_letters,
            "units": units,
            "kw": np.where(units < 0, np.nan, units * problem.unit_kw),
            "limit": [why for _, why in alone],
        }
    )
    with watch.phase("together"):
        status, together, bound = HostingProgram(rows, share, curtailment, gap).solve(deadline)
    answered = together is not None
    total = float(together.sum() * problem.unit_kw) if together is not None else None
    found = together if together is not None else np.zeros(problem.n_site, dtype=np.int64)
    best = None if bound is None else bound * problem.unit_kw
    return HostingResult(
        feeder=problem.feeder.name,
        scenarios=scenarios.name,
        share=share,
        curtailment=curtailment,
        per_site=table,
        status=status,
        units=found,
        objective=total,
        bound=best,
        gap=relative_gap(best, total) if answered and total else None,
        notes=notes,
        seconds=dict(watch.seconds),
        versions=engine_versions("numpy", "highspy"),
    )
