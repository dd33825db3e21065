"""Progressive hedging and the extensive form through mpi-sppy, as peers of our own methods.

Serial here. On a cluster the same scenarios run under MPI with mpi-sppy's own driver: write a
module whose ``scenario_creator`` calls
:func:`~pygridjl.siting.methods.pyomo_model.scenario_model` and attaches the root node, and run,
with ``mpi4py`` installed,

    mpiexec -n 3 python -m mpi4py -m mpisppy.generic_cylinders --module-name <module> \
        --num-scens <S> --solver-name highs --linearize-proximal-terms --lagrangian --xhatshuffle

mpi-sppy needs ``highs`` as solver name; its quadratic proximal terms do not go with integer units,
so they are linearised.
"""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from pygridjl.core.errors import InvalidOptionError, SolverError
from pygridjl.core.jit import working_time
from pygridjl.core.result import Status, Stopwatch
from pygridjl.core.types import FloatArray, IntArray
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.check import (
    assert_expectation,
    assert_limits_kept,
    assert_valid_planning,
    assert_valid_scenarios_for,
)
from pygridjl.siting.conclude import siting_result
from pygridjl.siting.first_stage.allocation import allocate
from pygridjl.siting.methods.pyomo_model import scenario_model
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.registry import HedgingOptions
from pygridjl.siting.result import SitingResult
from pygridjl.siting.second_stage.operation import Operation
from pygridjl.siting.second_stage.program import OperationProgram
from pygridjl.siting.second_stage.protocol import SecondStage, assert_built_for
from pygridjl.siting.storage_checks import assert_no_storage

__all__ = ["extensive_peer", "hedging"]


def _creator(problem: PlanningProblem, scenarios: ScenarioSet) -> tuple[Any, list[str]]:
    """Return the scenario creator and the names it takes; scenarios of probability 0 are left out.

    Raises
    ------
    InvalidOptionError
        If losses count or mpi-sppy is missing.
    """
    operation = Operation(problem, scenarios)
    if operation.objective.curvature:
        raise InvalidOptionError(
            "units in whole numbers and a quadratic loss make mixed-integer quadratic programs, "
            "which HiGHS does not solve: use method 'benders'"
        )
    try:
        with _quiet():
            import mpisppy.utils.sputils as sputils
    except ImportError:
        raise InvalidOptionError(
            "progressive hedging needs mpi-sppy: pip install 'pygridjl[hedging]'"
        ) from None
    program = OperationProgram(operation, slack=problem.slack_price)
    ids = scenarios.id.tolist()
    position = {name: k for k, name in enumerate(ids)}
    names = [name for name in ids if scenarios.probability[position[name]] > 0]

    def create(name: str) -> Any:
        model = scenario_model(operation, program, position[name])
        sputils.attach_root_node(model, 0.0, [model.n, model.d])
        model._mpisppy_probability = float(scenarios.probability[position[name]])
        return model

    return create, names


@contextlib.contextmanager
def _quiet() -> Iterator[io.StringIO]:
    """mpi-sppy reports on standard output, which belongs to the user's own output here."""
    with contextlib.redirect_stdout(io.StringIO()) as text:
        yield text


def extensive_peer(
    problem: PlanningProblem, scenarios: ScenarioSet, *, gap: float = 1e-6
) -> tuple[float, IntArray]:
    """Solve the extensive form by mpi-sppy and HiGHS.

    Parameters
    ----------
    problem, scenarios
        The problem and its scenarios.
    gap : float
        Relative gap.

    Returns
    -------
    value : float
        Objective found.
    units : ndarray of int, shape (n_site,)
        Decision.

    Raises
    ------
    InvalidOptionError
        If losses count or mpi-sppy is missing.
    SolverError
        If no optimum was found.
    """
    creator, names = _creator(problem, scenarios)
    with _quiet():
        from mpisppy.opt.ef import ExtensiveForm
        from pyomo.opt import check_optimal_termination

        form = ExtensiveForm({"solver": "highs"}, names, creator)
        outcome = form.solve_extensive_form(solver_options={"mip_rel_gap": gap, "threads": 1})
        if not check_optimal_termination(outcome):
            raise SolverError("mpi-sppy: the extensive form ended without optimum")
        root = form.get_root_solution()
    units = np.array([round(root[f"n[{k}]"]) for k in range(problem.n_site)], dtype=np.int64)
    return float(form.get_objective_value()), units


def hedging(
    problem: PlanningProblem,
    scenarios: ScenarioSet,
    second_stage: SecondStage,
    options: HedgingOptions | None = None,
    *,
    time_limit: float | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> SitingResult:
    """Site units by progressive hedging (Rockafellar and Wets 1991) of mpi-sppy, serially.

    Each scenario is a mixed-integer program of its own; penalties pull their decisions
    together. The decision taken is the one of the first stage nearest to their mean. With
    whole units the method is a heuristic; what the scenarios are worth when each may choose for
    itself is a valid bound.

    Parameters
    ----------
    problem : PlanningProblem
        The problem; losses must not count in its objective.
    scenarios : ScenarioSet
        The scenarios.
    second_stage : SecondStage
        Engine built for both; it evaluates the answer.
    options : HedgingOptions, optional
        Penalty, gap and when to stop.
    time_limit : float, optional
        Seconds after which no further iteration begins; all scenarios are solved once in any
        case, which gives the bound.
    on_progress : callable, optional
        Called with one line at the beginning.

    Returns
    -------
    SitingResult
        Status ``feasible``, ``time_limit`` or ``not_found``.

    Raises
    ------
    InvalidNetworkError, InvalidPlanningError, InvalidScenariosError, InvalidOptionError
        If the input is unsound, losses count or mpi-sppy is missing.
    SolverError
        If mpi-sppy fails.
    """
    chosen = options or HedgingOptions()
    gap, rho = chosen.gap, chosen.rho
    if time_limit is not None and not math.isfinite(time_limit):
        time_limit = None
    assert_built_for(problem, scenarios, second_stage)
    assert_valid_planning(problem)
    assert_limits_kept(problem, "hedging")
    assert_no_storage(problem, "hedging")
    assert_valid_scenarios_for(problem, scenarios)
    assert_expectation(problem, "hedging")
    creator, names = _creator(problem, scenarios)
    second_stage.reset()
    watch = Stopwatch()
    penalty = _penalty(problem, second_stage) if rho is None else rho
    if on_progress is not None:
        most = chosen.max_iterations
        on_progress(f"{len(names)} scenarios, at most {most} iterations, rho {penalty:.3g}")
    with watch.phase("hedging"), _quiet():
        from mpisppy.opt.ph import PH

        asked = {
            "solver_name": "highs",
            "PHIterLimit": chosen.max_iterations,
            "defaultPHrho": penalty,
            "convthresh": chosen.convergence,
            "verbose": False,
            "display_progress": False,
            "display_timing": False,
            "iter0_solver_options": {"mip_rel_gap": gap, "threads": 1},
            "iterk_solver_options": {"mip_rel_gap": gap, "threads": 1},
            "linearize_proximal_terms": True,
            "time_limit": time_limit,
        }
        method = PH(asked, names, creator)
        began = working_time()
        try:
            _, _, trivial = method.ph_main()
        except (RuntimeError, ValueError) as error:
            raise SolverError(f"mpi-sppy: {error}") from error
        late = time_limit is not None and working_time() - began >= time_limit
        settled = method.conv is not None and method.conv < chosen.convergence
    mean = _mean(method, problem.n_site)
    units = allocate(problem, _distance_slopes(mean, problem.site_limit))
    return siting_result(
        problem,
        second_stage,
        units,
        method="hedging",
        watch=watch,
        status=Status.TIME_LIMIT if late and not settled else Status.FEASIBLE,
        # Each scenario's program is solved to its gap only.
        bound=float(trivial) - gap * abs(float(trivial)) if trivial is not None else None,
        bound_method="each scenario by itself",
        iterations=int(method._PHIter),
        packages=("highspy", "pyomo", "mpi-sppy"),
    )


def _penalty(problem: PlanningProblem, second_stage: SecondStage) -> float:
    batch = second_stage.evaluate(np.zeros(problem.n_site))
    weight = second_stage.scenarios.probability[batch.optimal]
    if weight.sum() <= 0:
        return 1e-3
    slope = float(np.abs(weight @ batch.gradient[batch.optimal]).max() / weight.sum())
    return max(slope, 1e-6)


def _mean(method: Any, n_site: int) -> FloatArray:
    """Mean number of units of each site over the scenarios."""
    model = next(iter(method.local_scenarios.values()))
    averages = model._mpisppy_model.xbars
    return np.array([averages["ROOT", k].value for k in range(n_site)], dtype=np.float64)


def _distance_slopes(mean: FloatArray, cap: int) -> FloatArray:
    """Slopes of |k − mean| between k and k + 1, to find the nearest decision exactly."""
    k = np.arange(cap + 1)
    return np.asarray(np.abs(k + 1 - mean[:, None]) - np.abs(k - mean[:, None]))
