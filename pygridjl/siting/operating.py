"""What a decision does: energy of each site, limits that bind, and what breaks where none holds.

The methods only need values and slopes. Here every scenario is operated once more on all nodes
and its state is read: how much of the sun is used, which limits stop it, and for scenarios without
an operating point which branches and buses are overloaded at least.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from pygridjl.core.result import Result, Stopwatch
from pygridjl.core.types import BoolArray, FloatArray, IntArray
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.check import assert_valid_planning, assert_valid_scenarios_for
from pygridjl.siting.defaults import HOURS, with_default_limits
from pygridjl.siting.dispatch import Dispatch, OperatingStage, operating_stage
from pygridjl.siting.measures import MEASURES
from pygridjl.siting.problem import STORAGE, PlanningProblem
from pygridjl.siting.second_stage.operation import LIMIT_KINDS
from pygridjl.siting.violations import WHAT, Violations, describe_violations, limit_name, readable

__all__ = ["OperatingReport", "operate"]

# Numbers in one block of scenarios × nodes.
BLOCK = 2_000_000
# Less than this is no power, p.u.
SOME = 1e-6
# A unit is curtailed below this share of its sun.
CURTAILED = 1 - 1e-6


@dataclass(frozen=True, eq=False)
class OperatingReport(Result):
    """How the feeder runs under a decision.

    Attributes
    ----------
    feeder, scenarios : str
        Names of the feeder and of the scenario set.
    sites : DataFrame
        A row for each site with units: ``bus, phases, profile, units, kw``, ``available_mwh``,
        ``produced_mwh`` and ``curtailed_mwh`` in a year, ``curtailed_share``,
        ``curtailed_hours`` in which some of the sun is not used, ``injected_mvarh`` and
        ``absorbed_mvarh``, all phases of a site together. Storage produces what it discharges;
        ``charged_mwh``, and ``both_hours`` in which a phase of it does both, which is a fault of
        the linear model.
    binding : DataFrame
        Limits that hold something back: ``component, id, phase, limit, hours, worst`` with the
        largest loading |S| over the rating or the extreme voltage, p.u. The limit on the flow is a
        hexagon within that circle, (50)–(52), so that it may bind from 0.87 on.
    violations : DataFrame
        For scenarios without an operating point the least sum of violations, with a price of
        slack what is passed for it: ``scenario, component, id, phase, limit, value, bound,
        hours``, ``value`` as loading or voltage, p.u.
    hours : float
        Hours a year in scenarios with an operating point.
    given_up_hours : float
        Hours a year of these in which limits do not hold; ``violations`` are theirs too.
    measures : dict of str to float
        Each measure of the objective, without its weight, on average over these hours.
    seconds : dict
        Seconds by phase.
    """

    feeder: str
    scenarios: str
    sites: pd.DataFrame
    binding: pd.DataFrame
    violations: pd.DataFrame
    hours: float
    given_up_hours: float = 0.0
    measures: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def to_frame(self) -> pd.DataFrame:
        """Return the sites."""
        return self.sites.copy()

    def told(self) -> list[tuple[str, str]]:
        """Return what planners ask first, as lines with a name: sun used, limits that bind."""
        storage = self.sites["profile"] == STORAGE
        rest = self.sites[~storage]
        available, produced = rest["available_mwh"].sum(), rest["produced_mwh"].sum()
        hours = float(rest["curtailed_hours"].max()) if len(rest) else 0.0
        share = 100 * (1 - produced / available) if available > 0 else 0.0
        energy = f"{produced:.1f} of {available:.1f} MWh a year, {share:.1f} % curtailed"
        rows = [("energy", f"{energy}, in {hours:.0f} h at one site or more")]
        if storage.any():
            moved = self.sites[storage][["charged_mwh", "produced_mwh"]].sum()
            both = self.sites[storage]["both_hours"].max()
            told = f"charges {moved.iloc[0]:.1f} and discharges {moved.iloc[1]:.1f} MWh a year"
            rows.append(("storage", told + (f", both at once in {both:.0f} h" if both else "")))
        given, taken = self.sites["injected_mvarh"].sum(), self.sites["absorbed_mvarh"].sum()
        if given or taken:
            told = f"units inject {given:.1f} Mvarh a year and absorb {taken:.1f}"
            rows.append(("reactive energy", told))
        if self.given_up_hours:
            passed = describe_violations(self.violations, 3)
            rows.append(("limits given up", f"in {self.given_up_hours:.0f} h a year"))
            rows += [("passed", text) for text in passed]
        for row in self.binding.head(3).to_dict("records"):
            where = f"{row['component']} {row['id']}, phase {row['phase']}"
            rows.append(("binding", f"{row['limit']} of {where} in {row['hours']:.0f} h a year"))
        return rows

    def told_measures(self) -> list[tuple[str, str]]:
        """Return the measures as lines with a name: those of a sum, and energy by the year."""
        rows = []
        for name, value in self.measures.items():
            about = MEASURES[name]
            if name in ("import", "energy-cost"):
                unit = "MWh" if name == "import" else "k$"
                yearly = f", {value * self.hours / 1e3:.5g} {unit} a year"
            elif len(self.measures) > 1:
                yearly = ""
            else:
                continue
            rows.append((about.text, f"{value:.5g} {about.unit}".rstrip() + yearly))
        return rows

    def summary(self) -> str:
        """Return the report as a short text for people."""
        lines = [f"hours with an operating point: {self.hours:.0f} of {HOURS:.0f}"]
        lines += [f"{name}: {text}" for name, text in self.told_measures()]
        for row in self.sites.to_dict("records"):
            if row["profile"] == STORAGE:
                lines.append(
                    f"storage {row['bus']} ({row['phases']}): {row['units']:g} units, "
                    f"{row['kw']:g} kW, charges {row['charged_mwh']:.2f} and discharges "
                    f"{row['produced_mwh']:.2f} MWh a year"
                )
                continue
            lines.append(
                f"site {row['bus']} ({row['phases']}): {row['units']:g} units, {row['kw']:g} kW, "
                f"produces {row['produced_mwh']:.2f} of {row['available_mwh']:.2f} MWh a year, "
                f"curtailed {100 * row['curtailed_share']:.1f} % in {row['curtailed_hours']:.0f} h"
            )
        for row in self.binding.head(10).to_dict("records"):
            where = f"{row['component']} {row['id']}, phase {row['phase']}"
            lines.append(f"binds: {row['limit']} of {where} in {row['hours']:.0f} h")
        lines.extend(describe_violations(self.violations))
        return "\n".join(lines)


def operate(
    problem: PlanningProblem,
    scenarios: ScenarioSet,
    units: ArrayLike,
    *,
    indices: ArrayLike | None = None,
    stage: OperatingStage | None = None,
) -> OperatingReport:
    """Operate the feeder with given units in every scenario and read what happens.

    Limits that neither problem nor feeder states are assumed as :func:`~pygridjl.siting.site` does.

    Where several dispatches are equally good, the one that uses most of the sun is taken.

    Parameters
    ----------
    problem : PlanningProblem
        The problem.
    scenarios : ScenarioSet
        The scenarios; each probability counts as that share of 8,760 hours.
    units : array_like, shape (n_site,)
        Units at each site.
    indices : array_like of int, optional
        Positions of the scenarios to operate; all unless given.
    stage : OperatingStage, optional
        An engine built for the same problem and scenarios, if there is one.

    Returns
    -------
    OperatingReport
        Energy by site, binding limits, and violations where there is no operating point.

    Raises
    ------
    InvalidPlanningError, InvalidScenariosError, InvalidOptionError
        If problem, scenarios or units are not sound.
    SolverError
        If a solver fails.

    Examples
    --------
    >>> from pygridjl import load_feeder, generate_scenarios
    >>> from pygridjl.siting import PlanningProblem, operate
    >>> problem = PlanningProblem.on_buses(load_feeder("ieee13"), ["675"], v_source=1.0)
    >>> report = operate(problem, generate_scenarios(16, 24), [20])
    >>> report.sites["bus"].tolist()
    ['675']
    """
    assert_valid_planning(problem)
    assert_valid_scenarios_for(problem, scenarios)
    watch = Stopwatch()
    if stage is None:
        problem, _ = with_default_limits(problem, scenarios)
        with watch.phase("build"):
            stage = operating_stage(problem, scenarios)
    runner = _Runner(stage)
    chosen = np.arange(len(scenarios)) if indices is None else indices
    n, index = runner.operation.check_units(units), runner.operation.check_indices(chosen)
    with watch.phase("operate"):
        runner.run(np.unique(index), n)
    return runner.report(n, np.unique(index), watch.seconds)


class _Runner:
    """Operates the scenarios and adds up."""

    def __init__(self, stage: OperatingStage) -> None:
        self._dispatch = Dispatch(stage)
        self.operation = operation = stage.operation
        self._hours = HOURS * operation.scenarios.probability
        self._produced = np.zeros(operation.problem.n_site)
        self._curtailed_hours = np.zeros(operation.problem.n_site)
        self._mvarh = np.zeros((2, operation.problem.n_site))
        self._charged, self._both = np.zeros((2, operation.problem.n_site))
        self._binding = np.zeros((operation.n_node, len(LIMIT_KINDS)))
        self._worst = np.full((operation.n_node, len(LIMIT_KINDS)), -np.inf)
        self._violations = Violations(operation, self._hours)
        self._lost: set[int] = set()
        self._supplied = self._given_up = 0.0
        self._measures = dict.fromkeys(operation.objective.weights, 0.0)

    def run(self, index: IntArray, n: FloatArray) -> None:
        injected, feasible = self._dispatch.of(index, n)
        free = self._dispatch.given_up(n)[index]
        size = max(1, BLOCK // self.operation.n_node)
        alive = np.flatnonzero(feasible)
        for first in range(0, alive.size, size):
            rows = alive[first : first + size]
            self._read(index[rows], injected[rows], n, free[rows])
        for scenario in index[~feasible].tolist():
            self._violations.least(scenario, *self._dispatch.right_hand_sides(scenario, n))
            self._lost.add(scenario)

    def _read(self, index: IntArray, x: FloatArray, n: FloatArray, free: BoolArray) -> None:
        """Read the state of some scenarios from what is injected, shape (B, n_col).

        Limits hold nothing back where ``free``, shape (B,).
        """
        operation, hours = self.operation, self._hours[index]
        sun = operation.sun[index] * n
        first, stores = operation.first_col[:-1], operation.problem.stores
        injected = np.add.reduceat(x * (operation.gain > 0), first, axis=1)
        self._charged += hours @ np.add.reduceat(x * (operation.gain < 0), first, axis=1)
        # A phase of storage charges by the column after the one it discharges by.
        twice = np.minimum(x[:, :-1], x[:, 1:]) * (operation.gain[1:] < 0)
        both = np.add.reduceat(np.pad(twice > SOME, ((0, 0), (0, 1))), first, axis=1)
        self._both += hours @ (both > 0)
        self._supplied += float(hours.sum())
        self._produced += hours @ np.where(stores, injected, np.minimum(injected, sun))
        self._curtailed_hours += hours @ ((sun > 0) & (injected < CURTAILED * sun))
        reactive = operation.reactive(x)
        for row, sign in enumerate((1.0, -1.0)):
            self._mvarh[row] += hours @ np.maximum(sign * reactive, 0.0)
        P, Q, U = operation.states(index, x)
        for name, values in operation.objective.values(index, P, Q, U).items():
            self._measures[name] += float(hours @ values)
        limit = operation.limit
        loading = np.hypot(P, Q) / (limit[:, 0] / np.sqrt(3))
        for kind, (by_p, by_q, by_u) in enumerate(LIMIT_KINDS):
            there = np.flatnonzero(np.isfinite(limit[:, kind]))
            if there.size == 0:
                continue
            bound = limit[there, kind]
            used = sum(c * X[:, there] for c, X in ((by_p, P), (by_q, Q), (by_u, U)) if c != 0)
            tight = used >= bound - 1e-6 * np.maximum(np.abs(bound), 1e-3)
            tight &= ~free[:, None]
            some = np.flatnonzero(tight.any(axis=0))
            at, tight = there[some], tight[:, some]
            self._binding[at, kind] += hours @ tight
            size = loading[:, at] if kind < 6 else by_u * U[:, at]
            worst = np.where(tight, size, -np.inf).max(axis=0)
            self._worst[at, kind] = np.maximum(self._worst[at, kind], worst)
        self._given_up += float(hours @ free)
        if operation.problem.slack_price is not None or free.any():
            for row, scenario in enumerate(index.tolist()):
                self._violations.record(scenario, P[row], Q[row], U[row])

    # ------------------------------------------------------------------------------- answer
    def report(self, n: FloatArray, index: IntArray, seconds: dict[str, float]) -> OperatingReport:
        operation, problem = self.operation, self.operation.problem
        alive = np.array([k not in self._lost for k in index.tolist()], dtype=bool)
        hours = self._hours[index[alive]]
        sun = hours @ (operation.sun[index[alive]] * n)
        mwh = operation.kw / 1e3
        rows = np.flatnonzero(n > 0)
        produced = self._produced[rows] * mwh
        available = np.where(problem.stores[rows], produced, sun[rows] * mwh)
        sites = pd.DataFrame(
            {
                "bus": [problem.site_ids[k] for k in rows],
                "phases": [problem.site_letters[k] for k in rows],
                "profile": [problem.profiles[k] for k in rows],
                "units": n[rows],
                "kw": n[rows] * problem.unit_kw,
                "available_mwh": available,
                "produced_mwh": produced,
                "curtailed_mwh": available - produced,
                "curtailed_share": 1 - produced / np.maximum(available, 1e-300),
                "curtailed_hours": self._curtailed_hours[rows],
                "injected_mvarh": self._mvarh[0, rows] * mwh,
                "absorbed_mvarh": self._mvarh[1, rows] * mwh,
                "charged_mwh": self._charged[rows] * mwh,
                "both_hours": self._both[rows],
            }
        )
        return OperatingReport(
            operation.feeder.name,
            operation.scenarios.name,
            sites,
            self._binding_table(),
            self._violations.table(),
            self._supplied,
            self._given_up,
            {name: v / max(self._supplied, 1e-300) for name, v in self._measures.items()},
            dict(seconds),
        )

    def _binding_table(self) -> pd.DataFrame:
        rows: dict[tuple[str, str, str, str], list[float]] = {}
        for node, kind in zip(*np.nonzero(self._binding), strict=True):
            component, name, phase = limit_name(self.operation, int(node), int(kind))
            value, _ = readable(
                int(kind), self._worst[node, kind], self.operation.limit[node, kind]
            )
            entry = rows.setdefault((component, name, phase, WHAT[kind]), [0.0, value])
            # The sides of a polygon hardly bind together.
            entry[0] = max(entry[0], float(self._binding[node, kind]))
        table = pd.DataFrame(
            [(*key, *entry) for key, entry in rows.items()],
            columns=["component", "id", "phase", "limit", "hours", "worst"],
        )
        return table.sort_values("hours", ascending=False, ignore_index=True)
