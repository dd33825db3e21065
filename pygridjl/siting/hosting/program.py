"""Hosting at all sites together: a mixed-integer program whose rows come where they are passed."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array, csr_array

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.result import Status
from pygridjl.core.stopping import is_over, seconds_left
from pygridjl.core.types import BoolArray, FloatArray, IntArray
from pygridjl.siting.hosting.limits import HostingLimits
from pygridjl.solvers.highs import HighsModel
from pygridjl.solvers.linear import LinearModel
from pygridjl.solvers.status import SolverStatus

__all__ = ["HostingProgram"]


# Nothing hosts more than this many times the load of the feeder at full load …
MOST_OF_LOAD = 1000.0
# … and this many units do not count as all there can be.
LEAST_MOST = 1000.0
# Rows added a round and scenario.
ROWS = 3


class HostingProgram:
    """All sites in one program: units, injections where these may be less, and hours given up."""

    def __init__(self, rows: HostingLimits, share: float, curtailment: float, gap: float) -> None:
        self._rows, self._share, self._gap = rows, share, gap
        self._curtailment = curtailment
        self._n_site, self._n_scenario = rows.sun.shape[1], rows.sun.shape[0]
        operation = rows.operation
        # A bound that only says that nothing is infinite, and keeps the rows of lost hours finite.
        load = float(operation.feeder.load_p.sum()) or 1.0
        most = np.ceil(MOST_OF_LOAD * load / operation.problem.unit_power)
        self._most = np.full(self._n_site, max(float(most), LEAST_MOST))
        self._has: set[tuple[int, int, int]] = set()
        self._entries: list[tuple[int, int, float]] = []
        self._upper: list[float] = []

    def solve(self, deadline: float) -> tuple[Status, IntArray | None, float | None]:
        """Return status, units and the bound on their number, before ``working_time()`` is that."""
        dark = self._unhelped()
        if dark > 1 - self._share + 1e-12:
            return Status.INFEASIBLE, None, None
        bound: float | None = None
        while True:
            left = seconds_left(deadline)
            if left <= 0:
                return Status.NOT_FOUND, None, bound
            answer = HighsModel(self._model(), gap=self._gap).solve(time_limit=left)
            if answer.status is SolverStatus.INFEASIBLE:
                return Status.INFEASIBLE, None, None
            if answer.x is None:
                return Status.NOT_FOUND, None, bound
            bound = -answer.bound if bound is None else min(bound, -answer.bound)
            if bound >= float(self._most.sum()) * (1 - 1e-9):
                # It only says that nothing is infinite.
                bound = None
            units = np.rint(answer.x[: self._n_site]).astype(np.int64)
            added = self._separate(units, answer.x, deadline)
            if added is None:
                return Status.NOT_FOUND, None, bound
            if not added:
                status = (
                    Status.OPTIMAL if answer.status is SolverStatus.OPTIMAL else (Status.TIME_LIMIT)
                )
                if (units >= self._most).any():
                    raise InvalidOptionError(
                        "hosting: nothing limits the units; give a voltage band or ampacities"
                    )
                return status, units, np.floor(bound + 1e-6) if bound is not None else None

    def _unhelped(self) -> float:
        """Probability of the hours in which no unit can inject and a limit is passed."""
        rows = self._rows
        dark = rows.sun.max(axis=1) <= 0
        broken = (rows.room < -rows.slack).any(axis=(1, 2))
        self._given_up: BoolArray = dark & broken
        return float(rows.weight[self._given_up].sum())

    # Columns: units; injections (S × n_site) with curtailment; hours given up (S) below share 1.
    def _model(self) -> LinearModel:
        n, s, rows = self._n_site, self._n_scenario, self._rows
        n_inject = n * s if self._curtailment > 0 else 0
        n_lost = s if self._share < 1 else 0
        width = n + n_inject + n_lost
        entries, upper = list(self._entries), list(self._upper)

        def add(terms: list[tuple[int, float]], right: float) -> None:
            entries.extend((len(upper), column, value) for column, value in terms)
            upper.append(right)

        if n_inject:
            scenario, site = np.nonzero(rows.sun > 0)
            for k, i in zip(scenario.tolist(), site.tolist(), strict=True):
                add([(n + k * n + i, 1.0), (i, -float(rows.sun[k, i]))], 0.0)
            produced = rows.weight @ rows.sun
            kept = (1 - self._curtailment) * produced
            terms = [(i, float(kept[i])) for i in range(n)]
            terms += [
                (n + k * n + i, -float(rows.weight[k]))
                for k, i in zip(scenario.tolist(), site.tolist(), strict=True)
            ]
            add(terms, 0.0)
        if n_lost:
            add([(n + n_inject + k, float(rows.weight[k])) for k in range(s)], 1 - self._share)
        row, column, value = (
            (list(part) for part in zip(*entries, strict=True)) if entries else ([], [], [])
        )
        lower = np.full(len(upper), -np.inf)
        night = np.zeros(n_inject)
        night[(rows.sun > 0).ravel()[:n_inject]] = np.inf
        lost_lower = self._given_up[:n_lost].astype(np.float64)
        return LinearModel(
            cost=np.concatenate([-np.ones(n), np.zeros(n_inject + n_lost)]),
            matrix=csr_array(coo_array((value, (row, column)), shape=(len(upper), width))),
            row_lower=lower,
            row_upper=np.array(upper, dtype=np.float64),
            col_lower=np.concatenate([np.zeros(n + n_inject), lost_lower]),
            col_upper=np.concatenate([self._most, night, np.ones(n_lost)]),
            integer=(np.arange(width) < n) | (np.arange(width) >= n + n_inject),
        )

    def _separate(self, units: IntArray, x: FloatArray, deadline: float) -> bool | None:
        """Add rows that an answer passes; whether there were any, None if time is over."""
        n, s, rows = self._n_site, self._n_scenario, self._rows
        curtailed = self._curtailment > 0
        injected = (
            x[n : n + n * s].reshape(s, n) if curtailed else rows.sun * units.astype(np.float64)
        )
        at = n + (n * s if curtailed else 0)
        lost = x[at : at + s] > 0.5 if self._share < 1 else np.zeros(s, dtype=np.bool_)
        added = False
        for key in rows.worst(injected, ROWS):
            if is_over(deadline):
                return None
            scenario, node, kind = key
            if lost[scenario]:
                continue
            if key in self._has:
                continue
            self._has.add(key)
            added = True
            effect = rows.effect[:, node, kind]
            right = float(rows.room[scenario, node, kind])
            there = np.flatnonzero((np.abs(effect) > 1e-12) & (rows.sun[scenario] > 0))
            row = len(self._upper)
            if curtailed:
                terms = [(n + scenario * n + int(i), float(effect[i])) for i in there]
            else:
                power = effect * rows.sun[scenario]
                terms = [(int(i), float(power[i])) for i in there]
            if self._share < 1:
                most = float(np.maximum(effect * rows.sun[scenario], 0.0) @ self._most) - right
                terms.append((n + scenario, -max(most, 0.0)))
            self._entries += [(row, column, value) for column, value in terms]
            self._upper.append(right)
        return added
