"""SDPA as a program of its own: sparse-format file in, solution file out; used if installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from pygridjl.core.errors import SolverError
from pygridjl.core.types import FloatArray, IntArray
from pygridjl.solvers.conic import Cone, ConicModel, ConicSolution
from pygridjl.solvers.dual_cone import outside
from pygridjl.solvers.status import SolverStatus

__all__ = ["find_sdpa", "solve_sdpa"]

# Step rules are SDPA's defaults; the solution is printed to full precision.
_PARAMETERS = """\
100 maxIteration
{tolerance:.1E} epsilonStar
1.0E2 lambdaStar
2.0 omegaStar
-1.0E5 lowerBound
1.0E5 upperBound
0.1 betaStar
0.2 betaBar
0.9 gammaStar
{tolerance:.1E} epsilonDash
%+18.12e xPrint
%+18.12e XPrint
%+18.12e YPrint
%+10.16e infPrint
"""
_STATUS = {
    "pdOPT": SolverStatus.OPTIMAL,
    "pdFEAS": SolverStatus.INACCURATE,
    "pFEAS": SolverStatus.INACCURATE,
    "dFEAS": SolverStatus.INACCURATE,
    "pdINF": SolverStatus.INFEASIBLE,
    "pINF_dFEAS": SolverStatus.INFEASIBLE,
    "pFEAS_dINF": SolverStatus.UNBOUNDED,
    "dUNBD": SolverStatus.INFEASIBLE,
    "pUNBD": SolverStatus.UNBOUNDED,
}


def find_sdpa() -> str | None:
    """Return the path of the program ``sdpa`` if it is installed (Debian: package ``sdpa``)."""
    return shutil.which("sdpa")


def solve_sdpa(
    model: ConicModel, *, time_limit: float = np.inf, tolerance: float = 1e-7
) -> ConicSolution:
    """Solve a linear conic program without equalities by SDPA.

    Parameters
    ----------
    model : ConicModel
        Nonnegative, positive semidefinite and three-row Lorentz cones only.
    time_limit : float
        Seconds.
    tolerance : float
        Relative gap and feasibility.

    Returns
    -------
    ConicSolution
        As by Clarabel, in the units of the model.

    Raises
    ------
    SolverError
        If SDPA is not installed, the model has other cones, or there is no readable answer.
    """
    program = find_sdpa()
    if program is None:
        raise SolverError(
            "SDPA: no program 'sdpa' is installed; install it (Debian: apt install sdpa) or use "
            "the engine 'clarabel'"
        )
    scale = float(abs(model.cost).max(initial=0.0)) or 1.0
    with tempfile.TemporaryDirectory() as folder:
        data, output = Path(folder) / "model.dat-s", Path(folder) / "model.out"
        parameters = Path(folder) / "param.sdpa"
        data.write_text(_sparse_format(model, scale), encoding="ascii")
        parameters.write_text(_PARAMETERS.format(tolerance=tolerance), encoding="ascii")
        command = [program, "-ds", str(data), "-o", str(output), "-p", str(parameters)]
        # Its linear algebra starts a thread a core beside its own, and they wait for each other.
        alone = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        try:
            subprocess.run(
                [*command, "-numThreads", "1"],
                env={**os.environ, **alone},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=None if np.isinf(time_limit) else time_limit,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return _no_answer(model, SolverStatus.TIME_LIMIT)
        text = output.read_text(encoding="ascii", errors="replace") if output.exists() else ""
    return _answer(model, text, scale)


def _sparse_format(model: ConicModel, scale: float) -> str:
    """Write F_i = −A_i and F_0 = −b block by block (SDPA's manual, section 6)."""
    matrix = csr_array(-model.matrix)
    blocks: list[int] = []
    keys: list[IntArray] = []
    values: list[FloatArray] = []
    begin = 0
    for number, cone in enumerate(model.cones, start=1):
        order, expand = _expansion(cone)
        blocks.append(order)
        part = (expand @ matrix[begin : begin + cone.rows]).tocoo()
        constant = expand @ model.rhs[begin : begin + cone.rows]
        place, variable = part.coords
        fixed = np.flatnonzero(constant)
        width = abs(order)
        for where, which, what in (
            (fixed, 0 * fixed, -constant[fixed]),
            (place, variable + 1, part.data),
        ):
            row, column = np.divmod(where, width) if order > 0 else (where, where)
            keys.append(np.column_stack([which, np.full(where.size, number), row + 1, column + 1]))
            values.append(what)
        begin += cone.rows
    key, value = np.concatenate(keys), np.concatenate(values)
    sequence = np.lexsort(key.T[::-1])
    lines = [
        f"{a} {b} {i} {j} {v:.17g}"
        for (a, b, i, j), v in zip(key[sequence].tolist(), value[sequence].tolist(), strict=True)
    ]
    head = [
        str(model.cost.size),
        str(len(blocks)),
        " ".join(map(str, blocks)),
        " ".join(f"{c:.17g}" for c in (model.cost / scale).tolist()),
    ]
    return "\n".join([*head, *lines, ""])


def _expansion(cone: Cone) -> tuple[int, csr_array]:
    """Order of SDPA's block (negative: diagonal) and the map from a cone's rows to its entries.

    Entries are numbered along the rows of the matrix; only the upper triangle is filled. A
    Lorentz cone (t, x, y) is the matrix [[t + x, y], [y, t − x]].
    """
    k = cone.size
    if cone.kind == "nonnegative":
        return -k, csr_array(np.eye(k))
    if cone.kind == "psd_triangle":
        column = np.repeat(np.arange(k), np.arange(1, k + 1))
        row = np.concatenate([np.arange(c + 1) for c in range(k)])
        weight = np.where(row == column, 1.0, np.sqrt(0.5))
        source = np.arange(column.size)
        return k, csr_array((weight, (row * k + column, source)), shape=(k * k, column.size))
    if cone.kind == "second_order" and k == 3:
        entries = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0], [1.0, -1.0, 0.0]])
        return 2, csr_array(entries)
    raise SolverError(f"SDPA: takes no cone {cone.kind} of size {k}")


def _answer(model: ConicModel, text: str, scale: float) -> ConicSolution:
    phase = re.search(r"phase\.value\s*=\s*(\w+)", text)
    _, found, rest = text.partition("xVec =")
    vector, _, rest = rest.partition("xMat =")
    _, _, dual = rest.partition("yMat =")
    x = _numbers(vector)
    if phase is None or not found or x.size != model.cost.size:
        return _no_answer(model, SolverStatus.FAILED)
    # The running time follows the matrices.
    z = scale * _dual(model.cones, _numbers(dual.partition("main loop")[0]))
    s = model.rhs - model.matrix @ x
    residual = abs(model.cost + model.matrix.T @ z).max(initial=0.0) / scale
    return ConicSolution(
        status=_STATUS.get(phase[1], SolverStatus.FAILED),
        x=x,
        s=s,
        z=z,
        objective=float(model.cost @ x),
        dual_objective=-float(model.rhs @ z),
        primal_residual=outside(model.cones, s) / max(1.0, abs(model.rhs).max(initial=0.0)),
        dual_residual=float(residual),
        iterations=int(re.findall(r"Iteration\s*=\s*(\d+)", text)[-1]),
    )


def _dual(cones: Sequence[Cone], values: FloatArray) -> FloatArray:
    """Multipliers in the order of the rows from SDPA's matrices."""
    parts, begin = [], 0
    for cone in cones:
        order, expand = _expansion(cone)
        size = abs(order) if order < 0 else order * order
        block = values[begin : begin + size]
        if block.size != size:
            raise SolverError("SDPA: the solution file ends early")
        if cone.kind == "psd_triangle":
            # An entry off the diagonal counts twice in the inner product.
            parts.append(2.0 * (expand.T @ block) - _diagonal(cone.size, block))
        elif cone.kind == "second_order":
            parts.append(np.array([block[0] + block[3], block[0] - block[3], block[1] + block[2]]))
        else:
            parts.append(block)
        begin += size
    return np.concatenate(parts)


def _diagonal(k: int, block: FloatArray) -> FloatArray:
    diagonal = np.zeros(k * (k + 1) // 2)
    diagonal[np.cumsum(np.arange(1, k + 1)) - 1] = block[:: k + 1]
    return diagonal


def _numbers(text: str) -> FloatArray:
    return np.array(re.findall(r"[-+]?\d\.\d+e[-+]\d+", text), dtype=np.float64)


def _no_answer(model: ConicModel, status: SolverStatus) -> ConicSolution:
    return ConicSolution(
        status,
        np.full(model.cost.size, np.nan),
        np.full(model.rhs.size, np.nan),
        np.full(model.rhs.size, np.nan),
        np.nan,
        -np.inf,
        np.inf,
        np.inf,
        0,
    )
