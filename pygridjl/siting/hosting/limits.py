"""Limits of every scenario as rows in what the sites inject; the most at one site alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.types import FloatArray, IntArray
from pygridjl.siting.second_stage.operation import LIMIT_KINDS, Operation
from pygridjl.siting.violations import WHAT, limit_name

__all__ = ["HostingLimits"]


# A row is kept if it is not passed by more than this, relative to its right-hand side or 1 p.u.
TOLERANCE = 1e-9
# Least violation of a row that is added: above the solver's own tolerance.
NEW = 1e-7


class HostingLimits:
    """Limits of every scenario as rows in the injections of the sites, p.u."""

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        problem, scenarios = operation.problem, operation.scenarios
        self.weight = scenarios.probability
        self.sun = operation.per_unit
        everything = np.arange(len(scenarios))
        P, Q, U = operation.states(everything, np.zeros((len(scenarios), operation.n_col)))
        limit = operation.limit
        # Room of every limit without units; infinite where there is none.
        self.room = np.stack(
            [limit[:, k] - (a * P + b * Q + c * U) for k, (a, b, c) in enumerate(LIMIT_KINDS)], 2
        )
        self.slack = TOLERANCE * np.maximum(1.0, np.where(np.isfinite(limit), np.abs(limit), 1.0))
        self.effect = np.zeros((problem.n_site, operation.n_node, len(LIMIT_KINDS)))
        for site in range(problem.n_site):
            self.effect[site] = self._effect(site)

    def _effect(self, site: int) -> FloatArray:
        """Return what one p.u. at a site, shared by its phases, adds on the left of each limit."""
        operation = self.operation
        first, last = operation.first_col[site], operation.first_col[site + 1]
        nodes = operation.col_node[first:last]
        # All columns of a site have one power factor: none is free here.
        p, tan = np.zeros(operation.n_node), float(operation.tan[first])
        p[nodes] = 1.0 / nodes.size
        P, Q = operation.model.flows(p, tan * p)
        U = operation.model.sensitivity(nodes.tolist(), tan).mean(axis=1)
        return np.stack([a * P + b * Q + c * U for a, b, c in LIMIT_KINDS], axis=1)

    def alone(self, site: int, share: float, curtailment: float) -> tuple[int, str]:
        """Most units at one site, and the limit that one more would pass; −1 if none is allowed."""
        effect, sun = self.effect[site], self.sun[:, site]
        moved = np.abs(effect) > 1e-12
        room = self.room + self.slack
        with np.errstate(divide="ignore", invalid="ignore"):
            bound = room / effect
        high = np.where(moved & (effect > 0), bound, np.inf).reshape(len(sun), -1)
        low = np.where(moved & (effect < 0), bound, -np.inf).reshape(len(sun), -1).max(axis=1)
        fixed = (np.where(moved, np.inf, room) >= 0).all(axis=(1, 2))
        which, most = high.argmin(axis=1), high.min(axis=1)
        # In units: at night any number of them, if the limits are kept without.
        lit = sun > 0
        with np.errstate(divide="ignore", invalid="ignore"):
            upper = np.where(lit, most / sun, np.where((most >= 0) & (low <= 0), np.inf, -1.0))
            lower = np.where(lit, np.maximum(low, 0.0) / sun, 0.0)
        upper = np.where(fixed & (low <= most), upper, -1.0)
        if curtailment > 0:
            return self._curtailed(site, upper, lower, which, curtailment)
        ends = np.unique(np.floor(upper[np.isfinite(upper) & (upper >= 0)] + 1e-9))
        kept = np.array(
            [self.weight[(lower <= n + 1e-9) & (n <= upper + 1e-9)].sum() for n in ends]
        )
        free = self.weight[np.isinf(upper) & (lower <= 0)].sum()
        if free >= share - 1e-12 and (ends.size == 0 or kept[-1] > free - 1e-12):
            self._unlimited(site)
        good = np.flatnonzero(kept >= share - 1e-12)
        if good.size == 0:
            return -1, ""
        n = int(ends[good[-1]])
        passed = (upper < n + 1 - 1e-9) & (upper >= n - 1e-9)
        stop = which[np.flatnonzero(passed)[0]] if passed.any() else None
        return n, "" if stop is None else self._name(int(stop))

    def _curtailed(
        self, site: int, upper: FloatArray, lower: FloatArray, which: IntArray, curtailment: float
    ) -> tuple[int, str]:
        """Most units of which no more than a share of the energy is lost; bisection is exact."""
        sun, weight = self.sun[:, site], self.weight
        if (upper < 0).any():
            return -1, ""
        available = float(weight @ sun)

        def fits(n: int) -> bool:
            lost = float(weight @ (sun * np.maximum(n - np.where(sun > 0, upper, np.inf), 0.0)))
            return bool((lower <= n + 1e-9).all()) and lost <= curtailment * available * n + 1e-12

        least = int(np.ceil(lower.max() - 1e-9))
        if not fits(least):
            return -1, ""
        most = max(2 * least, 1)
        while fits(most):
            most *= 2
            if most > 10**9:
                self._unlimited(site)
        while most - least > 1:
            middle = (least + most) // 2
            least, most = (middle, most) if fits(middle) else (least, middle)
        return least, self._name(int(which[np.argmin(np.where(sun > 0, upper, np.inf))]))

    def _unlimited(self, site: int) -> None:
        name = self.operation.problem.site_ids[site]
        raise InvalidOptionError(
            f"hosting: nothing limits the units at {name}; give it a voltage band or ampacities"
        )

    def _name(self, flat: int) -> str:
        node, kind = divmod(flat, len(LIMIT_KINDS))
        component, name, phase = limit_name(self.operation, node, kind)
        return f"{WHAT[kind]} of {component} {name}, phase {phase}"

    def worst(self, injected: FloatArray, most: int) -> Iterator[tuple[int, int, int]]:
        """Yield scenario, node and kind of the rows passed most at injections (S, n_site)."""
        for scenario in range(len(self.weight)):
            over = np.tensordot(injected[scenario], self.effect, 1) - self.room[scenario]
            beyond = over - self.slack
            for flat in np.argsort(-beyond, axis=None)[:most].tolist():
                node, kind = divmod(flat, len(LIMIT_KINDS))
                if not beyond[node, kind] > NEW * 0.1:
                    break
                yield scenario, node, kind
