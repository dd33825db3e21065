"""The extensive form: all scenarios in one mixed-integer program."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from scipy.sparse import block_array, coo_array, csr_array, hstack, kron, vstack

from pygridjl.core.errors import InvalidOptionError, SolverError
from pygridjl.core.jit import working_time
from pygridjl.core.result import Status, Stopwatch
from pygridjl.core.stopping import hold, seconds_left
from pygridjl.core.types import IntArray
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.chance import ROUNDING, ChanceStage, without_limits
from pygridjl.siting.check import (
    assert_expectation,
    assert_valid_planning,
    assert_valid_scenarios_for,
)
from pygridjl.siting.conclude import siting_result
from pygridjl.siting.first_stage.rows import first_stage_rows
from pygridjl.siting.methods.chance_rows import chance_rows
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.registry import ExtensiveOptions
from pygridjl.siting.result import SitingResult
from pygridjl.siting.second_stage.day_program import StorageRows
from pygridjl.siting.second_stage.operation import LIMIT_KINDS, Operation
from pygridjl.siting.second_stage.program import OperationProgram
from pygridjl.siting.second_stage.protocol import (
    ExpectedValue,
    SecondStage,
    assert_built_for,
    expected_value,
)
from pygridjl.siting.tolerance import WITHOUT_REFERENCE, Tolerance
from pygridjl.solvers.highs import HighsModel
from pygridjl.solvers.linear import LinearModel
from pygridjl.solvers.status import SolverStatus

__all__ = ["extensive", "extensive_model"]

# What HiGHS takes to set up a tree search, in which it does not look at the clock; measured.
SECONDS_A_ROW = 4e-6


def extensive_model(problem: PlanningProblem, scenarios: ScenarioSet) -> LinearModel:
    """Build the extensive form.

    Parameters
    ----------
    problem : PlanningProblem
        The problem.
    scenarios : ScenarioSet
        The scenarios.

    Returns
    -------
    LinearModel
        Columns: units, sites used (both integer), then the operation of scenario after scenario;
        at the end what storage holds hour by hour, or, where limits need not always hold, a binary
        a scenario, 1 where they do not.

    Raises
    ------
    InvalidOptionError
        If losses count: HiGHS solves no mixed-integer quadratic programs.
    """
    operation = Operation(problem, scenarios)
    if operation.objective.curvature:
        raise InvalidOptionError(
            "the extensive form of the loss is a mixed-integer quadratic program, which HiGHS "
            "does not solve: use method 'benders'"
        )
    some = problem.limit_share < 1
    limited = Operation(without_limits(problem), scenarios) if some else operation
    program = OperationProgram(limited, slack=problem.slack_price)
    first = first_stage_rows(problem)
    n, n_scenario, n_row = problem.n_site, len(scenarios), program.row_upper.size
    all_scenarios = np.arange(n_scenario)
    # (44) with the units on the left: Σ p − μ^PV p̄ n ≤ 0.
    scenario, site = np.indices((n_scenario, n)).reshape(2, -1)
    link = coo_array(
        (
            -operation.per_unit[scenario, site],
            (scenario * n_row + program.capacity[site], site),
        ),
        shape=(n_scenario * n_row, 2 * n),
    )
    blocks = kron(coo_array(np.eye(n_scenario)), program.matrix, format="csr")
    p, q = operation.demand(all_scenarios)
    lower = np.tile(program.row_lower, (n_scenario, 1))
    upper = np.tile(program.row_upper, (n_scenario, 1))
    lower[:, program.balance] = upper[:, program.balance] = -np.hstack([p, q])
    n_col = 2 * n + n_scenario * program.cost.size
    weight = scenarios.probability
    cost = np.concatenate([p * program.costs(k) for k, p in enumerate(weight.tolist())])
    units = operation.owed * (weight @ operation.sun) + operation.unit_penalty * weight.sum()
    whole = LinearModel(
        cost=np.concatenate([units, np.zeros(n), cost]),
        matrix=csr_array(block_array([[first.matrix, None], [link, blocks]], format="csr")),
        row_lower=np.concatenate([first.row_lower, lower.ravel()]),
        row_upper=np.concatenate([first.row_upper, upper.ravel()]),
        col_lower=np.concatenate([np.zeros(2 * n), np.tile(program.col_lower, n_scenario)]),
        col_upper=np.concatenate([first.col_upper, np.tile(program.col_upper, n_scenario)]),
        integer=np.arange(n_col) < 2 * n,
    )
    if problem.stores.any():
        return StorageRows.of(operation, program, n_scenario).tie(whole)
    return _with_chance(whole, operation, program.cost.size) if some else whole


def _with_chance(model: LinearModel, operation: Operation, width: int) -> LinearModel:
    """Add a binary a scenario that gives up its limits, and the share of hours that may."""
    weight, n_col = operation.scenarios.probability, model.cost.size
    n_scenario, n = weight.size, operation.n_node
    rows = chance_rows(operation)
    begin = 2 * operation.problem.n_site + rows.scenario * width + rows.node
    at = np.arange(rows.node.size)
    entries = [(LIMIT_KINDS[rows.kind, k], (at, begin + k * n)) for k in range(3)]
    entries.append((-rows.most, (at, n_col + rows.scenario)))
    scale = float(weight[weight > 0].min())
    last = np.full(n_scenario, at.size), n_col + np.arange(n_scenario)
    entries.append((weight / scale, last))
    added = coo_array(
        (
            np.concatenate([value for value, _ in entries]),
            tuple(np.concatenate([place[k] for _, place in entries]) for k in range(2)),
        ),
        shape=(at.size + 1, n_col + n_scenario),
    )
    added.eliminate_zeros()
    wider = hstack([model.matrix, csr_array((model.matrix.shape[0], n_scenario))])
    share = (1 - operation.problem.limit_share + ROUNDING) / scale
    zero, one = np.zeros(n_scenario), np.ones(n_scenario)
    return LinearModel(
        cost=np.append(model.cost, zero),
        matrix=csr_array(vstack([wider, added])),
        row_lower=np.append(model.row_lower, np.full(at.size + 1, -np.inf)),
        row_upper=np.concatenate([model.row_upper, rows.bound, [share]]),
        col_lower=np.append(model.col_lower, zero),
        col_upper=np.append(model.col_upper, one),
        integer=np.append(np.arange(n_col) < 2 * operation.problem.n_site, one > 0),
    )


def extensive(
    problem: PlanningProblem,
    scenarios: ScenarioSet,
    second_stage: SecondStage,
    options: ExtensiveOptions | None = None,
    *,
    time_limit: float | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> SitingResult:
    """Solve the extensive form by HiGHS, its root by interior points.

    Limits that need not hold in a share of the hours get a binary column for each scenario, whose
    rows pass them by what any decision can; the bound of HiGHS is proven for that problem.

    Parameters
    ----------
    problem : PlanningProblem
        The problem; losses must not count in its objective.
    scenarios : ScenarioSet
        The scenarios.
    second_stage : SecondStage
        Engine built for both; it evaluates the answer.
    options : ExtensiveOptions, optional
        Gap at which the search ends.
    time_limit : float, optional
        Seconds.
    on_progress : callable, optional
        Called with the size of the program.

    Returns
    -------
    SitingResult
        ``optimal`` to the gap, ``time_limit``, ``infeasible``, or ``not_found`` if the clock
        ended the search before its first solution.

    Raises
    ------
    InvalidNetworkError, InvalidPlanningError, InvalidScenariosError, InvalidOptionError
        If the input is unsound or losses count.
    SolverError
        If HiGHS fails.
    """
    tolerance = (options or ExtensiveOptions()).tolerance
    if tolerance.improvement_gap is not None and tolerance.gap is not None:
        raise InvalidOptionError("the extensive form stops by gap or improvement_gap, not by both")
    assert_built_for(problem, scenarios, second_stage)
    assert_valid_planning(problem)
    assert_valid_scenarios_for(problem, scenarios)
    assert_expectation(problem, "extensive")
    watch = Stopwatch()
    deadline = working_time() + (np.inf if time_limit is None else time_limit)
    chance = ChanceStage(second_stage) if problem.limit_share < 1 else None

    def valued(units: IntArray) -> ExpectedValue:
        if chance is not None:
            return chance.evaluate(units)[0]
        return expected_value(scenarios, second_stage.evaluate(units))

    with watch.phase("evaluate"):
        reference = valued(np.zeros(problem.n_site, dtype=np.int64))
        hold(no_dg=reference.value)
    with watch.phase("build"):
        data, gap = _shifted(extensive_model(problem, scenarios), reference.value, tolerance)
        model = HighsModel(data, gap=gap, interior_root=True)
    if on_progress is not None:
        m, n = data.matrix.shape
        on_progress(f"{m} rows, {n} columns, {data.matrix.nnz} entries")
    left = seconds_left(deadline)
    if left < SECONDS_A_ROW * data.row_upper.size:
        # Before its first look at the clock HiGHS would take longer than that.
        left = 0.0
    with watch.phase("solve"):
        answer = model.solve(time_limit=left) if left > 0 else None
    ended = SolverStatus.TIME_LIMIT if answer is None else answer.status
    status = {
        SolverStatus.OPTIMAL: Status.OPTIMAL,
        SolverStatus.INFEASIBLE: Status.INFEASIBLE,
        SolverStatus.TIME_LIMIT: Status.TIME_LIMIT,
    }.get(ended)
    if status is None:
        raise SolverError(f"HiGHS: extensive form ended with status {ended.value!r}")
    units = None
    if answer is not None and answer.x is not None:
        units = np.rint(answer.x[: problem.n_site]).astype(np.int64)
    elif status is Status.TIME_LIMIT:
        status = Status.NOT_FOUND
    reason = {
        Status.INFEASIBLE: "the extensive form has no solution",
        Status.NOT_FOUND: "no solution within the time limit"
        if answer is not None
        else f"not begun: {data.row_upper.size} rows need more time than was left",
    }.get(status, "")
    proven = status is Status.INFEASIBLE
    full = None
    if chance is not None and units is not None:
        with watch.phase("evaluate"):
            full = valued(units)
    bound = -np.inf if answer is None else answer.bound
    bound = bound if data.offset == 0 else bound + reference.value
    return siting_result(
        problem,
        second_stage,
        units,
        method="extensive",
        watch=watch,
        status=status,
        bound=None if proven else bound,
        bound_method="dual bound of HiGHS",
        reason=reason,
        packages=("highspy",),
        full=full,
        reference=reference,
    )


def _shifted(model: LinearModel, no_dg: float, tolerance: Tolerance) -> tuple[LinearModel, float]:
    """Return the model and its relative gap in HiGHS's sense.

    Counted from the value without units the objective is minus the improvement, so that the gap
    HiGHS takes relative to it is one of the improvement.
    """
    share = tolerance.improvement_gap
    if share is None or not np.isfinite(no_dg):
        return model, tolerance.gap or WITHOUT_REFERENCE
    return dataclasses.replace(model, offset=-no_dg), share / (1 - share)
