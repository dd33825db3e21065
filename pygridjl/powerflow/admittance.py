"""Bus admittance matrix of a network with given switch states."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array, csr_array

from pygridjl.core.types import BoolArray
from pygridjl.grid.network import Network

__all__ = ["bus_admittance"]


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
    series = 1.0 / (branch.r + 1j * branch.x)
    ratio = branch.tap * np.exp(1j * branch.shift)
    own = series + 1j * branch.b / 2
    f, t = branch.from_bus, branch.to_bus
    n = network.n_bus
    diagonal = np.arange(n)
    values = np.concatenate(
        [
            own / (ratio * np.conj(ratio)),
            own,
            -series / np.conj(ratio),
            -series / ratio,
            network.buses.gs + 1j * network.buses.bs,
        ]
    )
    rows = np.concatenate([f, t, f, t, diagonal])
    columns = np.concatenate([f, t, t, f, diagonal])
    return coo_array((values, (rows, columns)), shape=(n, n)).tocsr()
