"""Bus admittance matrix of a network with given switch states."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array, csr_array

from pygridjl.core.types import BoolArray, ComplexArray
from pygridjl.grid.network import Branches, Network

__all__ = ["branch_admittances", "bus_admittance"]


def branch_admittances(
    branch: Branches,
) -> tuple[ComplexArray, ComplexArray, ComplexArray, ComplexArray]:
    """Return y_ff, y_ft, y_tf and y_tt of π-models: I_f = y_ff V_f + y_ft V_t, and so at t.

    Parameters
    ----------
    branch : Branches
        The branches.

    Returns
    -------
    tuple of ndarray of complex, shape (m,)
        Admittances, p.u.
    """
    series = 1.0 / (branch.r + 1j * branch.x)
    ratio = branch.tap * np.exp(1j * branch.shift)
    own = series + 1j * branch.b / 2
    return own / (ratio * np.conj(ratio)), -series / np.conj(ratio), -series / ratio, own


def bus_admittance(network: Network, closed: BoolArray | None = None) -> csr_array:
    """Build Y with I = Y V from the π-models of the closed branches and the bus shunts.

    Parameters
    ----------
    network : Network
        The network.
    closed : ndarray of bool, shape (n_branch,), optional
        Switch states; the base state by default.

    Returns
    -------
    csr_array of complex, shape (n_bus, n_bus)
        Admittance, p.u.
    """
    branch = network.branches.take(network.branches.closed if closed is None else closed)
    f, t = branch.from_bus, branch.to_bus
    own_from, cross_from, cross_to, own_to = branch_admittances(branch)
    n = network.n_bus
    diagonal = np.arange(n)
    values = np.concatenate(
        [
            own_from,
            own_to,
            cross_from,
            cross_to,
            network.buses.gs + 1j * network.buses.bs,
        ]
    )
    rows = np.concatenate([f, t, f, t, diagonal])
    columns = np.concatenate([f, t, t, f, diagonal])
    return coo_array((values, (rows, columns)), shape=(n, n)).tocsr()
