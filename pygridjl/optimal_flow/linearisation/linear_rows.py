"""The arrays of problem (7): balances, bands, boxes, flows and costs about one point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import block_diag, csr_array, diags_array, hstack, vstack

from pygridjl.core.types import ComplexArray, FloatArray, IntArray
from pygridjl.grid.network import Network
from pygridjl.powerflow.admittance import branch_admittances, bus_admittance

__all__ = ["LinearRows", "linear_rows"]

# Share of the proximal weight that the powers of units at one bus have: how these share what is
# asked of the bus would otherwise be open where no cost tells them apart.
_SHARING = 1e-3


@dataclass(frozen=True, eq=False)
class LinearRows:
    """Minimise ½ xᵀ diag(d) x + qᵀx with Ax = b(demand), Gx ≤ h and |Cx + c| ≤ r.

    The columns x are the real and imaginary parts of the voltages, without the imaginary ones of
    slack buses, then active and reactive power of the units in service.

    Attributes
    ----------
    columns : ndarray of int
        Which of the 2 n_bus parts of the voltages are columns.
    units : ndarray of int, shape (g,)
        Units in service.
    equal, equal_rhs : csr_array, ndarray
        A and b without any demand: active and reactive balances, then given voltages.
    rows, limit : csr_array, ndarray
        G and h: voltage bands, then boxes of the units.
    disc, centre, radius : csr_array of complex, ndarray of complex, ndarray
        C, c and r: flows into the from ends and into the to ends of rated branches, then powers
        of units with a limited apparent power.
    given_bus : ndarray of int
        Bus of every equality after the balances.
    band_bus, band_sign : ndarray
        Bus of every row of the bands, 1 for upper and −1 for lower limits.
    near, current : ndarray of int, csr_array of complex
        Bus at every flow's end, and the currents of the flows by voltages.
    curvature, cost : ndarray
        d and q, with the proximal term.
    scale, offset : float
        Largest coefficient of the costs, and their constant.
    weight : float
        Of the proximal term ‖V − V0‖².
    """

    columns: IntArray
    units: IntArray
    equal: csr_array
    equal_rhs: FloatArray
    rows: csr_array
    limit: FloatArray
    disc: csr_array
    centre: ComplexArray
    radius: FloatArray
    given_bus: IntArray
    band_bus: IntArray
    band_sign: FloatArray
    near: IntArray
    current: csr_array
    curvature: FloatArray
    cost: FloatArray
    scale: float
    offset: float
    weight: float

    def rhs(self, demand: ComplexArray) -> FloatArray:
        """Return b for a demand, p.u."""
        rhs = self.equal_rhs.copy()
        rhs[: demand.size] -= demand.real
        rhs[demand.size : 2 * demand.size] -= demand.imag
        return rhs


def linear_rows(network: Network, v0: ComplexArray, proximal: float) -> LinearRows:
    """Linearise balances, squared voltages and flows about a point.

    Parameters
    ----------
    network : Network
        The network.
    v0 : ndarray of complex, shape (n_bus,)
        The point, p.u.
    proximal : float
        ε of the proximal term beside costs scaled to a largest coefficient of 1.

    Returns
    -------
    LinearRows
        The arrays.
    """
    n = network.n_bus
    units = np.flatnonzero(network.generators.in_service)
    unit = network.generators.take(units)
    g = units.size
    free = np.ones(2 * n, dtype=bool)
    free[n + network.slack_buses] = False
    columns = np.flatnonzero(free)
    wide = csr_array((n, 2 * g))
    square = csr_array(hstack([diags_array(2 * v0.real), diags_array(2 * v0.imag)])[:, columns])
    banded, size = csr_array(hstack([square, wide])), abs(v0) ** 2
    low, high = network.buses.v_min**2, network.buses.v_max**2
    given = high - low <= 1e-9 * np.where(np.isfinite(high), high, 1.0)
    balance, constant = _balances(network, v0, unit.bus, columns)
    rows: list[csr_array] = []
    limit: list[FloatArray] = []
    bus: list[IntArray] = []
    for sign, bound in ((1.0, high), (-1.0, -low)):
        kept = np.flatnonzero(~given & np.isfinite(bound))
        rows.append(csr_array(sign * banded[kept]))
        limit.append(bound[kept] + sign * size[kept])
        bus.append(kept)
    box = csr_array(
        hstack([csr_array((2 * g, columns.size)), diags_array(np.ones(2 * g))], format="csr")
    )
    upper = np.concatenate([unit.p_max, unit.q_max])
    lower = np.concatenate([unit.p_min, unit.q_min])
    for sign, bound in ((1.0, upper), (-1.0, -lower)):
        kept = np.flatnonzero(np.isfinite(bound))
        rows.append(csr_array(sign * box[kept]))
        limit.append(bound[kept])
    flows, centre, radius, near, current = _flows(network, v0, columns)
    circles, circle = _circles(unit.s_max, columns.size)
    c2, c1 = unit.cost[:, 0], unit.cost[:, 1]
    scale = float(max(abs(2 * c2).max(initial=0.0), abs(c1).max(initial=0.0))) or 1.0
    weight = proximal * scale
    split = np.concatenate([v0.real, v0.imag])[columns]
    together = np.bincount(unit.bus, minlength=n)[unit.bus] > 1
    sharing = np.where(together, 2 * weight * _SHARING, 0.0)
    return LinearRows(
        columns=columns,
        units=units,
        equal=csr_array(vstack([balance, banded[given]])),
        equal_rhs=np.concatenate([constant.real, constant.imag, high[given] + size[given]]),
        rows=csr_array(vstack(rows)),
        limit=np.concatenate(limit),
        disc=csr_array(vstack([hstack([flows, csr_array((radius.size, 2 * g))]), circles])),
        centre=np.concatenate([centre, np.zeros(circle.size)]),
        radius=np.concatenate([radius, circle]),
        given_bus=np.flatnonzero(given),
        band_bus=np.concatenate(bus),
        band_sign=np.repeat([1.0, -1.0], [bus[0].size, bus[1].size]),
        near=near,
        current=current,
        curvature=np.concatenate(
            [np.full(split.size, 2 * weight), np.maximum(2 * c2, sharing), sharing]
        ),
        cost=np.concatenate([-2 * weight * split, c1, np.zeros(g)]),
        scale=scale,
        offset=float(unit.cost[:, 2].sum()),
        weight=weight,
    )


def _balances(
    network: Network, v0: ComplexArray, unit_bus: IntArray, columns: IntArray
) -> tuple[csr_array, ComplexArray]:
    """S̃(V) = V0 conj(Y V) + V conj(Y V0) − V0 conj(Y V0) by real columns, less injections."""
    admittance = bus_admittance(network)
    current = admittance @ v0
    conjugate = diags_array(v0) @ admittance.conj()
    plain = diags_array(np.conj(current))
    carried = csr_array(hstack([conjugate + plain, -1j * conjugate + 1j * plain]))[:, columns]
    g = unit_bus.size
    feeds = csr_array((np.ones(g), (unit_bus, np.arange(g))), shape=(v0.size, g))
    balance = hstack(
        [vstack([carried.real, carried.imag]), block_diag([-feeds, -feeds])], format="csr"
    )
    return csr_array(balance), v0 * np.conj(current)


def _flows(
    network: Network, v0: ComplexArray, columns: IntArray
) -> tuple[csr_array, ComplexArray, FloatArray, IntArray, csr_array]:
    """Complex flows into both ends of rated branches: matrix, constant, rating, bus, currents."""
    branch = network.branches.take(network.branches.closed & np.isfinite(network.branches.rating))
    own_from, cross_from, cross_to, own_to = branch_admittances(branch)
    near = np.concatenate([branch.from_bus, branch.to_bus])
    far = np.concatenate([branch.to_bus, branch.from_bus])
    values = np.concatenate([own_from, own_to, cross_from, cross_to])
    row = np.arange(near.size)
    shape = (near.size, v0.size)
    current = csr_array((values, (np.tile(row, 2), np.concatenate([near, far]))), shape)
    start = csr_array((np.ones(near.size), (row, near)), shape)
    at = current @ v0
    conjugate = diags_array(v0[near]) @ current.conj()
    plain = diags_array(np.conj(at)) @ start
    matrix = csr_array(
        hstack([conjugate + plain, -1j * conjugate + 1j * plain]), dtype=np.complex128
    )
    constant = -v0[near] * np.conj(at)
    return csr_array(matrix[:, columns]), constant, np.tile(branch.rating, 2), near, current


def _circles(s_max: FloatArray, n_voltage: int) -> tuple[csr_array, FloatArray]:
    """Apparent power of the units whose magnitude is limited, and the limits."""
    held, g = np.flatnonzero(np.isfinite(s_max)), s_max.size
    entries = np.concatenate([np.ones(held.size), np.full(held.size, 1j)])
    row = np.tile(np.arange(held.size), 2)
    column = n_voltage + np.concatenate([held, g + held])
    return csr_array((entries, (row, column)), shape=(held.size, n_voltage + 2 * g)), s_max[held]
