"""The second stage of a stochastic program, kept alive in Julia."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import coo_array, sparray, tril

from pygridjl.bridge import runtime
from pygridjl.bridge.answer import floats, status_of
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.result import Result, Status
from pygridjl.core.types import FloatArray, IntArray

__all__ = ["JuliaScenarios", "JuliaSecondStage"]


@dataclass(frozen=True, eq=False)
class JuliaScenarios(Result):
    """Answers by scenario.

    Attributes
    ----------
    status : tuple of Status, length S
        Optimal, infeasible (proven), time limit, or not found.
    objective : ndarray, shape (S,)
        Optimum; NaN without one.
    dual : ndarray, shape (S, k)
        Derivative of the optimum by the side of each linking row; NaN without an optimum.
    z : ndarray, shape (S, n)
        Optimal decisions; NaN without one.
    ray : dict of int to ndarray, shape (m,)
        Farkas certificates y of infeasible scenarios: no z within its bounds brings y'Az up to
        y'b, with b the lower side where y > 0 and the upper where y < 0. Each has been checked.
    iterations : ndarray of int, shape (S,)
        Of the simplex method, or of the interior-point method with Q.
    seconds : dict
        Seconds by phase.
    versions : dict
        Versions of Julia and the packages.
    """

    status: tuple[Status, ...]
    objective: FloatArray
    dual: FloatArray
    z: FloatArray
    ray: dict[int, FloatArray]
    iterations: IntArray
    seconds: dict[str, float]
    versions: dict[str, str]


class JuliaSecondStage:
    """A linear or convex quadratic program whose right-hand sides change by scenario.

    min c'z + z'Qz/2 subject to row_lower ≤ Az ≤ row_upper, lower ≤ z ≤ upper. The model is built
    once; :meth:`solve` replaces the sides of the linking rows in place. HiGHS solves linear
    programs from the last basis; Clarabel solves quadratic ones, whose infeasibility HiGHS proves.

    Parameters
    ----------
    matrix : sparse array, shape (m, n)
        A.
    cost : array, shape (n,)
        c.
    lower, upper : array, shape (n,)
        Bounds on z.
    row_lower, row_upper : array, shape (m,)
        Sides of the rows.
    link : array of int, shape (k,)
        Rows whose sides change, from 0.
    quadratic : sparse array, shape (n, n), optional
        Q, symmetric and positive semidefinite.

    Raises
    ------
    InvalidOptionError
        If shapes do not fit or data are NaN.
    JuliaNotFoundError, JuliaPackageError
        If Julia cannot be used.
    """

    def __init__(
        self,
        matrix: sparray,
        cost: ArrayLike,
        lower: ArrayLike,
        upper: ArrayLike,
        row_lower: ArrayLike,
        row_upper: ArrayLike,
        link: ArrayLike,
        quadratic: sparray | None = None,
    ) -> None:
        triplets = coo_array(matrix)
        m, n = triplets.shape
        self._link = np.asarray(link, dtype=np.int64)
        columns = {
            "cost": (cost, n),
            "lower": (lower, n),
            "upper": (upper, n),
            "row_lower": (row_lower, m),
            "row_upper": (row_upper, m),
        }
        vectors = []
        for name, (values, size) in columns.items():
            vectors.append(_checked(name, values, (size,)))
        _checked("matrix", triplets.data, triplets.data.shape)
        if self._link.size and (self._link.min() < 0 or self._link.max() >= m):
            raise InvalidOptionError(f"link: want rows between 0 and {m - 1}")
        empty = np.zeros((2, 0), dtype=np.int64)
        half = None if quadratic is None else coo_array(tril(coo_array(quadratic)))
        q_index = empty if half is None else np.array([half.row, half.col], dtype=np.int64)
        q_values = np.zeros(0) if half is None else _checked("quadratic", half.data, (half.nnz,))
        self._packages = ("JuMP", "HiGHS") if half is None else ("JuMP", "HiGHS", "Clarabel")
        self._stage: Any = runtime.call(
            "second_stage",
            triplets.row.astype(np.int64) + 1,
            triplets.col.astype(np.int64) + 1,
            triplets.data.astype(np.float64),
            *vectors,
            self._link + 1,
            q_index[0] + 1,
            q_index[1] + 1,
            q_values,
        )

    def solve(
        self, lower: ArrayLike, upper: ArrayLike, *, time_limit: float | None = None
    ) -> JuliaScenarios:
        """Solve one program a row of the sides.

        Parameters
        ----------
        lower, upper : array, shape (S, k)
            Sides of the linking rows by scenario.
        time_limit : float, optional
            Seconds for each scenario.

        Returns
        -------
        JuliaScenarios
            Statuses, optima, duals and certificates.

        Raises
        ------
        InvalidOptionError
            If shapes do not fit or data are NaN.
        JuliaSolveError
            If a solver fails.
        """
        shape = (np.shape(lower)[0], self._link.size)
        sides = [_checked("lower", lower, shape), _checked("upper", upper, shape)]
        begin = time.perf_counter()
        limit = np.inf if time_limit is None else float(time_limit)
        answer = runtime.call("solve_scenarios", self._stage, *sides, limit)
        ended = time.perf_counter()
        rays, ray_of = floats(answer.ray), np.array(answer.ray_of, dtype=np.int64)
        return JuliaScenarios(
            status=tuple(status_of(text) for text in answer.status),
            objective=floats(answer.objective),
            # Julia has a scenario in each column, next to each other in memory.
            dual=floats(answer.dual).T,
            z=floats(answer.z).T,
            ray={int(s): rays[:, ray_of[s] - 1] for s in np.flatnonzero(ray_of)},
            iterations=np.array(answer.iterations, dtype=np.int64),
            seconds={"solve": ended - begin},
            versions=runtime.versions(*self._packages),
        )


def _checked(name: str, values: ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    array = np.ascontiguousarray(values, dtype=np.float64)
    if array.shape != shape:
        raise InvalidOptionError(f"{name}: shape {array.shape}, expected {shape}")
    if np.isnan(array).any():
        raise InvalidOptionError(f"{name}: holds NaN")
    return array
