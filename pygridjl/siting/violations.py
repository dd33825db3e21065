"""Limits that are passed: which, by how much and for how long, and the least that must be."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pandas as pd

from pygridjl.core.errors import SolverError
from pygridjl.core.types import FloatArray
from pygridjl.grid.feeder import PHASES
from pygridjl.siting.second_stage.operation import LIMIT_KINDS, Operation
from pygridjl.siting.second_stage.program import OperationProgram
from pygridjl.solvers.highs import HighsModel

__all__ = ["WHAT", "Violations", "describe_violations", "limit_name", "readable"]

WHAT = ("ampacity", "ampacity", "ampacity", "ampacity", "ampacity", "ampacity", "v_max", "v_min")
_COLUMNS = ("scenario", "component", "id", "phase", "limit", "value", "bound", "hours")


def limit_name(operation: Operation, node: int, kind: int) -> tuple[str, str, str]:
    """Return component, id and phase of a limit.

    Parameters
    ----------
    operation : Operation
        The problem.
    node, kind : int
        Row and column of :attr:`Operation.limit`.
    """
    phase = PHASES[int(operation.feeder.node_phase[node])]
    if kind >= 6:
        return "bus", str(operation.feeder.buses.id[operation.feeder.node_bus[node]]), phase
    return "branch", str(operation.feeder.branches.id[operation.model.branch[node]]), phase


def readable(kind: int, size: float, limit: float) -> tuple[float, float]:
    """Return a loading beside 1, or voltage magnitudes, p.u."""
    if kind < 6:
        return float(size), 1.0
    return float(np.sqrt(abs(size))), float(np.sqrt(abs(limit)))


def describe_violations(violations: pd.DataFrame, most: int = 5) -> list[str]:
    """Return one line for each of the limits that are broken most, over all scenarios.

    Parameters
    ----------
    violations : DataFrame
        As in :class:`~pygridjl.siting.operating.OperatingReport`.
    most : int
        Lines at most.
    """
    lines = []
    keys = ["component", "id", "phase", "limit"]
    for (component, name, phase, limit), rows in violations.groupby(keys, sort=False):
        low = limit == "v_min"
        worst = rows["value"].min() if low else rows["value"].max()
        told = (
            f"loading {100 * worst:.0f} %"
            if limit == "ampacity"
            else f"voltage {worst:.3f} p.u. ({limit} {rows['bound'].iloc[0]:g})"
        )
        size = abs(worst - rows["bound"].iloc[0])
        text = f"{component} {name}, phase {phase}: {told} in {rows['hours'].sum():.0f} h a year"
        lines.append((size, text))
    lines.sort(key=lambda item: -item[0])
    return [text for _, text in lines[:most]]


class Violations:
    """Collects limits that are passed in some scenarios.

    Parameters
    ----------
    operation : Operation
        The problem.
    hours : ndarray, shape (S,)
        Hours a year of each scenario.
    """

    def __init__(self, operation: Operation, hours: FloatArray) -> None:
        self._operation, self._hours = operation, hours
        self._rows: list[tuple[object, ...]] = []

    @cached_property
    def _program(self) -> OperationProgram:
        return OperationProgram(self._operation, slack=1.0, measured=False)

    @cached_property
    def _elastic(self) -> HighsModel:
        return HighsModel(self._program.linear_model())

    def record(self, scenario: int, P: FloatArray, Q: FloatArray, U: FloatArray) -> None:
        """Note what a state passes, one line a node for its branch and one for its voltage."""
        operation = self._operation
        limit = operation.limit
        there = np.isfinite(limit)
        used = np.column_stack([P, Q, U]) @ LIMIT_KINDS.T
        beyond = there & (used > limit + 1e-6 * np.where(there, np.maximum(np.abs(limit), 1e-3), 0))
        loading = np.hypot(P, Q) / (limit[:, 0] / np.sqrt(3))
        for group in (range(6), (6,), (7,)):
            kinds = list(group)
            for node in np.flatnonzero(beyond[:, kinds].any(axis=1)).tolist():
                # A lowest voltage of zero is the only limit without a size, and alone in its group.
                sized = there[node, kinds] & (limit[node, kinds] != 0)
                over = used[node, kinds] / np.where(sized, limit[node, kinds], np.inf)
                kind = kinds[int(np.argmax(np.where(beyond[node, kinds], over, -np.inf)))]
                size = loading[node] if kind < 6 else U[node]
                value, bound = readable(kind, size, limit[node, kind])
                self._rows.append(
                    (
                        str(operation.scenarios.id[scenario]),
                        *limit_name(operation, node, kind),
                        WHAT[kind],
                        value,
                        bound,
                        self._hours[scenario],
                    )
                )

    def least(self, scenario: int, right: FloatArray, sun: FloatArray) -> None:
        """Note the least sum of violations, in percent of the limits, of a scenario.

        Parameters
        ----------
        scenario : int
            Position in the set.
        right : ndarray, shape (2 n_node,)
            Right-hand sides of the balances.
        sun : ndarray, shape (n_site,)
            Capacities of the sites, p.u.

        Raises
        ------
        SolverError
            If HiGHS finds no least sum.
        """
        n = self._operation.n_node
        lower = np.concatenate([right, np.full(sun.size, -np.inf)])
        upper = np.concatenate([right, sun])
        self._elastic.set_row_bounds(self._program.changing, lower, upper)
        answer = self._elastic.solve()
        if answer.x is None:
            raise SolverError(f"HiGHS: the elastic program ended with {answer.status.value!r}")
        self.record(scenario, *answer.x[: 3 * n].reshape(3, n))

    @property
    def scenarios(self) -> set[object]:
        """Ids of the scenarios noted."""
        return {row[0] for row in self._rows}

    def table(self) -> pd.DataFrame:
        """Return all lines."""
        return pd.DataFrame(self._rows, columns=list(_COLUMNS))
