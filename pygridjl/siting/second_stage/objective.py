"""What the operation minimises beside prices of sun, units and slack: measures with weights.

All are convex in flows and voltages. Losses are quadratic; the others are polyhedral, and become
columns of their own with rows that tie them to the state.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import coo_array, csr_array, eye_array, hstack, vstack

from pygridjl.core.types import FloatArray, IntArray
from pygridjl.grid.feeder import Feeder
from pygridjl.powerflow.lindistflow import LinDistFlow3
from pygridjl.powerflow.losses import printed_losses, resistive_losses
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.tariff import prices_of

__all__ = ["Objective", "ObjectiveRows"]

# Measures that the condensed engine knows, each alone with weight 1.
_CONDENSED = ("voltage", "loss", "loss-printed")


@dataclass(frozen=True, eq=False)
class ObjectiveRows:
    """Rows ``lower ≤ state @ (P, Q, U) + own @ z ≤ upper`` on columns z ≥ 0 of the measures.

    Attributes
    ----------
    state : csr_array, shape (r, 3 n_node)
        Coefficients of the state.
    own : csr_array, shape (r, c)
        Coefficients of z.
    lower, upper : ndarray, shape (r,)
        Bounds of the rows.
    cost : ndarray, shape (c,)
        Of z; 0 where it depends on the scenario.
    bought : int
        Which z is the power that the source delivers, if it is that; −1 for none.
    """

    state: csr_array
    own: csr_array
    lower: FloatArray
    upper: FloatArray
    cost: FloatArray
    bought: int


class Objective:
    """The measures of a problem in the numbering of nodes.

    Parameters
    ----------
    problem : PlanningProblem
        The problem.
    scenarios : ScenarioSet
        The scenarios.
    feeder : Feeder
        The feeder with the source voltage of the problem.
    model : LinDistFlow3
        Its flows and voltages.

    Attributes
    ----------
    weights : dict of str to float
        Weight of each measure.
    loss : QuadraticLoss
        The loss that the problem means, p.u.
    u_ref : float
        v_ref².
    kw : float
        kW in one p.u.
    deviation, curvature : float
        Weights of F^vd and of the loss.
    source : ndarray of int
        Nodes of the source.
    trios : ndarray of int, shape (n_trio, 3)
        Nodes of the buses with three phases, but the source.
    """

    def __init__(
        self, problem: PlanningProblem, scenarios: ScenarioSet, feeder: Feeder, model: LinDistFlow3
    ) -> None:
        self.weights = weights = problem.weights
        self._problem, self._scenarios, self._n_node = problem, scenarios, feeder.n_node
        self.u_ref = float(problem.v_ref**2)
        self.kw = feeder.phase_mva * 1e3
        printed = "loss-printed" in weights
        self.loss = printed_losses(model) if printed else resistive_losses(model)
        self.deviation = weights.get("voltage", 0.0)
        self.curvature = weights.get("loss", weights.get("loss-printed", 0.0))
        self.source = np.flatnonzero(model.branch < 0)
        full = np.array(feeder.buses.phases.all(axis=1))
        full[feeder.source_bus] = False
        self.trios = feeder.node_of[np.flatnonzero(full)]

    @property
    def condensed(self) -> bool:
        """Whether the condensed engine knows it."""
        return len(self.weights) == 1 and any(self.weights.get(k) == 1.0 for k in _CONDENSED)

    @cached_property
    def tariff(self) -> FloatArray | None:
        """Slopes of the power P of the source, p.u., and of max(0, P), shape (S, 2); or None."""
        weights, scenarios = self.weights, self._scenarios
        if not {"import", "energy-cost"} & set(weights):
            return None
        slopes = np.zeros((len(scenarios), 2))
        slopes[:, 1] = weights.get("import", 0.0) * self.kw
        if "energy-cost" in weights:
            bought, sold = prices_of(self._problem, scenarios)
            a_mwh = weights["energy-cost"] * self.kw / 1e3
            slopes += a_mwh * np.column_stack([sold, bought - sold])
        return slopes

    @property
    def hourly(self) -> bool:
        """Whether prices differ between scenarios."""
        return self.tariff is not None and bool((self.tariff != self.tariff[0]).any())

    @property
    def _of_trio(self) -> float:
        """Objective for a p.u. of largest deviation of U from its mean at one bus."""
        return self.weights.get("unbalance", 0.0) * self._percent

    @property
    def _percent(self) -> float:
        return 100.0 / (2.0 * self.u_ref * max(len(self.trios), 1))

    def rows(self) -> ObjectiveRows:
        """Return the columns and rows of the polyhedral measures."""
        n, blocks, bought = self._n_node, [], -1
        one = eye_array(n, format="csr")
        nothing = csr_array((n, n))
        if self.deviation:
            # Excess and shortfall of U against v_ref².
            state, own = hstack([nothing, nothing, one]), hstack([-one, one])
            right = np.full(n, self.u_ref)
            blocks.append((state, own, right, right, np.full(2 * n, self.deviation)))
        if self.tariff is not None:
            bought = sum(block[1].shape[1] for block in blocks)
            state = coo_array(
                (np.ones(self.source.size), (np.zeros_like(self.source), self.source)),
                shape=(1, 3 * n),
            )
            free, zero = np.full(1, -np.inf), np.zeros(1)
            blocks.append((state, csr_array([[-1.0]]), free, zero, zero))
        if self._of_trio:
            blocks.append(self._unbalance_rows())
        if not blocks:
            empty = np.zeros(0)
            none = csr_array((0, 0))
            return ObjectiveRows(csr_array((0, 3 * n)), none, empty, empty, empty, bought)
        states, owns, lowers, uppers, costs = zip(*blocks, strict=True)
        width = np.cumsum([0, *(own.shape[1] for own in owns)])
        padded = [
            hstack([csr_array((own.shape[0], before)), own, csr_array((own.shape[0], after))])
            for own, before, after in zip(owns, width[:-1], width[-1] - width[1:], strict=True)
        ]
        return ObjectiveRows(
            csr_array(vstack(states)),
            csr_array(vstack(padded)),
            np.concatenate(lowers),
            np.concatenate(uppers),
            np.concatenate(costs),
            bought,
        )

    def _unbalance_rows(
        self,
    ) -> tuple[csr_array, csr_array, FloatArray, FloatArray, FloatArray]:
        """Rows ±(U_a − mean U) ≤ z of each phase of each bus with three."""
        n_trio = len(self.trios)
        row = np.arange(6 * n_trio).reshape(n_trio, 2, 3)
        state_row, state_col, entry = [], [], []
        for sign, rows in ((1.0, row[:, 0]), (-1.0, row[:, 1])):
            for a in range(3):
                for b in range(3):
                    state_row.append(rows[:, a])
                    state_col.append(2 * self._n_node + self.trios[:, b])
                    entry.append(np.full(n_trio, sign * ((a == b) - 1 / 3)))
        state = coo_array(
            (np.concatenate(entry), (np.concatenate(state_row), np.concatenate(state_col))),
            shape=(6 * n_trio, 3 * self._n_node),
        )
        own = coo_array(
            (-np.ones(6 * n_trio), (np.arange(6 * n_trio), np.repeat(np.arange(n_trio), 6))),
            shape=(6 * n_trio, n_trio),
        )
        free = np.full(6 * n_trio, -np.inf)
        cost = np.full(n_trio, self._of_trio)
        return csr_array(state), csr_array(own), free, np.zeros(6 * n_trio), cost

    def values(
        self, index: IntArray, P: FloatArray, Q: FloatArray, U: FloatArray
    ) -> dict[str, FloatArray]:
        """Return each measure, without its weight, in some states.

        Parameters
        ----------
        index : ndarray of int, shape (B,)
            Scenarios.
        P, Q, U : ndarray, shape (B, n_node)
            Flows and squared voltages, p.u.

        Returns
        -------
        dict of str to ndarray, shape (B,)
            In the unit of each measure.
        """
        found: dict[str, FloatArray] = {}
        power = self.kw * P[:, self.source].sum(axis=1)
        for name in self.weights:
            if name == "voltage":
                found[name] = np.abs(U - self.u_ref).sum(axis=1)
            elif name in ("loss", "loss-printed"):
                found[name] = self.kw * self.loss.value(P, Q)
            elif name == "import":
                found[name] = np.maximum(power, 0.0)
            elif name == "energy-cost":
                bought, sold = prices_of(self._problem, self._scenarios)
                price = np.where(power > 0, bought[index], sold[index])
                found[name] = price * power / 1e3
            else:
                trio = U[:, self.trios]
                away = np.abs(trio - trio.mean(axis=2, keepdims=True)).max(axis=2)
                found[name] = self._percent * away.sum(axis=1)
        return found

    def total(self, values: dict[str, FloatArray]) -> FloatArray:
        """Return the sum of the measures by their weights."""
        parts = [weight * values[name] for name, weight in self.weights.items()]
        return np.asarray(np.sum(parts, axis=0))
