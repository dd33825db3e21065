"""One scenario as a Pyomo model: for mpi-sppy and for users' own models."""

from __future__ import annotations

from typing import Any

import numpy as np

from pygridjl.siting.first_stage.rows import first_stage_rows
from pygridjl.siting.second_stage.operation import Operation
from pygridjl.siting.second_stage.program import OperationProgram

__all__ = ["scenario_model"]


def scenario_model(operation: Operation, program: OperationProgram, scenario: int) -> Any:
    """Build first stage and operation of one scenario; losses cannot count.

    Parameters
    ----------
    operation : Operation
        Problem and scenarios.
    program : OperationProgram
        Its rows and columns.
    scenario : int
        Position of the scenario.

    Returns
    -------
    pyomo.environ.ConcreteModel
        Units ``n`` and sites used ``d`` are the first stage, ``x`` the operation.
    """
    import pyomo.environ as pyo

    problem = operation.problem
    sites = range(problem.n_site)
    first, per_unit = first_stage_rows(problem), operation.per_unit[scenario]
    p, q = operation.demand(np.array([scenario]))
    lower, upper = program.row_lower.copy(), program.row_upper.copy()
    lower[program.balance] = upper[program.balance] = -np.concatenate([p[0], q[0]])
    model = pyo.ConcreteModel()
    limit = problem.site_limits.tolist()
    model.n = pyo.Var(sites, domain=pyo.Integers, bounds=lambda _, k: (0, limit[k]))
    model.d = pyo.Var(sites, domain=pyo.Binary)
    bounds = [
        (low if np.isfinite(low) else None, high if np.isfinite(high) else None)
        for low, high in zip(program.col_lower.tolist(), program.col_upper.tolist(), strict=True)
    ]
    model.x = pyo.Var(range(len(bounds)), bounds=lambda _, j: bounds[j])
    model.rows = pyo.ConstraintList()

    def add(matrix: Any, row: int, low: float, high: float, terms: list[Any]) -> None:
        part = slice(matrix.indptr[row], matrix.indptr[row + 1])
        entries = zip(matrix.indices[part].tolist(), matrix.data[part].tolist(), strict=True)
        body = pyo.quicksum(value * terms[column] for column, value in entries)
        if low == high:
            model.rows.add(body == low)
            return
        if np.isfinite(low):
            model.rows.add(body >= low)
        if np.isfinite(high):
            model.rows.add(body <= high)

    stage = [*(model.n[k] for k in sites), *(model.d[k] for k in sites)]
    for row in range(first.row_upper.size):
        add(first.matrix, row, float(first.row_lower[row]), float(first.row_upper[row]), stage)
    columns = [model.x[j] for j in range(len(bounds))]
    for row in np.setdiff1d(np.arange(upper.size), program.capacity).tolist():
        add(program.matrix, row, float(lower[row]), float(upper[row]), columns)
    for k, row in enumerate(program.capacity.tolist()):
        part = slice(program.matrix.indptr[row], program.matrix.indptr[row + 1])
        injected = pyo.quicksum(columns[j] for j in program.matrix.indices[part].tolist())
        model.rows.add(injected <= float(per_unit[k]) * model.n[k])
    priced = operation.owed * per_unit + operation.unit_penalty
    costs = program.costs(scenario)
    cost = pyo.quicksum(float(costs[j]) * columns[j] for j in np.flatnonzero(costs).tolist())
    units = pyo.quicksum(float(priced[k]) * model.n[k] for k in np.flatnonzero(priced).tolist())
    model.value = pyo.Objective(expr=cost + units)
    return model
