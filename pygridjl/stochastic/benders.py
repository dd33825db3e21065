"""Benders decomposition: supporting planes from every scenario, and the bound they prove."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np
from scipy.sparse import csr_array, hstack

from pygridjl._types import FloatArray, IntArray
from pygridjl.errors import InvalidOptionError, SolverError
from pygridjl.results import Status, Stopwatch, relative_gap
from pygridjl.solvers.highs import HighsModel, HighsSolution, LinearModel
from pygridjl.solvers.status import SolverStatus
from pygridjl.stochastic.allocation import allocate
from pygridjl.stochastic.first_stage import first_stage_rows
from pygridjl.stochastic.planning import (
    PlanningProblem,
    assert_valid_planning,
    assert_valid_scenarios_for,
)
from pygridjl.stochastic.recourse import (
    ExpectedValue,
    FeasibilityCut,
    SecondStage,
    SecondStageBatch,
    assert_built_for,
    expected_value,
)
from pygridjl.stochastic.result import SitingResult, siting_result
from pygridjl.stochastic.scenarios.model import ScenarioSet

__all__ = ["benders"]

# Share of the wanted gap that the search in the master may leave open.
MASTER_SHARE = 0.2


class _Master:
    """First stage with one column above the part of the expectation of each group of scenarios."""

    def __init__(self, problem: PlanningProblem, groups: IntArray, gap: float) -> None:
        n, self.n_group = problem.n_site, int(groups.max()) + 1
        self._n_site, self._groups = n, groups
        rows = first_stage_rows(problem)
        n_group = self.n_group
        empty = csr_array((rows.row_lower.size, n_group))
        # Neither objective can be negative, which bounds a master without planes.
        self._model = HighsModel(
            LinearModel(
                cost=np.concatenate([np.zeros(2 * n), np.ones(n_group)]),
                matrix=csr_array(hstack([rows.matrix, empty])),
                row_lower=rows.row_lower,
                row_upper=rows.row_upper,
                col_lower=np.zeros(2 * n + n_group),
                col_upper=np.concatenate([rows.col_upper, np.full(n_group, np.inf)]),
                integer=np.arange(2 * n + n_group) < 2 * n,
            ),
            gap=gap,
        )

    def _add(self, slopes: FloatArray, values: FloatArray | None, lower: FloatArray) -> None:
        """Add rows slopes·n + values·θ ≥ lower."""
        n_row = slopes.shape[0]
        value = np.zeros((n_row, self.n_group)) if values is None else values
        parts = [csr_array(slopes), csr_array((n_row, self._n_site)), csr_array(value)]
        self._model.add_rows(csr_array(hstack(parts)), lower, np.full(n_row, np.inf))

    def add_planes(
        self, scenarios: ScenarioSet, units: FloatArray, batch: SecondStageBatch
    ) -> None:
        """Add the supporting plane at ``units`` of each group without infeasible scenario."""
        weight = scenarios.probability
        counted = weight > 0
        lost = np.zeros(self.n_group, dtype=np.bool_)
        lost[self._groups[counted & ~batch.optimal]] = True
        used = np.flatnonzero(counted & ~lost[self._groups])
        if used.size == 0:
            return
        share = csr_array(
            (weight[used], (self._groups[used], np.arange(used.size))),
            shape=(self.n_group, used.size),
        )
        kept = np.flatnonzero(np.bincount(self._groups[used], minlength=self.n_group))
        slope = (share @ batch.gradient[used])[kept]
        level = (share @ batch.value[used])[kept]
        self._add(-slope, np.eye(self.n_group)[kept], level - slope @ units)

    def add_cut(self, cut: FeasibilityCut) -> bool:
        """Add (18); False if no decision keeps it."""
        scale = float(np.abs(cut.coefficient).max())
        if scale <= 1e-9 * abs(cut.constant):
            return False
        # A ray has no scale of its own and tolerances are absolute.
        row = -cut.coefficient[None, :] / scale
        self._add(row, None, np.array([cut.constant / scale]))
        return True

    def solve(self, time_limit: float) -> tuple[HighsSolution, IntArray | None]:
        """Solve; also return the units, if there are any."""
        answer = self._model.solve(time_limit=time_limit)
        units = None
        if answer.x is not None:
            units = np.rint(answer.x[: self._n_site]).astype(np.int64)
        return answer, units


def benders(
    problem: PlanningProblem,
    scenarios: ScenarioSet,
    second_stage: SecondStage,
    *,
    multi_cut: bool = False,
    gap: float = 1e-3,
    time_limit: float | None = None,
    max_iterations: int = 1000,
    on_progress: Callable[[str], None] | None = None,
) -> SitingResult:
    """Site units with a proven bound.

    The expectation of the second stage is convex in the units. At each decision all scenarios
    are solved; their subgradients give a plane below the expectation, infeasible scenarios give
    rows (18). The master minimises over the planes so far, by HiGHS; the dual bound of its search
    is a bound for the problem, the best decision evaluated is the incumbent.

    Parameters
    ----------
    problem : PlanningProblem
        The problem.
    scenarios : ScenarioSet
        The scenarios.
    second_stage : SecondStage
        Engine built for both.
    multi_cut : bool
        One plane for each scenario instead of one for the expectation: fewer iterations of a
        larger master. It pays where scenarios are few or bend at different decisions.
    gap : float
        Relative gap between incumbent and bound at which the search ends.
    time_limit : float, optional
        Seconds; the evaluation under way is finished.
    max_iterations : int
        Iterations at most.
    on_progress : callable, optional
        Called with one line of text an iteration.

    Returns
    -------
    SitingResult
        ``optimal`` if the gap was reached, ``time_limit`` or ``feasible`` with the gap left
        otherwise, ``infeasible`` if no decision keeps every scenario feasible.

    Raises
    ------
    InvalidNetworkError, InvalidPlanningError, InvalidScenariosError, InvalidOptionError
        If the input is unsound.
    SolverError
        If a scenario or the master fails.
    """
    if not (math.isfinite(gap) and gap > 0):
        raise InvalidOptionError(f"gap must be a positive number, not {gap}")
    assert_built_for(problem, scenarios, second_stage)
    assert_valid_planning(problem)
    assert_valid_scenarios_for(problem, scenarios)
    second_stage.reset()
    n_scenario = len(scenarios)
    groups = np.arange(n_scenario) if multi_cut else np.zeros(n_scenario, dtype=np.int64)
    run = _Run(second_stage, _Master(problem, groups, MASTER_SHARE * gap), gap)
    deadline = time.monotonic() + (np.inf if time_limit is None else time_limit)
    status, iterations = run.start(), 0
    while status is None and iterations < max_iterations:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            status = Status.TIME_LIMIT
            break
        status = run.iterate(remaining)
        iterations += 1
        if on_progress is not None:
            on_progress(f"iteration {iterations}: {run}")
    return run.answer(status or Status.FEASIBLE, iterations)


class _Run:
    """Incumbent and bound between iterations."""

    def __init__(self, second_stage: SecondStage, master: _Master, gap: float) -> None:
        self._stage, self._master, self._gap = second_stage, master, gap
        self._watch = Stopwatch()
        self._units: IntArray | None = None
        self._value: ExpectedValue | None = None
        self._reference: ExpectedValue | None = None
        self._bound = 0.0
        self._tried: set[bytes] = set()
        self._lost: dict[str, None] = {}

    def __str__(self) -> str:
        if self._value is None:
            return f"no decision yet keeps every scenario feasible, bound {self._bound:.6g}"
        share = 100 * (relative_gap(self._value.value, self._bound) or 0.0)
        return f"value {self._value.value:.6g}, bound {self._bound:.6g}, gap {share:.3f} %"

    def start(self) -> Status | None:
        """Begin with the planes without units and at the best of that plane."""
        problem = self._stage.problem
        nothing = np.zeros(problem.n_site, dtype=np.int64)
        status = self._evaluate(nothing)
        found = self._reference
        if status is None and found is not None and not found.infeasible:
            slopes = np.repeat(found.gradient[:, None], problem.site_limit, axis=1)
            status = self._evaluate(allocate(problem, slopes))
        return status

    def iterate(self, remaining: float) -> Status | None:
        """Solve the master and evaluate its decision; a status if that ends the run."""
        with self._watch.phase("master"):
            answer, units = self._master.solve(remaining)
        if answer.status is SolverStatus.INFEASIBLE:
            return Status.INFEASIBLE
        self._bound = max(self._bound, answer.bound)
        if self._closed():
            return Status.OPTIMAL
        if units is None:
            if answer.status is SolverStatus.TIME_LIMIT:
                return Status.TIME_LIMIT
            raise SolverError(f"HiGHS: master ended with status {answer.status.value!r}")
        if units.tobytes() in self._tried:
            # Its planes are in the master already: what is left of the gap is the master's own.
            return (
                Status.TIME_LIMIT if answer.status is SolverStatus.TIME_LIMIT else Status.FEASIBLE
            )
        status = self._evaluate(units)
        return status or (Status.OPTIMAL if self._closed() else None)

    def _closed(self) -> bool:
        gap = None if self._value is None else relative_gap(self._value.value, self._bound)
        return gap is not None and gap <= self._gap

    def _evaluate(self, units: IntArray) -> Status | None:
        scenarios, problem = self._stage.scenarios, self._stage.problem
        self._tried.add(units.tobytes())
        with self._watch.phase("second stage"):
            batch = self._stage.evaluate(units)
            found = expected_value(scenarios, batch)
        if not units.any():
            self._reference = found
        with self._watch.phase("master"):
            self._master.add_planes(scenarios, units.astype(np.float64), batch)
            for cut in batch.cuts:
                if cut.scenario not in found.infeasible:
                    continue
                self._lost[cut.scenario] = None
                if not self._master.add_cut(cut):
                    self._lost = {cut.scenario: None}
                    return Status.INFEASIBLE
        allowed = units.any() or problem.min_sites == 0
        better = self._value is None or found.value < self._value.value
        if allowed and not found.infeasible and better:
            self._units, self._value = units, found
        return None

    def answer(self, status: Status, iterations: int) -> SitingResult:
        """Return the result."""
        proven = status is Status.INFEASIBLE
        if self._units is None and status in (Status.FEASIBLE, Status.TIME_LIMIT):
            status = Status.NOT_FOUND
        reason = {
            Status.INFEASIBLE: "no decision keeps these scenarios feasible",
            Status.NOT_FOUND: "no decision tried kept every scenario feasible",
        }.get(status, "")
        return siting_result(
            self._stage.problem,
            self._stage,
            None if proven else self._units,
            method="benders",
            watch=self._watch,
            status=status,
            bound=None if proven else self._bound,
            bound_method="Benders planes, dual bound of HiGHS",
            reason=reason,
            infeasible=tuple(self._lost) if proven else (),
            iterations=iterations,
            packages=("highspy", "numba"),
            full=None if proven else self._value,
            reference=self._reference,
        )
