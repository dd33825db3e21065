"""What a solver run can end with, and the checks every solver's input passes first."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from scipy.sparse import csr_array

from pygridjl.core.errors import SolverError
from pygridjl.core.types import FloatArray

__all__ = ["SolverStatus", "assert_finite", "assert_number"]


class SolverStatus(StrEnum):
    """How a solver run ended. Anything else a solver may say is raised as SolverError."""

    OPTIMAL = "optimal"
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"
    TIME_LIMIT = "time_limit"
    ITERATION_LIMIT = "iteration_limit"
    INACCURATE = "inaccurate"
    """Solved to reduced accuracy only: look at the residuals before using it."""
    FAILED = "failed"
    """Gave up by numerical trouble; only the conic solver says so, because its last dual point
    still gives a bound."""


def assert_number(solver: str, name: str, values: FloatArray) -> None:
    """Refuse NaN, which solvers take silently.

    Raises
    ------
    SolverError
        Naming the array and the first bad index.
    """
    bad = np.flatnonzero(np.isnan(values))
    if bad.size:
        raise SolverError(f"{solver}: {name}[{int(bad[0])}] is NaN")


def assert_finite(solver: str, name: str, values: FloatArray | csr_array) -> None:
    """Refuse NaN and infinity.

    Raises
    ------
    SolverError
        Naming the array and the first bad index, or row and column of a sparse matrix.
    """
    data = values.data if isinstance(values, csr_array) else values
    bad = np.flatnonzero(~np.isfinite(data))
    if not bad.size:
        return
    where = str(int(bad[0]))
    if isinstance(values, csr_array):
        row = int(np.searchsorted(values.indptr, bad[0], side="right")) - 1
        where = f"{row}, {int(values.indices[bad[0]])}"
    found = "NaN" if np.isnan(data[bad[0]]) else str(data[bad[0]])
    raise SolverError(f"{solver}: {name}[{where}] is {found}")
