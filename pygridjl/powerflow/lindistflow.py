"""Three-phase LinDistFlow: squared voltages affine in the injections, by sweeps over the tree.

With ``U = |V|²`` and losses left out, a branch from i to j with ratio t carries the powers of all
that lies behind it and (Gan and Low 2014; Arnold et al. 2016; Sankur et al. 2016)

    U_j = t² U_i − M^P P_ij − M^Q Q_ij,
    M^P = 2 (Re Γ ∘ R + Im Γ ∘ X),   M^Q = 2 (Re Γ ∘ X − Im Γ ∘ R),   Γ_pq = a_p conj(a_q),

``a = (1, e^{−j2π/3}, e^{+j2π/3})``: the voltages are taken as nearly balanced in angle. Behind a
branch with a gain G the nominal voltages W = G a take the place of a (Γ_pq = W_p / W_q); before it
there are S_j = Σ_k (G_kj a_j / W_k) S_k and the first term is Σ_j Re(W_k* G_kj a_j) U_j (in full
:func:`pygridjl.grid.nominal.linear_gain`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import coo_array, csr_array, eye_array

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.types import ComplexArray, FloatArray
from pygridjl.grid import Feeder
from pygridjl.grid.nominal import BALANCED
from pygridjl.powerflow.lindistflow_sweeps import adjoint, gather, spread
from pygridjl.powerflow.mixed_phases import Gains, MixedPhases

__all__ = ["LinDistFlow3", "LinDistFlow3Equations", "drop_matrices"]

# Entries of M^P and M^Q this small beside the largest one are rounding.
ROUNDED = 1e-14


def drop_matrices(
    r: FloatArray, x: FloatArray, nominal: ComplexArray = BALANCED
) -> tuple[FloatArray, FloatArray]:
    """Return M^P and M^Q of branches.

    Parameters
    ----------
    r, x : ndarray, shape (..., 3, 3)
        Series resistance and reactance, p.u.; zero on absent phases.
    nominal : ndarray of complex, shape (..., 3)
        Nominal voltages behind them; zero on absent phases.

    Returns
    -------
    mp, mq : ndarray, shape (..., 3, 3)
        What P and Q of each phase take off U of each phase.
    """
    size = np.abs(nominal) ** 2
    inverse = np.conj(nominal) / np.where((size == 0) | (np.abs(size - 1) < 1e-12), 1.0, size)
    gamma = nominal[..., :, None] * inverse[..., None, :]
    mp = 2 * (gamma.real * r + gamma.imag * x)
    mq = 2 * (gamma.real * x - gamma.imag * r)
    return mp, mq


@dataclass(frozen=True, eq=False)
class LinDistFlow3Equations:
    """The same model as sparse matrices, for those who hand it to a solver.

    With P, Q the flow into each node and p, q the net injection at each node,

        balance @ P + cross @ Q = −p,   balance @ Q − cross @ P = −q,
        voltage @ U + mp @ P + mq @ Q = u_source.

    Attributes
    ----------
    balance : csr_array, shape (n_node, n_node)
        One on the diagonal, −1 for every node fed from the row's node (less, where a gain feeds
        it from several).
    cross : csr_array, optional, shape (n_node, n_node)
        Where a gain turns powers; None where none does.
    voltage : csr_array, shape (n_node, n_node)
        One on the diagonal, minus the squared ratio for the node that feeds it.
    mp, mq : csr_array, shape (n_node, n_node)
        Voltage drops; rows of the source are empty.
    u_source : ndarray, shape (n_node,)
        Squared set-point at the nodes of the source, else 0.
    """

    balance: csr_array
    voltage: csr_array
    mp: csr_array
    mq: csr_array
    u_source: FloatArray
    cross: csr_array | None = None


class LinDistFlow3:
    """Three-phase LinDistFlow on one feeder.

    Everything is by node, in the order of :attr:`Feeder.node_ids`; powers are net **injections**
    (generation minus demand), p.u. of one phase. Each call costs O(n_node), for each row of a
    batch of scenarios.

    Parameters
    ----------
    feeder : Feeder
        A radial feeder.

    Raises
    ------
    InvalidNetworkError
        If the feeder is not radial, a phase is not fed, or a branch with a gain is fed from its to
        side.

    Attributes
    ----------
    feeder : Feeder
        The feeder.
    parent : ndarray of int, shape (n_node,)
        Node that feeds each node (same phase of the parent bus, behind a gain the first that has
        a part in it); −1 at the source.
    branch : ndarray of int, shape (n_node,)
        Branch that feeds each node; −1 at the source.
    mixed : tuple of str
        Branches that feed a phase from several: their powers divide and turn.

    Examples
    --------
    >>> from pygridjl.grid import load_feeder
    >>> feeder = load_feeder("ieee13")
    >>> model = LinDistFlow3(feeder)
    >>> U = model.voltages(*feeder.injection())
    >>> 0.9 < float(U.min()) ** 0.5 < 1.0
    True
    """

    def __init__(self, feeder: Feeder) -> None:
        tree, branches = feeder.tree, feeder.branches
        self.feeder = feeder
        self.parent = np.full(feeder.n_node, -1, dtype=np.int64)
        self.branch = tree.branch[feeder.node_bus]
        fed = np.flatnonzero(self.branch >= 0)
        self.parent[fed] = feeder.node_of[tree.parent[feeder.node_bus[fed]], feeder.node_phase[fed]]
        gains = Gains(feeder)
        self._gains, self.mixed = gains, gains.mixed
        self.parent[gains.child[::-1]] = gains.parent[::-1]
        # Source first, then parents before children; one row of three nodes a bus.
        buses = tree.order
        self._nodes = np.ascontiguousarray(feeder.node_of[buses])
        self._parents = np.where(self._nodes >= 0, self.parent[self._nodes], -1)
        rows = tree.branch[buses[1:]]
        backwards = tree.reversed[buses[1:], None]
        nominal = feeder.nominal[buses[1:]] if branches.mixing.any() else BALANCED
        mp, mq = drop_matrices(branches.r[rows], branches.x[rows], nominal)
        squared = branches.ratio[rows] ** 2
        # Fed from its to side, the impedance comes first and the ratio undoes itself after it.
        gain = np.where(backwards, 1 / squared, squared)
        after = np.where(backwards, 1 / squared, 1.0)[:, :, None]
        pad = np.zeros((1, 3, 3))
        self._gain = np.concatenate([np.ones((1, 3)), gain])
        self._mp = np.concatenate([pad, mp * after])
        self._mq = np.concatenate([pad, mq * after])
        source = feeder.node_of[feeder.source_bus]
        self._u_source = np.zeros(feeder.n_node)
        there = source >= 0
        self._u_source[source[there]] = feeder.v_set[there] ** 2
        by_node = np.zeros(feeder.n_node)
        by_node[gains.child] = gains.squares
        behind = (self._nodes >= 0) & np.isin(self._nodes, gains.child)
        self._gain[behind] = by_node[self._nodes[behind]]
        self._equations: LinDistFlow3Equations | None = None
        self._solver: MixedPhases | None = None
        if self.mixed:
            of = self.equations()
            assert of.cross is not None
            self._solver = MixedPhases(of.balance, of.cross, of.voltage, of.mp, of.mq)

    @property
    def n_node(self) -> int:
        """Number of nodes."""
        return self.feeder.n_node

    def _batch(self, name: str, values: ArrayLike) -> FloatArray:
        array = np.ascontiguousarray(values, dtype=np.float64)
        if array.ndim not in (1, 2) or array.shape[-1] != self.n_node:
            raise InvalidOptionError(
                f"{name} has shape {array.shape}, expected ({self.n_node},) or "
                f"(scenarios, {self.n_node}): one value a node"
            )
        return array

    def _rows(self, **batches: ArrayLike) -> tuple[list[FloatArray], tuple[int, ...]]:
        """Batches as 2-D arrays of one common shape, not to be written to; the shape to give back.

        Large batches live from few passes over memory: nothing is copied that need not be.
        """
        arrays = [self._batch(name, values) for name, values in batches.items()]
        shape = np.broadcast_shapes(*(a.shape for a in arrays))
        rows = [
            np.ascontiguousarray(np.broadcast_to(a, shape)).reshape(-1, self.n_node) for a in arrays
        ]
        return rows, shape

    def _flow_rows(
        self, p: ArrayLike, q: ArrayLike
    ) -> tuple[FloatArray, FloatArray, tuple[int, ...]]:
        (injected_p, injected_q), shape = self._rows(p=p, q=q)
        P, Q = self._gathered(injected_p, injected_q)
        return P, Q, shape

    def _gathered(self, p: FloatArray, q: FloatArray) -> tuple[FloatArray, FloatArray]:
        if self._solver is not None:
            return self._solver.flows(p, q)
        P, Q = -p, -q
        gather(self._nodes, self._parents, P, Q)
        return P, Q

    def _voltage_rows(self, P: FloatArray, Q: FloatArray) -> FloatArray:
        return self._spread(P, Q, self._u_source)

    def _spread(self, P: FloatArray, Q: FloatArray, source: FloatArray) -> FloatArray:
        if self._solver is not None:
            return self._solver.voltages(P, Q, source)
        U = np.repeat(source[None, :], P.shape[0], axis=0)
        spread(self._nodes, self._parents, self._gain, self._mp, self._mq, P, Q, U)
        return U

    def flows(self, p: ArrayLike, q: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Power that enters each node through the branch that feeds it.

        Parameters
        ----------
        p, q : array_like, shape (n_node,) or (scenarios, n_node)
            Net injections, p.u.

        Returns
        -------
        P, Q : ndarray, same shape
            Flow towards the node, p.u.; at the source what it delivers.
        """
        P, Q, shape = self._flow_rows(p, q)
        return P.reshape(shape), Q.reshape(shape)

    def voltages(self, p: ArrayLike, q: ArrayLike) -> FloatArray:
        """Squared voltage magnitude of each node.

        Parameters
        ----------
        p, q : array_like, shape (n_node,) or (scenarios, n_node)
            Net injections, p.u.

        Returns
        -------
        ndarray, same shape
            U, p.u. squared. Nothing keeps it positive: a load beyond what the model can carry
            shows as U ≤ 0.
        """
        P, Q, shape = self._flow_rows(p, q)
        return self._voltage_rows(P, Q).reshape(shape)

    def voltages_of_flows(self, P: ArrayLike, Q: ArrayLike) -> FloatArray:
        """Squared voltages that belong to flows, for those who have the flows already.

        Parameters
        ----------
        P, Q : array_like, shape (n_node,) or (scenarios, n_node)
            Flow into each node as :meth:`flows` returns it, p.u.

        Returns
        -------
        ndarray, same shape
            U, p.u. squared.
        """
        rows, shape = self._rows(P=P, Q=Q)
        return self._voltage_rows(rows[0], rows[1]).reshape(shape)

    def sensitivity(self, nodes: ArrayLike, tan_phi: ArrayLike = 0.0) -> FloatArray:
        """Columns of S in ``U = d + S p`` for injections p at some nodes with q = tan_phi·p.

        Parameters
        ----------
        nodes : array_like of int, shape (k,)
            Nodes that inject.
        tan_phi : float or array_like, shape (k,)
            Reactive power injected for each unit of active power.

        Returns
        -------
        ndarray, shape (n_node, k)
            Change of each U for 1 p.u. injected at each of the nodes.

        Raises
        ------
        InvalidOptionError
            If a node does not exist.
        """
        columns = np.asarray(nodes, dtype=np.int64)
        if columns.size and (columns.min() < 0 or columns.max() >= self.n_node):
            raise InvalidOptionError(
                f"node {int(columns[(columns < 0) | (columns >= self.n_node)][0])} does not "
                f"exist: there are {self.n_node}"
            )
        p = np.zeros((columns.size, self.n_node))
        p[np.arange(columns.size), columns] = 1.0
        q = np.broadcast_to(np.asarray(tan_phi, dtype=np.float64), columns.shape)[:, None] * p
        P, Q = self._gathered(p, q)
        return np.ascontiguousarray(self._spread(P, Q, np.zeros(self.n_node)).T)

    def adjoint(
        self,
        g_u: ArrayLike,
        g_p: ArrayLike | None = None,
        g_q: ArrayLike | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """Gradient with respect to *all* injections, from gradients in U, P and Q.

        For any function f(U, P, Q), or any dual of rows on U, P and Q, one sweep towards the
        source and one back give ``df/dp`` and ``df/dq`` at every node exactly: the transpose of
        :meth:`voltages` and :meth:`flows`. For injections of fixed power factor the derivative
        is ``df/dp + tan_phi · df/dq``.

        Parameters
        ----------
        g_u : array_like, shape (n_node,) or (scenarios, n_node)
            Partial derivatives by U. Those at the source have no effect, U is fixed there.
        g_p, g_q : array_like, optional
            Partial derivatives by the flows P and Q as :meth:`flows` returns them.

        Returns
        -------
        dp, dq : ndarray, shape of ``g_u``
            Derivatives by the net injections.
        """
        none = np.zeros(self.n_node)
        rows, shape = self._rows(
            g_u=g_u, g_p=none if g_p is None else g_p, g_q=none if g_q is None else g_q
        )
        if self._solver is not None:
            by_p, by_q = self._solver.adjoint(*rows)
            return by_p.reshape(shape), by_q.reshape(shape)
        lam, dp, dq = (row.copy() for row in rows)
        adjoint(self._nodes, self._parents, self._gain, self._mp, self._mq, lam, dp, dq)
        return -dp.reshape(shape), -dq.reshape(shape)

    def equations(self) -> LinDistFlow3Equations:
        """Return the model as sparse matrices."""
        if self._equations is None:
            self._equations = self._system()
        return self._equations

    def _system(self) -> LinDistFlow3Equations:
        n, gains = self.n_node, self._gains
        # Nodes behind a gain are fed from every phase that has a part in them.
        child = np.setdiff1d(np.flatnonzero(self.parent >= 0), gains.child)
        parent = np.append(self.parent[child], gains.parent)
        gain = np.zeros(n)
        there = self._nodes >= 0
        gain[self._nodes[there]] = self._gain[there]
        squares = np.append(gain[child], gains.squares)
        powers = np.append(np.ones(child.size), gains.powers)
        child = np.append(child, gains.child)
        balance = eye_array(n) - coo_array((powers.real, (parent, child)), shape=(n, n))
        voltage = eye_array(n) - coo_array((squares, (child, parent)), shape=(n, n))
        return LinDistFlow3Equations(
            balance=csr_array(balance),
            voltage=csr_array(voltage),
            mp=self._blocks(self._mp),
            mq=self._blocks(self._mq),
            u_source=self._u_source.copy(),
            cross=csr_array(coo_array((powers.imag, (parent, child)), shape=(n, n)))
            if self.mixed
            else None,
        )

    def _blocks(self, matrices: FloatArray) -> csr_array:
        """3×3 blocks of the buses as one matrix over the nodes that exist."""
        rows = np.broadcast_to(self._nodes[:, :, None], matrices.shape)
        columns = np.broadcast_to(self._nodes[:, None, :], matrices.shape)
        # What cancels but for rounding would meet infinite bounds in proofs of infeasibility.
        least = ROUNDED * float(np.abs(matrices).max(initial=0.0))
        there = (rows >= 0) & (columns >= 0) & (np.abs(matrices) > least)
        entries = (matrices[there], (rows[there], columns[there]))
        return csr_array(coo_array(entries, shape=(self.n_node, self.n_node)))
