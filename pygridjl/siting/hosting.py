"""Hosting capacity: the most PV that keeps the limits, at each site alone and at all together.

Units inject the same power into every phase of their site. With n units everywhere the state of a
scenario is affine in what is injected, so that every limit is a row ``a·v ≤ b`` in the injections
v of the sites; without curtailment ``v = μ p̄ n``. At one site alone each scenario then allows an
interval of units, and the answer is exact; at all sites it is a mixed-integer linear program whose
rows are added where they are passed, so that its bound holds all along.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.sparse import coo_array, csr_array

from pygridjl.core.arguments import seconds_allowed
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.jit import working_time
from pygridjl.core.result import Result, Status, Stopwatch, engine_versions, relative_gap
from pygridjl.core.stopping import seconds_left
from pygridjl.core.types import BoolArray, FloatArray, IntArray
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.check import assert_valid_planning, assert_valid_scenarios_for
from pygridjl.siting.defaults import with_default_limits
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.second_stage.operation import LIMIT_KINDS, Operation
from pygridjl.siting.violations import WHAT, limit_name
from pygridjl.solvers.highs import HighsModel
from pygridjl.solvers.linear import LinearModel
from pygridjl.solvers.status import SolverStatus

__all__ = ["HostingResult", "hosting_capacity"]

# A row is kept if it is not passed by more than this, relative to its right-hand side or 1 p.u.
TOLERANCE = 1e-9
# Rows added a round and scenario, and their least violation: above the solver's own tolerance.
ROWS, NEW = 3, 1e-7
# Sites times nodes at most: their effects are kept.
MOST_EFFECTS = 5_000_000
# Nothing hosts more than this many times the load of the feeder at full load.
MOST_OF_LOAD = 1000.0
# … and this many units do not count as all there can be.
LEAST_MOST = 1000.0


@dataclass(frozen=True, eq=False)
class HostingResult(Result):
    """The most PV a feeder takes.

    Attributes
    ----------
    feeder, scenarios : str
        Names of the feeder and of the scenario set.
    share : float
        Share of the hours in which the limits are kept.
    curtailment : float
        Share of the energy that may be curtailed.
    per_site : DataFrame
        A row for each site: ``bus, phases, units, kw`` and the ``limit`` that the next unit would
        pass, each site alone. Empty if the site cannot have any number of units, or none at all
        keeps the limits: ``units`` is then −1.
    status : Status
        Of all sites together: ``optimal`` to the gap, ``time_limit``, or ``infeasible``.
    units : ndarray of int, shape (n_site,)
        Units at every site together; zeros without an answer.
    objective : float or None
        Their rating, kW.
    bound : float or None
        No more than this fits, kW.
    gap : float or None
        (bound − objective) / objective.
    notes : tuple of str
        What was assumed.
    seconds, versions
        Seconds by phase; versions of the packages.
    """

    feeder: str
    scenarios: str
    share: float
    curtailment: float
    per_site: pd.DataFrame
    status: Status
    units: IntArray
    objective: float | None
    bound: float | None
    gap: float | None
    notes: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def to_frame(self) -> pd.DataFrame:
        """Return the sites, each alone."""
        return self.per_site.copy()

    def _rows(self) -> list[tuple[str, str]]:
        kept = f"limits kept in {100 * self.share:g} % of the hours"
        rows = [
            ("feeder", self.feeder),
            ("scenarios", self.scenarios),
            ("hosting", f"{kept}, at most {100 * self.curtailment:g} % of the energy curtailed"),
            ("status", self.status.value),
        ]
        if self.status is Status.INFEASIBLE:
            reason = "no number of units keeps the limits in that share of the hours"
            rows.append(("reason", f"{reason}: ask for a lower share, or for wider limits"))
        if self.objective is not None:
            used = int((self.units > 0).sum())
            rows.append(("in all", f"{self.objective:g} kW at {used} sites together"))
        if self.bound is not None:
            gap = "" if self.gap is None else f", gap {100 * self.gap:.3f} %"
            rows.append(("proven bound", f"{self.bound:.6g} kW{gap}"))
        return rows

    def summary(self) -> str:
        """Return the result as a short table for people, with the best sites."""
        best = self.per_site.sort_values("kw", ascending=False, kind="stable").head(20)
        best["units"] = best["units"].astype(str).mask(best["units"] < 0, "none keeps them")
        return f"{super().summary()}\n\n{best.to_string(index=False, na_rep='')}"


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
        Seconds for that search, 60 unless given.

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
    limit = seconds_allowed(time_limit)
    problem, notes = with_default_limits(problem, scenarios)
    watch = Stopwatch()
    with watch.phase("sites"):
        rows = _Rows(Operation(problem, scenarios))
        alone = [rows.alone(k, share, curtailment) for k in range(problem.n_site)]
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
        status, together, bound = _Together(rows, share, curtailment, gap).solve(limit)
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


class _Rows:
    """Limits of every scenario as rows in the injections of the sites, p.u."""

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        problem, scenarios = operation.problem, operation.scenarios
        self.weight = scenarios.probability
        self.sun = operation.per_unit
        everything = np.arange(len(scenarios))
        P, Q, U = operation.states(everything, np.zeros((len(scenarios), operation.n_col)))
        limit = operation.limit
        # Room of every limit without units; infinite where there is none.
        self.room = np.stack(
            [limit[:, k] - (a * P + b * Q + c * U) for k, (a, b, c) in enumerate(LIMIT_KINDS)], 2
        )
        self.slack = TOLERANCE * np.maximum(1.0, np.where(np.isfinite(limit), np.abs(limit), 1.0))
        self.effect = np.zeros((problem.n_site, operation.n_node, len(LIMIT_KINDS)))
        for site in range(problem.n_site):
            self.effect[site] = self._effect(site)

    def _effect(self, site: int) -> FloatArray:
        """Return what one p.u. at a site, shared by its phases, adds on the left of each limit."""
        operation = self.operation
        first, last = operation.first_col[site], operation.first_col[site + 1]
        nodes = operation.col_node[first:last]
        p = np.zeros(operation.n_node)
        p[nodes] = 1.0 / nodes.size
        P, Q = operation.model.flows(p, operation.tan * p)
        U = operation.model.sensitivity(nodes.tolist(), operation.tan).mean(axis=1)
        return np.stack([a * P + b * Q + c * U for a, b, c in LIMIT_KINDS], axis=1)

    def alone(self, site: int, share: float, curtailment: float) -> tuple[int, str]:
        """Most units at one site, and the limit that one more would pass; −1 if none is allowed."""
        effect, sun = self.effect[site], self.sun[:, site]
        moved = np.abs(effect) > 1e-12
        room = self.room + self.slack
        with np.errstate(divide="ignore", invalid="ignore"):
            bound = room / effect
        high = np.where(moved & (effect > 0), bound, np.inf).reshape(len(sun), -1)
        low = np.where(moved & (effect < 0), bound, -np.inf).reshape(len(sun), -1).max(axis=1)
        fixed = (np.where(moved, np.inf, room) >= 0).all(axis=(1, 2))
        which, most = high.argmin(axis=1), high.min(axis=1)
        # In units: at night any number of them, if the limits are kept without.
        lit = sun > 0
        with np.errstate(divide="ignore", invalid="ignore"):
            upper = np.where(lit, most / sun, np.where((most >= 0) & (low <= 0), np.inf, -1.0))
            lower = np.where(lit, np.maximum(low, 0.0) / sun, 0.0)
        upper = np.where(fixed & (low <= most), upper, -1.0)
        if curtailment > 0:
            return self._curtailed(site, upper, lower, which, curtailment)
        ends = np.unique(np.floor(upper[np.isfinite(upper) & (upper >= 0)] + 1e-9))
        kept = np.array(
            [self.weight[(lower <= n + 1e-9) & (n <= upper + 1e-9)].sum() for n in ends]
        )
        free = self.weight[np.isinf(upper) & (lower <= 0)].sum()
        if free >= share - 1e-12 and (ends.size == 0 or kept[-1] > free - 1e-12):
            self._unlimited(site)
        good = np.flatnonzero(kept >= share - 1e-12)
        if good.size == 0:
            return -1, ""
        n = int(ends[good[-1]])
        passed = (upper < n + 1 - 1e-9) & (upper >= n - 1e-9)
        stop = which[np.flatnonzero(passed)[0]] if passed.any() else None
        return n, "" if stop is None else self._name(int(stop))

    def _curtailed(
        self, site: int, upper: FloatArray, lower: FloatArray, which: IntArray, curtailment: float
    ) -> tuple[int, str]:
        """Most units of which no more than a share of the energy is lost; bisection is exact."""
        sun, weight = self.sun[:, site], self.weight
        if (upper < 0).any():
            return -1, ""
        available = float(weight @ sun)

        def fits(n: int) -> bool:
            lost = float(weight @ (sun * np.maximum(n - np.where(sun > 0, upper, np.inf), 0.0)))
            return bool((lower <= n + 1e-9).all()) and lost <= curtailment * available * n + 1e-12

        least = int(np.ceil(lower.max() - 1e-9))
        if not fits(least):
            return -1, ""
        most = max(2 * least, 1)
        while fits(most):
            most *= 2
            if most > 10**9:
                self._unlimited(site)
        while most - least > 1:
            middle = (least + most) // 2
            least, most = (middle, most) if fits(middle) else (least, middle)
        return least, self._name(int(which[np.argmin(np.where(sun > 0, upper, np.inf))]))

    def _unlimited(self, site: int) -> None:
        name = self.operation.problem.site_ids[site]
        raise InvalidOptionError(
            f"hosting: nothing limits the units at {name}; give it a voltage band or ampacities"
        )

    def _name(self, flat: int) -> str:
        node, kind = divmod(flat, len(LIMIT_KINDS))
        component, name, phase = limit_name(self.operation, node, kind)
        return f"{WHAT[kind]} of {component} {name}, phase {phase}"

    def worst(self, injected: FloatArray, most: int) -> list[tuple[int, int, int]]:
        """Scenario, node and kind of the rows passed most at injections of shape (S, n_site)."""
        rows = []
        for scenario in range(len(self.weight)):
            over = np.tensordot(injected[scenario], self.effect, 1) - self.room[scenario]
            beyond = over - self.slack
            for flat in np.argsort(-beyond, axis=None)[:most].tolist():
                node, kind = divmod(flat, len(LIMIT_KINDS))
                if not beyond[node, kind] > NEW * 0.1:
                    break
                rows.append((scenario, node, kind))
        return rows


class _Together:
    """All sites in one program: units, injections where these may be less, and hours given up."""

    def __init__(self, rows: _Rows, share: float, curtailment: float, gap: float) -> None:
        self._rows, self._share, self._gap = rows, share, gap
        self._curtailment = curtailment
        self._n_site, self._n_scenario = rows.sun.shape[1], rows.sun.shape[0]
        operation = rows.operation
        # A bound that only says that nothing is infinite, and keeps the rows of lost hours finite.
        load = float(operation.feeder.load_p.sum()) or 1.0
        most = np.ceil(MOST_OF_LOAD * load / operation.problem.unit_power)
        self._most = np.full(self._n_site, max(float(most), LEAST_MOST))
        self._has: set[tuple[int, int, int]] = set()
        self._entries: list[tuple[int, int, float]] = []
        self._upper: list[float] = []

    def solve(self, time_limit: float) -> tuple[Status, IntArray | None, float | None]:
        """Return status, units and the bound on their number."""
        deadline = working_time() + time_limit
        dark = self._unhelped()
        if dark > 1 - self._share + 1e-12:
            return Status.INFEASIBLE, None, None
        bound: float | None = None
        while True:
            left = seconds_left(deadline)
            if left <= 0:
                return Status.NOT_FOUND, None, bound
            answer = HighsModel(self._model(), gap=self._gap).solve(time_limit=left)
            if answer.status is SolverStatus.INFEASIBLE:
                return Status.INFEASIBLE, None, None
            if answer.x is None:
                return Status.NOT_FOUND, None, bound
            bound = -answer.bound if bound is None else min(bound, -answer.bound)
            units = np.rint(answer.x[: self._n_site]).astype(np.int64)
            if not self._separate(units, answer.x):
                status = (
                    Status.OPTIMAL if answer.status is SolverStatus.OPTIMAL else (Status.TIME_LIMIT)
                )
                if (units >= self._most).any():
                    raise InvalidOptionError(
                        "hosting: nothing limits the units; give a voltage band or ampacities"
                    )
                return status, units, np.floor(bound + 1e-6) if bound is not None else None

    def _unhelped(self) -> float:
        """Probability of the hours in which no unit can inject and a limit is passed."""
        rows = self._rows
        dark = rows.sun.max(axis=1) <= 0
        broken = (rows.room < -rows.slack).any(axis=(1, 2))
        self._given_up: BoolArray = dark & broken
        return float(rows.weight[self._given_up].sum())

    # Columns: units; injections (S × n_site) with curtailment; hours given up (S) below share 1.
    def _model(self) -> LinearModel:
        n, s, rows = self._n_site, self._n_scenario, self._rows
        n_inject = n * s if self._curtailment > 0 else 0
        n_lost = s if self._share < 1 else 0
        width = n + n_inject + n_lost
        entries, upper = list(self._entries), list(self._upper)

        def add(terms: list[tuple[int, float]], right: float) -> None:
            entries.extend((len(upper), column, value) for column, value in terms)
            upper.append(right)

        if n_inject:
            scenario, site = np.nonzero(rows.sun > 0)
            for k, i in zip(scenario.tolist(), site.tolist(), strict=True):
                add([(n + k * n + i, 1.0), (i, -float(rows.sun[k, i]))], 0.0)
            produced = rows.weight @ rows.sun
            kept = (1 - self._curtailment) * produced
            terms = [(i, float(kept[i])) for i in range(n)]
            terms += [
                (n + k * n + i, -float(rows.weight[k]))
                for k, i in zip(scenario.tolist(), site.tolist(), strict=True)
            ]
            add(terms, 0.0)
        if n_lost:
            add([(n + n_inject + k, float(rows.weight[k])) for k in range(s)], 1 - self._share)
        row, column, value = (
            (list(part) for part in zip(*entries, strict=True)) if entries else ([], [], [])
        )
        lower = np.full(len(upper), -np.inf)
        night = np.zeros(n_inject)
        night[(rows.sun > 0).ravel()[:n_inject]] = np.inf
        lost_lower = self._given_up[:n_lost].astype(np.float64)
        return LinearModel(
            cost=np.concatenate([-np.ones(n), np.zeros(n_inject + n_lost)]),
            matrix=csr_array(coo_array((value, (row, column)), shape=(len(upper), width))),
            row_lower=lower,
            row_upper=np.array(upper, dtype=np.float64),
            col_lower=np.concatenate([np.zeros(n + n_inject), lost_lower]),
            col_upper=np.concatenate([self._most, night, np.ones(n_lost)]),
            integer=(np.arange(width) < n) | (np.arange(width) >= n + n_inject),
        )

    def _separate(self, units: IntArray, x: FloatArray) -> bool:
        """Add rows that an answer passes; whether there were any."""
        n, s, rows = self._n_site, self._n_scenario, self._rows
        curtailed = self._curtailment > 0
        injected = (
            x[n : n + n * s].reshape(s, n) if curtailed else rows.sun * units.astype(np.float64)
        )
        at = n + (n * s if curtailed else 0)
        lost = x[at : at + s] > 0.5 if self._share < 1 else np.zeros(s, dtype=np.bool_)
        added = False
        for key in rows.worst(injected, ROWS):
            scenario, node, kind = key
            if lost[scenario]:
                continue
            if key in self._has:
                continue
            self._has.add(key)
            added = True
            effect = rows.effect[:, node, kind]
            right = float(rows.room[scenario, node, kind])
            there = np.flatnonzero((np.abs(effect) > 1e-12) & (rows.sun[scenario] > 0))
            row = len(self._upper)
            if curtailed:
                terms = [(n + scenario * n + int(i), float(effect[i])) for i in there]
            else:
                power = effect * rows.sun[scenario]
                terms = [(int(i), float(power[i])) for i in there]
            if self._share < 1:
                most = float(np.maximum(effect * rows.sun[scenario], 0.0) @ self._most) - right
                terms.append((n + scenario, -max(most, 0.0)))
            self._entries += [(row, column, value) for column, value in terms]
            self._upper.append(right)
        return added
