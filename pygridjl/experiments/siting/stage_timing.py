"""How long one scenario's second stage takes: both engines, warm, and rebuilt in Pyomo."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from pygridjl.core.errors import SolverError
from pygridjl.core.types import FloatArray, IntArray
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.first_stage.random import random_units
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.second_stage import build_second_stage
from pygridjl.siting.second_stage.operation import Operation
from pygridjl.siting.second_stage.program import OperationProgram

__all__ = ["rebuilt_value", "time_second_stage"]

Row = dict[str, Any]


def time_second_stage(
    problem: PlanningProblem,
    scenarios: ScenarioSet,
    timed: tuple[int, int, int],
    seed: int,
    say: Callable[[str], None],
) -> Row:
    """Time one scenario by both engines and by a model built anew.

    Scenarios with sun are solved one by one at random decisions that spend the budget: at night
    there is nothing to decide. Each was solved without units before, so that the engines are
    warm.

    Parameters
    ----------
    problem : PlanningProblem
        The problem.
    scenarios : ScenarioSet
        The scenarios.
    timed : (int, int, int)
        Scenarios, decisions, and scenarios rebuilt in Pyomo at the first decision.
    seed : int
        Seed of the decisions.
    say : callable
        Called with lines of progress.

    Returns
    -------
    dict
        Of the processor's milliseconds of one scenario the median and the mean by engine
        (``condensed_ms, condensed_mean_ms, full_ms, …``); ``pyomo_ms`` of building the model,
        handing it to HiGHS and solving it, and its ``ratio`` to the condensed median, None for
        the loss, whose quadratic program Pyomo does not hand to HiGHS; the largest relative
        difference between the values of the two engines, and between Pyomo's and theirs
        (``difference, pyomo_difference``); ``solved`` by an engine and ``rebuilt``.
    """
    n_scenario, n_decision, n_rebuilt = timed
    rng = np.random.default_rng(seed)
    decisions = [random_units(problem, rng) for _ in range(n_decision)]
    sunny = np.flatnonzero(scenarios.pv.max(axis=1) > 0)
    # Spread over the set: its first days all lie in winter.
    spread = np.linspace(0, sunny.size - 1, min(n_scenario, sunny.size))
    chosen = sunny[np.unique(np.rint(spread).astype(np.int64))]
    row: Row = {}
    values: dict[str, FloatArray] = {}
    for engine in ("condensed", "full"):
        say(engine)
        values[engine], seconds = _engine(engine, problem, scenarios, chosen, decisions)
        row[f"{engine}_ms"] = 1e3 * float(np.median(seconds))
        row[f"{engine}_mean_ms"] = 1e3 * float(np.mean(seconds))
    rebuilt: list[float] = []
    anew: list[float] = []
    if problem.measure == "voltage":
        say("rebuilt in Pyomo")
        operation = Operation(problem, scenarios)
        program = OperationProgram(operation)
        for k in chosen[:n_rebuilt].tolist():
            began = time.process_time()
            anew.append(rebuilt_value(operation, program, k, decisions[0]))
            rebuilt.append(time.process_time() - began)
    pyomo = 1e3 * float(np.median(rebuilt)) if rebuilt else None
    return {
        **row,
        "pyomo_ms": pyomo,
        "ratio": None if pyomo is None else pyomo / row["condensed_ms"],
        "difference": _difference(values["condensed"], values["full"]),
        "pyomo_difference": (
            _difference(np.array(anew), values["condensed"][: len(anew)]) if anew else None
        ),
        "solved": values["full"].size,
        "rebuilt": len(rebuilt),
    }


def _engine(
    engine: str,
    problem: PlanningProblem,
    scenarios: ScenarioSet,
    chosen: IntArray,
    decisions: list[IntArray],
) -> tuple[FloatArray, list[float]]:
    """Values and seconds, decision by decision."""
    stage = build_second_stage(problem, scenarios, engine)
    stage.evaluate_scenarios(np.zeros(problem.n_site), chosen)
    values, seconds = [], []
    for units in decisions:
        for k in chosen:
            began = time.process_time()
            batch = stage.evaluate_scenarios(units, [k])
            seconds.append(time.process_time() - began)
            values.append(float(batch.value[0]))
    if not np.isfinite(values).all():
        raise SolverError(f"engine {engine!r} left a scenario without value")
    return np.array(values), seconds


def _difference(one: FloatArray, other: FloatArray) -> float:
    return float((np.abs(one - other) / np.maximum(np.abs(other), 1e-9)).max())


def rebuilt_value(
    operation: Operation, program: OperationProgram, scenario: int, units: IntArray
) -> float:
    """Build the model of a scenario in Pyomo, fix the units and solve it by HiGHS.

    Parameters
    ----------
    operation : Operation
        Problem and scenarios; the objective must be the voltage deviation.
    program : OperationProgram
        Its rows and columns, with deviations.
    scenario : int
        Position of the scenario.
    units : ndarray of int, shape (n_site,)
        The decision.

    Returns
    -------
    float
        The second-stage value.

    Raises
    ------
    SolverError
        If HiGHS finds no optimum.
    """
    import pyomo.environ as pyo

    from pygridjl.siting.methods.pyomo_model import scenario_model

    model = scenario_model(operation, program, scenario)
    for site, n in enumerate(units.tolist()):
        model.n[site].fix(n)
        model.d[site].fix(int(n > 0))
    answer = pyo.SolverFactory("appsi_highs").solve(model)
    if not pyo.check_optimal_termination(answer):
        raise SolverError("Pyomo: the second stage ended without optimum")
    return float(pyo.value(model.value))
