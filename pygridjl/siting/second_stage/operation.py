"""What every engine of the second stage knows of the feeder: (41)–(54) as arrays by node."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.types import FloatArray, IntArray
from pygridjl.powerflow.lindistflow import LinDistFlow3
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.problem import STORAGE, PlanningProblem
from pygridjl.siting.second_stage.objective import Objective

__all__ = ["LIMIT_KINDS", "Operation"]

_S3 = np.sqrt(3.0)

LIMIT_KINDS: FloatArray = np.array(
    [
        [_S3, 1.0, 0.0],
        [-_S3, -1.0, 0.0],
        [_S3, -1.0, 0.0],
        [-_S3, 1.0, 0.0],
        [0.0, 1.0, 0.0],
        [0.0, -1.0, 0.0],
        [0.0, 0.0, 1.0],
        [0.0, 0.0, -1.0],
    ]
)
"""Coefficients of P, Q, U in the rows a node may have: hexagon (50)–(52), then band (48)."""


class Operation:
    """A planning problem and its scenarios in the numbering of nodes, sites and columns.

    A *column* is a phase of a site: the active power injected there, p.u. of one phase, already
    times the multiplier of its profile. A phase with free reactive power, |q| ≤ tan θ p, has two,
    one that injects tan θ of it and one that absorbs as much: their sums are just that cone, so
    that nothing else knows of it. A phase of storage has one that discharges and one that
    charges. With that choice only right-hand sides (and prices of
    energy) depend on the scenario: the columns of site k add up to at most ``μ^PV p̄ n_k`` (44). The
    objective F^vd is taken in U = |V|², the variable of LinDistFlow: Σ |U − v_ref²| over all nodes,
    source included.

    Parameters
    ----------
    problem : PlanningProblem
        The problem.
    scenarios : ScenarioSet
        The scenarios.

    Attributes
    ----------
    model : LinDistFlow3
        Flows and voltages.
    col_site, col_node : ndarray of int, shape (n_col,)
        Site (position in the problem) and node of each column, site by site.
    first_col : ndarray of int, shape (n_site + 1,)
        Where the columns of each site begin.
    tan : ndarray, shape (n_col,)
        Reactive over active power of each column.
    gain : ndarray, shape (n_col,)
        1, or −1 where a column charges.
    parts : tuple of ndarray of int
        Columns in parts, in none of which a node comes twice.
    limit : ndarray, shape (n_node, 8)
        Right-hand sides of the rows of :data:`LIMIT_KINDS`; infinity where there is none.
    objective : Objective
        The measures.
    loss : QuadraticLoss
        The loss that the problem means, p.u.
    u_ref : float
        v_ref².
    kw : float
        kW in one p.u.
    reward, owed : float
        What the objective loses for each p.u. injected and gains for each p.u. of sun of the
        units: together the price of what is curtailed.
    unit_penalty : float
        What it gains for each unit.
    steady : Feeder
        With those existing units alone that no scenario changes.
    """

    def __init__(self, problem: PlanningProblem, scenarios: ScenarioSet) -> None:
        feeder = problem.feeder.replace(v_set=problem.source_voltage)
        self.problem, self.scenarios, self.feeder = problem, scenarios, feeder
        self.model = LinDistFlow3(feeder)
        site, phase = np.nonzero(problem.site_phases)
        column = np.repeat(np.arange(site.size), 1 + (problem.free | problem.stores)[site])
        self.col_site, phase = site[column], phase[column]
        again = np.append(False, column[1:] == column[:-1])
        self.col_node = feeder.node_of[problem.sites[self.col_site], phase]
        self.gain = np.where(again & problem.stores[self.col_site], -1.0, 1.0)
        self.parts = _apart(self.col_node)
        self.first_col = np.searchsorted(self.col_site, np.arange(problem.n_site + 1))
        self.tan = np.where(again, -1.0, 1.0) * np.tan(problem.angles)[self.col_site]
        self.objective = Objective(problem, scenarios, feeder, self.model)
        self.loss, self.u_ref, self.kw = (
            self.objective.loss,
            self.objective.u_ref,
            self.objective.kw,
        )
        self.reward = self.owed = problem.curtailment_price * self.kw
        self.unit_penalty = problem.unit_penalty * problem.unit_kw
        fed = np.flatnonzero(self.model.branch >= 0)
        branch, at = self.model.branch[fed], feeder.node_phase[fed]
        kind = feeder.generators.kind
        steady = np.isin(kind, list(scenarios.outputs), invert=True)
        self.steady = feeder.replace(generators=feeder.generators.take(steady))
        self._following = [
            (output, feeder.replace(generators=feeder.generators.take(kind == name)))
            for name, output in scenarios.outputs.items()
            if (kind == name).any()
        ]
        rating = np.full(feeder.n_node, np.inf)
        if problem.line_limits:
            rating[fed] = feeder.branches.rating[branch, at]
        low, high = (np.asarray(v[feeder.node_bus] ** 2) for v in problem.band)
        source = self.model.branch < 0
        low[source], high[source] = -np.inf, np.inf
        self.limit = np.column_stack([_S3 * rating] * 4 + [_S3 / 2 * rating] * 2 + [high, -low])

    @property
    def n_node(self) -> int:
        """Number of nodes."""
        return self.feeder.n_node

    @property
    def n_col(self) -> int:
        """Number of columns."""
        return int(self.col_site.size)

    @cached_property
    def per_unit(self) -> FloatArray:
        """Power one unit can inject, μ^PV p̄, p.u., shape (S, n_site)."""
        problem, output = self.problem, self.scenarios.outputs
        if problem.site_profile is None:
            return np.ascontiguousarray(output["pv"][:, problem.sites] * problem.unit_power)
        output[STORAGE] = np.ones_like(self.scenarios.pv)
        own = [output[p][:, k] for p, k in zip(problem.profiles, problem.sites, strict=True)]
        return np.column_stack(own) * problem.unit_power

    @cached_property
    def sun(self) -> FloatArray:
        """What of :attr:`per_unit` is curtailed unless it is injected: none of storage."""
        stores = self.problem.stores
        return self.per_unit * ~stores if stores.any() else self.per_unit

    def demand(self, index: IntArray) -> tuple[FloatArray, FloatArray]:
        """Net injections without units, p.u., shapes (B, n_node).

        Loads are scaled by the scenario, existing units whose kind is the name of a profile follow
        that, PV the sun; capacitors, charging and other generators stay as they are.
        """
        feeder, steady = self.feeder, self.steady
        load = self.scenarios.load[index][:, feeder.node_bus]
        p = steady.generation_p - load * feeder.load_p
        q = steady.generation_q + feeder.shunt_q - load * feeder.load_q
        if self._following:
            own_p, own_q = self.followed(index)
            p, q = p + own_p, q + own_q
        return p, q

    def followed(self, index: IntArray) -> tuple[FloatArray, FloatArray]:
        """Injections of existing units that follow a profile, p.u., shapes (B, n_node)."""
        p, q = np.zeros((2, index.size, self.n_node))
        for output, units in self._following:
            share = output[index][:, self.feeder.node_bus]
            p += share * units.generation_p
            q += share * units.generation_q
        return p, q

    def states(
        self, index: IntArray, injected: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return flows P, Q into every node and U, p.u., shapes (B, n_node).

        Parameters
        ----------
        index : ndarray of int, shape (B,)
            Scenarios.
        injected : ndarray, shape (B, n_col)
            Active power of every column, p.u.
        """
        p, q = self.demand(index)
        # Within each part every column has a node of its own.
        for part in self.parts:
            p[:, self.col_node[part]] += self.gain[part] * injected[:, part]
            q[:, self.col_node[part]] += self.tan[part] * injected[:, part]
        P, Q = self.model.flows(p, q)
        return P, Q, self.model.voltages_of_flows(P, Q)

    def reactive(self, injected: FloatArray) -> FloatArray:
        """Return reactive power of the sites, p.u., (B, n_site), from the columns, (B, n_col)."""
        return np.asarray(np.add.reduceat(self.tan * injected, self.first_col[:-1], axis=1))

    def gradient(self, index: IntArray, by_p: FloatArray, by_q: FloatArray) -> FloatArray:
        """Subgradient per unit from derivatives of the Lagrangian by the injections.

        The multiplier of (44) is the least derivative over the phases of the site, or 0: the
        best that one more p.u. of capacity can do.

        Parameters
        ----------
        index : ndarray of int, shape (B,)
            Scenarios.
        by_p, by_q : ndarray, shape (B, n_node)
            Derivatives by the net injections.

        Returns
        -------
        ndarray, shape (B, n_site)
            Never positive: prices of sun and units come on top, see :meth:`priced`.
        """
        return self.per_unit[index] * self.multiplier(self.by_column(by_p, by_q) - self.reward)

    def by_column(self, by_p: FloatArray, by_q: FloatArray) -> FloatArray:
        """Return derivatives by the columns, (B, n_col), from those by injections, (B, n_node)."""
        by = self.gain * by_p[:, self.col_node]
        if self.tan.any():
            by += self.tan * by_q[:, self.col_node]
        return np.asarray(by)

    def multiplier(self, slope: FloatArray) -> FloatArray:
        """Least slope over the columns of each site, or 0, shape (B, n_site)."""
        least = np.minimum.reduceat(slope, self.first_col[:-1], axis=1)
        return np.asarray(np.minimum(least, 0.0))

    def priced(
        self, value: FloatArray, gradient: FloatArray, index: IntArray, n: FloatArray
    ) -> None:
        """Add the prices of the sun of the units and of the units themselves, in place.

        Parameters
        ----------
        value : ndarray, shape (B,)
            What the operation is worth.
        gradient : ndarray, shape (B, n_site)
            Its subgradients.
        index : ndarray of int, shape (B,)
            Scenarios.
        n : ndarray, shape (n_site,)
            Units at each site.
        """
        if self.owed or self.unit_penalty:
            sun = self.owed * self.sun[index]
            value += sun @ n + self.unit_penalty * n.sum()
            gradient += sun + self.unit_penalty

    @cached_property
    def supply(self) -> tuple[FloatArray, FloatArray]:
        """Least and most power that the source can deliver, p.u., shapes (S,)."""
        problem = self.problem
        most = np.zeros(len(self.scenarios))
        for scenario in range(most.size):
            most[scenario] = -self.demand(np.array([scenario]))[0].sum()
        everywhere = self.per_unit @ problem.site_limits
        bought = problem.budget_units * self.per_unit.max(axis=1, initial=0.0)
        units = min(int(problem.site_limits[problem.stores].sum()), problem.budget_units)
        charging = units * problem.unit_power
        return most - np.minimum(everywhere, bought), most + charging

    @cached_property
    def least(self) -> FloatArray:
        """No operation of any decision is worth less, shape (S,): 0 but for what exports earn."""
        tariff = self.objective.tariff
        if tariff is None:
            return np.zeros(len(self.scenarios))
        low, high = self.supply
        ends = [tariff[:, 0] * P + tariff[:, 1] * np.maximum(P, 0.0) for P in (low, high)]
        at_zero = np.where((low < 0) & (high > 0), 0.0, np.inf)
        return np.asarray(np.minimum(np.minimum(*ends), at_zero))

    def check_units(self, units: ArrayLike) -> FloatArray:
        """Return the decision as an array of numbers of at least 0.

        Raises
        ------
        InvalidOptionError
            If it is anything else.
        """
        n = np.asarray(units, dtype=np.float64)
        if n.shape != (self.problem.n_site,):
            raise InvalidOptionError(
                f"units have shape {n.shape}, expected ({self.problem.n_site},)"
            )
        wrong = np.flatnonzero(~(np.isfinite(n) & (n >= -1e-9)))
        if wrong.size:
            k = int(wrong[0])
            raise InvalidOptionError(
                f"units of site {self.problem.site_ids[k]} must be at least 0, not {n[k]}"
            )
        return np.maximum(n, 0.0)

    def check_indices(self, indices: ArrayLike) -> IntArray:
        """Return positions of scenarios as an array.

        Raises
        ------
        InvalidOptionError
            If one does not exist.
        """
        index = np.asarray(indices, dtype=np.int64).reshape(-1)
        wrong = index[(index < 0) | (index >= len(self.scenarios))]
        if wrong.size:
            raise InvalidOptionError(
                f"scenario {int(wrong[0])} does not exist: there are {len(self.scenarios)}"
            )
        return index


def _apart(node: IntArray) -> tuple[IntArray, ...]:
    """Part columns so that no node comes twice in a part."""
    parts: list[IntArray] = []
    left = np.arange(node.size)
    while left.size:
        _, first = np.unique(node[left], return_index=True)
        parts.append(np.sort(left[first]))
        left = np.delete(left, first)
    return tuple(parts)
