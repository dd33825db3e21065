"""Matrices of case files: plain tables, and parts that are set or deleted."""

from __future__ import annotations

from typing import Any

import numpy as np

from pygridjl.grid.io.matpower.expression import Parser
from pygridjl.grid.io.matpower.functions import LARGEST
from pygridjl.grid.io.matpower.tokens import MatlabError, tokens_of

__all__ = ["plain_table", "with_part", "without"]


def plain_table(body: str) -> Any:
    """Return a matrix of plain numbers."""
    rows: list[list[float]] = []
    for line in body.replace(",", " ").replace(";", "\n").split("\n"):
        cells = line.split()
        if not cells:
            continue
        try:
            rows.append([float(cell) for cell in cells])
        except ValueError:
            return Parser(tokens_of(f"[{body}]"), {}).whole()
        if len(rows[-1]) != len(rows[0]):
            raise MatlabError(
                f"row {len(rows)} has {len(rows[-1])} columns, the first has {len(rows[0])}"
            )
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(rows[0]) if rows else 0)


def without(matrix: Any, picked: tuple[Any, ...]) -> Any:
    """Delete rows, columns, or elements of a vector."""
    if len(picked) == 1:
        if 1 not in matrix.shape:
            raise MatlabError("elements can only be deleted from a row or column")
        axis, gone = int(matrix.shape[0] == 1), picked[0]
    else:
        whole = [np.unique(p).size == side for p, side in zip(picked, matrix.shape, strict=True)]
        if not any(whole):
            raise MatlabError("only whole rows or columns can be deleted")
        axis = 0 if whole[1] else 1
        gone = picked[axis]
    if gone.size and gone.max() >= matrix.shape[axis]:
        raise MatlabError(f"{('row', 'column')[axis]} index outside 1…{matrix.shape[axis]}")
    return np.delete(matrix, gone, axis=axis)


def with_part(matrix: Any, picked: tuple[Any, ...], value: Any) -> Any:
    """Put a value into a part, which may make the matrix larger."""
    if len(picked) == 1:
        if matrix.shape[0] > 1 and matrix.shape[1] > 1:
            picked = np.unravel_index(picked[0], matrix.shape, order="F")
            if value.size not in (1, picked[0].size):
                raise MatlabError(f"sizes differ: {value.size} into {picked[0].size}")
            matrix[picked] = value.T.ravel() if value.size > 1 else value.ravel()[0]
            return matrix
        column = matrix.shape[1] == 1 and matrix.shape[0] > 1
        zero = np.zeros(1, dtype=np.int64)
        picked = (picked[0], zero) if column else (zero, picked[0])
        value = value.reshape((-1, 1) if column else (1, -1))
    sides = [max([side, *(p + 1)]) for side, p in zip(matrix.shape, picked, strict=True)]
    if sides[0] * sides[1] > LARGEST:
        raise MatlabError("a matrix of this size cannot be made")
    if not matrix.size and picked[1].size == 0:
        # x(end+1, :) = row of an empty matrix takes its width from the row.
        picked = (picked[0], np.arange(value.shape[1]))
        sides[1] = value.shape[1]
    if value.size != 1 and value.shape != (picked[0].size, picked[1].size):
        raise MatlabError(f"sizes differ: {value.shape} into {(picked[0].size, picked[1].size)}")
    if tuple(sides) != matrix.shape:
        grown = np.zeros(sides)
        grown[: matrix.shape[0], : matrix.shape[1]] = matrix
        matrix = grown
    matrix[np.ix_(*picked)] = value
    return matrix
