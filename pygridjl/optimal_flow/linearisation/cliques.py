"""Groups of variables that share a moment matrix."""

from __future__ import annotations

from itertools import combinations
from typing import Literal

import numpy as np

from pygridjl.core.types import IntArray
from pygridjl.graphs.chordal import chordal_extension
from pygridjl.optimal_flow.linearisation.program import PolynomialProgram

__all__ = ["Grouping", "program_cliques"]

Grouping = Literal["network", "constraints", "dense"]


def program_cliques(program: PolynomialProgram, grouping: Grouping) -> list[IntArray]:
    """Return the variables of every moment matrix.

    Parameters
    ----------
    program : PolynomialProgram
        The program.
    grouping : {"network", "constraints", "dense"}
        Whether voltages meet where a branch joins them (and powers where they are injected);
        where a constraint holds both, as relaxation (23) has it: all neighbours of a bus; or all
        variables at once, relaxation (21). At order 1, where constraints are multiplied by
        nothing, the three give the same bound.

    Returns
    -------
    list of ndarray of int
        Variable numbers, voltages with their conjugates, every group with all parameters. The
        groups are the cliques of a chordal graph, so they have the running intersection property.
    """
    if grouping == "dense":
        return [np.arange(1, program.variables.base)]
    n = program.voltage.size
    ignored = {0, *program.parameter.tolist()}
    linked: list[set[int]] = []

    def meet(numbers: IntArray) -> None:
        # A voltage and its conjugate are one vertex.
        linked.append({v - n if n < v <= 2 * n else v for v in numbers.tolist()} - ignored)

    for polynomial in (*program.equalities, *(flow.power for flow in program.flows)):
        for row in [polynomial.rows.ravel()] if grouping == "constraints" else polynomial.rows:
            meet(row)
    for voltage, powers in zip(program.voltage, program.powers, strict=True):
        meet(np.array([voltage, *powers]))
    tail, head = np.array(sorted({pair for m in linked for pair in combinations(sorted(m), 2)})).T
    groups = []
    for clique in chordal_extension(program.variables.base, tail, head).cliques:
        own = np.array(clique)
        # Every voltage and power is linked to another; what is alone is no vertex.
        if own.size == 1 and n > 1:
            continue
        voltages = own[own <= n]
        groups.append(np.concatenate([voltages, voltages + n, own[own > n], program.parameter]))
    return groups
