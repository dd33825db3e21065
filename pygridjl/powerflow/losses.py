"""Losses of a feeder as convex quadratic forms of its branch flows, at nominal voltages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import block_array, coo_array, csr_array, diags_array

from pygridjl.core.types import FloatArray
from pygridjl.powerflow.lindistflow import LinDistFlow3

__all__ = ["QuadraticLoss", "printed_losses", "resistive_losses"]

# Angle of phase b less that of phase a at balanced voltages, rad.
_APART = -2 * np.pi / 3 * (np.arange(3)[None, :] - np.arange(3)[:, None])


@dataclass(frozen=True, eq=False)
class QuadraticLoss:
    """L(P, Q) = Pᵀ C P + Qᵀ C Q + 2 Pᵀ S Q, p.u., of the flows into the nodes.

    Attributes
    ----------
    even : csr_array, shape (n_node, n_node)
        C, symmetric and positive semidefinite together with S.
    odd : csr_array, shape (n_node, n_node)
        S, skew-symmetric: the active flow of one phase with the reactive one of another.
    """

    even: csr_array
    odd: csr_array

    def _pull(self, P: FloatArray, Q: FloatArray) -> tuple[FloatArray, FloatArray]:
        # Both matrices are their own transpose, S up to its sign: rows times them is them times
        # columns.
        return (self.even @ P.T + self.odd @ Q.T).T, (self.even @ Q.T - self.odd @ P.T).T

    def value(self, P: FloatArray, Q: FloatArray) -> FloatArray:
        """Return the losses, p.u. of one phase.

        Parameters
        ----------
        P, Q : ndarray, shape (n_node,) or (scenarios, n_node)
            Flow into each node, p.u., as :meth:`LinDistFlow3.flows` returns it.
        """
        by_p, by_q = self._pull(P, Q)
        return np.asarray((P * by_p + Q * by_q).sum(axis=-1))

    def gradient(self, P: FloatArray, Q: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the derivatives by P and by Q, of the same shapes."""
        by_p, by_q = self._pull(P, Q)
        return 2 * by_p, 2 * by_q

    def hessian(self) -> csr_array:
        """Return the second derivatives by (P, Q), shape (2 n_node, 2 n_node)."""
        return csr_array(2 * block_array([[self.even, self.odd], [-self.odd, self.even]]))


def resistive_losses(model: LinDistFlow3, *, source: bool = False) -> QuadraticLoss:
    """Losses Re(Iᴴ R I) of the currents that the flows are at 1 p.u. and nominal angles.

    With V_a = e^{jθ_a} the current of phase a is (P_a − jQ_a) e^{jθ_a}, so that the mutual
    resistance of two phases takes part with the cosine of the angle between them (and its sine
    where active meets reactive power). Without it three equal currents seem to lose up to twice
    what they do. Behind a branch with a gain the nominal voltages take the place of V.

    Parameters
    ----------
    model : LinDistFlow3
        The feeder.
    source : bool
        The losses in the impedance of the source itself, which are none of the feeder, instead.

    Returns
    -------
    QuadraticLoss
        In p.u. of one phase.
    """
    feeder = model.feeder
    fed = np.flatnonzero(model.branch >= 0)
    phase = feeder.node_phase[fed]
    beside = feeder.node_of[feeder.node_bus[fed]]
    r = feeder.branches.r[model.branch[fed], phase]
    counted = (feeder.branches.kind[model.branch[fed]] == "source") == source
    r = np.where(counted[:, None], r, 0.0)
    row, b = np.nonzero((beside >= 0) & (r != 0.0))
    place = (fed[row], beside[row, b])
    apart, weight = _APART[phase[row], b], r[row, b]
    if feeder.branches.mixing.any():
        nominal = feeder.nominal[feeder.node_bus, feeder.node_phase]
        turned = nominal[place[1]] / nominal[place[0]]
        apart = np.angle(turned)
        weight = weight / np.abs(nominal[place[0]] * nominal[place[1]])
    shape = (feeder.n_node, feeder.n_node)
    return QuadraticLoss(
        csr_array(coo_array((weight * np.cos(apart), place), shape=shape)),
        csr_array(coo_array((weight * np.sin(apart), place), shape=shape)),
    )


def printed_losses(model: LinDistFlow3) -> QuadraticLoss:
    """F^pl of SPAR-OPF as printed, (53): Σ r_φφ (P² + Q²), mutual resistances left out.

    Parameters
    ----------
    model : LinDistFlow3
        The feeder.

    Returns
    -------
    QuadraticLoss
        In p.u. of one phase.
    """
    feeder = model.feeder
    fed = np.flatnonzero(model.branch >= 0)
    r = np.zeros(feeder.n_node)
    phase = feeder.node_phase[fed]
    r[fed] = feeder.branches.r[model.branch[fed], phase, phase]
    even = csr_array(diags_array(r))
    return QuadraticLoss(even, csr_array(even.shape))
