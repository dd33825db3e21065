"""Independent check of an assignment; shares no code with the methods and their losses."""

from __future__ import annotations

import math

import numpy as np

from pygridjl.balancing.problem import BalancingProblem
from pygridjl.core.findings import Finding
from pygridjl.core.types import IntArray

__all__ = ["check_assignment", "checked_objective"]

# Demand above a capacity by this share of it is rounding.
ROUNDING = 1e-9


def check_assignment(problem: BalancingProblem, assignment: IntArray) -> list[Finding]:
    """List every rule of the problem that an assignment breaks.

    Parameters
    ----------
    problem : BalancingProblem
        The problem.
    assignment : ndarray of int, shape (n,)
        Index of the circuit of every service point.

    Returns
    -------
    list of Finding
        Empty if all rules are kept.
    """
    if assignment.shape != (problem.n,):
        text = f"has the shape {assignment.shape}, expected ({problem.n},)"
        return [Finding("assignment", (), "shape", text)]
    findings = []
    members: list[list[int]] = [[] for _ in range(problem.m)]
    for j, i in enumerate(assignment.tolist()):
        if not 0 <= i < problem.m:
            point = problem.service_points[j]
            findings.append(Finding("sp", (point,), "circuit", f"index {i} does not exist"))
            continue
        members[i].append(j)
        if not problem.allowed[j, i]:
            point = problem.service_points[j]
            text = f"must not be on {problem.circuits[i]}"
            findings.append(Finding("sp", (point,), "circuit", text))
    for i, inside in enumerate(members):
        name = problem.circuits[i]
        if len(inside) > problem.cardinality[i]:
            text = f"{len(inside)} SPs, at most {problem.cardinality[i]}"
            findings.append(Finding("circuit", (name,), "cardinality", text))
        taken = math.fsum(problem.demand[inside])
        if taken > problem.capacity[i] * (1 + ROUNDING) + 1e-12:
            text = f"demand {taken:g}, at most {problem.capacity[i]:g}"
            findings.append(Finding("circuit", (name,), "capacity", text))
    if problem.start is not None and problem.max_moves is not None:
        moved = sum(1 for a, b in zip(assignment, problem.start, strict=True) if a != b)
        if moved > problem.max_moves:
            text = f"{moved} SPs move, at most {problem.max_moves}"
            findings.append(Finding("assignment", (), "max_moves", text))
    if problem.coupling is not None and not findings:
        findings += problem.coupling.findings(assignment)
    return findings


def checked_objective(problem: BalancingProblem, assignment: IntArray) -> float:
    """Return the objective, summed circuit by circuit and draw by draw as the paper writes it."""
    losses = []
    for draw in problem.deviations:
        parts = []
        for i in range(problem.m):
            path = draw[assignment == i].sum(axis=0)
            if problem.risk == "rms":
                parts.append(float(np.linalg.norm(np.sqrt(problem.weights[i]) * path)))
            else:
                parts.append(float(problem.weights[i] @ np.abs(path)))
        losses.append(math.fsum(parts))
    value = math.fsum(losses) / len(losses)
    if problem.tail_weight > 0:
        # Rockafellar-Uryasev is piecewise linear in η: the minimum lies at one of the losses.
        spread = 1.0 / ((1.0 - problem.tail) * len(losses))
        value += problem.tail_weight * min(
            eta + spread * math.fsum(max(loss - eta, 0.0) for loss in losses) for eta in losses
        )
    if problem.start is not None:
        value += math.fsum(problem.move_cost[assignment != problem.start])
    return value
