"""HiGHS by arrays: linear and mixed-integer linear programs, convex quadratic programs."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np
from scipy.sparse import csr_array, tril

from pygridjl.core.descriptors import natives_silenced
from pygridjl.core.errors import SolverError
from pygridjl.core.jit import working_time
from pygridjl.core.stopping import (
    TimeIsUp,
    cancelling,
    is_over,
    seconds_left,
    signals_deferred,
    time_allowed,
)
from pygridjl.core.types import FloatArray, IntArray
from pygridjl.solvers.farkas import farkas_margin, without_rounding
from pygridjl.solvers.linear import LinearModel, assert_bounds, assert_model, elastic_model
from pygridjl.solvers.status import SolverStatus, assert_finite

__all__ = ["HighsModel", "HighsSolution"]

# An integer bound this close to an integer means that integer.
INTEGER_TOLERANCE = 1e-9
# Largest violation, relative to the numbers of the row, of an answer called feasible.
FEASIBILITY_TOLERANCE = 1e-5

_STATUS = {
    highspy.HighsModelStatus.kOptimal: SolverStatus.OPTIMAL,
    highspy.HighsModelStatus.kInfeasible: SolverStatus.INFEASIBLE,
    highspy.HighsModelStatus.kUnbounded: SolverStatus.UNBOUNDED,
    highspy.HighsModelStatus.kTimeLimit: SolverStatus.TIME_LIMIT,
    highspy.HighsModelStatus.kInterrupt: SolverStatus.TIME_LIMIT,
    highspy.HighsModelStatus.kIterationLimit: SolverStatus.ITERATION_LIMIT,
}


@dataclass(frozen=True, eq=False)
class HighsSolution:
    """Answer of one run.

    Attributes
    ----------
    status : SolverStatus
        How the run ended.
    x : ndarray, shape (n,), or None
        Best solution, if there is a feasible one.
    objective : float or None
        Its objective.
    bound : float
        Lower bound on the objective: the dual bound of the tree search, the objective of an
        optimal continuous program, +∞ if infeasible, −∞ if nothing is known.
    row_dual, col_dual : ndarray or None
        Duals and reduced costs of an optimal continuous program; the derivative of the objective
        with respect to the active bound.
    ray : ndarray, shape (m,), or None
        If a linear program is infeasible: multipliers y with Σ y⁺ row_lower − Σ y⁻ row_upper
        above the largest yᵀAx within the column bounds.
    nodes, iterations : int
        Nodes of the tree search, simplex iterations.
    ended : str
        HiGHS's own name of the status; empty where bounds cross, which it is never asked about.
    """

    status: SolverStatus
    x: FloatArray | None
    objective: float | None
    bound: float
    row_dual: FloatArray | None
    col_dual: FloatArray | None
    ray: FloatArray | None
    nodes: int
    iterations: int
    ended: str = ""


@functools.cache
def _greeted() -> None:
    """Let HiGHS 1.16 print its banner, once a process and before any option counts, to nobody."""
    with natives_silenced():
        highspy.Highs()  # type: ignore[no-untyped-call]


def _instance() -> Any:
    _greeted()
    return highspy.Highs()  # type: ignore[no-untyped-call]


class HighsModel:
    """A model that stays alive: change bounds, costs or rows, and solve again from the last basis.

    Parameters
    ----------
    model : LinearModel
        The model; its arrays are copied.
    gap, absolute_gap : float
        Relative and absolute gap; a tree search stops at either.
    threads : int
        Number of threads.
    feasibility : float
        Largest violation of rows, bounds and integrality that HiGHS takes for none.
    interior_root : bool
        Whether the tree search solves its first linear program by interior points: far faster
        than the simplex method on programs of many loosely linked blocks.

    Raises
    ------
    SolverError
        If an array holds NaN, or infinity where a number is needed.
    InvalidOptionError
        If shapes do not match, or the model is quadratic and integer.
    """

    def __init__(
        self,
        model: LinearModel,
        *,
        gap: float = 1e-6,
        absolute_gap: float = 0.0,
        threads: int = 1,
        feasibility: float = 1e-7,
        interior_root: bool = False,
    ) -> None:
        assert_model(model)
        n = model.cost.size
        self._integer = np.zeros(n, dtype=bool) if model.integer is None else model.integer.copy()
        self._quadratic = model.hessian is not None
        self._cost, self._offset = model.cost.astype(np.float64), float(model.offset)
        self._hessian = model.hessian
        self._matrix = csr_array(model.matrix, dtype=np.float64)
        self._row_lower = model.row_lower.astype(np.float64)
        self._row_upper = model.row_upper.astype(np.float64)
        self._col_lower, self._col_upper = self._rounded(
            np.arange(n), model.col_lower, model.col_upper
        )
        self._highs = _instance()
        self._option("output_flag", False)
        self._highs.HandleUserInterrupt = True
        self._option("threads", threads)
        self._option("mip_rel_gap", gap)
        self._option("mip_abs_gap", absolute_gap)
        self._option("mip_feasibility_tolerance", feasibility)
        self._option("primal_feasibility_tolerance", feasibility)
        if interior_root:
            self._option("mip_lp_solver", "ipm")
        self._pass()

    def set_row_bounds(self, rows: IntArray, lower: FloatArray, upper: FloatArray) -> None:
        """Change the bounds of some rows."""
        assert_bounds("row", lower, upper)
        self._row_lower[rows], self._row_upper[rows] = lower, upper
        self._do("changeRowsBounds", rows.size, rows.astype(np.int32), lower, upper)

    def set_col_bounds(self, cols: IntArray, lower: FloatArray, upper: FloatArray) -> None:
        """Change the bounds of some columns; those of integer columns are rounded inward."""
        assert_bounds("col", lower, upper)
        lower, upper = self._rounded(cols, lower, upper)
        self._col_lower[cols], self._col_upper[cols] = lower, upper
        self._do("changeColsBounds", cols.size, cols.astype(np.int32), lower, upper)

    def set_cost(self, cols: IntArray, cost: FloatArray) -> None:
        """Change the linear cost of some columns."""
        assert_finite("HiGHS", "cost", cost)
        self._cost[cols] = cost
        self._do("changeColsCost", cols.size, cols.astype(np.int32), cost)

    def add_rows(self, matrix: csr_array, lower: FloatArray, upper: FloatArray) -> None:
        """Append rows lower ≤ matrix x ≤ upper."""
        assert_finite("HiGHS", "matrix", matrix)
        assert_bounds("row", lower, upper)
        self._matrix = csr_array(_stack(self._matrix, matrix))
        self._row_lower = np.concatenate([self._row_lower, lower])
        self._row_upper = np.concatenate([self._row_upper, upper])
        self._do(
            "addRows",
            lower.size,
            lower,
            upper,
            matrix.nnz,
            matrix.indptr.astype(np.int32),
            matrix.indices.astype(np.int32),
            matrix.data,
        )

    def set_start(self, x: FloatArray) -> None:
        """Offer a solution to start a tree search from; HiGHS drops it if it is not feasible."""
        assert_finite("HiGHS", "start", x)
        self._do("setSolution", x.size, np.arange(x.size, dtype=np.int32), x)

    def solve(self, *, time_limit: float | None = None) -> HighsSolution:
        """Solve from where the last run ended.

        Parameters
        ----------
        time_limit : float, optional
            Seconds for this run, infinity for none; it then ends early too when the end of all is
            asked for (:mod:`pygridjl.core.stopping`). Unless given the run goes to its end: what
            is short and needed for an answer is not cut off, but by a deadline of
            :func:`~pygridjl.core.stopping.within`.

        Returns
        -------
        HighsSolution
            The answer. An answer called optimal was checked against bounds and rows.

        Raises
        ------
        SolverError
            If HiGHS ends with a status or an answer that cannot be trusted.
        TimeIsUp
            If such a deadline passed before the answer.
        """
        deadline = time_allowed() if time_limit is None else working_time() + time_limit
        bounded = time_limit is None and deadline is not None
        if bounded and is_over(deadline):
            raise TimeIsUp
        if (self._col_lower > self._col_upper).any() or (self._row_lower > self._row_upper).any():
            return HighsSolution(
                SolverStatus.INFEASIBLE, None, None, np.inf, None, None, None, 0, 0
            )
        status = self._run(deadline)
        if status == highspy.HighsModelStatus.kUnknown:
            # A warm start can lead the simplex method astray; a fresh one finds back.
            self._do("clearSolver")
            status = self._run(deadline)
        ray = None
        infeasible = status == highspy.HighsModelStatus.kInfeasible
        undecided = status == highspy.HighsModelStatus.kUnboundedOrInfeasible
        if (infeasible or undecided) and not (self._integer.any() or self._quadratic):
            # Presolve neither tells the two apart nor leaves a ray, and without it large programs
            # take minutes; how little the rows must give way tells both.
            ray = self._dual_ray() if infeasible else None
            ray = self._elastic_ray(deadline) if ray is None else ray
            if ray is not None:
                status = highspy.HighsModelStatus.kInfeasible
        if undecided and ray is None:
            self._option("presolve", "off")
            status = self._run(deadline)
            self._option("presolve", "choose")
        answer = self._solution(status, ray)
        unproven = answer.status is SolverStatus.TIME_LIMIT or (infeasible and ray is None)
        if bounded and unproven and is_over(deadline):
            raise TimeIsUp
        return answer

    def _run(self, deadline: float | None) -> Any:
        limit = np.inf if deadline is None else seconds_left(deadline)
        # The tree search takes the limit from the start of its run; everything else compares it
        # with a clock that runs on from run to run.
        passed = 0.0 if self._integer.any() else self._highs.getRunTime()
        self._option("time_limit", passed + limit)
        # HiGHS keeps its threads from run to run, whoever ran it, and refuses another number of
        # them: a caller's are dropped before and ours after.
        highspy.Highs.resetGlobalScheduler(True)
        try:
            with self._cancelled(deadline):
                self._do("run")
        finally:
            highspy.Highs.resetGlobalScheduler(True)
        return self._highs.getModelStatus()

    @contextmanager
    def _cancelled(self, deadline: float | None) -> Iterator[None]:
        """Hold signals back, which end a run that has a deadline."""
        if deadline is None:
            with signals_deferred(lambda: None):
                yield
        else:
            cancel = self._highs.cancelSolve
            with signals_deferred(cancel), cancelling(cancel):
                yield

    def _solution(self, status: Any, ray: FloatArray | None) -> HighsSolution:
        if status not in _STATUS:
            text = self._highs.modelStatusToString(status)
            raise SolverError(f"HiGHS: ended with status {text!r}")
        ended = _STATUS[status]
        info = self._highs.getInfo()
        answer = self._highs.getSolution()
        mip = bool(self._integer.any())
        x, objective, bound = None, None, -np.inf
        if info.primal_solution_status == 2 and ended is not SolverStatus.INFEASIBLE:
            x = np.asarray(answer.col_value, dtype=np.float64)
            objective = self._objective(x)
            self._assert_feasible(x)
        if ended is SolverStatus.OPTIMAL and x is None:
            raise SolverError("HiGHS: called optimal but left no solution")
        if ended is SolverStatus.INFEASIBLE:
            bound = np.inf
        elif mip and ended is not SolverStatus.UNBOUNDED:
            bound = float(info.mip_dual_bound)
        elif ended is SolverStatus.OPTIMAL and objective is not None:
            bound = objective
        priced = ended is SolverStatus.OPTIMAL and not mip
        return HighsSolution(
            status=ended,
            x=x,
            objective=objective,
            bound=bound,
            row_dual=np.asarray(answer.row_dual, dtype=np.float64) if priced else None,
            col_dual=np.asarray(answer.col_dual, dtype=np.float64) if priced else None,
            ray=ray,
            nodes=max(int(info.mip_node_count), 0),
            iterations=max(int(info.simplex_iteration_count), 0),
            ended=str(self._highs.modelStatusToString(status)),
        )

    def _objective(self, x: FloatArray) -> float:
        value = float(self._cost @ x) + self._offset
        if self._hessian is not None:
            value += 0.5 * float(x @ (self._hessian @ x))
        return value

    def _assert_feasible(self, x: FloatArray) -> None:
        """Check an answer without the solver's own tolerances and scaling."""
        activity = self._matrix @ x
        scale = np.maximum(1.0, abs(self._matrix) @ abs(x))
        excess = np.maximum(self._row_lower - activity, activity - self._row_upper) / scale
        if excess.size and excess.max() > FEASIBILITY_TOLERANCE:
            raise SolverError(
                f"HiGHS: row {int(excess.argmax())} of the answer is violated by {excess.max():.2g}"
            )
        off = np.maximum(self._col_lower - x, x - self._col_upper) / np.maximum(1.0, abs(x))
        if off.size and off.max() > FEASIBILITY_TOLERANCE:
            raise SolverError(
                f"HiGHS: column {int(off.argmax())} of the answer is violated by {off.max():.2g}"
            )

    def _dual_ray(self) -> FloatArray | None:
        """Farkas multipliers, verified; None if HiGHS has none or they prove nothing."""
        # Where presolve found it out HiGHS would solve all of it anew, whatever the clock says.
        if not self._highs.getDualRayExist()[1]:
            return None
        _, found, values = self._highs.getDualRay()
        return self._proof(np.asarray(values, dtype=np.float64)) if found else None

    def _elastic_ray(self, deadline: float | None) -> FloatArray | None:
        """Farkas multipliers as the duals of the rows when these may give way at a price."""
        left = None if deadline is None else seconds_left(deadline)
        model = elastic_model(
            self._matrix, self._row_lower, self._row_upper, self._col_lower, self._col_upper
        )
        answer = HighsModel(model).solve(time_limit=left) if left is None or left > 0 else None
        if answer is None or answer.row_dual is None:
            return None
        return self._proof(answer.row_dual)

    def _proof(self, multipliers: FloatArray) -> FloatArray | None:
        """Return the multipliers, or their opposite, if they prove that nothing is feasible."""
        ray = without_rounding(multipliers)
        bounds = (self._row_lower, self._row_upper, self._col_lower, self._col_upper)
        for y in (ray, -ray):
            if farkas_margin(y, self._matrix, *bounds) > 0:
                return y
        return None

    def _rounded(
        self, cols: IntArray, lower: FloatArray, upper: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        integer = self._integer[cols]
        low = np.where(integer, np.ceil(lower - INTEGER_TOLERANCE), lower)
        high = np.where(integer, np.floor(upper + INTEGER_TOLERANCE), upper)
        return low.astype(np.float64), high.astype(np.float64)

    def _pass(self) -> None:
        matrix, n = self._matrix, self._cost.size
        # As arrays at once: a list for each of them takes seconds where there are millions of
        # entries, in which nothing else of Python runs.
        self._do(
            "passModel",
            n,
            self._row_lower.size,
            matrix.nnz,
            int(highspy.MatrixFormat.kRowwise),
            int(highspy.ObjSense.kMinimize),
            self._offset,
            self._cost,
            self._col_lower,
            self._col_upper,
            self._row_lower,
            self._row_upper,
            matrix.indptr.astype(np.int32),
            matrix.indices.astype(np.int32),
            matrix.data,
            self._integer.astype(np.int32),
        )
        if self._hessian is not None:
            lower = tril(self._hessian, format="csc")
            self._do(
                "passHessian",
                n,
                lower.nnz,
                int(highspy.HessianFormat.kTriangular),
                lower.indptr.astype(np.int32),
                lower.indices.astype(np.int32),
                lower.data.astype(np.float64),
            )

    def _option(self, name: str, value: object) -> None:
        self._do("setOptionValue", name, value)

    def _do(self, method: str, *arguments: object) -> None:
        if getattr(self._highs, method)(*arguments) == highspy.HighsStatus.kError:
            raise SolverError(f"HiGHS: {method} failed")


def _stack(above: csr_array, below: csr_array) -> csr_array:
    return csr_array(
        (
            np.concatenate([above.data, below.data]),
            np.concatenate([above.indices, below.indices]),
            np.concatenate([above.indptr, above.indptr[-1] + below.indptr[1:]]),
        ),
        shape=(above.shape[0] + below.shape[0], above.shape[1]),
    )
