"""The same second stage built and solved in Python and in Julia, with the seconds of each."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from pygridjl.bridge.problems.scenarios import JuliaSecondStage
from pygridjl.grid.load import load_feeder
from pygridjl.scenarios.generate import generate_scenarios
from pygridjl.siting.measures import Measure
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.second_stage.operation import Operation
from pygridjl.siting.second_stage.program import OperationProgram
from pygridjl.siting.second_stage.quadratic import LossProgram, loss_hessian
from pygridjl.solvers.highs import HighsModel

__all__ = ["StageOfBoth"]

Row = dict[str, Any]


class StageOfBoth:
    """The second stage of siting on a feeder with one unit at each site.

    Parameters
    ----------
    feeder : str
        Name.
    scenarios : int
        How many, a multiple of 24.
    objective : {"voltage", "loss"}
        A linear or a quadratic program.
    """

    def __init__(self, feeder: str, scenarios: int, objective: Measure = "voltage") -> None:
        grid = load_feeder(feeder)
        problem = PlanningProblem(grid, measure=objective)
        some = generate_scenarios(grid.n_bus, scenarios, seed=0)
        self._operation = Operation(problem, some)
        self._program = OperationProgram(self._operation)
        self._linear = objective == "voltage"
        p, q = self._operation.demand(np.arange(scenarios))
        self._right = np.hstack([-p, -q])
        self._capacity = self._operation.per_unit * np.ones(problem.n_site)
        nothing = np.full(self._capacity.shape, -np.inf)
        self._lower = np.hstack([self._right, nothing])
        self._upper = np.hstack([self._right, self._capacity])

    def python(self) -> Row:
        """Build, then solve every scenario: highspy from the last basis, or Clarabel."""
        start = time.perf_counter()
        values: list[float | None] = []
        if self._linear:
            model = HighsModel(self._program.linear_model())
            built = time.perf_counter()
            for lower, upper in zip(self._lower, self._upper, strict=True):
                model.set_row_bounds(self._program.changing, lower, upper)
                values.append(model.solve().objective)
        else:
            loss = LossProgram(self._operation, self._program)
            built = time.perf_counter()
            for k, (right, capacity) in enumerate(zip(self._right, self._capacity, strict=True)):
                found = loss.solve(k, right, capacity)
                values.append(None if found is None else found[0])
        ended = time.perf_counter()
        numbers = np.array([np.nan if value is None else value for value in values])
        return {"build": built - start, "solve": ended - built, "value": float(numbers.sum())}

    def julia(self) -> Row:
        """Do the same in Julia."""
        program = self._program
        start = time.perf_counter()
        stage = JuliaSecondStage(
            program.matrix,
            program.cost,
            program.col_lower,
            program.col_upper,
            program.row_lower,
            program.row_upper,
            program.changing,
            None if self._linear else loss_hessian(self._operation, program),
        )
        built = time.perf_counter()
        answer = stage.solve(self._lower, self._upper)
        ended = time.perf_counter()
        return {
            "build": built - start,
            "solve": ended - built,
            "value": float(answer.objective.sum()),
        }
