"""What a decision does: energy of each site, limits that bind, and what breaks where none holds.

The methods only need values and slopes. Here every scenario is operated once more on all nodes
and its state is read: how much of the sun is used, which limits stop it, and for scenarios without
an operating point which branches and buses are overloaded at least.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.sparse import csr_array, eye_array, hstack, vstack

from pygridjl.core.errors import SolverError
from pygridjl.core.result import Result, Stopwatch
from pygridjl.core.types import FloatArray, IntArray
from pygridjl.grid.feeder import PHASES
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.check import assert_valid_planning, assert_valid_scenarios_for
from pygridjl.siting.defaults import HOURS, with_default_limits
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.second_stage.condensed import GENEROUS, CondensedSecondStage
from pygridjl.siting.second_stage.operation import LIMIT_KINDS
from pygridjl.siting.second_stage.program import OperationProgram
from pygridjl.siting.second_stage.quadratic import LossProgram
from pygridjl.solvers.highs import HighsModel
from pygridjl.solvers.linear import LinearModel
from pygridjl.solvers.status import SolverStatus

__all__ = ["OperatingReport", "operate"]

# Numbers in one block of scenarios × nodes.
BLOCK = 2_000_000
# A unit is curtailed below this share of its sun.
CURTAILED = 1 - 1e-6
_WHAT = ("ampacity", "ampacity", "ampacity", "ampacity", "ampacity", "ampacity", "v_max", "v_min")


@dataclass(frozen=True, eq=False)
class OperatingReport(Result):
    """How the feeder runs under a decision.

    Attributes
    ----------
    feeder, scenarios : str
        Names of the feeder and of the scenario set.
    sites : DataFrame
        A row for each site with units: ``bus, phases, units, kw``, ``available_mwh``,
        ``produced_mwh`` and ``curtailed_mwh`` in a year, ``curtailed_share``, and
        ``curtailed_hours`` in which some of the sun is not used.
    binding : DataFrame
        Limits that hold something back: ``component, id, phase, limit, hours, worst`` with the
        largest loading |S| over the rating or the extreme voltage, p.u. The limit on the flow is a
        hexagon within that circle, (50)–(52), so that it may bind from 0.87 on.
    violations : DataFrame
        For scenarios without an operating point the least sum of violations: ``scenario,
        component, id, phase, limit, value, bound, hours``, ``value`` as loading or voltage, p.u.
    hours : float
        Hours a year in scenarios with an operating point.
    seconds : dict
        Seconds by phase.
    """

    feeder: str
    scenarios: str
    sites: pd.DataFrame
    binding: pd.DataFrame
    violations: pd.DataFrame
    hours: float
    seconds: dict[str, float] = field(default_factory=dict)

    def to_frame(self) -> pd.DataFrame:
        """Return the sites."""
        return self.sites.copy()

    def told(self) -> list[tuple[str, str]]:
        """Return what planners ask first, as lines with a name: sun used, limits that bind."""
        available, produced = self.sites["available_mwh"].sum(), self.sites["produced_mwh"].sum()
        hours = float(self.sites["curtailed_hours"].max()) if len(self.sites) else 0.0
        share = 100 * (1 - produced / available) if available > 0 else 0.0
        energy = f"{produced:.1f} of {available:.1f} MWh a year, {share:.1f} % curtailed"
        rows = [("energy", f"{energy}, in {hours:.0f} h at one site or more")]
        for row in self.binding.head(3).to_dict("records"):
            where = f"{row['component']} {row['id']}, phase {row['phase']}"
            rows.append(("binding", f"{row['limit']} of {where} in {row['hours']:.0f} h a year"))
        return rows

    def summary(self) -> str:
        """Return the report as a short text for people."""
        lines = [f"hours with an operating point: {self.hours:.0f} of {HOURS:.0f}"]
        for row in self.sites.to_dict("records"):
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


def describe_violations(violations: pd.DataFrame, most: int = 5) -> list[str]:
    """Return one line for each of the limits that are broken most, over all scenarios.

    Parameters
    ----------
    violations : DataFrame
        As in :class:`OperatingReport`.
    most : int
        Lines at most.
    """
    lines = []
    keys = ["component", "id", "phase", "limit"]
    for (component, name, phase, limit), rows in violations.groupby(keys, sort=False):
        low = limit == "v_min"
        worst = rows["value"].min() if low else rows["value"].max()
        told = (
            f"loading {100 * worst:.0f} %"
            if limit == "ampacity"
            else f"voltage {worst:.3f} p.u. ({limit} {rows['bound'].iloc[0]:g})"
        )
        size = abs(worst - rows["bound"].iloc[0])
        text = f"{component} {name}, phase {phase}: {told} in {rows['hours'].sum():.0f} h a year"
        lines.append((size, text))
    lines.sort(key=lambda item: -item[0])
    return [text for _, text in lines[:most]]


def operate(
    problem: PlanningProblem,
    scenarios: ScenarioSet,
    units: ArrayLike,
    *,
    indices: ArrayLike | None = None,
    stage: CondensedSecondStage | None = None,
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
    stage : CondensedSecondStage, optional
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
            stage = CondensedSecondStage(problem, scenarios)
    runner = _Runner(stage)
    chosen = np.arange(len(scenarios)) if indices is None else indices
    n, index = runner.operation.check_units(units), runner.operation.check_indices(chosen)
    with watch.phase("operate"):
        runner.run(np.unique(index), n)
    return runner.report(n, np.unique(index), watch.seconds)


class _Runner:
    """Operates the scenarios and adds up."""

    def __init__(self, stage: CondensedSecondStage) -> None:
        self._stage = stage
        self.operation = operation = stage.operation
        self._hours = HOURS * operation.scenarios.probability
        self._produced = np.zeros(operation.problem.n_site)
        self._curtailed_hours = np.zeros(operation.problem.n_site)
        self._binding = np.zeros((operation.n_node, len(LIMIT_KINDS)))
        self._worst = np.full((operation.n_node, len(LIMIT_KINDS)), -np.inf)
        self._violations: list[tuple[object, ...]] = []
        self._supplied = 0.0

    @cached_property
    def _deviation(self) -> bool:
        return self.operation.problem.measure == "voltage"

    @cached_property
    def _program(self) -> OperationProgram:
        return OperationProgram(self.operation, deviation=self._deviation)

    @cached_property
    def _loss(self) -> LossProgram | None:
        return None if self._deviation else LossProgram(self.operation, self._program)

    @cached_property
    def _linear(self) -> HighsModel:
        """The program, which prefers sun to curtailment where the measure does not care."""
        model = self._program.linear_model()
        if self._deviation:
            first = 3 * self.operation.n_node
            model.cost[first : first + self.operation.n_col] -= GENEROUS
        return HighsModel(model)

    @cached_property
    def _elastic(self) -> HighsModel:
        return self._elastic_model()

    def run(self, index: IntArray, n: FloatArray) -> None:
        injected, known = self._stage.dispatch(n, index)
        size = max(1, BLOCK // self.operation.n_node)
        sure = np.flatnonzero(known)
        for first in range(0, sure.size, size):
            rows = sure[first : first + size]
            self._read(index[rows], injected[rows], n)
        for scenario in index[~known].tolist():
            self._run_full(scenario, n)

    def _run_full(self, scenario: int, n: FloatArray) -> None:
        """Operate one scenario on all nodes."""
        operation, program = self.operation, self._program
        p, q = operation.demand(np.array([scenario]))
        right, sun = np.concatenate([-p[0], -q[0]]), operation.per_unit[scenario] * n
        x = None if self._loss is None else self._loss.columns(right, sun)
        if x is None:
            lower = np.concatenate([right, np.full(n.size, -np.inf)])
            self._linear.set_row_bounds(program.changing, lower, np.concatenate([right, sun]))
            answer = self._linear.solve()
            if answer.status is SolverStatus.INFEASIBLE:
                self._least_violation(scenario, right, sun)
                return
            if answer.x is None:
                raise SolverError(f"HiGHS: ended with status {answer.status.value!r}")
            x = answer.x
        first = 3 * operation.n_node
        self._read(np.array([scenario]), x[None, first : first + operation.n_col], n)

    def _read(self, index: IntArray, x: FloatArray, n: FloatArray) -> None:
        """Read the state of some scenarios from what is injected, shape (B, n_col)."""
        operation, hours = self.operation, self._hours[index]
        sun = operation.per_unit[index] * n
        injected = np.add.reduceat(x, operation.first_col[:-1], axis=1)
        self._supplied += float(hours.sum())
        self._produced += hours @ np.minimum(injected, sun)
        self._curtailed_hours += hours @ ((sun > 0) & (injected < CURTAILED * sun))
        p, q = operation.demand(index)
        np.add.at(p, (slice(None), operation.col_node), x)
        np.add.at(q, (slice(None), operation.col_node), operation.tan * x)
        P, Q = operation.model.flows(p, q)
        U = operation.model.voltages_of_flows(P, Q)
        limit = operation.limit
        loading = np.hypot(P, Q) / (limit[:, 0] / np.sqrt(3))
        for kind, (by_p, by_q, by_u) in enumerate(LIMIT_KINDS):
            bound = limit[:, kind]
            there = np.isfinite(bound)
            slack = np.where(there, 1e-6 * np.maximum(np.abs(bound), 1e-3), 0.0)
            tight = there & (by_p * P + by_q * Q + by_u * U >= bound - slack)
            self._binding[:, kind] += hours @ tight
            size = loading if kind < 6 else by_u * U
            worst = np.where(tight, size, -np.inf).max(axis=0)
            self._worst[:, kind] = np.maximum(self._worst[:, kind], worst)

    def _sizes(self, state: FloatArray) -> FloatArray:
        """Return loading |S| over rating for the sides of the hexagon, ±U for those of the band."""
        loading = np.hypot(state[:, 0], state[:, 1]) / (self.operation.limit[:, 0] / np.sqrt(3))
        sizes = np.repeat(loading[:, None], len(LIMIT_KINDS), axis=1)
        sizes[:, 6], sizes[:, 7] = state[:, 2], -state[:, 2]
        return sizes

    # ------------------------------------------------------------------- no operating point
    def _least_violation(self, scenario: int, right: FloatArray, sun: FloatArray) -> None:
        program, operation, n = self._program, self.operation, self.operation.n_node
        lower = np.concatenate([right, np.full(sun.size, -np.inf)])
        self._elastic.set_row_bounds(program.changing, lower, np.concatenate([right, sun]))
        answer = self._elastic.solve()
        if answer.x is None:
            raise SolverError(f"HiGHS: the elastic program ended with {answer.status.value!r}")
        state = answer.x[: 3 * n].reshape(3, n).T
        used = state @ LIMIT_KINDS.T
        limit = operation.limit
        there = np.isfinite(limit)
        beyond = there & (used > limit + 1e-6 * np.where(there, np.maximum(np.abs(limit), 1e-3), 0))
        size = self._sizes(state)
        # One line a node for its branch, and one for its voltage.
        for group in (range(6), (6,), (7,)):
            kinds = list(group)
            for node in np.flatnonzero(beyond[:, kinds].any(axis=1)).tolist():
                over = used[node, kinds] / np.where(there[node, kinds], limit[node, kinds], np.inf)
                kind = kinds[int(np.argmax(np.where(beyond[node, kinds], over, -np.inf)))]
                value, bound = self._readable(kind, size[node, kind], limit[node, kind])
                component, name, phase = self._name(node, kind)
                self._violations.append(
                    (
                        str(operation.scenarios.id[scenario]),
                        component,
                        name,
                        phase,
                        _WHAT[kind],
                        value,
                        bound,
                        self._hours[scenario],
                    )
                )

    def _elastic_model(self) -> HighsModel:
        """Every limit of the program may give way at a price of one a p.u."""
        program, n = self._program, self.operation.n_node
        rows, cols = program.row_lower.size, program.cost.size
        fixed = 3 * n + self.operation.problem.n_site
        soft_columns = np.arange(n, 3 * n)
        one = eye_array(cols, format="csr")[soft_columns]
        matrix = csr_array(vstack([program.matrix, one]))
        lower = np.concatenate([program.row_lower, program.col_lower[soft_columns]])
        upper = np.concatenate([program.row_upper, program.col_upper[soft_columns]])
        soft = np.concatenate([np.arange(fixed, rows), rows + np.arange(soft_columns.size)])
        if self._deviation:
            # The rows of the deviations come last among those of the program and always hold.
            soft = soft[(soft < rows - n) | (soft >= rows)]
        give = eye_array(matrix.shape[0], format="csr")[:, soft]
        col_lower, col_upper = program.col_lower.copy(), program.col_upper.copy()
        col_lower[soft_columns], col_upper[soft_columns] = -np.inf, np.inf
        free = np.full(soft.size, np.inf)
        none = np.zeros(soft.size)
        return HighsModel(
            LinearModel(
                cost=np.concatenate([np.zeros(cols), np.ones(2 * soft.size)]),
                matrix=csr_array(hstack([matrix, give, -give])),
                row_lower=lower,
                row_upper=upper,
                col_lower=np.concatenate([col_lower, none, none]),
                col_upper=np.concatenate([col_upper, free, free]),
            )
        )

    # ------------------------------------------------------------------------------- answer
    def _name(self, node: int, kind: int) -> tuple[str, str, str]:
        operation = self.operation
        phase = PHASES[int(operation.feeder.node_phase[node])]
        if kind >= 6:
            return "bus", str(operation.feeder.buses.id[operation.feeder.node_bus[node]]), phase
        return "branch", str(operation.feeder.branches.id[operation.model.branch[node]]), phase

    @staticmethod
    def _readable(kind: int, size: float, limit: float) -> tuple[float, float]:
        """Return a loading beside 1, or voltage magnitudes."""
        if kind < 6:
            return float(size), 1.0
        return float(np.sqrt(abs(size))), float(np.sqrt(abs(limit)))

    def report(self, n: FloatArray, index: IntArray, seconds: dict[str, float]) -> OperatingReport:
        operation, problem = self.operation, self.operation.problem
        lost = {row[0] for row in self._violations}
        alive = np.array([str(operation.scenarios.id[k]) not in lost for k in index], dtype=bool)
        hours = self._hours[index[alive]]
        sun = hours @ (operation.per_unit[index[alive]] * n)
        mwh = operation.kw / 1e3
        rows = np.flatnonzero(n > 0)
        available, produced = sun[rows] * mwh, self._produced[rows] * mwh
        sites = pd.DataFrame(
            {
                "bus": [problem.site_ids[k] for k in rows],
                "phases": [problem.site_letters[k] for k in rows],
                "units": n[rows],
                "kw": n[rows] * problem.unit_kw,
                "available_mwh": available,
                "produced_mwh": produced,
                "curtailed_mwh": available - produced,
                "curtailed_share": 1 - produced / np.maximum(available, 1e-300),
                "curtailed_hours": self._curtailed_hours[rows],
            }
        )
        names = ["scenario", "component", "id", "phase", "limit", "value", "bound", "hours"]
        return OperatingReport(
            operation.feeder.name,
            operation.scenarios.name,
            sites,
            self._binding_table(),
            pd.DataFrame(self._violations, columns=names),
            self._supplied,
            dict(seconds),
        )

    def _binding_table(self) -> pd.DataFrame:
        rows: dict[tuple[str, str, str, str], list[float]] = {}
        for node, kind in zip(*np.nonzero(self._binding), strict=True):
            component, name, phase = self._name(int(node), int(kind))
            value, _ = self._readable(
                int(kind), self._worst[node, kind], self.operation.limit[node, kind]
            )
            entry = rows.setdefault((component, name, phase, _WHAT[kind]), [0.0, value])
            # The sides of a polygon hardly bind together.
            entry[0] = max(entry[0], float(self._binding[node, kind]))
        table = pd.DataFrame(
            [(*key, *entry) for key, entry in rows.items()],
            columns=["component", "id", "phase", "limit", "hours", "worst"],
        )
        return table.sort_values("hours", ascending=False, ignore_index=True)
