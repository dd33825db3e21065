"""The same relaxations written in CVXPY: what building them there takes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from pygridjl.core.types import IntArray
from pygridjl.grid.network import Network
from pygridjl.optimal_flow.relaxation.methods import METHODS
from pygridjl.solvers.conic import Cone

__all__ = ["CvxpyBuild", "cvxpy_build"]


@dataclass(frozen=True)
class CvxpyBuild:
    """One relaxation as CVXPY hands it to Clarabel.

    Attributes
    ----------
    problem : cvxpy.Problem
        Its value is the cost per hour divided by ``scale``.
    scale : float
        Largest coefficient of the objective.
    seconds : float
        CPU time from the rows of the relaxation to Clarabel's arrays.
    """

    problem: Any
    scale: float
    seconds: float


def cvxpy_build(network: Network, method: str) -> CvxpyBuild:
    """Give a relaxation's rows and cones to CVXPY, whole blocks at a time.

    Parameters
    ----------
    network : Network
        The network.
    method : str
        A start and steps without options.

    Returns
    -------
    CvxpyBuild
        The problem and what building it took: only CVXPY's part, for the rows are given.
    """
    cp: Any = import_module("cvxpy")
    chain = METHODS.parse(method)
    assert chain.start is not None
    relaxation = chain.start.load()(network, None)
    for step, own in zip(chain.steps, METHODS.options_of(chain, {})[1:], strict=True):
        step.load()(relaxation, own)
    compiled, program = relaxation.compile(), relaxation.program
    numbers = compiled.numbers(relaxation.box)
    rows, rhs = csr_array(compiled.matrix(numbers)), numbers.rhs
    # As for Clarabel directly, the largest coefficient of the objective is one.
    scale = float(max(abs(program.cost).max(), program.curvature.max())) or 1.0
    begun = time.process_time()
    x = cp.Variable(program.n_col)
    limits = []
    for (kind, size), places in _together(compiled.cones).items():
        slack = rhs[places.ravel()] - rows[places.ravel()] @ x
        if kind == "zero":
            limits.append(slack == 0)
        elif kind == "nonnegative":
            limits.append(slack >= 0)
        elif kind == "second_order":
            table = cp.reshape(slack, places.shape, order="C")
            limits.append(cp.SOC(table[:, 0], table[:, 1:], axis=1))
        else:
            square = _square(size)
            limits += [
                cp.reshape(square @ (rhs[own] - rows[own] @ x), (size, size), order="F") >> 0
                for own in places
            ]
    cost = program.cost @ x + cp.sum_squares(cp.multiply(np.sqrt(program.curvature / 2), x))
    problem = cp.Problem(cp.Minimize((cost + program.constant) / scale), limits)
    problem.get_problem_data(cp.CLARABEL)
    return CvxpyBuild(problem, scale, time.process_time() - begun)


def _together(cones: list[Cone]) -> dict[tuple[str, int], IntArray]:
    """Rows of the cones of each kind and size, shape (number, rows of one)."""
    found: dict[tuple[str, int], list[IntArray]] = {}
    start = 0
    for cone in cones:
        own = np.arange(start, start + cone.rows)
        key = (cone.kind, 1 if cone.linear else cone.size)
        found.setdefault(key, []).append(own[:, None] if cone.linear else own[None, :])
        start += cone.rows
    return {key: np.concatenate(parts) for key, parts in found.items()}


def _square(size: int) -> csr_array:
    """Scaled upper triangle, column after column, to the whole matrix."""
    column, row = np.tril_indices(size)
    place = np.arange(row.size)
    factor = np.where(row == column, 0.5, np.sqrt(0.5))
    at = np.concatenate([size * column + row, size * row + column])
    return csr_array((np.tile(factor, 2), (at, np.tile(place, 2))), (size * size, place.size))
