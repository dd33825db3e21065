"""Values and functions that case files use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pygridjl.core.types import FloatArray
from pygridjl.grid.io.matpower.tokens import MatlabError

__all__ = ["CONSTANTS", "FUNCTIONS", "VALUES", "as_matrix", "matrix_of", "plain"]

LARGEST = 10_000_000


def _numbered(names: str, start: int = 1) -> list[tuple[str, int]]:
    return [(name, number) for number, name in enumerate(names.split(), start)]


# Outputs of MATPOWER's idx_* functions, in order, with their values (manual, tables B-1 to B-5).
CONSTANTS: Mapping[str, list[tuple[str, int]]] = {
    "idx_bus": _numbered("PQ PV REF NONE")
    + _numbered("BUS_I BUS_TYPE PD QD GS BS BUS_AREA VM VA BASE_KV ZONE VMAX VMIN")
    + _numbered("LAM_P LAM_Q MU_VMAX MU_VMIN", 14),
    "idx_brch": _numbered("F_BUS T_BUS BR_R BR_X BR_B RATE_A RATE_B RATE_C TAP SHIFT BR_STATUS")
    + _numbered("PF QF PT QT MU_SF MU_ST", 14)
    + _numbered("ANGMIN ANGMAX", 12)
    + _numbered("MU_ANGMIN MU_ANGMAX", 20),
    "idx_gen": _numbered("GEN_BUS PG QG QMAX QMIN VG MBASE GEN_STATUS PMAX PMIN")
    + _numbered("MU_PMAX MU_PMIN MU_QMAX MU_QMIN", 22)
    + _numbered("PC1 PC2 QC1MIN QC1MAX QC2MIN QC2MAX RAMP_AGC RAMP_10 RAMP_30 RAMP_Q APF", 11),
    "idx_cost": _numbered("PW_LINEAR POLYNOMIAL") + _numbered("MODEL STARTUP SHUTDOWN NCOST COST"),
}

VALUES: Mapping[str, Any] = {
    "pi": np.pi,
    "inf": np.inf,
    "Inf": np.inf,
    "nan": np.nan,
    "NaN": np.nan,
    "eps": float(np.finfo(np.float64).eps),
    "nargin": 0.0,
    "true": np.ones((1, 1), dtype=np.bool_),
    "false": np.zeros((1, 1), dtype=np.bool_),
}


def as_matrix(value: Any) -> Any:
    """Return a number or matrix as a matrix of two dimensions.

    Raises
    ------
    MatlabError
        If it is neither.
    """
    if isinstance(value, float):
        return np.array([[value]])
    if isinstance(value, np.ndarray):
        return value
    raise MatlabError("a number or matrix is needed")


def matrix_of(values: Any) -> FloatArray:
    """Return numbers of any shape as a matrix; those in one row as a row."""
    array = np.asarray(values, dtype=np.float64)
    return array if array.ndim == 2 else np.atleast_2d(array)


def plain(value: Any) -> Any:
    """Return a matrix of one number as that number."""
    if isinstance(value, np.ndarray) and value.size == 1 and value.dtype != np.bool_:
        return float(value.ravel()[0])
    return value


def _elementwise(function: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda x: function(as_matrix(x).astype(np.float64))


def _size(x: Any, dimension: Any = None) -> Any:
    shape = as_matrix(x).shape if not isinstance(x, str | list) else (1, len(x))
    if dimension is None:
        return matrix_of(shape)
    which = int(as_matrix(dimension).ravel()[0])
    return float(shape[which - 1]) if 1 <= which <= len(shape) else 1.0


def _filled(value: float) -> Callable[..., Any]:
    def build(*shape: Any) -> Any:
        sides = np.concatenate([as_matrix(s).ravel() for s in shape]) if shape else np.ones(1)
        rows, columns = (sides[0], sides[0]) if sides.size == 1 else (sides[0], sides[1])
        if not (rows >= 0 and columns >= 0 and rows * columns <= LARGEST):
            raise MatlabError("a matrix of this size cannot be made")
        return np.full((int(rows), int(columns)), value)

    return build


def _find(x: Any) -> Any:
    matrix = as_matrix(x)
    rows = np.flatnonzero(matrix.T.ravel()) + 1.0
    return rows[None, :] if matrix.shape[0] == 1 else rows[:, None]


def _along(function: Callable[..., Any]) -> Callable[..., Any]:
    """Reduce columns, or a single row, or the dimension that is asked for."""

    def reduce(x: Any, dimension: Any = None) -> Any:
        matrix = as_matrix(x)
        axis = int(dimension) - 1 if dimension is not None else int(matrix.shape[0] == 1)
        if axis not in (0, 1):
            raise MatlabError("a dimension is 1 or 2")
        return function(matrix, axis=axis, keepdims=True)

    return reduce


def _extreme(function: Callable[..., Any], pairwise: Callable[..., Any]) -> Callable[..., Any]:
    def choose(x: Any, y: Any = None) -> Any:
        if y is not None:
            return pairwise(as_matrix(x), as_matrix(y))
        return _along(function)(x)

    return choose


def _sorted(x: Any) -> Any:
    matrix = as_matrix(x)
    return np.sort(matrix, axis=int(matrix.shape[0] == 1))


def _unique(x: Any) -> Any:
    matrix = as_matrix(x)
    values = np.unique(matrix)
    return values[None, :] if matrix.shape[0] == 1 else values[:, None]


def _repmat(x: Any, rows: Any, columns: Any = None) -> Any:
    matrix, times = as_matrix(x), as_matrix(rows).ravel()
    down = times[0]
    across = as_matrix(columns).ravel()[0] if columns is not None else times[-1]
    if not (down >= 0 and across >= 0 and matrix.size * down * across <= LARGEST):
        raise MatlabError("a matrix of this size cannot be made")
    return np.tile(matrix, (int(down), int(across)))


def _logical(x: Any) -> Any:
    return as_matrix(x) != 0


def _truth(value: object) -> Any:
    return np.array([[bool(value)]])


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    **{
        name: _elementwise(getattr(np, numpy_name))
        for name, numpy_name in {
            "sin": "sin",
            "cos": "cos",
            "tan": "tan",
            "asin": "arcsin",
            "acos": "arccos",
            "atan": "arctan",
            "sqrt": "sqrt",
            "abs": "abs",
            "exp": "exp",
            "log": "log",
            "log10": "log10",
            "sign": "sign",
            "floor": "floor",
            "ceil": "ceil",
            "fix": "fix",
            "deg2rad": "radians",
            "rad2deg": "degrees",
            "double": "array",
            "transpose": "transpose",
        }.items()
    },
    # MATLAB rounds halves away from zero.
    "round": _elementwise(lambda x: np.sign(x) * np.floor(np.abs(x) + 0.5)),
    "isnan": lambda x: np.isnan(as_matrix(x)),
    "isinf": lambda x: np.isinf(as_matrix(x)),
    "mod": lambda x, y: np.mod(as_matrix(x), as_matrix(y)),
    "zeros": _filled(0.0),
    "ones": _filled(1.0),
    "size": _size,
    "length": lambda x: float(_size(x).max() if _size(x).min() else 0),
    "numel": lambda x: float(_size(x).prod()),
    "isempty": lambda x: _truth(_size(x).prod() == 0),
    "find": _find,
    "any": lambda x: _along(np.any)(_logical(x)),
    "all": lambda x: _along(np.all)(_logical(x)),
    "sum": _along(np.sum),
    "max": _extreme(np.max, np.maximum),
    "min": _extreme(np.min, np.minimum),
    "sort": _sorted,
    "unique": _unique,
    "repmat": _repmat,
    "logical": _logical,
    "ismember": lambda x, y: np.isin(as_matrix(x), as_matrix(y)),
    "strcmp": lambda x, y: _truth(isinstance(x, str) and x == y),
}
