"""LinDistFlow behind branches with a gain: which phases feed which, and what mixes them."""

from __future__ import annotations

import numpy as np
from scipy.sparse import block_array, csc_array, csr_array
from scipy.sparse.linalg import splu

from pygridjl.core.errors import InvalidNetworkError
from pygridjl.core.findings import Finding
from pygridjl.core.types import FloatArray
from pygridjl.grid.feeder import Feeder
from pygridjl.grid.nominal import linear_gain

__all__ = ["Gains", "MixedPhases"]


class Gains:
    """What feeds the nodes behind branches with a gain, one entry for each part.

    Parameters
    ----------
    feeder : Feeder
        A radial feeder.

    Raises
    ------
    InvalidNetworkError
        If a branch with a gain is fed from its to side.

    Attributes
    ----------
    child, parent : ndarray of int, shape (n_part,)
        The node fed, and a node that has a part in it.
    powers : ndarray of complex, shape (n_part,)
        Share of the power into the child that the parent gives.
    squares : ndarray, shape (n_part,)
        By how much the squared voltage of the parent counts in that of the child.
    mixed : tuple of str
        Branches that feed a phase from several.
    """

    def __init__(self, feeder: Feeder) -> None:
        branch, tree, node = feeder.branches, feeder.tree, feeder.node_of
        entries: list[tuple[int, int, complex, float]] = []
        mixed = []
        mixing = branch.mixing
        for bus in tree.order[1:].tolist() if mixing.any() else ():
            row, up = int(tree.branch[bus]), int(tree.parent[bus])
            if not mixing[row]:
                continue
            name = str(branch.id[row])
            if tree.reversed[bus]:
                text = (
                    "is fed from its to side, which LinDistFlow cannot take: turn it round, or use "
                    "power_flow(feeder, 'z-bus')"
                )
                raise InvalidNetworkError(feeder.name, [Finding("branch", (name,), "gain", text)])
            powers, squares = linear_gain(branch.gain[row], feeder.nominal[up])
            parts = np.argwhere(branch.gain[row]).tolist()
            entries += [
                (int(node[bus, k]), int(node[up, j]), complex(powers[j, k]), float(squares[k, j]))
                for k, j in parts
            ]
            if len({k for k, _ in parts}) < len(parts):
                mixed.append(name)
        self.mixed = tuple(mixed)
        columns = tuple(zip(*entries, strict=True)) or ((), (), (), ())
        self.child = np.array(columns[0], dtype=np.int64)
        self.parent = np.array(columns[1], dtype=np.int64)
        self.powers = np.array(columns[2], dtype=np.complex128)
        self.squares = np.array(columns[3], dtype=np.float64)


class MixedPhases:
    """Solves the equations of LinDistFlow, whose powers mix P and Q at some branches.

    Parameters
    ----------
    balance, cross, voltage, mp, mq : csr_array, shape (n_node, n_node)
        As in :class:`LinDistFlow3Equations`.
    """

    def __init__(
        self, balance: csr_array, cross: csr_array, voltage: csr_array, mp: csr_array, mq: csr_array
    ) -> None:
        self._power = splu(csc_array(block_array([[balance, cross], [-cross, balance]])))
        self._voltage = splu(csc_array(voltage))
        self._mp, self._mq = mp, mq

    def flows(self, p: FloatArray, q: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the flows into the nodes of net injections, by row."""
        found = self._power.solve(-np.hstack([p, q]).T).T
        P, Q = np.split(found, 2, axis=1)
        return np.ascontiguousarray(P), np.ascontiguousarray(Q)

    def voltages(self, P: FloatArray, Q: FloatArray, source: FloatArray) -> FloatArray:
        """Return the squared voltages of flows, by row; ``source`` holds those of the source."""
        right = source[:, None] - self._mp @ P.T - self._mq @ Q.T
        return np.ascontiguousarray(self._voltage.solve(right).T)

    def adjoint(
        self, g_u: FloatArray, g_p: FloatArray, g_q: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the derivatives by the net injections, by row."""
        lam = self._voltage.solve(np.ascontiguousarray(g_u.T), trans="T")
        by_flow = np.vstack([g_p.T - self._mp.T @ lam, g_q.T - self._mq.T @ lam])
        dp, dq = np.split(-self._power.solve(by_flow, trans="T").T, 2, axis=1)
        return np.ascontiguousarray(dp), np.ascontiguousarray(dq)
