"""The sampled violation of a linearised model as a function of its point, with its gradient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pygridjl.core.types import ComplexArray, FloatArray
from pygridjl.grid.network import Network
from pygridjl.optimal_flow.linearisation.linear_model import LinearisedOpf
from pygridjl.powerflow.admittance import bus_admittance
from pygridjl.solvers.warm_qp import Adjoint, WarmAnswer

__all__ = ["Violation", "ViolationAt"]

# Absolute values are rounded off near zero by this, p.u., so that they have a gradient.
_SMOOTH = 1e-6


@dataclass(frozen=True, eq=False)
class ViolationAt:
    """The violation at one point.

    Attributes
    ----------
    value : float
        Mean of ε_P + ε_Q over the draws, p.u.; infinity if a draw has no answer.
    gradient : ndarray of complex, shape (n_bus,)
        Change with the real part and, times 1j, with the imaginary part of every voltage of the
        point; 0 if a draw has no answer.
    """

    value: float
    gradient: ComplexArray


class Violation:
    """E[ε_P + ε_Q] of the linearised model over fixed draws.

    The violation of a draw is the second-order remainder at its answer, Σ |Re z| + |Im z| with
    z = δ conj(Y δ), δ = V̂ − V0, and V̂ moves with V0 as the optimality conditions of the linearised
    model say as long as the same rows bind: one solve with their factors gives the gradient.

    Parameters
    ----------
    network : Network
        The network.
    demand : ndarray of complex, shape (S, n_bus)
        The draws, p.u.
    proximal : float
        Weight of the proximal term, above 0: without it answers are not unique.
    """

    def __init__(self, network: Network, demand: ComplexArray, proximal: float) -> None:
        self._network, self._demand, self._proximal = network, demand, proximal
        self._admittance = bus_admittance(network)
        self._adjoint = self._admittance.conj().T.tocsr()
        self._answers: list[WarmAnswer] = []

    def at(self, point: ComplexArray) -> ViolationAt:
        """Return value and gradient at a point.

        Parameters
        ----------
        point : ndarray of complex, shape (n_bus,)
            Voltages V0, p.u.

        Returns
        -------
        ViolationAt
            Both.
        """
        model = LinearisedOpf(self._network, point, proximal=self._proximal)
        none = ViolationAt(np.inf, np.zeros(point.size, dtype=complex))
        if model.warm is None:
            return none
        # What bound at the last point binds here but for little.
        for demand, last in zip(self._demand, self._answers, strict=False):
            model.warm.remember(
                model.rows.rhs(demand), last.row, last.pressure, last.disc, last.force
            )
        answers: list[WarmAnswer] = []
        for demand in self._demand:
            answer = model.warm_answer(demand)
            if answer is None:
                model.solve(demand)
                answer = model.warm_answer(demand)
            if answer is None:
                return none
            answers.append(answer)
        self._answers = answers
        n, count = point.size, len(answers)
        gap = _voltages(np.array([a.x for a in answers]), model, n) - point[:, None]
        current = self._admittance @ gap
        z = gap * np.conj(current)
        real, imaginary = np.hypot(z.real, _SMOOTH), np.hypot(z.imag, _SMOOTH)
        slope = self._turned(z.real / real + 1j * z.imag / imaginary, gap, current)
        adjoints = []
        for answer, own in zip(answers, slope.T, strict=True):
            padded = np.zeros(answer.x.size)
            parts = np.concatenate([own.real, own.imag])[model.rows.columns]
            padded[: parts.size] = parts
            adjoint = model.warm.adjoint(answer, padded)
            if adjoint is None:
                return none
            adjoints.append(adjoint)
        gradient = -slope - self._moved(model, answers, adjoints, gap)
        value = float((abs(z.real) + abs(z.imag)).sum() / count)
        return ViolationAt(value, np.asarray(gradient.sum(axis=1) / count))

    def _turned(
        self, weight: ComplexArray, gap: ComplexArray, current: ComplexArray
    ) -> ComplexArray:
        """Gradient of Re Σ conj(weight) δ conj(Y δ) with respect to δ, draws as columns."""
        return np.asarray(weight * current + self._adjoint @ (np.conj(weight) * gap))

    def _moved(
        self,
        model: LinearisedOpf,
        answers: list[WarmAnswer],
        adjoints: list[Adjoint],
        gap: ComplexArray,
    ) -> ComplexArray:
        """How the conditions of optimality change with V0, weighed by the adjoints.

        Every linearised function is B(V0, V) + B(V, V0) − B(V0, V0) with B bilinear. Along w it
        changes by B(w, δ) + B(δ, w), and its derivative along a direction u by B(w, u) + B(u, w).
        """
        rows, n = model.rows, gap.shape[0]
        move = _voltages(np.array([a.x for a in adjoints]), model, n)
        total = -2.0 * rows.weight / rows.scale * move

        multiplier = np.array([a.multiplier for a in answers]).T
        weight = np.array([a.equal for a in adjoints]).T
        for factor, of in ((multiplier, move), (weight, gap)):
            balance = np.asarray(factor[:n] + 1j * factor[n : 2 * n])
            total = total + self._turned(balance, of, self._admittance @ of)
            # Squared voltages that are given: B(a, b) = a conj(b).
            np.add.at(total, rows.given_bus, 2.0 * factor[2 * n :] * of[rows.given_bus])
        flows = rows.near.size
        back = rows.current.conj().T.tocsr()
        on_band = np.zeros((2, rows.band_bus.size, len(answers)))
        on_flow = np.zeros((2, flows, len(answers)), dtype=complex)
        for s, (answer, adjoint) in enumerate(zip(answers, adjoints, strict=True)):
            banded, rated = answer.row < rows.band_bus.size, answer.disc < flows
            on_band[0, answer.row[banded], s] = answer.pressure[banded]
            on_band[1, answer.row[banded], s] = adjoint.row[banded]
            on_flow[0, answer.disc[rated], s] = answer.force[rated]
            on_flow[1, answer.disc[rated], s] = adjoint.disc[rated]
        for band, flow, of in zip(on_band, on_flow, (move, gap), strict=True):
            signed = 2.0 * rows.band_sign[:, None] * band * of[rows.band_bus]
            np.add.at(total, rows.band_bus, signed)
            np.add.at(total, rows.near, flow * (rows.current @ of))
            total = total + back @ (np.conj(flow) * of[rows.near])
        return np.asarray(total)


def _voltages(x: FloatArray, model: LinearisedOpf, n: int) -> ComplexArray:
    """Complex voltages, draws as columns, of rows of columns of the linearised model."""
    parts = np.zeros((2 * n, x.shape[0]))
    parts[model.rows.columns] = x[:, : model.rows.columns.size].T
    return np.asarray(parts[:n] + 1j * parts[n:])
