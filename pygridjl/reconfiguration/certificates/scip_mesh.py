"""The mixed-integer form of a mesh as columns, rows and cones of a SCIP model.

Columns, in this order: those of the formulation (o, w for p and q, commodity), then the loss t
and the closed part z of each super-edge, with |w|² ≤ t z.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import block_array, coo_array, csr_array

from pygridjl.core.types import BoolArray, FloatArray
from pygridjl.reconfiguration.certificates.formulation import MeshFormulation
from pygridjl.solvers.scip import ScipModel

__all__ = ["add_mesh", "mesh_columns", "mesh_start"]


def mesh_columns(form: MeshFormulation) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Lower bounds, upper bounds and binary marks of the columns."""
    size, ways = form.share.size, form.owner.size
    reach = np.concatenate([np.ones(2 * size), np.full(size, form.commodity)])
    lower = np.concatenate([np.zeros(ways), -reach, np.zeros(2 * size)])
    upper = np.concatenate([form.viable.astype(np.float64), reach, np.ones(2 * size)])
    return lower, upper, np.arange(lower.size) < ways


def mesh_start(form: MeshFormulation, closed: BoolArray) -> FloatArray:
    """Values of the columns for a configuration."""
    size, ways = form.share.size, form.owner.size
    values = form.columns(closed)
    loss = values[ways : ways + size] ** 2 + values[ways + size : ways + 2 * size] ** 2
    z = 1.0 - np.bincount(form.owner, values[:ways], minlength=size)
    return np.concatenate([values, loss, z])


def add_mesh(model: ScipModel, form: MeshFormulation, first: int) -> None:
    """Add rows and cones for the columns that begin at ``first``."""
    size, ways = form.share.size, form.owner.size
    total = len(model.columns)
    before = csr_array((form.lower.size, first))
    after = csr_array((form.lower.size, total - first - form.matrix.shape[1]))
    matrix = csr_array(block_array([[before, form.matrix, after]]))
    model.add_rows(matrix, form.lower, form.upper)
    z = first + ways + 4 * size + np.arange(size)
    rows = np.concatenate([np.arange(size), form.owner])
    columns = np.concatenate([z, first + np.arange(ways)])
    complement = coo_array((np.ones(size + ways), (rows, columns)), shape=(size, total))
    model.add_rows(csr_array(complement), np.ones(size), np.ones(size))
    for s in range(size):
        p = first + ways + s
        model.add_cone((p, p + size), p + 3 * size, p + 4 * size)
